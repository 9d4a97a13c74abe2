"""The audit's issue: what is new first, each gap with its cure, and nothing that strangers wrote is live."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import START
from hostile import HOSTILE
from markdown_it import MarkdownIt

from devops_daemon.audit.wording import Manner, body, mark_of, status, title
from devops_daemon.auditing import Audit, Remark, Weight
from devops_daemon.forge import Mark
from devops_daemon.redaction import Redactor

SECRET = "hunter2-kestrel-quarry"  # of nobody
MANNER = Manner(Redactor([SECRET]).text, link="https://ops.example.com")
GAP = Remark("healthcheck", "backend", Weight.GAP, "it has no health check path", "set one")
CRITICAL = Remark("secrets in logs", "backend", Weight.CRITICAL, "3 lines hold something secret", "do not log it")
WELL = Remark("watched", "backend", Weight.OK, "is probed")
UNSEEN = Remark("objectives", "diagnostic", Weight.UNSEEN, "no data in seven days")
ERROR = Remark("recurring errors", "backend: db is <*>", Weight.GAP, "40 times", "mend its cause", ("db is <*>",))
AUDIT = Audit(START, START + timedelta(minutes=1), (CRITICAL, GAP, UNSEEN, WELL))


@pytest.mark.parametrize(
    ("remarks", "word"),
    [
        ((WELL, UNSEEN), "\u2705 Complete"),
        ((WELL, GAP), "\u26a0\ufe0f Needs Attention"),
        ((GAP, CRITICAL), "\u274c Critical Issues"),
        ((), "\u2705 Complete"),
    ],
)
def test_it_is_summed_up_in_a_word(remarks: tuple[Remark, ...], word: str) -> None:
    assert status(remarks) == word


def test_the_issue_is_named_by_its_day() -> None:
    assert title(AUDIT) == "\U0001f4ca Weekly Monitoring Audit - 2026-01-05"
    assert mark_of(AUDIT) == Mark("audit", "2026-01-05")
    again = replace(AUDIT, slot=START + timedelta(hours=3))
    assert mark_of(again, AUDIT) == Mark("audit", "2026-01-05T15:00")
    assert title(again, AUDIT).endswith(" - 2026-01-05T15:00")


def test_the_first_lists_each_gap_with_its_cure() -> None:
    text = body(AUDIT, None, MANNER)
    assert Mark.at_end_of(text) == mark_of(AUDIT)
    for part in (
        "**Status:** \u274c Critical Issues",
        "**Found:** 1 critical, 1 gaps, 1 well, 1 that could not be looked at",
        "This is the first.",
        "### Gaps, each with its cure",
        "- \u274c **secrets in logs**, backend: 3 lines hold something secret\n  - Cure: do not log it",
        "- \u26a0\ufe0f **healthcheck**, backend: it has no health check path\n  - Cure: set one",
        "<summary>What is well (1)</summary>",
        "<summary>What could not be looked at (1)</summary>",
        "https://ops.example.com/audit",
    ):
        assert part in text, text
    assert "New since then" not in text


def test_what_is_new_comes_first_and_what_is_mended_is_told() -> None:
    before = replace(AUDIT, slot=START - timedelta(days=7), remarks=(GAP, ERROR), issue=12)
    text = body(AUDIT, before, MANNER)
    new, known = text.index("### New since then"), text.index("### Known already")
    assert new < text.index("secrets in logs") < known < text.index("**healthcheck**")
    assert "The one before: #12." in text
    assert "### Mended since then" in text
    assert text.count("**healthcheck**") == 1


def test_in_public_no_line_of_a_log_is_shown() -> None:
    audit = replace(AUDIT, remarks=(ERROR,))
    assert "db is" in body(audit, None, MANNER)
    public = body(audit, None, replace(MANNER, public=True))
    assert "db is" not in public
    assert "**recurring errors**, backend: 40 times" in public


def test_what_is_secret_is_masked_wherever_it_stands() -> None:
    spilt = replace(ERROR, about=f"backend: {SECRET}", text=f"x {SECRET}", cure=SECRET, lines=(f"y {SECRET}",))
    assert SECRET not in body(replace(AUDIT, remarks=(spilt,)), None, MANNER)


def test_a_very_long_one_is_cut_and_ends_with_its_mark() -> None:
    remarks = tuple(replace(GAP, about=f"service {number}", text="x" * 1000) for number in range(1000))
    text = body(replace(AUDIT, remarks=remarks), None, MANNER)
    assert len(text) < 60_000
    assert Mark.at_end_of(text) == mark_of(AUDIT)
    assert "left out" in text


@pytest.mark.parametrize("text", [text for _, text in HOSTILE], ids=[name for name, _ in HOSTILE])
def test_nothing_of_what_strangers_wrote_is_live(text: str) -> None:
    bad = Remark("recurring errors", f"backend: {text}", Weight.GAP, text, text, (text,))
    well = Remark("watched", text, Weight.OK, text)
    before = Audit(START - timedelta(days=7), START, (replace(bad, about=text),))
    for manner in (MANNER, replace(MANNER, public=True)):
        written = body(replace(AUDIT, remarks=(bad, well)), before, manner)
        assert Mark.at_end_of(written) == mark_of(AUDIT)
        assert written.count("<!-- devops-daemon:") == 1
        tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(written)
        live = [child for token in tokens for child in token.children or () if child.type in {"image", "html_inline"}]
        links = [child for token in tokens for child in token.children or () if child.type == "link_open"]
        assert (live, links) == ([], [])
        for trigger in ("@code", "@claude", "@triage", "@devops"):
            assert trigger not in written.lower()


def test_in_public_what_names_variables_is_counted_and_not_told() -> None:
    inside = Remark("variables", "backend/PAYMENT_KEY", Weight.GAP, "PAYMENT_KEY is empty", "give it one", inside=True)
    audit = replace(AUDIT, remarks=(GAP, inside))
    before = replace(
        AUDIT, slot=START - timedelta(days=7), remarks=(replace(inside, about="backend/OLD_KEY"),), issue=12
    )
    public = body(audit, before, replace(MANNER, public=True))
    assert "- 1 more name variables, which are not told in public: devops-daemon audit" in public
    assert "PAYMENT_KEY" not in public
    assert "OLD_KEY" not in public
    within = body(audit, before, MANNER)
    assert "PAYMENT_KEY is empty" in within
    assert "variables/backend/OLD_KEY" in within.replace("\\", "")
