"""How a broken product answers: one function for each way, from a wrong status to bytes that are not HTTP.

An answer may take its time: it is cancelled when the client leaves, and told when its fault is over.
"""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from weakref import WeakKeyDictionary

from aiohttp import web
from aiohttp.hdrs import METH_HEAD

SLOWNESS = timedelta(seconds=3)
DRIP_EVERY = timedelta(seconds=1)
HUGE = 64 * 1024 * 1024
_CHUNK = b"x" * 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that met a fault; `over` is set when the fault is switched off."""

    request: web.Request
    over: asyncio.Event
    frontend_url: str


Answer = Callable[[Visit], Awaitable[web.StreamResponse | None]]
"""Gives the response, or None to let the visitor through to what comes next."""


def say(status: HTTPStatus, body: object) -> Answer:
    """Make the answer of this status and JSON."""

    async def answer(_: Visit) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return answer


def fail(status: HTTPStatus, detail: str | None = None) -> Answer:
    """Make the error of this status, worded as the product words its own."""
    return say(status, {"detail": detail or status.phrase})


def show(text: str, content_type: str) -> Answer:
    """Make the 200 with exactly this text."""

    async def answer(_: Visit) -> web.StreamResponse:
        return web.Response(text=text, content_type=content_type)

    return answer


async def hang(visit: Visit) -> None:
    """Say nothing for as long as the fault lasts."""
    await visit.over.wait()


async def dawdle(visit: Visit) -> None:
    """Let the visitor through, late."""
    await _over_within(visit, SLOWNESS)


def in_turns(answer: Answer) -> Answer:
    """Answer so every other time on each path, beginning with this one, as long as the fault is on."""
    asked: WeakKeyDictionary[asyncio.Event, Counter[str]] = WeakKeyDictionary()

    async def answer_in_turns(visit: Visit) -> web.StreamResponse | None:
        turns = asked.setdefault(visit.over, Counter())
        turns[visit.request.path] += 1
        return await answer(visit) if turns[visit.request.path] % 2 else None

    return answer_in_turns


async def redirect(visit: Visit) -> web.StreamResponse:
    """Send the visitor to the frontend."""
    return web.Response(status=HTTPStatus.FOUND, headers={"Location": f"{visit.frontend_url}/"})


async def reset(visit: Visit) -> web.StreamResponse:
    """Reset the connection: closed with linger 0, so that the kernel sends RST, not FIN."""
    transport = _transport(visit)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
    return _unsent()


async def speak_no_http(visit: Visit) -> web.StreamResponse:
    """Write bytes that no HTTP client can read, and hang up."""
    transport = _transport(visit)
    transport.write(b"\x15\x03\x01 this is not HTTP\r\n\r\n")
    transport.close()
    return _unsent()


async def _break_off(visit: Visit) -> AsyncGenerator[bytes]:
    yield b'{"status": "hea'
    _transport(visit).close()


async def _flood(_: Visit) -> AsyncGenerator[bytes]:
    """Give valid JSON, healthy as far as one reads."""
    yield b'{"status": "healthy", "padding": "'
    for _chunk in range(HUGE // len(_CHUNK)):
        yield _CHUNK
    yield b'"}'


async def _drip(visit: Visit) -> AsyncGenerator[bytes]:
    while not visit.over.is_set():
        yield b" "
        await _over_within(visit, DRIP_EVERY)


def _stream(body: Callable[[Visit], AsyncGenerator[bytes]], length: int | None = None) -> Answer:
    async def answer(visit: Visit) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = length
        await response.prepare(visit.request)
        if visit.request.method == METH_HEAD:
            return response  # aiohttp would write the body all the same
        async with aclosing(body(visit)) as chunks:
            async for chunk in chunks:
                await response.write(chunk)
        return response

    return answer


truncate = _stream(_break_off, length=1_000)
"""Promise more bytes than are sent, and hang up."""
flood = _stream(_flood)
"""Stream far more than anyone asked for, of a length that is not told."""
drip = _stream(_drip)
"""Send a byte, wait, send a byte: each read succeeds, the answer never ends."""


async def _over_within(visit: Visit, time: timedelta) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(visit.over.wait(), time.total_seconds())


def _transport(visit: Visit) -> asyncio.Transport:
    transport = visit.request.transport
    if transport is None:
        gone = "the client has left"
        raise ConnectionResetError(gone)
    return transport


def _unsent() -> web.StreamResponse:
    """Aiohttp wants a response even where the connection is closed already; this one is never written."""
    return web.Response()
