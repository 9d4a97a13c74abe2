"""What is shown of lines and steps: redacted first, the first error first, counted, the last lines. Pure."""

from collections.abc import Callable, Sequence

from devops_daemon.evidence.search import Found, common_only, counted, line_of, readable, search
from devops_daemon.hosting import LogLine, Step
from devops_daemon.redaction import Redactor

SHOWN_LINES = 30
"""The specification's "last 30 lines"."""
LONGEST_SUMMARY = 200
BAD = frozenset({"error", "fatal", "critical", "panic"})


def of_lines(lines: Sequence[LogLine] | None, redactor: Redactor | None) -> tuple[str, str, str]:
    """Give text, what of it may be public, and the first error; nothing is shown whose secrets are not known."""
    if lines is None:
        return "the log could not be read", "", ""
    if redactor is None:
        return f"{len(lines)} lines are kept back: the service's variables could not be read, to mask them", "", ""
    found = search(lines, None, redactor.text)
    first = _first_bad(found)
    parts = [
        f"first error: {line_of(first, {})}" if first else "",
        "\n".join(counted(found.clusters)) if len(found.lines) > 1 else "",
        "\n".join(line_of(line, {}) for line in found.lines[-SHOWN_LINES:]) or "no lines",
    ]
    summary = " ".join(first.message.split())[:LONGEST_SUMMARY] if first else ""
    return "\n\n".join(filter(None, parts)), common_only(found.clusters), summary


def _first_bad(found: Found) -> LogLine | None:
    return next((line for line in found.lines if line.level.lower() in BAD), None)


def of_steps(steps: Sequence[Step], redactor: Redactor | None) -> tuple[str, str] | None:
    """Show which step of a deployment failed, and why."""
    failed = [step for step in steps if step.error]
    if not failed:
        return None
    told: Callable[[str], str] = redactor.text if redactor else lambda _: "(kept back)"
    text = "\n".join(f"{step.started_at:%H:%M:%S} {step.name}: {readable(step.error or '', told)}" for step in failed)
    return text, "\n".join(f"{step.name} failed" for step in failed)
