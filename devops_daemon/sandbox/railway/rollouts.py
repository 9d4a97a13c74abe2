"""How a deployment comes into service, or fails to: its statuses in their time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from devops_daemon.sandbox.faults import Mend
from devops_daemon.sandbox.railway import steps, wording
from devops_daemon.sandbox.railway.chores import Chores, pause
from devops_daemon.sandbox.railway.commits import Commit
from devops_daemon.sandbox.railway.deployments import Deployment, Replica, ReplicaStatus, Status, Step
from devops_daemon.sandbox.railway.ids import fresh
from devops_daemon.sandbox.railway.logbook import Stream
from devops_daemon.sandbox.railway.machines import Machines
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.places import Place
from devops_daemon.sandbox.railway.steps import Steps
from devops_daemon.sandbox.railway.world import World


@dataclass(frozen=True, slots=True)
class Release:
    """What is to be brought into service, and with which variables."""

    commit: Commit | None = None
    image: str | None = None
    variables: Mapping[str, str | None] = field(default_factory=dict)
    is_built: bool = False
    patch_id: str | None = None


class Rollouts:
    """Deployments under way, each a task of its own; only one of a service at a time."""

    def __init__(self, world: World, machines: Machines, chores: Chores, pace: Pace) -> None:
        """Bring what is deployed in this world onto these machines, at this pace."""
        self._world = world
        self._machines = machines
        self._chores = chores
        self._pace = pace
        self._steps = Steps(world)

    def begin(self, place: Place, release: Release) -> Deployment:
        """Start a deployment; one that is still on its way there gives up its place."""
        for earlier in self._world.history(place):
            if earlier.is_in_progress:
                self.cancel(earlier)
        now = datetime.now(UTC)
        deployment = Deployment(
            id=fresh(),
            service_id=place.service_id,
            environment_id=place.environment_id,
            created_at=now,
            status_updated_at=now,
            status=Status.INITIALIZING,
            variables=release.variables,
            commit=release.commit,
            image=release.image,
            patch_id=release.patch_id,
            is_built=release.is_built,
            is_build_only=place.cron_schedule is not None,
        )
        self._chores.begin(self._roll_out(deployment.id))
        return self._world.keep(deployment)

    def cancel(self, deployment: Deployment) -> None:
        """Give up a deployment that is on its way."""
        self._steps.end(deployment.id)
        self._world.change(deployment.id, status=Status.REMOVED, replicas=_all(deployment, ReplicaStatus.REMOVED))

    async def _roll_out(self, deployment_id: str) -> None:
        await pause(self._pace.initializing)
        for stage in (self._build, self._deploy, self._go_live):
            deployment = self._world.deployment(deployment_id)
            if not deployment.is_in_progress:
                return
            await stage(deployment)

    async def _build(self, deployment: Deployment) -> None:
        if deployment.is_built or deployment.image:
            self._steps.skip(deployment.id, steps.BUILD)
            return
        self._world.set_status(deployment.id, Status.BUILDING)
        self._steps.begin(deployment.id, steps.SNAPSHOT, steps.BUILD)
        place = self._world.place_of(deployment)
        self._world.log.write(deployment, wording.building(place, deployment), stream=Stream.BUILD)
        await pause(self._pace.building)
        if not self._is_on_its_way(deployment):
            return
        if deployment.commit and deployment.commit.fails_at == "build":
            self._world.log.write(deployment, wording.BUILD_FAILURE, "error", stream=Stream.BUILD)
            self._fail(deployment, Step(steps.BUILD, datetime.now(UTC), error=wording.BUILD_ERROR))
            return
        self._steps.begin(deployment.id, steps.PUBLISH)
        self._steps.end(deployment.id)
        self._world.log.write(deployment, wording.BUILT, stream=Stream.BUILD)
        self._world.change(deployment.id, is_built=True)

    async def _deploy(self, deployment: Deployment) -> None:
        if deployment.is_build_only:
            return
        container = Replica(fresh(), ReplicaStatus.INITIALIZING)
        deployment = self._world.change(deployment.id, status=Status.DEPLOYING, replicas=(container,))
        self._steps.begin(deployment.id, steps.CONTAINER, steps.NETWORK, steps.HEALTHCHECK)
        place = self._world.place_of(deployment)
        self._world.log.write(deployment, wording.starting(place))
        await pause(self._pace.deploying)
        if not self._is_on_its_way(deployment):
            return
        if deployment.commit and deployment.commit.fails_at == "healthcheck":
            self._world.log.write(deployment, wording.UNHEALTHY_START, "error")
            self._fail(deployment, wording.failed_healthcheck(place, datetime.now(UTC)))

    async def _go_live(self, deployment: Deployment) -> None:
        place = self._world.place_of(deployment)
        before = self._world.active(place)
        self._steps.end(deployment.id)
        if not deployment.is_build_only:
            await self._machines.start(place, deployment.commit, Mend.NEW_CONTAINER)
        self._world.change(
            deployment.id,
            status=Status.SUCCESS,
            replicas=_all(deployment, ReplicaStatus.RUNNING),
            has_succeeded=True,
        )
        if not deployment.is_build_only:
            await self._machines.bring(place, deployment.commit)
        if before:
            await self._retire(before)

    async def _retire(self, deployment: Deployment) -> None:
        self._world.set_status(deployment.id, Status.REMOVING)
        self._world.log.write(deployment, wording.STOPPING)
        await pause(self._pace.removing)
        self._world.change(deployment.id, status=Status.REMOVED, replicas=_all(deployment, ReplicaStatus.REMOVED))

    def _fail(self, deployment: Deployment, step: Step) -> None:
        self._steps.fail(deployment.id, step)
        self._world.change(deployment.id, status=Status.FAILED, replicas=_all(deployment, ReplicaStatus.REMOVED))

    def _is_on_its_way(self, deployment: Deployment) -> bool:
        return self._world.deployment(deployment.id).is_in_progress


def _all(deployment: Deployment, status: ReplicaStatus) -> tuple[Replica, ...]:
    return tuple(Replica(replica.id, status) for replica in deployment.replicas)
