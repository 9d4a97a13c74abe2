"""The audit's issue: what is new first, each gap with its cure; what strangers wrote is text, and cut last. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devops_daemon.auditing import LABEL, Audit, Remark, Weight
from devops_daemon.forge import Mark
from devops_daemon.markdown import cut, details, fenced, plain, shortened, shown
from devops_daemon.redaction import without_emails

LABELS = (LABEL,)
LONGEST_LINE, LONGEST_BODY, LONGEST_LINES = 400, 58_000, 1_500
SIGNS = {Weight.CRITICAL: "\u274c", Weight.GAP: "\u26a0\ufe0f", Weight.OK: "\u2705", Weight.UNSEEN: "\u2754"}


@dataclass(frozen=True, slots=True)
class Manner:
    """What may be shown."""

    redact: Callable[[str], str]
    """Masks what we know to be secret."""
    public: bool = False
    """Strangers read it: no line of a log is shown."""
    link: str | None = None
    """Where people reach the daemon."""


def title(audit: Audit, before: Audit | None = None) -> str:
    """Name the issue (`facts/factory`)."""
    return f"\U0001f4ca Weekly Monitoring Audit - {_day(audit, before)}"


def mark_of(audit: Audit, before: Audit | None = None) -> Mark:
    """Name it for ourselves."""
    return Mark("audit", _day(audit, before))


def _day(audit: Audit, before: Audit | None) -> str:
    """Give its day, and its time where it is not the first of that day."""
    again = before is not None and before.slot.date() == audit.slot.date()
    return f"{audit.slot:%Y-%m-%dT%H:%M}" if again else f"{audit.slot:%Y-%m-%d}"


def status(remarks: Sequence[Remark]) -> str:
    """Sum it up in a word."""
    weights = {each.weight for each in remarks}
    if Weight.CRITICAL in weights:
        return "\u274c Critical Issues"
    return "\u26a0\ufe0f Needs Attention" if Weight.GAP in weights else "\u2705 Complete"


def body(audit: Audit, before: Audit | None, manner: Manner) -> str:
    """Write it: in one look whether somebody must do something, then what, then all the rest."""
    ill = [each for each in audit.remarks if each.is_ill]
    known = {each.key for each in before.remarks if each.is_ill} if before else set()
    new = [each for each in ill if each.key not in known] if before else []
    gone = sorted(_without_inside(known - {each.key for each in ill}, before, manner))
    well = [each for each in audit.remarks if each.weight is Weight.OK]
    unseen = [each for each in audit.remarks if each.weight is Weight.UNSEEN]
    blocks = [
        f"## \U0001f4ca Weekly Monitoring Audit\n\n**Status:** {status(audit.remarks)}  ",
        f"**Taken:** {audit.taken_at:%Y-%m-%d %H:%M} UTC  \n{_counts(ill, well, unseen)}",
        _before(before),
        _section("New since then", new, manner) if new else "",
        _section("Gaps, each with its cure" if not new else "Known already", _without(ill, new), manner),
        _list("Mended since then", gone),
        details(f"What is well ({len(well)})", _lines(well, manner)) if well else "",
        details(f"What could not be looked at ({len(unseen)})", _lines(unseen, manner)) if unseen else "",
        f"More is at {manner.link}/audit." if manner.link else "",
    ]
    return f"{cut(_joined(blocks), LONGEST_BODY, newest_last=False)}\n\n{mark_of(audit, before)}"


def _joined(blocks: Sequence[str]) -> str:
    return "\n\n".join(block for block in blocks if block)


def _counts(ill: Sequence[Remark], well: Sequence[Remark], unseen: Sequence[Remark]) -> str:
    critical = sum(each.weight is Weight.CRITICAL for each in ill)
    return (
        f"**Found:** {critical} critical, {len(ill) - critical} gaps, {len(well)} well,"
        f" {len(unseen)} that could not be looked at"
    )


def _before(before: Audit | None) -> str:
    if before is None:
        return "This is the first."
    return f"The one before: #{before.issue}." if before.issue else f"The one before was of {before.slot:%Y-%m-%d}."


def _without(ill: Sequence[Remark], new: Sequence[Remark]) -> list[Remark]:
    fresh = {each.key for each in new}
    return [each for each in ill if each.key not in fresh]


def _section(heading: str, remarks: Sequence[Remark], manner: Manner) -> str:
    if not remarks:
        return ""
    told = [each for each in remarks if not (each.inside and manner.public)]
    kept = len(remarks) - len(told)
    rest = [f"- {kept} more name variables, which are not told in public: devops-daemon audit"] if kept else []
    return "\n".join([f"### {heading}", "", *(_item(each, manner) for each in told), *rest])


def _item(remark: Remark, manner: Manner) -> str:
    cure = f"\n  - Cure: {_text(remark.cure, manner)}" if remark.cure else ""
    name, text = _text(remark.rule, manner), _text(remark.text, manner)
    item = f"- {SIGNS[remark.weight]} **{name}**, {_about(remark, manner)}: {text}{cure}"
    if not remark.lines or manner.public:
        return item
    inside = fenced(cut(shown(without_emails(manner.redact("\n".join(remark.lines)))), LONGEST_LINES))
    return f"{item}\n\n{_indented(inside)}\n"


def _about(remark: Remark, manner: Manner) -> str:
    """Name what it is about; of what is told by lines of a log, only whose it is where no line may be shown."""
    about = remark.about.partition(":")[0] if remark.lines and manner.public else remark.about
    return _text(about, manner)


def _lines(remarks: Sequence[Remark], manner: Manner) -> str:
    return "\n".join(
        f"- {SIGNS[each.weight]} {_text(each.rule, manner)}, {_about(each, manner)}: {_text(each.text, manner)}"
        for each in remarks
        if not (each.inside and manner.public)
    )


def _without_inside(keys: set[str], before: Audit | None, manner: Manner) -> set[str]:
    """Leave out what is not told in public."""
    inside = {each.key for each in before.remarks if each.inside} if before and manner.public else set()
    return keys - inside


def _list(heading: str, keys: Sequence[str]) -> str:
    return "\n".join([f"### {heading}", "", *(f"- {plain(key)}" for key in keys)]) if keys else ""


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


def _text(text: str, manner: Manner) -> str:
    return shortened(plain(without_emails(manner.redact(text))), LONGEST_LINE)
