"""One server on a port of its own that can be closed and opened again."""

import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web

_PATIENCE = 0.1
"""Seconds for a handler that does not heed its cancellation."""


class Listener:
    """A port that is kept for the listener's life, and a web application served there while it is open.

    Closed, the port stays bound but nobody listens: connections are refused, no other program can take it.
    """

    def __init__(self, build: Callable[[], web.Application], *, host: str, port: int) -> None:
        """Serve what `build` gives, built anew each time the listener opens; port 0 is any free one."""
        self._build = build
        self._host = host
        self._port = port
        self._reserved: socket.socket | None = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it is served, without a slash at the end; RuntimeError while no port has been chosen."""
        if not self._port:
            unknown = "not started yet: its port is not known"
            raise RuntimeError(unknown)
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> Self:
        """Take the port; nobody listens yet."""
        self._reserve()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, and give the port back."""
        await self.close()
        if self._reserved:
            self._reserved.close()
            self._reserved = None

    async def open(self) -> None:
        """Listen, if it does not already."""
        if self._runner or not self._reserved:
            return
        self._runner = web.AppRunner(
            self._build(), access_log=None, handler_cancellation=True, shutdown_timeout=_PATIENCE
        )
        await self._runner.setup()
        await web.SockSite(self._runner, self._reserved).start()

    async def close(self) -> None:
        """Refuse new connections and drop the ones there are, as a process that dies does."""
        if not self._runner:
            return
        runner, self._runner = self._runner, None
        for site in runner.sites:
            await site.stop()
        self._reserve()
        _drop_connections(runner)
        await runner.cleanup()

    def _reserve(self) -> None:
        self._reserved = _bound(self._host, self._port)
        self._port = self._reserved.getsockname()[1]


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _drop_connections(runner: web.AppRunner) -> None:
    """Without this a client that does not read keeps its connection, and one that hangs is waited for."""
    for connection in runner.server.connections if runner.server else ():
        if connection.transport:
            connection.transport.abort()
