"""The commands that change what runs: each says what it is about, asks, acts, and watches it to its end."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated

import typer

from devops_daemon.cli.connection import Connection, connected
from devops_daemon.cli.follow import Became, follow, progress, report
from devops_daemon.cli.logs import find_deployment
from devops_daemon.cli.options import AsJson, Named, NoWait, Yes
from devops_daemon.cli.output import NO, WRONG, fail, say, stamp
from devops_daemon.connections import utc_now
from devops_daemon.hosting import UNDER_WAY, Deployment, HostedService, Phase
from devops_daemon.ports import RefusedError, UnavailableError
from devops_daemon.rollout.choice import Choice, Chosen, NoneFits, to_cancel, to_redeploy, to_remove, to_roll_back
from devops_daemon.rollout.verdict import Action, Rollout

LAST = 100
_GONE_WITHIN = timedelta(seconds=60)
_SHA = re.compile(r"[0-9a-f]{40}")


def redeploy(
    service: Named,
    commit: Annotated[str | None, typer.Option(metavar="SHA", help="Deploy this commit instead.")] = None,
    deployment: Annotated[
        str | None, typer.Option(metavar="ID", help="Deploy this one again; its beginning does.")
    ] = None,
    *,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Deploy the code that serves once more (or a commit, or an earlier deployment), and watch it to its end."""
    if commit and deployment:
        fail(WRONG, "--commit and --deployment name two things: ask for one")
    must_be_able_to_ask(yes=yes)
    with connected() as line:
        target = line.target(service)
        meant = target.service
        if commit:
            sha = line.ask(_whole_sha(line, meant, commit.lower()))
            confirm(line, f"deploy {meant.name}", meant.serving or meant.latest, f"commit {sha}", yes=yes)
            started, action = utc_now(), Action.DEPLOY
            new = line.ask(line.platform.deploy(meant, sha))
        else:
            chosen = _chosen(line, _to_redeploy(line, meant, deployment))
            confirm(line, f"redeploy {meant.name}", chosen.deployment, chosen.warning, yes=yes)
            started, action = utc_now(), Action.REDEPLOY
            new = line.ask(line.platform.redeploy(chosen.deployment))
        rollout = Rollout(action, new.id, started)
        report(line, follow(line, target, rollout, action=action, wait=not no_wait), as_json=as_json)


def restart(service: Named, *, yes: Yes = False, no_wait: NoWait = False, as_json: AsJson = False) -> None:
    """Restart the processes of what is deployed: no build, the same deployment."""
    must_be_able_to_ask(yes=yes)
    with connected() as line:
        target = line.target(service)
        meant = target.service
        confirm(line, f"restart {meant.name}", meant.serving or meant.latest, yes=yes)
        started = utc_now()
        before = line.ask(line.platform.restart(meant))
        rollout = Rollout(Action.RESTART, before.id, started, before.instances)
        report(line, follow(line, target, rollout, action=Action.RESTART, wait=not no_wait), as_json=as_json)


def rollback(
    service: Named,
    to: Annotated[str | None, typer.Option("--to", metavar="ID", help="To this one; its beginning does.")] = None,
    *,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Go back to the deployment of other code before the one that serves: its image, settings and variables."""
    must_be_able_to_ask(yes=yes)
    with connected() as line:
        target = line.target(service)
        meant = target.service
        deployments = line.ask(line.platform.deployments(meant.id, LAST))
        chosen = _chosen(line, to_roll_back(meant, deployments, to))
        # Railway does not tell of each change of them: its rollback takes all back
        warning = chosen.warning or "its variables and settings of that time come back with it"
        confirm(line, f"roll back {meant.name} to", chosen.deployment, warning, yes=yes)
        started = utc_now()
        new = line.ask(line.platform.roll_back(chosen.deployment))
        rollout = Rollout(Action.ROLLBACK, new.id, started)
        report(line, follow(line, target, rollout, action=Action.ROLLBACK, wait=not no_wait), as_json=as_json)


def down(service: Named, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Remove what runs of a service: nobody answers there until it is deployed again. Asks twice."""
    must_be_able_to_ask(yes=yes)
    with connected() as line:
        target = line.target(service)
        meant = target.service
        chosen = _chosen(line, to_remove(meant))
        confirm(line, f"REMOVE {meant.name}", chosen.deployment, _coming(meant), yes=yes)
        if not yes:
            _confirm_by_name(line, meant)
        started = utc_now()
        line.ask(line.platform.remove(chosen.deployment))
        with progress(line.plain(f"down {meant.name}")) as tell:
            tell("removing")
            left = line.ask(_left_of(line, meant))
        outcome, detail = ("removed", "nothing of it runs") if left is None else ("unproven", left)
        took = utc_now() - started
        report(line, Became(meant, "down", chosen.deployment.id, outcome, detail, took), as_json=as_json)


def cancel(service: Named, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Abort the deployment that is under way; what serves goes on."""
    must_be_able_to_ask(yes=yes)
    with connected() as line:
        target = line.target(service)
        meant = target.service
        chosen = _chosen(line, to_cancel(meant))
        confirm(line, f"abort {meant.name}", chosen.deployment, chosen.warning, yes=yes)
        started = utc_now()
        line.ask(line.platform.cancel(chosen.deployment))
        left = line.ask(_left_to_abort(line, chosen.deployment))
        outcome, detail = ("aborted", "what served goes on") if left is None else ("unproven", left)
        took = utc_now() - started
        report(line, Became(meant, "cancel", chosen.deployment.id, outcome, detail, took), as_json=as_json)


def must_be_able_to_ask(*, yes: bool) -> None:
    """Leave where nobody can be asked and nobody has said yes."""
    if not yes and not sys.stdin.isatty():
        fail(WRONG, "there is no terminal to ask on: say --yes if you mean it")


def confirm(line: Connection, what: str, deployment: Deployment | None, warning: str = "", *, yes: bool) -> None:
    """Say what an act is about, and ask; leaves where the answer is no."""
    facts = [what, *_facts(deployment), *([f"note: {warning}"] if warning else [])]
    say("\n  ".join(line.plain(fact) for fact in facts))
    if not yes:
        ask_person("Go on?")


def ask_person(question: str) -> None:
    """Ask; leaves where the answer is no."""
    if not typer.confirm(question, err=True):
        fail(NO, "nothing was done")


def _facts(deployment: Deployment | None) -> list[str]:
    if deployment is None:
        return ["nothing is deployed"]
    age = utc_now() - deployment.created_at
    author = f" by {deployment.commit.author}" if deployment.commit and deployment.commit.author else ""
    when = f"of {stamp(deployment.created_at)} UTC, {_rough(age)} ago"
    return [f"deployment {deployment.id[:8]}, {deployment.status.lower()}, {when}", f"{deployment.what}{author}"]


def _rough(span: timedelta) -> str:
    """Write a span as people say it."""
    minutes = max(0, int(span.total_seconds() // 60))
    for size, unit in ((2 * 24 * 60, 24 * 60), (120, 60)):
        if minutes >= size:
            return f"{minutes // unit} {'days' if unit > 60 else 'h'}"  # noqa: PLR2004 # minutes of an hour
    return f"{minutes} min"


def _confirm_by_name(line: Connection, service: HostedService) -> None:
    typed = typer.prompt("Type the service's name to remove it", err=True)
    if typed.strip() not in {service.name, line.plain(service.name)}:
        fail(NO, "that is not its name: nothing was done")


def _chosen(line: Connection, choice: Choice) -> Chosen:
    if isinstance(choice, NoneFits):
        fail(NO, line.plain(choice.reason))
    return choice


def _to_redeploy(line: Connection, service: HostedService, identifier: str | None) -> Choice:
    if identifier is None:
        return to_redeploy(service)
    return Chosen(line.ask(find_deployment(line, [service], identifier)))


async def _whole_sha(line: Connection, service: HostedService, sha: str) -> str:
    """Complete a sha from what was deployed before: Railway takes whole ones only."""
    if _SHA.fullmatch(sha):
        return sha
    deployments = await line.platform.deployments(service.id, LAST)
    found = {each.commit.sha for each in deployments if each.commit and each.commit.sha.startswith(sha)}
    if len(found) != 1:
        fail(WRONG, line.plain(f"--commit {sha}: Railway takes a commit's whole sha, 40 hexadecimal digits"))
    return found.pop()


def _coming(service: HostedService) -> str:
    latest = service.latest
    if latest is None or latest.phase not in UNDER_WAY:
        return ""
    return f"{latest.what} is under way and will serve then: abort it by devops-daemon cancel {service.name}"


async def _left_of(line: Connection, service: HostedService) -> str | None:
    """Wait until nothing runs; gives what still does after a minute."""

    async def look() -> str | None:
        choice = to_remove((await line.platform.hosting()).service(service.id))
        if isinstance(choice, NoneFits):
            return None
        return f"{choice.deployment.id[:8]} ({choice.deployment.what}) still runs"

    return await _until_nothing(line, look)


async def _left_to_abort(line: Connection, deployment: Deployment) -> str | None:
    """Wait until a deployment has ended; gives what it is instead after a minute."""

    async def look() -> str | None:
        seen = await line.platform.deployment(deployment.id)
        return None if seen.phase is Phase.ENDED else f"it is {seen.status.lower()}"

    return await _until_nothing(line, look)


async def _until_nothing(line: Connection, look: Callable[[], Awaitable[str | None]]) -> str | None:
    """Look until nothing is left of what was ended, for a minute; an outage in between says nothing of it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _GONE_WITHIN.total_seconds()
    while True:
        try:
            left = await look()
        except RefusedError as error:
            return f"it can't be looked at: {error}"
        except UnavailableError as error:
            left = f"it can't be looked at: {error}"
        if left is None or loop.time() > deadline:
            return left
        await asyncio.sleep(line.look_every.total_seconds())
