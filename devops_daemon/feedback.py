"""The nouns of feedback: what a user of the product wrote, and what became of it here."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LABEL = "user-feedback"
"""Of its issue (`facts/factory`): what is merged for one may want an approval."""
MARK = "feedback"
"""The kind of the mark that ends its issue."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a user wrote: every word of it is a stranger's."""

    id: str
    """The backend's."""
    kind: str
    message: str
    created_at: datetime | None = None
    name: str = ""
    email: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A page of what the backend lists, oldest first."""

    items: tuple[Feedback, ...]
    listed: int
    """How many there were on it, with those that cannot be read."""
    unreadable: tuple[str, ...] = ()
    """What is wrong with each of those."""


class EntryState(StrEnum):
    """What of it has been done."""

    NEW = "new"
    OPENED = "opened"
    """It has an issue."""
    CALLING = "calling"
    """The Triage Agent is being called: whether that was done, may not be known."""
    CALLED = "called"
    PROCESSED = "processed"
    """And the backend knows its issue."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One feedback, as it is kept."""

    id: str
    state: EntryState
    seen_at: datetime
    """When it was seen first."""
    due_at: datetime
    """When something may be done about it: until then it is in somebody's hand, or rests."""
    tries: int = 0
    """How often something failed in a row that may be its own fault."""
    aside: bool = False
    """It was tried too often: a person should look."""
    issue: int | None = None
    issue_url: str = ""
    error: str = ""
    done_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class FeedbackFigures:
    """What there is to be seen of it."""

    waiting: int = 0
    aside: tuple[Entry, ...] = ()
