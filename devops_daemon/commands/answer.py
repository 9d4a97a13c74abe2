"""What a command came to, as data; `reply` writes it down. Whatever strangers wrote is still as they wrote it."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a request ended."""

    WORKING = "working"
    """It has not ended: the reply will be edited."""
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the text below it, which is shown as it is: fenced, and nothing in it is live."""

    title: str
    text: str
    newest_last: bool = True
    """Where it must be cut, the beginning goes; else the end."""
    lines: bool = False
    """They are log lines: they may not be shown on a public repository, unless a setting lets them."""
    public: str | None = None
    """What is shown there instead of the text."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to whoever asked."""

    outcome: Outcome
    headline: str
    """One sentence; what is strange in it is escaped by `reply`."""
    sections: tuple[Section, ...] = ()
    hints: tuple[str, ...] = ()
    """Commands to ask next, as they are typed, without the mention."""
