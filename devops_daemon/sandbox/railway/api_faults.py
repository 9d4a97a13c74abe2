"""API_FAULTS: every way in which Railway's API has been seen to fail, and what a client then sees.

To add a fault is to add a row. Where several are on, the one about the operation that was switched on first strikes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from devops_daemon.sandbox.railway.weather import stormy

Json = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Twist = Callable[[Json], Json]
TRACE = "7083465017311291921"
"""A traceId, as Railway's support asks for."""
NEW_STATUS = "HIBERNATING"
"""A deployment's status that the schema of today does not know."""
_SLOWNESS = 0.3


@dataclass(frozen=True, slots=True)
class ApiFault:
    """A way to fail: an answer instead of the right one, or a change to it."""

    name: str
    sight: str
    answer: Answer | None = None
    takes_effect: bool = False
    """What was asked for is done all the same, before the answer."""
    twist: Twist | None = None


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


def html(status: HTTPStatus, text: str) -> web.Response:
    """Make what stands before Railway answers: a page, without Railway's headers."""
    page = f"<!doctype html><html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>"
    return web.Response(status=status, text=page, content_type="text/html")


def edge_limit() -> web.Response:
    """Make Cloudflare's refusal of too many requests."""
    return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, text="error code: 1015")


def _page(status: HTTPStatus, text: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return html(status, text)

    return answer


def _errors(*errors: Json, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"data": None, "errors": list(errors)}, status=status)

    return answer


def _refusal(message: str) -> Json:
    return {
        "message": message,
        "path": ["something"],
        "extensions": {"code": "INTERNAL_SERVER_ERROR"},
        "traceId": TRACE,
    }


async def _edge_limit(_: web.Request) -> web.StreamResponse:
    return edge_limit()


async def _used_up(_: web.Request) -> web.StreamResponse:
    headers = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "0", "Retry-After": "37.5"}
    return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, text="Too Many Requests", headers=headers)


async def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport:
        request.transport.abort()
    return web.Response()  # never written: the connection is gone


async def _hang(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()  # until the client leaves
    raise AssertionError


async def _dawdle(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(_SLOWNESS)
    return html(HTTPStatus.GATEWAY_TIMEOUT, "504 Gateway Timeout")


def _partial(body: Json) -> Json:
    return {
        **body,
        "errors": [{**_refusal("Problem with one of them"), "path": ["environment", "serviceInstances", 0]}],
    }


def _new_status(body: Json) -> Json:
    twisted: Json = _walked(body, lambda node: {**node, "status": NEW_STATUS} if "deploymentStopped" in node else node)
    return twisted


def _stuck_cursor(body: Json) -> Json:
    stuck = {"hasNextPage": True, "endCursor": "here"}
    twisted: Json = _walked(body, lambda node: {**node, "pageInfo": stuck} if "pageInfo" in node else node)
    return twisted


def _stormy(body: Json) -> Json:
    return {**body, "data": {"platformStatus": stormy("Deployments are delayed in US West")}}


def _bare(body: Json) -> Json:
    return {"data": {name: {} for name in body.get("data") or {}}}


def _walked(value: Any, change: Callable[[Json], Json]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        return change({key: _walked(item, change) for key, item in value.items()})
    return [_walked(item, change) for item in value] if isinstance(value, list) else value


_DRIFT = {
    "message": 'Cannot query field "meta" on type "Deployment".',
    "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
}

API_FAULTS: tuple[ApiFault, ...] = (
    ApiFault("edge-429", "Cloudflare's limit: 429, `error code: 1015`, no X-RateLimit headers.", _edge_limit),
    ApiFault("edge-403", "The edge refuses with a bare page.", _page(HTTPStatus.FORBIDDEN, "403 Forbidden")),
    ApiFault("rate-limited", "The hour is used up: 429 with Retry-After, and no JSON.", _used_up),
    ApiFault(
        "gateway-502", "The gateway's page instead of an answer.", _page(HTTPStatus.BAD_GATEWAY, "502 Bad Gateway")
    ),
    ApiFault(
        "gateway-504",
        "It is done, but the gateway lost its patience: 504.",
        _page(HTTPStatus.GATEWAY_TIMEOUT, "504 Gateway Timeout"),
        takes_effect=True,
    ),
    ApiFault("lost-answer", "It is done, and the connection breaks before the answer.", _hang_up, takes_effect=True),
    ApiFault("lost-request", "The connection breaks before anything is done.", _hang_up),
    ApiFault("hang", "Nothing is ever answered.", _hang),
    ApiFault("slow", "A late 504 of the gateway; it is done all the same.", _dawdle, takes_effect=True),
    ApiFault("not-json", "200 with a page.", _page(HTTPStatus.OK, "Railway")),
    ApiFault(
        "problem-processing",
        "200 with nothing but `Problem processing request` and a traceId.",
        _errors({"message": "Problem processing request", "traceId": TRACE}),
    ),
    ApiFault("not-authorized", "200, `Not Authorized`.", _errors(_refusal("Not Authorized"))),
    ApiFault(
        "token-dead",
        "The token has been revoked, and is not known any more.",
        _errors(_refusal("Project Token not found")),
    ),
    ApiFault(
        "two-factor", "The workspace wants a second factor.", _errors(_refusal("Two Factor Authentication Required"))
    ),
    ApiFault(
        "throttled-deploy",
        "200, `Service deployment rate limit exceeded`.",
        _errors(_refusal("Service deployment rate limit exceeded")),
    ),
    ApiFault(
        "throttled-create",
        "200, services are created too quickly, with the wait in words.",
        _errors(_refusal("You are creating services too quickly. Please try again in 25 seconds.")),
    ),
    ApiFault("schema-drift", "400: a field is no longer there.", _errors(_DRIFT, status=HTTPStatus.BAD_REQUEST)),
    ApiFault("partial", "The data, and an error about a part of it.", takes_effect=True, twist=_partial),
    ApiFault("unknown-status", f"Deployments are {NEW_STATUS}.", takes_effect=True, twist=_new_status),
    ApiFault(
        "stuck-cursor", "There is always a next page, and it is this one.", takes_effect=True, twist=_stuck_cursor
    ),
    ApiFault("bare", "The answer lacks what was asked for.", takes_effect=True, twist=_bare),
    ApiFault("platform-incident", "Railway says that it is in trouble.", takes_effect=True, twist=_stormy),
)


@dataclass(slots=True)
class _Switched:
    fault: ApiFault
    operation: str | None
    left: int | None


class ApiFaults:
    """The switches; a fault may be about one operation, and end after so many times."""

    def __init__(self) -> None:
        """Start with all off."""
        self._on: list[_Switched] = []

    @property
    def active(self) -> frozenset[str]:
        """The names of the faults that are on."""
        return frozenset(each.fault.name for each in self._on)

    def switch_on(self, name: str, *, operation: str | None = None, times: int | None = None) -> None:
        """Let the API fail this way, for ever or so many times; raises UnknownFaultError, ValueError for no time."""
        if times is not None and times < 1:
            raise ValueError(f"times: {times} is less than one")
        self._on.append(_Switched(find(name), operation, times))

    def switch_off(self, name: str) -> None:
        """End this fault; raises UnknownFaultError."""
        fault = find(name)
        self._on = [each for each in self._on if each.fault is not fault]

    def mend(self) -> None:
        """End all."""
        self._on.clear()

    def strike(self, operation: str) -> ApiFault | None:
        """Give the fault that this request meets, and count it."""
        for each in self._on:
            if each.operation in {None, operation}:
                if each.left is not None:
                    each.left -= 1
                    self._on = [other for other in self._on if other.left != 0]
                return each.fault
        return None
