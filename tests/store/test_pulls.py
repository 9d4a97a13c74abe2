"""Rows of pull requests and of our merges, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.pulls import PullRows, read_ready
from devops_daemon.adapters.store.switches import SwitchRows
from devops_daemon.landing import Came, Decision, Landing, PullRow, Ready, Stage, Verb
from devops_daemon.ports import PAUSED, LostRaceError, Switch
from devops_daemon.untangling import Knot, KnotState

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DECISION = Decision(Verb.WAIT, "waiting for check `e2e`", covered=True, held=False, green_since=NOW)
ROW = PullRow(7, "Mend the cart", "https://x/7", "ada", "main", "a" * 40, DECISION, NOW, NOW, NOW, None)
LANDING = Landing(7, "a" * 40, "main", "Mend the cart", "https://x/7", "nothing holds it", NOW, ready_since=NOW)


def anything(_: Switch | None) -> None:
    return None


async def test_what_is_open_is_kept_and_what_is_not_any_more_is_let_go(store: Database) -> None:
    rows = PullRows(store)
    other = replace(ROW, number=8, ready_since=None, quiet_since=None, alarmed="a" * 40)
    await rows.keep([ROW, other], {})
    assert await rows.pulls() == [ROW, other]
    changed = replace(ROW, head_sha="b" * 40, decision=Decision(Verb.MERGE, "nothing holds it"))
    await rows.keep([changed], {})
    assert await rows.pulls() == [changed]
    await rows.keep([], {})
    assert await rows.pulls() == []


async def test_of_each_check_the_last_time_is_kept(store: Database) -> None:
    rows = PullRows(store)
    await rows.keep([], {"unit": NOW, "e2e": NOW})
    await rows.keep([], {"unit": NOW + MINUTE, "e2e": NOW - MINUTE})
    assert await rows.checks_seen() == {"unit": NOW + MINUTE, "e2e": NOW}


async def test_a_base_has_one_merge_under_way_at_most(store: Database) -> None:
    rows = PullRows(store)
    first = await rows.begin(LANDING, anything)
    assert isinstance(first, Landing)
    assert first == replace(LANDING, id=first.id, version=1)
    with pytest.raises(LostRaceError, match="a merge into main is under way"):
        await rows.begin(replace(LANDING, number=8), anything)
    assert isinstance(await rows.begin(replace(LANDING, number=9, base="other"), anything), Landing)
    merged = await rows.change(replace(first, stage=Stage.MERGED, commit="c" * 40, merged_at=NOW + MINUTE))
    with pytest.raises(LostRaceError):
        await rows.begin(replace(LANDING, number=8), anything)
    await rows.change(replace(merged, stage=Stage.ENDED, came=Came.LIVE, ended_at=NOW + MINUTE, text="live"))
    assert isinstance(await rows.begin(replace(LANDING, number=8), anything), Landing)


async def test_whoever_has_read_an_older_version_writes_nothing(store: Database) -> None:
    rows = PullRows(store)
    begun = await rows.begin(LANDING, anything)
    assert isinstance(begun, Landing)
    await rows.change(replace(begun, stage=Stage.MERGED))
    with pytest.raises(LostRaceError, match="the landing of #7 has changed"):
        await rows.change(replace(begun, stage=Stage.ENDED))
    assert [each.stage for each in await rows.landings(NOW)] == [Stage.MERGED]


async def test_what_is_forbidden_in_that_moment_is_not_written(store: Database) -> None:
    rows = PullRows(store)
    await SwitchRows(store).turn_on(PAUSED, "bea", NOW)
    assert await rows.begin(LANDING, lambda switch: f"paused by {switch.by}" if switch else None) == "paused by bea"
    assert await rows.landings(NOW - MINUTE) == []


async def test_those_under_way_are_read_whenever_they_began(store: Database) -> None:
    rows = PullRows(store)
    old = await rows.begin(LANDING, anything)
    assert isinstance(old, Landing)
    later = NOW + timedelta(days=2)
    assert [each.id for each in await rows.landings(later)] == [old.id]
    await rows.change(replace(old, stage=Stage.ENDED, came=Came.NOT_MERGED))
    assert await rows.landings(later) == []
    assert [each.came for each in await rows.landings(NOW)] == [Came.NOT_MERGED]


async def test_how_long_the_ready_ones_were_waited_for_is_read(store: Database) -> None:
    rows = PullRows(store)
    begun = await rows.begin(LANDING, anything)
    assert isinstance(begun, Landing)
    await rows.change(replace(begun, stage=Stage.MERGED, merged_at=NOW + MINUTE))
    await rows.keep([replace(ROW, number=9, ready_since=NOW - MINUTE), replace(ROW, number=10, ready_since=None)], {})
    found = await store.read(lambda connection: read_ready(connection, NOW))
    assert found == [Ready(NOW, NOW + MINUTE, 7), Ready(NOW - MINUTE, None, 9)]


KNOT = Knot(7, "a" * 40, "b" * 40, KnotState.STUCK, NOW, "rebase: no", ("app.py", "b.txt"), "<<<<<<<")


async def test_a_conflict_is_kept_and_whoever_has_read_an_older_version_writes_nothing(store: Database) -> None:
    rows = PullRows(store)
    kept = await rows.keep_knot(KNOT)
    assert kept == replace(KNOT, version=1)
    with pytest.raises(LostRaceError, match="the conflict of #7 is there already: somebody else was quicker"):
        await rows.keep_knot(KNOT)
    asked = await rows.keep_knot(replace(kept, calls=1, called_at=NOW))
    assert await rows.knots(NOW) == [asked]
    with pytest.raises(LostRaceError, match="the conflict of #7 has changed"):
        await rows.keep_knot(replace(kept, state=KnotState.CLOSED))


async def test_what_is_not_at_its_end_is_read_whenever_it_began(store: Database) -> None:
    rows = PullRows(store)
    later = NOW + timedelta(days=40)
    closing = await rows.keep_knot(replace(KNOT, state=KnotState.CLOSING, files=()))
    await rows.keep_knot(replace(KNOT, number=8))
    assert await rows.knots(later) == [closing]
    assert {each.number for each in await rows.knots(NOW)} == {7, 8}
