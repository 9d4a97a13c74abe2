"""What the rooms need of the outside, named by role; the vendors stand in `adapters`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from devops_daemon.model import (
    Incident,
    Probe,
    ProbeKey,
    ProbeState,
    Result,
    TimelineEvent,
)

Clock = Callable[[], datetime]
"""Tells the time, aware and UTC."""


class UnavailableError(Exception):
    """Something outside does not work now: try again. The text says what, for a person."""


class LostRaceError(Exception):
    """Somebody else has changed the row in the meantime: read it again and decide again."""


class Prober(Protocol):
    """Looks at the product."""

    async def run(self, probe: Probe) -> Result:
        """Look once; never raises, but for cancellation."""
        ...

    async def answers(self, url: str) -> bool:
        """Tell whether a reference gives any HTTP answer."""
        ...


class Permits(Protocol):
    """Things that are done once in the daemon's life."""

    async def take(self, name: str, now: datetime) -> bool:
        """Give True to the first that asks for `name`, for ever; the row is kept before this returns."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """One look, to be kept: what was found, and the rows as they are after it."""

    results: tuple[Result, ...]
    states: tuple[ProbeState, ...]
    references: tuple[str, ...] = ()
    """References that answered."""
    at: datetime | None = None
    claimed: frozenset[ProbeKey] = frozenset()
    """What was claimed for it, and is free again."""


class HealthLedger(Protocol):
    """Keeps what the probes found. Every method raises UnavailableError where the store cannot be used."""

    async def states(self) -> list[ProbeState]:
        """Read the rows of all probes."""
        ...

    async def claim(self, keys: Sequence[ProbeKey], now: datetime, lease: timedelta) -> frozenset[ProbeKey]:
        """Take these probes for one look; gives those that no other replica is looking at."""
        ...

    async def keep(self, looks: Sequence[Look]) -> None:
        """Keep looks, oldest first, all or none."""
        ...

    async def references(self) -> dict[str, datetime]:
        """Tell when each reference last answered."""
        ...


class TickLedger(Protocol):
    """Keeps which slots of the clocks have run."""

    async def take(self, job: str, slot: datetime, now: datetime) -> bool:
        """Take a slot; gives True to one replica only."""
        ...

    async def begin(self, job: str, slot: datetime, now: datetime) -> None:
        """Note when the work of a slot began."""
        ...

    async def last(self, job: str) -> datetime | None:
        """Tell the last slot that was taken."""
        ...


class IncidentLedger(Protocol):
    """Keeps incidents and their timelines."""

    async def open_incidents(self) -> list[Incident]:
        """Read the incidents that are not resolved, oldest first."""
        ...

    async def save(self, incident: Incident, events: Sequence[TimelineEvent]) -> None:
        """Write a new incident, or the next version of one; raises LostRaceError where that is taken."""
        ...


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one probe: how many results of each outcome."""

    number: int
    """Days since 1970."""
    ok: int
    degraded: int
    failed: int
    unknown: int

    @property
    def availability(self) -> float | None:
        """The share of what could be measured that did not fail, None where nothing could."""
        measured = self.ok + self.degraded + self.failed
        return (self.ok + self.degraded) / measured if measured else None


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of one probe: how fast it was."""

    number: int
    """Hours since 1970."""
    mean_ms: float | None
    worst_ms: float
    failed: int


@dataclass(frozen=True, slots=True)
class Punctuality:
    """How the rounds of the last day kept their time."""

    due: int
    run: int
    worst_lateness: timedelta


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the pages show, as it was at one moment."""

    states: Mapping[ProbeKey, ProbeState]
    days: Mapping[ProbeKey, tuple[Day, ...]]
    hours: Mapping[ProbeKey, tuple[Hour, ...]]
    incidents: tuple[Incident, ...]
    punctuality: Punctuality
    references: Mapping[str, datetime]


class StatusLedger(Protocol):
    """Reads what the pages show."""

    @property
    def problem(self) -> str | None:
        """What is wrong with the store now, None where the last write went well."""
        ...

    async def overview(self, now: datetime) -> Overview:
        """Read all that `/status` shows."""
        ...

    async def incident(self, identifier: str) -> tuple[Incident, list[TimelineEvent]] | None:
        """Read one incident with its timeline, None where there is none of that id."""
        ...
