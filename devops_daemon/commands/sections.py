"""What was found in logs, as sections of an answer."""

from collections.abc import Mapping

from devops_daemon.commands.answer import Section
from devops_daemon.evidence.search import MOST_COUNTED, Found, common_only, counted, line_of

SHOWN_LINES = 60


def as_sections(
    title: str, found: Found, names: Mapping[str, str] | None = None, last: int | None = None
) -> tuple[Section, ...]:
    """Show what was found: what is said how often, then the last lines; `names` are the services' by id."""
    sections = []
    if len(found.lines) > 1:
        how = "counted" if found.fitting <= MOST_COUNTED else f"the last {MOST_COUNTED} counted"
        text = "\n".join(counted(found.clusters))
        sections.append(Section(f"{title}, {how}", text, newest_last=False, public=common_only(found.clusters)))
    shown = found.lines[-(last or SHOWN_LINES) :]
    text = "\n".join(line_of(each, names or {}) for each in shown)
    sections.append(Section(title, text or "no lines", lines=bool(shown)))
    return tuple(sections)
