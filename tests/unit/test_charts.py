"""Uptime bars and latency lines."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.entrypoints.charts import (
    BAR,
    GAP,
    HOURS,
    LINE_HEIGHT,
    LINE_WIDTH,
    Bar,
    Line,
    availability,
    bars,
    line,
    percent,
)
from devops_daemon.ports import Day, Hour

TODAY = 20458
"""2026-01-05, in days since 1970."""
NOW = TODAY * 24 + 12


def a_day(number: int = TODAY, *, ok: int = 288, degraded: int = 0, failed: int = 0, unknown: int = 0) -> Day:
    return Day(number, ok, degraded, failed, unknown)


def an_hour(ago: int = 0, mean_ms: float | None = 100.0) -> Hour:
    return Hour(NOW - ago, mean_ms, mean_ms or 0.0, 0)


# --- shares


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100%"),
        (0.99996, "99.99%"),
        (0.999, "99.9%"),
        (0.99, "99%"),
        (0.5, "50%"),
        (2 / 3, "66.66%"),
        (0.0, "0%"),
    ],
)
def test_a_share_is_written_to_a_hundredth_of_a_percent(share: float, text: str) -> None:
    assert percent(share) == text


def test_a_share_of_whole_percents_is_not_written_as_less() -> None:
    assert [percent(count / 100) for count in range(101)] == [f"{count}%" for count in range(101)]


@given(st.integers(1, 10**9), st.data())
def test_a_share_never_reads_better_than_it_is(measured: int, data: st.DataObject) -> None:
    share = data.draw(st.integers(0, measured)) / measured
    assert float(percent(share).removesuffix("%")) <= share * 100 + 1e-9


@given(st.integers(2, 10**9))
def test_only_where_nothing_failed_it_reads_one_hundred_percent(measured: int) -> None:
    assert percent((measured - 1) / measured) != "100%"


@pytest.mark.parametrize(
    ("days", "text"),
    [
        ([], "no data"),
        ([a_day(ok=0, unknown=288)], "no data"),
        ([a_day(), a_day(TODAY - 1)], "100%"),
        ([a_day(ok=24_999, failed=1)], "99.99%"),
        ([a_day(ok=1, degraded=1), a_day(ok=1, failed=1)], "75%"),
        ([a_day(ok=1, unknown=99)], "100%"),
    ],
)
def test_availability_is_the_share_of_what_was_measured_that_did_not_fail(days: Sequence[Day], text: str) -> None:
    assert availability(days) == text


# --- bars


def test_there_are_ninety_bars_side_by_side_whatever_is_known() -> None:
    assert [bar.x for bar in bars([], TODAY)] == [place * (BAR + GAP) for place in range(90)]


def test_the_last_bar_is_today_and_the_first_eighty_nine_days_before() -> None:
    drawn = bars([a_day(TODAY - 89), a_day()], TODAY)
    assert [drawn[0], drawn[-1]] == [
        Bar(0, "good", "2025-10-08: 100%, 0 of 288 failed"),
        Bar(89 * (BAR + GAP), "good", "2026-01-05: 100%, 0 of 288 failed"),
    ]


def test_a_day_without_a_row_was_not_measured() -> None:
    assert bars([a_day()], TODAY)[-2] == Bar(88 * (BAR + GAP), "none", "2026-01-04: not measured")


def test_a_day_on_which_nothing_could_be_measured_says_so() -> None:
    assert bars([a_day(ok=0, unknown=288)], TODAY)[-1].label == "2026-01-05: not measured"


def test_days_outside_of_the_ninety_are_not_drawn() -> None:
    assert {bar.css for bar in bars([a_day(TODAY - 90), a_day(TODAY + 1)], TODAY)} == {"none"}


@pytest.mark.parametrize(
    ("failed", "css"), [(0, "good"), (1, "good"), (2, "fair"), (50, "fair"), (51, "bad"), (1000, "bad")]
)
def test_a_bar_has_the_colour_of_its_share(failed: int, css: str) -> None:
    assert bars([a_day(ok=1000 - failed, failed=failed)], TODAY)[-1].css == css


def test_a_bar_says_how_many_of_those_measured_failed() -> None:
    drawn = bars([a_day(ok=90, degraded=5, failed=5, unknown=40)], TODAY)
    assert drawn[-1].label == "2026-01-05: 95%, 5 of 100 failed"


# --- lines


def points(drawn: Line) -> list[tuple[float, float]]:
    return [
        (float(x), float(y)) for run in drawn.runs for x, _, y in (point.partition(",") for point in run.split(" "))
    ]


def test_without_data_there_is_no_line() -> None:
    assert line([], NOW) == Line((), 0)


def test_a_line_is_scaled_to_its_highest_value() -> None:
    assert line([an_hour(1, 50), an_hour(0, 200)], NOW) == Line(("184.0,17.0 188.0,2.0",), 200, hours=2)


def test_an_hour_that_was_not_measured_is_a_gap() -> None:
    hours = [an_hour(5), an_hour(4), an_hour(3, None), an_hour(1), an_hour(0)]
    assert line(hours, NOW).runs == ("168.0,2.0 172.0,2.0", "184.0,2.0 188.0,2.0")


def test_a_single_hour_between_gaps_has_a_width() -> None:
    assert line([an_hour(5)], NOW).runs == ("168.0,2.0 170.0,2.0",)


def test_the_first_hour_of_the_last_two_days_is_drawn_at_the_left_edge() -> None:
    assert line([an_hour(HOURS - 1)], NOW).runs == ("0.0,2.0 2.0,2.0",)


@pytest.mark.parametrize("ago", [HOURS, -1])
def test_hours_outside_of_the_last_two_days_are_not_drawn(ago: int) -> None:
    assert line([an_hour(ago)], NOW).runs == ()


def test_answers_in_no_time_lie_on_the_ground() -> None:
    assert line([an_hour(1, 0.0), an_hour(0, 0.0)], NOW).runs == ("184.0,22.0 188.0,22.0",)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e6)), max_size=HOURS))
def test_every_line_stays_within_its_frame(means: list[float | None]) -> None:
    drawn = line([an_hour(ago, mean) for ago, mean in enumerate(means)], NOW)
    assert all(0 <= x <= LINE_WIDTH and 0 <= y <= LINE_HEIGHT for x, y in points(drawn))


@given(st.lists(st.sampled_from([None, 100.0, 200.0]), max_size=HOURS))
def test_a_line_has_a_run_for_each_stretch_without_a_gap(means: list[float | None]) -> None:
    stretches = "".join(" " if mean is None else "m" for mean in means).split()
    drawn = line([an_hour(ago, mean) for ago, mean in enumerate(means)], NOW)
    assert [run.count(" ") + 1 for run in drawn.runs] == [max(2, len(stretch)) for stretch in reversed(stretches)]


@given(st.lists(st.floats(0.1, 1e6), min_size=2, max_size=HOURS))
def test_a_slower_hour_is_never_drawn_lower(means: list[float]) -> None:
    drawn = points(line([an_hour(ago, mean) for ago, mean in enumerate(means)], NOW))
    by_height = sorted(zip(reversed(means), (y for _, y in drawn), strict=True), key=lambda pair: (pair[0], -pair[1]))
    assert all(math.isfinite(y) for _, y in by_height)
    assert [y for _, y in by_height] == sorted((y for _, y in by_height), reverse=True)
