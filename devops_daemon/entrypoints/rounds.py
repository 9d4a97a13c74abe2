"""Run looks one after another: a round when its slot comes, a look sooner where something is to be confirmed."""

import asyncio
from datetime import datetime, timedelta

import structlog

from devops_daemon.daemon import Daemon
from devops_daemon.entrypoints.schedule import Clocks, slot
from devops_daemon.ports import Clock, TickLedger, UnavailableError

ROUND, CONFIRM, HINT = "round", "confirm", "hint"
GAP = timedelta(seconds=10)
FINISH_SECONDS = 4.0
GIVE_UP_SECONDS = 2.0
log = structlog.get_logger("rounds")


class Rounds:
    """Owns the one task in which looks run: none is dropped because one is still running, and none doubled."""

    def __init__(
        self, daemon: Daemon, clocks: Clocks, ticks: TickLedger, interval: timedelta, now: Clock, gap: timedelta = GAP
    ) -> None:
        """`gap` is the least time between two rounds that hints ask for."""
        self._gap = gap
        self._daemon = daemon
        self._clocks = clocks
        self._ticks = ticks
        self._interval = interval
        self._now = now
        self._wanted = asyncio.Event()
        self._whole = False
        self._slot: datetime | None = None
        """The slot that the next round is for."""
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self.last_round_at: datetime | None = None
        """When the last round began."""
        self.started_at = now()

    async def start(self) -> None:
        """Begin with a round at once; if slots were missed while the daemon was down, it stands for the last one."""
        self._clocks.every(ROUND, self._interval, self._slot_came)
        current = slot(self._now(), self._interval)
        try:
            last = await self._ticks.last(ROUND)
            if last and last < current:
                self._slot = current if await self._ticks.take(ROUND, current, self._now()) else None
        except UnavailableError as error:
            log.debug("tick.not_kept", reason=str(error))
        self._want(whole=True)
        self._task = asyncio.create_task(self._run(), name="rounds")

    async def stop(self) -> None:
        """Let the look in hand finish, or give it up after four seconds; what it found is kept either way."""
        self._stopping = True
        self._wanted.set()
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=FINISH_SECONDS)
        if not done:
            log.warning("round.given_up")
            self._daemon.give_up()
            done, _ = await asyncio.wait({self._task}, timeout=GIVE_UP_SECONDS)
        if not done:
            self._task.cancel()

    def late(self, now: datetime) -> bool:
        """Tell whether no round has begun for more than two intervals."""
        return now - (self.last_round_at or self.started_at) > 2 * self._interval + timedelta(seconds=1)

    async def _slot_came(self) -> None:
        current, ours = slot(self._now(), self._interval), True
        try:
            ours = await self._ticks.take(ROUND, current, self._now())
        except UnavailableError as error:
            log.debug("tick.not_kept", reason=str(error))
        finally:  # whatever is wrong with the store, the round runs
            if ours:
                self._slot = current
                self._want(whole=True)
            else:  # another replica has this round
                self.last_round_at = self._now()

    def hint(self) -> None:
        """Run a round before its time: somebody says that something has changed. However many say so, it is one."""
        last = self.last_round_at
        self._clocks.at(HINT, max(self._now(), last + self._gap if last else self._now()), self._hinted)

    async def _hinted(self) -> None:
        self._want(whole=True)

    async def _confirm(self) -> None:
        self._want(whole=False)

    def _want(self, *, whole: bool) -> None:
        self._whole = self._whole or whole
        self._wanted.set()

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            if self._stopping:
                return
            self._wanted.clear()
            whole, self._whole = self._whole, False
            if whole:
                await self._begin()
            try:
                next_at = await self._daemon.look(whole=whole)
            except Exception:  # a round that breaks must not be the last one
                log.exception("round.failed", whole=whole)
                next_at = self._now() + timedelta(seconds=10)
            self._set_alarm(next_at)

    async def _begin(self) -> None:
        """Note that a round begins, and by that how late it is for its slot."""
        self.last_round_at = self._now()
        current, self._slot = self._slot, None
        if current is not None:
            try:
                await self._ticks.begin(ROUND, current, self._now())
            except UnavailableError as error:
                log.debug("tick.not_kept", reason=str(error))

    def _set_alarm(self, next_at: datetime | None) -> None:
        if next_at is None:
            self._clocks.cancel(CONFIRM)
        elif not self._stopping:
            self._clocks.at(CONFIRM, next_at, self._confirm)
