"""What is known, as lines for people. Pure.

What a probe found, an incident tells and a step failed by may quote what the product answered: where everybody reads
it, only our own words are shown.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from devops_daemon.commands.answer import Section
from devops_daemon.health.verdict import service_status
from devops_daemon.hosting import Deployment, DeploymentRecord, HostedService, Measure, Series, Step, Traffic
from devops_daemon.model import Incident, ProbeState, Result, Service, TimelineEvent
from devops_daemon.ports import Overview
from devops_daemon.rollout.serving import state

Told = Callable[[str], str]
"""Gives what of a text may be shown."""
_NUMBER = r"[0-9.]{1,12}"
_OWN_WORDS = re.compile(
    rf"""(?:no\ (?:readiness|sign-in)\ route:\ |sign-in\ is\ rate-limited:\ |wrong\ )? status (?:\ |:\ ) [0-9]{{3}}
      | wrong\ body | too\ much\ body | not\ ready | ready\ without\ all | wrong\ answer:\ not\ HTTP
      | slow:\ {_NUMBER}\ s,\ more\ than\ {_NUMBER}\ s | certificate\ ends\ in\ -?[0-9]{{1,9}}\ days
      | timeout:\ (?:no\ answer|the\ body\ was\ not\ complete)\ within\ {_NUMBER}\ s
      | DNS\ failure | TLS\ failure(?::\ certificate(?=:))? | connection\ (?:refused|reset|closed|failed)
      | (?:network|host)\ unreachable""",
    re.VERBOSE,
)
"""How what a probe found begins, before anything that is quoted; a text that begins otherwise is not known as ours."""
_FOUND = re.compile(r"( is (?:down|degraded|flapping)): .*", re.DOTALL)
"""In the text of an incident's event: what a probe found."""


def own_words(detail: str) -> str:
    """Give what of a probe's finding is said by us, and quotes nobody; empty where that cannot be told."""
    found = _OWN_WORDS.match(detail)
    return found[0] if found else ""


def when(at: datetime) -> str:
    """Write a time."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def hosted_line(service: HostedService, now: datetime) -> str:
    """Say what runs of a service at the platform."""
    seen = state(service, now)
    deployment = service.serving or service.latest
    what = f"; {deployment.what}, since {when(deployment.created_at)}" if deployment else ""
    news = f"; {seen.news}" if seen.news else ""
    return f"{service.name}: {seen.serving}, {seen.text}{what}{news}"


def watched_section(title: str, services: Sequence[Service], overview: Overview, redact: Told) -> Section:
    """Say how each service is by our probes, with a line for each probe."""
    text, public = ("\n".join(_watched(services, overview, told)) for told in (redact, own_words))
    return Section(title, text, newest_last=False, public=public)


def _watched(services: Iterable[Service], overview: Overview, told: Told) -> list[str]:
    lines = []
    for service in services:
        rows = [overview.states.get(probe.key) for probe in service.probes if probe.off is None]
        lines.append(f"{service.name}: {service_status([row for row in rows if row])}")
        lines += [
            f"  {probe.key.name}: {_probe(probe.off, overview.states.get(probe.key), told)}" for probe in service.probes
        ]
    return lines


def _probe(off: str | None, row: ProbeState | None, told: Told) -> str:
    if off is not None:
        return f"off ({off})"
    if row is None or row.checked_at is None:
        return "not looked at yet"
    return f"{row.status}{_found(row.detail, told)}{_took(row.latency)}, looked at {when(row.checked_at)}"


def _found(detail: str, told: Told) -> str:
    said = told(detail)
    return f", {said}" if said else ""


def _took(latency: timedelta | None) -> str:
    return "" if latency is None else f", {latency.total_seconds() * 1000:.0f} ms"


def probe_section(
    title: str, looked: Sequence[Result], redact: Told, *, off: Sequence[str] = (), none: str = "nothing is probed"
) -> Section:
    """Say what one look found of each probe."""
    text, public = ("\n".join([*(_result(each, told) for each in looked), *off]) for told in (redact, own_words))
    return Section(title, text or none, newest_last=False, public=public or none)


def _result(result: Result, told: Told) -> str:
    return f"{result.key}: {result.outcome}{_found(result.detail, told)}{_took(result.latency)}"


def failed_steps(steps: Iterable[Step], redact: Told) -> tuple[Section, ...]:
    """Say which steps of a deployment failed, and by what; nothing where none did."""
    failed = [step for step in steps if step.error]
    text = "\n".join(f"{step.name}: {redact(step.error or '')}" for step in failed)
    public = "\n".join(step.name for step in failed)
    return (Section("Steps that failed", text, newest_last=False, public=public),) if failed else ()


def incident_line(incident: Incident) -> str:
    """Say what an incident is, and since when."""
    until = f" to {when(incident.resolved_at)}" if incident.resolved_at else ""
    return f"{incident.id}  {incident.severity}  {incident.status}  {incident.title}, {when(incident.opened_at)}{until}"


def timeline_section(events: Sequence[TimelineEvent], redact: Told) -> Section:
    """Tell an incident's story."""

    def lines(told: Told) -> str:
        return "\n".join(f"{when(event.at)}  {event.kind}  {told(event.text)}" for event in events)

    return Section("Timeline", lines(redact), public=lines(lambda text: _FOUND.sub(r"\1", text)))


def deployment_line(row: DeploymentRecord) -> str:
    """Say what became of a deployment, by its row."""
    return _deployment(row, row.service, row.became)


def deployment_lines(
    service: HostedService, listed: Iterable[Deployment], rows: Mapping[str, DeploymentRecord]
) -> list[str]:
    """Say what became of a service's deployments, by the platform's list; where there is no row, by its word alone."""
    return [_deployment(each, service.name, rows[each.id].became if each.id in rows else each.phase) for each in listed]


def _deployment(one: Deployment | DeploymentRecord, service: str, became: str) -> str:
    return f"{when(one.created_at)}  {service}  {became}  {one.what}  ({one.id[:8]}, {one.status.lower()})"


_SHOWN = (
    ("CPU", Measure.CPU, Measure.CPU_LIMIT, " vCPU"),
    ("memory", Measure.MEMORY, Measure.MEMORY_LIMIT, " GB"),
    ("disk", Measure.DISK, None, " GB"),
)


def metrics_lines(service: HostedService, series: Sequence[Series], traffic: Traffic | None) -> list[str]:
    """Say what a service used, and how it answered."""
    points = {each.measure: [value for _, value in each.points] for each in series if each.service_id == service.id}
    lines = [f"{service.name}:"]
    for name, measure, limit, unit in _SHOWN:
        values, limits = points.get(measure), points.get(limit) if limit else None
        if values:
            of = f" of {limits[-1]:.3g}{unit}" if limits else ""
            lines.append(f"  {name} {values[-1]:.3g}{unit} now, at most {max(values):.3g}{unit}{of}")
    if len(lines) == 1:
        lines.append("  no metrics: nothing of it ran")
    return lines + (_traffic_lines(traffic) if traffic else [])


def _traffic_lines(traffic: Traffic) -> list[str]:
    counts: dict[str, int] = {}
    for status, count in sorted(traffic.by_status.items()):
        counts[f"{status // 100}xx"] = counts.get(f"{status // 100}xx", 0) + count
    spans = {"p50": traffic.p50, "p95": traffic.p95, "p99": traffic.p99}
    latency = ", ".join(f"{name} {span.total_seconds() * 1000:.0f} ms" for name, span in spans.items() if span)
    requests = ", ".join(f"{name} {count}" for name, count in counts.items())
    return [f"  requests: {requests or 'none'}", *([f"  latency: {latency}"] if latency else [])]
