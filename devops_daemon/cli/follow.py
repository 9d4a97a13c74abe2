"""Watch what was started to its end, say what becomes of it, and leave with the exit code for that."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

import typer
from rich.text import Text

from devops_daemon.cli.connection import Connection, Target
from devops_daemon.cli.output import NO, UNREACHABLE, err, print_json, print_rows, say
from devops_daemon.connections import utc_now
from devops_daemon.hosting import HostedService, Step
from devops_daemon.model import Service
from devops_daemon.ports import RefusedError
from devops_daemon.probing import probing
from devops_daemon.rollout.follow import Ended, Follow, Tell
from devops_daemon.rollout.verdict import Failed, Health, Patience, Rollout, Unproven, Well

_CODES = {"failed": NO, "unproven": UNREACHABLE}
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Became:
    """What became of an act."""

    service: HostedService
    action: str
    deployment: str
    outcome: str
    detail: str
    took: timedelta | None = None
    steps: tuple[Step, ...] = ()


def follow(line: Connection, target: Target, rollout: Rollout, *, action: str, wait: bool) -> Became:
    """Watch a rollout to its end, unless it is only to be started."""
    became = partial(Became, target.service, action, rollout.deployment_id)
    if not wait:
        return became("started", "not watched")
    what = line.plain(f"{action} {target.service.name}")
    try:
        with progress(what) as tell:
            ended = line.ask(_to_its_end(line, target.watched, rollout, lambda text: tell(line.plain(text))))
    except RefusedError as error:
        return became("unproven", f"it was started, but can't be watched: {error}", utc_now() - rollout.started_at)
    except KeyboardInterrupt:
        say(f"{what}: it goes on at Railway; look with devops-daemon status")
        raise typer.Exit(_INTERRUPTED) from None
    outcome, text = _outcome(ended)
    return became(outcome, text, ended.ended_at - rollout.started_at, ended.steps)


async def _to_its_end(line: Connection, probed: Service | None, rollout: Rollout, tell: Tell) -> Ended:
    limits = Patience(settle=line.settings.remediation_pause)
    async with probing(line.redactor) as look:

        async def probe() -> Health | None:
            return await look(probed) if probed else None

        return await Follow(line.platform, utc_now, lambda: line.look_every).to_its_end(rollout, probe, tell, limits)


def _outcome(ended: Ended) -> tuple[str, str]:
    match ended.verdict:
        case Well(text):
            return "well", text
        case Failed(text):
            return "failed", text
        case Unproven(text):
            return "unproven", text
        case going:
            return "unproven", going.text


@contextmanager
def progress(what: str) -> Iterator[Tell]:
    """Show how it goes: by a line that changes on a terminal, by one for each change elsewhere."""
    console = err()
    if not console.is_terminal:
        yield lambda text: say(f"{what}: {text}")
        return
    with console.status(Text(what)) as status:
        yield lambda text: status.update(Text(f"{what}: {text}"))


def report(line: Connection, became: Became, *, as_json: bool) -> NoReturn:
    """Say what became of an act, and leave with the exit code for it."""
    row: dict[str, Any] = {
        "service": became.service.name,
        "action": became.action,
        "deployment": became.deployment if as_json else became.deployment[:8],
        "outcome": became.outcome,
        "detail": became.detail,
        "took_s": None if became.took is None else round(became.took.total_seconds(), 1),
    }
    if as_json:
        print_json(row | {"steps": step_rows(became.steps)}, line.redactor)
    else:
        print_rows([row], as_json=False, redactor=line.redactor)
        _say_why(line, became)
    raise typer.Exit(_CODES.get(became.outcome, 0))


def _say_why(line: Connection, became: Became) -> None:
    if became.outcome not in _CODES or not became.deployment:
        return
    for step in became.steps:
        if step.error:
            say(line.plain(f"{step.name}: {step.error}"))
    name, identifier = became.service.name, became.deployment[:8]
    say(line.plain(f"See devops-daemon logs {name} --deployment {identifier}, with --build for its build"))


def step_rows(steps: tuple[Step, ...] | list[Step]) -> list[dict[str, Any]]:
    """Show the steps of a deployment as rows."""
    return [
        {
            "step": step.name,
            "started": step.started_at,
            "took_s": round((step.ended_at - step.started_at).total_seconds(), 1) if step.ended_at else None,
            "attempts": f"{step.attempt} of {step.attempts}" if step.attempt else None,
            "error": "skipped" if step.skipped and not step.error else step.error,
        }
        for step in steps
    ]
