"""REMEDIES: what can be done against an outage. Each is planned first: to what it would be done, or why not."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from devops_daemon.hosting import Deployment, HostedService
from devops_daemon.mending import Act
from devops_daemon.ports import DeploymentHistory, Platform, RefusedError, Upkeep
from devops_daemon.rollout.begun import code_of
from devops_daemon.rollout.choice import Choice, NoneFits, to_redeploy, to_roll_back

LAST = 100


class NotFittingError(Exception):
    """A remedy that cannot be used here; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done; nothing has been done yet."""

    act: Act
    service: HostedService
    text: str
    begin: Callable[[], Awaitable[str | None]]
    """Does it, once; gives the deployment that it brought about. Raises as `Platform` does."""
    target: Deployment | None = None
    leaves: str | None = None
    """The code that is gone back from."""

    @property
    def code(self) -> str | None:
        """The code that it is about."""
        return code_of(self.target) if self.target else None


@dataclass(frozen=True, slots=True)
class Tools:
    """What remedies are done with."""

    platform: Platform
    deployments: DeploymentHistory
    upkeep: Upkeep | None


async def _restart(tools: Tools, service: HostedService) -> Plan:
    meant = service.serving or service.latest
    if meant is None:
        raise NotFittingError(f"{service.name} was never deployed: there is nothing to restart")

    async def begin() -> str:
        return (await tools.platform.restart(service)).id

    return Plan(Act.RESTART, service, f"restart {service.name} ({meant.what})", begin, meant)


async def _redeploy(tools: Tools, service: HostedService) -> Plan:
    chosen = _chosen(to_redeploy(service))

    async def begin() -> str:
        return (await tools.platform.redeploy(chosen)).id

    return Plan(Act.REDEPLOY, service, f"redeploy {service.name} ({chosen.what})", begin, chosen)


async def _rollback(tools: Tools, service: HostedService) -> Plan:
    """Go back to the newest deployment that was found well; never over a change of variables, which would be lost."""
    well = {record.id for record in await tools.deployments.of_service(service.id) if record.well_at}
    choice = to_roll_back(service, await tools.platform.deployments(service.id, LAST), well=well)
    chosen = _chosen(choice)
    current = service.serving or service.latest

    async def begin() -> str:
        return (await tools.platform.roll_back(chosen)).id

    leaves = code_of(current) if current else None
    return Plan(Act.ROLLBACK, service, f"roll {service.name} back to {chosen.what}", begin, chosen, leaves)


async def _clear_sessions(tools: Tools, service: HostedService) -> Plan:
    upkeep = tools.upkeep
    if upkeep is None:
        raise NotFittingError("the product's DevOps API is not configured: set DEVOPS_API_SECRET")

    async def begin() -> None:
        await upkeep.clear_stale_sessions()

    return Plan(Act.CLEAR_SESSIONS, service, "clear sessions older than a day", begin)


def _chosen(choice: Choice) -> Deployment:
    if isinstance(choice, NoneFits):
        raise NotFittingError(choice.reason)
    if choice.warning:
        raise NotFittingError(f"{choice.deployment.what}: {choice.warning}")
    return choice.deployment


REMEDIES: Mapping[Act, Callable[[Tools, HostedService], Awaitable[Plan]]] = MappingProxyType(
    {
        Act.RESTART: _restart,
        Act.REDEPLOY: _redeploy,
        Act.ROLLBACK: _rollback,
        Act.CLEAR_SESSIONS: _clear_sessions,
    }
)


async def plan(act: Act, tools: Tools, service: HostedService) -> Plan:
    """Plan a remedy; raises NotFittingError where it cannot be used here, UnavailableError where that is not known."""
    try:
        return await REMEDIES[act](tools, service)
    except RefusedError as error:
        raise NotFittingError(str(error)) from error
