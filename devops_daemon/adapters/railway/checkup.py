"""Look whether what is configured of Railway works: tokens, rights, services, limits, clock, schema.

It only reads. Whether a token may write is found out when something is written, and told then.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from devops_daemon.adapters.railway.api import Api
from devops_daemon.adapters.railway.platform import Railway
from devops_daemon.adapters.railway.tokens import Token, TokenKind
from devops_daemon.hosting import HostedService, Hosting, LogQuery
from devops_daemon.model import Finding, Grade
from devops_daemon.ports import Clock, RefusedError, UnavailableError

SKEW = timedelta(seconds=30)
"""Clocks further apart than this make times in logs and limits misleading."""
LITTLE = 0.1
"""The share of the hour's requests below which a person should know."""


async def check_up(api: Api, now: Clock) -> AsyncIterator[Finding]:
    """Give what is found, one thing after another; never raises for what Railway does."""
    platform = Railway(api, now)
    try:
        scope = await api.scope()
    except (RefusedError, UnavailableError) as error:
        cure = (
            "mend the setting that it names" if isinstance(error, RefusedError) else "try again; is Railway reachable?"
        )
        yield Finding(Grade.FAILED, "Railway", str(error), cure)
        return
    for token in scope.tokens:
        yield Finding(Grade.OK, token.setting, _told(token))
    for problem in scope.problems:
        yield Finding(Grade.FAILED, "Railway tokens", problem, "mend or unset that token")
    yield Finding(Grade.OK, "environment", f"{scope.environment} of {scope.project}")
    async for finding in _reads(platform, now):
        yield finding
    yield _quota(api)
    yield _clock(api.transport.server_date, now())
    yield await _schema(api)


def _told(token: Token) -> str:
    if token.kind is TokenKind.PROJECT:
        return f"a project token, for {token.environment} of {token.project}: reads, deploys, variables"
    reached = ", ".join(name for _, name in token.workspaces)
    return "a workspace token" + (f", for {reached}" if reached else "")


async def _reads(platform: Railway, now: Clock) -> AsyncIterator[Finding]:
    try:
        hosting = await platform.hosting()
    except (RefusedError, UnavailableError) as error:
        yield Finding(Grade.FAILED, "services", str(error), "give the token the right, or try again")
        return
    names = ", ".join(service.name for service in hosting.services)
    yield Finding(Grade.OK if names else Grade.WARNING, "services", names or "there are none in this environment")
    for finding in _of_services(hosting):
        yield finding
    first = hosting.services[0].id if hosting.services else None
    asks: Sequence[tuple[str, Callable[[], Awaitable[object]]]] = (
        ("logs", lambda: platform.logs(LogQuery(1))),
        ("metrics", lambda: platform.metrics(first, now() - timedelta(minutes=5))),
        ("variables", lambda: platform.variables(first)),
        ("platform status", platform.news),
    )
    for about, ask in asks:
        yield await _tried(about, ask)


async def _tried(about: str, ask: Callable[[], Awaitable[object]]) -> Finding:
    try:
        await ask()
    except RefusedError as error:
        return Finding(Grade.FAILED, about, str(error), "set a RAILWAY_WORKSPACE_TOKEN that may read this")
    except UnavailableError as error:
        return Finding(Grade.FAILED, about, str(error), "try again later")
    return Finding(Grade.OK, about, "can be read")


def _of_services(hosting: Hosting) -> list[Finding]:
    found = []
    if hosting.staged_changes:
        text = f"{hosting.staged_changes} edits wait in the dashboard: databases and proxies can't be added meanwhile"
        found.append(Finding(Grade.WARNING, "staged changes", text, "commit or discard them there"))
    at_once = [service.name for service in hosting.services if _is_killed_at_once(service)]
    if at_once:
        text = f"{', '.join(at_once)}: the old process is killed at once when a new one is live"
        found.append(Finding(Grade.WARNING, "draining", text, "set RAILWAY_DEPLOYMENT_DRAINING_SECONDS=15 on each"))
    return found


def _is_killed_at_once(service: HostedService) -> bool:
    return bool(service.hosts) and not service.draining and not service.sleeps


def _quota(api: Api) -> Finding:
    told = api.quota.allowance
    if told is None:
        return Finding(Grade.WARNING, "requests", "Railway did not tell how many an hour has", "none is needed")
    text = f"{told.left} of {told.limit} are left in this hour"
    if told.left < told.limit * LITTLE:
        return Finding(Grade.WARNING, "requests", text, "find what else uses this token, or take a larger plan")
    return Finding(Grade.OK, "requests", text)


def _clock(date: str | None, now: datetime) -> Finding:
    try:
        skew = parsedate_to_datetime(date or "") - now
    except (ValueError, TypeError):
        return Finding(Grade.WARNING, "clock", "Railway did not tell its time", "none is needed")
    seconds = skew.total_seconds()
    if abs(skew) > SKEW:
        text = f"this machine's is {abs(seconds):.0f} s {'behind' if seconds > 0 else 'ahead of'} Railway's"
        return Finding(Grade.WARNING, "clock", text, "let NTP set this machine's clock")
    return Finding(Grade.OK, "clock", "agrees with Railway's")


async def _schema(api: Api) -> Finding:
    try:
        drifted = await api.drifted()
    except (RefusedError, UnavailableError) as error:
        return Finding(Grade.WARNING, "schema", f"could not be read: {error}", "try again later")
    if drifted:
        text = "; ".join(f"{name}: {reason}" for name, reason in drifted.items())
        return Finding(Grade.FAILED, "schema", f"Railway's API has changed: {text}", "take a newer devops-daemon")
    return Finding(Grade.OK, "schema", "every query fits Railway's schema of today")
