"""What Railway's answer means: by status, content type and message together, never by an error's code alone. Pure.

The shapes are those of `docs/railway.md`: a refusal comes as HTTP 200 with the code INTERNAL_SERVER_ERROR, a limit as
429 or as 200 with words, and what stands before Railway (its edge, its gateway) answers in HTML.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from devops_daemon.adapters.exchange import LONGEST_PIECE, snippet

EDGE_WAIT = timedelta(minutes=5)
"""After a refusal of the edge: it has been seen to last for up to a day, and each try prolongs it."""
LIMIT_WAIT = timedelta(minutes=1)
"""After a 429 that does not say how long."""
LONGEST_WAIT = timedelta(hours=1)
_DRIFT = frozenset({"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"})
_THROTTLES = re.compile(
    r"creating (?:\w+ )?(?:volumes?|projects?|environments?|services?) too quickly"
    r"|only one environment can be created per user every \d+ ?s"
    r"|service deployment rate limit exceeded",
    re.IGNORECASE,
)
_FAILURES = re.compile(
    r"time[ds]? ?-?out|internal server error|fetch failed|unavailable|unexpected|went wrong|econn|socket hang up"
)
"""Words of a fault on Railway's side: whether a write was done cannot be told, and a read may be tried again."""
_SECONDS = re.compile(r"(\d+)\s?(s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?)\b", re.IGNORECASE)
_TOO_MANY, _FORBIDDEN, _SERVER_ERROR = 429, 403, 500


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, whole."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Data:
    """It was done, or read."""

    data: Mapping[str, Any]
    problems: tuple[str, ...] = ()
    """What is missing within it, and why."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """Not now: nothing was done."""

    text: str
    wait: timedelta
    everything: bool
    """No request at all gets through; else it is about this operation only."""


class Why(StrEnum):
    """Why something was refused."""

    NOT_AUTHORIZED = "not authorized"
    """A dead token, the wrong header, or no right to just this: the answer does not tell which."""
    DEAD_TOKEN = "dead token"  # noqa: S105 # a kind of refusal
    NOT_FOUND = "not found"
    DRIFT = "drift"
    """Railway's schema is not what this version was written for."""
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


Meaning = Data | Throttled | Refused | Failed
Redact = Callable[[str], str]
"""Masks secrets in what an answer says, before it is cut."""


def understand(reply: Reply, now: datetime, redact: Redact = str) -> Meaning:
    """Tell what an answer means; never raises, whatever the bytes are."""
    if reply.status == _TOO_MANY:
        return _limit(reply, now, redact)
    document = _json(reply)
    if isinstance(document, dict) and ("data" in document or "errors" in document):
        return _graphql(reply, document, redact)
    said = _said(reply, redact)
    if reply.status == _FORBIDDEN:
        return Throttled(f"Railway's edge refused the request (403: {said})", EDGE_WAIT, everything=True)
    if reply.status >= _SERVER_ERROR:
        return Failed(f"Railway's gateway answered {reply.status} ({said})")
    if reply.status >= 300:  # noqa: PLR2004 # HTTP
        return Refused(f"status {reply.status} ({said}): RAILWAY_API_URL is not Railway's GraphQL API")
    return Failed(f"the answer is not GraphQL ({said})")


def _json(reply: Reply) -> Any:  # noqa: ANN401 # whatever the other side wrote
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def _said(reply: Reply, redact: Redact) -> str:
    kind = snippet(redact(reply.content_type.partition(";")[0])) or "no content type"
    text = snippet(redact(re.sub(r"<[^>]{0,500}>", " ", reply.body[:4096].decode("utf-8", "replace"))))
    return f"{kind}: {text}" if text else kind


def _limit(reply: Reply, now: datetime, redact: Redact) -> Throttled:
    headers = {name.lower() for name in reply.headers}
    if not any(name.startswith(("x-ratelimit", "ratelimit")) for name in headers):
        wait = max(_retry_after(reply.headers) or EDGE_WAIT, EDGE_WAIT)
        text = f"Railway's edge refuses requests for now (429: {_said(reply, redact)})"
        return Throttled(text, min(wait, LONGEST_WAIT), everything=True)
    wait = _retry_after(reply.headers) or _until_reset(reply.headers, now) or LIMIT_WAIT
    return Throttled("Railway's limit of requests is used up (429)", min(wait, LONGEST_WAIT), everything=True)


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Read seconds, which Railway writes with a fraction."""
    return _positive_seconds(_header(headers, "retry-after"))


def _positive_seconds(text: str | None) -> timedelta | None:
    try:
        seconds = float(text or "")
        return timedelta(seconds=seconds) if 0 < seconds < LONGEST_WAIT.total_seconds() * 1000 else None
    except (ValueError, OverflowError):
        return None


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)


def resets_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Read `X-RateLimit-Reset`: how it is written is not documented, so a moment or a span, in seconds or as ISO."""
    text = _header(headers, "x-ratelimit-reset") or ""
    try:
        number = float(text)
        moment = number if number < 1e11 else number / 1000  # noqa: PLR2004 # milliseconds, then
        return datetime.fromtimestamp(moment, UTC) if moment > 1e9 else now + timedelta(seconds=moment)  # noqa: PLR2004
    except (ValueError, OverflowError, OSError):
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _until_reset(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    at = resets_at(headers, now)
    return at - now if at and at > now else None


def limit_of(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Read how many requests an hour has, and how many are left; None where the answer does not tell."""
    try:
        limit, left = (int(_header(headers, f"x-ratelimit-{name}") or "") for name in ("limit", "remaining"))
    except ValueError:
        return None
    return (limit, left) if limit > 0 else None


def _graphql(reply: Reply, document: Mapping[str, Any], redact: Redact) -> Meaning:
    data, errors = document.get("data"), document.get("errors")
    if not errors:
        return Data(data) if isinstance(data, dict) else Failed("the answer holds neither data nor an error")
    told = [_Told.of(error, redact) for error in (errors if isinstance(errors, list) else [str(errors)])]
    whole = isinstance(data, dict) and bool(data) and all(value is not None for value in data.values())
    if whole:
        return Data(data, tuple(error.text for error in told))  # type: ignore[arg-type] # a dict, just seen
    return _refusal(told[0], reply.status)


@dataclass(frozen=True, slots=True)
class _Told:
    message: str
    text: str
    """The message in a line, with what Railway's support asks for."""
    code: str = ""

    @classmethod
    def of(cls, error: Any, redact: Redact) -> "_Told":  # noqa: ANN401 # JSON
        error = error if isinstance(error, dict) else {"message": str(error)}
        extensions = error.get("extensions")
        extensions = extensions if isinstance(extensions, dict) else {}
        message = str(error.get("message") or "no message")[:LONGEST_PIECE]
        trace = snippet(redact(str(error.get("traceId") or extensions.get("traceId") or "")[:LONGEST_PIECE]))
        said = snippet(redact(message))
        return cls(message, f"{said} (traceId {trace})" if trace else said, str(extensions.get("code") or ""))


def _refusal(error: _Told, status: int) -> Meaning:
    said = error.message.strip().lower()
    why = _why(error.code, said)
    if why is not None:
        return Refused(error.text, why)
    if _THROTTLES.search(error.message):
        return Throttled(error.text, _wait_in(error.message), everything=False)
    if said.startswith("problem processing request") or status >= _SERVER_ERROR or _FAILURES.search(said):
        return Failed(error.text)
    return Refused(error.text)


def _why(code: str, said: str) -> Why | None:
    if code in _DRIFT:
        return Why.DRIFT
    if code == "UNAUTHENTICATED" or "project token not found" in said:
        return Why.DEAD_TOKEN
    if said.startswith("not authorized"):
        return Why.NOT_AUTHORIZED
    return Why.NOT_FOUND if said.endswith("not found") else None


def _wait_in(message: str) -> timedelta:
    found = _SECONDS.search(message)
    if not found:
        return LIMIT_WAIT
    number = min(int(found[1][:6]), 3600)
    return timedelta(minutes=min(number, 60)) if found[2].lower().startswith("m") else timedelta(seconds=number)
