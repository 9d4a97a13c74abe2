"""The product's servers as the containers of Railway: they stop, start and break with what is deployed."""

from devops_daemon.sandbox.faults import Mend, Server
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.commits import Commit
from devops_daemon.sandbox.railway.places import Place


class Machines:
    """The containers; a place without a server of the product has none that could be seen from outside."""

    def __init__(self, product: Product | None) -> None:
        """Run this product, or nothing."""
        self._product = product
        self._brought = dict[Server, frozenset[str]]()

    async def start(self, place: Place, commit: Commit | None, mend: Mend) -> None:
        """Run this commit in a new process, or a new container: what lay in the old one is over."""
        if self._product is None or place.server is None:
            return
        gone = self._brought.get(place.server, frozenset()) - _brings(commit)
        await self._product.renewed(place.server, mend, gone)
        await self._product.start(place.server)

    async def bring(self, place: Place, commit: Commit | None) -> None:
        """Let the code that was started do its harm, once it is known to run: what it then writes is its own."""
        if self._product is None or place.server is None:
            return
        self._brought[place.server] = _brings(commit)
        for fault in _brings(commit):
            await self._product.switch_on(fault)

    async def stop(self, place: Place) -> None:
        """Let nothing run there."""
        if self._product and place.server:
            await self._product.stop(place.server)


def _brings(commit: Commit | None) -> frozenset[str]:
    return commit.brings if commit else frozenset()
