"""The control port of the sandbox's Railway: its faults, and what may happen to a service, over HTTP."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from devops_daemon.sandbox.faults import find as find_product_fault
from devops_daemon.sandbox.railway.api_faults import API_FAULTS

if TYPE_CHECKING:
    from devops_daemon.sandbox.railway.railway import Railway


class RailwayControl:
    """Each route answers with what is on, or what became of it; a wrong name is a 404 that says which there are."""

    def __init__(self, railway: "Railway") -> None:
        """Control this Railway."""
        self._railway = railway

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.get("/railway/faults", self._show),
            web.put("/railway/faults/{name}", self._switch_on),
            web.delete("/railway/faults/{name}", self._switch_off),
            web.delete("/railway/faults", self._mend),
            web.post("/railway/crash/{service}", self._crash),
            web.post("/railway/push/{service}", self._push),
        ]

    async def _show(self, _: web.Request) -> web.Response:
        return self._faults()

    async def _switch_on(self, request: web.Request) -> web.Response:
        times = request.query.get("times")
        try:
            self._railway.faults.switch_on(
                request.match_info["name"],
                operation=request.query.get("operation"),
                times=int(times) if times else None,
            )
        except ValueError as error:
            return _unknown(error)
        return self._faults()

    async def _switch_off(self, request: web.Request) -> web.Response:
        try:
            self._railway.faults.switch_off(request.match_info["name"])
        except ValueError as error:
            return _unknown(error)
        return self._faults()

    async def _mend(self, _: web.Request) -> web.Response:
        self._railway.faults.mend()
        return self._faults()

    async def _crash(self, request: web.Request) -> web.Response:
        service = request.match_info["service"]
        try:
            await self._railway.crash(service)
        except LookupError as error:
            return _unknown(error)
        return web.json_response({"crashed": service})

    async def _push(self, request: web.Request) -> web.Response:
        brings = frozenset(filter(None, request.query.get("brings", "").split(",")))
        fails_at = request.query.get("fails_at")
        if fails_at not in {None, "build", "healthcheck"}:
            return _unknown(ValueError("fails_at: build or healthcheck"))
        try:
            for name in brings:
                find_product_fault(name)
            identifier = self._railway.push(request.match_info["service"], brings=brings, fails_at=fails_at)  # type: ignore[arg-type] # just looked at
        except (LookupError, ValueError) as error:
            return _unknown(error)
        return web.json_response({"deployment": identifier})

    def _faults(self) -> web.Response:
        known = {fault.name: fault.sight for fault in API_FAULTS}
        return web.json_response({"active": sorted(self._railway.faults.active), "known": known})


def _unknown(error: Exception) -> web.Response:
    return web.json_response({"detail": f"no such thing: {error}"}, status=HTTPStatus.NOT_FOUND)
