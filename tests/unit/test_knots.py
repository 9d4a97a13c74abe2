"""What is to be done about a conflict, and how it stands for people."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import START, a_pull, at
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.pulls.knots import (
    MOST_CALLS,
    SHOWN_WITHIN,
    Ask,
    Asking,
    GiveUp,
    Move,
    Push,
    Rest,
    Try,
    next_move,
    stands,
)
from devops_daemon.pulls.told import given_up, issue_title, mend, recreate, superseded
from devops_daemon.untangling import Knot, KnotState

HEAD, BASE, NEXT = "a" * 40, "b" * 40, "c" * 40
AGENT, NOBODY = Asking(), Asking(there=False)
HOUR = timedelta(hours=1)
STUCK = Knot(7, HEAD, BASE, KnotState.STUCK, START, files=("app.py", "b.txt"), hunks="<<<<<<< mine @code", version=1)
ASKED = replace(STUCK, calls=1, called_at=START)


def moved(*knots: Knot, base: str = BASE, asking: Asking = AGENT, seconds: float = 0) -> Move:
    return next_move(knots, HEAD, base, asking, at(seconds))


@pytest.mark.parametrize(
    ("knots", "base", "seconds", "move"),
    [
        ((), BASE, 0, Try()),
        ((replace(ASKED, head_sha=NEXT),), BASE, 0, Try()),
        ((STUCK,), NEXT, 0, Try()),
        ((STUCK,), BASE, 0, Ask(STUCK, 1)),
        ((ASKED,), BASE, 3599, Rest()),
        ((ASKED,), BASE, 3600, Ask(ASKED, 2)),
        ((replace(ASKED, head_sha=NEXT), STUCK), BASE, 0, Ask(STUCK, 2)),
        ((replace(ASKED, head_sha=NEXT, calls=2), STUCK), BASE, 0, GiveUp(STUCK)),
        ((replace(ASKED, calls=2),), BASE, 3600, GiveUp(replace(ASKED, calls=2))),
        ((replace(STUCK, state=KnotState.PUSHED),), BASE, 299, Rest()),
        ((replace(STUCK, state=KnotState.PUSHED),), BASE, 300, Try()),
        ((replace(STUCK, state=KnotState.CLOSED),), NEXT, 9999, Rest()),
    ],
)
def test_each_state_has_its_next_move(knots: Sequence[Knot], base: str, seconds: float, move: Move) -> None:
    assert moved(*knots, base=base, seconds=seconds) == move


@pytest.mark.parametrize(("state", "kind"), [(KnotState.PUSHING, Push), (KnotState.CLOSING, GiveUp)])
def test_what_was_begun_is_gone_on_with_whatever_base_there_is(state: KnotState, kind: type[Push | GiveUp]) -> None:
    begun = replace(STUCK, state=state)
    for base in (BASE, NEXT):
        assert moved(begun, base=base) == kind(begun)


def test_where_nobody_is_to_be_asked_nothing_is_given_up() -> None:
    assert moved(replace(ASKED, calls=2), asking=NOBODY, seconds=99_999) == Rest()
    assert moved(STUCK, asking=NOBODY) == Rest()


@given(st.lists(st.tuples(st.sampled_from([BASE, NEXT]), st.integers(0, 9000)), max_size=12))
def test_the_agent_is_asked_so_often_and_no_more_whatever_happens(story: Sequence[tuple[str, int]]) -> None:
    """Each look, the base may have moved and time has passed; no way ever solves it."""
    knot, asked, now = STUCK, 0, 0
    for base, later in story:
        now += later
        for _ in range(3):
            match next_move([knot], HEAD, base, AGENT, at(now)):
                case Try():
                    knot = replace(knot, base_sha=base)
                case Ask(found, number):
                    asked += 1
                    assert number == asked
                    knot = replace(found, calls=found.calls + 1, called_at=at(now))
                case GiveUp():
                    assert asked == MOST_CALLS
                case _:
                    break
    assert asked <= MOST_CALLS


@pytest.mark.parametrize(
    ("knot", "text"),
    [
        (None, None),
        (STUCK, "in `app.py`, `b.txt`, which no way solves"),
        (ASKED, "in `app.py`, `b.txt`; the Code Agent was asked to mend it at 12:00 UTC"),
        (
            replace(STUCK, state=KnotState.PUSHED, text="rebase: the same 2 patches"),
            "and is untangled: rebase: the same 2 patches",
        ),
        (replace(STUCK, files=tuple("abcde")), "in `a`, `b`, `c` and 2 more, which no way solves"),
        (replace(STUCK, state=KnotState.CLOSED), None),
        (replace(STUCK, files=(), text="it may not be pushed"), "(it may not be pushed), which no way solves"),
    ],
)
def test_how_it_stands_is_said(knot: Knot | None, text: str | None) -> None:
    assert stands(knot, AGENT) == text


def test_that_a_person_must_is_said_where_there_is_no_agent() -> None:
    assert stands(STUCK, NOBODY) == "in `app.py`, `b.txt`, which no way solves; a person must"


def test_what_is_shown_after_a_push_is_waited_for() -> None:
    assert timedelta(minutes=1) <= SHOWN_WITHIN < HOUR


# --- what is told


def test_what_is_told_of_a_conflict_calls_nobody_by_what_stands_in_it() -> None:
    pull = a_pull(title="@claude fixes #9", branch="fix/7-@code")
    hunks = "<<<<<<< x\n@code please\n```\n</details>\n=======\n@claude\n>>>>>>> y"
    knot = replace(STUCK, hunks=hunks, files=("@code.py",))
    for text in (mend(pull, knot), recreate(pull, knot, "ref"), given_up(pull, knot, "ref", 3), issue_title(pull)):
        assert "@code" not in text
        assert "@claude" not in text
    assert "\n````\n<<<<<<< x\n" in mend(pull, knot), "in a fence that it cannot end"


def test_where_the_work_is_kept_can_be_copied() -> None:
    ref = f"refs/devops/backup/pull-7/{HEAD}"
    assert f"`git fetch origin {ref}`" in given_up(a_pull(), STUCK, ref, 3)
    assert f"git fetch origin {ref} && git diff {BASE[:12]}...FETCH_HEAD" in recreate(a_pull(), STUCK, ref)
    assert f"by {NEXT}" in superseded(a_pull(), NEXT)
    assert "already." in superseded(a_pull(), None)
