"""What is to be told of an incident, to whom, and when again. Pure; `tell` carries it out.

What must never happen: a second issue, a comment or call twice, an agent called for what the first remedy heals, or a
broken receiver that keeps the others from being told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from devops_daemon.incidents.attempts import MOST_CALLS
from devops_daemon.mending import Attempt, Came, Effect, EffectState, Remedy
from devops_daemon.model import EventKind, Incident

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
GIVEN_UP_AFTER = timedelta(days=1)


class What(StrEnum):
    """Kinds of telling, in the order in which they are done."""

    NOTICE = "notice"
    """First: it waits for no forge."""
    ISSUE = "issue"
    """The issue is there, and its body says what is true now."""
    AGENT = "agent"
    """Before the label by which a person is called: agents leave alone what bears it (`facts/factory.md`)."""
    LABEL = "label"
    COMMENT = "comment"
    STATE = "state"
    """The issue is open while the incident is, and closed after it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something that is to be told."""

    what: What
    kind: str = ""
    """`escalated`, `resolved` …; the number of a call."""
    place: int = 0
    """Of a notice: where."""
    episode: int = 1
    """Of a notice: the incident's, for each is told."""
    reason: str = ""
    """Of a call why, of the state which."""

    @property
    def name(self) -> str:
        """Name its row."""
        parts = [self.what.value, self.kind, str(self.place) if self.what is What.NOTICE else ""]
        again = [f"again-{self.episode}"] if self.episode > 1 else []
        return ":".join(part for part in [*parts, *again] if part)


def wanted(
    incident: Incident,
    remedies: Sequence[Remedy],
    attempts: Sequence[Attempt],
    places: int,
    *,
    calls: bool,
    quiet: bool = False,
) -> list[Wanted]:
    """Say all that is to be told of an incident by now, whether it was told or not; so many places get notices.

    While it is `quiet`, only an issue that is there already is kept current; what began and ended so leaves none.
    """
    if quiet or _was_quiet_throughout(incident):
        return [Wanted(What.ISSUE)] if incident.issue is not None else []
    found = [Wanted(What.ISSUE)]
    urgent = incident.is_urgent
    kinds = [EventKind.OPENED] if urgent else []
    if incident.escalated_at:
        found += [Wanted(What.LABEL, "needs-human"), Wanted(What.COMMENT, EventKind.ESCALATED)]
        kinds.append(EventKind.ESCALATED)
    if incident.overdue_at and not incident.escalated_at:
        found.append(Wanted(What.COMMENT, EventKind.OVERDUE))
    if urgent and calls:
        reasons = why_call(incident, remedies, attempts)
        found += [Wanted(What.AGENT, str(number), reason=reason) for number, reason in enumerate(reasons, start=1)]
    if incident.resolved_at:
        found.append(Wanted(What.COMMENT, EventKind.RESOLVED))
        kinds += [EventKind.RESOLVED] if urgent else []
    found += [Wanted(What.NOTICE, kind, place, incident.episode) for kind in kinds for place in range(places)]
    order = list(What)
    in_order = sorted(found, key=lambda each: order.index(each.what))
    return [*in_order, Wanted(What.ISSUE), _state(incident, attempts)]  # what was told meanwhile is in the body too


def _was_quiet_throughout(incident: Incident) -> bool:
    until, ended = incident.quiet_until, incident.resolved_at
    untold = incident.issue is None and incident.addressed_at is None
    return until is not None and ended is not None and ended <= until and untold


def _state(incident: Incident, attempts: Sequence[Attempt]) -> Wanted:
    """Say whether its issue is to be open; the merge of an attempt closes it, whether it helped or not."""
    failed = sum(attempt.failed_at is not None for attempt in attempts)
    return Wanted(What.STATE, reason="closed" if incident.resolved_at else f"open after {failed} attempts")


def why_call(incident: Incident, remedies: Sequence[Remedy], attempts: Sequence[Attempt]) -> list[str]:
    """Say why the Code Agent is called, for each call of it that there is to be.

    Again only after an attempt that did not help, and not where a person was called for meanwhile.
    """
    first = _why_first(incident, remedies)
    again = [attempt.text for attempt in attempts if attempt.failed_at and not incident.escalated_at]
    return [first, *again][:MOST_CALLS] if first else []


def _why_first(incident: Incident, remedies: Sequence[Remedy]) -> str | None:
    """Say why it is called at all: at once where a deployment is the suspect, else when the first remedy failed.

    What the first remedy heals, or what ends by itself before that, calls nobody.
    """
    if incident.stands:
        return "a deployment was rolled back, and its code is to be mended"
    if incident.resolved_at:
        return None
    if incident.failing_since:
        return "nothing was well since a deployment went live"
    if incident.beside and not incident.is_outage:
        return f"{_found_beside(incident)}, and no probe fails"
    first = next((remedy for remedy in remedies if remedy.came and remedy.counts), None)
    if first is not None and first.came is not Came.HELPED:
        return f"the first remedy ({first.act}) {first.came}"
    return "nothing could be done about it otherwise" if incident.escalated_at else None


def _found_beside(incident: Incident) -> str:
    if incident.declared:
        return "a person declared it"
    return f"{', '.join(str(member.key) for member in incident.beside)} is too high"


def again_at(effect: Effect, now: datetime) -> datetime | None:
    """Say when a failed telling is tried again, by how often it was; None where it is given up."""
    if now - effect.started_at >= GIVEN_UP_AFTER:
        return None
    return now + min(FIRST_PAUSE * (1 << min(effect.tries, 10)), LONGEST_PAUSE)


def next_due(effects: Mapping[str, Effect], now: datetime) -> datetime | None:
    """Say when the next of those that are not done is due."""
    waiting = [max(effect.due_at, now) for effect in effects.values() if effect.state is EffectState.STARTED]
    return min(waiting, default=None)
