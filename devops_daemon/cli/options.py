"""The options that several commands have."""

from datetime import timedelta
from typing import Annotated

import typer

from devops_daemon.settings import parse_duration


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from None


AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, for scripts.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Only start it; do not watch it to its end.")]
Named = Annotated[str, typer.Argument(metavar="SERVICE", help="Its name or id at Railway.")]
MaybeNamed = Annotated[
    str | None, typer.Argument(metavar="[SERVICE]", help="Its name or id at Railway; all without one.")
]
_SINCE = typer.Option(parser=_duration, metavar="DURATION", help="How far back: 90s, 5m, 1h30m, 2d.")
Since = Annotated[timedelta, _SINCE]
MaybeSince = Annotated[timedelta | None, _SINCE]
