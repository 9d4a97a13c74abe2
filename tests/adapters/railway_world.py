"""The sandbox's Railway and the real adapter that speaks to it over HTTP: short waits, and no waiting for limits."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.servers import AGENT, utc_now
from gql import GraphQLRequest
from graphql import ExecutionResult
from pydantic import SecretStr

import devops_daemon.adapters.railway as package
from devops_daemon.adapters.railway.api import Api, Waits
from devops_daemon.adapters.railway.asked import Asked
from devops_daemon.adapters.railway.platform import Railway as Adapter
from devops_daemon.adapters.railway.quota import Quota
from devops_daemon.adapters.railway.transport import HttpTransport
from devops_daemon.hosting import HostedService
from devops_daemon.redaction import Redactor
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.deployments import Deployment, Status
from devops_daemon.sandbox.railway.logbook import Stream
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.places import Place
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.sandbox.railway.seed import PRODUCTION_ID
from devops_daemon.sandbox.railway.world import World as Records

ADAPTER = Path(package.__file__).parent
WAITS = Waits(retry=0.01, looks=(0.0, 0.05, 0.1, 0.2), poll=0.02, patience=3)
NEVER_BUILT = replace(Pace.quick(), building=timedelta(hours=1))
TOKENS = (
    Railway.project_token,
    Railway.staging_token,
    Railway.workspace_token,
    Railway.other_workspace_token,
)


class Steady:
    """Seconds that never jump by themselves: each look takes some, so that five requests take more than a second."""

    def __init__(self, step: float = 0.3) -> None:
        self.now = 1000.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds


class Impatient(HttpTransport):
    """The transport with a shorter time-out for what is written; 90 s are no time for a test."""

    async def execute(
        self, request: GraphQLRequest, *, headers: Mapping[str, str] | None = None, seconds: float = 30
    ) -> ExecutionResult:
        return await super().execute(request, headers=headers, seconds=seconds if seconds <= 30 else 0.15)


@dataclass(slots=True)
class World:
    """The sandbox with its records, and the adapter; `steady` is the clock of its limits."""

    product: Product
    railway: Railway
    api: Api
    platform: Adapter
    steady: Steady

    @property
    def records(self) -> Records:
        return self.railway.realm.world

    def place(self, name: str) -> Place:
        return self.records.place_named(PRODUCTION_ID, name)

    def history(self, name: str) -> list[Deployment]:
        """The deployments of a service, newest first."""
        return self.records.history(self.place(name))

    def serving(self, name: str) -> Deployment:
        found = self.records.active(self.place(name))
        assert found is not None
        return found

    def values(self, name: str | None) -> Mapping[str, str | None]:
        """The variables of a service, or the shared ones, as they are written."""
        return self.records.variables.snapshot(PRODUCTION_ID, self.place(name).service_id if name else None)

    def written(self, message: str) -> int:
        """How many lines of the deploy logs say this."""
        return len(self.records.log.find(lambda line: line.stream is Stream.DEPLOY and line.message == message))

    def says(self, name: str, message: str, severity: str = "info") -> None:
        """Let a service write a line, or lines, into its log."""
        self.records.log.write(self.serving(name), message, severity)

    def sets(self, name: str, **values: str) -> None:
        """Let somebody set variables of a service."""
        self.records.variables.write(PRODUCTION_ID, self.place(name).service_id, values)

    async def service(self, name: str) -> HostedService:
        return (await self.platform.hosting()).service(name)

    async def pushed(self, name: str, **about: Any) -> Deployment:
        """Let a commit come from GitHub, and what becomes of it come about."""
        identifier = self.railway.push(name, **about)
        await self.settles(identifier)
        return self.records.deployment(identifier)

    async def settles(self, identifier: str) -> None:
        """Wait until a deployment is no longer under way, and the one before it is gone."""
        place = self.records.place_of(self.records.deployment(identifier))
        going = {Status.REMOVING, Status.INITIALIZING, Status.BUILDING, Status.DEPLOYING}
        await until(lambda: all(each.status not in going for each in self.records.history(place)))

    @property
    def calls(self) -> int:
        """How many requests have reached the API."""
        return self.railway.calls.total()

    @property
    def mutations(self) -> set[str]:
        """Which operations that write have reached the API."""
        return {name for name in self.railway.calls if name in MUTATIONS}


MUTATIONS = {
    path.stem
    for path in (ADAPTER / "documents").glob("*.graphql")
    if path.read_text(encoding="utf-8").startswith("mutation")
}


async def until(holds: Callable[[], object]) -> None:
    """Wait for the sandbox to come to something."""
    async with asyncio.timeout(10):
        for pause in itertools.repeat(0.005):
            if holds():
                return
            await asyncio.sleep(pause)


def asked_of(railway: Railway, **differs: Any) -> Asked:
    """What the settings say: both tokens, unless told otherwise; tokens may be plain text."""
    asked = {"project_token": railway.project_token, "workspace_token": railway.workspace_token} | differs
    for name in ("project_token", "workspace_token"):
        asked[name] = SecretStr(asked[name]) if asked[name] else None
    return Asked(url=asked.pop("url", railway.api_url), **asked)


@asynccontextmanager
async def connection(
    asked: Asked, *, steady: Steady | None = None, waits: Waits = WAITS, transport: type[HttpTransport] = HttpTransport
) -> AsyncIterator[Api]:
    """What `platform.connected` opens, with a clock of our own for the limits."""
    quota = Quota(utc_now, steady or Steady())
    sent = transport(asked.url, AGENT, quota, Redactor(TOKENS), utc_now)
    async with Api(sent, quota, asked, waits) as api:
        yield api


@asynccontextmanager
async def open_world(
    pace: Pace | None = None,
    transport: type[HttpTransport] = HttpTransport,
    waits: Waits = WAITS,
    **asked: Any,
) -> AsyncIterator[World]:
    """The product on the sandbox's Railway, and the adapter connected to it."""
    async with Product() as product, Railway(product, pace or Pace.quick()) as railway:
        railway.limits.second_limit = 1000  # the adapter's own limit is tested apart
        steady = Steady()
        async with connection(asked_of(railway, **asked), steady=steady, waits=waits, transport=transport) as api:
            yield World(product, railway, api, Adapter(api, utc_now), steady)
