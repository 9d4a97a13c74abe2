"""What is to be done about a pull request that conflicts with its base. Pure; `untangle` carries it out.

What must never happen: a push over somebody's work, work that is lost, an agent that is asked without end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.untangling import Knot, KnotState

MOST_CALLS = 2
"""Of the agent, to mend one pull request in place; then it is made anew."""
SHOWN_WITHIN = timedelta(minutes=5)
"""By then GitHub shows what was pushed."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who is asked to mend what no way solves."""

    there: bool = True
    """False where nobody is to be asked."""
    within: timedelta = timedelta(hours=1)
    """So long it is given."""


@dataclass(frozen=True, slots=True)
class Try:
    """The ways are tried upon this base."""


@dataclass(frozen=True, slots=True)
class Push:
    """What was found is pushed."""

    knot: Knot


@dataclass(frozen=True, slots=True)
class Ask:
    """The agent is asked to mend it in place."""

    knot: Knot
    number: int
    """The first is 1."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Its head is kept, it is closed, and the agent is asked to make it anew."""

    knot: Knot


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is to be done now."""


Move = Try | Push | Ask | GiveUp | Rest


def next_move(knots: Sequence[Knot], head_sha: str, base_sha: str, asking: Asking, now: datetime) -> Move:
    """Say what is to be done; `knots` are those of this pull request."""
    knot = next((each for each in knots if each.head_sha == head_sha), None)
    if knot is None:
        return Try()
    match knot.state:
        case KnotState.PUSHING:
            return Push(knot)
        case KnotState.PUSHED:
            return Try() if now >= knot.at + SHOWN_WITHIN else Rest()
        case KnotState.CLOSING:
            return GiveUp(knot)
        case KnotState.CLOSED:
            return Rest()
        case KnotState.STUCK:
            return Try() if knot.base_sha != base_sha else _stuck(knots, knot, asking, now)


def _stuck(knots: Sequence[Knot], knot: Knot, asking: Asking, now: datetime) -> Move:
    if not asking.there or (knot.called_at and now < knot.called_at + asking.within):
        return Rest()
    asked = sum(each.calls for each in knots)
    return Ask(knot, asked + 1) if asked < MOST_CALLS else GiveUp(knot)


def stands(knot: Knot | None, asking: Asking) -> str | None:
    """Say how it stands, for people; None where nothing is known."""
    if knot is None:
        return None
    files = ", ".join(f"`{each}`" for each in knot.files[:3])
    more = f" and {len(knot.files) - 3} more" if len(knot.files) > 3 else ""  # noqa: PLR2004 # enough to know it by
    where = f"in {files}{more}" if knot.files else f"({knot.text})"
    match knot.state:
        case KnotState.STUCK if knot.called_at:
            return f"{where}; the Code Agent was asked to mend it at {knot.called_at:%H:%M} UTC"
        case KnotState.STUCK:
            return f"{where}, which no way solves" + ("" if asking.there else "; a person must")
        case KnotState.PUSHING | KnotState.PUSHED:
            return f"and is untangled: {knot.text}"
        case _:
            return None
