"""The nouns of the weekly audit: what was found, and what is kept of it until the next."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LABEL = "monitoring"
"""Of its issue (`facts/factory`)."""


class Weight(StrEnum):
    """How much a finding weighs."""

    OK = "ok"
    GAP = "gap"
    CRITICAL = "critical"
    UNSEEN = "not looked at"
    """What would have told could not be read: neither well nor ill."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was found."""

    rule: str
    """The rule's name."""
    about: str
    """What it is about: a service, a probe, a part of the daemon; with the rule it tells one week's from the next."""
    weight: Weight
    text: str
    """The evidence, in words."""
    cure: str = ""
    """How it is mended; of what is ill there always is one."""
    lines: tuple[str, ...] = ()
    """What strangers wrote, redacted: shown only where lines may be."""
    inside: bool = False
    """It names what only who works on the product knows, a variable: in public it is counted, not told."""

    @property
    def key(self) -> str:
        """By what it is known again."""
        return f"{self.rule}/{self.about}"

    @property
    def is_ill(self) -> bool:
        """Tell whether somebody should do something."""
        return self.weight in {Weight.GAP, Weight.CRITICAL}


@dataclass(frozen=True, slots=True)
class Audit:
    """One audit, as it is kept."""

    slot: datetime
    """When it was due: one for each."""
    taken_at: datetime
    remarks: tuple[Remark, ...]
    issue: int | None = None
    issue_url: str = ""
    closed: bool = False
    """The issue of the one before was closed."""
    in_hand_until: datetime | None = None
    """So long somebody tells it: others leave it alone."""
    version: int = 0
