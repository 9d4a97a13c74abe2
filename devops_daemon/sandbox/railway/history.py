"""What was deployed before the sandbox began: deployments of the past, and what they wrote."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha1

from devops_daemon.sandbox.railway import wording
from devops_daemon.sandbox.railway.commits import Commit
from devops_daemon.sandbox.railway.deployments import Deployment, Replica, ReplicaStatus, Status, Step
from devops_daemon.sandbox.railway.ids import named
from devops_daemon.sandbox.railway.logbook import Stream
from devops_daemon.sandbox.railway.places import Place
from devops_daemon.sandbox.railway.steps import BUILD, SNAPSHOT, went_well
from devops_daemon.sandbox.railway.world import World

ROLLOUT = timedelta(minutes=2)
"""How long a deployment of the past took."""
_REPLICAS = {
    Status.SUCCESS: ReplicaStatus.RUNNING,
    Status.SLEEPING: ReplicaStatus.STOPPED,
    Status.REMOVED: ReplicaStatus.REMOVED,
}


@dataclass(frozen=True, slots=True)
class Past:
    """A deployment of the past: how long ago it began, what has become of it, and what it was of."""

    ago: timedelta
    status: Status
    message: str = ""


def past_sha(message: str) -> str:
    """Give the sha of a commit of the past."""
    return sha1(message.encode(), usedforsecurity=False).hexdigest()


def live_through(world: World, place: Place, pasts: Sequence[Past], now: datetime) -> None:
    """Add the past deployments of a service, oldest first."""
    for number, past in enumerate(pasts):
        commit = None if place.image else Commit(past_sha(past.message), past.message)
        if commit:
            world.commits[commit.sha] = commit
        deployment = _deployment(world, place, past, commit, began=now - past.ago, ended=now - _ended(pasts, number))
        world.keep(deployment)
        _write_log(world, place, deployment)


def _ended(pasts: Sequence[Past], number: int) -> timedelta:
    """Say how long ago a deployment came to its status: one that was replaced, when its successor came."""
    past = pasts[number]
    if past.status is Status.REMOVED:
        past = next(later for later in pasts[number + 1 :] if later.status is not Status.FAILED)
    return past.ago - ROLLOUT


def _deployment(
    world: World, place: Place, past: Past, commit: Commit | None, *, began: datetime, ended: datetime
) -> Deployment:
    identity = (place.id, past.message, str(past.ago))
    has_containers = past.status in _REPLICAS and not place.cron_schedule
    deployment = Deployment(
        id=named("deployment", *identity),
        service_id=place.service_id,
        environment_id=place.environment_id,
        created_at=began,
        status_updated_at=ended,
        status=past.status,
        variables=world.variables.snapshot(place.environment_id, place.service_id),
        commit=commit,
        image=place.image,
        replicas=(Replica(named("replica", *identity), _REPLICAS[past.status]),) if has_containers else (),
        steps=went_well(began, from_image=place.image is not None),
        is_built=past.status is not Status.FAILED,
        is_build_only=place.cron_schedule is not None,
        has_succeeded=past.status is not Status.FAILED,
    )
    return _failed(deployment) if past.status is Status.FAILED else deployment


def _failed(deployment: Deployment) -> Deployment:
    began, ended = deployment.created_at, deployment.status_updated_at
    steps = (Step(SNAPSHOT, began, began), Step(BUILD, began, ended, error=wording.BUILD_ERROR))
    return replace(deployment, steps=steps)


def _write_log(world: World, place: Place, deployment: Deployment) -> None:
    began, live = deployment.created_at, deployment.created_at + ROLLOUT
    if deployment.commit:
        world.log.write(deployment, wording.building(place, deployment), stream=Stream.BUILD, at=began)
    if deployment.status is Status.FAILED:
        world.log.write(deployment, wording.BUILD_FAILURE, "error", stream=Stream.BUILD, at=live)
        return
    if deployment.commit:
        world.log.write(deployment, wording.BUILT, stream=Stream.BUILD, at=live)
    if deployment.replicas:
        world.log.write(deployment, wording.starting(place), at=live)
