"""A product on loopback that stands in for the team's own: it has state, and can be broken as it runs."""

import asyncio
from collections import Counter, deque
from collections.abc import Collection
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, Unpack

from aiohttp import web
from aiohttp.typedefs import Middleware

from devops_daemon.sandbox import gate
from devops_daemon.sandbox.backend import backend_routes
from devops_daemon.sandbox.control import Control
from devops_daemon.sandbox.database import Database, Feedback, Said
from devops_daemon.sandbox.faults import FAULTS, Fault, Mend, Server, find
from devops_daemon.sandbox.frontend import frontend_routes
from devops_daemon.sandbox.listener import Listener
from devops_daemon.sandbox.problems import json_problems
from devops_daemon.sandbox.switchboard import Switchboard
from devops_daemon.sandbox.visits import Served, Witness, note

LOOPBACK = "127.0.0.1"
REMEMBERED = 10_000
"""How many visits are kept, the last ones."""


class Product:
    """The product's backend and frontend on loopback ports of their own, and a control port to break them.

    `calls` counts each request by method and route, `visits` are the last ones; `database` is the product's state;
    `witnesses` are told what happens. The control port is on loopback whatever the host of the others is.
    """

    def __init__(
        self,
        *,
        host: str = LOOPBACK,
        backend_port: int = 0,
        frontend_port: int = 0,
        control_port: int = 0,
        devops_secret: str = "sandbox-devops-secret",  # noqa: S107 - of a product that holds nothing
        feedback_secret: str = "sandbox-feedback-secret",  # noqa: S107 - the same
    ) -> None:
        """Nothing is started yet; port 0 is any free one, chosen at the start."""
        self.calls: Counter[str] = Counter()
        self.visits: deque[Served] = deque(maxlen=REMEMBERED)
        self.witnesses: list[Witness] = []
        self.database = Database()
        self._devops_secret = devops_secret
        self._feedback_secret = feedback_secret
        self._switchboard = Switchboard(self.database)
        self._backend = Listener(self._backend_app, host=host, port=backend_port)
        self._frontend = Listener(self._frontend_app, host=host, port=frontend_port)
        self._control = Listener(self._control_app, host=LOOPBACK, port=control_port)
        self._stopped: set[Server] = set()
        self._running = AsyncExitStack()
        self._tending = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Take the ports and listen, but where a fault refuses."""
        async with AsyncExitStack() as starting:
            for listener in (self._backend, self._frontend, self._control):
                await starting.enter_async_context(listener)
            await self._tend()
            await self._control.open()
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop at once, whoever is still waiting for an answer."""
        await self._running.aclose()

    @property
    def backend_url(self) -> str:
        """Where the backend is, without a slash at the end."""
        return self._backend.url

    @property
    def frontend_url(self) -> str:
        """Where the frontend is, without a slash at the end."""
        return self._frontend.url

    @property
    def control_url(self) -> str:
        """Where the faults are switched, without a slash at the end."""
        return self._control.url

    @property
    def active(self) -> frozenset[str]:
        """The names of the faults that are on."""
        return self._switchboard.active

    async def switch_on(self, fault: str) -> None:
        """Break the product this way; raises UnknownFaultError, a ValueError that names the known ones."""
        self._switchboard.switch_on(fault)
        for witness in self.witnesses:
            witness.broken(find(fault))
        await self._tend()

    async def switch_off(self, fault: str) -> None:
        """End this fault; raises UnknownFaultError, a ValueError that names the known ones."""
        await self._end(find(fault))

    async def mend(self) -> None:
        """End all faults."""
        await self._end(*FAULTS)

    async def stop(self, server: Server) -> None:
        """Let no process run there: connections are refused, whatever the faults say."""
        self._stopped.add(server)
        await self._tend()

    async def start(self, server: Server) -> None:
        """Let a process run there again; the faults that are on are still on."""
        self._stopped.discard(server)
        await self._tend()

    async def renewed(self, server: Server, mend: Mend, gone: Collection[str] = ()) -> None:
        """End the faults that lay in what ran there before, and those that are gone with its code."""
        for fault in FAULTS:
            if fault.name in gone or (fault.server is server and fault.ends_with(mend)):
                self._switchboard.switch_off(fault.name)
        await self._tend()

    def add_feedback(self, message: str, **rest: Unpack[Said]) -> Feedback:
        """Let a visitor write to the team, now."""
        return self.database.add_feedback(message, datetime.now(UTC), **rest)

    async def _end(self, *faults: Fault) -> None:
        active = self.active
        for fault in faults:
            self._switchboard.switch_off(fault.name)
        await self._tend()
        for witness in self.witnesses:
            for fault in faults:
                if fault.name in active:
                    witness.mended(fault)

    async def _tend(self) -> None:
        """Bring each port to what the faults say, whatever was switched meanwhile."""
        async with self._tending:
            for server, listener in ((Server.BACKEND, self._backend), (Server.FRONTEND, self._frontend)):
                if server in self._stopped or self._switchboard.refuses(server):
                    await listener.close()
                else:
                    await listener.open()

    def _backend_app(self) -> web.Application:
        return _app(
            backend_routes(
                self.database,
                devops_secret=self._devops_secret,
                feedback_secret=self._feedback_secret,
            ),
            *self._gates(Server.BACKEND),
            json_problems,
        )

    def _frontend_app(self) -> web.Application:
        return _app(frontend_routes(), *self._gates(Server.FRONTEND))

    def _control_app(self) -> web.Application:
        return _app(Control(self).routes(), json_problems)

    def _gates(self, server: Server) -> tuple[Middleware, ...]:
        return (
            note(server, self._served),
            gate.count(self.calls),
            gate.strike(self._switchboard, server, self.frontend_url),
        )

    def _served(self, visit: Served) -> None:
        self.visits.append(visit)
        for witness in self.witnesses:
            witness.served(visit)


def _app(routes: list[web.RouteDef], *middlewares: Middleware) -> web.Application:
    app = web.Application(middlewares=middlewares)
    app.add_routes(routes)
    return app
