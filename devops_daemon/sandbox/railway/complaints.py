"""What the product's servers write to their logs while they are broken."""

from datetime import datetime, timedelta

from devops_daemon.sandbox.faults import Fault
from devops_daemon.sandbox.railway import wording
from devops_daemon.sandbox.railway.deployments import Deployment
from devops_daemon.sandbox.railway.logbook import LogBook

EVERY = timedelta(seconds=5)
"""How often a container repeats itself: were it for each request, its log would hold nothing else."""


class Complaints:
    """The tracebacks of each container, and when it last wrote which."""

    def __init__(self, log: LogBook) -> None:
        """Write into this log."""
        self._log = log
        self._written: dict[tuple[str, str], datetime] = {}

    def write(self, deployment: Deployment, fault: Fault, now: datetime) -> None:
        """Let a deployment that runs write what it suffers from."""
        self._log.write(deployment, wording.traceback_of(fault), "error")
        self._written[deployment.replicas[0].id, fault.name] = now

    def repeat(self, deployment: Deployment, fault: Fault, now: datetime) -> None:
        """Let it write so again, if it has not for a while."""
        last = self._written.get((deployment.replicas[0].id, fault.name))
        if last is None or now - last >= EVERY:
            self.write(deployment, fault, now)
