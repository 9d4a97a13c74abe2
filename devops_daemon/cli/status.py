"""`status`: the daemon's view and Railway's, in one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import typer

from devops_daemon.cli.connection import Known, asked, known, open_line
from devops_daemon.cli.daemon import NoAnswer, ask
from devops_daemon.cli.environment import environment
from devops_daemon.cli.options import AsJson
from devops_daemon.cli.output import NO, UNREACHABLE, WRONG, exit_by, fail, print_json, print_rows, say
from devops_daemon.cli.text import complaint
from devops_daemon.connections import utc_now
from devops_daemon.hosting import HostedService, Hosting
from devops_daemon.ports import RefusedError, UnavailableError
from devops_daemon.rollout.matching import match
from devops_daemon.rollout.serving import Serving, State, state
from devops_daemon.settings import WrongSettingsError, read_what_is_right

_DOWN = {Serving.DOWN: "down"}
"""What of Railway's view makes the exit code; what is asleep, scheduled or empty may be meant so."""


@dataclass(frozen=True, slots=True)
class _Hosted:
    """A service as Railway sees it, with the name under which it is watched, if it is."""

    service: HostedService
    state: State
    watched: str


@dataclass(frozen=True, slots=True)
class _Views:
    """What each told, or why it did not."""

    daemon: Mapping[str, Any] | NoAnswer
    railway: tuple[_Hosted, ...] | NoAnswer | None
    """None where no token is set."""
    notes: tuple[str, ...] = ()


def status(*, as_json: AsJson = False) -> None:
    """Show the running daemon's view and Railway's. Exit 1 if a service is down, 3 if unknown or nobody answers."""
    environ = environment()
    settings, problems = read_what_is_right(environ)
    configured = asked(environ, settings) is not None
    # where no token is set, no other setting is needed either
    if problems and (configured or any(problem.startswith("RAILWAY_") for problem in problems)):
        raise WrongSettingsError(problems)
    what = known(environ) if configured else None
    daemon = ask(environ, "/status.json")
    views = _Views(daemon, *_ask_railway(environ, what, daemon) if what else (None, ()))
    _tell_silence(views)
    if as_json:
        _print_json(views, what)
    else:
        print_rows(_rows(views), as_json=False, redactor=what.redactor if what else None)
    _exit(views)


def _ask_railway(
    environ: Mapping[str, str], what: Known, daemon: Mapping[str, Any] | NoAnswer
) -> tuple[tuple[_Hosted, ...] | NoAnswer, tuple[str, ...]]:
    asked_for = asked(environ, what.settings)
    assert asked_for is not None  # noqa: S101 # the caller has seen to that
    try:
        with open_line(asked_for, what) as line:
            hosting = line.hosting()
    except RefusedError as error:
        return NoAnswer(NO, complaint(str(error), what.redactor)), ()
    except UnavailableError as error:
        return NoAnswer(UNREACHABLE, complaint(str(error), what.redactor)), ()
    waiting = f"{hosting.staged_changes} changes are staged in Railway's dashboard" if hosting.staged_changes else ""
    return _hosted(hosting, what, daemon), tuple(filter(None, [waiting]))


def _hosted(hosting: Hosting, what: Known, daemon: Mapping[str, Any] | NoAnswer) -> tuple[_Hosted, ...]:
    names = {found.id: name for name, found in match(what.watched, hosting).items()}
    told = [] if isinstance(daemon, NoAnswer) else [service["name"] for service in daemon["services"]]
    by_name = {name.lower(): name for name in told}
    return tuple(
        _Hosted(each, state(each, utc_now()), names.get(each.id) or by_name.get(each.name.lower(), each.name))
        for each in hosting.services
    )


def _tell_silence(views: _Views) -> None:
    """Say on the side which half is missing; leave where there is none."""
    silent = [each for each in (views.daemon, views.railway) if isinstance(each, NoAnswer)]
    told = [each for each in (views.daemon, views.railway) if each is not None and not isinstance(each, NoAnswer)]
    if not told:
        fail(min(each.code for each in silent), "\n".join(each.text for each in silent))
    for text in (*(each.text for each in silent), *views.notes):
        say(text)


def _rows(views: _Views) -> list[dict[str, Any]]:
    hosted = views.railway if isinstance(views.railway, tuple) else ()
    services = () if isinstance(views.daemon, NoAnswer) else views.daemon["services"]
    rows: list[dict[str, Any]] = []
    for service in services:
        rows += [_probe_row(service, probe) for probe in service["probes"]]
        rows += [_railway_row(each, service["status"]) for each in hosted if each.watched == service["name"]]
    watched = {service["name"] for service in services}
    return rows + [_railway_row(each, None) for each in hosted if each.watched not in watched]


def _probe_row(service: Mapping[str, Any], probe: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "service": service["name"],
        "status": service["status"],
        "probe": probe["name"],
        "is": probe["status"],
        "latency_ms": probe["latency_ms"],
        "detail": probe["detail"],
        "checked": datetime.fromisoformat(probe["checked_at"]) if probe["checked_at"] else None,
    }


def _railway_row(hosted: _Hosted, status: str | None) -> dict[str, Any]:
    return {
        "service": hosted.watched,
        "status": status,
        "probe": "railway",
        "is": hosted.state.serving.value,
        "latency_ms": None,
        "detail": "; ".join(filter(None, (hosted.state.text, _running(hosted.service), hosted.state.news))),
        "checked": None,
    }


def _running(service: HostedService) -> str:
    deployment = service.serving or service.latest
    if deployment is None:
        return ""
    return f"{deployment.what}, since {deployment.created_at:%Y-%m-%d %H:%M}"


def _print_json(views: _Views, what: Known | None) -> None:
    document = {} if isinstance(views.daemon, NoAnswer) else dict(views.daemon)
    if isinstance(views.railway, tuple):
        document["railway"] = [_as_data(each) for each in views.railway]
    print_json(document, what.redactor if what else None)


def _as_data(hosted: _Hosted) -> dict[str, Any]:
    deployment = hosted.service.serving or hosted.service.latest
    commit = deployment.commit if deployment else None
    return {
        "id": hosted.service.id,
        "name": hosted.service.name,
        "watched_as": hosted.watched,
        "serving": hosted.state.serving.value,
        "text": hosted.state.text,
        "news": hosted.state.news,
        "deployment": deployment.id if deployment else None,
        "status": deployment.status if deployment else None,
        "commit": commit.sha if commit else None,
        "subject": commit.subject if commit else None,
        "since": deployment.created_at if deployment else None,
    }


def _exit(views: _Views) -> None:
    statuses: list[str] = []
    if not isinstance(views.daemon, NoAnswer):
        statuses += [service["status"] for service in views.daemon["services"]]
    if isinstance(views.railway, tuple):
        statuses += [_DOWN.get(each.state.serving, "") for each in views.railway]
    exit_by(statuses)
    _exit_by_refusals([views.daemon, views.railway])


def _exit_by_refusals(views: Sequence[object]) -> None:
    """Leave with the code of a half that said no: that nobody is there is no more than half a view."""
    for each in views:
        if isinstance(each, NoAnswer) and each.code in {NO, WRONG}:
            raise typer.Exit(each.code)
