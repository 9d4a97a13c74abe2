"""The parts of the sandbox's Railway, put together."""

from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus

from devops_daemon.sandbox.faults import Fault, Server
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.chores import Chores
from devops_daemon.sandbox.railway.complaints import Complaints
from devops_daemon.sandbox.railway.deployments import Deployment, Status
from devops_daemon.sandbox.railway.machines import Machines
from devops_daemon.sandbox.railway.operations import Operations
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.provisioning import Provisioning
from devops_daemon.sandbox.railway.proxies import Address, Proxies
from devops_daemon.sandbox.railway.rendering import Rendering
from devops_daemon.sandbox.railway.traffic import Traffic
from devops_daemon.sandbox.railway.weather import Weather
from devops_daemon.sandbox.railway.world import World
from devops_daemon.sandbox.visits import Served


class Realm:
    """All that a query or mutation may look at or work on."""

    def __init__(self, product: Product | None, pace: Pace, database: Address | None) -> None:
        """Put a world together in which this product runs."""
        self.world = World()
        self.chores = Chores()
        machines = Machines(product)
        self.operations = Operations(self.world, machines, self.chores, pace)
        self.proxies = Proxies(self.world, self.chores, pace, database)
        self.rendering = Rendering(self.world, self.proxies)
        self.provisioning = Provisioning(self.world, self.operations, self.chores, pace)
        self.traffic = Traffic(self.world)
        self.weather = Weather()
        self.sampling = pace.sampling
        self._complaints = Complaints(self.world.log)

    def served(self, visit: Served) -> None:
        """Take note of a request to the product."""
        self.traffic.served(visit)
        if visit.met and visit.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            for deployment in self._active(visit.server):
                self._complaints.repeat(deployment, visit.met, datetime.now(UTC))

    def broken(self, fault: Fault) -> None:
        """Let the service that breaks write what a real one would, and end if it has died."""
        for deployment in self._active(fault.server):
            if not deployment.is_running:
                continue
            if fault.death:
                self.operations.die(deployment, fault.death)
            else:
                self._complaints.write(deployment, fault, datetime.now(UTC))

    def mended(self, fault: Fault) -> None:
        """Start what had died, as a restart policy does."""
        for deployment in self._active(fault.server):
            if fault.death and deployment.status is Status.CRASHED:
                self.operations.revive(deployment)

    def _active(self, server: Server) -> Iterator[Deployment]:
        """List the deployments in service that run this server of the product."""
        for place in self.world.places.values():
            deployment = self.world.active(place) if place.server is server else None
            if deployment:
                yield deployment
