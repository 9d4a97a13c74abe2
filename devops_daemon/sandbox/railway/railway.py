"""Railway on loopback: its GraphQL API with state, tokens, limits and faults, and the sandbox's product upon it."""

import json
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from graphql import GraphQLError, OperationDefinitionNode, OperationType

from devops_daemon.sandbox.listener import Listener
from devops_daemon.sandbox.product import LOOPBACK, Product
from devops_daemon.sandbox.railway import seed
from devops_daemon.sandbox.railway.access import Caller, Reach, TokenKind, default_denials, kind_of
from devops_daemon.sandbox.railway.api_faults import ApiFaults, edge_limit, html
from devops_daemon.sandbox.railway.commits import Commit, FailsAt, fresh_sha
from devops_daemon.sandbox.railway.control import RailwayControl
from devops_daemon.sandbox.railway.execution import Execution, read
from devops_daemon.sandbox.railway.limits import Burst, Limits
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.proxies import Address
from devops_daemon.sandbox.railway.realm import Realm

PATH = "/graphql/v2"
HOUR_LIMIT, SECOND_LIMIT = 1000, 10
EDGE_LIMIT = 10
"""Requests in a second that Cloudflare lets through where there is no query string."""
REMEMBERED = 1000
PYTHONS = ("python", "aiohttp", "")
"""How the User-Agents begin that the edge turns away."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A request that reached the API."""

    operation: str
    variables: Mapping[str, Any]
    token: TokenKind
    user_agent: str
    query_string: str


class Railway:
    """The API on a port of its own; `realm` is its state, `faults` are its switches, `heard` are the last requests."""

    project_token = "sandbox-project-token"  # noqa: S105 - of a Railway that holds nothing
    staging_token = "sandbox-staging-token"  # noqa: S105 - the same
    workspace_token = "sandbox-workspace-token"  # noqa: S105 - the same
    other_workspace_token = "sandbox-other-workspace-token"  # noqa: S105 - the same

    def __init__(
        self,
        product: Product | None = None,
        pace: Pace | None = None,
        *,
        port: int = 0,
        control_port: int = 0,
        database: Address | None = None,
    ) -> None:
        """Nothing is started yet; `database` is where the proxies of databases lead, else to one without tables."""
        self.realm = Realm(product, pace or Pace(), database)
        self.faults = ApiFaults()
        self.limits = Limits(HOUR_LIMIT, SECOND_LIMIT)
        self.denied = default_denials()
        self.calls: Counter[str] = Counter()
        self.heard: deque[Heard] = deque(maxlen=REMEMBERED)
        self.clock_skew = timedelta()
        self._product = product
        self._execution = Execution()
        self._burst = Burst()
        self._api = Listener(self._application, host=LOOPBACK, port=port)
        self._control = Listener(self._control_application, host=LOOPBACK, port=control_port)
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Lay the world out and listen."""
        seed.seed(self.realm.world, datetime.now(UTC))
        async with AsyncExitStack() as starting:
            if self._product:
                self._product.witnesses.append(self.realm)
                starting.callback(self._product.witnesses.remove, self.realm)
            starting.push_async_callback(self.realm.chores.end)
            starting.push_async_callback(self.realm.proxies.close)
            for listener in (self._api, self._control):
                await starting.enter_async_context(listener)
                await listener.open()
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever is under way."""
        await self._running.aclose()

    @property
    def api_url(self) -> str:
        """Where the API is."""
        return f"{self._api.url}{PATH}"

    @property
    def control_url(self) -> str:
        """Where its faults are switched, without a slash at the end."""
        return self._control.url

    def push(
        self,
        service: str,
        *,
        sha: str | None = None,
        brings: frozenset[str] = frozenset(),
        fails_at: FailsAt | None = None,
    ) -> str:
        """Let a commit come from GitHub that breaks the product so, or fails there; gives the deployment's id."""
        commit = Commit(sha or fresh_sha(), f"{service}: quicker, they say", brings=brings, fails_at=fails_at)
        return self.realm.operations.push(self.realm.world.place_named(seed.PRODUCTION_ID, service), commit).id

    async def crash(self, service: str) -> None:
        """Let the process of a service die."""
        await self.realm.operations.crash(self.realm.world.place_named(seed.PRODUCTION_ID, service))

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=1024 * 1024)
        application.router.add_post(PATH, self._answer)
        return application

    def _control_application(self) -> web.Application:
        application = web.Application()
        application.add_routes(RailwayControl(self).routes())
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        refused = self._at_the_edge(request)
        if refused:
            return refused
        body = await request.json()
        operation = str(body.get("operationName") or "")
        kind = self._kind(request)
        self.calls[operation] += 1
        agent = request.headers.get("User-Agent", "")
        self.heard.append(Heard(operation, body.get("variables") or {}, kind, agent, request.query_string))
        fault = self.faults.strike(operation)
        if fault and fault.answer and not fault.takes_effect:
            return await fault.answer(request)
        allowance = self.limits.take(datetime.now(UTC))
        headers = dict(allowance.headers()) | {
            "Date": format_datetime(datetime.now(UTC) + self.clock_skew, usegmt=True)
        }
        if allowance.wait is not None:
            headers["Retry-After"] = f"{allowance.wait.total_seconds():.3f}"
            return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, text="Too Many Requests", headers=headers)
        status, result = await self._execute(body, kind)
        if fault and fault.answer:
            return await fault.answer(request)
        shown = fault.twist(result) if fault and fault.twist else result
        return web.json_response(shown, status=status, headers=headers, dumps=json.dumps)

    def _at_the_edge(self, request: web.Request) -> web.Response | None:
        agent = request.headers.get("User-Agent", "").lower()
        if not agent or agent.startswith(tuple(name for name in PYTHONS if name)):
            return html(HTTPStatus.FORBIDDEN, "403 Forbidden")
        if not request.query_string and not self._burst.admits(EDGE_LIMIT, datetime.now(UTC)):
            return edge_limit()
        return None

    def _kind(self, request: web.Request) -> TokenKind:
        return kind_of(
            request.headers,
            {self.project_token: TokenKind.PROJECT, self.staging_token: TokenKind.STAGING},
            {self.workspace_token: TokenKind.WORKSPACE, self.other_workspace_token: TokenKind.OTHER_WORKSPACE},
        )

    async def _execute(self, body: Mapping[str, Any], kind: TokenKind) -> tuple[int, dict[str, Any]]:
        if kind is TokenKind.EMPTY:
            return _refused("Authentication required", "UNAUTHENTICATED")
        try:
            document, problems = read(str(body.get("query")))
        except GraphQLError as error:
            return _refused(error.message, "GRAPHQL_PARSE_FAILED")
        if problems:
            return _refused(problems[0].message, "GRAPHQL_VALIDATION_FAILED")
        writes = any(
            isinstance(each, OperationDefinitionNode) and each.operation is OperationType.MUTATION
            for each in document.definitions
        )
        caller = Caller(kind, _REACHES.get(kind), frozenset(self.denied.get(kind, ())))
        return HTTPStatus.OK, await self._execution.run(self.realm, caller, document, body, writes=writes)


def _refused(message: str, code: str) -> tuple[int, dict[str, Any]]:
    return HTTPStatus.BAD_REQUEST, {"errors": [{"message": message, "extensions": {"code": code}}]}


_REACHES: Mapping[TokenKind, Reach] = {
    TokenKind.PROJECT: Reach(seed.WORKSPACE_ID, frozenset({seed.PRODUCTION_ID}), seed.PRODUCTION_ID),
    TokenKind.STAGING: Reach(seed.WORKSPACE_ID, frozenset({seed.STAGING_ID}), seed.STAGING_ID),
    TokenKind.WORKSPACE: Reach(seed.WORKSPACE_ID, frozenset({seed.PRODUCTION_ID, seed.STAGING_ID})),
    TokenKind.OTHER_WORKSPACE: Reach(seed.OTHER_WORKSPACE_ID, frozenset({seed.OTHER_ENVIRONMENT_ID})),
}
