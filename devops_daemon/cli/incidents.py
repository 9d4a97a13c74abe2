"""The command that shows the running daemon's incidents, and says what a person has to say of one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from devops_daemon.cli.daemon import answer_of
from devops_daemon.cli.options import AsJson
from devops_daemon.cli.output import WRONG, fail, out, painted, print_json, print_rows, print_table
from devops_daemon.cli.text import harmless
from devops_daemon.model import Severity

ACKNOWLEDGE, RESOLVE, SEVERITY = "acknowledge", "resolve", "severity"
COLUMNS = ("id", "severity", "status", "title", "failed_probes", "opened_at", "resolved_at")


def incidents(
    identifier: Annotated[str | None, typer.Argument(metavar="[ID]", help="Show this one with its timeline.")] = None,
    verb: Annotated[
        str | None,
        typer.Argument(
            metavar=f"[{ACKNOWLEDGE}|{RESOLVE}|{SEVERITY}]",
            help="See to it yourself for half an hour; end what only a rollback keeps well; say how bad it is.",
        ),
    ] = None,
    level: Annotated[str | None, typer.Argument(metavar="[SEV1|SEV2|SEV3]", help="How bad it is.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the running daemon's incidents of 30 days, show one, or say something of it."""
    if identifier is None:
        _list(as_json=as_json)
    elif verb is None:
        _show(answer_of(f"/incidents/{identifier}"), as_json=as_json)
    else:
        answer = answer_of(f"/api/actions/{verb}", _said(identifier, verb, level))
        text = f"{answer['result']['incident']}: {answer['result']['text']}"
        print_json(answer) if as_json else out().print(harmless(text))


def declare(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="A service that is watched, or all.")],
    level: Annotated[Severity, typer.Argument(metavar="SEV1|SEV2|SEV3", help="How bad it is.", case_sensitive=False)],
    reason: Annotated[str | None, typer.Option(help="What you see.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Open an incident that no probe has found, or join the open one; it goes on until somebody resolves it."""
    wanted = {"service": service, "severity": level.value} | ({"description": reason} if reason else {})
    answer = answer_of("/api/actions/incident-response", wanted)
    print_json(answer) if as_json else out().print(harmless(answer["result"]["text"]))


def _said(identifier: str, verb: str, level: str | None) -> dict[str, str]:
    """Put together what is said; ends with 2 where it is nothing that can be said."""
    named = (level or "").upper()
    understood = named in set(Severity) if verb == SEVERITY else verb in {ACKNOWLEDGE, RESOLVE} and not level
    if not understood:
        choices = f"{ACKNOWLEDGE}, {RESOLVE}, or {SEVERITY} and one of {', '.join(Severity)}"
        fail(WRONG, f"an incident's id is followed by nothing, or by {choices}")
    return {"incident": identifier} | ({"severity": named} if level else {})


def _list(*, as_json: bool) -> None:
    listed = answer_of("/status.json")["incidents"]
    print_rows(
        listed if as_json else [{name: _readable(row, name) for name in COLUMNS} for row in listed], as_json=as_json
    )


def _readable(row: Mapping[str, Any], name: str) -> object:
    """Give a column's value, times as such."""
    return datetime.fromisoformat(row[name]) if name.endswith("_at") and row[name] else row[name]


def _show(incident: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(incident)
        return
    title = (harmless(incident["title"]), "bold")
    out().print(Text.assemble(title, "  ", incident["severity"], "  ", painted(incident["status"])))
    facts = ("suspect", "held", "escalated_for", "rolled_back_from", "acknowledged_by", "issue_url")
    for name in facts:
        if incident[name]:
            out().print(harmless(f"{name.replace('_', ' ')}: {incident[name]}"))
    print_table(
        ("at", "event", "what"), [(event["at"], event["kind"], event["text"]) for event in incident["timeline"]]
    )
