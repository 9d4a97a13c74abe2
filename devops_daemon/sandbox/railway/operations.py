"""What can be done to deployments and services, by the API or by the sandbox's own hand."""

from datetime import UTC, datetime

from devops_daemon.sandbox.faults import Death, Mend
from devops_daemon.sandbox.railway import wording
from devops_daemon.sandbox.railway.chores import Chores, pause
from devops_daemon.sandbox.railway.commits import Commit
from devops_daemon.sandbox.railway.deployments import Deployment, Replica, ReplicaStatus, Status
from devops_daemon.sandbox.railway.ids import fresh
from devops_daemon.sandbox.railway.machines import Machines
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.places import Place
from devops_daemon.sandbox.railway.refusals import Refusal
from devops_daemon.sandbox.railway.rollouts import Release, Rollouts
from devops_daemon.sandbox.railway.world import World


class Operations:
    """Deploy, restart, roll back, stop; each raises Refusal where Railway would refuse."""

    def __init__(self, world: World, machines: Machines, chores: Chores, pace: Pace) -> None:
        """Work on this world and these machines."""
        self._world = world
        self._machines = machines
        self._chores = chores
        self._pace = pace
        self._rollouts = Rollouts(world, machines, chores, pace)

    def push(self, place: Place, commit: Commit) -> Deployment:
        """Deploy a commit that has come from GitHub."""
        self._world.commits[commit.sha] = commit
        return self._rollouts.begin(place, Release(commit=commit, variables=self._variables(place)))

    def deploy(self, place: Place, sha: str | None) -> Deployment:
        """Deploy a commit, or the one that there is, with the settings and variables of now."""
        commit = self._commit(place, sha)
        if commit is None and place.image is None:
            raise Refusal("Service has no source to deploy")
        release = Release(commit=commit, image=place.image, variables=self._variables(place))
        return self._rollouts.begin(place, release)

    def deploy_patch(self, place: Place) -> Deployment | None:
        """Deploy what there is again, because a variable has changed; None where nothing is deployed."""
        latest = self._world.active(place) or self._world.latest(place)
        if latest is None:
            return None
        release = Release(latest.commit, latest.image, self._variables(place), latest.is_built, patch_id=fresh())
        return self._rollouts.begin(place, release)

    def redeploy(self, deployment: Deployment) -> Deployment:
        """Run the same code again, with the variables it had."""
        if not deployment.can_redeploy:
            raise Refusal("Deployment cannot be redeployed")
        return self._again(deployment)

    def roll_back(self, deployment: Deployment) -> Deployment:
        """Go back to a deployment, its code and its variables."""
        if not deployment.can_roll_back(datetime.now(UTC)):
            raise Refusal("Deployment cannot be rolled back")
        names = frozenset(deployment.variables)
        where = (deployment.environment_id, deployment.service_id)
        self._world.variables.keep_only(*where, names)
        self._world.variables.write(*where, deployment.variables)
        return self._again(deployment)

    async def restart(self, deployment: Deployment) -> None:
        """Stop the container, and soon start another one of the same deployment."""
        if not deployment.is_active:
            raise Refusal("Deployment cannot be restarted: it is not active")
        self._set_replicas(deployment, ReplicaStatus.RESTARTING)
        self._world.log.write(deployment, wording.STOPPING)
        await self._machines.stop(self._world.place_of(deployment))
        self._chores.begin(self._start_again(deployment.id))

    async def remove(self, deployment: Deployment) -> None:
        """Stop a deployment for good; one that is on its way is cancelled."""
        if deployment.is_in_progress:
            self._rollouts.cancel(deployment)
        if not deployment.is_active:
            return
        self._world.set_status(deployment.id, Status.REMOVING)
        self._world.log.write(deployment, wording.STOPPING)
        await self._machines.stop(self._world.place_of(deployment))
        self._chores.begin(self._be_removed(deployment.id))

    def cancel(self, deployment: Deployment) -> None:
        """Give up a deployment that is on its way."""
        if not deployment.is_in_progress:
            raise Refusal("Deployment cannot be cancelled")
        self._rollouts.cancel(deployment)

    async def crash(self, place: Place) -> None:
        """Let the container of what is in service die with an error."""
        self.die(self._serving(place), Death.ERROR)
        await self._machines.stop(place)

    def die(self, deployment: Deployment, death: Death) -> None:
        """Note that the process of a deployment has died of this."""
        self._world.log.write(deployment, wording.LAST_WORDS[death], "error")
        self._set_replicas(deployment, ReplicaStatus.CRASHED)
        self._world.set_status(deployment.id, Status.CRASHED)
        if death is Death.OUT_OF_MEMORY:
            self._world.memory_ran_out[self._world.place_of(deployment).id] = datetime.now(UTC)

    def revive(self, deployment: Deployment) -> None:
        """Let what has crashed be started once more by Railway itself, as a restart policy does."""
        self._set_replicas(deployment, ReplicaStatus.RESTARTING)
        self._chores.begin(self._start_again(deployment.id))

    async def exit_quietly(self, place: Place) -> None:
        """Let the container end as if all were well: the status stays what it was."""
        deployment = self._serving(place)
        self._world.log.write(deployment, wording.QUIET_EXIT)
        self._set_replicas(deployment, ReplicaStatus.EXITED)
        await self._machines.stop(place)

    def _serving(self, place: Place) -> Deployment:
        deployment = self._world.active(place)
        if deployment is None:
            raise LookupError(f"{place.name} has no deployment in service")
        return deployment

    def _again(self, deployment: Deployment) -> Deployment:
        release = Release(deployment.commit, deployment.image, deployment.variables, deployment.is_built)
        return self._rollouts.begin(self._world.place_of(deployment), release)

    def _commit(self, place: Place, sha: str | None) -> Commit | None:
        if sha is None:
            current = self._world.active(place) or self._world.latest(place)
            return current.commit if current else None
        if sha not in self._world.commits:
            raise Refusal("Commit not found")
        return self._world.commits[sha]

    def _variables(self, place: Place) -> dict[str, str | None]:
        return self._world.variables.snapshot(place.environment_id, place.service_id)

    async def _start_again(self, deployment_id: str) -> None:
        await pause(self._pace.deploying)
        deployment = self._world.deployment(deployment_id)
        if not deployment.is_active or not deployment.is_restarting:
            return
        place = self._world.place_of(deployment)
        await self._machines.start(place, deployment.commit, Mend.RESTART)
        started = tuple(Replica(fresh(), ReplicaStatus.RUNNING) for _ in deployment.replicas)
        deployment = self._world.change(deployment_id, status=Status.SUCCESS, replicas=started)
        self._world.log.write(deployment, wording.starting(place))
        await self._machines.bring(place, deployment.commit)

    async def _be_removed(self, deployment_id: str) -> None:
        await pause(self._pace.removing)
        deployment = self._world.set_status(deployment_id, Status.REMOVED)
        self._set_replicas(deployment, ReplicaStatus.REMOVED)

    def _set_replicas(self, deployment: Deployment, status: ReplicaStatus) -> None:
        self._world.change(
            deployment.id, replicas=tuple(Replica(replica.id, status) for replica in deployment.replicas)
        )
