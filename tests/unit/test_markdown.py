"""Markdown: a stranger's text is read as prose only where it is prose, and is shown as nothing but text."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from effort import cpu_within
from hostile import HOSTILE, Hostile
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from devops_daemon.forge import Mark
from devops_daemon.markdown import GAP, LONGEST_RUN, cut, details, fenced, plain, prose, shortened, shown, span

PIECES = (
    *("`", "```", "~~~", "*", "**", "_", "[", "](", ")", "![", "<", ">", "<!--", "-->", "--!>", "<b>", "</details>"),
    *(
        "@",
        "#",
        "1",
        "@code",
        "@devops",
        "fixes #1",
        "GH-1",
        "http://",
        "https://e.example",
        "www.",
        "a@b.example",
        ":",
    ),
    *(
        "\n",
        "\r\n",
        "\r",
        " ",
        "    ",
        "\t",
        "\\",
        "\\u202e",
        "&",
        "&lt;",
        "|",
        "-",
        "=",
        "---",
        "===",
        "1. ",
        "$",
        "~",
    ),
    *(
        "a",
        "b c",
        "\u200b",
        "\u202e",
        "\x00",
        "\x1b[31m",
        "\ud800",
        "\ufe0f",
        "\u26a0",
        "\u2028",
        "\u4e2d",
        "::",
        "##[",
    ),
)
pieced = st.lists(st.sampled_from(PIECES) | st.text(st.characters(), max_size=4), max_size=30).map("".join)
hostile = pytest.mark.parametrize("text", [pytest.param(each.text, id=each.name) for each in HOSTILE])
LIVE_MENTION = re.compile(r"@\w")
LIVE_ISSUE = re.compile(r"#[0-9]|(?i:\bgh-[0-9])")


def parsed(text: str) -> list[Token]:
    """Parse as GitHub does, as far as the library knows."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return parser.parse(text)


def within(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from within(token.children or [])


# Prose


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("", [""]),
        ("one\ntwo\n\nthree", ["one", "two", "", "three"]),
        ("one\r\ntwo\rthree", ["one", "two", "three"]),
        ("# title\n- first\n- second\n  more", ["title", "", "first", "", "second", "more"]),
        ("*a* **b** __c__ d_e", ["a b c d_e"]),
        ("a `code` b", [f"a {GAP} b"]),
        ("a `` co`de `` b", [f"a {GAP} b"]),
        ("```\ncode\n```\nafter", [GAP, "", "after"]),
        ("~~~ sh\ncode", [GAP]),
        ("    code\n\nafter", [GAP, "", "after"]),
        ("> quoted\nlazily\n\nafter", ["after"]),
        ("- > quoted\n\nafter", ["after"]),
        ("a [text](where) b", [f"a {GAP} b"]),
        ("a [text][1] b\n\n[1]: http://where", [f"a {GAP} b"]),
        ("a ![alt](where) b", [f"a {GAP} b"]),
        ("a <http://where> <me@mail.example> b", [f"a {GAP} {GAP} b"]),
        ("a http://where/@devops b", [f"a {GAP} b"]),
        ("a www.where.example/@devops me@mail.example b", [f"a {GAP} {GAP} b"]),
        ("[a](javascript:alert)", [GAP]),
        ("a ~~gone~~ b", [f"a {GAP} b"]),
        ("a <!-- hidden --> b", [f"a {GAP} b"]),
        ("<!-- hidden\n\nstill -->\n\nafter", [GAP, "", "after"]),
        ("<!-- never closed\n\nafter", [GAP]),
        ("a <b>bold</b> b", [f"a {GAP} b"]),
        ("a <b>bold", [f"a {GAP}"]),
        ("a <b>bold\n\nafter", [f"a {GAP}", GAP, "", "after"]),
        ("a<br>b", [f"a{GAP}b"]),
        ("a </b> b", [f"a {GAP} b"]),
        ("<details>\n\nwithin\n\n</details>\n\nafter", [GAP, "", GAP, "", GAP, "", "after"]),
        ("<details>\n\nnever closed", [GAP, "", GAP]),
        ("<code>a\n\nb</code>\n\nafter", [GAP, "", GAP, "", "after"]),
        ("<pre>\na\n\nb\n</pre>\nafter", [GAP, "", "after"]),
        ("say <maria> <String>", ["say <maria> <String>"]),
        ("| a | b |\n|---|---|\n| c | d |", [f"{GAP}a{GAP}b{GAP}", f"{GAP}c{GAP}d{GAP}"]),
        ("\\*a\\* &amp; \\@devops &#64;devops", [f"*a* & @{GAP}devops @{GAP}devops"]),
        ("a\\\nb  \nc", ["a", "b", "c"]),
    ],
)
def test_prose_is_what_is_neither_code_nor_quote_nor_link_nor_html(body: str, lines: list[str]) -> None:
    assert _close(prose(body)) == _close(lines)


def _close(lines: list[str]) -> list[str]:
    """Leave out lines that hold nothing."""
    return [line for line in lines if line.strip(GAP)] or [""]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("look at `backend` now", f"look at {GAP}backend{GAP} now"),
        ("look at `two words` now", f"look at {GAP} now"),
        ("look at `@devops` now", f"look at {GAP} now"),
    ],
)
def test_a_name_in_code_stays_where_it_is_wanted(body: str, line: str) -> None:
    assert prose(body, names=True) == [line]


WRAPPED = (
    "`{}`",
    "```\n{}\n```",
    "    {}",
    "> {}",
    "[{}](x)",
    "[x](<{}>)",
    "![{}](x)",
    "<!-- {} -->",
    "<b>{}</b>",
    "~~{}~~",
)


@pytest.mark.parametrize("wrap", [*WRAPPED, "<div>\n{}\n</div>", "<details>\n\n{}\n\n</details>", "- > {}", "~~~\n{}"])
@given(
    word=st.text("abcXYZ", min_size=1, max_size=9),
    before=st.sampled_from(("", "before\n\n", "- one\n- two\n\n# h\n\n")),
)
def test_what_is_within_is_no_prose(wrap: str, word: str, before: str) -> None:
    lines = prose(before + wrap.format(f"Q{word}Q"))
    assert not any(f"Q{word}Q" in line for line in lines)


@given(pieced)
def test_whatever_is_written_lines_are_read_from_it(body: str) -> None:
    lines = prose(body)
    assert all("\n" not in line for line in lines)
    assert all(line == line.strip() for line in lines)


@hostile
def test_hostile_text_is_read_in_no_time(text: str) -> None:
    body = text[:65_536]
    cpu_within(3, prose, body)  # what is quadratic takes minutes


@pytest.mark.parametrize(
    "unit",
    [
        *("[", "![", "]", "(", "[a](", "[a][", "[[a]]", "[a](<", '[a](b "', "[^1]: a\n", "[a]: b\n", "[a]: <b>\n\n"),
        *(
            "*",
            "**a",
            "*a_",
            "*a **b ",
            "_",
            "~~a",
            "`",
            "`a",
            "` ",
            "`a` ",
            "<",
            "<a ",
            "<b>",
            "</b>",
            "<!--",
            "<!-- -->",
        ),
        *("<?", "<![CDATA[", "<a href='", "<http://a>", "&", "&amp;", "\\", "\\@", "> ", ">", "- ", "- a\n", "1. a\n"),
        *("- - - - a\n", "> - > - a\n", "a|b\n-|-\n", "|a|\n|-|\n", "# a\n", "a\n=\n", "===\n", "a\n", "\n", "a  \n"),
        *(
            "@devops ",
            "@devops\n",
            "a@a.a ",
            "www.a ",
            "x://a ",
            "\ufffc",
            "\x00",
            "\u2028",
            "\t- a\n",
            "$$",
            "a`b`c\n",
        ),
    ],
)
def test_no_text_takes_long_to_read(unit: str) -> None:
    body = (unit * (65_536 // len(unit) + 1))[:65_536]
    cpu_within(3, prose, body)  # 0.2 s where nothing else runs


def test_what_costs_too_much_is_no_prose() -> None:
    assert prose("- a\n" * 5000 + "\nlast")[-1] != "last"
    assert prose("`a` " * 3000 + "\n\nlast") == [GAP, "", "last"]


def test_a_long_log_in_a_fence_costs_little_enough() -> None:
    log = "\n".join(f"2026-01-01 12:00:00 INFO [main] line {number} * of | many" for number in range(1000))
    assert prose(f"```\n{log}\n```\n\nlast") == [GAP, "", "last"]


def test_the_parser_is_not_there_until_it_is_needed() -> None:
    asked = "import sys, devops_daemon.commands.grammar; print('markdown_it' in sys.modules)"
    command = [sys.executable, "-W", "error", "-c", asked]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "False\n"


# In a fence


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("plain text_with *marks* & <b>", "plain text_with *marks* & <b>"),
        ("@code and a@b", "@\u200bcode and a@\u200bb"),
        ("fixes #12, C# and # 1", "fixes #\u200b12, C# and # 1"),
        ("<!-- devops-daemon:reply:1 -->", "<\u200b!-- devops-daemon:reply:1 --\u200b>"),
        ("--!> --->", "--\u200b!> ---\u200b>"),
        ("a\r\nb\rc", "a\nb\\rc"),
        ("\x1b[31mred\x1b[0m \x1b[2J", "red \\x1b[2J"),
        ("\u202ex\u200b\x00\ud800\u3164\U000e0041", "\\u202ex\\u200b\\x00\\ud800\\u3164\\U000e0041"),
        ("\u26a0\ufe0f 1\ufe0f\u20e3 x\ufe0f", "\u26a0\ufe0f 1\ufe0f\u20e3 x\\ufe0f"),
        ("\u4e2d\u6587 \u00e4\u00df\u00a0!", "\u4e2d\u6587 \u00e4\u00df\u00a0!"),
        ("\ttab", "\ttab"),
        ("::error::x\n  ::y\na ::z", ":\u200b:error::x\n  :\u200b:y\na ::z"),
        ("##[error]x", "#\u200b#\u200b[error]x"),
        ("@\u200bcode", "@\u200bcode"),
    ],
)
def test_text_in_a_fence_calls_nobody_and_forges_nothing(text: str, harmless: str) -> None:
    assert shown(text) == harmless


def is_harmless(body: str) -> bool:
    live = re.search(r"@(?!\u200b)|#[0-9]|<!--|--!?>|(?m:^)[^\S\n]*::", body)
    return not live and "<!--" not in body and Mark.at_end_of(body) is None and Mark.highest_hop(body) == 0


def check_fence(text: str) -> None:
    harmless = shown(text)
    assert is_harmless(harmless)
    assert shown(harmless) == harmless
    harmless.encode()
    (fence,) = parsed(f"before\n\n{fenced(harmless)}\n\nafter")[3:-3]
    assert (fence.type, fence.content) == ("fence", (harmless.strip("\n") or "(nothing)") + "\n")


@given(pieced)
def test_a_fence_holds_the_text_and_nothing_is_live(text: str) -> None:
    check_fence(text)


@hostile
def test_a_fence_holds_hostile_text(text: str) -> None:
    check_fence(text)


@given(st.text(), st.text("`", min_size=1, max_size=300))
def test_no_fence_needs_to_be_long(text: str, ticks: str) -> None:
    assert max(map(len, re.findall("`+", shown(text + ticks)))) <= LONGEST_RUN


def test_a_fence_says_what_it_is_of() -> None:
    assert fenced("x", "json") == "```json\nx\n```"
    assert fenced("a```b", "x y`\n") == "````xy\na```b\n````"
    assert fenced("\n") == "```\n(nothing)\n```"


# Outside of a fence


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("two\nlines  and\tmore ", "two lines and more"),
        ("*a* _b_ a_b_c `d` ~e~ [f](g) $h$ a|b", "\\*a\\* \\_b\\_ a_b_c \\`d\\` \\~e\\~ \\[f\\](g) \\$h\\$ a\\|b"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("@code #1 a@b.example", "@\u200bcode #\u200b1 a@\u200bb.example"),
        ("GH-12 gh-1 HIGH-12", "GH-\u200b12 gh-\u200b1 HIGH-12"),
        ("https://a.example www.a.example", "https:\u200b//a.example www\u200b.a.example"),
        ("# title", "#\u200b title"),
        ("- item", "\\- item"),
        ("12. item", "12\\. item"),
        ("=== x", "\\=== x"),
        ("a \u202e \\", "a \\\\u202e \\\\"),
        ("", ""),
        (" \n", ""),
    ],
)
def test_text_outside_of_a_fence_is_read_as_its_letters(text: str, harmless: str) -> None:
    assert plain(text) == harmless


TEXT_ONLY = {"paragraph_open", "inline", "text", "text_special", "paragraph_close"}


def check_plain(text: str) -> None:
    harmless = plain(text)
    assert "\n" not in harmless
    for tokens in (parsed(harmless), parsed(f"- {harmless}"), parsed(f"x {harmless} x"), parsed(f"x\n{harmless}")):
        kinds = {token.type for token in within(tokens)} - {"bullet_list_open", "bullet_list_close", "list_item_open"}
        assert kinds - {"list_item_close", "softbreak"} <= TEXT_ONLY
    assert not LIVE_MENTION.search(harmless)
    assert not LIVE_ISSUE.search(harmless)
    assert "<" not in harmless
    assert not re.search(r"[a-z]://|\bwww\.", harmless, re.IGNORECASE | re.ASCII)
    harmless.encode()


@given(pieced)
@example("`" * 3)
def test_plain_text_holds_nothing_but_text(text: str) -> None:
    check_plain(text)


@hostile
def test_hostile_text_is_plain(text: str) -> None:
    check_plain(text[:20_000])


@given(st.text(st.characters(categories=("L", "Nd", "P", "S")), max_size=40))
def test_plain_text_says_the_same(text: str) -> None:
    said = "".join(token.content for token in within(parsed(plain(text))) if token.type.startswith("text"))
    assert said.replace("\u200b", "") == " ".join(shown(text).replace("\u200b", "").split())


@given(pieced)
def test_a_span_is_one_code_span(text: str) -> None:
    (inline,) = (token for token in parsed(f"- {span(text, 'before ')}") if token.type == "inline")
    assert [child.type for child in inline.children or []] == ["code_inline"]
    assert not LIVE_MENTION.search(span(text))


def test_a_span_keeps_what_people_copy() -> None:
    assert span("why #12", "@devops ") == "`@devops why #12`"
    assert span("a`b") == "``a`b``"
    assert span("") == "`  `"


# Folding and cutting


def test_details_have_the_blank_lines_that_markdown_wants() -> None:
    body = details("a summary", fenced("x"))
    kinds = [token.type for token in parsed(body)]
    assert body.startswith("<details>\n<summary>a summary</summary>\n\n")
    assert kinds == ["html_block", "fence", "html_block"]


LINES = "\n".join(f"line {number}" for number in range(100))


def test_a_cut_text_says_how_many_lines_are_missing() -> None:
    assert cut(LINES, 60) == "\u2026 96 more lines, left out\nline 96\nline 97\nline 98\nline 99"
    assert cut(LINES, 60, newest_last=False) == "line 0\nline 1\nline 2\nline 3\n\u2026 96 more lines, left out"
    assert cut("short", 60) == "short"
    assert cut(LINES, 3) == ""


def test_a_line_too_long_is_cut_not_within_an_escape() -> None:
    line = "\\u202e" * 100
    assert cut(line, 70) == "\u2026 of 600 characters in a line\n" + "\\u202e" * 6
    assert cut(line, 70, newest_last=False) == "\\u202e" * 6 + "\n\u2026 of 600 characters in a line"
    assert cut(f"older\n{line}", 90).startswith(
        "\u2026 of 600 characters in a line; \u2026 1 more line, left out\n\\u202e"
    )
    assert shortened("\\*" * 10, 8) == "\\*\\*\\*\u2026"
    assert shortened("&amp;&amp;", 8) == "&amp;\u2026"


@given(pieced, st.integers(0, 200), st.booleans())
def test_what_is_cut_is_never_longer_than_it_may_be(text: str, most: int, newest_last: bool) -> None:  # noqa: FBT001 # Hypothesis gives it
    harmless = shown(text)
    found = cut(harmless, most, newest_last=newest_last)
    assert len(found) <= most
    assert is_harmless(found)
    if len(harmless) <= most:
        assert found == harmless


@given(pieced, st.integers(1, 60))
def test_shortened_text_stays_harmless(text: str, most: int) -> None:
    short = shortened(plain(text), most)
    assert len(short) <= most
    assert {token.type for token in within(parsed(short))} <= TEXT_ONLY
    assert not LIVE_MENTION.search(short)


@pytest.mark.parametrize("each", [each for each in HOSTILE if len(each.text) > 60_000], ids=lambda each: each.name)
def test_to_show_much_takes_no_long_time(each: Hostile) -> None:
    cpu_within(2, lambda: cut(shown(each.text * 4), 60_000))
    cpu_within(1, plain, each.text)
