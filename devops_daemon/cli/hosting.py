"""`deployments` and `metrics`: what was deployed when, and what it uses."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from devops_daemon.cli.connection import Connection, connected
from devops_daemon.cli.follow import step_rows
from devops_daemon.cli.logs import find_deployment
from devops_daemon.cli.options import AsJson, MaybeNamed, Since
from devops_daemon.cli.output import print_rows
from devops_daemon.connections import utc_now
from devops_daemon.hosting import Deployment, HostedService, Measure, Series, Traffic

MOST = 100


def deployments(
    service: MaybeNamed = None,
    last: Annotated[int, typer.Option("-n", "--last", min=1, max=MOST, help="The last so many.")] = 10,
    steps: Annotated[
        str | None, typer.Option(metavar="ID", help="Show the steps of this one; its beginning does.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the last deployments, the newest first, and which of them can be rolled back to."""
    with connected() as line:
        hosting = line.hosting()
        services = (hosting.service(service),) if service else hosting.services
        if steps:
            meant = line.ask(find_deployment(line, services, steps))
            rows = step_rows(line.ask(line.platform.steps(meant.id)))
        else:
            rows = line.ask(_latest(line, services, last, as_json=as_json))
        print_rows(rows, as_json=as_json, redactor=line.redactor)


async def _latest(
    line: Connection, services: Sequence[HostedService], last: int, *, as_json: bool
) -> list[dict[str, Any]]:
    lists = await asyncio.gather(*(line.platform.deployments(service.id, last) for service in services))
    found = [(service, each) for service, listed in zip(services, lists, strict=True) for each in listed]
    found.sort(key=lambda pair: pair[1].created_at, reverse=True)
    show = _as_data if as_json else _as_row
    return [show(service, each) for service, each in found[:last]]


def _as_row(service: HostedService, deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.id[:8],
        "service": service.name,
        "status": deployment.status,
        "created_(UTC)": deployment.created_at,
        "commit": deployment.what,
        "author": deployment.commit.author if deployment.commit else None,
        "can_roll_back": deployment.can_rollback,
    }


def _as_data(service: HostedService, deployment: Deployment) -> dict[str, Any]:
    commit = deployment.commit
    return {
        "id": deployment.id,
        "service": service.name,
        "status": deployment.status,
        "phase": deployment.phase.value,
        "created_at": deployment.created_at,
        "commit": commit.sha if commit else None,
        "subject": commit.subject if commit else None,
        "author": commit.author if commit else None,
        "image": deployment.image,
        "can_roll_back": deployment.can_rollback,
    }


def metrics(service: MaybeNamed = None, since: Since = timedelta(hours=1), *, as_json: AsJson = False) -> None:
    """Show what services use, and how they answer: requests by status, and latency."""
    with connected() as line:
        hosting = line.hosting()
        services = (hosting.service(service),) if service else hosting.services
        start = utc_now() - since
        used = line.ask(line.platform.metrics(services[0].id if service else None, start))
        counted = line.ask(_traffic(line, services, start))
        rows = [_measured(each, used, counted.get(each.id)) for each in services]
        print_rows(rows if as_json else [_in_words(row) for row in rows], as_json=as_json, redactor=line.redactor)


async def _traffic(line: Connection, services: Iterable[HostedService], start: datetime) -> Mapping[str, Traffic]:
    public = [service for service in services if service.hosts]
    answers = await asyncio.gather(*(line.platform.traffic(service.id, start) for service in public))
    return {service.id: answer for service, answer in zip(public, answers, strict=True)}


def _measured(service: HostedService, used: Iterable[Series], traffic: Traffic | None) -> dict[str, Any]:
    points = {each.measure: [value for _, value in each.points] for each in used if each.service_id == service.id}
    return {
        "service": service.name,
        "cpu": _level(points, Measure.CPU, Measure.CPU_LIMIT),
        "memory_gb": _level(points, Measure.MEMORY, Measure.MEMORY_LIMIT),
        "disk_gb": points.get(Measure.DISK, [None])[-1],
        "received_gb": sum(points[Measure.RECEIVED]) if Measure.RECEIVED in points else None,
        "sent_gb": sum(points[Measure.SENT]) if Measure.SENT in points else None,
        "requests": _by_class(traffic.by_status) if traffic else None,
        "latency_ms": _latency(traffic) if traffic else None,
    }


def _level(points: Mapping[Measure, list[float]], measure: Measure, limit: Measure) -> dict[str, float | None] | None:
    values, limits = points.get(measure), points.get(limit)
    if not values:
        return None
    return {"now": values[-1], "peak": max(values), "limit": limits[-1] if limits else None}


def _by_class(counts: Mapping[int, int]) -> dict[str, int]:
    classes: dict[str, int] = {}
    for status, count in counts.items():
        name = f"{status // 100}xx"
        classes[name] = classes.get(name, 0) + count
    return dict(sorted(classes.items()))


def _latency(traffic: Traffic) -> dict[str, float | None]:
    spans = {"p50": traffic.p50, "p95": traffic.p95, "p99": traffic.p99}
    return {name: None if span is None else round(span.total_seconds() * 1000, 1) for name, span in spans.items()}


def _in_words(row: Mapping[str, Any]) -> dict[str, Any]:
    latency = row["latency_ms"] or {}
    spans = [f"{value:.0f}" for value in latency.values() if value is not None]
    return {
        "service": row["service"],
        "cpu": _level_in_words(row["cpu"]),
        "memory_GB": _level_in_words(row["memory_gb"]),
        "disk_GB": _number(row["disk_gb"]),
        "received_GB": _number(row["received_gb"]),
        "sent_GB": _number(row["sent_gb"]),
        "requests": ", ".join(f"{name} {count}" for name, count in (row["requests"] or {}).items()) or None,
        "p50/p95/p99_ms": "/".join(spans) or None,
    }


def _level_in_words(level: Mapping[str, float | None] | None) -> str | None:
    if level is None:
        return None
    of = "" if level["limit"] is None else f" of {_number(level['limit'])}"
    return f"{_number(level['now'])}, peak {_number(level['peak'])}{of}"


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.3g}"
