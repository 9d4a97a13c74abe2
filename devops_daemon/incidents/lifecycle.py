"""Decide what becomes of incidents: opened, joined, raised, recovered, reopened, resolved. Pure.

It looks at all troubles and all open incidents each time (level-triggered): a crash between two looks changes nothing.
What must never happen: two open incidents for one outage, an incident that resolves while a probe of it is down or a
rollback is all that keeps it well, one that never resolves because its probe is no longer watched, or one that comes
back and is answered for as if nothing had been tried. `respond` carries it out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from devops_daemon.incidents import cause
from devops_daemon.incidents.severity import severity, worst
from devops_daemon.model import (
    EventKind,
    Incident,
    IncidentStatus,
    Member,
    ProbeKey,
    Service,
    Severity,
    Symptom,
    TimelineEvent,
    Trouble,
)

REOPEN_WITHIN = timedelta(minutes=10)
"""What fails again so soon after it was resolved is the same outage: what was tried for it has been tried."""
LOOKED_BACK = timedelta(hours=1)
"""So long an outage that has ended explains what signals still count: their longest window."""
ACKNOWLEDGED_FOR = timedelta(minutes=30)


class NotYetError(Exception):
    """An incident cannot be ended, or changed, as a person asks; the text says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """What an incident becomes, and the lines of its timeline that say why; one without an id is new."""

    incident: Incident
    events: tuple[TimelineEvent, ...] = ()

    def then(self, incident: Incident, kind: EventKind, text: str, at: datetime) -> "Step":
        """Go on to `incident`, for the reason in `text`."""
        return Step(incident, (*self.events, TimelineEvent(at, kind, text)))


def next_steps(
    troubles: Sequence[Trouble],
    incidents: Sequence[Incident],
    services: Sequence[Service],
    well: Mapping[ProbeKey, datetime],
    now: datetime,
) -> list[Step]:
    """Compare what is wrong with the incidents that are open, or ended lately; give those to be opened or changed.

    `well` tells since when each probe that is well has been so. A probe in neither is watched no longer.
    """
    groups = cause.group([each for each in troubles if not _has_been_ended(each, incidents)], services)
    steps = [Step(incident) for incident in incidents]
    for outage in (group for group in groups if cause.is_down(group[0])):
        steps = _placed(outage, steps, services, now)
    for word in (group for group in groups if group[0].symptom is Symptom.DECLARED):
        steps = _placed(word, steps, services, now)
    steps = [_settled(step, troubles, well, now) if _is_open(step.incident) else step for step in steps]
    for lesser in (group for group in groups if group[0].symptom not in {Symptom.DOWN, Symptom.DECLARED}):
        if not any(_explains(step.incident, lesser[0]) for step in steps):
            steps = _placed(lesser, steps, services, now)
    return [step for step in steps if step.events]


def declared(
    word: Trouble, incidents: Sequence[Incident], services: Sequence[Service], now: datetime
) -> tuple[Incident, Step | None]:
    """Let what a person declares join the incident that it belongs to, or open one; nothing else is judged.

    Gives that incident, and the step that writes it, None where the same was declared before.
    """
    steps = _placed((word,), [Step(incident) for incident in incidents], services, now)
    meant = next(step for step in steps if _has(step.incident, word))
    if severity(word) < meant.incident.severity:  # whatever another person has said of it before
        text = f"{meant.incident.severity} is now {severity(word)}: {word.detail}"
        raised = replace(meant.incident, severity=severity(word), severity_by=None)
        meant = meant.then(_told_anew(raised), EventKind.RAISED, text, now)
    return meant.incident, meant if meant.events else None


def acknowledged(incident: Incident, by: str, now: datetime) -> Step:
    """Note that a person sees to it; raises NotYetError where it has ended."""
    if incident.resolved_at:
        raise NotYetError(f"it has ended at {incident.resolved_at:%H:%M} UTC")
    until = now + ACKNOWLEDGED_FOR
    text = f"{by} sees to it; until {until:%H:%M} UTC nothing is done about it by itself"
    seen_to = replace(incident, acknowledged_by=by, acknowledged_until=until, held="")
    return Step(incident).then(seen_to, EventKind.ACKNOWLEDGED, text, now)


def set_severity(incident: Incident, to: Severity, by: str, now: datetime) -> Step:
    """Let a person raise or lower it; from then on it is not raised by itself. Raises NotYetError."""
    if incident.resolved_at:
        raise NotYetError(f"it has ended at {incident.resolved_at:%H:%M} UTC")
    changed = replace(incident, severity=to, severity_by=by)
    return Step(incident).then(changed, EventKind.SEVERITY, f"{incident.severity} is now {to}: {by} says so", now)


def resolved(incident: Incident, by: str | None, why: str, now: datetime) -> Step:
    """End what is well, though a rollback stands; raises NotYetError while a probe of it fails, or where it has ended.

    What was declared ends by this word. `by` is the person who says so, None where a later deployment was found well.
    """
    if incident.resolved_at:
        raise NotYetError(f"it has ended at {incident.resolved_at:%H:%M} UTC already")
    failing = [str(member.key) for member in incident.burning if member.symptom is not Symptom.DECLARED]
    if failing:
        named = ", ".join(failing)
        raise NotYetError(f"{named} still fails: it ends by itself when all is well (or acknowledge it)")
    members = tuple(replace(member, recovered_at=member.recovered_at or now) for member in incident.members)
    well = replace(incident, members=members)
    ended = replace(well, status=IncidentStatus.RESOLVED, resolved_at=now, resolved_by=by, stands=None, held="")
    return Step(incident).then(ended, EventKind.RESOLVED, f"{why}, after {span(now - incident.opened_at)}", now)


def _placed(group: tuple[Trouble, ...], steps: list[Step], services: Sequence[Service], now: datetime) -> list[Step]:
    """Let troubles join the incidents that they belong to, or open one.

    A probe stays in the incident that it is in; what is in none joins the first that is related.
    """
    newcomers = [trouble for trouble in group if not any(_has(step.incident, trouble) for step in steps)]
    fitting = [step for step in steps if _belongs(group, step.incident, services)]
    first = min(fitting, key=lambda step: _is_apart(group, step.incident), default=None)
    if first is None:
        first = next((step for step in reversed(steps) if _came_back(group, step.incident, now)), None)
    if first is None:
        return [*steps, _opened(group, services, now)]
    if not _is_open(first.incident):
        reopened = _reopened(first, group, now)
        steps, first = [reopened if step is first else step for step in steps], reopened
    placed = []
    for step in steps:
        mine = [trouble for trouble in group if _has(step.incident, trouble)]
        if step is first:
            step = _raised(_joined(step, [*mine, *newcomers], services, now), group, newcomers, services, now)  # noqa: PLW2901 # the same step, further on
        elif mine:
            step = _joined(step, mine, services, now)  # noqa: PLW2901 # as above
        placed.append(step)
    return placed


def _is_open(incident: Incident) -> bool:
    """Tell one that was read open from one that is new, or has ended."""
    return bool(incident.id) and not incident.resolved_at


def _came_back(group: tuple[Trouble, ...], incident: Incident, now: datetime) -> bool:
    if incident.resolved_at is None or now - incident.resolved_at > REOPEN_WITHIN:
        return False
    keys = {member.key for member in incident.members}
    return incident.is_outage and cause.is_down(group[0]) and any(trouble.key in keys for trouble in group)


def _reopened(step: Step, group: tuple[Trouble, ...], now: datetime) -> Step:
    """Go on with an outage that had ended: with what was tried, and whom was called."""
    anew = _told_anew(_anew(step.incident, min(trouble.since for trouble in group)))
    again = replace(anew, resolved_at=None, resolved_by=None)
    return step.then(again, EventKind.REOPENED, f"again: {_told(group[0])}", now)


def _anew(incident: Incident, since: datetime) -> Incident:
    """Let what was well for a while be looked into as if it had just begun: it may have another cause."""
    return replace(incident, reopened_at=since, suspect=None, suspect_told="", failing_since=False)


def _told_anew(incident: Incident) -> Incident:
    """Let people hear of it again, and let it be answered for: how much may be tried counts on."""
    return replace(
        incident,
        status=IncidentStatus.MITIGATING if incident.addressed_at else IncidentStatus.OPEN,
        episode=incident.episode + 1,
        escalated_at=None,
        escalated_for="",
        overdue_at=None,
    )


def _explains(incident: Incident, trouble: Trouble) -> bool:
    """An outage of a service explains what is only degraded or flapping in it, until it has ended.

    What a signal counts over a while, it explains as long as that while reaches back into it.
    """
    if not incident.is_outage or trouble.key.service not in incident.services:
        return False
    ended = incident.resolved_at
    return ended is None or (trouble.counted_from is not None and trouble.counted_from <= ended)


def _is_apart(group: tuple[Trouble, ...], incident: Incident) -> tuple[bool, bool]:
    """Say how far from a group an incident is that it may join: the least is joined, the oldest of these.

    A word stays where it is, else joins an outage first; what probes find joins its own kind before what a word holds.
    """
    if group[0].symptom is Symptom.DECLARED:
        return not _has(incident, group[0]), not incident.is_outage
    return False, incident.is_outage is not cause.is_down(group[0])


def _has(incident: Incident, trouble: Trouble) -> bool:
    mine = (member for member in incident.members if member.key == trouble.key)
    same = any((member.symptom is Symptom.DOWN) is cause.is_down(trouble) for member in mine)
    return same and _is_of_kind(incident, trouble)


def _is_of_kind(incident: Incident, trouble: Trouble) -> bool:
    """An outage and what is less are two incidents; what a person declares joins either, and is joined by either."""
    if incident.resolved_at:
        return False
    by_word = incident.declared or trouble.symptom is Symptom.DECLARED
    return by_word or incident.is_outage is cause.is_down(trouble)


def _has_been_ended(trouble: Trouble, incidents: Sequence[Incident]) -> bool:
    """Tell whether what was declared has been ended since: the word was read before that was written."""
    mine = (each for each in incidents if any(member.key == trouble.key for member in each.members))
    ends = (each.resolved_at for each in mine if each.resolved_at)
    return trouble.symptom is Symptom.DECLARED and any(trouble.since <= at for at in ends)


def _belongs(group: tuple[Trouble, ...], incident: Incident, services: Sequence[Service]) -> bool:
    if not _is_of_kind(incident, group[0]):
        return False
    if any(_has(incident, trouble) for trouble in group):
        return True
    burning = {member.key.service for member in incident.members if not member.recovered_at}
    return any(
        cause.related(trouble.key.service, name, services)
        if incident.is_outage or cause.is_down(trouble)
        else trouble.key.service == name
        for trouble in group
        for name in burning
    )


def _opened(outage: tuple[Trouble, ...], services: Sequence[Service], now: datetime) -> Step:
    first = outage[0]
    incident = Incident(
        id="",
        severity=_severity(outage, services),
        status=IncidentStatus.OPEN,
        cause=first.key,
        title=_title(first.key, first.symptom),
        members=tuple(Member(trouble.key, trouble.symptom, trouble.since) for trouble in outage),
        opened_at=min(trouble.since for trouble in outage),
        detected_at=now,
    )
    step = Step(incident).then(incident, EventKind.OPENED, f"{incident.severity}: {_told(first)}", now)
    for trouble in outage[1:]:
        step = step.then(incident, EventKind.JOINED, _told(trouble), now)
    return step


def _severity(outage: Sequence[Trouble], services: Sequence[Service]) -> Severity:
    """Give the worst of the troubles; when everything is down, production is down whatever each part counts for."""
    if cause.total_outage(outage, services):
        return Severity.SEV1
    return worst(severity(trouble) for trouble in outage)


def _joined(step: Step, troubles: Sequence[Trouble], services: Sequence[Service], now: datetime) -> Step:
    for trouble in troubles:
        step = _with(step, trouble, now)
    root = cause.cause([member.key for member in step.incident.members], services)
    symptom = next(member.symptom for member in step.incident.members if member.key == root)
    return replace(step, incident=replace(step.incident, cause=root, title=_title(root, symptom)))


def _raised(
    step: Step, group: Sequence[Trouble], newcomers: Sequence[Trouble], services: Sequence[Service], now: datetime
) -> Step:
    """Raise it where it has become worse; what a person said of it holds until something worse has joined."""
    bad = _severity(group, services)
    if bad >= step.incident.severity:
        return step
    if step.incident.severity_by and worst(severity(each) for each in newcomers) >= step.incident.severity:
        return step
    by_itself = worst(severity(trouble) for trouble in group)
    why = _told(group[0]) if bad == by_itself else "all that is watched is down"
    text = f"{step.incident.severity} is now {bad}: {why}"
    raised = replace(step.incident, severity=bad, severity_by=None)
    was_told = raised.addressed_at is not None or raised.escalated_at is not None
    return step.then(_told_anew(raised) if was_told else raised, EventKind.RAISED, text, now)


def _with(step: Step, trouble: Trouble, now: datetime) -> Step:
    incident = step.incident
    known = next((member for member in incident.members if member.key == trouble.key), None)
    if known is None:
        members = (*incident.members, Member(trouble.key, trouble.symptom, trouble.since))
        joined = replace(incident, members=members, opened_at=min(incident.opened_at, trouble.since))
        return step.then(_confirmed(incident, joined, trouble), EventKind.JOINED, _told(trouble), now)
    worse = cause.is_down(trouble) and known.symptom is not Symptom.DOWN
    if known.recovered_at is None and not worse:
        return step
    symptom = trouble.symptom if worse else known.symptom
    since = trouble.since if known.symptom is Symptom.DECLARED else known.since
    back = replace(known, symptom=symptom, since=since, recovered_at=None)
    if known.recovered_at is None:
        turned = _confirmed(incident, _replaced(incident, back), trouble)
        return step.then(turned, EventKind.JOINED, _told(trouble), now)
    relapsed = incident if incident.burning else _anew(incident, trouble.since)
    relapsed = _confirmed(incident, _replaced(relapsed, back), trouble)
    return step.then(relapsed, EventKind.RELAPSED, f"again: {_told(trouble)}", now)


def _confirmed(before: Incident, after: Incident, trouble: Trouble) -> Incident:
    """Let an outage that is found of what was only declared be answered for as one that has just begun.

    Until then nothing was to be tried: its time, its suspect and its evidence are those of the word.
    """
    if not before.declared or before.down or not cause.is_down(trouble):
        return after
    return _told_anew(_anew(after, trouble.since))


def _settled(step: Step, troubles: Sequence[Trouble], well: Mapping[ProbeKey, datetime], now: datetime) -> Step:
    """Note which probes are well again, and resolve what has none left that is not."""
    for member in step.incident.members:
        if member.recovered_at is None and not _goes_on(member, troubles, well):
            at, text = _recovery(member, troubles, well, now)
            step = step.then(_replaced(step.incident, replace(member, recovered_at=at)), EventKind.RECOVERED, text, at)
    if step.incident.burning:
        return step
    at = max(member.recovered_at for member in step.incident.members if member.recovered_at)
    if step.incident.stands:
        text = f"well again, while the rollback stands: {step.incident.stands[:7]} must be mended before it is back"
        return step.then(replace(step.incident, held=""), EventKind.STANDS, text, at) if step.events else step
    ended = replace(step.incident, status=IncidentStatus.RESOLVED, resolved_at=at, held="")
    return step.then(ended, EventKind.RESOLVED, f"after {span(at - ended.opened_at)}", at)


def _goes_on(member: Member, troubles: Sequence[Trouble], well: Mapping[ProbeKey, datetime]) -> bool:
    """An outage goes on while its probe is down, also while that comes and goes; a lesser trouble while it is less.

    What was declared goes on until it is known to have been taken back: it may have been read before it was said.
    """
    symptoms = {trouble.symptom for trouble in troubles if trouble.key == member.key}
    if member.symptom is Symptom.DOWN:
        return bool(symptoms & {Symptom.DOWN, Symptom.FLAPPING})
    if member.symptom is Symptom.DECLARED:
        return member.key not in well or well[member.key] < member.since
    if member.symptom is Symptom.STRAINED:
        return Symptom.STRAINED in symptoms
    return bool(symptoms & {Symptom.DEGRADED, Symptom.FLAPPING})


def _recovery(
    member: Member, troubles: Sequence[Trouble], well: Mapping[ProbeKey, datetime], now: datetime
) -> tuple[datetime, str]:
    now_wrong = next((trouble for trouble in troubles if trouble.key == member.key), None)
    if now_wrong and cause.is_down(now_wrong):
        return now, f"{member.key} is down now: a worse incident goes on"
    if now_wrong:
        return now, f"{member.key} answers again, {now_wrong.symptom}"
    if member.symptom is Symptom.DECLARED:
        return now, f"{member.key}: that has ended by a person's word"
    if member.key in well:
        return max(well[member.key], member.since), f"{member.key} is well again"
    return now, f"{member.key} is no longer watched"


def _replaced(incident: Incident, member: Member) -> Incident:
    members = tuple(member if known.key == member.key else known for known in incident.members)
    return replace(incident, members=members)


def _title(key: ProbeKey, symptom: Symptom) -> str:
    return f"{key.service}, {key.name}" if symptom is Symptom.DECLARED else f"{key} is {symptom}"


def _told(trouble: Trouble) -> str:
    return f"{_title(trouble.key, trouble.symptom)}: {trouble.detail}"


def span(duration: timedelta) -> str:
    """Write how long something took, in whole seconds."""
    return str(duration).split(".", maxsplit=1)[0]
