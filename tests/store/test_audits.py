"""Rows of audits, on both databases: one for each slot, and whoever has read an older version is told so."""

from dataclasses import replace
from datetime import timedelta

import pytest
from store.conftest import NOW

from devops_daemon.adapters.store.audits import AuditRows
from devops_daemon.adapters.store.db import Database
from devops_daemon.auditing import Audit, Remark, Weight
from devops_daemon.ports import LostRaceError

REMARK = Remark("watched", "backend", Weight.GAP, "nobody looks", "probe it", ("a line \u2713",))
AUDIT = Audit(NOW, NOW, (REMARK,), 7, "https://example.com/7", in_hand_until=NOW)


async def test_an_audit_is_kept_whole(store: Database) -> None:
    rows = AuditRows(store)
    kept = await rows.keep(AUDIT)
    assert await rows.latest() == [kept]
    assert kept == replace(AUDIT, version=1)


async def test_of_two_for_one_slot_one_is_told(store: Database) -> None:
    rows = AuditRows(store)
    kept = await rows.keep(AUDIT)
    with pytest.raises(LostRaceError):
        await rows.keep(AUDIT)
    await rows.keep(replace(kept, closed=True))
    with pytest.raises(LostRaceError):
        await rows.keep(replace(kept, closed=True))


async def test_the_last_are_read_newest_first(store: Database) -> None:
    rows = AuditRows(store)
    for week in range(5):
        await rows.keep(replace(AUDIT, slot=NOW + timedelta(days=7 * week)))
    assert [each.slot for each in await rows.latest()] == [NOW + timedelta(days=7 * week) for week in (4, 3, 2)]
