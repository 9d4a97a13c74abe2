"""An incident as people read it on GitHub, in the format of the specification ("Incident Issue Format"). Pure.

Whatever quotes strangers (logs, details of probes, subjects of commits) is redacted, made harmless, and cut last.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.forge import Mark
from devops_daemon.incidents.lifecycle import span
from devops_daemon.markdown import cut, details, fenced, plain, shortened, shown
from devops_daemon.mending import Came, Evidence, Remedy
from devops_daemon.model import EventKind, Incident, IncidentStatus, Symptom, TimelineEvent
from devops_daemon.redaction import without_emails

LABELS = ("bug", "priority-high", "production-incident")
LABEL = "production-incident"
MARK = "incident"
LIMIT = 60_000
"""GitHub takes 65,536 characters; whether it counts them as we do is not known."""
TRIED = "What was tried"
_TITLE, _FAILING = "\U0001f6a8 Production Incident: ", " failing"
_LONGEST_LINE = 600
_LONGEST_TITLE = 120
_MOST_LINES = 60
_FRAME = 200
"""What stands around a piece of evidence, at most."""


@dataclass(frozen=True, slots=True)
class File:
    """All that is known of an incident."""

    incident: Incident
    events: Sequence[TimelineEvent]
    remedies: Sequence[Remedy]
    evidence: Sequence[Evidence]
    now: datetime

    @property
    def so_far(self) -> timedelta:
        """How long it has lasted."""
        return (self.incident.resolved_at or self.now) - self.incident.opened_at


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is written."""

    redact: Callable[[str], str]
    public: bool
    """Log lines of a public repository's product are kept back."""
    link: str | None
    """Where the daemon's pages are."""
    mentions: Sequence[str] = ()
    """People who are called for."""


def mark_of(incident: Incident, what: str = "") -> Mark:
    """Give the mark of an incident's issue, or of one of its comments."""
    return mark_by_id(incident.id, what)


def mark_by_id(identifier: str, what: str = "") -> Mark:
    """Give the same by the incident's id."""
    return Mark(MARK, f"{identifier}:{what}" if what else identifier)


def title(incident: Incident) -> str:
    """Name an incident's issue."""
    named = (m.key.service if m.symptom is Symptom.DECLARED else m.key.name for m in incident.members)
    checks = ", ".join(dict.fromkeys(named))
    return f"{_TITLE}{shortened(checks, _LONGEST_TITLE)}{_FAILING}"


def checks_named(issue_title: str) -> frozenset[str]:
    """Read the failing checks out of such a title, as far as it names them; none out of any other."""
    if not issue_title.startswith(_TITLE) or not issue_title.endswith(_FAILING):
        return frozenset()
    return frozenset(issue_title.removeprefix(_TITLE).removesuffix(_FAILING).split(", "))


def body(file: File, manner: Manner) -> str:
    """Write the body of an incident's issue; its last line is its mark."""
    incident = file.incident
    parts = [
        "## \U0001f6a8 Production Incident",
        _head(incident, manner, file.now),
        *_section(TRIED, _tried(file.remedies, manner)),
        _section_of_timeline(file.events, manner),
        _actions(incident, manner),
    ]
    mark = str(mark_of(incident))
    room = LIMIT - len("\n\n".join([*parts, mark]))
    parts[-1:-1] = _evidence(file.evidence, room, manner)
    return "\n\n".join([*parts, mark])


def escalated(file: File, manner: Manner) -> str:
    """Write the comment that calls for people."""
    incident = file.incident
    called = " ".join(f"@{login.lstrip('@')}" for login in manner.mentions)
    lines = [
        f"\U0001f198 **A person is needed.** {_clean(incident.escalated_for, manner)}",
        *([called] if called else []),
        *_section(TRIED, _tried(file.remedies, manner)),
    ]
    return _signed(lines, incident, "escalated")


def overdue(file: File, manner: Manner) -> str:
    """Write the comment that says that it takes longer than it may."""
    incident = file.incident
    held = f" At the moment nothing is done: {_clean(incident.held, manner)}." if incident.held else ""
    failing = ", ".join(str(member.key) for member in incident.burning)
    text = f"\u23f3 **{incident.severity} is not mended yet**, {span(file.so_far)} after it began: {failing} fails."
    return _signed([text + held], incident, "overdue")


def ended(file: File, manner: Manner) -> str:
    """Write the comment that tells the end, with all that led to it."""
    incident = file.incident
    at = incident.resolved_at or incident.detected_at
    lines = [
        f"\u2705 **Resolved** at {_when(at)}, after {span(at - incident.opened_at)}: {_by(file, manner)}.",
        _table(file),
        _section_of_timeline(file.events, manner),
    ]
    return _signed(lines, incident, "resolved")


def lost(identifier: str) -> str:
    """Write the comment that ends an incident whose rows were lost."""
    text = (
        f"\u2705 **Resolved**: all that is watched is well. What the daemon knew of incident {plain(identifier)} was"
        " lost with its store, so when it ended, and by what, is not known."
    )
    return f"{text}\n\n{mark_by_id(identifier, 'resolved')}"


def call(file: File, reason: str, attempt: int) -> str:
    """Say, in our own words alone, what an agent is called for: nothing of a stranger goes where agents listen."""
    incident = file.incident
    failing = ", ".join(str(member.key) for member in incident.members)
    suspect = f" The suspect is commit {incident.stands[:12]}, which was rolled back." if incident.stands else ""
    return (
        f"Production incident {incident.id} ({incident.severity}): {failing} failed at {_when(incident.opened_at)}."
        f" You are called because {reason}.{suspect} What was seen and tried is in this issue. Find the cause, mend it,"
        f" and open a pull request that names this issue ({'first' if attempt == 1 else 'another'} attempt)."
    )


def notice(file: File, what: EventKind, manner: Manner) -> tuple[str, str]:
    """Give the title and the text of a notice, for places where no Markdown is read."""
    incident = file.incident
    said = {
        EventKind.OPENED: f"since {_when(incident.opened_at)}",
        EventKind.ESCALATED: f"a person is needed: {manner.redact(incident.escalated_for)}",
        EventKind.RESOLVED: f"resolved after {span(file.so_far)}",
    }[what]
    lines = [f"{incident.id} {said}"]
    if incident.suspect_told and what is not EventKind.RESOLVED:
        lines.append(f"Suspect: {manner.redact(incident.suspect_told)}")
    return f"{incident.severity} {what}: {incident.title}", shown("\n".join(lines))


# Parts


def _head(incident: Incident, manner: Manner, now: datetime) -> str:
    rows = [
        (
            "Severity",
            incident.severity + (f" (set by {_clean(incident.severity_by, manner)})" if incident.severity_by else ""),
        ),
        ("Status", _status(incident, manner, now)),
        ("Failed Checks", ", ".join(_check(incident))),
        ("Detected", f"{_when(incident.detected_at)} (first failure {_when(incident.opened_at)})"),
    ]
    if incident.suspect_told:
        rows.append(("Suspect", _clean(incident.suspect_told, manner)))
    if incident.stands:
        text = f"{plain(incident.stands[:12])} was rolled back; the incident stays open until that is mended"
        rows.append(("Rollback", text))
    return "\n".join(f"**{name}:** {value}" + "  " for name, value in rows).rstrip()


def _status(incident: Incident, manner: Manner, now: datetime) -> str:
    said = {
        IncidentStatus.OPEN: "open",
        IncidentStatus.MITIGATING: "mitigating",
        IncidentStatus.ESCALATED: f"escalated: {_clean(incident.escalated_for, manner)}",
        IncidentStatus.RESOLVED: f"resolved at {_when(incident.resolved_at or incident.detected_at)}",
    }[incident.status]
    sees = incident.acknowledged_by if incident.acknowledged_until and now < incident.acknowledged_until else None
    seen_to = f"; {_clean(sees, manner)} sees to it" if sees else ""
    held = f"; nothing is done now: {_clean(incident.held, manner)}" if incident.held else ""
    return said + seen_to + held


def _check(incident: Incident) -> list[str]:
    return [plain(str(m.key)) + (" (well again)" if m.recovered_at else "") for m in incident.members]


def _tried(remedies: Sequence[Remedy], manner: Manner) -> list[str]:
    return [
        f"- {_when(remedy.began_at)} {_clean(remedy.reason, manner)}"
        + (f" \u2192 **{remedy.came}**: {_clean(remedy.text, manner)}" if remedy.came else " \u2192 under way")
        for remedy in remedies
    ]


def _section(heading: str, lines: Sequence[str]) -> list[str]:
    return ["\n".join([f"### {heading}", "", *lines])] if lines else []


def _section_of_timeline(events: Sequence[TimelineEvent], manner: Manner) -> str:
    left = max(0, len(events) - _MOST_LINES)
    note = [f"- \u2026 {left} more before"] if left else []
    lines = [f"- {_when(event.at)} {event.kind}: {_clean(event.text, manner)}" for event in events[left:]]
    return details("Timeline", "\n".join([*note, *lines]) or "nothing yet")


def _evidence(found: Sequence[Evidence], room: int, manner: Manner) -> list[str]:
    """Fit each piece of evidence into its share of the room."""
    if not found:
        return []
    heading = "### Railway Logs (last 30 lines)"
    share = max(0, (room - len(heading)) // len(found) - _FRAME)
    kept_back = f"Lines are kept back on a public repository{_at(manner.link)}."
    blocks = []
    for each in found:
        text = each.in_public if manner.public else each.text
        inside = fenced(cut(shown(manner.redact(text)), share)) if text else ""
        note = [kept_back] if manner.public else []
        again = sum(other.title == each.title for other in found) > 1
        title = f"{each.title}, {each.taken_at:%H:%M:%S} UTC" if again else each.title
        blocks.append(details(plain(title), "\n\n".join(filter(None, [*note, inside])) or "nothing"))
    return ["\n\n".join([heading, *blocks])]


def _actions(incident: Incident, manner: Manner) -> str:
    service = plain(incident.cause.service)
    link = f"- [The incident, with its evidence]({manner.link}/incidents/{incident.id})\n" if manner.link else ""
    return (
        f"### Actions\n\n{link}- Check the Railway dashboard\n- Use `devops-daemon logs {service}` locally\n"
        f"- See to it yourself: `devops-daemon incidents {incident.id} acknowledge`"
    )


def _by(file: File, manner: Manner) -> str:
    """Say what ended it."""
    if file.incident.resolved_by:
        return f"{_clean(file.incident.resolved_by, manner)} says so"
    helped = next((remedy for remedy in reversed(file.remedies) if remedy.came is Came.HELPED), None)
    return f"by {helped.act} of {plain(helped.service)}" if helped else "by itself"


def _table(file: File) -> str:
    incident = file.incident
    rows = [
        ("Began", incident.opened_at),
        ("Detected", incident.detected_at),
        ("Addressed", incident.addressed_at),
        ("Mended", incident.resolved_at),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {_when(at)} |" for name, at in rows if at)])


def _signed(lines: Sequence[str], incident: Incident, what: str) -> str:
    mark = str(mark_of(incident, what))
    text = "\n\n".join(lines)
    return f"{text[: LIMIT - len(mark)]}\n\n{mark}"


def _clean(text: str, manner: Manner) -> str:
    return shortened(plain(without_emails(manner.redact(text))), _LONGEST_LINE)


def _at(link: str | None) -> str:
    return f"; they are on {link}" if link else ""


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
