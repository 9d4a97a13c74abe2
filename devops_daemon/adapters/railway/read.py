"""Railway's JSON made into our nouns. Pure.

New words of its enums are tolerated: an unknown status counts as under way, an unknown replica state as starting.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from devops_daemon.hosting import (
    Commit,
    Deployment,
    Engine,
    HostedService,
    HttpLine,
    Instance,
    InstanceState,
    LogLine,
    Measure,
    Phase,
    PlatformNews,
    Proxy,
    Sample,
    Series,
    Step,
    Traffic,
    Variable,
    Volume,
)

Json = Mapping[str, Any]
SERVER_ERRORS = 500

PHASES: Mapping[str, Phase] = {
    "INITIALIZING": Phase.WAITING,
    "QUEUED": Phase.WAITING,
    "WAITING": Phase.WAITING,
    "NEEDS_APPROVAL": Phase.BLOCKED,
    "BUILDING": Phase.BUILDING,
    "DEPLOYING": Phase.DEPLOYING,
    "SUCCESS": Phase.LIVE,
    "SLEEPING": Phase.SLEEPING,
    "FAILED": Phase.FAILED,
    "CRASHED": Phase.CRASHED,
    "SKIPPED": Phase.SKIPPED,
    "REMOVING": Phase.ENDED,
    "REMOVED": Phase.ENDED,
}
"""DeploymentStatus of Railway's schema, each value."""

INSTANCE_STATES: Mapping[str, InstanceState] = {
    "CREATED": InstanceState.STARTING,
    "INITIALIZING": InstanceState.STARTING,
    "RESTARTING": InstanceState.STARTING,
    "RUNNING": InstanceState.RUNNING,
    "EXITED": InstanceState.STOPPED,
    "STOPPED": InstanceState.STOPPED,
    "SKIPPED": InstanceState.STOPPED,
    "CRASHED": InstanceState.CRASHED,
    "REMOVING": InstanceState.GONE,
    "REMOVED": InstanceState.GONE,
}
"""DeploymentInstanceStatus, each value."""

MEASURES: Mapping[str, Measure] = {
    "CPU_USAGE": Measure.CPU,
    "CPU_LIMIT": Measure.CPU_LIMIT,
    "MEMORY_USAGE_GB": Measure.MEMORY,
    "MEMORY_LIMIT_GB": Measure.MEMORY_LIMIT,
    "DISK_USAGE_GB": Measure.DISK,
    "NETWORK_RX_GB": Measure.RECEIVED,
    "NETWORK_TX_GB": Measure.SENT,
}
_ENGINES = (
    ("postgres", Engine.POSTGRES),
    ("postgis", Engine.POSTGRES),
    ("timescale", Engine.POSTGRES),
    ("redis", Engine.REDIS),
    ("mongo", Engine.MONGO),
    ("mysql", Engine.MYSQL),
)
"""What an image's name holds, as Railway's own command line tells databases."""
_LEVELS = {"warning": "warn", "err": "error", "fatal": "error", "critical": "error", "panic": "error", "trace": "debug"}
_GONE_PROXIES = frozenset({"DELETING", "DELETED"})


def moment(text: str) -> datetime:
    """Read RFC 3339 with any number of decimals (logs have nine)."""
    whole, dot, rest = text.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        text = f"{whole}.{rest[: min(digits, 6)]:0<6}{rest[digits:]}"
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def maybe(text: str | None) -> datetime | None:
    """Read a moment that may not have come."""
    return moment(text) if text else None


Redact = Callable[[str], str]
"""Masks secrets: what people wrote into a commit is shown and kept."""


def deployment(node: Json, redact: Redact = str) -> Deployment:
    """Read one deployment; its `meta` is free JSON, and half filled while it is built."""
    meta = node["meta"] if isinstance(node.get("meta"), dict) else {}
    status = str(node["status"])
    return Deployment(
        id=node["id"],
        service_id=node.get("serviceId") or "",
        status=status,
        phase=PHASES.get(status, Phase.UNKNOWN),
        created_at=moment(node["createdAt"]),
        changed_at=maybe(node.get("statusUpdatedAt")),
        commit=_commit(meta, redact),
        image=_text(meta, "image") or None,
        instances=tuple(_instance(each) for each in node.get("instances") or ()),
        stopped=bool(node.get("deploymentStopped")),
        can_redeploy=bool(node.get("canRedeploy")),
        can_rollback=bool(node.get("canRollback")),
        patch_id=_text(meta, "patchId") or None,
        build_only=bool(meta.get("buildOnly")),
    )


def _commit(meta: Json, redact: Redact) -> Commit | None:
    sha = _text(meta, "commitHash")
    if not sha:
        return None
    message, author, branch = (redact(_text(meta, key)) for key in ("commitMessage", "commitAuthor", "branch"))
    return Commit(sha, message, author, branch)


def _text(meta: Json, key: str) -> str:
    value = meta.get(key)
    return value if isinstance(value, str) else ""


def _instance(node: Json) -> Instance:
    return Instance(node["id"], INSTANCE_STATES.get(node["status"], InstanceState.STARTING))


def service(node: Json, redact: Redact = str) -> HostedService:
    """Read one service of an environment."""
    source = node.get("source") or {}
    domains = node.get("domains") or {}
    draining = node.get("drainingSeconds")
    latest = node.get("latestDeployment")
    hosts = (each["domain"] for kind in ("serviceDomains", "customDomains") for each in domains.get(kind) or ())
    return HostedService(
        id=node["serviceId"],
        name=node["serviceName"],
        latest=deployment(latest, redact) if latest else None,
        active=tuple(deployment(each, redact) for each in node.get("activeDeployments") or ()),
        repository=source.get("repo"),
        image=source.get("image"),
        hosts=tuple(host.lower() for host in hosts),
        replicas=node.get("numReplicas") or 1,
        healthcheck_path=node.get("healthcheckPath"),
        draining=None if draining is None else timedelta(seconds=draining),
        sleeps=bool(node.get("sleepApplication")),
        cron=node.get("cronSchedule"),
        next_run_at=maybe(node.get("nextCronRunAt")),
        engine=engine(source.get("image") or ""),
    )


def engine(image: str) -> Engine | None:
    """Tell which database an image is."""
    name = image.rpartition("/")[2].lower()
    return next((kind for word, kind in _ENGINES if word in name), None)


def steps(data: Json) -> list[Step]:
    """Read the events of a deployment, oldest first."""
    found = [_step(edge["node"]) for edge in data["deploymentEvents"]["edges"]]
    return sorted(found, key=lambda step: step.started_at)


def _step(node: Json) -> Step:
    payload = node.get("payload") or {}
    told = [payload[key] for key in ("error", "reason", "detail") if payload.get(key)]
    return Step(
        name=node["step"],
        started_at=moment(node["createdAt"]),
        ended_at=maybe(node.get("completedAt")),
        error=": ".join(dict.fromkeys(told)) if payload.get("error") else None,
        attempt=payload.get("attempt"),
        attempts=payload.get("maxAttempts"),
        skipped=bool(payload.get("skipped")),
    )


def log_lines(rows: Iterable[Json], last: int) -> list[LogLine]:
    """Read log lines, oldest first; Railway gives one more than it was asked for."""
    lines = sorted((_log_line(row) for row in rows), key=lambda line: line.at)
    return lines[-last:] if last else []


def _log_line(row: Json) -> LogLine:
    attributes = tuple((each["key"], _unquoted(each["value"])) for each in row.get("attributes") or ())
    tags = row.get("tags") or {}
    level = str(row.get("severity") or dict(attributes).get("level") or "info").lower()
    return LogLine(
        at=moment(row["timestamp"]),
        message=row["message"],
        level=_LEVELS.get(level, level),
        service_id=tags.get("serviceId"),
        deployment_id=tags.get("deploymentId"),
        instance_id=tags.get("deploymentInstanceId"),
        attributes=attributes,
    )


def _unquoted(value: str) -> str:
    """Take off the quotes of JSON, in which attributes may come."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def http_lines(rows: Iterable[Json], last: int) -> list[HttpLine]:
    """Read the edge's log, oldest first."""
    lines = sorted((_http_line(row) for row in rows), key=lambda line: line.at)
    return lines[-last:] if last else []


def _http_line(row: Json) -> HttpLine:
    errors = row.get("upstreamErrors") or ""
    told = (row.get("responseDetails") or "", "" if errors in {"[]", "null"} else str(errors))
    return HttpLine(
        at=moment(row["timestamp"]),
        method=row["method"],
        path=row["path"],
        host=row["host"],
        status=row["httpStatus"],
        duration=timedelta(milliseconds=row["totalDuration"]),
        detail="; ".join(filter(None, told)),
        request_id=row.get("requestId") or "",
        deployment_id=row.get("deploymentId"),
        instance_id=row.get("deploymentInstanceId"),
    )


def variables(nodes: Iterable[Json], service_id: str | None) -> list[Variable]:
    """Read the names of one service's variables, or of the shared ones, by name."""
    found = [
        Variable(node["name"], node.get("serviceId"), bool(node["isSealed"]), tuple(node.get("references") or ()))
        for node in nodes
        if (node.get("serviceId") or None) == service_id
    ]
    return sorted(found, key=lambda variable: variable.name)


def proxies(data: Json) -> list[Proxy]:
    """Read the public addresses of a service that are there, or come."""
    return [
        Proxy(
            id=node["id"],
            host=node["domain"],
            port=node["proxyPort"],
            inner_port=node["applicationPort"],
            ready=node["syncStatus"] == "ACTIVE",
        )
        for node in data["tcpProxies"] or ()
        if not node.get("deletedAt") and node["syncStatus"] not in _GONE_PROXIES
    ]


def series(data: Json) -> list[Series]:
    """Read what was measured; measures that are not ours are left out."""
    return [
        Series(
            service_id=(row.get("tags") or {}).get("serviceId"),
            measure=MEASURES[row["measurement"]],
            points=tuple((datetime.fromtimestamp(point["ts"], UTC), float(point["value"])) for point in row["values"]),
        )
        for row in data["metrics"]
        if row["measurement"] in MEASURES
    ]


def volumes(nodes: Iterable[Json]) -> list[Volume]:
    """Read how full disks are."""
    return [
        Volume(node["serviceId"], node["mountPath"], node["currentSizeMB"] / 1000, node["sizeMB"] / 1000)
        for node in nodes
    ]


def traffic(by_status: Json, latency: Json) -> Traffic:
    """Sum the edge's counts up, and take the worst of its latencies (milliseconds)."""
    samples = latency["httpDurationMetrics"]["samples"]
    worst = {name: max((sample[name] for sample in samples), default=None) for name in ("p50", "p95", "p99")}
    spans = {name: None if value is None else timedelta(milliseconds=value) for name, value in worst.items()}
    counts = {
        int(row["statusCode"]): round(sum(sample["value"] for sample in row["samples"]))
        for row in by_status["httpMetricsGroupedByStatus"]
    }
    found = {status: count for status, count in sorted(counts.items()) if count}
    return Traffic(found, **spans, samples=_samples(by_status["httpMetricsGroupedByStatus"], samples))


def _samples(by_status: Iterable[Json], latency: Iterable[Json]) -> tuple[Sample, ...]:
    """Put together what was counted in each step."""
    requests: dict[int, float] = {}
    failed: dict[int, float] = {}
    for row in by_status:
        for sample in row["samples"]:
            requests[sample["ts"]] = requests.get(sample["ts"], 0) + sample["value"]
            if int(row["statusCode"]) >= SERVER_ERRORS:
                failed[sample["ts"]] = failed.get(sample["ts"], 0) + sample["value"]
    p95 = {sample["ts"]: sample["p95"] for sample in latency}
    return tuple(
        Sample(
            datetime.fromtimestamp(ts, UTC),
            round(requests[ts]),
            round(failed.get(ts, 0)),
            timedelta(milliseconds=p95[ts]) if p95.get(ts) is not None else None,
        )
        for ts in sorted(requests)
    )


def news(data: Json) -> PlatformNews:
    """Read what Railway says of itself; a maintenance that is to come is no trouble."""
    status = data["platformStatus"]
    incident = status.get("incident") or {}
    over = incident.get("status") == "RESOLVED"
    return PlatformNews(
        stable=bool(status["isStable"]) and (not incident or over),
        text="" if over else str(incident.get("message") or ""),
        url="" if over else str(incident.get("url") or ""),
    )
