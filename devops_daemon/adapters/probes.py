"""The kinds of probe: each a function and a row in `PROBES`. A probe looks, and changes nothing but for the canary.

Routes and shapes are those of the product (`docs/facts/factory.md`).
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from devops_daemon.adapters.exchange import (
    LONGEST_PIECE,
    Answer,
    Exchange,
    NoAnswerError,
    Trail,
    WrongAnswerError,
    fill,
)
from devops_daemon.model import HttpCheck, Outcome, Probe, ProbeKind, ReadinessCheck, Result, SignInCheck
from devops_daemon.ports import Clock, Permits, UnavailableError
from devops_daemon.redaction import Redactor

LONGEST_DETAIL = 300
TRIES = 3
"""So often the canary is registered at most, and only as long as no answer comes."""
LONGEST_TOKEN = 8000
"""Servers refuse longer header fields (aiohttp and nginx from 8 KiB on)."""
REFERENCE_SECONDS = 3.0
WELL = frozenset({"ok", "healthy", "up", "pass", "ready", "connected", "true"})
_OK, _NOT_FOUND, _UNAUTHORIZED, _TOO_MANY, _NOT_READY = 200, 404, 401, 429, 503
_CREATED = frozenset({200, 201})


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe says of the product: a text, with a `{}` for each piece that a stranger wrote."""

    outcome: Outcome
    text: str
    quoted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tools:
    """What a probe works with: requests inside its own time, and permits for what is done once."""

    exchange: Exchange
    trail: Trail
    deadline: float
    permits: Permits | None
    now: Clock
    existing: set[str] = field(default_factory=set)
    """Registrations that are known to be needed no more."""
    secrets: list[str] = field(default_factory=list)
    """What the probe has been told in confidence."""

    async def request(self, method: str, url: str, **options: Any) -> Answer:  # noqa: ANN401 # as `Exchange.request`
        """Make a request within what is left of the probe's time."""
        left = max(0.001, self.deadline - time.monotonic())
        return await self.exchange.request(method, url, trail=self.trail, seconds=left, **options)


async def http(check: HttpCheck, tools: Tools) -> Finding:
    """Ask one route and compare what it answers: status, body, JSON fields."""
    answer = await tools.request(check.method, check.url, follow_redirects=check.follow_redirects)
    expect_status(answer, check.expect_status)
    if check.not_empty and not answer.body.strip():
        raise WrongAnswerError("wrong body: empty")
    if check.contains is not None and check.contains not in answer.text:
        raise WrongAnswerError("wrong body: no '{}' in it: {}", check.contains, answer.text)
    if check.fields:
        document = answer.json()
        for path, wanted in check.fields:
            expect_field(document, path, wanted)
    return Finding(Outcome.OK, f"status {answer.status}")


async def readiness(check: ReadinessCheck, tools: Tools) -> Finding:
    """Read the readiness route: down without the dependency that it is about, degraded without another."""
    answer = await tools.request("GET", check.url)
    if answer.status == _NOT_FOUND:
        return Finding(Outcome.UNPROVEN, "no readiness route: status 404")
    expect_status(answer, frozenset({_OK, _NOT_READY}))
    document = answer.json()
    found = document.get("checks") if isinstance(document, dict) else None
    dependencies = {str(k): _as_text(v) for k, v in found.items()} if isinstance(found, dict) else {}
    if check.needs not in dependencies:
        raise WrongAnswerError("wrong body: nothing about {} in it: {}", check.needs, answer.text)
    worst_first = sorted(dependencies.items(), key=lambda item: (item[1].lower() in WELL, item[0] != check.needs))
    text = ", ".join("{} {}" for _ in worst_first)
    quoted = tuple(part for item in worst_first for part in item)
    if dependencies[check.needs].lower() not in WELL or answer.status == _NOT_READY:
        raise WrongAnswerError(f"not ready: {text} (status {answer.status})", *quoted)
    if all(value.lower() in WELL for value in dependencies.values()):
        return Finding(Outcome.OK, text, quoted)
    return Finding(Outcome.DEGRADED, f"ready without all: {text}", quoted)


async def sign_in(check: SignInCheck, tools: Tools) -> Finding:
    """Sign in as the canary and ask who that is; the canary is registered once."""
    answer = await _log_in(check, tools)
    if answer.status == _UNAUTHORIZED:
        refusal = await _register_once(check, tools)
        if refusal:
            return Finding(Outcome.UNPROVEN, "{} may not sign in: status 401; {}", (check.username, refusal))
        answer = await _log_in(check, tools)
    if answer.status == _NOT_FOUND:
        return Finding(Outcome.UNPROVEN, "no sign-in route: status 404")
    if answer.status == _TOO_MANY:
        return Finding(Outcome.UNKNOWN, "sign-in is rate-limited: status 429")
    expect_status(answer, frozenset({_OK}), "sign-in")
    token = _field(answer.json(), "access_token")
    if not isinstance(token, str) or not token or not token.isprintable():
        raise WrongAnswerError("wrong body: sign-in gave no access_token")
    if len(token) > LONGEST_TOKEN:
        raise WrongAnswerError(f"wrong body: sign-in gave an access_token of {len(token)} characters")
    tools.secrets.append(token)
    me = await tools.request("GET", f"{check.backend}/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    expect_status(me, frozenset({_OK}), "/api/auth/me")
    document = me.json()
    user = _field(document, "username") or _field(document, "user.username")
    if user != check.username:
        said = _as_text(user)
        raise WrongAnswerError("wrong body: signed in as {}, but the backend says '{}'", check.username, said)
    await _note_existence(check, tools)
    return Finding(Outcome.OK, "signed in as {}", (check.username,))


async def _log_in(check: SignInCheck, tools: Tools) -> Answer:
    body = {"username": check.username, "password": check.password}
    return await tools.request("POST", f"{check.backend}/api/auth/login", body=body)


async def _register_once(check: SignInCheck, tools: Tools) -> str | None:
    """Register the canary if it was never there; gives why not.

    The row of a try is there before the request is. Whatever is answered, there is never another; where no answer
    comes, a later look may try again, a few times: by its name it is one account all the same.
    """
    if tools.permits is None:
        return "wrong password? or no such account; nobody is registered here"
    if not await _may_try(check, tools):
        return "wrong password? or its account is gone, or could not be made"
    body = {"username": check.username, "display_name": "DevOps canary", "password": check.password}
    answer = await tools.request("POST", f"{check.backend}/api/auth/register", body=body)
    await _try_no_more(check, tools)
    if answer.status in _CREATED:
        return None
    return f"wrong password? Its registration was refused: status {answer.status}"


async def _may_try(check: SignInCheck, tools: Tools) -> bool:
    for name in _registrations(check):
        if tools.permits is not None and await tools.permits.take(name, tools.now()):
            return True
    return False


async def _try_no_more(check: SignInCheck, tools: Tools) -> None:
    while await _may_try(check, tools):
        pass


async def _note_existence(check: SignInCheck, tools: Tools) -> None:
    """Give up the registration of a canary that exists: if its account is lost one day, that is to be told."""
    name = _registrations(check)[0]
    if tools.permits is None or name in tools.existing:
        return
    with suppress(UnavailableError):
        await _try_no_more(check, tools)
        tools.existing.add(name)


def _registrations(check: SignInCheck) -> tuple[str, ...]:
    """Name the tries to register it."""
    first = f"register {check.username} at {check.backend}"
    return (first, *(f"{first}, try {number}" for number in range(2, TRIES + 1)))


ProbeFunction = Callable[[Any, Tools], Awaitable[Finding]]

PROBES: Mapping[ProbeKind, ProbeFunction] = {
    ProbeKind.HTTP: http,
    ProbeKind.READINESS: readiness,
    ProbeKind.SIGN_IN: sign_in,
}


def expect_status(answer: Answer, wanted: frozenset[int], what: str = "") -> None:
    """Compare the status; raises WrongAnswerError."""
    if answer.status in wanted:
        return
    target = answer.headers.get("Location", "")
    expected = " or ".join(str(status) for status in sorted(wanted))
    text = f"wrong status: {answer.status}{' (redirect to {})' if target else ''}{f' from {what}' if what else ''}"
    raise WrongAnswerError(f"{text}, expected {expected}", *([target] if target else []))


def expect_field(document: object, path: str, wanted: tuple[str, ...]) -> None:
    """Compare a field of a JSON document as text; raises WrongAnswerError."""
    value = _as_text(_field(document, path))
    if value not in wanted:
        raise WrongAnswerError("wrong body: {} is '{}', expected {}", path, value, " or ".join(wanted))


def _field(document: object, path: str) -> object:
    value = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _as_text(value: object) -> str:
    while isinstance(value, dict):
        value = value.get("status", "?")
    if value is None:
        return "missing"
    return str(value).lower() if isinstance(value, bool) else str(value)


class HttpProber:
    """The port `Prober`: runs the probes of `PROBES`."""

    def __init__(self, exchange: Exchange, redactor: Redactor, now: Clock, permits: Permits | None = None) -> None:
        self._exchange = exchange
        self._redactor = redactor
        self._permits = permits
        self._now = now
        self._existing: set[str] = set()

    async def run(self, probe: Probe) -> Result:
        """Look once; what goes wrong is the result."""
        start, seconds = time.monotonic(), probe.timeout.total_seconds()
        trail = Trail(whole_time=seconds)
        tools = Tools(self._exchange, trail, start + seconds, self._permits, self._now, self._existing)
        try:
            finding = await PROBES[probe.kind](probe.check, tools)
        except (NoAnswerError, WrongAnswerError) as error:
            finding = Finding(Outcome.FAILED, error.text, error.quoted)
        except RecursionError:  # json reads what is nested deeper than str and repr can write
            finding = Finding(Outcome.FAILED, "wrong body: nested too deeply")
        except UnavailableError as error:
            finding = Finding(Outcome.UNKNOWN, "{}", (str(error),))
        at, latency = self._now(), timedelta(seconds=time.monotonic() - start)
        finding = _graded(finding, probe, latency, trail, at)
        return Result(
            key=probe.key,
            at=at,
            outcome=finding.outcome,
            detail=self._told(finding, tools.secrets),
            latency=latency,
            answered=trail.answered,
        )

    def _told(self, finding: Finding, secrets: Sequence[str]) -> str:
        quoted = finding.quoted
        if secrets and finding.outcome is not Outcome.OK:
            confidential = Redactor(secrets)
            quoted = tuple(confidential.text(piece[:LONGEST_PIECE]) for piece in quoted)
        return self._redactor.text(fill(finding.text, quoted, self._redactor))[:LONGEST_DETAIL]

    async def answers(self, url: str) -> bool:
        """Tell whether an address gives any HTTP answer within three seconds."""
        trail = Trail()
        try:
            await self._exchange.request("GET", url, trail=trail, seconds=REFERENCE_SECONDS)
        except (NoAnswerError, WrongAnswerError):
            return trail.answered
        return True


def _graded(finding: Finding, probe: Probe, latency: timedelta, trail: Trail, now: datetime) -> Finding:
    """Find what passed but slowly, or behind a certificate that ends soon."""
    if finding.outcome is not Outcome.OK:
        return finding
    if latency > probe.slow_after:
        slow = f"slow: {latency.total_seconds():.1f} s, more than {probe.slow_after.total_seconds():g} s"
        return Finding(Outcome.DEGRADED, slow)
    if trail.certificate_ends and trail.certificate_ends - now < timedelta(days=probe.certificate_days):
        left = (trail.certificate_ends - now).days
        return Finding(Outcome.DEGRADED, f"certificate ends in {left} days")
    return finding
