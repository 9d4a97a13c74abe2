"""The command that shows the running daemon's inbox, and has a delivery that failed tried again."""

from datetime import datetime
from typing import Annotated

import typer

from devops_daemon.cli.daemon import answer_of
from devops_daemon.cli.options import AsJson
from devops_daemon.cli.output import WRONG, fail, out, print_json, print_rows
from devops_daemon.cli.text import harmless

REPLAY = "replay"
COLUMNS = ("id", "event", "subject", "state", "attempts", "received_at", "ended_at", "note")


def deliveries(
    verb: Annotated[
        str | None, typer.Argument(metavar="[replay]", help="Have a delivery that failed tried again.")
    ] = None,
    identifier: Annotated[str | None, typer.Argument(metavar="[ID]", help="Which one.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what webhooks brought: what is to be done, what failed, what was done of late; or replay one."""
    if verb is None:
        _list(as_json=as_json)
    elif verb != REPLAY or identifier is None:
        fail(WRONG, f"deliveries is followed by nothing, or by {REPLAY} ID")
    else:
        answer = answer_of(f"/api/actions/{REPLAY}", {"delivery": identifier})
        print_json(answer) if as_json else out().print(harmless(answer["result"]["text"]))


def _list(*, as_json: bool) -> None:
    listed = answer_of("/api/deliveries")["deliveries"]
    if as_json:
        print_json(listed)
        return
    times = {"received_at", "ended_at"}
    print_rows(
        [
            {name: datetime.fromisoformat(row[name]) if name in times and row[name] else row[name] for name in COLUMNS}
            for row in listed
        ],
        as_json=False,
    )
