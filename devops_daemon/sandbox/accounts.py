"""The backend's routes for people: register, sign in, who am I."""

from datetime import UTC, datetime
from http import HTTPStatus

from aiohttp import web

from devops_daemon.sandbox.database import Database
from devops_daemon.sandbox.forms import read_fields
from devops_daemon.sandbox.problems import problem


class Accounts:
    """Sign-in by password, sessions by bearer token."""

    def __init__(self, database: Database) -> None:
        """Serve the accounts of this database."""
        self._database = database

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.post("/api/auth/register", self._register),
            web.post("/api/auth/login", self._sign_in),
            web.get("/api/auth/me", self._me),
        ]

    async def _register(self, request: web.Request) -> web.Response:
        fields = await read_fields(request, "username", "display_name", "password")
        user = self._database.register(fields["username"], fields["display_name"], fields["password"])
        if user is None:
            raise problem(web.HTTPConflict, "Username already taken")
        return web.json_response(user.shown(), status=HTTPStatus.CREATED)

    async def _sign_in(self, request: web.Request) -> web.Response:
        fields = await read_fields(request, "username", "password")
        session = self._database.sign_in(fields["username"], fields["password"], datetime.now(UTC))
        if session is None:
            raise problem(web.HTTPUnauthorized, "Invalid username or password")
        user = self._database.users[session.username].shown()
        return web.json_response({"access_token": session.token, "token_type": "bearer", "user": user})

    async def _me(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user = self._database.signed_in(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise problem(web.HTTPUnauthorized, "Not authenticated")
        return web.json_response(user.shown())
