"""The control port: see, switch on and switch off the product's faults over HTTP."""

from http import HTTPStatus
from typing import Protocol

from aiohttp import web

from devops_daemon.sandbox.faults import FAULTS, UnknownFaultError


class Breakable(Protocol):
    """Something whose faults can be switched."""

    @property
    def active(self) -> frozenset[str]:
        """The names of the faults that are on."""

    async def switch_on(self, fault: str) -> None:
        """Break it this way; raises UnknownFaultError."""

    async def switch_off(self, fault: str) -> None:
        """End this fault; raises UnknownFaultError."""

    async def mend(self) -> None:
        """End all faults."""


class Control:
    """Each route answers with the faults that are on and those that there are."""

    def __init__(self, product: Breakable) -> None:
        """Switch the faults of this product."""
        self._product = product

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.get("/faults", self._show),
            web.put("/faults/{name}", self._switch_on),
            web.delete("/faults/{name}", self._switch_off),
            web.delete("/faults", self._mend),
        ]

    async def _show(self, _: web.Request) -> web.Response:
        return self._faults()

    async def _switch_on(self, request: web.Request) -> web.Response:
        try:
            await self._product.switch_on(request.match_info["name"])
        except UnknownFaultError as error:
            return _unknown(error)
        return self._faults()

    async def _switch_off(self, request: web.Request) -> web.Response:
        try:
            await self._product.switch_off(request.match_info["name"])
        except UnknownFaultError as error:
            return _unknown(error)
        return self._faults()

    async def _mend(self, _: web.Request) -> web.Response:
        await self._product.mend()
        return self._faults()

    def _faults(self) -> web.Response:
        return web.json_response({"active": sorted(self._product.active), "known": _known()})


def _known() -> dict[str, str]:
    return {fault.name: fault.sight for fault in FAULTS}


def _unknown(error: UnknownFaultError) -> web.Response:
    return web.json_response({"detail": str(error), "known": _known()}, status=HTTPStatus.NOT_FOUND)
