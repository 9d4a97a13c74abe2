"""Look at something outside again and again: as often as its limits allow, and one look at a time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from devops_daemon.entrypoints.schedule import Clocks
from devops_daemon.ports import Clock

FINISH_SECONDS = 2.0
LEAST = timedelta(seconds=2)
"""Between two looks, however many hints there are: a storm of them is one."""
log = structlog.get_logger("looks")


class Looks:
    """Owns the task in which looks of one kind run; `pace` tells how often that may be."""

    def __init__(
        self, name: str, look: Callable[[], Awaitable[None]], pace: Callable[[], timedelta], clocks: Clocks, now: Clock
    ) -> None:
        self._name = name
        self._look = look
        self._pace = pace
        self._clocks = clocks
        self._now = now
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._hinted = False

    def hint(self) -> None:
        """Look soon: something may have changed."""
        if self._hinted or self._stopping:
            return
        self._hinted = True
        if self._task is None or self._task.done():
            self._clocks.at(self._name, self._now() + LEAST, self._begin)

    async def start(self) -> None:
        """Look at once, and from then on by the clock."""
        await self._begin()

    async def stop(self) -> None:
        """Give the look in hand a moment; what it would have found is found again."""
        self._stopping = True
        if self._task is None:
            return
        _, late = await asyncio.wait({self._task}, timeout=FINISH_SECONDS)
        for task in late:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def _run(self) -> None:
        self._hinted = False
        try:
            await self._look()
        except Exception:  # a look that breaks must not be the last one
            log.exception("look.failed", of=self._name)
        if not self._stopping:
            wait = min(LEAST, self._pace()) if self._hinted else self._pace()
            self._clocks.at(self._name, self._now() + wait, self._begin)
