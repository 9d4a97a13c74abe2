"""When nothing is done or told about some services: maintenance, of which `devops.toml` knows, or a person's silence.

What must never happen: a silence without an end, one that hides another service's outage, or an outage that is
forgotten when it ends. Probing goes on, and the incident is written down all the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronsim import CronSim

from devops_daemon.model import Incident

LONGEST = timedelta(hours=24)
"""Of a silence, and of a maintenance that comes again and again."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """It is quiet about some services until then."""

    services: frozenset[str]
    """None is all."""
    until: datetime
    reason: str = ""
    by: str = ""
    """The person who says so; empty for a maintenance."""

    @property
    def text(self) -> str:
        """Say it in words."""
        who = f"silenced by {self.by}" if self.by else "maintenance"
        return f"{who} until {self.until:%Y-%m-%d %H:%M} UTC" + (f": {self.reason}" if self.reason else "")

    def covers(self, service: str) -> bool:
        """Tell whether it is about a service."""
        return not self.services or service in self.services


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A time of maintenance: once, or again and again."""

    services: frozenset[str] = frozenset()
    """None is all."""
    reason: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    cron: str | None = None
    """When it begins, in UTC; then `lasts` counts instead of the two moments."""
    lasts: timedelta = timedelta()

    def now(self, now: datetime) -> Quiet | None:
        """Give the quiet that it brings, None where it is not the time."""
        began, ends = self.starts, self.ends
        if self.cron is not None:
            began = last_slot(self.cron, now)
            ends = began + self.lasts
        if began is None or ends is None or not began <= now < ends:
            return None
        return Quiet(self.services, ends, self.reason)


def last_slot(cron: str, now: datetime) -> datetime:
    """Give the last moment, in UTC and not after `now`, that a cron expression names."""
    slots = CronSim(cron, now + timedelta(seconds=1), reverse=True)  # it gives what comes before
    return next(slot for slot in slots if slot <= now)


def current(planned: Iterable[Maintenance], silences: Iterable[Quiet], now: datetime) -> list[Quiet]:
    """Give all that is quiet now."""
    begun = (each.now(now) for each in planned)
    return [*(each for each in begun if each), *(each for each in silences if now < each.until)]


def over(incident: Incident, quiets: Sequence[Quiet]) -> Quiet | None:
    """Give what an incident is quiet by: every service of it that fails is covered. Of several, what ends first.

    Of one that is well again, every service that it touches.
    """
    names = {member.key.service for member in incident.burning or incident.members}
    covering = [[each for each in quiets if each.covers(name)] for name in sorted(names)]
    if not covering or not all(covering):
        return None
    longest = (max(each, key=lambda quiet: quiet.until) for each in covering)
    return min(longest, key=lambda quiet: quiet.until)
