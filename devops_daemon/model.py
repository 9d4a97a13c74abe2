"""The nouns of the daemon: frozen values that every room speaks in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How bad an incident is (specification, "Incident Severity Classification"); SEV1 is the worst."""

    SEV1 = "SEV1"
    SEV2 = "SEV2"
    SEV3 = "SEV3"


class Status(StrEnum):
    """How a probe or a service stands. What could not be measured is unknown, never down."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    OFF = "off"


class Outcome(StrEnum):
    """What one look at the product found."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    UNPROVEN = "unproven"
    """Failed if this probe has ever passed as it is configured now, else unknown: a wrong password, a
    route that was never there."""


class ProbeKind(StrEnum):
    """The kinds of probe; each is a row of `adapters.probes.PROBES`."""

    HTTP = "http"
    READINESS = "readiness"
    SIGN_IN = "sign_in"


class ProbeKey(NamedTuple):
    """Names one probe of one service."""

    service: str
    name: str

    def __str__(self) -> str:
        return self.name if self.name == self.service else f"{self.service}/{self.name}"


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """What an `http` probe asks for, and what it wants to see."""

    url: str
    method: str = "GET"
    expect_status: frozenset[int] = frozenset({200})
    contains: str | None = None
    fields: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """JSON fields as dotted paths, each with the values it may have (compared as text)."""
    not_empty: bool = False
    follow_redirects: bool = False


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """What a `readiness` probe reads: the readiness route, and the dependency without which it is down."""

    url: str
    needs: str


@dataclass(frozen=True, slots=True)
class SignInCheck:
    """Where and as whom the canary of a `sign_in` probe signs in."""

    backend: str
    username: str
    password: str

    def __repr__(self) -> str:
        return f"SignInCheck(backend={self.backend!r}, username={self.username!r}, password=...)"


Check = HttpCheck | ReadinessCheck | SignInCheck


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that is looked at again and again."""

    key: ProbeKey
    kind: ProbeKind
    check: Check
    severity: Severity
    """Of the incident when it is down; what is only degraded or flapping is a SEV3."""
    timeout: timedelta
    slow_after: timedelta
    certificate_days: int
    off: str | None = None
    """Why it is not run at all, for people to read; None where it is run."""
    fingerprint: str = ""
    """Changes with what the probe asks and as whom: what was proven under another one is not proven now."""


@dataclass(frozen=True, slots=True)
class Service:
    """A part of the product: what is watched of it and what it cannot work without."""

    name: str
    probes: tuple[Probe, ...]
    depends_on: frozenset[str] = frozenset()
    railway: str | None = None
    """Its name at Railway, where that is not told by its host or by its own name."""


@dataclass(frozen=True, slots=True)
class Watchlist:
    """All that is watched, and the addresses that tell our own network from the product's."""

    services: tuple[Service, ...]
    references: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The names of the services."""
        return frozenset(service.name for service in self.services)

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Every probe, the most upstream service's first."""
        return tuple(probe for service in self.services for probe in service.probes)


@dataclass(frozen=True, slots=True)
class Result:
    """What one look at one probe found."""

    key: ProbeKey
    at: datetime
    outcome: Outcome
    detail: str
    latency: timedelta | None = None
    answered: bool = False
    """An HTTP answer of whatever kind came back: the network between us and the product works."""


@dataclass(frozen=True, slots=True)
class ProbeState:
    """What is known of one probe: a row, so that thresholds outlive a restart."""

    key: ProbeKey
    settled: Status = Status.UNKNOWN
    """The last status that the thresholds agreed to; unknown before the first."""
    blind: bool = False
    """The last look could not measure it."""
    since: datetime | None = None
    failures: int = 0
    successes: int = 0
    """Results in a row that did not fail."""
    passes: int = 0
    """Results in a row that passed in full."""
    slow: int = 0
    failing_since: datetime | None = None
    """The first of the failing (or degraded) results in a row that are counted now."""
    history: str = ""
    """The last outcomes, oldest first: `x` failed, `.` not failed."""
    flapping: bool = False
    proven: str | None = None
    """The fingerprint with which it last passed."""
    repeats: int = 0
    """Looks in a row after which it failed, or its service was not up: they pace the next one."""
    detail: str = ""
    latency: timedelta | None = None
    checked_at: datetime | None = None
    version: int = 0

    @property
    def status(self) -> Status:
        """What people are told: unknown where the last look could not measure."""
        return Status.UNKNOWN if self.blind else self.settled


@dataclass(frozen=True, slots=True)
class Reference:
    """An address outside of the product that tells our own network from the product's."""

    url: str
    answered_at: datetime | None
    """When it last gave any HTTP answer, before this look."""
    answers: bool
    """Whether it gave one in this look."""


class Grade(StrEnum):
    """How good what a check-up found is."""

    OK = "ok"
    OFF = "off"
    """Not configured: that part does nothing."""
    WARNING = "warning"
    FAILED = "failed"
    """It is configured, and does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check-up found, and how it is mended."""

    grade: Grade
    about: str
    text: str
    cure: str = ""


class Symptom(StrEnum):
    """What is wrong with a probe, as the incidents see it."""

    DOWN = "down"
    DEGRADED = "degraded"
    FLAPPING = "flapping"
    STRAINED = "too high"
    """A signal beside the probes is over its level: told, and never acted on."""
    DECLARED = "declared"
    """A person says so, whatever the probes find: told, and ended by a person's word alone."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One probe that is not well: what health hands to incidents."""

    key: ProbeKey
    symptom: Symptom
    if_down: Severity
    """How bad it is when this probe is down, or this signal too high."""
    since: datetime
    """The first failing result."""
    detail: str
    counted_from: datetime | None = None
    """Of a signal: when what it counts now began."""


DECLARED = "declared by people"
"""How the signal of a service is named that is a person's word."""


@dataclass(frozen=True, slots=True)
class Signal:
    """How a signal stands: a row, so that it outlives a restart."""

    key: ProbeKey
    severity: Severity | None = None
    """Over which level it is; None is over none."""
    since: datetime | None = None
    """Since when it stands so; None where it was never known."""
    counted_from: datetime | None = None
    """When the window began by which it is known."""
    detail: str = ""
    known_at: datetime | None = None
    """When it was known last."""

    @property
    def trouble(self) -> Trouble | None:
        """Say what is wrong, in the words of incidents."""
        if self.severity is None or self.since is None:
            return None
        symptom = Symptom.DECLARED if self.key.name == DECLARED else Symptom.STRAINED
        return Trouble(self.key, symptom, self.severity, self.since, self.detail, self.counted_from)


class IncidentStatus(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    MITIGATING = "mitigating"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Member:
    """One probe's part in an incident."""

    key: ProbeKey
    symptom: Symptom
    since: datetime
    recovered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One outage, from its first failing result to the last success that was needed."""

    id: str
    severity: Severity
    status: IncidentStatus
    cause: ProbeKey
    title: str
    members: tuple[Member, ...]
    opened_at: datetime
    """The first failing result."""
    detected_at: datetime
    """When the daemon knew: thresholds were met and the row was written."""
    resolved_at: datetime | None = None
    reopened_at: datetime | None = None
    """The first failing result after it had ended once."""
    resolved_by: str | None = None
    """The person who ended it; None where it ended by itself, or by what the daemon did."""
    severity_by: str | None = None
    """The person who set the severity: then it is not raised by itself any more."""
    acknowledged_by: str | None = None
    acknowledged_until: datetime | None = None
    """A person sees to it: until then nothing is done by itself, and nobody else is called."""
    addressed_at: datetime | None = None
    """The first remedy, call of the agent or notice."""
    escalated_at: datetime | None = None
    """When people were called for."""
    escalated_for: str = ""
    """Why."""
    overdue_at: datetime | None = None
    """When it was said that it takes longer than it may."""
    episode: int = 1
    """Counts how often it became another: came back, or became a SEV1. Each is told, and answered for, anew."""
    quiet_until: datetime | None = None
    """It was quiet until then, by maintenance or a person's word: time within which to act counts from there."""
    held: str = ""
    """Why nothing is done at the moment; empty where something is, or nothing needs to be."""
    suspect: str | None = None
    """The deployment that went live just before the first failure, by its id."""
    suspect_told: str = ""
    """The same in words, with its commit and the times; it quotes strangers."""
    failing_since: bool = False
    """Nothing was ever well since the suspect went live."""
    stands: str | None = None
    """The code that was rolled back from, while it may come back with the next deployment: it must be mended first."""
    issue: int | None = None
    issue_url: str = ""
    continues: str = ""
    """The id that its issue had in an earlier run, whose rows were lost."""
    version: int = 0

    @property
    def began_at(self) -> datetime:
        """When it began, the last time if it came back."""
        return self.reopened_at or self.opened_at

    @property
    def due_since(self) -> datetime:
        """From when the time counts within which something must be done."""
        return max(self.began_at, self.quiet_until or self.began_at)

    @property
    def burning(self) -> tuple[Member, ...]:
        """The probes of it that are not well again."""
        return tuple(member for member in self.members if member.recovered_at is None)

    @property
    def is_outage(self) -> bool:
        """Tell an outage from an incident about what is only degraded or flapping."""
        return any(member.symptom is Symptom.DOWN for member in self.members)

    @property
    def is_urgent(self) -> bool:
        """Tell one that people are told of at once."""
        return self.severity is not Severity.SEV3

    @property
    def down(self) -> tuple[Member, ...]:
        """The probes of it that are down now: what something may be done about."""
        return tuple(member for member in self.burning if member.symptom is Symptom.DOWN)

    @property
    def beside(self) -> tuple[Member, ...]:
        """What no probe finds: signals that are too high, and what people have declared."""
        return tuple(member for member in self.burning if member.symptom in {Symptom.STRAINED, Symptom.DECLARED})

    @property
    def declared(self) -> bool:
        """Tell whether a person's word is a part of it that has not ended."""
        return any(member.symptom is Symptom.DECLARED for member in self.burning)

    @property
    def services(self) -> tuple[str, ...]:
        """The services that it touches, each once, in the order they joined."""
        return tuple(dict.fromkeys(member.key.service for member in self.members))


class EventKind(StrEnum):
    """What a line of an incident's timeline tells of."""

    OPENED = "opened"
    JOINED = "joined"
    RAISED = "raised"
    RELAPSED = "relapsed"
    RECOVERED = "recovered"
    REOPENED = "reopened"
    SUSPECT = "suspect"
    HELD = "held"
    """Nothing is done for now, and why."""
    REMEDY = "remedy"
    """Something is done about it."""
    OUTCOME = "outcome"
    """What came of that."""
    CONTINUED = "continued"
    """It goes on with the issue of an earlier run."""
    ATTEMPT = "attempt"
    """A pull request that was to end it was merged, or what came of that."""
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    CALLED = "called"
    """An agent was called, or people were told."""
    ACKNOWLEDGED = "acknowledged"
    SEVERITY = "severity"
    """A person set it."""
    STANDS = "stands"
    """It is well, but only for as long as a rollback stands."""
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One line of an incident's timeline."""

    at: datetime
    kind: EventKind
    text: str
