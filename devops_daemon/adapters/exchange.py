"""One HTTP request on a new connection, and in words what became of it.

Each request makes its connection anew, so that DNS, TLS and refusals are seen; a body is read up to a limit; what goes
wrong is told apart. A request with a credential never follows a redirect: aiohttp would carry the header along.
"""

import asyncio
import contextlib
import errno
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.http_exceptions import ContentEncodingError
from aiohttp.tracing import Trace

from devops_daemon.redaction import Redactor

BODY_LIMIT = 1024 * 1024
MOST_REDIRECTS = 5
SNIPPET = 80
LONGEST_PIECE = 4096
SocketFactory = Callable[[Any], socket.socket]


@dataclass(slots=True)
class Trail:
    """What a request had come to when it ended, however it ended."""

    whole_time: float | None = None
    """The seconds of which a request has what is left, where it is one of several."""
    answered: bool = False
    resolving: str | None = None
    """The name that is being looked up."""
    certificate_ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whole."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    charset: str = "utf-8"

    @property
    def text(self) -> str:
        """The body as text, with what cannot be read replaced."""
        try:
            return self.body.decode(self.charset, "replace")
        except (LookupError, UnicodeError):  # a codec that is unknown, none for text, or can replace nothing
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:  # noqa: ANN401 # whatever the other side wrote
        """The body as JSON; raises WrongAnswerError where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise WrongAnswerError("wrong body: not JSON: {}", self.text) from None


def loopback_only(address: Any) -> socket.socket:  # noqa: ANN401 # aiohttp's address tuple
    """Make a socket for an address of this machine; raises PermissionError for any other."""
    family, kind, protocol, _, (host, *_) = address
    if not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        raise PermissionError(errno.EPERM, f"{host} is not a loopback address")
    return socket.socket(family, kind, protocol)


class Told(Exception):  # noqa: N818 # the two below are the errors
    """Something went wrong, in words for people: a text with a `{}` for each piece that a stranger wrote.

    The pieces are kept whole, so that a secret is masked before they are cut.
    """

    def __init__(self, text: str, *quoted: str) -> None:
        super().__init__(text, *quoted)
        self.text = text
        self.quoted = quoted

    def __str__(self) -> str:
        return fill(self.text, self.quoted)


class NoAnswerError(Told):
    """There was no whole HTTP answer."""


class WrongAnswerError(Told):
    """There was an answer, but not a right one."""


def fill(text: str, quoted: Sequence[str], redactor: Redactor | None = None) -> str:
    """Put strangers' pieces into a text, each redacted, in one line that can be shown, and cut."""
    redact = redactor.text if redactor else str
    return text.format(*(snippet(redact(piece[:LONGEST_PIECE])) for piece in quoted))


def snippet(text: str) -> str:
    """Cut a stranger's text to a length and a line that can be shown, and kept in any database."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * SNIPPET]).split())
    return line if len(line) <= SNIPPET else f"{line[:SNIPPET]}…"


_trail: ContextVar[Trail] = ContextVar("trail")


class _Resolver(AbstractResolver):
    """Looks names up in a thread each: one that hangs must hold up neither the others, nor the store, nor the stop."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Ask the system; raises OSError."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[Any]] = loop.create_future()

        def settle(addresses: list[Any], error: OSError | None) -> None:
            if found.done():
                return
            if error is not None:
                found.set_exception(error)
            else:
                found.set_result(addresses)

        def look_up() -> None:
            addresses, failure = _addresses(host, port, family)
            with contextlib.suppress(RuntimeError):  # the loop has ended in the meantime
                loop.call_soon_threadsafe(settle, addresses, failure)

        trail = _trail.get()
        trail.resolving = host
        threading.Thread(target=look_up, name=f"dns {host}", daemon=True).start()
        addresses = await found
        trail.resolving = None
        return [
            ResolveResult(
                hostname=host, host=address[0], port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
            )
            for kind, _, protocol, _, address in addresses
        ]

    async def close(self) -> None:
        """Leave threads that still wait to themselves."""


def _addresses(host: str, port: int, family: socket.AddressFamily) -> tuple[list[Any], OSError | None]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family), None
    except OSError as error:
        return [], error
    except UnicodeError as error:
        return [], OSError(errno.EINVAL, str(error))


class _Connector(aiohttp.TCPConnector):
    """Notes when the certificate of a new connection ends; afterwards it could no longer be asked."""

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 # aiohttp's own
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        certificate = connection.transport.get_extra_info("peercert") if connection.transport else None
        if certificate and "notAfter" in certificate:
            ends = ssl.cert_time_to_seconds(certificate["notAfter"])
            _trail.get().certificate_ends = datetime.fromtimestamp(ends, UTC)
        return connection


@dataclass(slots=True)
class Exchange:
    """A session that makes single requests."""

    user_agent: str
    socket_factory: SocketFactory | None = None
    tls: ssl.SSLContext | None = None
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def __aenter__(self) -> Self:
        redirects = aiohttp.TraceConfig()
        redirects.on_request_redirect.append(_note_redirect)
        connector = _Connector(
            force_close=True,
            limit=0,
            use_dns_cache=False,
            resolver=_Resolver(),
            ssl=self.tls or True,
            socket_factory=self.socket_factory,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self.user_agent, "Accept": "*/*"},
            timeout=aiohttp.ClientTimeout(total=None),
            trace_configs=[redirects],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(  # noqa: PLR0913 # each by its name
        self,
        method: str,
        url: str,
        *,
        trail: Trail,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        follow_redirects: bool = False,
        most: int = BODY_LIMIT,
    ) -> Answer:
        """Make one request, and read so many bytes at most; raises NoAnswerError or WrongAnswerError."""
        if self._session is None:
            raise RuntimeError("the exchange is not open")
        if headers and follow_redirects:
            raise ValueError("a request with headers of its own follows no redirect")
        _trail.set(trail)
        answered = False
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(
                    method,
                    url,
                    headers=headers,
                    json=body,
                    allow_redirects=follow_redirects,
                    max_redirects=MOST_REDIRECTS,
                ) as response,
            ):
                answered = trail.answered = True
                charset = response.charset or "utf-8"
                return Answer(response.status, await _body(response, most), response.headers, charset)
        except TimeoutError:
            if trail.resolving:
                text = f"DNS failure: no answer about {{}} within {trail.whole_time or seconds:g} s"
                raise NoAnswerError(text, trail.resolving) from None
            what = "the body was not complete" if answered else "no answer"
            raise NoAnswerError(f"timeout: {what} within {trail.whole_time or seconds:g} s") from None
        except (aiohttp.TooManyRedirects, aiohttp.RedirectClientError) as error:
            trail.answered = True
            raise WrongAnswerError(*_told_redirect(error)) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            text, *quoted = told(error)
            raise NoAnswerError(text, *quoted) from error


async def _note_redirect(*_: object) -> None:
    """A redirect is an answer too, wherever it leads."""
    _trail.get().answered = True


def _told_redirect(error: aiohttp.TooManyRedirects | aiohttp.RedirectClientError) -> tuple[str, ...]:
    if isinstance(error, aiohttp.TooManyRedirects):
        return (f"wrong status: {error.history[-1].status}, more than {MOST_REDIRECTS} redirects",)
    return "wrong status: a redirect to {}, which is no web address", str(error)


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Read the body up to the limit; one that is longer is an answer gone wrong."""
    too_much = WrongAnswerError(f"too much body: over {most // 1024} KiB")
    if response.method != "HEAD" and (response.content_length or 0) > most:
        raise too_much
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(64 * 1024):
        size += len(chunk)
        if size > most:
            raise too_much
        chunks.append(chunk)
    return b"".join(chunks)


def told(error: BaseException) -> tuple[str, ...]:
    """Say what kind of failure an error of aiohttp or the system is: a text, and what goes into its `{}`."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "DNS failure: {} could not be resolved ({})", error.host, _reason(error.os_error)
        case aiohttp.ClientConnectorCertificateError():
            return "TLS failure: certificate: {}", _certificate_reason(error.certificate_error)
        case aiohttp.ClientSSLError():
            return "TLS failure: {}", _reason(error.os_error)
        case aiohttp.ClientConnectorError():
            return told(error.os_error)
        case aiohttp.ClientResponseError():
            return "wrong answer: not HTTP ({})", error.message
        case _:
            known = _told_plainly(error)
            return (known,) if known else ("connection failed: {}", _reason(error))


def _told_plainly(error: BaseException) -> str | None:
    if isinstance(error, aiohttp.ClientPayloadError) and _is_about_packing(error):
        return "wrong body: it cannot be unpacked"
    hung_up = next((text for kind, text in _HUNG_UP.items() if isinstance(error, kind)), None)
    return hung_up or _ERRNOS.get(getattr(error, "errno", None) or 0)


def _is_about_packing(error: BaseException | None) -> bool:
    return error is not None and (isinstance(error, ContentEncodingError) or _is_about_packing(error.__cause__))


_ERRNOS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTUNREACH: "host unreachable",
}
_HUNG_UP = {
    ConnectionResetError: "connection reset",
    BrokenPipeError: "connection reset",
    aiohttp.ServerDisconnectedError: "connection closed: the server hung up without an answer",
    aiohttp.ClientPayloadError: "connection closed: the server hung up in the middle of the body",
}


def _reason(error: BaseException) -> str:
    text = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).replace("_", " ").lower() if isinstance(error, ssl.SSLError) else str(text)


def _certificate_reason(error: Exception) -> str:
    return getattr(error, "verify_message", None) or str(error)
