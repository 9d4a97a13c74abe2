"""`variables`: their names for everyone, values where they are asked for, and writes that touch nothing else."""

import asyncio
import getpass
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from devops_daemon.adapters.railway.names import problems
from devops_daemon.cli.connection import Connection, Target, connected
from devops_daemon.cli.follow import Became, follow, report
from devops_daemon.cli.options import AsJson, MaybeNamed, NoWait
from devops_daemon.cli.output import WRONG, fail, print_json, print_rows, say
from devops_daemon.connections import utc_now
from devops_daemon.hosting import HostedService
from devops_daemon.ports import RefusedError, UnavailableError
from devops_daemon.rollout.verdict import Action, Rollout

SHARED = "(shared)"


def variables(  # noqa: PLR0913 # each is an option
    context: typer.Context,
    service: MaybeNamed = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=value", help="Set it; may be given again. KEY alone reads its value from the input."
        ),
    ] = None,
    *,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show values, as they are written.")] = False,
    shared: Annotated[bool, typer.Option("--shared", help="The shared ones only.")] = False,
    skip_deploys: Annotated[
        bool, typer.Option("--skip-deploys", help="What is set waits for the next deployment.")
    ] = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """List the names of variables, or set some: by one write, and one deployment of the service."""
    _refuse_misplaced(service, context.args)
    if service and shared:
        fail(WRONG, "--shared means those of no service: leave the service out")
    values = read_assignments(assignments) if assignments else {}
    with connected() as line:
        target = line.target(service) if service else None
        if not assignments:
            everything = [target.service] if target else [None] if shared else [None, *line.hosting().services]
            rows = line.ask(_listed(line, everything, reveal=reveal))
            print_rows(rows, as_json=as_json, redactor=None if reveal else line.redactor)
        elif target:
            _set(line, target, values, deploy=not skip_deploys, wait=not no_wait, as_json=as_json)
        else:
            _set_shared(line, values, deploy=not skip_deploys, as_json=as_json)


def _refuse_misplaced(service: str | None, extra: Sequence[str]) -> None:
    """Complain of an assignment that stands where none is read, without its value."""
    misplaced = [word for word in (service or "", *extra) if "=" in word]
    if misplaced:
        name = misplaced[0].partition("=")[0]
        fail(WRONG, f"{name!r}: to set it, write --set in front of it")
    if extra:
        fail(WRONG, f"one service at a time: {len(extra)} words too many")


def read_assignments(assignments: Sequence[str]) -> Mapping[str, str]:
    """Read what is to be set; leaves with all that is wrong at once, a line each, and no value."""
    named = [assignment.partition("=") for assignment in assignments]
    bare = [name for name, sign, _ in named if not sign]
    if len(bare) > 1 and not sys.stdin.isatty():
        fail(WRONG, f"{', '.join(map(repr, bare))}: only one value can be read from the input")
    wrong = problems(dict.fromkeys(bare, "?"))  # before anybody is asked for its value
    values = {name: value if sign else "" if wrong else _typed(name) for name, sign, value in named}
    twice = [name for name in values if sum(name == other for other, _, _ in named) > 1]
    wrong = [*(f"{name!r}: is given twice" for name in twice), *(wrong if bare and wrong else problems(values))]
    if wrong:
        fail(WRONG, "\n".join(wrong))
    return values


def _typed(name: str) -> str:
    """Read a value that shall be in no history of commands."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ", stream=sys.stderr)
    text = sys.stdin.buffer.read().decode(errors="surrogateescape")
    return text.removesuffix("\n").removesuffix("\r")


async def _listed(line: Connection, services: Sequence[HostedService | None], *, reveal: bool) -> list[dict[str, Any]]:
    """List variables by service, the shared ones first; values only where they are asked for."""
    identifiers = [service.id if service else None for service in services]
    lists = await asyncio.gather(*(line.platform.variables(each) for each in identifiers))
    values: Sequence[Mapping[str, str | None]] = [{} for _ in services]
    if reveal:
        values = await asyncio.gather(*(line.platform.values(each) for each in identifiers))
    return [
        {
            "service": service.name if service else SHARED,
            "name": each.name,
            "sealed": each.sealed,
            "references": list(each.references),
        }
        | ({"value": "sealed" if each.sealed else known.get(each.name)} if reveal else {})
        for service, listed, known in zip(services, lists, values, strict=True)
        for each in listed
    ]


def _set(
    line: Connection, target: Target, values: Mapping[str, str], *, deploy: bool, wait: bool, as_json: bool
) -> None:
    """Set a service's variables, and deploy it once."""
    service, names = target.service, ", ".join(values)
    line.ask(line.platform.set_variables(service.id, values, deploy=False))
    if not deploy or service.latest is None:
        why = "they wait for the next deployment" if service.latest else "nothing is deployed that would need them"
        report(line, Became(service, "set variables", "", "set", f"{names}: {why}"), as_json=as_json)
    started = utc_now()
    try:
        new = line.ask(line.platform.deploy(service))
    except (RefusedError, UnavailableError):
        say(line.plain(f"{names}: set, and not deployed yet:"))
        raise
    rollout = Rollout(Action.DEPLOY, new.id, started)
    report(line, follow(line, target, rollout, action="set variables", wait=wait), as_json=as_json)


def _set_shared(line: Connection, values: Mapping[str, str], *, deploy: bool, as_json: bool) -> None:
    """Set shared variables; Railway itself deploys what uses them."""
    hosting = line.hosting()
    line.ask(line.platform.set_variables(None, values, deploy=deploy))
    detail = "Railway deploys what uses them: not watched" if deploy else "they wait for the next deployment"
    row = {"project": hosting.project, "environment": hosting.environment, "set": list(values), "detail": detail}
    if as_json:
        print_json(row, line.redactor)
    else:
        print_rows([row], as_json=False, redactor=line.redactor)
