"""A deployment: one attempt to bring a commit or an image into service, and what has become of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from devops_daemon.sandbox.railway.commits import Commit

RETENTION = timedelta(hours=72)
"""For how long the image of a deployment that was superseded can be gone back to, on the Hobby plan."""


class Status(StrEnum):
    """What can have become of a deployment; Railway knows more than the sandbox plays."""

    INITIALIZING = "INITIALIZING"
    BUILDING = "BUILDING"
    DEPLOYING = "DEPLOYING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CRASHED = "CRASHED"
    SLEEPING = "SLEEPING"
    REMOVING = "REMOVING"
    REMOVED = "REMOVED"


IN_PROGRESS = frozenset({Status.INITIALIZING, Status.BUILDING, Status.DEPLOYING})
ACTIVE = frozenset({Status.SUCCESS, Status.CRASHED, Status.SLEEPING})
"""The statuses of the deployment that a service has in service, even if it does not serve."""


class ReplicaStatus(StrEnum):
    """What a container does."""

    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    RESTARTING = "RESTARTING"
    EXITED = "EXITED"
    STOPPED = "STOPPED"
    CRASHED = "CRASHED"
    REMOVED = "REMOVED"


_OVER = frozenset({ReplicaStatus.EXITED, ReplicaStatus.STOPPED, ReplicaStatus.CRASHED, ReplicaStatus.REMOVED})


@dataclass(frozen=True, slots=True)
class Replica:
    """A container of a deployment: what Railway calls a deployment instance."""

    id: str
    status: ReplicaStatus


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the way into service, as Railway's deployment events tell it."""

    name: str
    created_at: datetime
    completed_at: datetime | None = None
    error: str | None = None
    attempt: int | None = None
    max_attempts: int | None = None
    skipped: bool | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment of a service in an environment, of a commit or else of an image."""

    id: str
    service_id: str
    environment_id: str
    created_at: datetime
    status_updated_at: datetime
    status: Status
    variables: Mapping[str, str | None]
    """The service's variables at its start, unrendered: a rollback brings them back."""
    commit: Commit | None = None
    image: str | None = None
    patch_id: str | None = None
    replicas: tuple[Replica, ...] = ()
    steps: tuple[Step, ...] = ()
    is_built: bool = False
    is_build_only: bool = False
    has_succeeded: bool = False

    @property
    def is_in_progress(self) -> bool:
        """Say whether it is still on its way."""
        return self.status in IN_PROGRESS

    @property
    def is_active(self) -> bool:
        """Say whether it is the one in service."""
        return self.status in ACTIVE

    @property
    def is_running(self) -> bool:
        """Say whether any container of it runs."""
        return any(replica.status is ReplicaStatus.RUNNING for replica in self.replicas)

    @property
    def is_restarting(self) -> bool:
        """Say whether its containers are about to start again."""
        return any(replica.status is ReplicaStatus.RESTARTING for replica in self.replicas)

    @property
    def has_stopped(self) -> bool:
        """Say whether all its containers have stopped; where there never was one, none has."""
        return bool(self.replicas) and all(replica.status in _OVER for replica in self.replicas)

    @property
    def can_redeploy(self) -> bool:
        """Say whether it can be run again: not on its way, not removed."""
        return self.is_active or self.status is Status.FAILED

    def can_roll_back(self, now: datetime) -> bool:
        """Say whether it can be gone back to: it once was in service, and its image is still kept."""
        was_replaced = self.status in {Status.REMOVING, Status.REMOVED}
        return was_replaced and self.has_succeeded and now - self.status_updated_at <= RETENTION
