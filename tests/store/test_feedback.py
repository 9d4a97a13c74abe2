"""Rows of feedback, on both databases: whoever has read an older one is told so."""

from dataclasses import replace
from datetime import timedelta

import pytest
from store.conftest import NOW

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.feedback import FeedbackRows
from devops_daemon.feedback import Entry, EntryState, FeedbackFigures
from devops_daemon.ports import LostRaceError

NEW = Entry("7", EntryState.NEW, NOW, NOW)


async def test_an_entry_is_kept_with_all_that_is_known_of_it(store: Database) -> None:
    rows = FeedbackRows(store)
    kept = await rows.keep(replace(NEW, tries=2, issue=3, issue_url="https://example.com/3", error="status 500"))
    assert await rows.entries([]) == [kept]
    assert kept == replace(kept, version=1)


async def test_of_two_who_take_it_one_is_told(store: Database) -> None:
    rows = FeedbackRows(store)
    kept = await rows.keep(NEW)
    with pytest.raises(LostRaceError):
        await rows.keep(NEW)
    await rows.keep(replace(kept, state=EntryState.OPENED))
    with pytest.raises(LostRaceError):
        await rows.keep(replace(kept, state=EntryState.OPENED))


async def test_what_is_done_is_read_only_where_it_is_asked_for(store: Database) -> None:
    rows = FeedbackRows(store)
    done = await rows.keep(replace(NEW, state=EntryState.PROCESSED, done_at=NOW))
    aside = await rows.keep(replace(NEW, id="8", aside=True, seen_at=NOW + timedelta(seconds=1)))
    waits = await rows.keep(replace(NEW, id="9", seen_at=NOW + timedelta(seconds=2)))
    assert await rows.entries([]) == [aside, waits]
    assert await rows.entries(["7", "10"]) == [done, aside, waits]
    assert await rows.figures() == FeedbackFigures(1, (aside,))
