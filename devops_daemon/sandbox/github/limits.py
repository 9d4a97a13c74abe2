"""How much may be asked: so much an hour of each resource, and not too much writing in a minute."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
CONTENT_A_MINUTE = 80
"""How many requests that write GitHub takes in a minute."""
NOBODYS = 60
"""What one may ask in an hour without a token."""
_DEFAULTS = {"core": 5000, "search": 30, "graphql": 5000}


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a resource."""

    resource: str
    limit: int
    used: int
    resets_at: datetime

    @property
    def remaining(self) -> int:
        """How much may still be asked."""
        return max(0, self.limit - self.used)

    @property
    def body(self) -> dict[str, int]:
        """Say it as `/rate_limit` does."""
        reset = int(self.resets_at.timestamp())
        return {"limit": self.limit, "used": self.used, "remaining": self.remaining, "reset": reset}

    def headers(self) -> Mapping[str, str]:
        """Say it as each answer does; the reset is in Unix seconds."""
        return {f"X-RateLimit-{name.title()}": str(value) for name, value in self.body.items()} | {
            "X-RateLimit-Resource": self.resource
        }


class Limits:
    """Counts what each purse has spent; all limits may be set while it runs.

    `content_a_minute` is None while the secondary limit on writing is off; `window` is what GitHub calls an hour.
    """

    def __init__(self) -> None:
        """Nobody has asked for anything."""
        self.limits = dict(_DEFAULTS)
        self.window = HOUR
        self.content_a_minute: int | None = None
        self._used: dict[tuple[str, str], int] = {}
        self._resets: dict[tuple[str, str], datetime] = {}
        self._written: dict[str, deque[datetime]] = {}

    def look(self, purse: str, resource: str) -> Allowance:
        """Tell what is left; a window begins with the first look."""
        key, now = (purse, resource), datetime.now(UTC)
        if now >= self._resets.get(key, now):
            self._used[key], self._resets[key] = 0, now + self.window
        limit = NOBODYS if purse == "nobody" and resource == "core" else self.limits[resource]
        return Allowance(resource, limit, min(limit, self._used[key]), self._resets[key])

    def spend(self, purse: str, resource: str) -> Allowance:
        """Take one from what is left."""
        self.look(purse, resource)
        self._used[purse, resource] += 1
        return self.look(purse, resource)

    def use_up(self, purse: str, resource: str = "core") -> None:
        """Leave nothing until the window ends."""
        self.look(purse, resource)
        self._used[purse, resource] = self.limits[resource]

    def renew(self) -> None:
        """Let the hour end now, for everybody."""
        self._resets.clear()
        self._used.clear()
        self._written.clear()

    def admits_writing(self, purse: str) -> bool:
        """Let one more request write, if the minute has room."""
        if self.content_a_minute is None:
            return True
        now, times = datetime.now(UTC), self._written.setdefault(purse, deque())
        while times and now - times[0] >= MINUTE:
            times.popleft()
        if len(times) >= self.content_a_minute:
            return False
        times.append(now)
        return True
