"""The product's backend: health and version, and the rooms of its API."""

from aiohttp import web

from devops_daemon.sandbox.accounts import Accounts
from devops_daemon.sandbox.database import Database
from devops_daemon.sandbox.feedback import FeedbackBox
from devops_daemon.sandbox.upkeep import Upkeep


def backend_routes(database: Database, *, devops_secret: str, feedback_secret: str) -> list[web.RouteDef]:
    """List every route of the backend."""
    return [
        web.get("/health", _health),
        web.get("/health/ready", _ready),
        web.get("/api/version", _version),
        *Accounts(database).routes(),
        *Upkeep(database, devops_secret).routes(),
        *FeedbackBox(database, feedback_secret).routes(),
    ]


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"status": "healthy"})


async def _ready(_: web.Request) -> web.Response:
    return web.json_response({"status": "ready", "checks": {"database": "ok", "redis": "ok"}})


async def _version(_: web.Request) -> web.Response:
    return web.json_response({"version": "1.0.0", "name": "sandbox-product", "environment": "sandbox"})
