"""How many requests Railway allows, and how many of them are ours to use: five a second, and a share of the hour.

Railway counts by the hour (Free 100, Hobby 1,000, Pro 10,000) and tells in `X-RateLimit-*`. What the daemon asks by
itself takes half of that at most, and nothing of the last tenth: people and remedies need them.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.adapters.railway.answers import limit_of, resets_at
from devops_daemon.ports import Clock, UnavailableError

PER_SECOND = 5
HOUR = timedelta(hours=1)
ASSUMED_LIMIT = 1000
"""Until Railway has told: the Hobby plan's."""
OWN_SHARE = 0.5
RESERVE = 0.1


class ThrottledError(UnavailableError):
    """Railway, or our own limit, lets nothing through for now: nothing was done."""

    def __init__(self, text: str, wait: timedelta, *, before_work: bool = True) -> None:
        """`before_work`: no resolver has seen the request, so that it can be sent again whatever it was."""
        super().__init__(f"{text}; free again in {_span(wait.total_seconds())}")
        self.wait = wait
        self.before_work = before_work


@dataclass(frozen=True, slots=True)
class Allowance:
    """What Railway said last about the hour."""

    limit: int
    left: int
    resets_at: datetime | None


class Quota:
    """Lets requests through, or says when they may come again."""

    def __init__(self, now: Clock, steady: Callable[[], float] = time.monotonic) -> None:
        """`steady` gives seconds that never jump."""
        self._now = now
        self._steady = steady
        self._sent: deque[float] = deque(maxlen=PER_SECOND)
        self._own: deque[float] = deque()
        self._closed: tuple[float, str] | None = None
        self._turn = asyncio.Lock()
        self.allowance: Allowance | None = None

    @property
    def limit(self) -> int:
        """Requests in an hour."""
        return self.allowance.limit if self.allowance else ASSUMED_LIMIT

    @property
    def pace(self) -> timedelta:
        """How often one request may be made for ever out of our own share."""
        return HOUR / max(1, self.limit * OWN_SHARE)

    @property
    def gentle(self) -> timedelta:
        """How often something that is waited for may be looked at without using up the hour."""
        return HOUR / self.limit if self.allowance else timedelta()

    async def admit(self, *, unasked: bool) -> None:
        """Wait for a place in the second; raises ThrottledError where the hour has none left.

        `unasked` is what the daemon asks by itself.
        """
        async with self._turn:
            self._refuse_while_closed()
            if unasked:
                self._refuse_beyond_share()
            if len(self._sent) == PER_SECOND:
                await asyncio.sleep(max(0.0, self._sent[0] + 1 - self._steady()))
            self._sent.append(self._steady())
            if unasked:
                self._own.append(self._steady())

    def note(self, headers: Mapping[str, str]) -> None:
        """Take in what an answer tells of the limit."""
        told = limit_of(headers)
        if told:
            self.allowance = Allowance(*told, resets_at(headers, self._now()))

    def close(self, wait: timedelta, reason: str) -> None:
        """Let nothing through for so long."""
        until = self._steady() + wait.total_seconds()
        if self._closed is None or until > self._closed[0]:
            self._closed = (until, reason)

    def _refuse_while_closed(self) -> None:
        if self._closed is None:
            return
        until, reason = self._closed
        left = until - self._steady()
        if left > 0:
            raise ThrottledError(reason, timedelta(seconds=left))
        self._closed = None

    def _refuse_beyond_share(self) -> None:
        hour_ago = self._steady() - HOUR.total_seconds()
        while self._own and self._own[0] <= hour_ago:
            self._own.popleft()
        share = int(self.limit * OWN_SHARE)
        if len(self._own) >= share:
            left = timedelta(seconds=self._own[0] - hour_ago) if self._own else HOUR
            raise ThrottledError(f"our own half of Railway's {self.limit} requests an hour is used", left)
        reset = self._nearly_used_up()
        if reset:
            text = "the last tenth of Railway's requests in this hour is kept for people and remedies"
            raise ThrottledError(text, reset - self._now())

    def _nearly_used_up(self) -> datetime | None:
        """Say when the hour begins anew, where little of it is left."""
        told = self.allowance
        if told is None or told.resets_at is None or told.resets_at <= self._now():
            return None
        return told.resets_at if told.left <= told.limit * RESERVE else None


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 # two minutes
