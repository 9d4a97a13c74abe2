"""The requests that came to the product by way of Railway's edge, each with the deployment that served it."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from devops_daemon.sandbox.railway.deployments import Deployment
from devops_daemon.sandbox.railway.filters import Filter
from devops_daemon.sandbox.railway.ids import fresh
from devops_daemon.sandbox.railway.logbook import stamp
from devops_daemon.sandbox.railway.pages import Node
from devops_daemon.sandbox.railway.places import Place
from devops_daemon.sandbox.railway.windows import Window
from devops_daemon.sandbox.railway.world import World
from devops_daemon.sandbox.visits import BAD_GATEWAY, Served

KEPT = 10_000
"""How many requests are kept, the last ones."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A request, and who served it."""

    request_id: str
    visit: Served
    host: str
    deployment_id: str
    replica_id: str

    @property
    def at(self) -> datetime:
        """When it came."""
        return self.visit.at

    @property
    def milliseconds(self) -> int:
        """How long it took."""
        return round(self.visit.took.total_seconds() * 1000)

    def attributes(self) -> dict[str, str]:
        """Give what it can be filtered by."""
        return {
            "method": self.visit.method,
            "path": self.visit.path,
            "host": self.host,
            "httpStatus": str(self.visit.status),
            "totalDuration": str(self.milliseconds),
            "requestId": self.request_id,
            "deploymentId": self.deployment_id,
        }

    def shown(self) -> Node:
        """Show it as a line of the HTTP log."""
        failed = self.visit.status == BAD_GATEWAY
        return {
            "timestamp": f"{stamp(self.at)[:-1]}000Z",
            "requestId": self.request_id,
            "method": self.visit.method,
            "path": self.visit.path,
            "host": self.host,
            "httpStatus": self.visit.status,
            "totalDuration": self.milliseconds,
            "responseDetails": "Failed to forward request to upstream" if failed else "",
            "upstreamErrors": '[{"error":"connection closed unexpectedly"}]' if failed else "",
            "deploymentId": self.deployment_id,
            "deploymentInstanceId": self.replica_id,
        }


class Traffic:
    """The last requests."""

    def __init__(self, world: World) -> None:
        """Find who serves a request in this world."""
        self._world = world
        self._passages: deque[Passage] = deque(maxlen=KEPT)

    def served(self, visit: Served) -> None:
        """Take note of a request that the product has answered, or not."""
        for place in self._world.places.values():
            deployment = self._world.active(place) if place.server is visit.server else None
            if deployment:
                replica = deployment.replicas[0].id
                self._passages.append(Passage(fresh(), visit, place.domain or place.name, deployment.id, replica))

    def log(self, deployment: Deployment, window: Window, wanted: Filter) -> list[Passage]:
        """List what a deployment has served."""
        found = [each for each in self._passages if each.deployment_id == deployment.id]
        fitting = [each for each in found if wanted.fits(each.visit.path, each.attributes())]
        return window.cut(sorted(fitting, key=_at), _at)

    def of(self, place: Place, start: datetime, end: datetime) -> list[Passage]:
        """List what the deployments of a service served between two times."""
        ids = {each.id for each in self._world.history(place)}
        return [each for each in self._passages if each.deployment_id in ids and start <= each.at < end]


def _at(passage: Passage) -> datetime:
    return passage.at
