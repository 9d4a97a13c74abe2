"""What changes deployments: each act once, and looked up where the answer was lost."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog

from devops_daemon.adapters.railway.answers import Why
from devops_daemon.adapters.railway.api import Api
from devops_daemon.adapters.railway.reading import Reading
from devops_daemon.adapters.railway.transport import LostAnswerError, SaidNoError
from devops_daemon.hosting import Deployment, HostedService, InstanceState, Phase
from devops_daemon.ports import Clock, RefusedError, TakenError, UnavailableError, UnclearError

T = TypeVar("T")
Act = Callable[[], Awaitable[Mapping[str, Any]]]
LAST = 10
"""As many deployments as can begin between an act and the look for it, and then some."""
OWN_NAME = "devops-daemon"
"""What the daemon's service is called, where nothing else tells."""
_SHA = re.compile(r"[0-9a-f]{40}")
log = structlog.get_logger("railway")


class CameToNothingError(RefusedError):
    """Railway took it, and says itself that it failed."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The deployments of a service before an act, newest first."""

    service_id: str
    deployments: tuple[Deployment, ...]

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(deployment.id for deployment in self.deployments)

    def as_now(self, deployment: Deployment) -> Deployment:
        """Give a deployment as it was read last."""
        return next((each for each in self.deployments if each.id == deployment.id), deployment)


class Acting(Reading):
    """Restarts, deploys, rolls back, removes; never the daemon's own service."""

    def __init__(self, api: Api, now: Clock, *, unasked: bool = False) -> None:
        super().__init__(api, now, unasked=unasked)
        self._own_id = api.asked.own_service_id

    async def restart(self, service: HostedService) -> Deployment:
        """Restart the processes of the serving deployment, or of the one that crashed; gives it as it was before."""
        await self._refuse_own(service.id, "restarted")
        meant = service.serving or service.latest
        if meant is None or meant.phase in {Phase.ENDED, Phase.FAILED, Phase.SKIPPED}:
            raise RefusedError(f"{service.name}: nothing of it is deployed that could be restarted; redeploy it")
        before = await self.deployment(meant.id)

        async def look() -> Deployment | None:
            now = await self.deployment(before.id)
            return now if _has_restarted(before, now) else None

        await self._once("restart", partial(self._api.write, "RestartDeployment", {"id": before.id}), look)
        return before

    async def redeploy(self, deployment: Deployment) -> Deployment:
        """Deploy the same code and image again."""
        await self._refuse_own(deployment.service_id, "deployed")
        known = await self._known(deployment.service_id)
        current = known.as_now(deployment)
        if not current.can_redeploy:
            raise RefusedError(f"deployment {current.id} ({current.status}) cannot be deployed again now")
        act = partial(self._api.write, "RedeployDeployment", {"id": current.id})
        return await self._new("redeploy", act, known, partial(_is_of_the_same_code, current))

    async def deploy(self, service: HostedService, commit: str | None = None) -> Deployment:
        """Deploy a commit, or the current one with the variables and settings of now."""
        if commit is not None and not _SHA.fullmatch(commit):
            raise RefusedError(f"{commit!r}: Railway takes a commit's whole sha only, 40 hexadecimal digits")
        await self._refuse_own(service.id, "deployed")
        scope = await self._api.scope()
        known = await self._known(service.id)
        asked = {"environmentId": scope.environment_id, "serviceId": service.id, "commitSha": commit}
        act = partial(self._api.write, "DeployService", asked)
        return await self._new(
            "deploy", act, known, lambda new: not commit or not new.commit or new.commit.sha == commit
        )

    async def roll_back(self, deployment: Deployment) -> Deployment:
        """Deploy an earlier deployment's image, settings and variables again."""
        await self._refuse_own(deployment.service_id, "rolled back")
        known = await self._known(deployment.service_id)
        current = known.as_now(deployment)
        if not current.can_rollback:
            raise RefusedError(f"deployment {current.id} ({current.what}) cannot be rolled back to: its image is gone")
        act = partial(self._api.write, "RollBackDeployment", {"id": current.id})
        return await self._new("rollback", act, known, partial(_is_of_the_same_code, current))

    async def remove(self, deployment: Deployment) -> None:
        """Stop a deployment."""
        await self._refuse_own(deployment.service_id, "removed")
        await self._end("remove", "RemoveDeployment", deployment)

    async def cancel(self, deployment: Deployment) -> None:
        """Abort a deployment that is under way."""
        await self._refuse_own(deployment.service_id, "aborted")
        await self._end("cancel", "CancelDeployment", deployment)

    async def _end(self, what: str, name: str, deployment: Deployment) -> None:
        async def look() -> bool | None:
            return (await self.deployment(deployment.id)).phase is Phase.ENDED or None

        await self._once(what, lambda: self._api.write(name, {"id": deployment.id}), look)

    async def _refuse_own(self, service_id: str, how: str) -> None:
        """Refuse what would end the daemon: its service is told by its id, else by its host, else by its name."""
        if service_id == (self._own_id or await self._found_own(service_id)):
            raise RefusedError(f"this is the daemon's own service: it is never {how} by itself; use the dashboard")

    async def _found_own(self, service_id: str) -> str | None:
        hosting = await self.hosting()
        if hosting.partial:
            raise UnavailableError("Railway told only a part of what is there: the daemon's own service may be missing")
        own_hosts = self._api.asked.own_hosts
        by_host = next((each for each in hosting.services if own_hosts & set(each.hosts)), None)
        if by_host:
            self._own_id = by_host.id
            return by_host.id
        named = (each.id for each in hosting.services if each.name.lower() == OWN_NAME)
        return service_id if service_id in named else None

    async def _known(self, service_id: str) -> "_Known":
        """Note what is there before an act, to tell afterwards what it brought about."""
        return _Known(service_id, tuple(await self.deployments(service_id, LAST)))

    async def _new(self, what: str, act: Act, known: "_Known", is_ours: Callable[[Deployment], bool]) -> Deployment:
        """Act, and give the deployment that was brought about.

        Railway may answer with it, with its id, or with true only. Then, and where the answer was lost, it is the first
        that was not there before and is of the code that was asked for.
        """

        async def look() -> Deployment | None:
            found = await self.deployments(known.service_id, LAST)
            return next((new for new in reversed(found) if new.id not in known.ids and is_ours(new)), None)

        answer = await self._once(what, act, look)
        if isinstance(answer, Deployment):
            return answer
        identifier = _identifier(answer)
        return await self._appearing(what, partial(self.deployment, identifier) if identifier else look)

    async def _once(self, what: str, act: Act, look: Callable[[], Awaitable[T | None]]) -> T | Mapping[str, Any]:
        """Act once; where the answer is lost, look for what it did. Raises UnclearError where that does not tell.

        A RefusedError is what Railway said before it did anything.
        """
        try:
            return await act()
        except LostAnswerError as lost:
            log.warning("railway.answer_lost", act=what, reason=str(lost))
            found = await self._looked_up(look)
            if found is None:
                raise UnclearError(
                    f"{what}: {lost}, and Railway shows nothing of it yet: look again before it is repeated"
                ) from lost
            log.info("railway.found_done", act=what)
            return found

    async def _looked_up(self, look: Callable[[], Awaitable[T | None]]) -> T | None:
        for seconds in self._api.waits.looks:
            await asyncio.sleep(seconds)
            try:
                found = await look()
            except (UnavailableError, RefusedError) as error:  # that it may not be seen does not undo it
                log.debug("railway.look_failed", reason=str(error))
                continue
            if found is not None:
                return found
        return None

    async def _appearing(self, what: str, look: Callable[[], Awaitable[T | None]]) -> T:
        """Wait for what was asked for, and answered, to be there.

        Raises TakenError where it does not come or may not be looked at, CameToNothingError where Railway gave it up.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._api.waits.patience
        while True:
            try:
                found = await look()
                if found is not None:
                    return found
                reason = "Railway took it, but shows nothing of it"
            except CameToNothingError:
                raise
            except (UnavailableError, RefusedError) as error:
                reason = str(error)
                if isinstance(error, RefusedError) and not _is_not_found(error):
                    raise TakenError(f"{what}: Railway took it, but a look at it was refused: {reason}") from error
            if loop.time() >= deadline:
                raise TakenError(f"{what}: {reason}")
            await asyncio.sleep(max(self._api.waits.poll, self._api.gentle.total_seconds()))


def _is_not_found(error: RefusedError) -> bool:
    """Tell what was just made and may not be found yet."""
    return isinstance(error, SaidNoError) and error.why is Why.NOT_FOUND


def _identifier(answer: Mapping[str, Any]) -> str | None:
    """Take the new deployment's id out of an answer that has it."""
    value = next(iter(answer.values()), None)
    if isinstance(value, str):
        return value
    return value.get("id") if isinstance(value, dict) else None


def _is_of_the_same_code(deployment: Deployment, new: Deployment) -> bool:
    """Compare by sha: of the rest nothing is told before it is built."""
    return not new.commit or (deployment.commit is not None and new.commit.sha == deployment.commit.sha)


def _has_restarted(before: Deployment, now: Deployment) -> bool:
    """Tell by its replicas: others, or some that do not run (again) yet."""
    if {each.id for each in now.instances} != {each.id for each in before.instances}:
        return True
    starting = any(each.state is InstanceState.STARTING for each in now.instances)
    return starting or (before.running == 0 and now.running > 0)
