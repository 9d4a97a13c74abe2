"""The audit at once: whether the monitoring itself is any good."""

from typing import Annotated

import typer

from devops_daemon.cli.daemon import answer_of
from devops_daemon.cli.options import AsJson
from devops_daemon.cli.output import NO, leave, out, print_json, print_table
from devops_daemon.cli.text import harmless

SECONDS = 300
"""It reads logs and variables of each service."""


def audit(
    *,
    every: Annotated[bool, typer.Option("--all", help="What is well too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look whether the monitoring itself is any good. Exit code 1 if something critical is found."""
    result = answer_of("/api/actions/audit", {}, SECONDS)["result"]
    if as_json:
        print_json(result)
    else:
        shown = [each for each in result["findings"] if every or each["weight"] != "ok"]
        rows = [
            (each["weight"], f"{each['rule']}: {each['about']}", each["found"], each["cure"] or "") for each in shown
        ]
        print_table(("is", "about", "found", "cure"), [tuple(map(harmless, row)) for row in rows])
        out().print(harmless(result["text"]))
    if any(each["weight"] == "critical" for each in result["findings"]):
        leave(NO)
