"""The parts of the sandbox's Railway, put together."""

from datetime import UTC, datetime

from devops_daemon.sandbox.faults import Fault
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.chores import Chores
from devops_daemon.sandbox.railway.machines import Machines
from devops_daemon.sandbox.railway.operations import Operations
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.provisioning import Provisioning
from devops_daemon.sandbox.railway.proxies import Address, Proxies
from devops_daemon.sandbox.railway.rendering import Rendering
from devops_daemon.sandbox.railway.traffic import Traffic
from devops_daemon.sandbox.railway.weather import Weather
from devops_daemon.sandbox.railway.wording import traceback_of
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

    def served(self, visit: Served) -> None:
        """Take note of a request to the product."""
        self.traffic.served(visit)

    def broken(self, fault: Fault) -> None:
        """Let the service that breaks write what a real one would."""
        for place in self.world.places.values():
            deployment = self.world.active(place) if place.server is fault.server else None
            if deployment and deployment.is_running:
                self.world.log.write(deployment, traceback_of(fault.name), "error", at=datetime.now(UTC))
