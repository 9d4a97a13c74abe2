"""The product's servers as the containers of Railway: they stop, start and break with what is deployed."""

from devops_daemon.sandbox.faults import Server
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.commits import Commit
from devops_daemon.sandbox.railway.places import Place


class Machines:
    """The containers; a place without a server of the product has none that could be seen from outside."""

    def __init__(self, product: Product | None) -> None:
        """Run this product, or nothing."""
        self._product = product
        self._brought = dict[Server, frozenset[str]]()

    async def start(self, place: Place, commit: Commit | None) -> None:
        """Run this commit in a new process: what was stuck is not, what the code brings is there again."""
        if self._product is None or place.server is None:
            return
        brings = commit.brings if commit else frozenset()
        for fault in self._brought.get(place.server, frozenset()) - brings:
            await self._product.switch_off(fault)
        await self._product.restarted(place.server)
        for fault in brings:
            await self._product.switch_on(fault)
        self._brought[place.server] = brings
        await self._product.start(place.server)

    async def stop(self, place: Place) -> None:
        """Let nothing run there."""
        if self._product and place.server:
            await self._product.stop(place.server)
