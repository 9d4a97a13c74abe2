"""The lines that builds and containers have written, and how they are asked for."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count

from devops_daemon.sandbox.railway.deployments import Deployment

KEPT = 50_000
"""How many lines are kept, the last ones."""
_NANOS = 1000


class Stream(StrEnum):
    """Which of a deployment's two logs a line stands in."""

    BUILD = "build"
    DEPLOY = "deploy"


@dataclass(frozen=True, slots=True)
class Line:
    """A line; `nanos` are those after the microsecond, so that no two lines have the same time."""

    at: datetime
    nanos: int
    stream: Stream
    message: str
    severity: str
    environment_id: str
    service_id: str
    deployment_id: str
    replica_id: str | None

    @property
    def timestamp(self) -> str:
        """Its time as Railway writes it: RFC 3339 with nanoseconds."""
        return f"{stamp(self.at)[:-1]}{self.nanos:03}Z"

    def attributes(self) -> dict[str, str]:
        """Give what it can be filtered by."""
        return {"level": self.severity, "service": self.service_id, "deployment": self.deployment_id}


def stamp(at: datetime) -> str:
    """Write a time in UTC with microseconds: `2026-09-01T12:00:00.000000Z`."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


class LogBook:
    """All lines of all deployments."""

    def __init__(self) -> None:
        """Start empty."""
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._numbers = count()

    def write(
        self,
        deployment: Deployment,
        message: str,
        severity: str = "info",
        *,
        stream: Stream = Stream.DEPLOY,
        at: datetime | None = None,
    ) -> None:
        """Add what this deployment writes; each line of the message is a line of its own."""
        replica = deployment.replicas[0].id if deployment.replicas and stream is Stream.DEPLOY else None
        for text in message.splitlines():
            line = Line(
                at=at or datetime.now(UTC),
                nanos=next(self._numbers) % _NANOS,
                stream=stream,
                message=text,
                severity=severity,
                environment_id=deployment.environment_id,
                service_id=deployment.service_id,
                deployment_id=deployment.id,
                replica_id=replica,
            )
            self._lines.append(line)

    def find(self, fits: Callable[[Line], bool]) -> list[Line]:
        """List the lines that fit, oldest first."""
        return sorted(filter(fits, self._lines), key=_by_time)


def _by_time(line: Line) -> tuple[datetime, int]:
    return line.at, line.nanos


def tail(lines: Iterable[Line], limit: int) -> list[Line]:
    """Take the last lines, one more than was asked for: so does Railway."""
    return list(lines)[-(limit + 1) :]
