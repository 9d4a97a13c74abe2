"""Rows of silences, on both databases: the last word counts, and each ends."""

from datetime import timedelta

from store.conftest import NOW

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.silences import SilenceRows
from devops_daemon.ports import ALL
from devops_daemon.quiet import Quiet

HOUR = timedelta(hours=1)
BACKEND = Quiet(frozenset({"backend"}), NOW + HOUR, "the move", "ada")


async def test_a_silence_is_kept_until_it_ends(store: Database) -> None:
    rows = SilenceRows(store)
    await rows.keep("backend", NOW + HOUR, "ada", "the move")
    assert await rows.current(NOW + HOUR - timedelta(microseconds=1)) == [BACKEND]
    assert await rows.current(NOW + HOUR) == []
    assert await rows.lift("backend", NOW + HOUR) is None, "it had ended"


async def test_the_last_word_counts(store: Database) -> None:
    rows = SilenceRows(store)
    await rows.keep("backend", NOW + 2 * HOUR, "bob", "")
    await rows.keep("backend", NOW + HOUR, "ada", "the move")
    await rows.keep(ALL, NOW + 3 * HOUR, "eve", "")
    assert await rows.current(NOW) == [BACKEND, Quiet(frozenset(), NOW + 3 * HOUR, "", "eve")]
    assert await rows.lift("backend", NOW) == BACKEND
    assert await rows.lift("backend", NOW) is None
    assert [quiet.by for quiet in await rows.current(NOW)] == ["eve"]
