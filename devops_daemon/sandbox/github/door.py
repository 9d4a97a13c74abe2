"""The door of the API: who comes in, how much each may ask, and in what form everybody is answered."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from aiohttp import web

from devops_daemon.sandbox.github.api_faults import PRIMARY, SECONDARY
from devops_daemon.sandbox.github.call import Call, Reply, Route
from devops_daemon.sandbox.github.entrance import caller_of
from devops_daemon.sandbox.github.heard import Heard, Log, of_interest
from devops_daemon.sandbox.github.permissions import FINE, accepted, look_at
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.refusals import Refusal, forbidden, not_found
from devops_daemon.sandbox.github.tokens import Caller, TokenKind
from devops_daemon.sandbox.github.versions import OLDER, VERSIONS, written_for
from devops_daemon.sandbox.github.world import World

_FREE = {"/rate_limit"}
GRAPHQL = "graphql"
_RESOURCES = {"/graphql": GRAPHQL, "/search/issues": "search"}
_NO_AGENT = (
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent header "
    "(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required)."
)


class Door:
    """Lets requests in to the routes, and notes each."""

    def __init__(self, realm: Realm, log: Log) -> None:
        """Guard this realm."""
        self._realm = realm
        self._log = log

    def handler(self, route: Route) -> Callable[[web.Request], Any]:
        """Make what answers a route on the wire."""

        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._enter(route, request)

        return answer

    async def _enter(self, route: Route, request: web.Request) -> web.StreamResponse:
        heard = Heard(request.method, request.path, route.template, dict(request.query), of_interest(request.headers))
        self._log.note(heard)
        raw = await request.read()
        heard.body = _read(raw)
        fault = self._realm.faults.strike(request.method, route.template)
        if fault and not fault.takes_effect:
            response = await fault.answer(request, self._realm.faults.retry_after)
        else:
            response = await self._answer(route, request, raw, heard)
            if fault:
                response = await fault.answer(request, self._realm.faults.retry_after)
        heard.status = response.status
        return response

    async def _answer(self, route: Route, request: web.Request, raw: bytes, heard: Heard) -> web.Response:
        if not request.headers.get("User-Agent"):
            return web.Response(status=HTTPStatus.FORBIDDEN, text=_NO_AGENT)
        try:
            version = _version(request.headers)
            caller = caller_of(self._realm.view.world, request.headers, needs_app=route.needs_app)
        except Refusal as refusal:
            return _written(_refused(refusal))
        heard.token, heard.login = caller.kind, caller.account.login if caller.account else None
        reply = await self._admitted(route, request, raw, caller)
        response = _written(replace(reply, body=written_for(version, reply.body)))
        response.headers.update(_told_of(caller, route))
        return self._charged(route, request, caller, response)

    async def _admitted(self, route: Route, request: web.Request, raw: bytes, caller: Caller) -> Reply:
        """Let a request in if there is something left for it."""
        resource = _resource(route)
        if self._realm.limits.look(caller.purse, resource).remaining == 0 and route.path not in _FREE:
            used_up = {"errors": [{"type": "RATE_LIMITED", "message": PRIMARY}]}
            return Reply(used_up) if resource == GRAPHQL else _refused(forbidden(PRIMARY))
        try:
            return await self._granted(route, request, raw, caller)
        except Refusal as refusal:
            return _refused(refusal)

    def _charged(self, route: Route, request: web.Request, caller: Caller, response: web.Response) -> web.Response:
        """Count a request, unless it is free: the client knew the answer already."""
        known = request.headers.get("If-None-Match")
        is_known = request.method == "GET" and known is not None and known == response.headers.get("ETag")
        if is_known:
            kept = {name: value for name, value in response.headers.items() if not name.startswith("Content-")}
            response = web.Response(status=HTTPStatus.NOT_MODIFIED, headers=kept)
        count = self._realm.limits.look if is_known or route.path in _FREE else self._realm.limits.spend
        response.headers.update(count(caller.purse, _resource(route)).headers())
        return response

    async def _granted(self, route: Route, request: web.Request, raw: bytes, caller: Caller) -> Reply:
        world = self._realm.view.world
        if not route.reads and route.of_repository and not self._realm.limits.admits_writing(caller.purse):
            wait = {"Retry-After": str(round(self._realm.faults.retry_after.total_seconds()))}
            raise Refusal(HTTPStatus.FORBIDDEN, SECONDARY, headers=wait)
        if route.of_repository:
            _look_at_name(world, request)
        look_at(world, caller, route)
        return await route.handler(self._call(request, raw, caller))

    def _call(self, request: web.Request, raw: bytes, caller: Caller) -> Call:
        view = self._realm.view
        role = view.world.role(caller.account)
        return Call(caller, role, dict(request.match_info), dict(request.query), raw, view.urls, request.path)


def _look_at_name(world: World, request: web.Request) -> None:
    """Raise Refusal for another repository; for a name that this one had, one that leads on."""
    owner, name = request.match_info["owner"], request.match_info["repo"]
    if not world.is_called(owner, name):
        raise not_found()
    if name.lower() != world.name.lower():
        there = str(request.url).replace(f"/repos/{owner}/{name}", f"/repos/{world.full_name}", 1)
        raise Refusal(HTTPStatus.MOVED_PERMANENTLY, "Moved Permanently", headers={"Location": there})


def _version(headers: Mapping[str, str]) -> str:
    version = headers.get("X-GitHub-Api-Version", OLDER)
    if version not in VERSIONS:
        known = ", ".join(VERSIONS)
        raise Refusal(HTTPStatus.BAD_REQUEST, f"Invalid API version {version!r}. Supported versions are {known}")
    return version


def _told_of(caller: Caller, route: Route) -> dict[str, str]:
    """Say what the token may do, and what would have done, as far as GitHub says it."""
    if caller.kind is TokenKind.CLASSIC and caller.token:
        return {"X-OAuth-Scopes": ", ".join(sorted(caller.token.scopes)), "X-Accepted-OAuth-Scopes": "repo"}
    if caller.kind in FINE and route.needs:
        return {"X-Accepted-GitHub-Permissions": accepted(route.needs)}
    return {}


def _resource(route: Route) -> str:
    return _RESOURCES.get(route.path, "core")


def _refused(refusal: Refusal) -> Reply:
    return Reply(refusal.body, refusal.status, refusal.headers)


def _written(reply: Reply) -> web.Response:
    told = {**reply.headers, "X-GitHub-Media-Type": "github.v3; format=json", "X-GitHub-Request-Id": _request_id()}
    if reply.body is None:
        return web.Response(status=reply.status, headers=told)
    body = json.dumps(reply.body).encode()
    if reply.status == HTTPStatus.OK:
        told["ETag"] = f'W/"{hashlib.sha256(body).hexdigest()}"'
    return web.Response(status=reply.status, body=body, headers=told, content_type="application/json", charset="utf-8")


def _request_id() -> str:
    return ":".join(secrets.token_hex(2).upper() for _ in range(5))


def _read(raw: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None
