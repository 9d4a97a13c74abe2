"""The nouns of landing: what is decided about a pull request, and what became of one that was merged."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verb(StrEnum):
    """What is to be done about a pull request."""

    MERGE = "merge"
    REBASE = "rebase"
    """Its branch must stand upon its base anew."""
    WAIT = "wait"
    """By itself it goes on."""
    LEAVE = "leave"
    """Somebody must do something about it first."""
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about a pull request, and why, in words for people."""

    verb: Verb
    reason: str
    covered: bool = False
    """It is one that `AUTOMERGE` wants merged."""
    held: bool = False
    """People, or an incident, keep it from being merged: nobody is late for it."""
    green_since: datetime | None = None
    """When the last check that counts has passed; None where one has not."""
    until: datetime | None = None
    """When it goes on by itself, where that is known."""
    tangled: bool = False
    """It conflicts with its base, and is one that may be put upon it."""


@dataclass(frozen=True, slots=True)
class Ready:
    """One pull request, or merge, that was ready and was waited for."""

    since: datetime
    merged_at: datetime | None
    """None is not yet."""
    number: int = 0


@dataclass(frozen=True, slots=True)
class PullRow:
    """A pull request that is open, as it is kept from one look to the next."""

    number: int
    title: str
    url: str
    author: str
    base: str
    head_sha: str
    decision: Decision
    decided_at: datetime
    """Since when the decision is this one."""
    ready_since: datetime | None = None
    """Since when it is green and nothing holds it: from then on it is waited for."""
    quiet_since: datetime | None = None
    """Since when nothing is under way at its head: what does not go on from here is stuck."""
    alarmed: str | None = None
    """The head of which it was said that it is stuck."""


class Stage(StrEnum):
    """Where a landing stands."""

    STARTED = "started"
    """Written down before it is merged: whether it was, is looked up."""
    MERGED = "merged"
    """What its deployment becomes is looked at."""
    ENDED = "ended"


class Came(StrEnum):
    """What came of a landing."""

    LIVE = "live"
    """Deployed, and found well by our probes."""
    MERGED = "merged"
    """No deployment of it was seen in time, or nothing hosts it."""
    FAILED = "failed"
    """What it deployed crashed, or was rolled back."""
    UNDEPLOYED = "undeployed"
    """Its deployment failed: what served before serves on, and nothing that comes after is deployed either."""
    REFUSED = "refused"
    """The forge said no, and would say so again."""
    NOT_MERGED = "not merged"
    """It came to nothing by chance: its head had moved, the forge did not answer."""


@dataclass(frozen=True, slots=True)
class Landing:
    """One merge of ours, from before it is done until what it deployed is judged: one at a time for a base."""

    number: int
    head_sha: str
    base: str
    title: str
    url: str
    reason: str
    began_at: datetime
    ready_since: datetime | None = None
    id: int = 0
    """0 before it is kept."""
    stage: Stage = Stage.STARTED
    commit: str | None = None
    """What the merge made of the base."""
    merged_at: datetime | None = None
    ended_at: datetime | None = None
    came: Came | None = None
    text: str = ""
    note: int | None = None
    """The comment in which it is told."""
    told: str = ""
    """What stands there."""
    version: int = 0
