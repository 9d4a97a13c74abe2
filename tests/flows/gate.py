"""Stands between the daemon and all outside of it: hears each call, and lets one of them go wrong in a certain way."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

LOOPBACK = "127.0.0.1"
_HOP_BY_HOP = {"host", "content-length", "transfer-encoding", "connection"}
_QUERY = re.compile(r"\s*(query|mutation)\s+(\w+)")


class Way(StrEnum):
    """How a call goes wrong."""

    ERROR = "502"
    LOST = "lost on its way"
    SILENCE = "no answer, and it never arrived"
    LOST_ANSWER = "its answer lost"
    KILLED_BEFORE = "killed before it arrived"
    KILLED_AFTER = "killed before its answer came"


AFTERWARDS = frozenset({Way.LOST_ANSWER, Way.KILLED_AFTER})
KILLS = frozenset({Way.KILLED_BEFORE, Way.KILLED_AFTER})


class Call(NamedTuple):
    """What is asked, without its numbers."""

    name: str
    writes: bool


Kill = Callable[[], Coroutine[None, None, None]]


@dataclass
class Gate:
    """All calls go through here."""

    upstream: dict[str, str]
    """By the setting that names it."""
    settings: dict[str, str] = field(default_factory=dict)
    """The same settings, to lead through here."""
    heard: list[Call] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=dict)
    """How many calls of a name are let through; of a name that is not here, all."""
    broken: set[str] = field(default_factory=set)
    """Paths that answer 500, and do nothing."""
    session: aiohttp.ClientSession | None = None
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    _armed: tuple[Call, Way, Kill] | None = None
    _killing: asyncio.Task[None] | None = None

    def arm(self, call: Call, way: Way, kill: Kill) -> None:
        """Let the next call of this name go wrong."""
        self._armed = call, way, kill

    async def take(self, where: str, base: str, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = _call(where, request, body)
        self.heard.append(call)
        if request.path in self.broken:
            return web.Response(status=500, text="broken")
        if sum(each.name == call.name for each in self.heard) > self.most.get(call.name, sys.maxsize):
            return web.Response(status=502, text="bad gateway")
        way, kill = Way.ERROR, None
        if self._armed and self._armed[0] == call:
            _, way, kill = self._armed
            self._armed = None
        if kill is None:
            return await self._forwarded(base, request, body)
        if way is Way.ERROR:
            self.struck.set()
            return web.Response(status=502, text="bad gateway")
        if way is Way.SILENCE:
            self.struck.set()
            await asyncio.Event().wait()
        if way in AFTERWARDS:
            await self._forwarded(base, request, body)
        self.struck.set()
        if way in KILLS:  # whose end ends this request too
            self._killing = asyncio.create_task(kill())
            await asyncio.shield(self._killing)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _forwarded(self, base: str, request: web.Request, body: bytes) -> web.Response:
        assert self.session is not None
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP]
        try:
            async with self.session.request(
                request.method, base + request.raw_path, headers=headers, data=body or None, allow_redirects=False
            ) as answer:
                told = await answer.read()
                kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
                return web.Response(status=answer.status, headers=dict(kept), body=told)
        except (aiohttp.ClientError, OSError):
            if request.transport is not None:
                request.transport.abort()
            return web.Response()


def _call(where: str, request: web.Request, body: bytes) -> Call:
    """Name a call by its operation, or by its method and path."""
    text = json.loads(body).get("query", "") if body[:1] == b"{" and b'"query"' in body else ""
    operation = _QUERY.match(text)
    if operation:
        return Call(f"{where} {operation[2]}", operation[1] == "mutation")
    path = re.sub(r"\d+", "N", request.path).replace("/repos/acme/shop", "")
    method = request.method
    writes = method == "DELETE" if where == "backend" else method not in {"GET", "HEAD"}
    return Call(f"{where} {method} {path}", writes)


@asynccontextmanager
async def open_gate(**upstream: str) -> AsyncIterator[Gate]:
    """Open a gate before these addresses, by their settings' names."""
    gate = Gate(upstream)
    runners = []
    async with aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0)) as gate.session:
        try:
            for setting, base in upstream.items():
                where = {"RAILWAY_API_URL": "railway", "GITHUB_API_URL": "github"}.get(setting)
                split = urlsplit(base)
                where = where or setting.removeprefix("PRODUCTION_").removesuffix("_URL").lower()

                take = partial(gate.take, where, f"{split.scheme}://{split.netloc}")

                application = web.Application(client_max_size=1 << 26)
                application.router.add_route("*", "/{tail:.*}", take)
                runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
                await runner.setup()
                await web.TCPSite(runner, LOOPBACK, 0).start()
                runners.append(runner)
                gate.settings[setting] = f"http://{LOOPBACK}:{runner.addresses[0][1]}{split.path}"
            yield gate
        finally:
            for runner in runners:
                await runner.cleanup()
