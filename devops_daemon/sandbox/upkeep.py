"""The backend's DevOps API: what is in the tables, and the clearing of what has piled up."""

from datetime import UTC, datetime, timedelta

from aiohttp import web

from devops_daemon.sandbox.database import Database
from devops_daemon.sandbox.forms import read_flag, read_number
from devops_daemon.sandbox.guard import guarded


class Upkeep:
    """Routes for those who know the DevOps secret."""

    def __init__(self, database: Database, secret: str) -> None:
        """Serve the tables of this database under that secret."""
        self._database = database
        self._secret = secret

    def routes(self) -> list[web.RouteDef]:
        """List the routes, each behind `X-DevOps-Secret`."""
        handlers = (
            ("GET", "/api/devops/health", self._health),
            ("GET", "/api/devops/stats", self._stats),
            ("DELETE", "/api/devops/cleanup/stale-sessions", self._clear_stale_sessions),
            ("DELETE", "/api/devops/cleanup/orphans", self._clear_orphans),
        )
        return [
            web.route(method, path, guarded(handler, secret=self._secret, header="X-DevOps-Secret"))
            for method, path, handler in handlers
        ]

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response(self._database.counts())

    async def _clear_stale_sessions(self, request: web.Request) -> web.Response:
        older_than = timedelta(hours=read_number(request, "older_than_hours", default=24))
        dry_run = read_flag(request, "dry_run")
        deleted = self._database.clear_stale_sessions(older_than, datetime.now(UTC), dry_run=dry_run)
        return web.json_response({"deleted_count": deleted})

    async def _clear_orphans(self, request: web.Request) -> web.Response:
        deleted = self._database.clear_orphans(dry_run=read_flag(request, "dry_run"))
        return web.json_response({"deleted": deleted})
