"""The nouns of the inbox: what a webhook brought, and what became of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a delivery stands. From `received` and `pending` something is still to be done."""

    RECEIVED = "received"
    """On disk; nobody has read it yet."""
    PENDING = "pending"
    """Read; it waits for its turn, or for its next attempt."""
    CLAIMED = "claimed"
    """Somebody works on it, for as long as the lease lasts."""
    DONE = "done"
    FAILED = "failed"
    """Given up after the last attempt: a person sees it, and may have it tried again."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery as it came: verified, not yet read."""

    guid: str
    event: str
    body: bytes
    """The payload as it was sent."""
    form: bool
    """It is a form, with the JSON in `payload`; else it is JSON."""
    received_at: datetime


class Receipt(StrEnum):
    """What is said to whoever delivers."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    """It came before, and is finished."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """What reading an arrival came to: a subject to be worked on, or nothing to do, or nobody can read it."""

    guid: str
    state: DeliveryState
    """PENDING, DONE or FAILED."""
    subject: str | None = None
    """What it is about: one delivery of a subject is worked on at a time."""
    note: str | None = None
    """Why there is nothing to do, or what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this process works on; `fence` tells its claim from later ones."""

    arrival: Arrival
    subject: str
    attempts: int
    """How often it was claimed, this time counted."""
    fence: int


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery, as people see it."""

    guid: str
    event: str
    state: DeliveryState
    attempts: int
    received_at: datetime
    ended_at: datetime | None = None
    subject: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class InboxFigures:
    """How the inbox stands."""

    pending: int = 0
    """Received, waiting and being worked on."""
    failed: int = 0
    oldest_pending: timedelta | None = None
