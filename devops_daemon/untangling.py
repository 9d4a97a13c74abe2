"""The nouns of untangling: a pull request that conflicts with its base, and what was made of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

APPEND_ONLY = ("CHANGELOG.md", "CHANGES.md", "HISTORY.md")
"""Files to which lines are only added, by the habits of the field."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A pull request that was merged: another may have been stacked upon it."""

    number: int
    head_sha: str
    """Its last head."""
    commit: str
    """What its merge made of the base."""


@dataclass(frozen=True, slots=True)
class Tangle:
    """A pull request whose changes do not fit upon its base as they are."""

    number: int
    head_sha: str
    base_sha: str
    parents: tuple[Parent, ...] = ()
    append_only: tuple[str, ...] = ()
    """Patterns of files in which the lines that both sides have added are all kept."""


class Rung(StrEnum):
    """The ways to put a branch upon its base, the cheapest first."""

    ABSORBED = "absorbed"
    """The base has all of it already."""
    ONTO = "onto"
    """It was stacked upon a pull request that has been merged: only its own commits are put upon the base."""
    REBASE = "rebase"
    SQUASH = "squash"
    """Commits that undo each other do not fit one by one, and fit as one."""
    UNION = "union"
    REMEMBERED = "remembered"
    """The same conflict was solved before."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A way that did not do, and why, for people."""

    rung: Rung
    text: str


@dataclass(frozen=True, slots=True)
class Absorbed:
    """The base has all of it already."""

    commit: str | None
    """The commit that has it, where one has it alone."""


@dataclass(frozen=True, slots=True)
class Untangled:
    """A commit that stands upon the base; nobody has it but us yet."""

    rung: Rung
    sha: str
    proof: str
    """What was compared, in words."""
    tried: tuple[Tried, ...] = ()


@dataclass(frozen=True, slots=True)
class Stuck:
    """No way does: somebody must decide."""

    files: tuple[str, ...]
    hunks: str
    """The lines about which the two sides differ, cut at a limit."""
    tried: tuple[Tried, ...] = ()


Outcome = Absorbed | Untangled | Stuck


class KnotState(StrEnum):
    """Where a conflict stands."""

    PUSHING = "pushing"
    """What untangles it was found, and is written down before it is pushed: whose it is, is known by that."""
    PUSHED = "pushed"
    STUCK = "stuck"
    """No way does; the agent is asked, or was."""
    CLOSING = "closing"
    """It is given up: its head is kept, it is closed, and the agent is asked to make it anew."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Knot:
    """A head of a pull request that conflicts with its base, as it is kept."""

    number: int
    head_sha: str
    base_sha: str
    """The base that it was last tried upon."""
    state: KnotState
    at: datetime
    """Since when it stands so."""
    text: str = ""
    """How it was untangled, or why not."""
    files: tuple[str, ...] = ()
    hunks: str = ""
    new_sha: str | None = None
    """What it was untangled to."""
    calls: int = 0
    """How often the agent was asked to mend this head."""
    called_at: datetime | None = None
    version: int = 0
