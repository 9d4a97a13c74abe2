"""When a delivery that went wrong is tried again."""

from datetime import timedelta

import pytest
from builders import START, at

from devops_daemon.entrypoints.retry import (
    LONGEST,
    PATIENCE,
    SHORTEST,
    Again,
    GiveUp,
    after_fault,
    after_outage,
    after_race,
)


@pytest.mark.parametrize(("waited", "wait"), [(0, 5), (5, 5), (60, 60), (600, 600), (7200, 600)])
def test_an_outage_is_waited_for_as_long_as_it_has_lasted_within_bounds(waited: float, wait: float) -> None:
    assert after_outage("no answer", START, at(waited)) == Again("no answer", at(waited + wait), counted=False)


def test_an_outage_of_a_day_is_given_up() -> None:
    day = PATIENCE.total_seconds()
    assert after_outage("no answer", START, at(day)) == GiveUp("given up after a day: no answer")


def test_a_clock_that_was_set_back_makes_no_difference() -> None:
    assert after_outage("no answer", START, at(-3600)) == Again("no answer", at(-3595), counted=False)


def test_a_fault_is_tried_a_few_times_ever_later() -> None:
    waits = []
    for attempts in (1, 2, 3, 4):
        again = after_fault("KeyError", attempts, START)
        assert isinstance(again, Again)
        assert again.counted
        waits.append(again.at - START)
    assert waits == [SHORTEST, timedelta(seconds=20), timedelta(seconds=80), timedelta(seconds=320)]
    assert max(waits) <= LONGEST
    assert after_fault("KeyError", 5, START) == GiveUp("given up after 5 attempts: KeyError")


@pytest.mark.parametrize("age", [0, 600, 80_000])
def test_what_somebody_else_has_changed_is_read_again_in_a_moment_and_does_not_count(age: float) -> None:
    assert after_race("changed", START, at(age)) == Again("changed", at(age + 5), counted=False)


def test_what_is_changed_by_others_for_a_day_is_given_up() -> None:
    day = PATIENCE.total_seconds()
    assert after_race("changed", START, at(day)) == GiveUp("given up after a day: changed")
