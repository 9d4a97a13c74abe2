"""Values with defaults: a test names only what it is about."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from devops_daemon.asking import Request, RequestState
from devops_daemon.forge import Account, Check, Comment, Pull, PullCommit
from devops_daemon.health.verdict import Thresholds
from devops_daemon.hosting import (
    Became,
    Commit,
    Deployment,
    DeploymentRecord,
    HostedService,
    Hosting,
    Instance,
    InstanceState,
    LogLine,
    Phase,
)
from devops_daemon.inbox import Arrival
from devops_daemon.mending import Act, Came, Remedy, Stage
from devops_daemon.model import (
    HttpCheck,
    Incident,
    IncidentStatus,
    Member,
    Outcome,
    Probe,
    ProbeKey,
    ProbeKind,
    ProbeState,
    Result,
    Service,
    Severity,
    Status,
    Symptom,
    Trouble,
    Watchlist,
)

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""When stories begin."""

SEVERITIES = {"backend": Severity.SEV1, "database": Severity.SEV1, "auth": Severity.SEV2, "frontend": Severity.SEV2}
"""How bad the product's own probes are when they are down."""


def at(seconds: float) -> datetime:
    """Give the moment so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def key(text: str) -> ProbeKey:
    """Read `backend/database`, or `backend` for the probe that bears its service's name."""
    service, _, name = text.partition("/")
    return ProbeKey(service, name or service)


def a_probe(
    named: str = "backend",
    *,
    kind: ProbeKind = ProbeKind.HTTP,
    severity: Severity | None = None,
    timeout: timedelta = timedelta(seconds=10),
    off: str | None = None,
    fingerprint: str = "f00d",
) -> Probe:
    """Build a probe; its severity is what the product's probe of that name has, else SEV2."""
    return Probe(
        key=key(named),
        kind=kind,
        check=HttpCheck(url=f"https://{key(named).service}.example.com/"),
        severity=severity or SEVERITIES.get(key(named).name, Severity.SEV2),
        timeout=timeout,
        slow_after=timedelta(seconds=3),
        certificate_days=14,
        off=off,
        fingerprint=fingerprint,
    )


def a_service(name: str = "backend", *, probes: Sequence[Probe] = (), depends_on: Sequence[str] = ()) -> Service:
    """Build a service; without `probes` it has one, of its own name."""
    return Service(name=name, probes=tuple(probes) or (a_probe(name),), depends_on=frozenset(depends_on))


def the_product() -> tuple[Service, Service]:
    """Build what the settings watch by themselves: a backend with three probes, and a frontend that depends on it."""
    backend = [a_probe(named) for named in ("backend", "backend/database", "backend/auth")]
    return a_service("backend", probes=backend), a_service("frontend", depends_on=["backend"])


def a_watchlist(*services: Service, references: Sequence[str] = ()) -> Watchlist:
    """Build a watchlist; without services it is the product."""
    return Watchlist(services or the_product(), tuple(references))


def thresholds(
    failures: int = 2,
    successes: int = 2,
    check_interval: timedelta = timedelta(minutes=5),
    confirm_interval: timedelta = timedelta(seconds=10),
) -> Thresholds:
    """Build thresholds; the settings' defaults."""
    return Thresholds(failures, successes, check_interval, confirm_interval)


def a_result(
    named: str = "backend",
    outcome: Outcome = Outcome.OK,
    when: datetime = START,
    *,
    detail: str | None = None,
    answered: bool | None = None,
) -> Result:
    """Build a result; unless told, whatever did not simply fail to answer has been answered."""
    return Result(
        key=key(named),
        at=when,
        outcome=outcome,
        detail=outcome.value if detail is None else detail,
        latency=timedelta(milliseconds=120) if outcome in {Outcome.OK, Outcome.DEGRADED} else None,
        answered=outcome not in {Outcome.FAILED, Outcome.UNKNOWN} if answered is None else answered,
    )


def a_state(
    named: str = "backend",
    settled: Status = Status.UP,
    *,
    blind: bool = False,
    flapping: bool = False,
    since: datetime | None = START,
    checked_at: datetime | None = START,
    latency: timedelta | None = timedelta(milliseconds=120),
) -> ProbeState:
    """Build the row of a probe that was looked at."""
    return ProbeState(
        key(named),
        settled=settled,
        blind=blind,
        flapping=flapping,
        since=since,
        checked_at=checked_at,
        latency=latency,
        detail="status 200",
    )


def a_trouble(
    named: str = "backend",
    symptom: Symptom = Symptom.DOWN,
    since: datetime = START,
    *,
    if_down: Severity | None = None,
    detail: str = "refused",
) -> Trouble:
    """Build a trouble; it is as bad as the product's probe of that name is."""
    return Trouble(key(named), symptom, if_down or SEVERITIES.get(key(named).name, Severity.SEV2), since, detail)


def a_member(
    named: str = "backend",
    symptom: Symptom = Symptom.DOWN,
    since: datetime = START,
    recovered_at: datetime | None = None,
) -> Member:
    """Build one probe's part in an incident."""
    return Member(key(named), symptom, since, recovered_at)


def an_incident(
    *members: Member,
    named: str = "260105-aaaa",
    severity: Severity = Severity.SEV1,
    status: IncidentStatus = IncidentStatus.OPEN,
    opened_at: datetime = START,
    detected_at: datetime | None = None,
    resolved_at: datetime | None = None,
) -> Incident:
    """Build an incident; its first member is its cause, and it was detected ten seconds after it began."""
    parts = members or (a_member(),)
    return Incident(
        id=named,
        severity=severity,
        status=status,
        cause=parts[0].key,
        title=f"{parts[0].key} is {parts[0].symptom}",
        members=parts,
        opened_at=opened_at,
        detected_at=detected_at or opened_at + timedelta(seconds=10),
        resolved_at=resolved_at,
        version=1,
    )


REPLICAS = {
    "s": InstanceState.STARTING,
    "r": InstanceState.RUNNING,
    "e": InstanceState.STOPPED,
    "x": InstanceState.CRASHED,
    "g": InstanceState.GONE,
}
"""How tests write what replicas do, a letter each."""


def a_commit(letter: str = "a", message: str = "cart: quicker") -> Commit:
    """Build a commit whose sha is this letter forty times."""
    return Commit(letter * 40, message, "maria", "main")


def instances(letters: str) -> tuple[Instance, ...]:
    """Build replicas, by their letters in `REPLICAS`."""
    return tuple(Instance(f"i{number}", REPLICAS[letter]) for number, letter in enumerate(letters))


def a_deployment(
    named: str = "d1",
    phase: Phase = Phase.LIVE,
    created: datetime = START,
    *,
    commit: str | None = "a",
    replicas: str | None = None,
    kept: bool = True,
    patch: bool = False,
) -> Deployment:
    """Build a deployment of a commit; one replica runs if it is live. `kept` is its image, unless it serves."""
    letters = replicas if replicas is not None else "r" if phase is Phase.LIVE else ""
    return Deployment(
        id=named,
        service_id="s-backend",
        status="SUCCESS" if phase is Phase.LIVE else phase.name,
        phase=phase,
        created_at=created,
        commit=a_commit(commit) if commit else None,
        instances=instances(letters),
        stopped=bool(letters) and set(letters) <= {"e", "x", "g"},
        can_redeploy=phase in {Phase.LIVE, Phase.CRASHED, Phase.FAILED, Phase.SLEEPING},
        can_rollback=kept and phase is Phase.ENDED,
        patch_id="p1" if patch else None,
    )


def a_hosted(
    name: str = "backend",
    *active: Deployment,
    latest: Deployment | None = None,
    hosts: Sequence[str] = (),
    cron: str | None = None,
    next_run_at: datetime | None = None,
) -> HostedService:
    """Build a hosted service; its latest deployment is the first active one, unless told."""
    return HostedService(
        id=f"s-{name}",
        name=name,
        latest=latest or next(iter(active), None),
        active=active,
        hosts=tuple(hosts),
        cron=cron,
        next_run_at=next_run_at,
    )


def a_hosting(*services: HostedService) -> Hosting:
    """Build what runs in the environment."""
    return Hosting("shop", "production", services, START)


def a_record(
    named: str = "d1",
    phase: Phase = Phase.LIVE,
    became: Became = Became.LIVE,
    *,
    created_at: datetime = START,
    live_at: datetime | None = None,
    well_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> DeploymentRecord:
    """Build the row of a deployment of the backend, first seen a minute after it began."""
    return DeploymentRecord(
        id=named,
        service_id="s-backend",
        service="backend",
        status="SUCCESS" if phase is Phase.LIVE else phase.name,
        phase=phase,
        became=became,
        created_at=created_at,
        seen_at=created_at + timedelta(minutes=1),
        commit=a_commit(),
        live_at=live_at,
        well_at=well_at,
        ended_at=ended_at,
    )


def an_account(login: str = "maria", *, bot: bool = False) -> Account:
    """Build an account; a person's."""
    return Account(login, bot)


def a_comment(
    body: str = "@devops help",
    *,
    number: int = 7001,
    issue: int = 12,
    author: Account | None = None,
    created_at: datetime = START,
) -> Comment:
    """Build a comment of a person."""
    return Comment(number, issue, author or an_account(), body, created_at, f"https://forge.example.com/{number}")


def a_request(  # noqa: PLR0913 # each has a default
    named: str = "comment:7001",
    *,
    issue: int = 12,
    author: str = "maria",
    agent: bool = False,
    hop: int = 0,
    words: str = "help",
    asked_at: datetime = START,
    state: RequestState = RequestState.ANSWERED,
    outcome: str | None = "done",
    acting_since: datetime | None = None,
) -> Request:
    """Build the row of a request; one that was answered."""
    return Request(
        id=named,
        issue=issue,
        comment_id=int(named.partition(":")[2]),
        author=author,
        by_agent=agent,
        hop=hop,
        words=words,
        asked_at=asked_at,
        state=state,
        outcome=outcome,
        acting_since=acting_since,
        version=1,
    )


def an_arrival(
    event: str = "issue_comment", payload: object = None, *, guid: str = "g-1", form: bool = False
) -> Arrival:
    """Build a delivery; its body is the payload as JSON, or as a form of it."""
    text = json.dumps(payload if payload is not None else {})
    return Arrival(guid, event, urlencode({"payload": text}).encode() if form else text.encode(), form, START)


def a_line(message: str, when: datetime = START, *, level: str = "info", service: str | None = None) -> LogLine:
    """Build a log line."""
    return LogLine(when, message, level, service)


def a_remedy(  # noqa: PLR0913 # each has a default
    number: int = 1,
    act: Act = Act.RESTART,
    came: Came | None = Came.NO_HELP,
    *,
    incident: str = "260105-aaaa",
    service: str = "backend",
    began: datetime = START,
    stage: Stage | None = None,
    dry: bool = False,
) -> Remedy:
    """Build a remedy that has ended, a minute after it began; with `came` None it is under way."""
    ended = came is not None
    return Remedy(
        incident=incident,
        number=number,
        act=act,
        service=service,
        service_id=f"id-{service}",
        watched=service,
        reason=f"{act} {service}: it runs, and does not answer as it should",
        began_at=began,
        target_id="d1",
        code="a" * 40,
        down_before=1,
        stage=stage or (Stage.ENDED if ended else Stage.TAKEN),
        deployment_id="d1",
        live_at=began + timedelta(seconds=1),
        ended_at=began + timedelta(minutes=1) if ended else None,
        came=came,
        text="it still fails" if ended else "",
        dry=dry,
    )


def a_pull(**differs: Any) -> Pull:
    """Give an agent's pull request that is green and whole."""
    whole: dict[str, Any] = {
        "number": 7,
        "title": "Mend the cart",
        "head_sha": "a" * 40,
        "base": "main",
        "draft": False,
        "open": True,
        "merged": False,
        "mergeable": True,
        "state": "clean",
        "checks": (Check("unit", passed=True, word="success", ended_at=at(600)),),
        "author": Account("ada"),
        "branch": "fix/7-cart",
        "files": ("app.py",),
        "commits": (PullCommit("1" * 40, "ada", "ada@example.com"),),
        "created_at": START,
    }
    return Pull(**(whole | differs))
