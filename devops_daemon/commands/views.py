"""Commands that show what is known: by our probes, by the platform, by the forge."""

import asyncio
from datetime import timedelta

from devops_daemon.commands.answer import Answer, Outcome, Section
from devops_daemon.commands.grammar import Ask
from devops_daemon.commands.means import Means
from devops_daemon.commands.showing import (
    deployment_line,
    deployment_lines,
    hosted_line,
    incident_line,
    metrics_lines,
    probe_section,
    timeline_section,
    watched_section,
    when,
)
from devops_daemon.forge import Pull
from devops_daemon.hosting import Hosting
from devops_daemon.model import IncidentStatus
from devops_daemon.model import Outcome as Looked
from devops_daemon.ports import PAUSED, RefusedError, UnavailableError

LATEST = 10
SPAN = timedelta(hours=1)


async def health(means: Means, _: Ask) -> Answer:
    """Look at every probe now."""
    probes = [probe for probe in means.watchlist.probes if probe.off is None]
    found, redactor = await asyncio.gather(
        asyncio.gather(*(means.prober.run(probe) for probe in probes)), means.secrets.at_best(means.asked_platform)
    )
    bad = [str(result.key) for result in found if result.outcome is not Looked.OK]
    headline = f"Not well: {', '.join(bad)}." if bad else f"All {len(found)} probes pass."
    off = [f"{probe.key}: off, {probe.off}" for probe in means.watchlist.probes if probe.off]
    return Answer(Outcome.DONE, headline, (probe_section("Probes", found, redactor.text, off=off),))


async def status(means: Means, _: Ask) -> Answer:
    """Show services, open incidents, what runs at the platform, whether the daemon is paused."""
    overview = await means.ledger.overview(means.now())
    burning = [each for each in overview.incidents if each.status is not IncidentStatus.RESOLVED]
    paused = await means.switches.read(PAUSED)
    hosting, platform = await _platform(means)
    redactor = await (means.secrets.at_best(means.asked_platform, hosting) if hosting else means.secrets.seen())
    sections = [
        watched_section("Service Status", means.watchlist.services, overview, redactor.text),
        Section("Open incidents", "\n".join(map(incident_line, burning)) or "none", newest_last=False),
        Section("Platform", platform, newest_last=False),
    ]
    held = f"; paused by {paused.by} since {when(paused.on_since)}" if paused else ""
    return Answer(Outcome.DONE, f"{_open(len(burning))}{held}.", tuple(sections), ("health", "deployments"))


async def _platform(means: Means) -> tuple[Hosting | None, str]:
    try:
        hosting = await means.platform.hosting()
    except (RefusedError, UnavailableError) as error:
        return None, f"not looked at: {error}"
    return hosting, "\n".join(hosted_line(service, means.now()) for service in hosting.services)


async def deployments(means: Means, ask: Ask) -> Answer:
    """Show the latest deployments, and what became of each; of one service by the platform's own list."""
    overview = await means.ledger.overview(means.now())
    if ask.service is None:
        text = "\n".join(map(deployment_line, overview.deployments[:LATEST])) or "none was seen in the last 30 days"
        return Answer(
            Outcome.DONE, "The latest deployments of all services.", (Section("Deployments", text, newest_last=False),)
        )
    one = (await means.platform.hosting()).service(ask.service)
    listed = await means.platform.deployments(one.id, LATEST)
    lines = deployment_lines(one, listed, {row.id: row for row in overview.deployments})
    section = Section("Deployments", "\n".join(lines) or "there are none", newest_last=False)
    return Answer(Outcome.DONE, f"The latest deployments of {one.name}.", (section,))


async def metrics(means: Means, ask: Ask) -> Answer:
    """Show CPU, memory, requests and latency of the last hour."""
    hosting = await means.platform.hosting()
    one = hosting.service(ask.service) if ask.service else None
    services = [one] if one else list(hosting.services)
    since = means.now() - SPAN
    public = [service for service in services if service.hosts]
    series, traffic = await asyncio.gather(
        means.platform.metrics(one.id if one else None, since),
        asyncio.gather(*(means.platform.traffic(service.id, since) for service in public)),
    )
    by_id = {service.id: answer for service, answer in zip(public, traffic, strict=True)}
    lines = [line for service in services for line in metrics_lines(service, series, by_id.get(service.id))]
    whose = one.name if one else "all services"
    section = Section("Metrics", "\n".join(lines), newest_last=False)
    return Answer(Outcome.DONE, f"Metrics of {whose}, of the last hour.", (section,))


async def incidents(means: Means, ask: Ask) -> Answer:
    """Show the latest incidents, or one with its story."""
    if ask.incident:
        found = await means.ledger.incident(ask.incident)
        if found is None:
            raise RefusedError(f"There is no incident {ask.incident}.")
        incident, events = found.incident, found.events
        redactor = await means.secrets.at_best(means.asked_platform)
        return Answer(Outcome.DONE, incident_line(incident), (timeline_section(events, redactor.text),))
    known = (await means.ledger.overview(means.now())).incidents
    burning = [each for each in known if each.status is not IncidentStatus.RESOLVED]
    shown = [each for number, each in enumerate(known) if number < LATEST or each in burning]
    text = "\n".join(map(incident_line, shown)) or "none in the last 30 days"
    hints = tuple(f"incident {each.id}" for each in shown[:2])
    section = Section("Incidents", text, newest_last=False)
    return Answer(Outcome.DONE, f"{_open(len(burning))}.", (section,), hints)


def _open(burning: int) -> str:
    if not burning:
        return "No incident is open"
    return "One incident is open" if burning == 1 else f"{burning} incidents are open"


async def why(means: Means, ask: Ask) -> Answer:
    """Say why a pull request is not merged, by what the forge tells."""
    pull = await means.forge.pull(ask.number or 0)
    known = {row.number: row for row in (await means.ledger.overview(means.now())).pulls}
    row = known.get(pull.number)
    decided = [row.decision.reason] if row and row.head_sha == pull.head_sha and pull.open else []
    reasons = decided or reasons_of(pull)
    facts = [f"{pull.title}", f"head {pull.head_sha[:7]}, into {pull.base}", f"state: {pull.state}"]
    checks = [f"{check.name}: {check.word}" for check in pull.checks]
    sections = (
        Section("Pull request", "\n".join(facts), newest_last=False),
        Section("Checks", "\n".join(checks) or "none has reported on this commit", newest_last=False),
    )
    return Answer(Outcome.DONE, f"Pull request {pull.number}: {'; '.join(reasons)}.", sections)


_HELD = {
    "blocked": "a required check or review is missing",
    "behind": "its branch must be brought up to date with its base first",
    "dirty": "it conflicts with its base",
}


def reasons_of(pull: Pull) -> list[str]:
    """Say in words what keeps a pull request from being merged."""
    if pull.merged:
        return ["it is merged"]
    if not pull.open:
        return ["it is closed"]
    failed = [check.name for check in pull.checks if check.passed is False]
    running = [check.name for check in pull.checks if check.passed is None]
    reasons = [
        *(["it is a draft"] if pull.draft else []),
        *(["it conflicts with its base"] if pull.mergeable is False and pull.state != "dirty" else []),
        *([f"failed: {', '.join(failed)}"] if failed else []),
        *([f"still running: {', '.join(running)}"] if running else []),
        *([_HELD[pull.state]] if pull.state in _HELD else []),
        *(["whether it can be merged is being computed"] if pull.mergeable is None else []),
        *(["no check has reported on its last commit"] if not pull.checks else []),
    ]
    return reasons or ["nothing holds it that the forge tells of"]
