"""What people and programs read of a command: tables, JSON, and how it ends.

Exit codes: 0; 1 the answer is no; 2 used wrongly; 3 a service could not be reached.
"""

import json
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from devops_daemon.cli.text import harmless, in_json, one_line
from devops_daemon.redaction import Redactor

NO, WRONG, UNREACHABLE = 1, 2, 3
UNBOUNDED = 400
"""Columns of what is no terminal, unless COLUMNS says otherwise."""
COLOURS = {
    **dict.fromkeys(("up", "ok", "resolved", "well", "removed", "aborted", "added"), "green"),
    **dict.fromkeys(("degraded", "mitigating", "starting", "unproven", "warn", "warning"), "yellow"),
    **dict.fromkeys(("down", "failed", "open", "escalated", "error"), "red"),
}

Row = Mapping[str, Any]


def out() -> Console:
    """Give the console that tables are printed on; nothing in a text is markup to it, and a file has no margin."""
    width = None if sys.stdout.isatty() else shutil.get_terminal_size((UNBOUNDED, 0)).columns
    return Console(highlight=False, markup=False, emoji=False, width=width)


def err() -> Console:
    """Give the console of what is said beside the answer."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def print_rows(rows: Sequence[Row], *, as_json: bool, redactor: Redactor | None = None) -> None:
    """Print rows of the same columns, as a table or as JSON, without the secrets that the redactor knows."""
    if as_json:
        print_json(rows, redactor)
    elif rows:
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows], redactor)
    else:
        out().print("None.")


def print_json(value: object, redactor: Redactor | None = None) -> None:
    """Print a document, without the secrets that the redactor knows."""
    plain = json.loads(json.dumps(value, ensure_ascii=False, default=_in_json))
    masked = plain if redactor is None else redactor.value(plain)
    text = in_json(json.dumps(masked, ensure_ascii=False, indent=2))
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], redactor: Redactor | None = None) -> None:
    """Print a table; what strangers wrote is one harmless line in each cell."""
    table = Table(*(name.replace("_", " ") for name in columns), box=None, pad_edge=False, header_style="dim")
    for row in rows:
        table.add_row(*(_cell(value, redactor) for value in row))
    out().print(table)


def painted(text: str) -> Text:
    """Colour a word that has a colour."""
    return Text(text, COLOURS.get(text, ""))


def stamp(at: datetime) -> str:
    """Write a time for people."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def say(text: str) -> None:
    """Say something beside the answer: one line, or several of ours."""
    sys.stderr.write("".join(f"{harmless(line)}\n" for line in text.split("\n")))


def leave(code: int) -> NoReturn:
    """Leave without a word: the answer has told."""
    raise typer.Exit(code)


def fail(code: int, text: str) -> NoReturn:
    """Leave with a complaint."""
    say(text)
    raise typer.Exit(code)


def exit_by(statuses: Collection[str]) -> None:
    """Leave with the code that statuses have: down, unknown, or none of these."""
    if "down" in statuses:
        raise typer.Exit(NO)
    if "unknown" in statuses:
        raise typer.Exit(UNREACHABLE)


def _cell(value: object, redactor: Redactor | None) -> Text:
    if isinstance(value, datetime):
        return Text(stamp(value))
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    text = ", ".join(map(str, value)) if isinstance(value, list) else "—" if value is None else str(value)
    return painted(one_line(text, redactor) if redactor else harmless(text))


def _in_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no place in JSON")
