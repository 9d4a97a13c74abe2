"""What is done next about one feedback, and what becomes of it when that fails. Pure.

What must never happen: a second issue, a second call of the Triage Agent, a feedback that is told to be processed and
has no issue, one bad feedback that holds up the others.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from devops_daemon.calling import Means
from devops_daemon.feedback import Entry, EntryState

TRIES = 5
"""Then it is set aside, and tried once in a while all the same: what was in its way may be gone."""
LONGEST_REST, REST_ASIDE = timedelta(hours=1), timedelta(days=1)
LEASE = timedelta(minutes=5)
"""So long it is in the hand of whoever took it up."""
REPEATABLE = frozenset({Means.COMMENT, Means.LABEL})
"""Calls that leave something that is found: what was begun and not noted is looked up, and done if it was not."""


class Step(StrEnum):
    """What is due."""

    OPEN = "open"
    """An issue for it."""
    CALL = "call"
    """The Triage Agent."""
    MARK = "mark"
    """It as processed, at the backend."""
    NOTHING = "nothing"


def next_step(entry: Entry, means: Means) -> Step:
    """Say what is due; `means` is how the Triage Agent is called, NOT is that opening the issue has called it."""
    match entry.state:
        case EntryState.NEW:
            return Step.OPEN
        case EntryState.OPENED:
            return Step.MARK if means is Means.NOT else Step.CALL
        case EntryState.CALLING:
            return Step.CALL if means in REPEATABLE else Step.MARK
        case EntryState.CALLED:
            return Step.MARK
        case _:
            return Step.NOTHING


def taken(entry: Entry, now: datetime) -> Entry:
    """Take it in hand: others leave it alone for as long."""
    return replace(entry, due_at=now + LEASE, error="")


def left_behind(entry: Entry, now: datetime) -> Entry:
    """Take up what a process that is gone had in hand: what only rests says for what."""
    return entry if entry.error else replace(entry, due_at=min(entry.due_at, now))


def done(entry: Entry, state: EntryState, now: datetime, **changed: object) -> Entry:
    """Note that a step was done."""
    ended = now if state is EntryState.PROCESSED else None
    tries = entry.tries if ended else 0  # what is listed all the same counts on
    noted = replace(entry, state=state, error="", tries=tries, aside=False, done_at=ended)
    return replace(noted, **changed)  # type: ignore[arg-type] # fields of it


def listed_again(entry: Entry, now: datetime, every: timedelta) -> Entry:
    """Go on with one that the backend lists though it took our word: it is told once more, and not for ever."""
    back = replace(entry, state=EntryState.CALLED, done_at=None)
    counted = failed(back, "the backend was told that it is processed, and lists it all the same", now, every)
    return counted if counted.aside else replace(counted, due_at=now)


def failed(entry: Entry, error: str, now: datetime, every: timedelta) -> Entry:
    """Note that a step failed in a way that may be its own fault: it rests, longer each time, and is set aside."""
    tries = entry.tries + 1
    if tries >= TRIES:
        return replace(entry, aside=True, tries=tries, error=error, due_at=now + REST_ASIDE)
    rest = min(every * 2.0 ** (tries - 1), LONGEST_REST)
    return replace(entry, tries=tries, error=error, due_at=now + rest)


def put_back(entry: Entry, error: str, now: datetime, every: timedelta) -> Entry:
    """Let go of one for which the world is not there now."""
    return replace(entry, error=error, due_at=now + every)
