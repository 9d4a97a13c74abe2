"""How a request ended, as its row keeps it: decided once, told as often as it takes. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from devops_daemon.asking import Request, RequestState
from devops_daemon.commands.answer import Answer, Outcome, Section
from devops_daemon.commands.repertoire import ROLLOUTS
from devops_daemon.ports import ALL


def decided(request: Request, answer: Answer, counted: int | None = None) -> Request:
    """Give a request with how it ended."""
    public = [replace(each, text=each.public or "") if each.public is not None else each for each in answer.sections]
    return replace(
        request,
        state=RequestState.DECIDED,
        outcome=answer.outcome.value,
        headline=answer.headline,
        details=_joined(answer.sections),
        details_in_public=_joined([section for section in public if not section.lines]),
        counted=counted,
    )


def told(request: Request) -> Answer:
    """Give how a request ended, as it is told."""
    details, public = request.details, request.details_in_public or ""
    sections = (Section("Details", details, newest_last=False, public=public),) if details else ()
    hints: tuple[str, ...] = (
        (f"check logs {request.target}", "health")
        if request.act in ROLLOUTS and request.target not in {None, ALL}
        else ()
    )
    if request.counted:
        hints = ("clear orphans confirm",)
    return Answer(Outcome(request.outcome or Outcome.FAILED), request.headline or "", sections, hints)


def _joined(sections: Sequence[Section]) -> str | None:
    return "\n\n".join(f"{section.title}\n{section.text}" for section in sections) or None
