"""Strangers' text in Markdown: what of it is prose, and how it is shown as nothing but text.

Sources: CommonMark 0.31, GitHub Flavored Markdown 0.29; GitHub's Actions test raw bodies (`contains(body, '@code')`),
so a fence does not keep a mention from calling an agent, only a letter between does. What a body may cost is bounded:
its lines and marks up to a budget are read, what follows is not prose.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

GAP = "\ufffc"
"""Stands in a line of prose where something that is no prose was."""
BREAK = "\u200b"
"""Stands after a letter that would be live without it; it has no width."""
_DEEPEST = 14
"""Levels of the parser: four lists within each other and what they hold."""
_MOST_LINES = 3000
_MOST_MARKS = 4000
LONGEST_RUN = 64
"""More backticks in a row `shown` does not leave: no fence around it need be longer than one more."""
_MARKER = r"(?:>|(?:[*+-]|[0-9]{1,9}[.)])(?=[ \t]|$))"
_MARGIN = re.compile(rf"(?:[ \t]*{_MARKER})*")
_MARKS = re.compile(r"[\[\]*_`<~!&\\]")
_BARE_LINK = re.compile(
    r"(?<![A-Za-z0-9])(?:[a-z][a-z0-9+.-]{1,30}://|mailto:|www\.)[^\s<\ufffc]+"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
    re.IGNORECASE | re.ASCII,
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TAG = re.compile(r"<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9-]{0,30})(?P<alone>>?)")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_ELEMENTS = _VOID | frozenset(
    """
    a abbr acronym address applet article aside audio b bdi bdo big blockquote body button canvas caption center cite
    code colgroup data datalist dd del details dfn dialog dir div dl dt em fieldset figcaption figure font footer form
    frame frameset g-emoji h1 h2 h3 h4 h5 h6 head header hgroup html i iframe ins kbd label legend li main map mark
    marquee math menu meter nav nobr noembed noframes noscript object ol optgroup option output p picture plaintext pre
    progress q rp rt ruby s samp script search section select slot small span strike strong style sub summary sup svg
    table tbody td template textarea tfoot th thead time title tr tt u ul var video xmp
    """.split()  # noqa: SIM905 # as a list it would take a screen
)

_COLOURS = re.compile(r"\x1b\[[0-9;:]{0,40}m")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode categories: controls, formats, surrogates, private letters, separators."""
_ODD = re.compile(r"[^\n\t -~]+")
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\ufffe\uffff"
    "\U000e0000-\U000e0fff]"
)
"""Letters without a shape that the categories do not tell: Unicode's `Default_Ignorable_Code_Point`, blank Braille."""
_CALLING = re.compile(
    r"""@(?!\u200b) | \#(?=[0-9\[]|\#\[) | <(?=!--) | (?<=-)-(?=!?>)
      | (?m:^)[^\S\n]*:(?=:)                       # "::error::" is obeyed by the runner that prints it
      | `{64}(?=`)                                 # no fence need be longer than this
    """,
    re.VERBOSE,
)
_KEPT_BREAK = re.compile(
    r"""(?: (?<=@) | (?<=\#)(?=\u200b[0-9\[\#]) | (?<=<)(?=\u200b!--) | (?<=--)(?=\u200b!?>) | (?<=:)(?=\u200b:)
      | (?<=`{64})(?=\u200b`) ) \u200b""",
    re.VERBOSE,
)
"""A break that we put there: to show what has been shown changes nothing."""
_NOTHING = re.compile(r"(?!)")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
"""Escapes of HTML, not of Markdown: they hold where a tag's text is no Markdown, as in a summary."""
_LIVE = re.compile(
    r"""(?P<call> [@\#] | (?<=[A-Za-z0-9+.-]):(?=//) | (?<![A-Za-z0-9])(?:[Ww]{3}(?=\.)|[Gg][Hh]-(?=[0-9])) )
      | [\\`*\[\]|~$&<>] | (?<![^\W_])_ | _(?![^\W_])""",
    re.VERBOSE,
)
_LEADING = re.compile(r"^[+=-]|^(?P<number>[0-9]{1,9})(?=[.)])")
_UNIT = re.compile(r"(?:\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)|&[a-z]{2,4};|.)[\u200b\ufe0f]?", re.DOTALL)


# Reading


def prose(body: str, *, names: bool = False) -> list[str]:
    """Give the lines of prose of a Markdown text; an empty one stands between two blocks.

    No prose is what stands in code, quotes, links, images, HTML (comments, and what elements hold) or is struck out: a
    `GAP` stands in its place. The cells of a table's row are one line with gaps around them. With `names`, a code span
    that is one plain name stays, between two gaps.
    """
    env: dict[str, Any] = {}
    pieces = _Pieces(env, names=names)
    for token in _parser().parse(_within_budget(body), env):
        pieces.block(token)
    lines = (_BARE_LINK.sub(GAP, line).strip() for line in pieces.text().split("\n"))
    return list(lines)


@cache
def _parser() -> "MarkdownIt":
    # markdown-it costs 45 ms and 1.3 MB; only who is written to needs it.
    from markdown_it import MarkdownIt  # noqa: PLC0415 # the same

    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])
    parser.core.ruler.enableOnly(["normalize", "block"])
    # What is shaped like a link is one wherever it leads; and to write an address anew is slow.
    parser.validateLink = lambda url: True  # type: ignore[method-assign] # noqa: ARG005 # how the library is told
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign] # the same
    parser.parse("")  # the first fills its caches, and replies are written in threads
    return parser


def _within_budget(body: str) -> str:
    """Give the lines that can be parsed in the time there is: margins and cells are what takes it."""
    left = _MOST_LINES
    lines = re.sub(r"\r\n?", "\n", body).split("\n")
    for number, line in enumerate(lines):
        margin = _MARGIN.match(line)
        markers = len(re.findall(_MARKER, margin[0])) if margin else 0
        left -= 1 + min(_DEEPEST, markers) + line.count("|") // 2
        if left < 0:
            return "\n".join(lines[:number])
    return "\n".join(lines)


class _Element(NamedTuple):
    """An HTML element that was opened: at which piece, and whether it stood alone, not within a paragraph."""

    start: int
    block: bool


class _Pieces:
    """Prose as it is gathered: pieces of text, and from where to where they are hidden."""

    def __init__(self, env: dict[str, Any], *, names: bool) -> None:
        self._env = env
        self._names = names
        self._pieces: list[str] = []
        self._hidden: dict[int, int] = defaultdict(int)
        self._quotes = 0
        self._links = 0
        self._in_row = False
        self._elements: dict[str, list[_Element]] = defaultdict(list)
        self._in_paragraph: set[int] = set()
        self._marks_left = _MOST_MARKS

    def block(self, token: "Token") -> None:
        """Take a block of the text."""
        kind = token.type
        if kind.startswith("blockquote_"):
            self._quotes += token.nesting
        elif self._quotes:
            return
        elif kind in {"tr_open", "tr_close"}:
            self._in_row = token.nesting > 0
            self._pieces.append(GAP if self._in_row else "\n")
        elif kind == "html_block":
            self._html(_COMMENT.sub("", token.content), block=True)
            self._pieces += [GAP, "\n\n"]
        elif kind in {"fence", "code_block"}:
            self._pieces += [GAP, "\n\n"]
        elif kind == "inline":
            self._paragraph(token.content)
            self._pieces.append(GAP if self._in_row else "\n\n")

    def text(self) -> str:
        """Give all that was taken; a run of what is hidden is one gap."""
        for element in (element for elements in self._elements.values() for element in elements):
            if element.block:
                self._hide(element.start)
        depth, parts = 0, []
        for number, piece in enumerate(self._pieces):
            depth += self._hidden.get(number, 0)
            parts.append(GAP if depth and not piece.isspace() else piece)
        return re.sub(rf"{GAP}{{2,}}", GAP, "".join(parts)).strip("\n")

    def _hide(self, start: int) -> None:
        """Hide what was taken since."""
        self._hidden[start] += 1
        self._hidden[len(self._pieces)] -= 1

    def _paragraph(self, content: str) -> None:
        marks = len(_MARKS.findall(content))
        if marks > self._marks_left:
            self._pieces.append(GAP)
        elif not marks:
            self._pieces.append(content)
        else:
            self._marks_left -= marks
            self._in_paragraph = set()
            for token in _inline(content, self._env):
                self._inline(token)
            # Whatever was opened here and is never closed ends here: it was rather a word in brackets.
            for start in self._in_paragraph:
                self._hide(start)

    def _inline(self, token: "Token") -> None:
        if token.type in {"link_open", "link_close", "s_open", "s_close"}:
            self._links += token.nesting
            self._pieces.append(GAP)
        elif token.type in {"softbreak", "hardbreak"}:
            self._pieces.append("\n")
        elif self._links:
            return
        elif token.type == "text":
            self._pieces.append(token.content)
        elif token.type == "text_special":
            # Who writes \\@ means no mention.
            self._pieces.append("@" + GAP if token.content == "@" else token.content)
        elif token.type == "html_inline":
            self._tag(token.content)
        elif token.type == "code_inline" and self._names and _NAME.fullmatch(token.content):
            self._pieces += [GAP, token.content, GAP]
        elif token.type in {"code_inline", "image"}:
            self._pieces.append(GAP)

    def _tag(self, tag: str) -> None:
        """Take a tag within a paragraph; `<maria>` is none, but a name in brackets."""
        found = _TAG.fullmatch(tag)
        if found and found["alone"] and not found["close"] and found["name"].lower() not in _ELEMENTS:
            self._pieces.append(tag)
        else:
            self._html(_COMMENT.sub("", tag), block=False)
            self._pieces.append(GAP)

    def _html(self, html: str, *, block: bool) -> None:
        """Remember which elements were opened; what stands between a tag and its end is hidden."""
        for tag in _TAG.finditer(html):
            name = tag["name"].lower()
            if tag["close"] and self._elements[name]:
                start = self._elements[name].pop().start
                self._in_paragraph.discard(start)
                self._hide(start)
            elif not tag["close"] and name not in _VOID:
                start = len(self._pieces)
                self._elements[name].append(_Element(start, block))
                self._in_paragraph.add(start)


def _inline(content: str, env: dict[str, Any]) -> list["Token"]:
    tokens: list[Token] = []
    parser = _parser()
    parser.inline.parse(content, parser, env, tokens)
    return tokens


# Writing


def without_colours(text: str) -> str:
    """Leave out what programs colour their log with: within a secret it would hide it."""
    return _COLOURS.sub("", text)


def shown(text: str) -> str:
    """Make text harmless inside a fence, where no Markdown is read, but bodies are searched for mentions and marks."""
    return _CALLING.sub(_broken, _visible(without_colours(text).replace("\r\n", "\n"), _KEPT_BREAK))


def plain(text: str) -> str:
    """Make text harmless outside of a fence: one line that is read as nothing but its letters."""
    flat = " ".join(_visible(without_colours(text), _NOTHING).split())
    return _LEADING.sub(_led, _LIVE.sub(_escaped, flat))


def span(text: str, before: str = "") -> str:
    """Give a code span of one line; what stands `before` the text is our own and stays as it is."""
    # No issue is linked from a code span: what people copy needs no break there.
    flat = before + " ".join(shown(text).replace(f"#{BREAK}", "#").split())
    ticks = "`" * (1 + _longest_run(flat))
    pad = " " if flat[:1] in {"", "`"} or flat[-1:] == "`" else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}"


def fenced(text: str, info: str = "") -> str:
    """Give a fence that the text, made harmless by `shown`, cannot end; of no text one that says so."""
    ticks = "`" * max(3, 1 + _longest_run(text))
    inside = text.strip("\n") or "(nothing)"
    return f"{ticks}{re.sub(r'[^A-Za-z0-9-]', '', info)}\n{inside}\n{ticks}"


def details(summary: str, body: str) -> str:
    """Fold a body away; the blank lines let Markdown be read within. The summary is HTML, as `plain` gives it."""
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def cut(text: str, most: int, *, newest_last: bool = True) -> str:
    """Cut at line ends what is longer than so many characters, and say how many lines are missing.

    With `newest_last` the beginning goes, else the end. A single line too long is cut as well, never within an escape.
    """
    if len(text) <= most:
        return text
    lines = text.split("\n")
    room = most - len(_left_out(len(lines))) - 1
    if room <= 0:
        return ""
    kept = _kept(reversed(lines) if newest_last else lines, room)
    if not kept:
        return _cut_line(lines, most, newest_last=newest_last)
    note = _left_out(len(lines) - len(kept))
    return "\n".join([note, *reversed(kept)] if newest_last else [*kept, note])


def _left_out(lines: int) -> str:
    return f"\u2026 {lines} more {'line' if lines == 1 else 'lines'}, left out"


def _kept(lines: Iterable[str], room: int) -> list[str]:
    """Give the first lines that fit, each with its line end."""
    kept = []
    for line in lines:
        room -= len(line) + 1
        if room < -1:
            break
        kept.append(line)
    return kept


def _cut_line(lines: Sequence[str], most: int, *, newest_last: bool) -> str:
    """Give as much of the newest line as fits."""
    line = lines[-1] if newest_last else lines[0]
    others = f"; {_left_out(len(lines) - 1)}" if lines[1:] else ""
    note = f"\u2026 of {len(line)} characters in a line{others}"
    room = most - len(note) - 1
    if room <= 0:
        return ""
    units = _UNIT.findall(line)
    if newest_last:
        return f"{note}\n{''.join(reversed(_as_many(reversed(units), room)))}"
    return f"{''.join(_as_many(units, room))}\n{note}"


def shortened(text: str, most: int) -> str:
    """Cut one line of what `plain` or `shown` gave, never within an escape."""
    if len(text) <= most:
        return text
    return "".join(_as_many(_UNIT.findall(text), most - 1)) + "\u2026"


def _as_many(units: Iterable[str], room: int) -> list[str]:
    """Give the first units that fit."""
    taken: list[str] = []
    for unit in units:
        room -= len(unit)
        if room < 0:
            break
        taken.append(unit)
    return taken


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _broken(found: re.Match[str]) -> str:
    return found[0] + BREAK


def _led(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found["number"] else f"\\{found[0]}"


def _escaped(found: re.Match[str]) -> str:
    live = found[0]
    return _ENTITIES.get(live) or (live + BREAK if found.lastgroup == "call" else "\\" + live)


def _visible(text: str, kept: re.Pattern[str]) -> str:
    """Write as escapes what cannot be seen or turns text around; spaces, tabs and line ends stay."""
    if text.isascii() and text.isprintable():
        return text
    return _ODD.sub(lambda run: _odd(run, kept), text)


def _odd(run: re.Match[str], kept: re.Pattern[str]) -> str:
    letters = run[0]
    if letters.isprintable() and not _BLANK.search(letters):
        return letters
    return "".join(
        letter if kept.match(run.string, at) else _letter(letter, run.string[at - 1 : at])
        for at, letter in enumerate(letters, run.start())
    )


def _letter(letter: str, before: str) -> str:
    emoji = letter == "\ufe0f" and before != "" and (before in "#*0123456789" or unicodedata.category(before) == "So")
    return letter if emoji else _written(letter)


@lru_cache(maxsize=2048)
def _written(letter: str) -> str:
    hidden = unicodedata.category(letter) in _UNSEEN or _BLANK.match(letter)
    return letter.encode("unicode_escape").decode() if hidden else letter
