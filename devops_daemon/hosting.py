"""The nouns of a hosting platform: what runs where, since when, of which commit. Frozen values, no vendor's words.

`status` and `name` of a step are the platform's own words, for people; what is decided, is decided by `Phase`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Self


class Phase(StrEnum):
    """Where a deployment stands, whatever the platform calls it."""

    WAITING = "waiting"
    """Queued, or until the commit's checks have passed."""
    BLOCKED = "blocked"
    """Until a person approves it."""
    BUILDING = "building"
    DEPLOYING = "deploying"
    LIVE = "live"
    """It went live and nothing worse is known since; that alone does not mean that it serves."""
    SLEEPING = "sleeping"
    """It wakes when somebody calls."""
    FAILED = "failed"
    """It never went live; the one before goes on."""
    CRASHED = "crashed"
    SKIPPED = "skipped"
    """It was never built: its checks failed, or nothing that it watches had changed."""
    ENDED = "ended"
    """Replaced, removed or aborted."""
    UNKNOWN = "unknown"
    """A status that this version does not know: under way, for all we can tell."""


UNDER_WAY = frozenset({Phase.WAITING, Phase.BLOCKED, Phase.BUILDING, Phase.DEPLOYING, Phase.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Commit:
    """What was built: as much as the platform tells."""

    sha: str
    message: str = ""
    author: str = ""
    branch: str = ""

    @property
    def short(self) -> str:
        """The sha as people write it."""
        return self.sha[:7]

    @property
    def subject(self) -> str:
        """The first line of its message."""
        return self.message.strip().partition("\n")[0]


class InstanceState(StrEnum):
    """What one replica does."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    CRASHED = "crashed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Instance:
    """One replica of a deployment."""

    id: str
    state: InstanceState


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of one service."""

    id: str
    service_id: str
    status: str
    phase: Phase
    created_at: datetime
    changed_at: datetime | None = None
    """When its status last changed."""
    commit: Commit | None = None
    image: str | None = None
    instances: tuple[Instance, ...] = ()
    stopped: bool = False
    """Its process has ended by itself, whatever the status says."""
    can_redeploy: bool = False
    can_rollback: bool = False
    """Its image is still kept."""
    patch_id: str | None = None
    """It was brought about by a change of variables or settings, not of code."""
    build_only: bool = False
    """Of a scheduled service: it is built now and runs when its time comes."""

    @property
    def running(self) -> int:
        """How many replicas run."""
        return sum(instance.state is InstanceState.RUNNING for instance in self.instances)

    @property
    def what(self) -> str:
        """What it is of, for people: the commit with its subject, or the image."""
        if self.commit:
            return f"{self.commit.short} {self.commit.subject}".strip()
        return self.image or "no commit"


class Became(StrEnum):
    """What became of a deployment."""

    UNDER_WAY = "under way"
    LIVE = "live"
    """It went live; whether it is well is not known yet."""
    WELL = "well"
    """It went live, and our probes have passed since."""
    UNPROVEN = "unproven"
    """It went live, and our probes have not passed within ten minutes."""
    FAILED = "failed"
    SKIPPED = "skipped"
    ENDED = "ended"
    """It was replaced, removed or aborted before it was found well."""


@dataclass(frozen=True, slots=True)
class DeploymentRecord:
    """One deployment, as it is kept."""

    id: str
    service_id: str
    service: str
    status: str
    phase: Phase
    became: Became
    created_at: datetime
    seen_at: datetime
    """When it was first seen."""
    commit: Commit | None = None
    image: str | None = None
    patch_id: str | None = None
    live_at: datetime | None = None
    """When it was first seen live; None where it never was."""
    well_at: datetime | None = None
    """When our probes first passed after that."""
    ended_at: datetime | None = None
    """When it was first seen replaced, removed, failed or crashed."""

    @property
    def what(self) -> str:
        """What it is of, for people."""
        if self.commit:
            return f"{self.commit.short} {self.commit.subject}".strip()
        return self.image or "no commit"


class Engine(StrEnum):
    """The databases that the platform offers."""

    POSTGRES = "postgres"
    REDIS = "redis"
    MYSQL = "mysql"
    MONGO = "mongo"


@dataclass(frozen=True, slots=True)
class HostedService:
    """A service in the environment that is looked after: its settings, and its latest and serving deployments."""

    id: str
    name: str
    latest: Deployment | None = None
    """The newest one of whatever status: a failed one hides behind the one that serves."""
    active: tuple[Deployment, ...] = ()
    """Deployed and running ones."""
    repository: str | None = None
    image: str | None = None
    hosts: tuple[str, ...] = ()
    """Its public host names."""
    replicas: int = 1
    healthcheck_path: str | None = None
    draining: timedelta | None = None
    sleeps: bool = False
    """It is put to sleep when nobody calls; a probe would wake it, and costs money."""
    cron: str | None = None
    next_run_at: datetime | None = None
    engine: Engine | None = None
    """Which database it is, if it is one."""

    @property
    def serving(self) -> Deployment | None:
        """The newest of its active deployments."""
        return max(self.active, key=lambda deployment: deployment.created_at, default=None)


class UnknownServiceError(LookupError):
    """There is no service of that name; the text names those that exist, the nearest first."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = nearest(name, known)
        listed = ", ".join(names) if names else "none"
        super().__init__(f"there is no service {name!r}; there are: {listed}")


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Sort names by how near they are to what was written; those that are not near at all follow by alphabet."""
    by_lower = {other.lower(): other for other in sorted(known)}
    close = get_close_matches(name.lower(), by_lower, n=max(1, len(by_lower)), cutoff=0.4)
    return [by_lower[other] for other in close] + [by_lower[other] for other in by_lower if other not in close]


@dataclass(frozen=True, slots=True)
class Hosting:
    """Everything that runs in the environment, as one query told it."""

    project: str
    environment: str
    services: tuple[HostedService, ...]
    read_at: datetime
    staged_changes: int | None = 0
    """Edits by people that wait in the dashboard: a commit of ours would apply them too. None where it was not told."""
    partial: bool = False
    """Parts are missing: good enough to be shown, not to act on."""

    def service(self, name: str) -> HostedService:
        """Find a service by name (its case matters only between two of them) or id; raises UnknownServiceError."""
        exact = (service for service in self.services if name in {service.id, service.name})
        loose = (service for service in self.services if name.lower() == service.name.lower())
        found = next(exact, None) or next(loose, None)
        if found is None:
            raise UnknownServiceError(name, [service.name for service in self.services])
        return found

    def at_host(self, host: str) -> HostedService | None:
        """Find the service that answers at a host name."""
        return next((service for service in self.services if host.lower() in service.hosts), None)

    def databases(self, engine: Engine) -> tuple[HostedService, ...]:
        """Find the databases of a kind."""
        return tuple(service for service in self.services if service.engine is engine)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a deployment: the platform's name for it, its times, and what went wrong."""

    name: str
    started_at: datetime
    ended_at: datetime | None = None
    error: str | None = None
    attempt: int | None = None
    attempts: int | None = None
    skipped: bool = False


class LogKind(StrEnum):
    """Which log."""

    DEPLOY = "deploy"
    """What the service itself writes while it runs."""
    BUILD = "build"


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines are wanted: the last so many that fit."""

    last: int
    service_id: str | None = None
    """None is all services together (deploy logs only)."""
    deployment_id: str | None = None
    """None is whatever deployment wrote them (deploy logs only)."""
    kind: LogKind = LogKind.DEPLOY
    filter: str = ""
    """In the platform's own syntax."""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a service wrote: text of strangers, not yet redacted."""

    at: datetime
    message: str
    level: str = "info"
    """debug, info, warn or error; plain text on stderr is error at Railway: do not trust it alone."""
    service_id: str | None = None
    deployment_id: str | None = None
    instance_id: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class HttpLine:
    """One request that the platform's edge answered or passed on."""

    at: datetime
    method: str
    path: str
    host: str
    status: int
    duration: timedelta
    detail: str = ""
    """What the edge says of it, where something went wrong."""
    request_id: str = ""
    deployment_id: str | None = None
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable's name and what may be known of it without its value."""

    name: str
    service_id: str | None
    """None is shared by all services."""
    sealed: bool = False
    """Its value can be written, never read."""
    references: tuple[str, ...] = ()


class Measure(StrEnum):
    """What is measured of a service."""

    CPU = "cpu"
    """vCPU in use."""
    CPU_LIMIT = "cpu_limit"
    MEMORY = "memory"
    """GB in use, over all replicas."""
    MEMORY_LIMIT = "memory_limit"
    DISK = "disk"
    """GB."""
    RECEIVED = "received"
    """GB since the sample before."""
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class Series:
    """One measure of one service over time, oldest first."""

    service_id: str | None
    measure: Measure
    points: tuple[tuple[datetime, float], ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """A disk, and how full it is now."""

    service_id: str | None
    """None is attached to none."""
    mount: str
    """Where its service finds it."""
    used: float
    """GB."""
    size: float
    """GB."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the edge counted for a service in one step of time."""

    at: datetime
    """When the step began."""
    requests: int
    failed: int
    """Of these, answered with a 5xx."""
    p95: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the edge counted for a service in a span of time."""

    by_status: Mapping[int, int] = field(default_factory=dict)
    p50: timedelta | None = None
    """Latency, at worst of the samples; None where nobody called."""
    p95: timedelta | None = None
    p99: timedelta | None = None
    samples: tuple[Sample, ...] = ()
    """The same step by step, oldest first."""


@dataclass(frozen=True, slots=True)
class PlatformNews:
    """What the platform says of itself."""

    stable: bool
    text: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """A service that is there now: made just now, or found."""

    service_id: str
    name: str
    made: bool


@dataclass(frozen=True, slots=True)
class Proxy:
    """A public TCP address of a service."""

    id: str
    host: str
    port: int
    inner_port: int
    ready: bool


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """How to reach a database. The password is not in its `repr`."""

    service: str
    engine: Engine
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    public: bool
    """From anywhere; else from within the platform's private network only."""

    def at(self, host: str, port: int) -> Self:
        """Reach the same database at a public address."""
        kind = type(self)
        return kind(self.service, self.engine, host, port, self.user, self.password, self.database, public=True)
