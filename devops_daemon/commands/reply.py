"""The reply to a request, in the format of the specification ("Diagnostic Results Format").

All text of an answer may hold strangers': it is redacted, then made harmless, and cut last.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from devops_daemon.commands.answer import Answer, Outcome, Section
from devops_daemon.commands.catalogue import COMMANDS
from devops_daemon.commands.grammar import Ask, read
from devops_daemon.forge import Mark, Role
from devops_daemon.markdown import LONGEST_RUN, cut, details, fenced, plain, shortened, shown, span, without_colours
from devops_daemon.redaction import without_emails

LIMIT = 60_000
"""GitHub takes 65,536 characters; whether it counts them as we do is not known."""
_HEADING = "## \U0001f527 DevOps Diagnostic Results"
_SUMMARY = "\U0001f4cb Diagnostic Output"
_SIGNS: Mapping[Outcome, str] = {
    Outcome.WORKING: "\u23f3 ",
    Outcome.DONE: "",
    Outcome.REFUSED: "\U0001f645 ",
    Outcome.FAILED: "\u26a0\ufe0f ",
}
_SAYS_ALL = frozenset({Outcome.WORKING, Outcome.REFUSED})
"""Whoever waits, or may not, is not told what else could be asked."""
_MORE = "---\n**Need more info?** You can request:"
_HINTS = (
    "- `@devops check user <username>` - User-related logs\n"
    "- `@devops check database` - DB connection status\n"
    "- `@devops check logs <service>` - Service logs"
)
_LONGEST_HEADLINE = 1200
_LONGEST_TITLE = 120
_LONGEST_HINT = 120
_MOST_HINTS = 8
_LEAST_ROOM = 120
"""A section that can show no more than this is named, not shown."""
_FENCE = len(fenced("`" * LONGEST_RUN)) - LONGEST_RUN
"""What a fence adds at most."""
_LINK = re.compile(r"https?://[^\s<>]{1,500}")
_GROUPS: Mapping[Role, str] = {
    Role.TRIAGE: "Whoever may triage issues here can ask",
    Role.WRITE: "Whoever may write here can also ask",
    Role.MAINTAIN: "Maintainers can also ask",
    Role.ADMIN: "Administrators can also ask",
}


def render(  # an answer, and what decides how it may be written
    answer: Answer,
    *,
    redact: Callable[[str], str],
    mark: Mark,
    public: bool,
    link: str | None,
    limit: int = LIMIT,
) -> str:
    """Write an answer as the body of a comment with the mark as its last line.

    It is no longer than `limit` characters, of which it wants 4,000 at least. On a public repository sections show
    what they have for that, and log lines are left out; `link` is that of the daemon's pages. Pure: may run in a
    thread.
    """

    def clean(text: str) -> str:
        return without_emails(redact(without_colours(text)))

    headline = shortened(plain(clean(answer.headline)), _LONGEST_HEADLINE)
    head = f"{_HEADING}\n\n{_SIGNS[answer.outcome]}{headline}".rstrip()
    tail = [*_more(answer, clean), str(mark)]
    room = limit - len("\n\n".join([head, details(_SUMMARY, ""), *tail]))
    kept_back = _kept_back(link) if public else None
    sections = _fitted([_block(section, clean, kept_back) for section in answer.sections], room)
    return "\n\n".join([head, *([details(_SUMMARY, sections)] if sections else []), *tail])


def help_answer() -> Answer:
    """Say what can be asked, and who may."""
    width = max(len(row.usage) for row in COMMANDS.values())
    rows = sorted(COMMANDS.values(), key=lambda row: row.role)
    sections = tuple(
        Section(_GROUPS[role], "\n".join(f"{row.usage:<{width}}  {row.help}" for row in group), newest_last=False)
        for role, group in groupby(rows, key=lambda row: row.role)
    )
    said = "These are the commands, each to be written after a mention of the agent; what acts must be the whole line."
    return Answer(Outcome.DONE, said, sections)


# Sections


class _Block(NamedTuple):
    """A section as it can be shown: what stands before the fence, and what within."""

    heading: str
    text: str
    newest_last: bool
    sentence: str | None
    """It stands in the place of the fence."""

    @property
    def frame(self) -> int:
        """How many characters there are beside the text."""
        return len(self.heading) + 4 + (len(self.sentence) if self.sentence else _FENCE)

    def written(self, room: int) -> str:
        """Give it with no more than so many characters of its text."""
        text = cut(self.text, room, newest_last=self.newest_last)
        return f"{self.heading}\n\n{self.sentence or fenced(text)}"


def _block(section: Section, clean: Callable[[str], str], kept_back: str | None) -> _Block:
    heading = f"=== {shortened(plain(clean(section.title)), _LONGEST_TITLE)} ==="
    if section.lines and kept_back is not None and section.public is None:
        return _Block(heading, "", newest_last=True, sentence=kept_back)
    text = section.text if kept_back is None or section.public is None else section.public
    return _Block(heading, shown(clean(text)).strip("\n"), section.newest_last, sentence=None)


def _kept_back(link: str | None) -> str:
    more = f" What else is known is at <{link}>." if link and _LINK.fullmatch(link) else ""
    return f"Log lines are not shown on a public repository; `devops-daemon logs` shows them.{more}"


def _fitted(blocks: Sequence[_Block], room: int) -> str:
    """Write as many sections as there is room for, the small ones whole."""
    left_out = "{} more sections have no room here."
    shown_ones: list[_Block] = []
    room -= len(left_out) + 8
    for block in blocks:
        room -= block.frame + min(len(block.text), _LEAST_ROOM)
        if room < 0:
            break
        shown_ones.append(block)
    missing = len(blocks) - len(shown_ones)
    room = max(room, 0) + sum(min(len(block.text), _LEAST_ROOM) for block in shown_ones)
    shares = _shares([len(block.text) for block in shown_ones], room)
    written = [block.written(share) for block, share in zip(shown_ones, shares, strict=True)]
    return "\n\n".join([*written, *([left_out.format(missing)] if missing else [])])


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """Divide the room: each gets what it wants, or as much as the others that want more."""
    shares = [0] * len(sizes)
    for place, number in enumerate(sorted(range(len(sizes)), key=lambda number: sizes[number])):
        shares[number] = min(sizes[number], room // (len(sizes) - place))
        room -= shares[number]
    return shares


# What to ask next


def _more(answer: Answer, clean: Callable[[str], str]) -> list[str]:
    """Say what can be asked next, once the answer is there."""
    if answer.hints:
        return ["\n".join([_MORE, *(_hint(clean(hint)) for hint in answer.hints[:_MOST_HINTS])])]
    return [] if answer.outcome in _SAYS_ALL else [f"{_MORE}\n{_HINTS}"]


def _hint(typed: str) -> str:
    """Write a command in a code span, where it mentions nobody, and what it gives."""
    command = shortened(shown(typed), _LONGEST_HINT)
    asked = next((one for one in read(f"@devops {typed}") if isinstance(one, Ask)), None)
    return f"- {span(command, before='@devops ')}" + (f" - {COMMANDS[asked.name].help}" if asked else "")
