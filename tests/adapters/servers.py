"""Servers on loopback that say exactly the bytes a test wants, and what the adapters' tests build again and again."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import trustme

from devops_daemon.adapters.exchange import Exchange
from devops_daemon.adapters.probes import HttpProber
from devops_daemon.model import (
    Check,
    HttpCheck,
    Probe,
    ProbeKey,
    ProbeKind,
    ReadinessCheck,
    Result,
    Severity,
    SignInCheck,
)
from devops_daemon.ports import Permits, UnavailableError
from devops_daemon.redaction import Redactor

LOOPBACK = "127.0.0.1"
AGENT = "devops-daemon/test"
PASSWORD = "Kestrel-Quarry-58-Lantern"
USERNAME = "devops-canary"
QUICK = timedelta(seconds=0.5)
_LONGEST_HEAD = 4 * 1024 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came over the wire; names of headers in small letters."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def route(self) -> str:
        """Method and path."""
        return f"{self.method} {self.target}"


Reply = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]
"""Answers one request; the connection stays open unless the reply closes it."""


class RawServer:
    """A server that speaks what it is told to, be it HTTP or not; it keeps what it was asked."""

    def __init__(self, reply: Reply, tls: ssl.SSLContext | None = None) -> None:
        self.reply = reply
        self.requests: list[Request] = []
        self.connections = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0, ssl=self._tls, limit=_LONGEST_HEAD)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end; by name where it speaks TLS."""
        return f"https://localhost:{self.port}" if self._tls else f"http://{LOOPBACK}:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
                while not writer.is_closing():
                    request = await _read(reader)
                    self.requests.append(request)
                    await self.reply(request, writer)
        finally:
            self._tasks.discard(task)
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Write an HTTP answer whole; `content_type="text/html"` becomes a header of that name."""
    named = {"Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in named.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def document(value: object, status: int = 200) -> bytes:
    """Write an HTTP answer of JSON."""
    return answer(status, json.dumps(value).encode(), content_type="application/json")


def says(*pieces: bytes, pause: float = 0, hang_up: bool = False) -> Reply:
    """Reply with these bytes, with a pause before each piece but the first."""

    async def reply(_: Request, writer: asyncio.StreamWriter) -> None:
        for place, piece in enumerate(pieces):
            if pause and place:
                await asyncio.sleep(pause)
            writer.write(piece)
            await writer.drain()
        if hang_up:
            writer.close()

    return reply


def drips(start: bytes, drop: bytes = b"x", every: float = 0.05) -> Reply:
    """Reply with a start and then a drop again and again, for ever."""

    async def reply(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            await writer.drain()
            await asyncio.sleep(every)
            writer.write(drop)

    return reply


async def silence(_: Request, __: asyncio.StreamWriter) -> None:
    """Reply nothing, for ever."""
    await asyncio.Event().wait()


async def hang_up(_: Request, writer: asyncio.StreamWriter) -> None:
    """Close the connection instead of a reply."""
    writer.close()


async def reset(_: Request, writer: asyncio.StreamWriter) -> None:
    """Reset the connection (RST, by linger 0) instead of a reply."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


def routes(replies: Mapping[str, bytes | Reply]) -> Reply:
    """Reply by method and path; 404 where there is no such row."""

    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        found = replies.get(request.route, answer(404))
        await (says(found) if isinstance(found, bytes) else found)(request, writer)

    return reply


@contextmanager
def dead_port() -> Iterator[int]:
    """A port of this machine on which nobody listens, kept so that nobody else can."""
    with socket.socket() as held:
        held.bind((LOOPBACK, 0))
        port: int = held.getsockname()[1]
        yield port


class Authority:
    """A certificate authority, the client that trusts it, and servers with certificates of all kinds."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self.client = ssl.create_default_context()
        self._ca.configure_trust(self.client)

    def server(self, name: str = "localhost", *, ends_in: timedelta = timedelta(days=60)) -> ssl.SSLContext:
        """Make the context of a server with this name, whose certificate ends then."""
        now = datetime.now(UTC)
        leaf = self._ca.issue_cert(name, not_before=now - timedelta(days=90), not_after=now + ends_in)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        return context

    @staticmethod
    def self_signed() -> ssl.SSLContext:
        """Make the context of a server that vouches for itself."""
        stranger = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with stranger.private_key_pem.tempfile() as key, stranger.cert_pem.tempfile() as certificate:
            context.load_cert_chain(certificate, key)
        return context


class PermitsInMemory:
    """The port `Permits`, that forgets with the test; `broken` stands for a store that cannot be used."""

    def __init__(self, *, broken: bool = False) -> None:
        self.taken: list[str] = []
        self.broken = broken

    async def take(self, name: str, now: datetime) -> bool:
        assert now.tzinfo is not None
        if self.broken:
            raise UnavailableError("the store cannot be used: disk full")
        if name in self.taken:
            return False
        self.taken.append(name)
        return True


def utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def prober(
    *, permits: Permits | None = None, secrets: Iterable[str] = (PASSWORD,), tls: ssl.SSLContext | None = None
) -> AsyncIterator[HttpProber]:
    """A prober with a session of its own."""
    async with Exchange(AGENT, tls=tls) as exchange:
        yield HttpProber(exchange, Redactor(secrets), utc_now, permits)


_KINDS: Mapping[type[Check], ProbeKind] = {
    HttpCheck: ProbeKind.HTTP,
    ReadinessCheck: ProbeKind.READINESS,
    SignInCheck: ProbeKind.SIGN_IN,
}


def probe(
    check: Check,
    *,
    timeout: timedelta = timedelta(seconds=5),
    slow_after: timedelta = timedelta(seconds=4),
    certificate_days: int = 14,
) -> Probe:
    """A probe with this check; patient enough for a busy machine unless told otherwise."""
    return Probe(
        key=ProbeKey("backend", "tested"),
        kind=_KINDS[type(check)],
        check=check,
        severity=Severity.SEV2,
        timeout=timeout,
        slow_after=slow_after,
        certificate_days=certificate_days,
    )


def canary(backend: str, password: str = PASSWORD) -> SignInCheck:
    return SignInCheck(backend=backend, username=USERNAME, password=password)


async def look(asked: Probe, *, permits: Permits | None = None, tls: ssl.SSLContext | None = None) -> Result:
    """One look with a prober of its own."""
    async with prober(permits=permits, tls=tls) as new:
        return await new.run(asked)
