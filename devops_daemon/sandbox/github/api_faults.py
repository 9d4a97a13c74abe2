"""API_FAULTS: every way in which GitHub's API has been seen to fail, and what a client then sees.

To add a fault is to add a row. Where several are on, the one that was switched on first and is about the request
strikes.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

from aiohttp import web

from devops_daemon.sandbox.github.refusals import DOCUMENTATION, NO_INTEGRATION

SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID"
)
ABUSE = "You have triggered an abuse detection mechanism. Please wait a few minutes before you try again."
PRIMARY = "API rate limit exceeded for user ID 1. If you reach out to GitHub Support for help, include the request ID"
TIMED_OUT = "We couldn't respond to your request in time. Sorry about that. Please try resubmitting your request."
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
Answer = Callable[[web.Request, timedelta], Awaitable[web.StreamResponse]]
"""Makes what is answered, given how long a limited client is told to wait."""


@dataclass(frozen=True, slots=True)
class ApiFault:
    """A way to fail: an answer instead of the right one; where it `takes_effect` the request is carried out first."""

    name: str
    sight: str
    answer: Answer
    takes_effect: bool = False


class UnknownFaultError(ValueError):
    """There is no fault of that name; the message says which there are."""

    def __init__(self, name: str) -> None:
        """Name what was asked for and what could have been."""
        super().__init__(f"unknown fault {name!r}; known are {', '.join(fault.name for fault in API_FAULTS)}")


def find(name: str) -> ApiFault:
    """Look a fault up by its name; raises UnknownFaultError."""
    for fault in API_FAULTS:
        if fault.name == name:
            return fault
    raise UnknownFaultError(name)


def _says(status: HTTPStatus, message: str) -> Answer:
    async def answer(_: web.Request, _wait: timedelta) -> web.StreamResponse:
        return _json(status, message)

    return answer


def _json(status: HTTPStatus, message: str) -> web.Response:
    body = {"message": message, "documentation_url": DOCUMENTATION, "status": str(int(status))}
    return web.json_response(body, status=status)


def _page(status: HTTPStatus, text: str) -> Answer:
    async def answer(_: web.Request, _wait: timedelta) -> web.StreamResponse:
        page = (
            f"<!DOCTYPE html><html><head><title>{text}</title></head><body><p><strong>{text}</strong></p></body></html>"
        )
        return web.Response(status=status, text=page, content_type="text/html")

    return answer


def _limited(status: HTTPStatus, message: str) -> Answer:
    async def answer(_: web.Request, wait: timedelta) -> web.StreamResponse:
        response = _json(status, message)
        response.headers["Retry-After"] = str(max(1, round(wait.total_seconds())))
        return response

    return answer


async def _used_up(_: web.Request, wait: timedelta) -> web.StreamResponse:
    response = _json(HTTPStatus.FORBIDDEN, PRIMARY)
    reset = int((datetime.now(UTC) + wait).timestamp())
    figures = {"Limit": 5000, "Remaining": 0, "Used": 5000, "Reset": reset, "Resource": "core"}
    response.headers.update({f"X-RateLimit-{name}": str(value) for name, value in figures.items()})
    return response


def _errors(kind: str, message: str, *, remaining: int | None = None) -> Answer:
    """Answer as GraphQL does: 200, with what went wrong inside."""

    async def answer(_: web.Request, wait: timedelta) -> web.StreamResponse:
        body: dict[str, Any] = {"data": None, "errors": [{"type": kind, "message": message}]}
        response = web.json_response(body, dumps=json.dumps)
        if remaining is not None:
            reset = int((datetime.now(UTC) + wait).timestamp())
            figures = {"Limit": 5000, "Remaining": remaining, "Reset": reset, "Resource": "graphql"}
            response.headers.update({f"X-RateLimit-{name}": str(value) for name, value in figures.items()})
        return response

    return answer


async def _reset(request: web.Request, _: timedelta) -> web.StreamResponse:
    """Reset the connection: closed with linger 0, so that the kernel sends RST, not FIN."""
    if request.transport:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        request.transport.abort()
    return web.Response()  # never written: the connection is gone


async def _hang(_: web.Request, _wait: timedelta) -> web.StreamResponse:
    await asyncio.Event().wait()  # until the client leaves
    raise AssertionError


async def _break_off(request: web.Request, _: timedelta) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    response.content_length = 1000
    await response.prepare(request)
    await response.write(b'{"id": 21')
    if request.transport:
        request.transport.close()
    return response


_BUSY = "Something went wrong while executing your query. Please include the request ID when reporting this issue."
_DONE = True

API_FAULTS: tuple[ApiFault, ...] = (
    ApiFault("server-error", "500, and nothing is done.", _says(HTTPStatus.INTERNAL_SERVER_ERROR, "Server Error")),
    ApiFault("bad-gateway", "502, and nothing is done.", _says(HTTPStatus.BAD_GATEWAY, "Server Error")),
    ApiFault("unavailable", "503, and nothing is done.", _says(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable")),
    ApiFault("gateway-timeout", "504, and nothing is done.", _says(HTTPStatus.GATEWAY_TIMEOUT, TIMED_OUT)),
    ApiFault("bad-gateway-done", "It is done, but 502.", _says(HTTPStatus.BAD_GATEWAY, "Server Error"), _DONE),
    ApiFault("gateway-timeout-done", "It is done, but 504.", _says(HTTPStatus.GATEWAY_TIMEOUT, TIMED_OUT), _DONE),
    ApiFault("lost-request", "The connection is reset before anything is done.", _reset),
    ApiFault("lost-answer", "It is done, and the connection is reset before the answer.", _reset, _DONE),
    ApiFault("hang", "Nothing is ever answered, or done.", _hang),
    ApiFault("hang-done", "It is done, and never answered.", _hang, _DONE),
    ApiFault("truncated", "It is done, and the answer breaks off.", _break_off, _DONE),
    ApiFault("secondary-403", "Too much at once: 403 with Retry-After.", _limited(HTTPStatus.FORBIDDEN, SECONDARY)),
    ApiFault(
        "secondary-429", "Too much at once: 429 with Retry-After.", _limited(HTTPStatus.TOO_MANY_REQUESTS, SECONDARY)
    ),
    ApiFault("secondary-bare", "Too much at once: 403 that tells no time.", _says(HTTPStatus.FORBIDDEN, SECONDARY)),
    ApiFault("abuse", "The older words for the same, with Retry-After.", _limited(HTTPStatus.FORBIDDEN, ABUSE)),
    ApiFault("primary", "The hour is used up: 403, nothing remains.", _used_up),
    ApiFault("bad-credentials", "401: the token is no longer good.", _says(HTTPStatus.UNAUTHORIZED, "Bad credentials")),
    ApiFault("forbidden", "403: the token has not this permission.", _says(HTTPStatus.FORBIDDEN, NO_INTEGRATION)),
    ApiFault("not-found", "404, as for what is not for these eyes.", _says(HTTPStatus.NOT_FOUND, "Not Found")),
    ApiFault("html", "200 with a page instead of JSON.", _page(HTTPStatus.OK, "GitHub")),
    ApiFault("unicorn", "503 with the unicorn's page.", _page(HTTPStatus.SERVICE_UNAVAILABLE, "Unicorn! · GitHub")),
    ApiFault(
        "base-modified",
        "405: the base moved just now; another try will do.",
        _says(HTTPStatus.METHOD_NOT_ALLOWED, "Base branch was modified. Review and try the merge again."),
    ),
    ApiFault("graphql-limited", "200, RATE_LIMITED, nothing remains.", _errors("RATE_LIMITED", PRIMARY, remaining=0)),
    ApiFault("graphql-broken", "200 with nothing but an error.", _errors("INTERNAL", _BUSY)),
    ApiFault("graphql-forbidden", "200, FORBIDDEN.", _errors("FORBIDDEN", NO_INTEGRATION)),
)


@dataclass(slots=True)
class _Switched:
    fault: ApiFault
    method: str | None
    route: str
    left: int | None

    def concerns(self, method: str, route: str) -> bool:
        return self.method in {None, method} and fnmatchcase(route, self.route)


class ApiFaults:
    """The switches; a fault may be about some requests only, and end after so many times.

    `retry_after` is how long a limited client is told to wait.
    """

    def __init__(self) -> None:
        """Start with all off."""
        self.retry_after = timedelta(seconds=60)
        self._on: list[_Switched] = []

    @property
    def active(self) -> frozenset[str]:
        """The names of the faults that are on."""
        return frozenset(each.fault.name for each in self._on)

    def switch_on(self, name: str, *, method: str | None = None, route: str = "*", times: int | None = None) -> None:
        """Let the API fail this way, for ever or so many times; raises UnknownFaultError, ValueError for no time.

        `route` is a pattern with stars over the path as the official description writes it:
        `*/issues/{issue_number}/comments`, `/graphql`, `/{owner}/{repo}.git/*`.
        """
        if times is not None and times < 1:
            raise ValueError(f"times: {times} is less than one")
        self._on.append(_Switched(find(name), method, route, times))

    def switch_off(self, name: str) -> None:
        """End this fault; raises UnknownFaultError."""
        fault = find(name)
        self._on = [each for each in self._on if each.fault is not fault]

    def mend(self) -> None:
        """End all."""
        self._on.clear()

    def strike(self, method: str, route: str) -> ApiFault | None:
        """Give the fault that this request meets, and count it."""
        for each in self._on:
            if each.concerns(method, route):
                if each.left is not None:
                    each.left -= 1
                    self._on = [other for other in self._on if other.left != 0]
                return each.fault
        return None
