"""What GitHub's answer means: by status, headers and words together. Pure.

403 is a missing right or a limit, 429 a limit, and GraphQL tells its own limit as 200 with errors ("Rate limits for the
REST API", "Rate limits and query limits for the GraphQL API" of GitHub's documentation).
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from devops_daemon.adapters.exchange import LONGEST_PIECE, snippet
from devops_daemon.adapters.github.headers import header, resource_of, seconds_in, until_reset

LIMIT_WAIT = timedelta(minutes=1)
"""After a limit that does not say how long: GitHub's documentation asks for a minute at least."""
LONGEST_WAIT = timedelta(hours=1)
_MISSING_RIGHT = re.compile(
    r"not accessible|must have|must be an? |permission|not authorized|not allowed|forbidden|saml|ip allow ?list"
    r"|forbids access|insufficient.scopes|required scopes|without `?workflows?`?",
    re.IGNORECASE,
)
_LIMIT = re.compile(r"rate.?limit|abuse detection", re.IGNORECASE)
_SECONDARY = re.compile(r"secondary rate limit|abuse detection", re.IGNORECASE)
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """It was done, or read; no body is None."""

    data: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """What GraphQL left out of it, and why."""


@dataclass(frozen=True, slots=True)
class NotModified:
    """It is as it was when we last read it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """It is somewhere else: a repository was renamed."""

    location: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Not now: nothing was done."""

    text: str
    wait: timedelta
    resource: str | None
    """What has a limit of its own: core, search, graphql."""
    secondary: bool
    """It closes everything, not one resource."""
    assumed: bool = False
    """GitHub did not say how long."""


class Why(StrEnum):
    """Why something was refused."""

    DEAD_TOKEN = "dead token"  # noqa: S105 # a kind of refusal
    MISSING_RIGHT = "missing right"
    NOT_FOUND = "not found"
    """Or no right to know that it is there: on private repositories GitHub does not tell these apart."""
    GONE = "gone"
    INVALID = "invalid"
    CONFLICT = "conflict"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Refused:
    """No: asking again gives the same."""

    text: str
    why: Why = Why.OTHER


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong there: a read may be tried again, a write may have been done."""

    text: str


Meaning = Done | NotModified | Moved | Throttled | Refused | Failed
Redact = Callable[[str], str]
"""Masks secrets in what an answer says, before it is cut."""
_WHY: Mapping[int, Why] = {
    400: Why.INVALID,
    401: Why.DEAD_TOKEN,
    404: Why.NOT_FOUND,
    409: Why.CONFLICT,
    410: Why.GONE,
    422: Why.INVALID,
}
_GRAPHQL_WHY: Mapping[str, Why] = {
    "NOT_FOUND": Why.NOT_FOUND,
    "FORBIDDEN": Why.MISSING_RIGHT,
    "INSUFFICIENT_SCOPES": Why.MISSING_RIGHT,
    "UNPROCESSABLE": Why.INVALID,
}


def understand(reply: Reply, now: datetime, redact: Redact = str) -> Meaning:
    """Tell what an answer means; never raises, whatever the bytes are."""
    status = reply.status
    if status == 304:  # noqa: PLR2004 # HTTP
        return NotModified()
    if 200 <= status < 300:  # noqa: PLR2004 # HTTP
        return _done(reply, redact)
    if status in {301, 302, 303, 307, 308} and (location := header(reply.headers, "location")):
        return Moved(location)
    message, said = _said(reply, redact)
    if status in {403, 429} and _is_limit(reply, message):
        return _throttled(reply, message, now)
    if status >= _SERVER_ERROR or status < 300 or status == 408:  # noqa: PLR2004 # HTTP
        return Failed(f"GitHub answered {status} ({said})")
    return _refused(reply, message, said, redact)


def understand_graphql(reply: Reply, now: datetime, redact: Redact = str) -> Meaning:
    """The same for GraphQL, whose refusals come as 200; never raises."""
    meaning = understand(reply, now, redact)
    if not isinstance(meaning, Done):
        return meaning
    document = meaning.data if isinstance(meaning.data, dict) else {}
    data, errors = document.get("data"), document.get("errors")
    if not errors:
        whole = isinstance(data, dict)
        return Done(data, reply.headers) if whole else Failed("GitHub's answer holds neither data nor an error")
    told = [_Told.of(error, redact) for error in (errors if isinstance(errors, list) else [errors])]
    if any(error.is_limit for error in told):
        return _throttled(reply, told[0].message, now, "graphql")
    fault = next((error.meaning for error in told if isinstance(error.meaning, Failed)), None)
    if fault is not None:
        return fault
    if isinstance(data, dict) and any(value is not None for value in data.values()):
        return Done(data, reply.headers, tuple(error.text for error in told))
    return told[0].meaning


@dataclass(frozen=True, slots=True)
class _Told:
    """One error of GraphQL's."""

    message: str
    text: str
    kind: str

    @classmethod
    def of(cls, error: Any, redact: Redact) -> "_Told":  # noqa: ANN401 # JSON
        error = error if isinstance(error, dict) else {"message": str(error)}
        message = str(error.get("message") or "no message")[:LONGEST_PIECE]
        return cls(message, snippet(redact(message)), str(error.get("type") or ""))

    @property
    def is_limit(self) -> bool:
        return self.kind == "RATE_LIMITED" or bool(_LIMIT.search(self.message))

    @property
    def meaning(self) -> Meaning:
        if re.search(r"something went wrong|timed? ?out|in time", self.message, re.IGNORECASE):
            return Failed(f"GitHub: {self.text}")
        return Refused(f"GitHub refused: {self.text}", _GRAPHQL_WHY.get(self.kind, Why.OTHER))


def _done(reply: Reply, redact: Redact) -> Meaning:
    if not reply.body.strip():
        return Done(None, reply.headers)
    data = _json(reply)
    if data is _NO_JSON:
        return Failed(f"GitHub's answer is not JSON ({_said(reply, redact)[1]})")
    return Done(data, reply.headers)


_NO_JSON = object()


def _json(reply: Reply) -> Any:  # noqa: ANN401 # whatever the other side wrote
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return _NO_JSON


def _said(reply: Reply, redact: Redact) -> tuple[str, str]:
    """Give what an error's body says: as it is, and as a line for people."""
    document = _json(reply)
    if isinstance(document, dict):
        message = "; ".join([str(document.get("message") or "no message"), *_details(document.get("errors"))])
    else:
        message = re.sub(r"<[^>]{0,500}>", " ", reply.body[:LONGEST_PIECE].decode("utf-8", "replace"))
    message = message[:LONGEST_PIECE]
    return message, snippet(redact(message)) or "no words"


def _details(errors: Any) -> list[str]:  # noqa: ANN401 # JSON
    """Read what is wrong with each field; GitHub writes these as text or as objects."""
    found = []
    for error in errors[:5] if isinstance(errors, list) else []:
        if isinstance(error, dict):
            parts = [str(error[key]) for key in ("field", "code") if error.get(key)]
            found.append(str(error.get("message") or " ".join(parts)))
        else:
            found.append(str(error))
    return [text for text in found if text]


def _is_limit(reply: Reply, message: str) -> bool:
    if reply.status == 429 or header(reply.headers, "retry-after") or _LIMIT.search(message):  # noqa: PLR2004 # HTTP
        return True
    used_up = header(reply.headers, "x-ratelimit-remaining") == "0"
    return used_up and not _MISSING_RIGHT.search(message)  # the last request of an hour may lack a right too


def _throttled(reply: Reply, message: str, now: datetime, resource: str | None = None) -> Throttled:
    resource = resource_of(reply.headers) or resource
    secondary = bool(_SECONDARY.search(message)) or header(reply.headers, "x-ratelimit-remaining") != "0"
    if resource == "graphql" and not _SECONDARY.search(message) and reply.status < 300:  # noqa: PLR2004 # HTTP
        secondary = False
    told = seconds_in(header(reply.headers, "retry-after")) or until_reset(reply.headers, now)
    wait = min(told or LIMIT_WAIT, LONGEST_WAIT)
    what = "asks to slow down (its secondary limit)" if secondary else f"allows no more requests ({resource or 'core'})"
    return Throttled(f"GitHub {what}", wait, resource, secondary, assumed=told is None)


def _refused(reply: Reply, message: str, said: str, redact: Redact) -> Refused:
    why = _WHY.get(reply.status, Why.OTHER)
    if reply.status == 403 and _MISSING_RIGHT.search(message):  # noqa: PLR2004 # HTTP
        why = Why.MISSING_RIGHT
    needs = needed(reply.headers, redact) if why in {Why.MISSING_RIGHT, Why.NOT_FOUND} else ""
    return Refused(f"GitHub answered {reply.status}: {said}" + (f" (it needs {needs})" if needs else ""), why)


def needed(headers: Mapping[str, str], redact: Redact = str) -> str:
    """Read which permissions GitHub says a request needs; empty where it does not."""
    told = header(headers, "x-accepted-github-permissions") or ""
    return snippet(redact(told.replace("=", ": ")[:LONGEST_PIECE]))
