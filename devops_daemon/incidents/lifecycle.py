"""Decide what becomes of incidents: opened, joined, raised, recovered, resolved. Pure; `respond` carries it out.

It looks at all troubles and all open incidents each time (level-triggered): a crash between two looks changes nothing.
What must never happen: two open incidents for one outage, an incident that resolves while a probe of it is down, or
one that never resolves because its probe is no longer watched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

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
    """Compare what is wrong with the incidents that are open; give those that are to be opened or changed.

    `well` tells since when each probe that is well has been so. A probe in neither is watched no longer.
    """
    groups = cause.group(troubles, services)
    steps = [Step(incident) for incident in incidents]
    for outage in (group for group in groups if cause.is_down(group[0])):
        steps = _placed(outage, steps, services, now)
    steps = [_settled(step, troubles, well, now) if step.incident.id else step for step in steps]
    for lesser in (group for group in groups if not cause.is_down(group[0])):
        if not any(_explains(step.incident, lesser[0]) for step in steps):
            steps = _placed(lesser, steps, services, now)
    return [step for step in steps if step.events]


def is_outage(incident: Incident) -> bool:
    """Tell an outage from an incident about what is only degraded or flapping."""
    return any(member.symptom is Symptom.DOWN for member in incident.members)


def _placed(group: tuple[Trouble, ...], steps: list[Step], services: Sequence[Service], now: datetime) -> list[Step]:
    """Let troubles join the incidents that they belong to, or open one.

    A probe stays in the incident that it is in; what is in none joins the first that is related.
    """
    newcomers = [trouble for trouble in group if not any(_has(step.incident, trouble) for step in steps)]
    first = next((step for step in steps if _belongs(group, step.incident, services)), None)
    if first is None:
        return [*steps, _opened(group, services, now)]
    placed = []
    for step in steps:
        mine = [trouble for trouble in group if _has(step.incident, trouble)]
        if step is first:
            step = _raised(_joined(step, [*mine, *newcomers], services, now), group, services, now)  # noqa: PLW2901 # the same step, further on
        elif mine:
            step = _joined(step, mine, services, now)  # noqa: PLW2901 # as above
        placed.append(step)
    return placed


def _explains(incident: Incident, trouble: Trouble) -> bool:
    """An outage of a service explains what is only degraded or flapping in it, until it has ended."""
    return is_outage(incident) and not incident.resolved_at and trouble.key.service in incident.services


def _has(incident: Incident, trouble: Trouble) -> bool:
    return _is_of_kind(incident, trouble) and any(member.key == trouble.key for member in incident.members)


def _is_of_kind(incident: Incident, trouble: Trouble) -> bool:
    return is_outage(incident) is cause.is_down(trouble) and not incident.resolved_at


def _belongs(group: tuple[Trouble, ...], incident: Incident, services: Sequence[Service]) -> bool:
    if not _is_of_kind(incident, group[0]):
        return False
    if any(_has(incident, trouble) for trouble in group):
        return True
    burning = {member.key.service for member in incident.members if not member.recovered_at}
    return any(
        cause.related(trouble.key.service, name, services) if is_outage(incident) else trouble.key.service == name
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


def _raised(step: Step, group: Sequence[Trouble], services: Sequence[Service], now: datetime) -> Step:
    bad = _severity(group, services)
    if bad >= step.incident.severity:
        return step
    by_itself = worst(severity(trouble) for trouble in group)
    why = _told(group[0]) if bad == by_itself else "all that is watched is down"
    text = f"{step.incident.severity} is now {bad}: {why}"
    return step.then(replace(step.incident, severity=bad), EventKind.RAISED, text, now)


def _with(step: Step, trouble: Trouble, now: datetime) -> Step:
    incident = step.incident
    known = next((member for member in incident.members if member.key == trouble.key), None)
    if known is None:
        members = (*incident.members, Member(trouble.key, trouble.symptom, trouble.since))
        joined = replace(incident, members=members, opened_at=min(incident.opened_at, trouble.since))
        return step.then(joined, EventKind.JOINED, _told(trouble), now)
    if known.recovered_at is None:
        return step
    return step.then(
        _replaced(incident, replace(known, recovered_at=None)), EventKind.RELAPSED, f"again: {_told(trouble)}", now
    )


def _settled(step: Step, troubles: Sequence[Trouble], well: Mapping[ProbeKey, datetime], now: datetime) -> Step:
    """Note which probes are well again, and resolve what has none left that is not."""
    for member in step.incident.members:
        if member.recovered_at is None and not _goes_on(member, troubles):
            at, text = _recovery(member, troubles, well, now)
            step = step.then(_replaced(step.incident, replace(member, recovered_at=at)), EventKind.RECOVERED, text, at)
    ends = [member.recovered_at for member in step.incident.members if member.recovered_at]
    if len(ends) < len(step.incident.members):
        return step
    resolved = replace(step.incident, status=IncidentStatus.RESOLVED, resolved_at=max(ends))
    return step.then(resolved, EventKind.RESOLVED, f"after {_span(max(ends) - resolved.opened_at)}", max(ends))


def _goes_on(member: Member, troubles: Sequence[Trouble]) -> bool:
    """An outage goes on while its probe is down, also while that comes and goes; a lesser trouble while it is less."""
    symptoms = {trouble.symptom for trouble in troubles if trouble.key == member.key}
    if member.symptom is Symptom.DOWN:
        return bool(symptoms & {Symptom.DOWN, Symptom.FLAPPING})
    return bool(symptoms & {Symptom.DEGRADED, Symptom.FLAPPING})


def _recovery(
    member: Member, troubles: Sequence[Trouble], well: Mapping[ProbeKey, datetime], now: datetime
) -> tuple[datetime, str]:
    now_wrong = next((trouble for trouble in troubles if trouble.key == member.key), None)
    if now_wrong and cause.is_down(now_wrong):
        return now, f"{member.key} is down now: a worse incident goes on"
    if now_wrong:
        return now, f"{member.key} answers again, {now_wrong.symptom}"
    if member.key in well:
        return max(well[member.key], member.since), f"{member.key} is well again"
    return now, f"{member.key} is no longer watched"


def _replaced(incident: Incident, member: Member) -> Incident:
    members = tuple(member if known.key == member.key else known for known in incident.members)
    return replace(incident, members=members)


def _title(key: ProbeKey, symptom: Symptom) -> str:
    return f"{key} is {symptom}"


def _told(trouble: Trouble) -> str:
    return f"{trouble.key} is {trouble.symptom}: {trouble.detail}"


def _span(duration: object) -> str:
    return str(duration).split(".", maxsplit=1)[0]
