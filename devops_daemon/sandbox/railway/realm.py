"""The parts of the sandbox's Railway, put together."""

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
from devops_daemon.sandbox.railway.world import World


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
