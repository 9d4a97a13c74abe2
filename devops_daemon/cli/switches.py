"""The commands that keep the running daemon from changing anything by itself, and let it again."""

from typing import Annotated, Any

import typer

from devops_daemon.cli.daemon import answer_of
from devops_daemon.cli.options import AsJson
from devops_daemon.cli.output import out, print_json
from devops_daemon.cli.text import harmless


def pause(
    reason: Annotated[str | None, typer.Option(help="Why, for whoever finds it paused.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Let the daemon change nothing by itself until it is resumed: it watches, reports and answers all the same."""
    answer = answer_of("/api/actions/pause", {"description": reason} if reason else {})
    _tell(answer, answer["result"]["paused"], as_json=as_json)


def resume(*, as_json: AsJson = False) -> None:
    """End the pause."""
    answer = answer_of("/api/actions/resume", {})
    _tell(answer, answer["result"]["was"], as_json=as_json)


def silence(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="A service that is watched, or all.")],
    duration: Annotated[str, typer.Argument(metavar="TIME", help="For how long, as 30m or 2h; a day at most.")],
    reason: Annotated[str | None, typer.Option(help="Why, for whoever finds it silent.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """For a while let nothing be done or told about a service; it is watched all the same."""
    wanted = {"service": service, "duration": duration} | ({"description": reason} if reason else {})
    _say(answer_of("/api/actions/silence", wanted), as_json=as_json)


def unsilence(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="A service that is silenced, or all.")],
    *,
    as_json: AsJson = False,
) -> None:
    """End a silence before its time."""
    _say(answer_of("/api/actions/unsilence", {"service": service}), as_json=as_json)


def _say(answer: Any, *, as_json: bool) -> None:  # noqa: ANN401 # JSON
    print_json(answer) if as_json else out().print(harmless(answer["result"]["text"]))


def _tell(answer: Any, switch: Any, *, as_json: bool) -> None:  # noqa: ANN401 # JSON
    if as_json:
        print_json(answer)
        return
    since = f" (by {switch['by']}, since {switch['since']})" if switch else ""
    out().print(harmless(f"{answer['result']['text']}{since}"))
