"""Who has been at the product's servers: each request and how it ended, and whoever wants to know of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from devops_daemon.sandbox.faults import Fault, Server

CLIENT_LEFT = 499
"""The status under which an edge notes a client that lost its patience."""
BAD_GATEWAY = 502
"""The status under which an edge notes a connection that broke before the answer was whole."""

MET = web.RequestKey("met", Fault)
"""The fault that a request has met."""


@dataclass(frozen=True, slots=True)
class Served:
    """A request to a server of the product, as an edge in front of it would note it."""

    server: Server
    method: str
    path: str
    status: int
    took: timedelta
    at: datetime
    met: Fault | None = None
    """The fault that it met on its way."""


class Witness(Protocol):
    """Someone who is told what happens to the product as it happens."""

    def served(self, visit: Served) -> None:
        """Take note of a request that has ended."""

    def broken(self, fault: Fault) -> None:
        """Take note of a fault that has been switched on."""

    def mended(self, fault: Fault) -> None:
        """Take note of a fault that has been switched off by hand."""


def note(server: Server, tell: Callable[[Served], None]) -> Middleware:
    """Tell of each request to this server, however it ends."""

    @web.middleware
    async def noted(request: web.Request, handler: Handler) -> web.StreamResponse:
        at, began, status = datetime.now(UTC), monotonic(), CLIENT_LEFT
        try:
            response = await handler(request)
            status = response.status if _is_open(request) else BAD_GATEWAY
        except web.HTTPException as refusal:
            status = refusal.status
            raise
        else:
            return response
        finally:
            took = timedelta(seconds=monotonic() - began)
            tell(Served(server, request.method, request.path, status, took, at, request.get(MET)))

    return noted


def _is_open(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()
