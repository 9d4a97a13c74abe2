"""How an agent is called, as `CODE_AGENT_TRIGGER` says: a comment, a label, a workflow or an event (contract). Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Means(StrEnum):
    """By what an agent is called."""

    COMMENT = "comment"
    LABEL = "label"
    WORKFLOW = "workflow"
    DISPATCH = "dispatch"
    NOT = "not"
    """It is called by itself, or not at all."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """How an agent is called."""

    means: Means
    text: str = ""
    """The comment, with `{reason}` where the reason stands; else the name of the label, file or event."""

    def comment(self, reason: str) -> str:
        """Write the comment that calls."""
        return self.text.replace("{reason}", reason) if "{reason}" in self.text else f"{self.text} {reason}"


def trigger(setting: str) -> Trigger:
    """Read the setting."""
    if setting in {"off", "opened"}:
        return Trigger(Means.NOT)
    prefix, colon, name = setting.partition(":")
    if colon and prefix in {Means.LABEL, Means.WORKFLOW, Means.DISPATCH}:
        return Trigger(Means(prefix), name.strip())
    return Trigger(Means.COMMENT, setting)
