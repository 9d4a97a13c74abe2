"""Rows of signals, on both databases: what was known later stays, whichever replica knew it."""

from datetime import timedelta

from store.conftest import NOW

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.signals import SignalRows
from devops_daemon.model import ProbeKey, Severity, Signal

KEY = ProbeKey("backend", "error rate")
STRAINED = Signal(KEY, Severity.SEV1, NOW, NOW - timedelta(minutes=5), "12% of 1340 requests", NOW)


async def test_what_was_known_later_stays(store: Database) -> None:
    rows = SignalRows(store)
    assert await rows.signals() == []
    await rows.keep([STRAINED, Signal(ProbeKey("backend", "memory"))])
    assert await rows.signals() == [STRAINED, Signal(ProbeKey("backend", "memory"))]
    await rows.keep([Signal(KEY, None, NOW, NOW, "fine", NOW - timedelta(seconds=1))])
    assert (await rows.signals())[0] == STRAINED
    well = Signal(KEY, None, NOW, NOW, "fine", NOW + timedelta(seconds=1))
    await rows.keep([well])
    assert (await rows.signals())[0] == well
