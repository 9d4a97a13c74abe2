"""Uptime bars and latency lines, as numbers that a template draws as inline SVG. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from devops_daemon.ports import Day, Hour

BAR, GAP, BAR_HEIGHT = 3, 1, 24
DAYS = 90
HOURS = 48
LINE_WIDTH, LINE_HEIGHT = 192, 24
_GOOD, _FAIR = 0.999, 0.95
_ROUNDING = 1e-6
"""What floating point may lack of a whole hundredth of a percent."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: where it stands, its colour's class, what it says."""

    x: int
    css: str
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """Mean latency by hour: runs of points (a gap where nothing was measured), and its highest value in ms."""

    runs: tuple[str, ...]
    highest_ms: float
    hours: int = 0
    """How many hours were measured."""


def bars(days: Sequence[Day], today: int) -> tuple[Bar, ...]:
    """Give ninety bars, the last one today."""
    known = {day.number: day for day in days}
    return tuple(
        _bar(known.get(number), number, place * (BAR + GAP))
        for place, number in enumerate(range(today - DAYS + 1, today + 1))
    )


def _bar(day: Day | None, number: int, x: int) -> Bar:
    date = (_EPOCH + timedelta(days=number)).date().isoformat()
    share = day.availability if day else None
    if day is None or share is None:
        return Bar(x, "none", f"{date}: not measured")
    grade = "good" if share >= _GOOD else "fair" if share >= _FAIR else "bad"
    return Bar(x, grade, f"{date}: {percent(share)}, {day.failed} of {day.ok + day.degraded + day.failed} failed")


def percent(share: float) -> str:
    """Write a share so that it never looks better than it is: 100% only where nothing failed."""
    return f"{math.floor(share * 10000 + _ROUNDING) / 100:g}%"


def availability(days: Sequence[Day]) -> str:
    """Sum days up to one figure."""
    total = Day(0, *(sum(getattr(day, name) for day in days) for name in ("ok", "degraded", "failed", "unknown")))
    return "no data" if total.availability is None else percent(total.availability)


def first_day(days: Sequence[Day], today: int) -> str:
    """Say since when there is something to show: a date, or ninety days."""
    first = min((day.number for day in days), default=today)
    if first <= today - DAYS + 1:
        return f"{DAYS} days"
    return f"since {(_EPOCH + timedelta(days=first)).date().isoformat()}"


def line(hours: Sequence[Hour], this_hour: int) -> Line:
    """Give the latency of the last two days, scaled to its own highest value."""
    known = {hour.number: hour.mean_ms for hour in hours if hour.mean_ms is not None}
    highest = max(known.values(), default=0.0)
    runs: list[list[str]] = [[]]
    for place, number in enumerate(range(this_hour - HOURS + 1, this_hour + 1)):
        mean = known.get(number)
        if mean is None:
            runs.append([])
            continue
        y = LINE_HEIGHT - 2 - (LINE_HEIGHT - 4) * (mean / highest if highest else 0)
        runs[-1].append(f"{place * LINE_WIDTH / HOURS:.1f},{y:.1f}")
    # a single hour would be no line at all: give it a width
    drawn = (run if len(run) > 1 else [run[0], _right_of(run[0])] for run in runs if run)
    return Line(tuple(" ".join(run) for run in drawn), highest, len(known))


def _right_of(point: str) -> str:
    x, y = point.split(",")
    return f"{float(x) + LINE_WIDTH / HOURS / 2:.1f},{y}"
