"""How much may be asked: so many requests an hour and a second, and Cloudflare's own limit before them."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of the hour, and how long a request that was one too many has to wait."""

    limit: int
    remaining: int
    resets_at: datetime
    wait: timedelta | None = None

    def headers(self) -> Mapping[str, str]:
        """Say it as Railway does; the reset is in Unix seconds."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(int(self.resets_at.timestamp())),
        }


class Burst:
    """Lets so many through within a second."""

    def __init__(self) -> None:
        """None have come yet."""
        self._times: deque[datetime] = deque()

    def admits(self, limit: int, now: datetime) -> bool:
        """Let one more through, if it is not one too many."""
        while self._times and now - self._times[0] >= SECOND:
            self._times.popleft()
        if len(self._times) >= limit:
            return False
        self._times.append(now)
        return True


class Limits:
    """Counts the requests of the hour and of the second; both limits may be set."""

    def __init__(self, hour_limit: int, second_limit: int) -> None:
        """Start with a full hour."""
        self.hour_limit = hour_limit
        self.second_limit = second_limit
        self._taken = 0
        self._resets_at: datetime | None = None
        self._burst = Burst()

    def take(self, now: datetime) -> Allowance:
        """Take one request from what is left; the allowance says whether there was one."""
        if self._resets_at is None or now >= self._resets_at:
            self._taken, self._resets_at = 0, now + HOUR
        if self._taken >= self.hour_limit:
            return self._allowance(self._resets_at, wait=self._resets_at - now)
        if not self._burst.admits(self.second_limit, now):
            return self._allowance(self._resets_at, wait=SECOND)
        self._taken += 1
        return self._allowance(self._resets_at)

    def _allowance(self, resets_at: datetime, wait: timedelta | None = None) -> Allowance:
        return Allowance(self.hour_limit, max(0, self.hour_limit - self._taken), resets_at, wait)
