"""How many requests GitHub allows, and how fast we write: five at once, then one a second, 80 a minute, 500 an hour.

GitHub counts each resource (core, search, graphql) apart and tells in `x-ratelimit-*`; its secondary limits, which it
does not tell, close everything ("Rate limits for the REST API" and "Best practices" of its documentation).
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from devops_daemon.adapters.github.answers import LIMIT_WAIT, LONGEST_WAIT, Throttled
from devops_daemon.adapters.github.errors import ThrottledError
from devops_daemon.adapters.github.headers import Quota, quota_of, until_reset
from devops_daemon.ports import Clock

PARALLEL = 10
AT_ONCE = 5
"""Writes, before they come one a second."""
WINDOWS = ((timedelta(minutes=1), 80), (timedelta(hours=1), 500))
"""What GitHub allows of requests that create content."""
SHORT_WAIT = timedelta(seconds=5)
"""What is worth waiting for."""
EVERYTHING = "everything"
Pause = Callable[[float], Awaitable[None]]


class Limits:
    """Lets requests through, or says when they may come again."""

    def __init__(self, now: Clock, steady: Callable[[], float] = time.monotonic, pause: Pause = asyncio.sleep) -> None:
        """`steady` gives seconds that never jump, `pause` lets some of them pass."""
        self._now = now
        self._steady = steady
        self._pause = pause
        self._places = asyncio.Semaphore(PARALLEL)
        self._writing = asyncio.Lock()
        self._bucket = float(AT_ONCE)
        self._filled_at = steady()
        self._written: deque[float] = deque(maxlen=max(most for _, most in WINDOWS))
        self._closed: dict[str, tuple[float, str]] = {}
        self._in_a_row = 0
        self.quotas: dict[str, Quota] = {}

    @asynccontextmanager
    async def turn(self, resource: str, *, writes: bool) -> AsyncIterator[None]:
        """Wait for a place, writes one after the other; raises ThrottledError where that would take long."""
        self._refuse_while_closed(resource)
        async with AsyncExitStack() as stack:
            if writes:
                await stack.enter_async_context(self._writing)
                await self._pace()
            await stack.enter_async_context(self._places)
            self._refuse_while_closed(resource)
            if writes:
                self._note_write()
            yield

    def note(self, headers: Mapping[str, str]) -> None:
        """Take in what an answer tells of the limit; a resource that is used up is closed before it refuses."""
        quota = quota_of(headers)
        if quota is None:
            return
        self.quotas[quota.resource] = quota
        left = until_reset(headers, self._now())
        if left:
            self._close(quota.resource, left, f"GitHub allows no more requests ({quota.resource})")

    def throttled(self, told: Throttled, resource: str) -> ThrottledError:
        """Close what GitHub has closed, the longer the more often it did not say how long."""
        self._in_a_row += 1
        wait = told.wait
        if told.assumed:
            wait = min(max(wait, LIMIT_WAIT * 2 ** min(self._in_a_row - 1, 10)), LONGEST_WAIT)
        self._close(EVERYTHING if told.secondary else told.resource or resource, wait, told.text)
        return ThrottledError(told.text, wait)

    def works(self) -> None:
        """Note that GitHub let something through."""
        self._in_a_row = 0

    def _close(self, resource: str, wait: timedelta, reason: str) -> None:
        until = self._steady() + wait.total_seconds()
        if until > self._closed.get(resource, (0.0, ""))[0]:
            self._closed[resource] = (until, reason)

    def _refuse_while_closed(self, resource: str) -> None:
        for closed in (EVERYTHING, resource):
            until, reason = self._closed.get(closed, (0.0, ""))
            left = until - self._steady()
            if left > 0:
                raise ThrottledError(reason, timedelta(seconds=left))
            self._closed.pop(closed, None)

    async def _pace(self) -> None:
        """Wait for the next write's turn."""
        for span, most in WINDOWS:
            wait = self._until_free(span, most)
            if wait > SHORT_WAIT:
                text = f"our own limit of {most} writes in {span.total_seconds() / 60:.0f} min is used up"
                raise ThrottledError(text, wait, own=True)
            if wait:
                await self._pause(wait.total_seconds())
        self._refill()
        if self._bucket < 1:
            await self._pause(1 - self._bucket)
            self._refill()

    def _until_free(self, span: timedelta, most: int) -> timedelta:
        if len(self._written) < most:
            return timedelta()
        return max(timedelta(), span - timedelta(seconds=self._steady() - self._written[-most]))

    def _refill(self) -> None:
        now = self._steady()
        self._bucket = min(float(AT_ONCE), self._bucket + now - self._filled_at)
        self._filled_at = now

    def _note_write(self) -> None:
        self._bucket -= 1
        self._written.append(self._steady())
