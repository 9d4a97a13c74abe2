"""The steps of the way into service, as they begin and end."""

from dataclasses import replace
from datetime import UTC, datetime

from devops_daemon.sandbox.railway.deployments import Step
from devops_daemon.sandbox.railway.world import World

SNAPSHOT = "SNAPSHOT_CODE"
BUILD = "BUILD_IMAGE"
PUBLISH = "PUBLISH_IMAGE"
CONTAINER = "CREATE_CONTAINER"
NETWORK = "CONFIGURE_NETWORK"
HEALTHCHECK = "HEALTHCHECK"
DRAIN = "DRAIN_INSTANCES"


class Steps:
    """Writes the steps of deployments down, now."""

    def __init__(self, world: World) -> None:
        """Write them into this world."""
        self._world = world

    def begin(self, deployment_id: str, *names: str) -> None:
        """Let these steps begin, each when the one before has ended."""
        for name in names:
            self.end(deployment_id)
            self._add(deployment_id, Step(name, datetime.now(UTC)))

    def skip(self, deployment_id: str, name: str) -> None:
        """Note that a step is not needed."""
        now = datetime.now(UTC)
        self._add(deployment_id, Step(name, now, now, skipped=True))

    def end(self, deployment_id: str) -> None:
        """Let the step that is under way end well."""
        self._world.change(deployment_id, steps=tuple(map(_ended, self._steps(deployment_id))))

    def fail(self, deployment_id: str, step: Step) -> None:
        """Let the step that is under way end like this."""
        self._world.change(deployment_id, steps=(*self._steps(deployment_id)[:-1], step))

    def _add(self, deployment_id: str, step: Step) -> None:
        self._world.change(deployment_id, steps=(*self._steps(deployment_id), step))

    def _steps(self, deployment_id: str) -> tuple[Step, ...]:
        return self._world.deployment(deployment_id).steps


def _ended(step: Step) -> Step:
    return step if step.completed_at else replace(step, completed_at=datetime.now(UTC))


def went_well(at: datetime, *, from_image: bool) -> tuple[Step, ...]:
    """Give the steps of a deployment of long ago that came into service."""
    build = () if from_image else (SNAPSHOT, BUILD, PUBLISH)
    return tuple(Step(name, at, at) for name in (*build, CONTAINER, NETWORK, HEALTHCHECK))
