"""What `/status` shows: one snapshot as data, the same data as a page, and as metrics. Pure."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2

from devops_daemon.audit.wording import status as verdict_of
from devops_daemon.auditing import Audit, Remark, Weight
from devops_daemon.entrypoints import charts
from devops_daemon.feedback import FeedbackFigures
from devops_daemon.health.verdict import service_status
from devops_daemon.hosting import DeploymentRecord, HostedService
from devops_daemon.inbox import DeliveryRow, DeliveryState, InboxFigures
from devops_daemon.landing import PullRow
from devops_daemon.mending import Remedy
from devops_daemon.model import DECLARED, Incident, Probe, ProbeState, Service, Signal, Status, Watchlist
from devops_daemon.objectives import Case, Objective, measure
from devops_daemon.ports import ALL, Dossier, Overview
from devops_daemon.quiet import Maintenance, Quiet, current
from devops_daemon.rollout.matching import match
from devops_daemon.rollout.serving import state
from devops_daemon.rollout.watch import PlatformView
from devops_daemon.settings import format_duration

OBJECTIVES = {
    "detection": "Failure to incident",
    "sev1_response": "SEV1 to first response",
    "auto_recovery": "Recovered by itself",
    "pr_staleness": "Green to merged",
    "diagnostic": "Question to answer",
}
"""What the success criteria are called on the page."""
STUCK_AFTER = timedelta(minutes=15)
SHOWN_INCIDENTS = 50
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Facts:
    """What does not change while the daemon runs."""

    version: str
    watchlist: Watchlist
    dry_run: bool = False
    integrations: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What a person should know about how it is set up."""
    maintenance: tuple[Maintenance, ...] = ()
    """When nothing is done or told about some services."""
    repository_url: str | None = None
    """Where people see the repository."""


@dataclass(frozen=True, slots=True)
class PlatformShown:
    """The hosting platform as the daemon sees it."""

    view: PlatformView
    notes: tuple[str, ...] = ()
    """What is wrong with how it is set up, each with its cure."""

    @property
    def state(self) -> str:
        """Say how the integration is: `ok`, or what is wrong."""
        if self.view.problem or self.notes:
            return "; ".join(filter(None, (self.view.problem, *self.notes)))
        return "ok" if self.view.hosting else "not looked at yet"


def as_data(facts: Facts, overview: Overview, now: datetime, platform: PlatformShown | None = None) -> dict[str, Any]:
    """Give the snapshot as `/status.json` has it (contract, "HTTP")."""
    integrations = {**facts.integrations} | ({"railway": platform.state} if platform else {})
    return {
        "version": facts.version,
        "now": stamp(now),
        "dry_run": facts.dry_run,
        "paused": overview.paused is not None,
        "signals": [
            _signal(each)
            for each in overview.signals
            if each.key.service in facts.watchlist.names and each.key.name != DECLARED  # that is an incident
        ],
        "quiet": [_quiet(each) for each in current(facts.maintenance, overview.silences, now)],
        "services": [_service(service, overview) for service in facts.watchlist.services],
        "incidents": [incident_as_data(i, overview.remedies.get(i.id, ())) for i in _shown(overview.incidents)],
        "pull_requests": [_pull(each) for each in overview.pulls],
        "feedback": _feedback(overview.feedback),
        "audit": _audit(overview.audit),
        "inbox": _inbox(overview.inbox),
        "punctuality": {
            "due": overview.punctuality.due,
            "run": overview.punctuality.run,
            "worst_lateness_s": round(overview.punctuality.worst_lateness.total_seconds(), 3),
        },
        "integrations": integrations,
        "platform": _platform(platform.view, facts.watchlist, overview, now) if platform else None,
        "objectives": [
            _objective(each, facts.repository_url)
            for each in measure(overview.incidents, now, overview.waits, overview.ready)
        ],
    }


def _signal(signal: Signal) -> dict[str, Any]:
    return {
        "service": signal.key.service,
        "name": signal.key.name,
        "severity": signal.severity,
        "since": stamp(signal.since),
        "detail": signal.detail,
        "known_at": stamp(signal.known_at),
    }


def _pull(row: PullRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "title": row.title,
        "url": row.url,
        "author": row.author,
        "head_sha": row.head_sha,
        "decision": row.decision.verb,
        "reason": row.decision.reason,
        "decided_at": stamp(row.decided_at),
        "green_since": stamp(row.decision.green_since),
        "ready_since": stamp(row.ready_since),
        "held": row.decision.held,
    }


def _audit(audit: Audit | None) -> dict[str, Any] | None:
    if audit is None or not audit.remarks:
        return None
    weights = [each.weight for each in audit.remarks]
    return {
        "taken_at": stamp(audit.taken_at),
        "status": verdict_of(audit.remarks),
        "critical": weights.count(Weight.CRITICAL),
        "gaps": weights.count(Weight.GAP),
        "issue_url": audit.issue_url or None,
    }


_GROUPS = (
    ("Critical", Weight.CRITICAL),
    ("Gaps", Weight.GAP),
    ("Could not be looked at", Weight.UNSEEN),
    ("Well", Weight.OK),
)


def audit_as_data(audit: Audit | None) -> dict[str, Any] | None:
    """Give an audit with all that it found, as `/audit` shows it; None where none was taken yet."""
    summed = _audit(audit)
    if audit is None or summed is None:
        return None
    return summed | {"findings": [finding_as_data(each) for each in audit.remarks]}


def finding_as_data(remark: Remark) -> dict[str, Any]:
    """Give one finding, as data."""
    return {
        "rule": remark.rule,
        "about": remark.about,
        "weight": remark.weight,
        "found": remark.text,
        "cure": remark.cure or None,
        "lines": list(remark.lines),
    }


def _feedback(figures: FeedbackFigures) -> dict[str, Any]:
    shown = [
        {"id": each.id, "error": each.error, "since": stamp(each.seen_at), "issue_url": each.issue_url or None}
        for each in figures.aside
    ]
    return {"waiting": figures.waiting, "set_aside": shown}


def _quiet(quiet: Quiet) -> dict[str, Any]:
    return {
        "services": sorted(quiet.services) or [ALL],
        "until": stamp(quiet.until),
        "reason": quiet.reason or None,
        "by": quiet.by or None,
        "text": quiet.text,
    }


def _inbox(figures: InboxFigures) -> dict[str, Any]:
    oldest = figures.oldest_pending
    return {
        "pending": figures.pending,
        "failed": figures.failed,
        "oldest_pending_s": None if oldest is None else round(oldest.total_seconds(), 3),
    }


def delivery_as_data(row: DeliveryRow) -> dict[str, Any]:
    """Give one delivery as `/api/deliveries` has it."""
    return {
        "id": row.guid,
        "event": row.event,
        "state": row.state,
        "attempts": row.attempts,
        "error": row.note if row.state is not DeliveryState.DONE else None,
        "note": row.note,
        "received_at": stamp(row.received_at),
        "ended_at": stamp(row.ended_at),
        "subject": row.subject,
    }


def inbox_problem(figures: InboxFigures) -> str | None:
    """Say that nobody works the inbox off, where that is so."""
    oldest = figures.oldest_pending
    if oldest is None or oldest <= STUCK_AFTER:
        return None
    return f"inbox: stuck, the oldest of {figures.pending} deliveries is due for {span(oldest.total_seconds())}"


def _platform(view: PlatformView, watchlist: Watchlist, overview: Overview, now: datetime) -> dict[str, Any]:
    """Give what runs at the hosting platform, and the deployments of late."""
    hosting, news = view.hosting, view.news
    watched = {hosted.id: name for name, hosted in match(watchlist.services, hosting).items()} if hosting else {}
    return {
        "project": hosting.project if hosting else None,
        "environment": hosting.environment if hosting else None,
        "read_at": stamp(hosting.read_at) if hosting else None,
        "problem": view.problem,
        "incident": None if news is None or news.stable else (news.text or "Railway says that it is not stable"),
        "services": [_hosted(each, watched.get(each.id), now) for each in hosting.services] if hosting else [],
        "deployments": [_deployed(row) for row in overview.deployments],
    }


def _hosted(service: HostedService, watched: str | None, now: datetime) -> dict[str, Any]:
    seen = state(service, now)
    deployment = service.serving or service.latest
    return {
        "name": service.name,
        "watched_as": watched,
        "serving": seen.serving,
        "detail": seen.text,
        "news": seen.news or None,
        "deployment": None
        if deployment is None
        else {
            "id": deployment.id,
            "status": deployment.status,
            "commit": deployment.commit.sha if deployment.commit else None,
            "what": deployment.what,
            "created_at": stamp(deployment.created_at),
        },
    }


def _deployed(row: DeploymentRecord) -> dict[str, Any]:
    return {
        "id": row.id,
        "service": row.service,
        "status": row.status,
        "became": row.became,
        "commit": row.commit.sha if row.commit else None,
        "what": row.what,
        "created_at": stamp(row.created_at),
        "live_at": stamp(row.live_at),
        "well_at": stamp(row.well_at),
        "ended_at": stamp(row.ended_at),
    }


def _service(service: Service, overview: Overview) -> dict[str, Any]:
    states = [overview.states[p.key] for p in service.probes if p.off is None and p.key in overview.states]
    status = service_status(states)
    shown = [s for s in states if s.status is status] or [s for s in states if s.flapping]
    since = min((s.since for s in shown if s.since and not s.blind), default=None)
    return {
        "name": service.name,
        "status": status,
        "flapping": any(state.flapping for state in states),
        "since": stamp(since),
        "probes": [_probe(probe, overview.states.get(probe.key)) for probe in service.probes],
    }


def _probe(probe: Probe, state: ProbeState | None) -> dict[str, Any]:
    if probe.off is not None or state is None:
        return {
            "name": probe.key.name,
            "kind": probe.kind,
            "status": Status.UNKNOWN if probe.off is None else Status.OFF,
            "latency_ms": None,
            "detail": probe.off or "not looked at yet",
            "checked_at": None,
        }
    return {
        "name": probe.key.name,
        "kind": probe.kind,
        "status": state.status,
        "latency_ms": None if state.latency is None else round(state.latency / timedelta(milliseconds=1), 1),
        "detail": state.detail or "not looked at yet",
        "checked_at": stamp(state.checked_at),
    }


def incident_as_data(incident: Incident, remedies: Sequence[Remedy] = ()) -> dict[str, Any]:
    """Give one incident as data."""
    return {
        "id": incident.id,
        "severity": incident.severity,
        "status": incident.status,
        "title": incident.title,
        "cause": str(incident.cause),
        "services": list(incident.services),
        "failed_probes": [member.key.name for member in incident.members],
        "opened_at": stamp(incident.opened_at),
        "detected_at": stamp(incident.detected_at),
        "resolved_at": stamp(incident.resolved_at),
        "issue_url": incident.issue_url or None,
        "held": incident.held or None,
        "suspect": incident.suspect_told or None,
        "escalated_at": stamp(incident.escalated_at),
        "escalated_for": incident.escalated_for or None,
        "acknowledged_by": incident.acknowledged_by,
        "acknowledged_until": stamp(incident.acknowledged_until),
        "rolled_back_from": incident.stands,
        "remediations": [_remedy_as_data(remedy) for remedy in remedies],
    }


def dossier_as_data(found: Dossier) -> dict[str, Any]:
    """Give one incident with all that belongs to it, as data."""
    timeline = [{"at": stamp(each.at), "kind": each.kind, "text": each.text} for each in found.events]
    evidence = [
        {"kind": each.kind, "title": each.title, "taken_at": stamp(each.taken_at), "text": each.text}
        for each in found.evidence
    ]
    return incident_as_data(found.incident, found.remedies) | {"timeline": timeline, "evidence": evidence}


def _remedy_as_data(remedy: Remedy) -> dict[str, Any]:
    return {
        "action": remedy.act,
        "service": remedy.service,
        "at": stamp(remedy.began_at),
        "outcome": remedy.came or "under way",
        "reason": remedy.reason,
        "text": remedy.text,
        "dry_run": remedy.dry,
    }


def _shown(incidents: Sequence[Incident]) -> list[Incident]:
    """Choose those that are open, and the latest others, in their order."""
    over = [each for each in incidents if each.resolved_at][:SHOWN_INCIDENTS]
    return [each for each in incidents if not each.resolved_at or each in over]


def _objective(objective: Objective, repository_url: str | None) -> dict[str, Any]:
    case = objective.worst_case
    return {
        "name": objective.name,
        "target": objective.target,
        "actual": objective.actual,
        "met": objective.met,
        "windows": {format_duration(m.window): {"worst": m.worst, "share_met": m.share_met} for m in objective.windows},
        "weeks": [{"worst": week.worst, "share_met": week.share_met} for week in objective.weeks],
        "worst_case": case
        and {"about": case.about, "value": case.value, "at": stamp(case.at), "url": _url_of(case, repository_url)},
    }


def _url_of(case: Case, repository_url: str | None) -> str | None:
    """Lead to what a case was about: a page of ours, or one of the forge's."""
    if case.incident:
        return f"/incidents/{case.incident}"
    if repository_url is None:
        return None
    return f"{repository_url}/issues/{case.number}" + (f"#issuecomment-{case.comment}" if case.comment else "")


def stamp(at: datetime | None) -> str | None:
    """Write a time as ISO 8601 with `Z`."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Pages:
    """Draws the pages; every value is escaped, nothing is loaded from elsewhere."""

    def __init__(self) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"ago": ago, "moment": moment, "span": span}
        self._css = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(self._css.encode()).digest()).decode()
        self.content_security_policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none';"
            " frame-ancestors 'none'"
        )

    def status(self, facts: Facts, overview: Overview, data: Mapping[str, Any], problems: Sequence[str]) -> str:
        """Draw `/status`; `problems` are the daemon's own, shown first."""
        return self._environment.get_template("status.html").render(
            css=self._css,
            now=data["now"],
            data=data,
            problems=problems,
            paused=overview.paused,
            notes=facts.notes,
            objectives=OBJECTIVES,
            charts={probe.key: _charts(probe, overview, data["now"]) for probe in facts.watchlist.probes},
        )

    def audit(self, data: Mapping[str, Any] | None, now: datetime) -> str:
        """Draw `/audit`: what is ill first."""
        shown = None
        if data is not None:
            found = data["findings"]
            groups = [(heading, [one for one in found if one["weight"] == weight]) for heading, weight in _GROUPS]
            badge = "down" if data["critical"] else "degraded" if data["gaps"] else "up"
            word = data["status"].partition(" ")[2]  # the badge has a sign of its own
            shown = {**data, "groups": groups, "badge": badge, "word": word}
        return self._environment.get_template("audit.html").render(css=self._css, now=stamp(now), audit=shown)

    def incident(self, data: Mapping[str, Any], now: datetime) -> str:
        """Draw `/incidents/{id}`."""
        return self._environment.get_template("incident.html").render(css=self._css, now=stamp(now), incident=data)

    def message(self, title: str, text: str) -> str:
        """Draw a page that only says something."""
        return self._environment.get_template("message.html").render(css=self._css, title=title, text=text)


def _charts(probe: Probe, overview: Overview, now: str) -> dict[str, Any]:
    hour = int(datetime.fromisoformat(now).timestamp()) // 3600
    days = overview.days.get(probe.key, ())
    return {
        "bars": charts.bars(days, hour // 24),
        "line": charts.line(overview.hours.get(probe.key, ()), hour),
        "availability": charts.availability(days),
        "since": charts.first_day(days, hour // 24),
    }


def moment(at: str | None) -> str:
    """Write a time for people, in UTC: `2026-11-24 02:05:07`."""
    return "—" if at is None else f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M:%S}"


def ago(at: str | None, now: str) -> str:
    """Write how long ago a time is: `3 min ago`."""
    if at is None:
        return "never"
    seconds = (datetime.fromisoformat(now) - datetime.fromisoformat(at)).total_seconds()
    return "just now" if seconds < 1 else f"{span(seconds)} ago"


def span(seconds: float) -> str:
    """Write a length of time for people, to one figure of the unit that fits."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
