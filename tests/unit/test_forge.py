"""The hidden line at the end of what the daemon writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.forge import Mark


@pytest.mark.parametrize(
    ("mark", "line"),
    [
        (Mark("reply", "7001"), "<!-- devops-daemon:reply:7001 -->"),
        (Mark("reply", "7001", 2), "<!-- devops-daemon:reply:7001 hop=2 -->"),
        (Mark("pull", "12:a1b2c3"), "<!-- devops-daemon:pull:12:a1b2c3 -->"),
    ],
)
def test_a_mark_is_read_as_it_was_written(mark: Mark, line: str) -> None:
    assert str(mark) == line
    assert Mark.at_end_of(f"text\n\n{line}") == mark


@pytest.mark.parametrize("after", ["\n", "\r\n", "  \n\n"])
def test_blank_lines_after_it_do_not_matter(after: str) -> None:
    assert Mark.at_end_of(f"text\n<!-- devops-daemon:reply:1 -->{after}") == Mark("reply", "1")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "text",
        "<!-- devops-daemon:reply:1 -->\nthanks",
        "> <!-- devops-daemon:reply:1 -->",
        "thanks <!-- devops-daemon:reply:1 -->",
        "<!-- devops-daemon:reply: -->",
        "<!-- devops-daemon:reply:1 hop=x -->",
        "<!-- somebody-else:reply:1 -->",
    ],
)
def test_what_is_not_the_whole_last_line_is_no_mark(body: str) -> None:
    assert Mark.at_end_of(body) is None


def test_the_highest_hop_of_what_is_quoted_counts() -> None:
    body = (
        "> <!-- devops-daemon:reply:1 hop=2 -->\n<!-- devops-daemon:reply:2 hop=3 --> and\n<!-- devops-daemon:x:3 -->"
    )
    assert (Mark.highest_hop(body), Mark.highest_hop("nothing")) == (3, 0)


@given(st.text())
def test_reading_never_raises(body: str) -> None:
    Mark.at_end_of(body)
    Mark.highest_hop(body)
