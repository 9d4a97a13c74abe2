"""What may change of a deployment in its life."""

from typing import TypedDict

from devops_daemon.sandbox.railway.deployments import Replica, Status, Step


class Changes(TypedDict, total=False):
    """The fields that change; all others are what they were at its start."""

    status: Status
    replicas: tuple[Replica, ...]
    steps: tuple[Step, ...]
    is_built: bool
    has_succeeded: bool
