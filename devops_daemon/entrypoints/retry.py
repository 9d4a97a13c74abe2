"""When a delivery that went wrong is tried again. Pure.

What the world outside brings about is not the delivery's fault: it is tried for a day, however often. A fault of ours,
or a process that dies over it, is tried a few times.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

SHORTEST, LONGEST = timedelta(seconds=5), timedelta(minutes=10)
PATIENCE = timedelta(days=1)
MOST_FAULTS = 5


@dataclass(frozen=True, slots=True)
class Again:
    """Try it at that time."""

    error: str
    at: datetime
    counted: bool
    """Whether this attempt counts as one of the few."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It is for people now."""

    reason: str


def after_outage(error: str, received_at: datetime, now: datetime) -> Again | GiveUp:
    """Wait as long as it has waited already, within bounds, for a day."""
    age = now - received_at
    if age >= PATIENCE:
        return GiveUp(f"given up after a day: {error}")
    return Again(error, now + min(max(age, SHORTEST), LONGEST), counted=False)


def after_race(error: str, received_at: datetime, now: datetime) -> Again | GiveUp:
    """Read again in a moment what somebody else has changed meanwhile; not for ever."""
    if now - received_at >= PATIENCE:
        return GiveUp(f"given up after a day: {error}")
    return Again(error, now + SHORTEST, counted=False)


def after_fault(error: str, attempts: int, now: datetime) -> Again | GiveUp:
    """Try a few times, ever later."""
    if attempts >= MOST_FAULTS:
        return GiveUp(f"given up after {attempts} attempts: {error}")
    return Again(error, now + min(SHORTEST * 4 ** (attempts - 1), LONGEST), counted=True)
