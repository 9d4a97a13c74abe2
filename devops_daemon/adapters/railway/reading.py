"""The half of the port `Platform` that only reads."""

import asyncio
from datetime import datetime, timedelta

from devops_daemon.adapters.railway import read
from devops_daemon.adapters.railway.api import Api, PartialAnswer, parsed
from devops_daemon.hosting import (
    Deployment,
    Hosting,
    HttpLine,
    LogKind,
    LogLine,
    LogQuery,
    PlatformNews,
    Series,
    Step,
    Traffic,
    Volume,
)
from devops_daemon.ports import Clock, RefusedError

MOST_LINES = 5000
MOST_DEPLOYMENTS = 100
_SAMPLES = (
    (timedelta(hours=1), 30),
    (timedelta(hours=6), 60),
    (timedelta(hours=24), 240),
    (timedelta(days=7), 3600),
)
"""Seconds between samples by how far back one looks, as Railway's own command line asks."""
_COARSEST = 14_400
_LOGS = {LogKind.BUILD: ("BuildLogs", "buildLogs"), LogKind.DEPLOY: ("DeploymentLogs", "deploymentLogs")}


class Reading:
    """Reads what runs at Railway. `unasked` marks what the daemon asks by itself, which has a share of the limit."""

    def __init__(self, api: Api, now: Clock, *, unasked: bool = False) -> None:
        self._api = api
        self._now = now
        self._unasked = unasked
        self._redact = api.transport.redactor.text

    async def hosting(self) -> Hosting:
        """Read all services with their deployments; one request for up to a hundred services."""
        scope = await self._api.scope()
        variables = {"environmentId": scope.environment_id, "projectId": scope.project_id}
        data, nodes = await self._api.pages(
            "Services", variables, lambda data: data["environment"]["serviceInstances"], unasked=self._unasked
        )
        services = parsed("Services", lambda nodes: [read.service(node, self._redact) for node in nodes], nodes)
        staged = parsed("Services", lambda data: data["environment"]["unmergedChangesCount"], data)
        return Hosting(
            project=scope.project,
            environment=scope.environment,
            services=tuple(sorted(services, key=lambda service: service.name.lower())),
            read_at=self._now(),
            staged_changes=staged,
            partial=isinstance(data, PartialAnswer),
        )

    async def deployments(self, service_id: str, last: int) -> list[Deployment]:
        """Read the last deployments of a service; Railway's order is checked, not trusted."""
        scope = await self._api.scope()
        asked = {"projectId": scope.project_id, "environmentId": scope.environment_id, "serviceId": service_id}
        found = await self._api.read(
            "Deployments",
            {"input": asked, "first": min(last, MOST_DEPLOYMENTS)},
            lambda data: [read.deployment(edge["node"], self._redact) for edge in data["deployments"]["edges"]],
            unasked=self._unasked,
        )
        return sorted(found, key=lambda deployment: deployment.created_at, reverse=True)[:last]

    async def deployment(self, identifier: str) -> Deployment:
        """Read one deployment."""
        return await self._api.read(
            "Deployment",
            {"id": identifier},
            lambda data: read.deployment(data["deployment"], self._redact),
            unasked=self._unasked,
        )

    async def steps(self, deployment_id: str) -> list[Step]:
        """Read the steps of a deployment."""
        return await self._api.read("DeploymentSteps", {"id": deployment_id}, read.steps, unasked=self._unasked)

    async def logs(self, query: LogQuery) -> list[LogLine]:
        """Read log lines: of all services or one, of whatever deployment or of the one that is meant."""
        last = min(query.last, MOST_LINES)
        if query.deployment_id is None and query.kind is LogKind.BUILD:
            raise RefusedError("build logs are one deployment's: say which")
        if query.deployment_id is None:
            return await self._environment_logs(query, last)
        name, root = _LOGS[query.kind]
        return await self._api.read(
            name,
            {
                "deploymentId": query.deployment_id,
                "limit": last,
                "filter": query.filter,
                "startDate": _written(query.since),
                "endDate": _written(query.until),
            },
            lambda data: read.log_lines(data[root], last),
            unasked=self._unasked,
        )

    async def _environment_logs(self, query: LogQuery, last: int) -> list[LogLine]:
        scope = await self._api.scope()
        parts = [f"@service:{query.service_id}"] if query.service_id else []
        parts += [f"({query.filter})"] if query.filter and parts else [query.filter] if query.filter else []
        return await self._api.read(
            "EnvironmentLogs",
            {"environmentId": scope.environment_id, "filter": " AND ".join(parts), **_window(query, last, self._now())},
            lambda data: read.log_lines(data["environmentLogs"], last),
            unasked=self._unasked,
        )

    async def http_logs(self, query: LogQuery) -> list[HttpLine]:
        """Read what the edge logged for a deployment."""
        if query.deployment_id is None:
            raise RefusedError("HTTP logs are one deployment's: say which")
        last = min(query.last, MOST_LINES)
        return await self._api.read(
            "HttpLogs",
            {"deploymentId": query.deployment_id, "filter": query.filter, **_window(query, last, self._now())},
            lambda data: read.http_lines(data["httpLogs"], last),
            unasked=self._unasked,
        )

    async def metrics(self, service_id: str | None, since: datetime) -> list[Series]:
        """Read what was used since then; one request for all services."""
        scope = await self._api.scope()
        now = self._now()
        asked = {
            "environmentId": scope.environment_id,
            "serviceId": service_id,
            "startDate": _written(since),
            "endDate": _written(now),
            "measurements": list(read.MEASURES),
            "sampleRateSeconds": _sample_rate(now - since),
        }
        return await self._api.read("Metrics", asked, read.series, unasked=self._unasked)

    async def traffic(self, service_id: str, since: datetime) -> Traffic:
        """Read how a service answered since then."""
        scope = await self._api.scope()
        now = self._now()
        asked = {
            "environmentId": scope.environment_id,
            "serviceId": service_id,
            "startDate": _written(since),
            "endDate": _written(now),
            "stepSeconds": _sample_rate(now - since),
        }
        by_status, latency = await asyncio.gather(
            self._api.read("HttpStatusMetrics", asked, dict, unasked=self._unasked),
            self._api.read("HttpLatencyMetrics", asked, dict, unasked=self._unasked),
        )
        return read.traffic(by_status, latency)

    async def volumes(self) -> list[Volume]:
        """Read how full each disk of the environment is; one request for up to a hundred."""
        scope = await self._api.scope()
        asked = {"environmentId": scope.environment_id, "projectId": scope.project_id}
        _, nodes = await self._api.pages(
            "Volumes", asked, lambda data: data["environment"]["volumeInstances"], unasked=self._unasked
        )
        return parsed("Volumes", read.volumes, nodes)

    async def news(self) -> PlatformNews:
        """Read whether Railway is in trouble; needs no token."""
        return await self._api.read_openly("PlatformStatus", {}, read.news)


def _window(query: LogQuery, last: int, now: datetime) -> dict[str, object]:
    """Say which lines, in the anchored way of Railway's own command line."""
    if query.since is None and query.until is None:
        return {"beforeLimit": last}
    end = query.until or now
    window: dict[str, object] = {"beforeLimit": last, "anchorDate": _written(end), "afterDate": _written(end)}
    window["afterLimit"] = 0
    if query.since:
        window["beforeDate"] = _written(query.since)
    return window


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sample_rate(span: timedelta) -> int:
    return next((seconds for longest, seconds in _SAMPLES if span <= longest), _COARSEST)
