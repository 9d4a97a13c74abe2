"""Look whether everything that is configured works, and say how what does not is mended."""

from collections.abc import Iterator, Mapping, Sequence

from devops_daemon.adapters.notices import CURE, NOT_KNOWN, is_known, place_of
from devops_daemon.adapters.railway.asked import Asked
from devops_daemon.cli.connection import Connection, Known, asked, known, open_line
from devops_daemon.cli.doctor_backend import of_backend
from devops_daemon.cli.doctor_github import of_github
from devops_daemon.cli.environment import environment
from devops_daemon.cli.options import AsJson
from devops_daemon.cli.output import NO, leave, print_rows
from devops_daemon.connections import utc_now
from devops_daemon.hosting import Hosting
from devops_daemon.model import Finding, Grade, Service
from devops_daemon.ports import RefusedError, UnavailableError
from devops_daemon.rollout.matching import match
from devops_daemon.settings import Settings


def doctor(*, as_json: AsJson = False) -> None:
    """Check settings, tokens, rights and queries. Exit code 1 only if something that is configured does not work."""
    environ = environment()
    what = known(environ)
    findings = [*_of_settings(what), *of_backend(what), *of_github(what), *_of_railway(environ, what)]
    rows = [{"is": f.grade.value, "about": f.about, "found": f.text, "cure": f.cure or None} for f in findings]
    print_rows(rows, as_json=as_json, redactor=what.redactor)
    if any(finding.grade is Grade.FAILED for finding in findings):
        leave(NO)


def _of_settings(what: Known) -> Iterator[Finding]:
    settings = what.settings
    if what.watched:
        yield Finding(Grade.OK, "watched", ", ".join(service.name for service in what.watched))
    else:
        yield Finding(Grade.OFF, "watched", "nothing", "set PRODUCTION_BACKEND_URL, or add services to devops.toml")
    for probe in (probe for service in what.watched for probe in service.probes if probe.off):
        yield Finding(Grade.OFF, str(probe.key), probe.off or "")
    if settings.ephemeral_store:
        cure = "attach a volume, or set DEVOPS_DATABASE_URL"
        yield Finding(Grade.WARNING, "store", "is lost at each deployment", cure)
    yield from _of_notices(settings)


def _of_notices(settings: Settings) -> Iterator[Finding]:
    if not settings.notify_urls:
        yield Finding(Grade.OFF, "notices", "nobody is told of incidents", "set NOTIFY_URLS (apprise's addresses)")
    for url in settings.notify_urls:
        place = place_of(url.get_secret_value())
        if is_known(url.get_secret_value()):
            yield Finding(Grade.OK, "notices", f"{place} is told")
        else:
            yield Finding(Grade.FAILED, "notices", f"{place} {NOT_KNOWN}", CURE)


def _of_railway(environ: Mapping[str, str], what: Known) -> list[Finding]:
    asked_for = asked(environ, what.settings)
    if asked_for is None:
        cure = "set RAILWAY_TOKEN_SW_FACTORY (the project's settings there, Tokens)"
        return [Finding(Grade.OFF, "Railway", "no token is set: that part is off, the rest runs", cure)]
    with open_line(asked_for, what) as line:
        return line.ask(_looked_at(line))


async def _looked_at(line: Connection) -> list[Finding]:
    # it loads GraphQL: only where Railway is asked
    from devops_daemon.adapters.railway.checkup import check_up  # noqa: PLC0415

    findings = [finding async for finding in check_up(line.api, utc_now)]
    try:
        hosting = await line.platform.hosting()
        return [*findings, *_matching(line.watched, hosting), _own(line.api.asked, hosting)]
    except (RefusedError, UnavailableError):
        return findings  # they tell why


def _own(asked_for: Asked, hosting: Hosting) -> Finding:
    """Say which service is the daemon's own: it is never restarted, deployed, rolled back or removed."""
    own = [s.name for s in hosting.services if s.id == asked_for.own_service_id or asked_for.own_hosts & set(s.hosts)]
    if own:
        return Finding(
            Grade.OK, "own service", f"{own[0]}: it is never restarted, deployed, rolled back or removed from here"
        )
    if asked_for.own_service_id:
        return Finding(Grade.OK, "own service", "runs in another environment")
    text = "is not known here; a service named devops-daemon is taken for it"
    return Finding(
        Grade.WARNING, "own service", text, "set DEVOPS_DAEMON_URL or PUBLIC_URL to where the daemon answers"
    )


def _matching(services: Sequence[Service], hosting: Hosting) -> Iterator[Finding]:
    found = match(services, hosting)
    for service in services:
        hosted = found.get(service.name)
        if hosted is None:
            text = "is none of the services of this environment: it is watched, but nothing can be done for it"
            cure = f'if it runs there: [services.{service.name}] railway = "its name" in devops.toml'
            yield Finding(Grade.WARNING, service.name, text, cure)
        elif hosted.sleeps:
            text = "is put to sleep when nobody calls, and our probes wake it: that costs money"
            yield Finding(Grade.WARNING, service.name, text, "let it not sleep, or do not watch it")
        else:
            yield Finding(Grade.OK, service.name, f"is {hosted.name} at Railway")
