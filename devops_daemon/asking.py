"""The nouns of a request: what a person or an agent asked for, and where the answer stands."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RequestState(StrEnum):
    """Where a request stands."""

    ASKED = "asked"
    """Kept; whatever it reads may be read again."""
    ACTING = "acting"
    """An act was begun: it is never begun a second time, but looked up."""
    FOLLOWED = "followed"
    """The act was taken; what becomes of it is watched."""
    DECIDED = "decided"
    """How it ended is known and kept; it is still to be told."""
    ANSWERED = "answered"


DESK = 0
"""The issue of what was asked on none, but by an operator: it is answered where it was asked."""
UNDER_WAY = frozenset({RequestState.ACTING, RequestState.FOLLOWED})
"""An act was begun, and has not come to its end."""


@dataclass(frozen=True, slots=True)
class Request:
    """One comment that asked for something, as it is kept."""

    id: str
    """`comment:ID`."""
    issue: int
    comment_id: int
    author: str
    by_agent: bool
    hop: int
    words: str
    """What was asked, as it was read; for people."""
    asked_at: datetime
    """When the comment was written."""
    state: RequestState = RequestState.ASKED
    reply_id: int | None = None
    """Our one reply."""
    act: str | None = None
    """The act that was begun, by its command's name."""
    target: str | None = None
    """The service that it is done to."""
    acting_since: datetime | None = None
    """When the act was written down; None where it never was, or was not taken: it does not count."""
    code: str | None = None
    """The commit or image that the act was about: by it what it brought about is known again."""
    deployment_id: str | None = None
    """What the act brought about, as far as it is known."""
    followed_until: datetime | None = None
    """Until when somebody watches it: later, whoever sees this takes it up."""
    counted: int | None = None
    """What was counted, to be confirmed."""
    headline: str | None = None
    """How it ended, as it is told."""
    details: str | None = None
    details_in_public: str | None = None
    """What of them may be shown on a public repository."""
    answered_at: datetime | None = None
    """When the results were posted."""
    outcome: str | None = None
    """`done`, `refused` or `failed`."""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """How long somebody who asked waited for the results."""

    asked_at: datetime
    answered_at: datetime | None
    """None while the results are not there."""
    issue: int = DESK
    comment: int = DESK
    """Where it was asked."""
