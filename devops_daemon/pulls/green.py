"""Whether the checks of a pull request's head are green, and since when; if not, which check is to blame. Pure.

Required checks decide where there are any; else all that have reported, once they have been quiet for a while: a check
may appear seconds after the others have passed. What never reported is not green.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.forge import Check, Pull

MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Green:
    """All that counts has passed."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something is under way, or has not begun."""

    reason: str
    until: datetime | None = None
    """When that is over by itself; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Red:
    """Something has failed."""

    reason: str


Light = Green | Waiting | Red


def light(pull: Pull, required: Sequence[str], settle: timedelta, seen: Mapping[str, datetime], now: datetime) -> Light:
    """Say how the checks stand; `seen` tells when each check has last reported on any pull request."""
    checks = {each.name: each for each in pull.checks}
    counted = [checks[name] for name in required if name in checks] if required else list(pull.checks)
    head = pull.head_sha[:7]
    if failed := [each for each in counted if each.passed is False]:
        verb = "has" if len(failed) == 1 else "have"
        return Red(f"{_named(failed)} {verb} failed on {head}")
    if running := [each for each in counted if each.passed is None]:
        return Waiting(f"waiting for {_named(running)}{_required(required)}, under way on {head}")
    if missing := [name for name in required if name not in checks]:
        return Waiting(_never_reported(missing[0], len(missing), head, seen, now))
    if not counted:
        return Waiting(f"no check has reported on {head}: none is required, so at least one must pass")
    since = max((each.ended_at for each in counted if each.ended_at), default=now)
    if not required and now < since + settle:
        return Waiting(f"all checks have passed on {head}; waiting whether more begin", since + settle)
    return Green(since)


def _named(checks: Sequence[Check]) -> str:
    names = ", ".join(f"`{each.name}`" for each in checks[:MOST_NAMED])
    more = f" and {len(checks) - MOST_NAMED} more" if len(checks) > MOST_NAMED else ""
    return f"{'check' if len(checks) == 1 else 'checks'} {names}{more}"


def _required(required: Sequence[str]) -> str:
    return ", required" if required else ""


def _never_reported(name: str, count: int, head: str, seen: Mapping[str, datetime], now: datetime) -> str:
    last = f"last seen {ago(now - seen[name])} ago" if name in seen else "not seen on any pull request so far"
    more = f" (and {count - 1} more)" if count > 1 else ""
    return f"waiting for check `{name}`{more}, required, never reported on {head}; {last}"


def ago(passed: timedelta) -> str:
    """Say how long something was, in one unit."""
    seconds = max(0, int(passed.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
