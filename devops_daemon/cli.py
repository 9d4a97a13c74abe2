"""The commands: thin, each a call of the app, of the running daemon, or of an adapter.

Exit codes: 0; 1 the answer is no; 2 used wrongly; 3 a service could not be reached.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import aiohttp
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from devops_daemon.app import CannotStartError, check_once, configure
from devops_daemon.app import run as run_daemon
from devops_daemon.model import Outcome
from devops_daemon.redaction import Redactor
from devops_daemon.settings import WrongSettingsError, dotenv

NO, WRONG, UNREACHABLE = 1, 2, 3
ASK_SECONDS = 10
COLOURS = {
    "up": "green", "ok": "green", "resolved": "green", "degraded": "yellow", "mitigating": "yellow",
    "down": "red", "failed": "red", "open": "red", "escalated": "red",
}  # fmt: skip

cli = typer.Typer(
    name="devops-daemon",
    help="Keeps a product on Railway healthy: watches it, answers for its incidents, tells people the truth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]


@cli.command()
def run() -> None:
    """Run the daemon. It reads the environment and `.env`; docs/settings.md tells of each setting."""
    asyncio.run(run_daemon(configure(_environment())))


@cli.command()
def demo(
    port: Annotated[int, typer.Option(help="Port of the pages; any free one where it is taken.")] = 8080,
    fault: Annotated[
        list[str] | None, typer.Option(help="Break the product this way, for good; may be given again.")
    ] = None,
    *,
    faults: Annotated[bool, typer.Option("--faults", help="List the ways in which the product can break.")] = False,
) -> None:
    """Run the daemon against a product in a sandbox, which breaks and is mended: nothing to set up."""
    # the sandbox is not needed in production: 3 MB
    from devops_daemon.demo import demo as run_demo  # noqa: PLC0415
    from devops_daemon.sandbox.faults import FAULTS  # noqa: PLC0415

    console = Console(highlight=False)
    if faults:
        _print_table(console, ("fault", "what a visitor sees"), [(row.name, row.sight) for row in FAULTS])
        return
    known = [row.name for row in FAULTS]
    for name in fault or ():
        if name not in known:
            _fail(WRONG, f"--fault {name}: is none of {', '.join(known)}")
    asyncio.run(run_demo(port, fault or (), lambda text: console.print(f"[cyan]demo[/cyan]  {text}", soft_wrap=True)))


@cli.command()
def check(*, as_json: AsJson = False) -> None:
    """Run each probe once. Exit code 1 if something is down, 3 if something is unknown."""
    configuration = configure(_environment())
    results = asyncio.run(check_once(configuration))
    shown = {Outcome.OK: "up", Outcome.DEGRADED: "degraded", Outcome.FAILED: "down"}
    rows: list[dict[str, Any]] = [
        {
            "service": result.key.service,
            "probe": result.key.name,
            "status": shown.get(result.outcome, "unknown"),
            "latency_ms": round(result.latency.total_seconds() * 1000, 1) if result.latency else None,
            "detail": result.detail,
        }
        for result in results
    ]
    rows += [
        {"service": p.key.service, "probe": p.key.name, "status": "off", "latency_ms": None, "detail": p.off}
        for p in configuration.watchlist.probes
        if p.off
    ]
    _print(rows, as_json=as_json)
    _exit_by({row["status"] for row in rows})


@cli.command()
def status(*, as_json: AsJson = False) -> None:
    """Show the running daemon's view. Exit code 1 if a service is down, 3 if one is unknown or nobody answers."""
    data = _ask("/status.json")
    if as_json:
        _print_json(data)
    else:
        _print(
            [
                {
                    "service": service["name"],
                    "status": service["status"],
                    "probe": probe["name"],
                    "is": probe["status"],
                    "latency_ms": probe["latency_ms"],
                    "detail": probe["detail"],
                    "checked": probe["checked_at"],
                }
                for service in data["services"]
                for probe in service["probes"]
            ],
            as_json=False,
        )
    _exit_by({service["status"] for service in data["services"]})


@cli.command()
def incidents(
    identifier: Annotated[str | None, typer.Argument(metavar="[ID]", help="Show this one with its timeline.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the running daemon's incidents of 30 days, or show one."""
    if identifier is not None:
        _show_incident(_ask(f"/incidents/{identifier}"), as_json=as_json)
        return
    listed = _ask("/status.json")["incidents"]
    columns = ("id", "severity", "status", "title", "failed_probes", "opened_at", "resolved_at")
    _print(listed if as_json else [{name: row[name] for name in columns} for row in listed], as_json=as_json)


def _show_incident(incident: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        _print_json(incident)
        return
    console = Console(highlight=False)
    console.print(f"[bold]{escape(incident['title'])}[/bold]  {incident['severity']}  {_painted(incident['status'])}")
    rows = [(event["at"], event["kind"], event["text"]) for event in incident["timeline"]]
    _print_table(console, ("at", "event", "what"), rows)


def _environment() -> Mapping[str, str]:
    """Read `.env` and the environment, which wins where it says something."""
    return {**dotenv(Path(".env")), **{name: value for name, value in os.environ.items() if value.strip()}}


def _ask(path: str) -> Any:  # noqa: ANN401 # JSON
    """Ask the running daemon; exits with 3 where it does not answer, with 1 where it says no."""
    environ = _environment()
    address = environ.get("DEVOPS_DAEMON_URL") or f"http://127.0.0.1:{environ.get('PORT') or 8080}"
    shown = Redactor().text(address)
    token = environ.get("OPERATOR_TOKEN") or environ.get("VIEWER_TOKEN")
    try:
        code, text = asyncio.run(_get(address.rstrip("/") + path, token))
        document = json.loads(text) if code < 400 else None  # noqa: PLR2004 # HTTP
    except aiohttp.InvalidURL:
        _fail(WRONG, f"{shown}: is not the address of a daemon: see DEVOPS_DAEMON_URL and PORT")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        _fail(UNREACHABLE, f"{shown} does not answer as a devops-daemon: {str(error) or type(error).__name__}")
    if document is None:
        cure = {401: "; set OPERATOR_TOKEN", 403: "; set OPERATOR_TOKEN here and there"}.get(code, "")
        _fail(UNREACHABLE if code >= 500 else NO, f"{shown}{path}: {code} {text.strip()[:200]}{cure}")  # noqa: PLR2004
    return document


async def _get(url: str, token: str | None) -> tuple[int, str]:
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(url, headers=headers, allow_redirects=False) as answer,
    ):
        return answer.status, await answer.text()


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _print_json(rows)
    elif rows:
        _print_table(Console(highlight=False), tuple(rows[0]), [tuple(row.values()) for row in rows])
    else:
        Console(highlight=False).print("None.")


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _print_table(console: Console, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    table = Table(*(name.replace("_", " ") for name in columns), box=None, pad_edge=False, header_style="dim")
    for row in rows:
        table.add_row(*(_painted(value) for value in row))
    console.print(table)


def _painted(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else "—" if value is None else str(value)
    colour = COLOURS.get(text)
    return f"[{colour}]{text}[/{colour}]" if colour else escape(text)


def _exit_by(statuses: set[str]) -> None:
    if "down" in statuses:
        raise typer.Exit(NO)
    if "unknown" in statuses:
        raise typer.Exit(UNREACHABLE)


def _fail(code: int, text: str) -> NoReturn:
    sys.stderr.write(f"{text}\n")
    raise typer.Exit(code)


def main() -> None:
    """Run the command line."""
    try:
        cli()
    except WrongSettingsError as error:
        sys.stderr.write("".join(f"{problem}\n" for problem in error.problems))
        sys.exit(WRONG)
    except CannotStartError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.code)
