"""What is done next about a feedback, and the issue that it becomes: nothing twice, nothing of a user's live."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import START
from hostile import HOSTILE
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from devops_daemon.calling import Means
from devops_daemon.feedback import Entry, EntryState, Feedback
from devops_daemon.forge import Mark
from devops_daemon.redaction import Redactor
from devops_daemon.users.entries import LEASE, Step, done, failed, left_behind, listed_again, next_step, put_back, taken
from devops_daemon.users.wording import Manner, body, title

NOW, EVERY = START, timedelta(minutes=5)
NEW = Entry("7", EntryState.NEW, NOW, NOW)
OPENED = replace(NEW, state=EntryState.OPENED, issue=3, issue_url="https://example.com/3")
SECRET = "hunter2-kestrel-quarry"  # of nobody
MANNER = Manner(Redactor([SECRET]).text)
LIVE = {"link_open", "image", "html_inline", "html_block", "heading_open"}


@pytest.mark.parametrize(
    ("state", "means", "step"),
    [
        (EntryState.NEW, Means.NOT, Step.OPEN),
        (EntryState.NEW, Means.COMMENT, Step.OPEN),
        (EntryState.OPENED, Means.NOT, Step.MARK),
        (EntryState.OPENED, Means.COMMENT, Step.CALL),
        (EntryState.OPENED, Means.WORKFLOW, Step.CALL),
        (EntryState.CALLING, Means.COMMENT, Step.CALL),
        (EntryState.CALLING, Means.LABEL, Step.CALL),
        (EntryState.CALLING, Means.WORKFLOW, Step.MARK),
        (EntryState.CALLING, Means.DISPATCH, Step.MARK),
        (EntryState.CALLED, Means.DISPATCH, Step.MARK),
        (EntryState.PROCESSED, Means.COMMENT, Step.NOTHING),
    ],
)
def test_each_step_follows_from_what_was_done(state: EntryState, means: Means, step: Step) -> None:
    assert next_step(replace(NEW, state=state), means) is step


def test_what_fails_rests_longer_each_time_is_set_aside_and_tried_once_a_day() -> None:
    entry, rests = OPENED, []
    for _ in range(6):
        entry = failed(entry, "status 500", NOW, EVERY)
        rests.append((entry.due_at - NOW, entry.aside))
    minutes = [timedelta(minutes=each) for each in (5, 10, 20, 40)]
    assert rests == [*((each, False) for each in minutes), *[(timedelta(days=1), True)] * 2]
    assert (entry.state, entry.issue) == (EntryState.OPENED, 3), "what was done is still done"
    assert done(entry, EntryState.PROCESSED, NOW).aside is False


def test_what_the_world_is_at_fault_for_does_not_count() -> None:
    entry = put_back(OPENED, "GitHub does not answer", NOW, EVERY)
    assert (entry.tries, entry.aside, entry.due_at) == (0, False, NOW + EVERY)


def test_what_is_in_a_hand_is_left_alone_for_a_while() -> None:
    in_hand = taken(NEW, NOW)
    assert in_hand.due_at == NOW + LEASE
    assert left_behind(in_hand, NOW).due_at == NOW, "unless that hand is known to be gone"
    rests = failed(OPENED, "status 500", NOW, EVERY)
    assert left_behind(rests, NOW) == rests


def test_what_is_listed_though_it_is_processed_is_told_again_and_not_for_ever() -> None:
    entry, told = done(OPENED, EntryState.PROCESSED, NOW), 0
    while not entry.aside:
        entry = listed_again(entry, NOW, EVERY)
        if not entry.aside:
            assert next_step(entry, Means.COMMENT) is Step.MARK
            told += 1
            entry = done(entry, EntryState.PROCESSED, NOW)
    assert told == 4


# The issue


def a_feedback(message: str = "The cart is empty after I sign in", **differs: str) -> Feedback:
    return replace(Feedback("7", "bug", message, NOW), **differs)  # type: ignore[arg-type] # fields of it


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("bug", "\U0001f41b [User Bug Report]"),
        ("feature", "\U0001f4a1 [User Feature Request]"),
        ("praise", "\U0001f4ac [User Feedback]"),
        ("", "\U0001f4ac [User Feedback]"),
    ],
)
def test_the_title_says_what_kind_it_is_and_how_it_begins(kind: str, sign: str) -> None:
    assert title(a_feedback(kind=kind), MANNER) == f"{sign} The cart is empty after I sign in"
    long = title(a_feedback("word " * 100, kind=kind), MANNER)
    assert len(long) == len(sign) + 1 + 80


def test_the_body_says_who_what_when_and_with_what() -> None:
    text = body(a_feedback(name="Maria", user_agent="Mozilla/5.0 (X11)"), MANNER)
    for part in (
        "**From:** Maria",
        "**Type:** `bug`",
        "**Sent:** 2026-01-05 12:00 UTC",
        "**Browser:** `Mozilla/5.0 (X11)`",
        "**Feedback:** `7`",
        "```\nThe cart is empty after I sign in\n```",
    ):
        assert part in text
    assert Mark.at_end_of(text) == Mark("feedback", "7")


def test_an_address_is_shown_only_where_a_setting_says_so() -> None:
    given_ = a_feedback("Write to maria@example.com or bob@example.com", email="maria@example.com")
    assert "@example.com" not in body(given_, MANNER) + title(given_, MANNER)
    assert "**E-mail:** given; the product has it" in body(given_, MANNER)
    shown = body(given_, replace(MANNER, show_email=True))
    assert shown.count("maria@example.com".replace("@", "@\u200b")) + shown.count("`maria@example.com`") == 1
    assert "bob@example.com" not in shown


def test_what_we_know_to_be_secret_is_masked_wherever_it_stands() -> None:
    spilt = a_feedback(f"my key is {SECRET}", name=SECRET, user_agent=f"x {SECRET}", email=f"{SECRET}@example.com")
    for manner in (MANNER, replace(MANNER, show_email=True)):
        assert SECRET not in body(spilt, manner) + title(spilt, manner)


def test_a_megabyte_is_cut_and_that_is_said() -> None:
    text = body(a_feedback("x" * 1_000_000), MANNER)
    assert len(text) < 12_000
    assert "960000 more characters: the product has all of it" in text
    lines = body(a_feedback("a line\n" * 3_000), MANNER)
    assert len(lines) < 12_000
    assert "more lines, left out" in lines


def must_be_text(feedback: Feedback) -> None:
    text, name = body(feedback, MANNER), title(feedback, MANNER)
    assert Mark.at_end_of(text) == Mark("feedback", "7")
    assert text.count("<!-- devops-daemon:") == 1
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    inner = [child for token in tokens for child in (token, *(token.children or ())) if child.type in LIVE]
    ours = [child for child in inner if child.type == "heading_open" or child.content.startswith("<!-- devops-daemon:")]
    assert inner == ours
    assert len(ours) == 3, "two headings and the mark"
    for trigger in ("@code", "@claude", "@triage", "@devops"):
        assert trigger not in f"{text}{name}".lower()
    assert "\n" not in name


@pytest.mark.parametrize("text", [text for _, text in HOSTILE], ids=[name for name, _ in HOSTILE])
def test_nothing_of_what_strangers_write_is_live(text: str) -> None:
    must_be_text(a_feedback(text))
    must_be_text(a_feedback("x", name=text, user_agent=text, kind=text))


@given(st.text(), st.text(), st.text(), st.text())
def test_whatever_they_write_it_is_text(message: str, name: str, kind: str, agent: str) -> None:
    must_be_text(a_feedback(message, name=name, kind=kind, user_agent=agent))
