"""Commands that read logs. The secrets of the services are known before a line is shown, or no line is shown."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from devops_daemon.commands.answer import Answer, Outcome, Section
from devops_daemon.commands.grammar import Ask
from devops_daemon.commands.means import Means
from devops_daemon.commands.sections import as_sections
from devops_daemon.commands.showing import hosted_line, probe_section
from devops_daemon.evidence.search import Found, search
from devops_daemon.evidence.secrets import with_lines
from devops_daemon.hosting import HostedService, Hosting, LogKind, LogQuery
from devops_daemon.model import Outcome as Looked
from devops_daemon.model import ProbeKind, Result
from devops_daemon.ports import RefusedError, UnavailableError
from devops_daemon.redaction import Redactor

LAST = 200
"""Lines that are read where nothing is searched for."""
MOST_SEARCHED = 5000
SINCE = timedelta(days=1)
DATABASE = "database"


async def logs(means: Means, ask: Ask) -> Answer:
    """Show what a service wrote, or all of them; only what speaks of a topic, where one is named."""
    hosting = await means.platform.hosting()
    one = hosting.service(ask.service) if ask.service else None
    found = await _searched(means, hosting, one, ask.topic)
    headline = f"Logs of {one.name if one else 'all services'}: {_count(found, ask.topic)}."
    shown = as_sections(_title(one, ask.topic), found, {} if one else _names(hosting), ask.last)
    return Answer(Outcome.DONE, headline, (_standing(means, hosting, one), *shown), _other_logs(hosting, one))


async def build_logs(means: Means, ask: Ask) -> Answer:
    """Show what the build of the latest deployment wrote, of one service or of each that was built."""
    hosting = await means.platform.hosting()
    services = [hosting.service(ask.service)] if ask.service else [each for each in hosting.services if each.repository]
    meant = [(service, service.latest) for service in services if service.latest]
    answers = await asyncio.gather(*(_build(means, service, latest.id) for service, latest in meant))
    sections: list[Section] = []
    for (service, latest), found in zip(meant, answers, strict=True):
        sections += as_sections(
            f"Build of {service.name}, {latest.what}, {latest.status.lower()}", found, last=ask.last
        )
    headline = f"Build logs of {', '.join(service.name for service, _ in meant)}." if meant else "Nothing was built."
    return Answer(Outcome.DONE, headline, tuple(sections))


async def _build(means: Means, service: HostedService, deployment_id: str) -> Found:
    query = LogQuery(LAST, service_id=service.id, deployment_id=deployment_id, kind=LogKind.BUILD)
    lines, redactor = await asyncio.gather(means.platform.logs(query), means.secrets.of(means.platform, [service]))
    return await asyncio.to_thread(search, lines, None, redactor.text)


async def user(means: Means, ask: Ask) -> Answer:
    """Show what the logs of all services say of a user: by exactly that name, a part of a word is none."""
    hosting = await means.platform.hosting()
    found = await _searched(means, hosting, None, ask.user, exactly=True)
    headline = f"Logs of all services: {_count(found, ask.user)}."
    return Answer(Outcome.DONE, headline, as_sections(f"Lines about {ask.user}", found, _names(hosting)))


async def database(means: Means, _: Ask) -> Answer:
    """Look at the database as the backend does, count its tables, and search the logs for trouble with it."""
    probes = [probe for probe in means.watchlist.probes if probe.kind is ProbeKind.READINESS and probe.off is None]
    looked, redactor = await asyncio.gather(
        asyncio.gather(*(means.prober.run(probe) for probe in probes)), means.secrets.at_best(means.asked_platform)
    )
    sections = [
        probe_section("Readiness", looked, redactor.text, none="nothing probes it"),
        await _tables(means, redactor),
    ]
    sections += await _database_at_platform(means)
    return Answer(Outcome.DONE, _reached(looked), tuple(sections))


def _reached(looked: Sequence[Result]) -> str:
    if not looked:
        return "Nothing probes the database."
    if all(result.outcome is Looked.OK for result in looked):
        return "The backend reaches its database."
    return "The backend does not say that it reaches its database."


async def _tables(means: Means, redactor: Redactor) -> Section:
    try:
        counts = await means.upkeep.counts()
    except (RefusedError, UnavailableError) as error:  # it may quote what the product answered
        text = redactor.text(f"not counted: {error}")
        return Section("Tables", text, newest_last=False, public="not counted")
    text = "\n".join(f"{name}: {count}" for name, count in counts.items()) or "there are none"
    return Section("Tables", text, newest_last=False)


async def _database_at_platform(means: Means) -> Sequence[Section]:
    try:
        hosting = await means.platform.hosting()
        found = await _searched(means, hosting, None, f"{DATABASE} errors")
    except (RefusedError, UnavailableError) as error:
        return [Section("Database service", f"not looked at: {error}", newest_last=False)]
    services = [hosted_line(each, means.now()) for each in hosting.services if each.engine]
    shown = as_sections("Log lines about trouble with the database", found, _names(hosting))
    return [Section("Database service", "\n".join(services) or "there is none", newest_last=False), *shown]


async def _searched(
    means: Means, hosting: Hosting, one: HostedService | None, topic: str | None, *, exactly: bool = False
) -> Found:
    """Read lines and search them; a thread does it, for 5,000 lines take a while.

    Whose secrets are not known, of that no line is looked at: the service was deleted, or has never been deployed.
    """
    if one is None and hosting.partial:
        raise UnavailableError("the platform told only a part of what is there; ask for the logs of one service")
    most = MOST_SEARCHED if topic else LAST
    query = LogQuery(most, service_id=one.id if one else None, since=means.now() - SINCE)
    services = [one] if one else with_lines(hosting)
    lines, redactor = await asyncio.gather(means.platform.logs(query), means.secrets.of(means.platform, services))
    whose = {service.id for service in services} | ({None} if one else set())  # only one's were asked for
    known = [line for line in lines if line.service_id in whose]
    found = await asyncio.to_thread(search, known, topic, redactor.text, exactly=exactly)
    return replace(found, left_out=len(lines) - len(known))


def _title(one: HostedService | None, topic: str | None) -> str:
    whose = f"Recent {one.name} logs" if one else "Recent logs"
    return f"{whose} that speak of {topic}" if topic else whose


def _count(found: Found, topic: str | None) -> str:
    left_out = f"; {found.left_out} lines of services that are not there are left out" if found.left_out else ""
    return f"{_searched_through(found, topic)}{left_out}"


def _searched_through(found: Found, topic: str | None) -> str:
    if not found.searched:
        return "no lines in the last day"
    if topic is None:
        return f"the last {found.searched} lines"
    return f"{found.fitting or 'none'} of the last {found.searched} lines speak of “{topic}”"


def _names(hosting: Hosting) -> dict[str, str]:
    return {service.id: service.name for service in hosting.services}


def _standing(means: Means, hosting: Hosting, one: HostedService | None) -> Section:
    services = [service for service in hosting.services if one is None or service.id == one.id]
    return Section("Service Status", "\n".join(hosted_line(each, means.now()) for each in services), newest_last=False)


def _other_logs(hosting: Hosting, one: HostedService | None) -> tuple[str, ...]:
    others = [service for service in hosting.services if service.engine is None and service != one]
    return tuple(f"check logs {service.name}" for service in others[:2])
