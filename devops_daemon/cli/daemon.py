"""The commands that run the daemon, look as it does, or ask the running one."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import aiohttp
import typer

from devops_daemon.cli.environment import daemon_address, environment
from devops_daemon.cli.options import AsJson
from devops_daemon.cli.output import (
    NO,
    UNREACHABLE,
    WRONG,
    exit_by,
    fail,
    out,
    print_rows,
    print_table,
)
from devops_daemon.configuration import configure
from devops_daemon.model import Outcome
from devops_daemon.probing import check_once
from devops_daemon.redaction import Redactor

ASK_SECONDS = 10


def run() -> None:
    """Run the daemon. It reads the environment and `.env`; docs/settings.md tells of each setting."""
    configuration = configure(environment())
    # the store and the conversation cost half a second that no other command pays
    from devops_daemon.app import run as run_daemon  # noqa: PLC0415

    asyncio.run(run_daemon(configuration))


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

    if faults:
        print_table(("fault", "what a visitor sees"), [(row.name, row.sight) for row in FAULTS])
        return
    known = [row.name for row in FAULTS]
    for name in fault or ():
        if name not in known:
            fail(WRONG, f"--fault {name}: is none of {', '.join(known)}")
    console = out()
    asyncio.run(
        run_demo(
            port, fault or (), lambda text: console.print(f"[cyan]demo[/cyan]  {text}", soft_wrap=True, markup=True)
        )
    )


def check(*, as_json: AsJson = False) -> None:
    """Run each probe once. Exit code 1 if something is down, 3 if something is unknown."""
    configuration = configure(environment())
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
    print_rows(rows, as_json=as_json)
    exit_by({row["status"] for row in rows})


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why the running daemon did not tell, and the exit code that this has."""

    code: int
    text: str


def ask(environ: Mapping[str, str], path: str, document: object = None, seconds: float = ASK_SECONDS) -> Any | NoAnswer:  # noqa: ANN401 # JSON
    """Ask the running daemon; with a document, have it do something."""
    address = daemon_address(environ)
    shown = Redactor().text(address)
    token = environ.get("OPERATOR_TOKEN") or environ.get("VIEWER_TOKEN")
    try:
        code, text = asyncio.run(_send(address.rstrip("/") + path, token, document, seconds))
        answer = json.loads(text) if code < 400 else None  # noqa: PLR2004 # HTTP
    except aiohttp.InvalidURL:
        return NoAnswer(WRONG, f"{shown}: is not the address of a daemon: see DEVOPS_DAEMON_URL and PORT")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        why = str(error) or type(error).__name__
        return NoAnswer(UNREACHABLE, f"{shown} does not answer as a devops-daemon: {why}")
    if answer is None:
        cure = {401: "; set OPERATOR_TOKEN", 403: "; set OPERATOR_TOKEN here and there"}.get(code, "")
        return NoAnswer(
            UNREACHABLE if code >= 500 else NO,  # noqa: PLR2004 # HTTP
            f"{shown}{path}: {code} {_complaint(text)}{cure}",
        )
    return answer


def _complaint(text: str) -> str:
    """Take the words out of an answer that is no."""
    with contextlib.suppress(ValueError, TypeError, KeyError):  # where it is not in plain words
        text = str(json.loads(text)["error"])
    return " ".join(text.split())[:200]


def answer_of(path: str, document: object = None, seconds: float = ASK_SECONDS) -> Any:  # noqa: ANN401 # JSON
    """Ask the running daemon; exits with 3 where it does not answer, with 1 where it says no."""
    answer = ask(environment(), path, document, seconds)
    if isinstance(answer, NoAnswer):
        fail(answer.code, answer.text)
    return answer


async def _send(url: str, token: str | None, document: object, seconds: float) -> tuple[int, str]:
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.request(
            "GET" if document is None else "POST", url, json=document, headers=headers, allow_redirects=False
        ) as answer,
    ):
        return answer.status, await answer.text()
