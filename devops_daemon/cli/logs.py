"""`logs`: what services, their builds and the edge before them wrote."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from devops_daemon.cli.connection import Connection, connected
from devops_daemon.cli.options import AsJson, MaybeNamed, MaybeSince
from devops_daemon.cli.output import COLOURS, WRONG, fail, out, print_json, print_rows, say, stamp
from devops_daemon.cli.text import lines_of
from devops_daemon.clusters import cluster
from devops_daemon.connections import utc_now
from devops_daemon.hosting import (
    Deployment,
    HostedService,
    Hosting,
    HttpLine,
    LogKind,
    LogLine,
    LogQuery,
    Phase,
)
from devops_daemon.rollout.serving import state

MOST = 5000
_HUES = ("cyan", "magenta", "blue", "green", "yellow", "bright_cyan", "bright_magenta", "bright_blue")
_FAILED = frozenset({Phase.FAILED, Phase.CRASHED})


@dataclass(frozen=True, slots=True)
class Line:
    """A line of whichever log; its text is a stranger's."""

    at: datetime
    service: str
    text: str
    level: str
    deployment: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are wanted, and of which log."""

    services: tuple[HostedService, ...]
    one: HostedService | None
    last: int
    since: datetime | None
    filter: str
    deployment: Deployment | None

    def of(self, kind: LogKind, service_id: str | None, deployment_id: str | None) -> LogQuery:
        """Write the question down."""
        return LogQuery(self.last, service_id, deployment_id, kind, self.filter, self.since)


def logs(  # noqa: PLR0913 # each is an option
    service: MaybeNamed = None,
    last: Annotated[int, typer.Option("-n", "--lines", min=1, max=MOST, help="The last so many lines.")] = 50,
    *,
    build: Annotated[bool, typer.Option("--build", help="Of the build of the latest deployment.")] = False,
    http: Annotated[bool, typer.Option("--http", help="The requests that Railway's edge passed on.")] = False,
    since: MaybeSince = None,
    wanted: Annotated[str, typer.Option("--filter", metavar="TEXT", help="In Railway's own syntax.")] = "",
    deployment: Annotated[
        str | None, typer.Option(metavar="ID", help="Of this deployment; its beginning does.")
    ] = None,
    clusters: Annotated[bool, typer.Option("--clusters", help="What is said how often, instead of lines.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the last log lines of a service, or of all together; the newest come last."""
    if build and http:
        fail(WRONG, "--build and --http are two logs: ask for one")
    with connected() as line:
        hosting = line.hosting()
        asked = _wanted(line, hosting, service, deployment, last, since, wanted)
        read = _http_lines if http else _build_lines if build else _lines
        found = line.ask(read(line, asked))
        _warn_of_failures(line, asked)
    if clusters:
        print_rows(_clustered(found, line), as_json=as_json, redactor=line.redactor)
    elif as_json:
        print_json([_as_data(each) for each in found], line.redactor)
    else:
        _print(found, line, prefixed=asked.one is None)
        if not found:
            say("No lines.")


def _wanted(
    line: Connection,
    hosting: Hosting,
    name: str | None,
    deployment: str | None,
    last: int,
    since: timedelta | None,
    text: str,
) -> Wanted:
    one = hosting.service(name) if name else None
    services = (one,) if one else hosting.services
    start = None if since is None else utc_now() - since
    meant = line.ask(find_deployment(line, services, deployment)) if deployment else None
    if meant:
        services = tuple(each for each in services if each.id == meant.service_id)
        one = services[0]
    return Wanted(services, one, last, start, text, meant)


async def find_deployment(line: Connection, services: Sequence[HostedService], identifier: str) -> Deployment:
    """Find a deployment by the beginning of its id; leaves with a complaint where there is none, or several."""
    lists = await asyncio.gather(*(line.platform.deployments(service.id, 100) for service in services))
    found = [each for listed in lists for each in listed if each.id.startswith(identifier.lower())]
    if len(found) != 1:
        names = ", ".join(service.name for service in services)
        fail(WRONG, line.plain(f"there are {len(found) or 'no'} deployments {identifier} of {names}"))
    return found[0]


async def _lines(line: Connection, wanted: Wanted) -> list[Line]:
    """Read what services wrote: all in one question."""
    query = wanted.of(
        LogKind.DEPLOY, wanted.one.id if wanted.one else None, wanted.deployment.id if wanted.deployment else None
    )
    names = {service.id: service.name for service in wanted.services}
    return [_of(each, names, wanted.one) for each in await line.platform.logs(query)]


async def _build_lines(line: Connection, wanted: Wanted) -> list[Line]:
    """Read the builds, of all services together by time."""
    meant = [(service, wanted.deployment or service.latest) for service in wanted.services]
    queries = [(service, wanted.of(LogKind.BUILD, None, each.id)) for service, each in meant if each]
    answers = await asyncio.gather(*(line.platform.logs(query) for _, query in queries))
    found = [_of(row, {}, service) for (service, _), rows in zip(queries, answers, strict=True) for row in rows]
    return sorted(found, key=lambda each: each.at)[-wanted.last :]


async def _http_lines(line: Connection, wanted: Wanted) -> list[Line]:
    """Read the edge's log of what serves, of all services together by time."""
    public = [service for service in wanted.services if service.hosts or wanted.one]
    meant = [(service, wanted.deployment or service.serving or service.latest) for service in public]
    queries = [(service, wanted.of(LogKind.DEPLOY, None, each.id)) for service, each in meant if each]
    answers = await asyncio.gather(*(line.platform.http_logs(query) for _, query in queries))
    found = [_of_edge(row, service) for (service, _), rows in zip(queries, answers, strict=True) for row in rows]
    return sorted(found, key=lambda each: each.at)[-wanted.last :]


def _of(row: LogLine, names: Mapping[str, str], service: HostedService | None) -> Line:
    said = " ".join(f"{name}={value}" for name, value in row.attributes if name != "level")
    text = f"{row.message} {said}".rstrip() if said else row.message
    name = service.name if service else names.get(row.service_id or "", row.service_id or "?")
    return Line(row.at, name, text, row.level, row.deployment_id)


def _of_edge(row: HttpLine, service: HostedService) -> Line:
    took = row.duration.total_seconds() * 1000
    text = f"{row.status} {row.method} {row.path}  {took:.0f} ms  {row.detail}".rstrip()
    level = "error" if row.status >= 500 else "warn" if row.status >= 400 else "info"  # noqa: PLR2004 # HTTP
    return Line(row.at, service.name, text, level, row.deployment_id)


def _warn_of_failures(line: Connection, wanted: Wanted) -> None:
    """Say where a newer deployment failed beside the one that serves: its lines are not the ones that are shown."""
    for service in wanted.services:
        latest = service.latest
        news = state(service, utc_now()).news
        if news and latest and latest.phase in _FAILED and not wanted.deployment:
            how = f"devops-daemon logs {service.name} --build --deployment {latest.id[:8]}"
            say(line.plain(f"{service.name}: {news}; see {how}"))


def _clustered(found: Iterable[Line], line: Connection) -> list[dict[str, Any]]:
    """Group lines by what they say; secrets are out of them before they are compared."""
    by_service: dict[str, list[LogLine]] = {}
    for each in found:
        told = LogLine(each.at, "\n".join(lines_of(each.text, line.redactor)), each.level)
        by_service.setdefault(each.service, []).append(told)
    return [
        {
            "service": service,
            "count": one.count,
            "level": one.level,
            "first": one.first_at,
            "last": one.last_at,
            "template": one.template,
        }
        for service, lines in by_service.items()
        for one in cluster(lines)
    ]


def _as_data(line: Line) -> dict[str, Any]:
    return {
        "at": line.at,
        "service": line.service,
        "level": line.level,
        "text": line.text,
        "deployment": line.deployment,
    }


def _print(found: Sequence[Line], line: Connection, *, prefixed: bool) -> None:
    console = out()
    names = sorted({each.service for each in found})
    width = max((len(line.plain(name)) for name in names), default=0)
    hues = {name: _HUES[at % len(_HUES)] for at, name in enumerate(names)}
    for each in found:
        head = Text()
        if prefixed:
            head.append(f"{line.plain(each.service):<{width}}  ", hues[each.service])
        head.append(f"{stamp(each.at)}  ", "dim")
        _print_line(console, head, lines_of(each.text.rstrip("\n"), line.redactor), COLOURS.get(each.level, ""))


def _print_line(console: Console, head: Text, said: Sequence[str], colour: str) -> None:
    """Print a line; what it has below its first stands under that, so that nobody can make up a line of another."""
    first, *more = said
    console.print(head + Text(first, colour), soft_wrap=True)
    for below in more:
        console.print(Text(" " * head.cell_len + below, colour), soft_wrap=True)
