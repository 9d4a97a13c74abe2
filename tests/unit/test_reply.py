"""The reply: in the specification's format, never too long, and nothing of a stranger's is live in it."""

import re

import pytest
from effort import cpu_within
from hostile import HOSTILE
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from devops_daemon.commands.answer import Answer, Outcome, Section
from devops_daemon.commands.catalogue import COMMANDS
from devops_daemon.commands.grammar import read
from devops_daemon.commands.reply import help_answer, render
from devops_daemon.forge import Mark, Role
from devops_daemon.redaction import Redactor

MARK = Mark("reply", "7")
KEPT_BACK = "Log lines are not shown on a public repository; `devops-daemon logs` shows them."
LINK = "https://devops.example/incidents/260105-k3f9"


def rendered(
    answer: Answer, *, secrets: tuple[str, ...] = (), public: bool = False, link: str | None = None, limit: int = 60_000
) -> str:
    return render(answer, redact=Redactor(secrets).text, mark=MARK, public=public, link=link, limit=limit)


# The format


def test_a_reply_has_the_format_of_the_specification() -> None:
    answer = Answer(
        Outcome.DONE,
        "Logs of backend: 2 of the last 200 lines speak of \u201cauth\u201d.",
        (
            Section("Service Status", "backend  live  63a1678 api: sign in", newest_last=False),
            Section("Recent Backend Logs", "12:00:01 POST /login 401 @maria\n12:00:02 ```\nfixes #1", lines=True),
        ),
    )
    assert rendered(answer) == (
        "## \U0001f527 DevOps Diagnostic Results\n"
        "\n"
        "Logs of backend: 2 of the last 200 lines speak of \u201cauth\u201d.\n"
        "\n"
        "<details>\n"
        "<summary>\U0001f4cb Diagnostic Output</summary>\n"
        "\n"
        "=== Service Status ===\n"
        "\n"
        "```\n"
        "backend  live  63a1678 api: sign in\n"
        "```\n"
        "\n"
        "=== Recent Backend Logs ===\n"
        "\n"
        "````\n"
        "12:00:01 POST /login 401 @\u200bmaria\n"
        "12:00:02 ```\n"
        "fixes #\u200b1\n"
        "````\n"
        "\n"
        "</details>\n"
        "\n"
        "---\n"
        "**Need more info?** You can request:\n"
        "- `@devops check user <username>` - User-related logs\n"
        "- `@devops check database` - DB connection status\n"
        "- `@devops check logs <service>` - Service logs\n"
        "\n"
        "<!-- devops-daemon:reply:7 -->"
    )


@pytest.mark.parametrize(
    ("outcome", "sign"),
    [
        (Outcome.WORKING, "\u23f3 Said."),
        (Outcome.DONE, "Said."),
        (Outcome.REFUSED, "\U0001f645 Said."),
        (Outcome.FAILED, "\u26a0\ufe0f Said."),
    ],
)
def test_how_it_ended_is_seen_at_once(outcome: Outcome, sign: str) -> None:
    assert rendered(Answer(outcome, "Said.")).split("\n\n")[1] == sign


def test_while_it_works_nothing_more_is_offered() -> None:
    assert rendered(Answer(Outcome.WORKING, "Looking.")) == (
        "## \U0001f527 DevOps Diagnostic Results\n\n\u23f3 Looking.\n\n<!-- devops-daemon:reply:7 -->"
    )


def test_who_is_refused_is_offered_only_what_the_refusal_offers() -> None:
    assert "Need more info" not in rendered(Answer(Outcome.REFUSED, "No."))
    assert "`@devops status`" in rendered(Answer(Outcome.REFUSED, "No.", hints=("status",)))


def test_an_answer_has_its_own_hints() -> None:
    body = rendered(Answer(Outcome.DONE, "Said.", hints=("restart backend", "why #12", "odd `words` @code")))
    assert body.split("\n")[-6:-2] == [
        "**Need more info?** You can request:",
        "- `@devops restart backend` - restarts its processes, without a build; `all`: one after the other",
        "- `@devops why #12` - why a pull request is not merged",
        "- ``@devops odd `words` @\u200bcode``",
    ]


def test_the_hop_is_in_the_mark() -> None:
    mark = Mark("reply", "7", hop=2)
    body = render(Answer(Outcome.DONE, "Said."), redact=str, mark=mark, public=False, link=None)
    assert Mark.at_end_of(body) == mark


# What must not be read


def test_on_a_public_repository_log_lines_are_elsewhere() -> None:
    answer = Answer(Outcome.DONE, "Said.", (Section("Logs", "a line", lines=True), Section("Patterns", "3 times")))
    body = rendered(answer, public=True, link=LINK)
    assert "a line" not in body
    assert f"=== Logs ===\n\n{KEPT_BACK} What else is known is at <{LINK}>." in body
    assert "```\n3 times\n```" in body
    assert "a line" in rendered(answer, public=False, link=LINK)


@pytest.mark.parametrize("link", [None, "", "javascript:alert(1)", "https://a b", "https://a>@code"])
def test_without_a_link_of_the_pages_none_is_given(link: str | None) -> None:
    body = rendered(Answer(Outcome.DONE, "Said.", (Section("Logs", "x", lines=True),)), public=True, link=link)
    assert f"=== Logs ===\n\n{KEPT_BACK}\n\n</details>" in body


@pytest.mark.parametrize("lines", [True, False])
def test_on_a_public_repository_a_section_shows_what_it_has_for_that(lines: bool) -> None:  # noqa: FBT001 # parametrised
    answer = Answer(Outcome.DONE, "Said.", (Section("Probes", "down: maria", lines=lines, public="down"),))
    assert "```\ndown\n```" in rendered(answer, public=True)
    assert "```\ndown: maria\n```" in rendered(answer)


def test_what_is_shown_in_public_is_clean_too() -> None:
    answer = Answer(Outcome.DONE, "Said.", (Section("Probes", "", public="@code hunter22"),))
    assert "@\u200bcode [redacted]" in rendered(answer, secrets=("hunter22",), public=True)


@pytest.mark.parametrize(
    "text", ["hunter22", "\x1b[31mhun\x1b[0mter22", "maria@mail.example", "ghp_16C7e42F292c6912E7710c838347"]
)
def test_secrets_and_addresses_are_masked_wherever_they_stand(text: str) -> None:
    answer = Answer(Outcome.DONE, text, (Section(text, text),), (text,))
    body = rendered(answer, secrets=("hunter22",))
    assert body.count("redacted") == 4
    assert not re.search("hunter|maria|ghp_|mail", body.split("---")[0])


def test_a_secret_at_the_place_of_the_cut_is_masked_as_a_whole() -> None:
    for before in range(3500, 3900, 7):
        text = "x" * before + "a-secret-that-is-long\n"
        body = rendered(
            Answer(Outcome.DONE, "", (Section("", text * 3),)), secrets=("a-secret-that-is-long",), limit=4000
        )
        assert "secret" not in body
        assert "a-se" not in body


# How much


def test_small_sections_are_whole_and_of_big_ones_the_newest_lines_are_kept() -> None:
    small, lines = "small\ntext", "\n".join(f"line {number}" for number in range(20_000))
    answer = Answer(
        Outcome.DONE,
        "Said.",
        (Section("One", lines), Section("Two", small), Section("Three", lines, newest_last=False)),
    )
    body = rendered(answer)
    one, two, three = re.findall(r"```\n(.*?)\n```", body, re.DOTALL)
    assert two == small
    assert one.endswith("line 19999")
    assert one.startswith("\u2026 ")
    assert three.startswith("line 0\n")
    assert abs(len(one) - len(three)) < 100
    assert 59_000 < len(body) <= 60_000


def test_of_too_many_sections_the_first_are_shown() -> None:
    answer = Answer(Outcome.DONE, "Said.", tuple(Section(f"Part {number}", "x" * 500) for number in range(200)))
    body = rendered(answer, limit=8000)
    assert len(body) <= 8000
    assert "=== Part 0 ===" in body
    assert re.search(r"[0-9]+ more sections have no room here\.\n\n</details>", body)


def test_much_is_written_in_no_long_time() -> None:
    answer = Answer(Outcome.DONE, "x", tuple(Section("Logs", "an ordinary line @code\n" * 5000) for _ in range(3)))
    cpu_within(2, rendered, answer)


# Nothing is live


def parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)


OURS = re.compile(r"`+ ?@devops [^\n]*`")


def check(answer: Answer, limit: int, *, public: bool = False) -> None:
    body = rendered(answer, public=public, link=LINK, limit=limit)
    assert len(body) <= limit
    body.encode()
    assert Mark.at_end_of(body) == MARK
    assert body.count("<!--") == body.count("-->") == 1
    assert not re.search(r"@(?!\u200b)", OURS.sub("", body))
    assert not re.search(r"#[0-9]", OURS.sub("", body))
    check_structure(parsed(body), answer)
    assert read(body) == ()


def check_structure(tokens: list[Token], answer: Answer) -> None:
    """The blocks are those that we meant, in their order, and no more."""
    blocks = [
        token for token in tokens if token.type in {"heading_open", "fence", "html_block", "hr", "bullet_list_open"}
    ]
    kinds = [token.type for token in blocks]
    shown = kinds.count("fence")
    assert kinds[0] == "heading_open"
    details = ["html_block", *["fence"] * shown, "html_block"] if answer.sections else []
    says_all = answer.outcome in {Outcome.WORKING, Outcome.REFUSED}
    more = ["hr", "bullet_list_open"] if answer.hints or not says_all else []
    assert kinds[1:] == [*details, *more, "html_block"]
    assert {token.type for token in tokens} <= BLOCKS
    inline = {child.type for token in tokens if token.type == "inline" for child in token.children or []}
    assert inline <= {"text", "text_special", "code_inline", "strong_open", "strong_close", "softbreak", *LINKED}


LINKED = ("link_open", "link_close")
BLOCKS = {
    *("heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "html_block", "fence", "hr"),
    *("bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"),
}
PIECES = (
    *(
        "```",
        "`",
        "~~~",
        "\n",
        "\r\n",
        " ",
        "# ",
        "- ",
        "1. ",
        "> ",
        "---",
        "===",
        "|",
        "*",
        "_",
        "[",
        "](x)",
        "<b>",
        "</details>",
    ),
    *(
        "<!--",
        "-->",
        "@code",
        "@devops restart backend",
        "#1",
        "http://e.example",
        "\\",
        "\u202e",
        "\x00",
        "\ud800",
        "a",
    ),
    *(str(MARK), "&lt;", "a@b.example", "$", "restart backend", "check logs"),
)
pieced = st.lists(st.sampled_from(PIECES) | st.text(st.characters(), max_size=3), max_size=15).map("".join)
sections = st.builds(
    Section, pieced, pieced | pieced.map(lambda text: text * 300), st.booleans(), st.booleans(), st.none() | pieced
)
answers = st.builds(
    Answer,
    st.sampled_from(Outcome),
    pieced,
    st.lists(sections, max_size=5).map(tuple),
    st.lists(pieced, max_size=4).map(tuple),
)


@given(answers, st.sampled_from((4000, 60_000)), st.booleans())
def test_nothing_that_strangers_wrote_is_live(answer: Answer, limit: int, public: bool) -> None:  # noqa: FBT001 # Hypothesis gives it
    check(answer, limit, public=public)


@pytest.mark.parametrize("text", [pytest.param(each.text, id=each.name) for each in HOSTILE])
def test_nothing_hostile_is_live(text: str) -> None:
    check(Answer(Outcome.DONE, text, (Section(text, text), Section("Whole", text * 3)), (text, "help")), 60_000)


# Help


def test_help_names_every_command_once_by_who_may_ask_for_it() -> None:
    answer = help_answer()
    text = "\n".join(section.text for section in answer.sections)
    assert [line.split("  ")[0] for line in text.split("\n")] == [
        row.usage for role in Role for row in COMMANDS.values() if row.role is role
    ]
    assert all(row.help in text for row in COMMANDS.values())
    assert len(answer.sections) == len({row.role for row in COMMANDS.values()})


def test_help_is_an_answer_like_others() -> None:
    check(help_answer(), 4000)
