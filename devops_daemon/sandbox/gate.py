"""What a request passes before the product's own routes: it is counted, and it may meet a fault."""

from collections import Counter

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from devops_daemon.sandbox.answers import Visit
from devops_daemon.sandbox.faults import Server
from devops_daemon.sandbox.switchboard import Switchboard
from devops_daemon.sandbox.visits import MET


def count(calls: Counter[str]) -> Middleware:
    """Count each request under its method and route, `PATCH /api/feedback/{id}/processed`."""

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        calls[f"{request.method} {_route(request)}"] += 1
        return await handler(request)

    return counted


def strike(switchboard: Switchboard, server: Server, frontend_url: str) -> Middleware:
    """Let the faults of this server answer first."""

    @web.middleware
    async def struck(request: web.Request, handler: Handler) -> web.StreamResponse:
        for fault, answer, over in switchboard.answers(server, request.path):
            request[MET] = fault
            try:
                response = await answer(Visit(request, over, frontend_url))
            except ConnectionError:
                return web.Response()  # the visitor has left: nobody reads it
            if response is not None:
                return response
        return await handler(request)

    return struck


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else request.path
