"""`action`: whatever an operator may have the running daemon do, by its name, followed to its end."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from devops_daemon.cli.daemon import answer_of
from devops_daemon.cli.options import AsJson, NoWait
from devops_daemon.cli.output import NO, WRONG, fail, out, print_json, say
from devops_daemon.cli.text import harmless
from devops_daemon.cli.variables import read_assignments

SECONDS = 120.0
LOOK_EVERY = 1.0
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


def action(
    name: Annotated[str, typer.Argument(metavar="ACTION", help="As restart-service; a wrong one tells them all.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD=VALUE]...", help="As service=backend or description='it leaks'."),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=value", help="Set a variable; may be given again. KEY alone reads its value."
        ),
    ] = None,
    *,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Have the running daemon do something, as by HTTP or by a comment: with its limits, its trail, and one result."""
    document = _fields(fields or ())
    if assignments:
        document["set"] = dict(read_assignments(assignments))
    answer = answer_of(f"/api/actions/{name}", document, SECONDS)
    if answer["status"] == "running" and not no_wait:
        say(f"{harmless(name)}: under way as {answer['id']}")
        answer = _followed(answer["id"])
    if as_json:
        print_json(answer)
    else:
        _show(answer)
    if answer["status"] == "failed":
        raise typer.Exit(NO)


def _fields(given: Sequence[str]) -> dict[str, Any]:
    """Read what is given; leaves where it is not as FIELD=VALUE."""
    found: dict[str, Any] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign:
            fail(WRONG, f"{each!r}: a field is written as FIELD=VALUE, for example service=backend")
        found[name] = _value(name, value)
    return found


def _value(name: str, value: str) -> object:
    """Give a value as the field has it: a number of lines, a truth, else the text."""
    if name == "lines" and value.isdecimal():
        return int(value)
    return _TRUTHS.get(value.lower(), value) if name == "build" else value


def _followed(identifier: str) -> Any:  # noqa: ANN401 # JSON
    """Ask until it has ended; it goes on whether somebody asks or not."""
    while True:
        answer = answer_of(f"/api/actions/{identifier}")
        if answer["status"] != "running":
            return answer
        time.sleep(LOOK_EVERY)


def _show(answer: Mapping[str, Any]) -> None:
    """Write the result for people."""
    result = answer.get("result") or {"text": f"under way: devops-daemon tells more at /api/actions/{answer['id']}"}
    console = out()
    console.print(harmless(result["text"]), soft_wrap=True)
    sections = result.get("sections") or ()
    details = [result["details"]] if result.get("details") else []
    for text in [*(f"=== {each['title']} ===\n{each['text']}" for each in sections), *details]:
        console.print("\n" + "\n".join(map(harmless, text.splitlines())), soft_wrap=True)
