"""Rows of signals, on both databases: what was known later stays, whichever replica knew it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from builders import the_product
from store.conftest import NOW

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.signals import SignalRows
from devops_daemon.model import ProbeKey, Severity, Signal
from devops_daemon.ports import SignalLedger, UnavailableError
from devops_daemon.response.signals import Standing

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


class Shaky:
    """The port SignalLedger, on the real one, which can be cut off."""

    def __init__(self, real: SignalLedger) -> None:
        self.real = real
        self.is_cut_off = True

    async def signals(self) -> list[Signal]:
        if self.is_cut_off:
            raise UnavailableError("cut off")
        return await self.real.signals()

    async def keep(self, signals: Sequence[Signal]) -> None:
        await self.real.keep(signals)


async def test_what_was_never_read_is_not_nothing_and_what_was_is_remembered(store: Database) -> None:
    rows = Shaky(SignalRows(store))
    await rows.keep([STRAINED])
    signals = Standing(rows, the_product())
    with pytest.raises(UnavailableError):
        await signals.current()
    rows.is_cut_off = False
    assert await signals.current() == [STRAINED]
    rows.is_cut_off = True
    assert await signals.current() == [STRAINED]
