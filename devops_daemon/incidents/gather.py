"""Gather what the platform tells of an outage, before it forgets: redacted first, counted, the first error first."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from devops_daemon.evidence.excerpt import SHOWN_LINES, of_lines, of_steps
from devops_daemon.evidence.search import readable
from devops_daemon.evidence.secrets import Secrets
from devops_daemon.hosting import (
    DeploymentRecord,
    HostedService,
    HttpLine,
    LogKind,
    LogQuery,
    Measure,
    Phase,
    Series,
    Step,
    Traffic,
)
from devops_daemon.incidents.memory import at_limit, ran_out
from devops_daemon.mending import Evidence, EvidenceKind
from devops_daemon.model import Incident
from devops_daemon.ports import Clock, Platform, RefusedError, UnavailableError
from devops_daemon.redaction import Redactor

T = TypeVar("T")
BEFORE = timedelta(minutes=10)
"""So long before the first failure what was said is read too."""
MOST_LINES = 500
MOST_REQUESTS = 200
EACH = timedelta(seconds=15)
SERVER_ERRORS = 500
log = structlog.get_logger("incident")


class Gather:
    """Reads what there is; what cannot be read costs only itself."""

    def __init__(self, platform: Platform, secrets: Secrets, now: Clock, each: timedelta = EACH) -> None:
        """`each` is the time that one reading may take."""
        self._platform = platform
        self._secrets = secrets
        self._now = now
        self._each = each

    async def of(
        self, incident: Incident, service: HostedService, suspect: DeploymentRecord | None
    ) -> Sequence[Evidence]:
        """Gather the evidence of an outage of a service. Never raises, but for cancellation."""
        since, meant = incident.began_at - BEFORE, service.serving or service.latest
        redactor = await self._read("secrets", self._secrets.of(self._platform, [service]))
        query = LogQuery(MOST_LINES, service_id=service.id, since=since)
        lines, steps, series, traffic, requests = await asyncio.gather(
            self._read("logs", self._platform.logs(query)),
            self._read("steps", self._steps(service, suspect)),
            self._read("metrics", self._platform.metrics(service.id, since)),
            self._read("traffic", self._platform.traffic(service.id, since)),
            self._read("requests", self._requests(service, since)),
        )
        crashed = meant is not None and (meant.phase is Phase.CRASHED or meant.stopped)
        short = ran_out(lines or (), steps or (), series or (), crashed=crashed)
        taken = self._now()

        def made(kind: EvidenceKind, title: str, text: str, in_public: str = "", summary: str = "") -> Evidence:
            return Evidence(incident.id, kind, title, text, in_public, taken, summary, out_of_memory=short)

        found = [made(EvidenceKind.LOGS, f"{service.name} logs", *of_lines(lines, redactor))]
        if built := await self._built(service, redactor):
            found.append(made(EvidenceKind.BUILD, f"{service.name} build", *built))
        if said := _of_requests(requests or (), redactor):
            found.append(made(EvidenceKind.HTTP, f"{service.name} requests", *said))
        if failed := of_steps(steps or (), redactor):
            found.append(made(EvidenceKind.STEPS, f"{service.name} deployment", *failed))
        if measured := _of_metrics(series or (), traffic):
            found.append(made(EvidenceKind.METRICS, f"{service.name} metrics", measured, measured))
        return found

    async def _read(self, what: str, reading: Awaitable[T]) -> T | None:
        """Read one thing; None where that fails or takes too long."""
        try:
            async with asyncio.timeout(self._each.total_seconds()):
                return await reading
        except (UnavailableError, RefusedError, TimeoutError) as error:
            log.info("evidence.unread", what=what, reason=str(error) or "it took too long")
            return None

    async def _steps(self, service: HostedService, suspect: DeploymentRecord | None) -> list[Step]:
        meant = {each for each in (service.latest.id if service.latest else None, suspect and suspect.id) if each}
        return [step for identifier in sorted(meant) for step in await self._platform.steps(identifier)]

    async def _requests(self, service: HostedService, since: datetime) -> list[HttpLine]:
        meant = service.serving or service.latest
        if meant is None:
            return []
        return await self._platform.http_logs(LogQuery(MOST_REQUESTS, deployment_id=meant.id, since=since))

    async def _built(self, service: HostedService, redactor: Redactor | None) -> tuple[str, str, str] | None:
        """Read the build's log where the latest deployment failed."""
        latest = service.latest
        if latest is None or latest.phase is not Phase.FAILED:
            return None
        query = LogQuery(SHOWN_LINES, service_id=service.id, deployment_id=latest.id, kind=LogKind.BUILD)
        return of_lines(await self._read("build", self._platform.logs(query)), redactor)


def _of_requests(requests: Sequence[HttpLine], redactor: Redactor | None) -> tuple[str, str] | None:
    """Count what was answered badly, by status and path; paths are strangers'."""
    bad = [line for line in requests if line.status >= SERVER_ERRORS]
    if not bad:
        return None
    total = f"{len(bad)} of the last {len(requests)} requests were answered with a 5xx"
    if redactor is None:
        return total, total
    by_path: dict[str, int] = {}
    for line in bad:
        name = f"{line.status} {line.method} {readable(line.path, redactor.text)}"
        by_path[name] = by_path.get(name, 0) + 1
    often = sorted(by_path.items(), key=lambda item: -item[1])[:15]
    return "\n".join([total, *(f"{count:>5}x {name}" for name, count in often)]), total


def _of_metrics(series: Sequence[Series], traffic: Traffic | None) -> str:
    """Say what was used at most, and how it answered."""
    lines = []
    for measure in (Measure.CPU, Measure.MEMORY, Measure.DISK):
        values = [value for each in series if each.measure is measure for _, value in each.points]
        limit = [v for each in series if each.measure.value == f"{measure.value}_limit" for _, v in each.points if v]
        if values:
            of = f" of {min(limit):.2f}" if limit else ""
            lines.append(f"{measure}: {values[-1]:.2f} now, {max(values):.2f} at most{of}")
    if at_limit(series):
        lines.append("memory was at its limit")
    if traffic is not None and (total := sum(traffic.by_status.values())):
        failed = sum(count for status, count in traffic.by_status.items() if status >= SERVER_ERRORS)
        p95 = f", p95 {traffic.p95.total_seconds():.2f} s" if traffic.p95 else ""
        lines.append(f"requests: {total}, of these {failed / total:.0%} answered with a 5xx{p95}")
    return "\n".join(lines)
