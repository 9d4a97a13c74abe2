"""One report of all that the running daemon knows."""

from typing import Annotated

import typer

from devops_daemon.cli.daemon import answer_of
from devops_daemon.cli.options import AsJson
from devops_daemon.cli.output import out, print_json
from devops_daemon.cli.text import harmless

SECONDS = 120


def diagnose(
    service: Annotated[str | None, typer.Argument(metavar="[SERVICE]", help="A service at Railway; else all.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Gather probes, what runs, deployments, metrics, logs and what was merged lately into one report."""
    result = answer_of("/api/actions/diagnose", {"service": service} if service else {}, SECONDS)["result"]
    if as_json:
        print_json(result)
        return
    console = out()
    console.print(harmless(result["text"]), soft_wrap=True)
    for each in result["sections"]:
        lines = "\n".join(map(harmless, each["text"].splitlines()))
        console.print(f"\n=== {harmless(each['title'])} ===\n{lines}", soft_wrap=True)
