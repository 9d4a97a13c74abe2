"""The HTTP side: health routes for Railway, pages and metrics for people and programs."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from devops_daemon.entrypoints.access import Access, Tokens, may_act, may_view
from devops_daemon.entrypoints.actions import Actions
from devops_daemon.entrypoints.hints import Hints
from devops_daemon.entrypoints.intake import Intake
from devops_daemon.entrypoints.metrics import as_metrics
from devops_daemon.entrypoints.status import (
    Facts,
    Pages,
    PlatformShown,
    as_data,
    audit_as_data,
    delivery_as_data,
    dossier_as_data,
    inbox_problem,
)
from devops_daemon.inbox import InboxFigures
from devops_daemon.model import ProbeKey, ProbeState
from devops_daemon.ports import Clock, Inbox, Overview, StatusLedger, UnavailableError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OPEN_ROUTES = frozenset({"/healthz", "/readyz", "/webhooks/github"})
"""No token opens these; a webhook is guarded by its signature."""
ACTIONS = "/api/actions/"
LISTED_DELIVERIES = 200
LOOK_SECONDS = 2
LINGERING_SECONDS = 1.0
"""How long what is left of a refused body is read and dropped: else the answer might be lost with it."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": ("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
}


HINTS = "/webhooks/railway/"
log = structlog.get_logger("web")


class Site:
    """Answers the routes of the contract."""

    def __init__(  # noqa: PLR0913 # parts that are named, most of which may be missing
        self,
        facts: Facts,
        ledger: StatusLedger,
        late: Callable[[datetime], bool],
        tokens: Tokens,
        now: Clock,
        *,
        latest: Callable[[], Mapping[ProbeKey, ProbeState]] = dict,
        platform: Callable[[], PlatformShown] | None = None,
        integrations: Callable[[], Mapping[str, str]] = dict,
        intake: Intake | None = None,
        inbox: Inbox | None = None,
        actions: Actions | None = None,
        hints: Hints | None = None,
    ) -> None:
        """`late` tells whether the clocks are; `latest` what was seen last, for while the store cannot take it.

        `integrations` says of those that change how they are now.
        """
        self._integrations = integrations
        self._intake = intake
        self._inbox = inbox
        self._actions = actions
        self._hints = hints
        self._latest = latest
        self._platform = platform
        self._facts = facts
        self._ledger = ledger
        self._late = late
        self._tokens = tokens
        self._now = now
        self._pages = Pages()

    def application(self) -> web.Application:
        """Give the routes as an application."""
        application = web.Application(middlewares=[self._guard], client_max_size=1024 * 1024)
        application.router.add_get("/", self.root)
        application.router.add_get("/healthz", self.healthz)
        application.router.add_get("/readyz", self.readyz)
        application.router.add_get("/status", self.status)
        application.router.add_get("/status.json", self.status_json)
        application.router.add_get("/incidents/{id}", self.incident)
        application.router.add_get("/audit", self.audit)
        application.router.add_get("/metrics", self.metrics)
        if self._inbox is not None:
            application.router.add_get("/api/deliveries", partial(_deliveries, self._inbox))
        if self._actions is not None:
            application.router.add_post(f"{ACTIONS}{{action}}", self._actions.answer)
            application.router.add_get(f"{ACTIONS}{{id}}", self._actions.follow)
        if self._intake is not None:
            deliver, expected = self._intake.deliver, self._intake.expected
            application.router.add_post("/webhooks/github", deliver, expect_handler=expected)
        if self._hints is not None:
            application.router.add_post(f"{HINTS}{{secret:.+}}", self._hints.take)  # in base64 there are slashes
        return application

    async def root(self, _: web.Request) -> web.StreamResponse:
        """Lead to the page."""
        raise web.HTTPFound("/status")

    async def healthz(self, _: web.Request) -> web.StreamResponse:
        """Say that the event loop turns."""
        return web.json_response({"status": "ok"})

    async def readyz(self, _: web.Request) -> web.StreamResponse:
        """Say whether the daemon can do its work, and if not, what is wrong."""
        problems = self._problems(await self._figures())
        status = "not ready" if problems else "ready"
        return web.json_response({"status": status, "problems": problems}, status=503 if problems else 200)

    async def status(self, _: web.Request) -> web.StreamResponse:
        """Show the page."""
        overview, data = await self._snapshot()
        return self._page(self._pages.status(self._facts, overview, data, self._problems(overview.inbox)))

    async def status_json(self, _: web.Request) -> web.StreamResponse:
        """Give the same as data."""
        return web.json_response((await self._snapshot())[1])

    async def incident(self, request: web.Request) -> web.StreamResponse:
        """Show one incident; as data where JSON is asked for and HTML is not."""
        found = await self._ledger.incident(request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound(text="There is no incident of that id.\n")
        data = dossier_as_data(found)
        if _wants_json(request):
            return web.json_response(data)
        return self._page(self._pages.incident(data, self._now()))

    async def audit(self, request: web.Request) -> web.StreamResponse:
        """Show the last audit; as data where JSON is asked for and HTML is not."""
        data = audit_as_data((await self._ledger.overview(self._now())).audit)
        if _wants_json(request):
            return web.json_response({"audit": data})
        return self._page(self._pages.audit(data, self._now()))

    async def metrics(self, _: web.Request) -> web.StreamResponse:
        """Give the figures to Prometheus."""
        overview, data = await self._snapshot()
        webhooks = self._intake.outcomes if self._intake else None
        body = as_metrics(data, webhooks, ready=not self._problems(overview.inbox))
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _figures(self) -> InboxFigures | str:
        """Count the inbox, or say why that cannot be."""
        if self._inbox is None:
            return InboxFigures()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await self._inbox.figures(self._now())
        except (UnavailableError, TimeoutError) as error:
            return str(error) or "the store does not answer"

    async def _snapshot(self) -> tuple[Overview, dict[str, Any]]:
        now = self._now()
        overview = await self._ledger.overview(now)
        if self._ledger.problem:  # what the store cannot take is true all the same
            overview = replace(overview, states={**overview.states, **self._latest()})
        platform = self._platform() if self._platform else None
        facts = replace(self._facts, integrations={**self._facts.integrations, **self._integrations()})
        return overview, as_data(facts, overview, now, platform)

    def _problems(self, inbox: InboxFigures | str) -> list[str]:
        """Say what keeps the daemon from its work."""
        found = []
        if self._ledger.problem:
            found.append(f"store: {self._ledger.problem}; probing goes on, what it finds is kept as soon as that ends")
        elif isinstance(inbox, str):
            found.append(f"store: {inbox}")
        if isinstance(inbox, InboxFigures) and (stuck := inbox_problem(inbox)):
            found.append(stuck)
        if self._late(self._now()):
            found.append("clocks: no round has begun for more than two intervals")
        return found

    def _page(self, html: str) -> web.Response:
        return web.Response(
            text=html,
            content_type="text/html",
            headers={"Content-Security-Policy": self._pages.content_security_policy},
        )

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who may see the page; what cannot be read now is said in one line."""
        try:
            response = self._refusal(request) or await handler(request)
        except web.HTTPException as error:
            error.headers.update(HEADERS)
            raise
        except UnavailableError as error:
            response = self._unavailable(request, str(error))
        except Exception:  # a fault of ours: the log has it in full, the visitor in a line
            path = HINTS if request.path.startswith(HINTS) else request.path  # what follows is a secret
            log.exception("request.failed", method=request.method, path=path)
            response = web.Response(status=500, text="That went wrong here; the daemon's log says more.\n")
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.path in OPEN_ROUTES or request.path.startswith(HINTS):
            return None
        authorization = request.headers.get("Authorization")
        if request.path.startswith(ACTIONS):
            return _refusal_to_act(may_act(self._tokens, authorization))
        access = may_view(self._tokens, authorization, request.remote, request.host)
        match access:
            case Access.GRANTED:
                return None
            case Access.ASK:
                challenge = {"WWW-Authenticate": 'Basic realm="devops-daemon", charset="UTF-8"'}
                return web.Response(status=401, text="A token is needed.\n", headers=challenge)
            case Access.CLOSED:
                text = "Closed: set VIEWER_TOKEN, or come from the daemon's own machine.\n"
                return web.Response(status=403, text=text)

    def _unavailable(self, request: web.Request, text: str) -> web.Response:
        if _wants_json(request) or request.path.endswith(".json") or request.path.startswith("/api/"):
            return web.json_response({"error": text}, status=503)
        response = self._page(self._pages.message("Not now", text))
        response.set_status(503)
        return response


async def _deliveries(inbox: Inbox, _: web.Request) -> web.StreamResponse:
    """Give what is in the inbox, and what became of the latest deliveries."""
    rows = await inbox.listed(LISTED_DELIVERIES)
    return web.json_response({"deliveries": [delivery_as_data(row) for row in rows]})


def _refusal_to_act(access: Access) -> web.Response | None:
    match access:
        case Access.GRANTED:
            return None
        case Access.ASK:
            text = "the operator's token is needed, as Authorization: Bearer"
            return web.json_response({"error": text}, status=401, headers={"WWW-Authenticate": "Bearer"})
        case Access.CLOSED:
            text = "no action is taken: OPERATOR_TOKEN is not set where the daemon runs"
            return web.json_response({"error": text}, status=403)


def _wants_json(request: web.Request) -> bool:
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


def listening_socket(host: str, port: int) -> socket.socket:
    """Bind the port: `::` takes IPv4 and IPv6 at once, or IPv4 alone where there is no IPv6.

    Raises OSError where the address is taken or is none of this machine's.
    """
    if host == "::" and not _has_ipv6():
        host = "0.0.0.0"  # noqa: S104 # what `::` means on a machine without IPv6
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=family, backlog=512, dualstack_ipv6=both)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as attempt:
            attempt.bind(("::", 0))
    except OSError:
        return False
    return True


class Server:
    """The application on a socket."""

    def __init__(self, site: Site, listening: socket.socket) -> None:
        self._runner = web.AppRunner(
            site.application(),
            access_log=None,
            shutdown_timeout=1,
            lingering_time=LINGERING_SECONDS,
            auto_decompress=False,  # nobody who is meant to compresses, and a bomb is inflated before anybody looks
        )
        self._socket = listening

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    async def start(self) -> None:
        """Begin to answer."""
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    async def stop(self) -> None:
        """Answer no more; requests in hand have a second."""
        await self._runner.cleanup()
