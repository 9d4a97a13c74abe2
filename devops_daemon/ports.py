"""What the rooms need of the outside, named by role; the vendors stand in `adapters`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from devops_daemon.asking import Request, Wait
from devops_daemon.auditing import Audit
from devops_daemon.feedback import Entry, FeedbackFigures, Pending
from devops_daemon.forge import (
    Account,
    Comment,
    HookDelivery,
    Issue,
    Mark,
    Merged,
    Pull,
    Reaction,
    Repository,
    Required,
    Role,
    Said,
    TrunkCommit,
)
from devops_daemon.hosting import (
    Added,
    DatabaseAccess,
    Deployment,
    DeploymentRecord,
    Engine,
    HostedService,
    Hosting,
    HttpLine,
    LogLine,
    LogQuery,
    PlatformNews,
    Proxy,
    Series,
    Step,
    Traffic,
    Variable,
    Volume,
)
from devops_daemon.inbox import Arrival, Claim, DeliveryRow, InboxFigures, Receipt, Sorted
from devops_daemon.landing import Landing, PullRow, Ready
from devops_daemon.mending import Attempt, Effect, Evidence, Refusal, Remedy
from devops_daemon.model import (
    Incident,
    Probe,
    ProbeKey,
    ProbeState,
    Result,
    Signal,
    TimelineEvent,
)
from devops_daemon.quiet import Quiet
from devops_daemon.untangling import Knot, Outcome, Tangle

Clock = Callable[[], datetime]
"""Tells the time, aware and UTC."""


class UnavailableError(Exception):
    """Something outside does not work now: try again. The text says what, for a person."""


class RefusedError(Exception):
    """Something outside said no, or we do before asking: trying again changes nothing. The text says how to mend it."""


class LockedOutError(RefusedError):
    """Our own credentials are missing or are not taken: somebody must mend a setting."""


class GoneError(RefusedError):
    """What it is about is not there any more."""


class StaleError(RefusedError):
    """It is not any more as it was when this was decided: look again, and decide anew."""


class UnclearError(UnavailableError):
    """Whether something was done is not known, and a look did not tell: look again before it is repeated."""


class TakenError(UnclearError):
    """The other side said yes, and shows nothing of it: it is not asked again."""


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
    """Keeps incidents and their timelines. Every method raises UnavailableError."""

    async def current(self, ended_since: datetime) -> list[Incident]:
        """Read the incidents that are not resolved, and those that ended since then, oldest first."""
        ...

    async def save(self, incident: Incident, events: Sequence[TimelineEvent]) -> None:
        """Write a new incident, or the next version of one; raises LostRaceError where that is taken."""
        ...


class Turns(Protocol):
    """Says who answers for which incident by one duty, and when. Every method raises UnavailableError."""

    async def take(self, owner: str, lease: timedelta, now: datetime) -> list[Incident]:
        """Take those that are to be answered for now, and that nobody else has in hand, oldest first.

        What the owner has in hand itself, it holds on to by this.
        """
        ...

    async def let_go(self, taken: Incident, owner: str, next_at: datetime | None) -> None:
        """Free one until it is due again, None for never; one that has changed since it was taken is due at once."""
        ...

    async def next_due(self, owner: str) -> datetime | None:
        """Tell when the next is due for this owner, which may have passed; None where none is to be answered for."""
        ...


RemedyForbids = Callable[[Sequence[Remedy], Sequence[Request], "Switch | None"], Refusal | None]
"""Says why a remedy may not be begun, by those of its incident or its service, what people have begun on the service,
and by the pause."""


class MendingLedger(Protocol):
    """Keeps what is done and told of incidents. Every method raises UnavailableError."""

    async def remedies(self, incident: str) -> list[Remedy]:
        """Read those of an incident, in their order."""
        ...

    async def begin(
        self,
        remedy: Remedy,
        incident: Incident,
        events: Sequence[TimelineEvent],
        since: datetime,
        forbids: RemedyForbids,
    ) -> tuple[Remedy, Refusal | None]:
        """Write a remedy and what its incident becomes before it is done, unless something forbids it.

        Nobody else's act on its service comes between. Gives it as it is written, or as it was with the reason. Raises
        LostRaceError where the incident has changed, or another has its number.
        """
        ...

    async def change(
        self, remedy: Remedy, incident: Incident | None = None, events: Sequence[TimelineEvent] = ()
    ) -> Remedy:
        """Write the next version of one, and of its incident where that changes by it; raises LostRaceError."""
        ...

    async def effects(self, incident: str) -> list[Effect]:
        """Read what was told of an incident."""
        ...

    async def tell(self, effect: Effect) -> Effect:
        """Write an effect, or the next version of one; raises LostRaceError where that is taken."""
        ...

    async def attempts(self, incident: str) -> list[Attempt]:
        """Read the pull requests that were to end an incident, in the order in which they were merged."""
        ...

    async def keep_attempt(self, attempt: Attempt, incident: Incident, events: Sequence[TimelineEvent]) -> None:
        """Write an attempt, or what came of it, and what its incident becomes; raises LostRaceError."""
        ...

    async def keep_evidence(self, evidence: Sequence[Evidence], since: datetime) -> None:
        """Keep what was seen, unless evidence of its incident from since then is there already."""
        ...

    async def evidence(self, incident: str) -> list[Evidence]:
        """Read what was seen, in its order."""
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
    longest_gap: timedelta = timedelta()
    """The longest time without the beginning of a round."""


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the pages show, as it was at one moment."""

    states: Mapping[ProbeKey, ProbeState]
    days: Mapping[ProbeKey, tuple[Day, ...]]
    hours: Mapping[ProbeKey, tuple[Hour, ...]]
    incidents: tuple[Incident, ...]
    """Those that are open, and all that ended in the last 30 days; newest first."""
    punctuality: Punctuality
    references: Mapping[str, datetime]
    deployments: tuple[DeploymentRecord, ...] = ()
    """The latest of all services, newest first."""
    waits: tuple[Wait, ...] = ()
    """Of those who asked something in the last 30 days."""
    inbox: InboxFigures = field(default_factory=InboxFigures)
    paused: "Switch | None" = None
    remedies: Mapping[str, Sequence[Remedy]] = field(default_factory=dict)
    """Of these incidents, by their ids."""
    silences: Sequence[Quiet] = ()
    signals: Sequence[Signal] = ()
    pulls: Sequence[PullRow] = ()
    ready: Sequence[Ready] = ()
    """How long pull requests were waited for, in the last 30 days."""
    feedback: FeedbackFigures = field(default_factory=FeedbackFigures)
    audit: Audit | None = None
    """The last."""


@dataclass(frozen=True, slots=True)
class OwnWeek:
    """How the daemon itself has done its work in the last seven days."""

    punctuality: Punctuality
    untold: Sequence[Effect] = ()
    """What of incidents could not be told, and was given up or is still tried."""
    notice_at: datetime | None = None
    """When a notice, or a call for people, was told last, as far back as incidents are kept."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """All that is kept of an incident."""

    incident: Incident
    events: Sequence[TimelineEvent] = ()
    remedies: Sequence[Remedy] = ()
    evidence: Sequence[Evidence] = ()


class DeploymentLedger(Protocol):
    """Keeps what became of each deployment."""

    async def rows(self, identifiers: Sequence[str]) -> list[DeploymentRecord]:
        """Read those that have not ended, and those that are named."""
        ...

    async def keep(self, records: Sequence[DeploymentRecord]) -> None:
        """Write rows, or bring those that are there up to date; raises UnavailableError."""
        ...


class DeploymentHistory(Protocol):
    """Tells what became of the deployments of a service. Raises UnavailableError."""

    async def of_service(self, service_id: str) -> list[DeploymentRecord]:
        """Read them, newest first."""
        ...

    async def of_commit(self, sha: str) -> list[DeploymentRecord]:
        """Read those of a commit, of whichever service, newest first."""
        ...


class StatusLedger(Protocol):
    """Reads what the pages show."""

    @property
    def problem(self) -> str | None:
        """What is wrong with the store now, None where the last write went well."""
        ...

    async def overview(self, now: datetime) -> Overview:
        """Read all that `/status` shows."""
        ...

    async def incident(self, identifier: str) -> Dossier | None:
        """Read one incident with all that belongs to it, None where there is none of that id."""
        ...


class OwnLedger(Protocol):
    """Tells how the daemon has done its own work."""

    async def own_week(self, now: datetime) -> OwnWeek:
        """Read it; raises UnavailableError."""
        ...


class Platform(Protocol):
    """Where the product runs. Every method raises UnavailableError (try again) or RefusedError (do not).

    What acts is done once: an answer that was lost is looked up, never asked for again; where the look does not tell,
    UnclearError is raised. To restart, deploy, roll back, remove or abort the daemon's own service is refused, and
    under `DRY_RUN` every act.
    """

    async def hosting(self) -> Hosting:
        """Read all services with their deployments, by one request."""
        ...

    async def deployments(self, service_id: str, last: int) -> list[Deployment]:
        """Read the last so many deployments of a service, newest first."""
        ...

    async def deployment(self, identifier: str) -> Deployment:
        """Read one deployment."""
        ...

    async def steps(self, deployment_id: str) -> list[Step]:
        """Read the steps of a deployment, oldest first: the best word there is on why it failed."""
        ...

    async def logs(self, query: LogQuery) -> list[LogLine]:
        """Read log lines, oldest first."""
        ...

    async def http_logs(self, query: LogQuery) -> list[HttpLine]:
        """Read what the edge logged for a deployment, oldest first."""
        ...

    async def metrics(self, service_id: str | None, since: datetime) -> list[Series]:
        """Read what a service, or each of all, used; empty where nothing ran."""
        ...

    async def traffic(self, service_id: str, since: datetime) -> Traffic:
        """Read how a service answered, by the edge's count."""
        ...

    async def volumes(self) -> list[Volume]:
        """Read how full each disk is."""
        ...

    async def news(self) -> PlatformNews:
        """Read whether the platform itself is in trouble."""
        ...

    async def restart(self, service: HostedService) -> Deployment:
        """Restart the processes of the serving (or crashed) deployment; no build, the same deployment."""
        ...

    async def redeploy(self, deployment: Deployment) -> Deployment:
        """Deploy the same code and image again; gives the new deployment."""
        ...

    async def deploy(self, service: HostedService, commit: str | None = None) -> Deployment:
        """Deploy a commit (40 hex), or the current one with the settings and variables of now."""
        ...

    async def roll_back(self, deployment: Deployment) -> Deployment:
        """Deploy an earlier deployment's image, settings and variables again; gives the new deployment."""
        ...

    async def remove(self, deployment: Deployment) -> None:
        """Stop a deployment: the service stays, with nothing running."""
        ...

    async def cancel(self, deployment: Deployment) -> None:
        """Abort a deployment that is under way."""
        ...

    async def variables(self, service_id: str | None) -> list[Variable]:
        """Read the names of a service's own variables, or of the shared ones: no value."""
        ...

    async def values(self, service_id: str | None) -> Mapping[str, str | None]:
        """Read variables with their values as written, references kept; None is sealed."""
        ...

    async def deployed_values(self, service_id: str) -> Mapping[str, str | None]:
        """Read the values that a service runs with, references resolved; what is sealed is left out."""
        ...

    def wrong_variables(self, values: Mapping[str, str]) -> list[str]:
        """Say of each variable that may not be set why, in a line that shows no value; asks nobody."""
        ...

    async def set_variables(self, service_id: str | None, values: Mapping[str, str], *, deploy: bool) -> None:
        """Set variables, and no others: by one write; without `deploy` they wait for the next deployment.

        Raises RefusedError with every wrong name and value before anything is written, and for the daemon's own.
        """
        ...

    async def add_service(self, name: str) -> Added:
        """Add an empty service, unless there is one of that name."""
        ...

    async def add_database(self, engine: Engine, *, another: bool = False) -> Added:
        """Add a database from the platform's template, unless there is one of its kind (or `another` is wanted)."""
        ...

    async def database_access(self, service: HostedService) -> DatabaseAccess:
        """Read how to reach a database: its public address where there is one, else the private one."""
        ...

    async def proxies(self, service: HostedService) -> list[Proxy]:
        """Read the public addresses of a service that are there, or come."""
        ...

    async def open_proxy(self, service: HostedService) -> Proxy:
        """Give a database a public address, and wait until it is there; gives the one that is there already."""
        ...

    async def close_proxy(self, proxy: Proxy) -> None:
        """Take the public address away."""
        ...


class Inbox(Protocol):
    """Keeps deliveries until they are worked off. Every method raises UnavailableError.

    Whoever claimed a delivery holds it for a lease, by the store's clock; what is done with a claim whose fence has
    passed raises LostRaceError and changes nothing.
    """

    async def keep(self, arrival: Arrival, done: str | None = None) -> Receipt:
        """Put a delivery on disk; one that failed is taken up again, one that is finished is a duplicate.

        With `done`, the reason why nothing is to be done with it, a new one is finished at once, without its body.
        """
        ...

    async def unread(self, most: int) -> list[Arrival]:
        """Read the oldest deliveries that nobody has sorted."""
        ...

    async def sort(self, read: Sequence[Sorted], now: datetime) -> None:
        """Write what reading them came to; those that somebody else has sorted stay as they are."""
        ...

    async def claim(self, owner: str, lease: timedelta, now: datetime) -> Claim | None:
        """Take the oldest delivery that is due and of whose subject none is claimed; those of the dead are due."""
        ...

    async def renew(self, claim: Claim, lease: timedelta, now: datetime) -> None:
        """Hold on to it."""
        ...

    async def finish(self, claim: Claim, note: str | None, now: datetime) -> None:
        """Note that it is done; its body is dropped."""
        ...

    async def put_back(self, claim: Claim, error: str, due_at: datetime, *, counted: bool = True) -> None:
        """Let it be tried again later; not `counted`, this attempt never was."""
        ...

    async def let_go(self, owner: str, now: datetime) -> None:
        """Free what an earlier process of this name had claimed when it died."""
        ...

    async def known(self, guids: Sequence[str]) -> frozenset[str]:
        """Tell which of these came, and are not given up."""
        ...

    async def give_up(self, claim: Claim, error: str, now: datetime) -> None:
        """Note that it failed for good; its body is kept for a replay."""
        ...

    async def next_due(self) -> datetime | None:
        """Tell when the next one that waits is due, None where none waits."""
        ...

    async def replay(self, guid: str, now: datetime) -> DeliveryRow | None:
        """Let one that failed be tried again; gives the row as it was before, None where there is none."""
        ...

    async def listed(self, most: int) -> list[DeliveryRow]:
        """Read those that are to be done and those that failed, then the latest others; newest first within each."""
        ...

    async def figures(self, now: datetime) -> InboxFigures:
        """Count."""
        ...

    async def forget(self, now: datetime) -> int:
        """Delete what was kept long enough: finished ones outlive the forge's own redelivery; gives how many."""
        ...


class RequestLedger(Protocol):
    """Keeps what was asked, and where its answer stands. Every method raises UnavailableError."""

    async def open(self, request: Request) -> tuple[Request, bool]:
        """Write a new request (version 1), or read the one that is there; tells whether it is new."""
        ...

    async def save(self, request: Request) -> Request:
        """Write the next version of one; raises LostRaceError where that is taken."""
        ...

    async def is_reply(self, comment_id: int) -> bool:
        """Tell whether a comment is a reply of ours."""
        ...

    async def of(self, author: str, since: datetime) -> list[Request]:
        """Read what an account has asked since then, newest first."""
        ...

    async def on(self, issue: int, since: datetime) -> list[Request]:
        """Read what was asked on an issue since then, newest first."""
        ...

    async def begin(self, acting: Request, since: datetime, forbids: "Forbids") -> tuple[Request, str | None]:
        """Write an act down, as the next version, unless something forbids it; nobody else's act comes between.

        Gives the request as it is written, or as it was with the reason. Raises LostRaceError.
        """
        ...

    async def left(self, before: datetime | None) -> list[Request]:
        """Read the acts to be watched or told of that nobody has watched since then, oldest first; None is all."""
        ...

    async def get(self, identifier: str) -> Request | None:
        """Read one."""
        ...

    async def interrupted(self, prefix: str, before: datetime) -> list[Request]:
        """Read those whose ids begin so, and that were left in the middle before then: being begun, or decided."""
        ...

    async def untold(self, prefix: str, since: datetime) -> list[Request]:
        """Read those whose ids begin so, whose act has ended since then, and that nobody was told of."""
        ...

    async def told(self, request: Request, comment_id: int) -> None:
        """Note by which comment what was done was told; raises LostRaceError."""
        ...


PAUSED = "paused"
"""The switch that a person turns on to keep the daemon from changing anything."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Something that a person switched on, and when."""

    name: str
    on_since: datetime
    by: str


Forbids = Callable[[Sequence[Request], str | None, Switch | None], str | None]
"""Says why an act may not be begun, by what others have begun on its target, newest first, by what the daemon itself
is doing to it in an incident, and by the pause."""


class Switches(Protocol):
    """What people switch on and off; it survives restarts. Every method raises UnavailableError."""

    async def read(self, name: str) -> Switch | None:
        """Tell whether it is on, and since when; None is off."""
        ...

    async def turn_on(self, name: str, by: str, at: datetime) -> Switch | None:
        """Switch it on; gives it as it is then: off where somebody switched it off later than `at`."""
        ...

    async def turn_off(self, name: str, by: str, at: datetime) -> tuple[Switch | None, Switch | None]:
        """Switch it off; gives what it was, and what it is: on where somebody switched it on later than `at`."""
        ...


ALL = "all"
"""Every service."""


class Silences(Protocol):
    """Keeps what people want it to be quiet about. Every method raises UnavailableError."""

    async def current(self, now: datetime) -> list[Quiet]:
        """Read those that have not ended, the first to end first."""
        ...

    async def keep(self, service: str, until: datetime, by: str, reason: str) -> None:
        """Let it be quiet about a service, or `all`, until then; the last word counts."""
        ...

    async def lift(self, service: str, now: datetime) -> Quiet | None:
        """End it; gives what it was, None where there was none."""
        ...


class SignalLedger(Protocol):
    """Keeps how the signals beside the probes stand. Every method raises UnavailableError."""

    async def signals(self) -> list[Signal]:
        """Read how they stood last."""
        ...

    async def keep(self, signals: Sequence[Signal]) -> None:
        """Write how they stand; what was known later stays."""
        ...


class Gauges(Protocol):
    """What was counted of the product while it was well. Every method raises UnavailableError."""

    async def add(self, name: str, value: float, at: datetime) -> None:
        """Keep one value."""
        ...

    async def usual(self, name: str, before: datetime) -> float | None:
        """Tell what is usual: the median of the week before; None where nothing was counted."""
        ...


class Bookmarks(Protocol):
    """How far something was read, by name. Every method raises UnavailableError."""

    async def read(self, name: str) -> datetime | None:
        """Tell how far, None where it was never begun."""
        ...

    async def move(self, name: str, to: datetime) -> None:
        """Move it on; never back."""
        ...


class PullLedger(Protocol):
    """Keeps what is decided about pull requests, and our merges. Every method raises UnavailableError."""

    async def pulls(self) -> list[PullRow]:
        """Read those that were open at the last look, oldest first."""
        ...

    async def keep(self, rows: Sequence[PullRow], seen: Mapping[str, datetime]) -> None:
        """Write all that are open, in place of those of the last look; `seen` tells which checks have reported."""
        ...

    async def checks_seen(self) -> Mapping[str, datetime]:
        """Read when each check has last reported on any pull request."""
        ...

    async def begin(self, landing: Landing, forbids: Callable[[Switch | None], str | None]) -> Landing | str:
        """Write a landing down before it is merged; where something forbids it, it is not written, and that is said.

        Raises LostRaceError where one is under way at the same base.
        """
        ...

    async def change(self, landing: Landing) -> Landing:
        """Write the version after the one that it was read as; raises LostRaceError."""
        ...

    async def landings(self, since: datetime) -> list[Landing]:
        """Read those under way, and those that began since then, newest first."""
        ...

    async def knots(self, since: datetime) -> list[Knot]:
        """Read the conflicts that have changed since then, and those that are not at their end, oldest first."""
        ...

    async def keep_knot(self, knot: Knot) -> Knot:
        """Write a conflict (version 0), or the version after the one that it was read as; raises LostRaceError."""
        ...


class Clone(Protocol):
    """The repository itself, to merge in. Every method raises UnavailableError (try again) or RefusedError.

    Nothing of it is ever checked out or run.
    """

    async def fetch(self, base: str, pulls: Sequence[int]) -> str:
        """Bring a branch and the heads of pull requests here; gives the branch's commit."""
        ...

    async def conflicting(self, base_sha: str, heads: Sequence[str]) -> set[str]:
        """Say which of these heads conflict with a base; of one that is not here nothing is said."""
        ...

    async def untangle(self, tangle: Tangle) -> Outcome:
        """Look for a way to put a pull request upon its base; nothing is pushed."""
        ...

    async def learn(self, base_sha: str, before: str, after: str) -> int:
        """Learn from how somebody has solved what conflicted before; gives how many files that were."""
        ...

    async def back_up(self, number: int, sha: str) -> str:
        """Keep a head at the forge under a name of its own; gives that. Twice is once."""
        ...

    async def push(self, branch: str, sha: str, expected: str) -> None:
        """Let a branch be at a commit, if it is still where it is expected; raises StaleError where it is not."""
        ...

    async def tidy(self) -> None:
        """Pack what has come together, where that is worth it."""
        ...


class PullActs(Protocol):
    """What a person may have done to a pull request: each gives what was done, in words.

    Raises RefusedError with the reason where it may not be done now, UnavailableError.
    """

    async def merge(self, number: int, by: str) -> str:
        """Merge it, though it is a person's or a label holds it; never where what counts has not passed."""
        ...

    async def rebase(self, number: int) -> str:
        """Have its branch put upon its base."""
        ...

    async def hold(self, number: int) -> str:
        """Keep it from being merged."""
        ...


class Forge(Protocol):
    """Where the product's code, issues and pull requests are. Raises UnavailableError (try again) or RefusedError.

    A comment whose answer was lost is looked up by its mark before anything is repeated; where that does not tell,
    UnclearError is raised. Under `DRY_RUN` nothing is written: what writes raises RefusedError.
    """

    @property
    def problem(self) -> str | None:
        """What is wrong with the forge now, for people; None where the last request went well."""
        ...

    async def account(self) -> Account:
        """Tell as whom the daemon writes."""
        ...

    async def repository(self) -> Repository:
        """Read the repository."""
        ...

    async def role(self, login: str) -> Role:
        """Tell what an account may do here."""
        ...

    async def comment(self, issue: int, body: str) -> Comment:
        """Write a comment; its last line is a mark."""
        ...

    async def edit(self, comment_id: int, body: str) -> None:
        """Write a comment of ours anew; raises GoneError where it is not there any more."""
        ...

    async def react(self, comment_id: int, reaction: Reaction) -> None:
        """Put a reaction to a comment, twice is once; raises GoneError where it is not there any more."""
        ...

    async def comments(self, since: datetime, issue: int | None = None) -> list[Comment]:
        """Read the comments written or changed since then, on one issue or on all, oldest change first."""
        ...

    async def find_comment(self, issue: int, mark: Mark, since: datetime) -> Comment | None:
        """Find the comment of our own account that bears a mark, among those written or changed since then."""
        ...

    async def call(self, issue: int, body: str) -> Comment:
        """Write a comment that calls an agent: by the token for that, where there is one; its last line is a mark."""
        ...

    async def find_issue(self, mark: Mark, label: str) -> Issue | None:
        """Find the newest issue of our own account with this label that bears a mark, open or closed."""
        ...

    async def open_issues(self, label: str) -> list[Issue]:
        """Read the open issues of our own account with this label, newest first."""
        ...

    async def issue(self, number: int) -> Issue:
        """Read an issue; raises GoneError where it is not there any more."""
        ...

    async def open_issue(self, title: str, body: str, labels: Sequence[str]) -> Issue:
        """Open an issue; the last line of its body is a mark. An answer that was lost is looked up as for a comment."""
        ...

    async def edit_issue(self, number: int, *, title: str | None = None, body: str | None = None) -> None:
        """Write an issue of ours anew; raises GoneError where it is not there any more."""
        ...

    async def set_open(self, number: int, *, open_: bool) -> None:
        """Close an issue as done, or open it again; twice is once. Raises GoneError."""
        ...

    async def label(self, number: int, labels: Sequence[str]) -> None:
        """Put labels on an issue; those it has already stay. Raises GoneError."""
        ...

    async def run_workflow(self, file: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow of the default branch by its file's name. Whether a lost answer was one cannot be told."""
        ...

    async def dispatch(self, event: str, payload: Mapping[str, str]) -> None:
        """Send a `repository_dispatch` event. Whether a lost answer was one cannot be told: UnclearError."""
        ...

    async def pull(self, number: int) -> Pull:
        """Read a pull request with its checks."""
        ...

    async def open_pulls(self) -> list[Pull]:
        """Read the open pull requests with their checks, oldest first; cost grows by pages, not by each."""
        ...

    async def required(self, branch: str) -> Required:
        """Read what must hold before anything is merged into a branch."""
        ...

    async def merge(self, number: int, sha: str, method: str) -> str:
        """Merge a pull request if this is its head; gives the commit that its base is at then.

        Raises StaleError where its head is another, UnclearError where neither an answer nor a look tells.
        """
        ...

    async def update(self, pull: Pull) -> None:
        """Have the branch of a pull request put upon its base by the forge itself; raises StaleError."""
        ...

    async def close(self, number: int) -> None:
        """Close a pull request without merging it; twice is once."""
        ...

    async def report(self, sha: str, said: Said, url: str | None) -> None:
        """Say on a commit, by a status of our own, what is decided about it; `url` is where more is to be read."""
        ...

    async def git_token(self) -> str:
        """Give what git identifies itself by when it fetches and pushes."""
        ...

    async def trunk(self, last: int) -> list[TrunkCommit]:
        """Read the last so many commits of the default branch with their checks, newest first."""
        ...

    async def file(self, path: str) -> str | None:
        """Read a text file of the default branch, None where there is none."""
        ...

    async def merged(self, since: datetime) -> list[Merged]:
        """Read the pull requests merged since then, the one that changed last first."""
        ...

    async def failed_deliveries(self, since: datetime) -> list[HookDelivery]:
        """Read the deliveries of our webhook of which no attempt since then has arrived, oldest first."""
        ...

    async def delivered(self, delivery: HookDelivery) -> Arrival:
        """Read what a delivery was to bring."""
        ...


class Notices(Protocol):
    """Tells people outside of the forge: Slack, mail, a pager."""

    @property
    def places(self) -> Sequence[str]:
        """Name where it tells them, without any secret, in the settings' order."""
        ...

    async def send(self, place: int, title: str, text: str, url: str | None) -> None:
        """Tell one place, by its number in `places`. Raises UnavailableError (try again) or RefusedError."""
        ...


class Upkeep(Protocol):
    """The product's own tables, through its DevOps API. Raises UnavailableError or RefusedError."""

    async def counts(self) -> Mapping[str, int]:
        """Count the rows of its tables, by name."""
        ...

    async def clear_stale_sessions(self) -> int:
        """Delete sessions that are older than a day; gives how many. Twice deletes no more than once."""
        ...

    async def clear_orphans(self, *, dry_run: bool) -> Mapping[str, int]:
        """Delete rows that belong to nothing, or only count them; gives how many of each table."""
        ...


class FeedbackBox(Protocol):
    """The product's API of what its users write. Every method raises UnavailableError or RefusedError."""

    async def pending(self, most: int) -> Pending:
        """Read so many of those that have no issue yet, the oldest first."""
        ...

    async def processed(self, identifier: str, issue_url: str) -> None:
        """Say which issue it has; raises GoneError where the product does not know it any more."""
        ...


class FeedbackLedger(Protocol):
    """Keeps what has been done about each."""

    async def entries(self, identifiers: Sequence[str]) -> list[Entry]:
        """Read these, and all that are neither done nor set aside, the oldest first."""
        ...

    async def keep(self, entry: Entry) -> Entry:
        """Write the version after the one that it was read as, 0 for a new one; raises LostRaceError."""
        ...

    async def figures(self) -> FeedbackFigures:
        """Count those that wait, and read those that are set aside."""
        ...


class AuditLedger(Protocol):
    """Keeps the weekly audits."""

    async def latest(self) -> list[Audit]:
        """Read the last of them, the newest first."""
        ...

    async def keep(self, audit: Audit) -> Audit:
        """Write the version after the one that it was read as, 0 for a new one; raises LostRaceError."""
        ...
