"""Signals beside the probes: how a service answers everybody else, how much it uses. Pure; `response.signals` reads.

A signal is well, over a level, or not known: what has no data for the whole of its window, or too little, is neither
well nor bad. What must never happen: an incident that opens, or ends, because the platform did not answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from devops_daemon.hosting import Measure, Sample, Series
from devops_daemon.model import ProbeKey, Severity, Signal

LEAST_REQUESTS = 20
"""Within a window: of fewer, a share says nothing."""
ENOUGH = 0.8
"""A signal that is over a level is well again below this part of it: what wavers around it is one trouble."""
COVERED = 0.7
"""So much of a window must have data: samples come late."""


class Name(StrEnum):
    """The signals, as incidents and pages name them."""

    ERRORS = "error rate"
    LATENCY = "latency"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Level:
    """Over this, for so long, it is as bad as that (`facts/factory.md`, alerting levels)."""

    name: Name
    over: float
    """A share, or seconds."""
    window: timedelta
    severity: Severity


LEVELS = (
    Level(Name.ERRORS, 0.10, timedelta(minutes=5), Severity.SEV1),
    Level(Name.ERRORS, 0.05, timedelta(minutes=10), Severity.SEV2),
    Level(Name.ERRORS, 0.01, timedelta(hours=1), Severity.SEV3),
    Level(Name.LATENCY, 2.0, timedelta(minutes=10), Severity.SEV2),
    Level(Name.MEMORY, 0.90, timedelta(minutes=10), Severity.SEV2),
)
"""To change a level, change its row. The worst of a signal comes first."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the platform told of a service."""

    samples: Sequence[Sample] | None
    """How it answered, oldest first; None where that could not be read."""
    series: Sequence[Series] | None
    """What it used."""
    at: datetime


def judge(before: Signal, seen: Seen, levels: Sequence[Level] = LEVELS) -> Signal:
    """Give the row after a look; what is not known stays as it was."""
    mine = [level for level in levels if level.name == before.key.name]
    measured = [(level, _measured(level, seen)) for level in mine]
    over = next(((level, found) for level, found in measured if found and _is_over(level, found, before)), None)
    if over is not None:
        level, found = over
        same = before.severity is level.severity
        since = before.since if same else found.since
        return replace(before, severity=level.severity, since=since, detail=found.text, known_at=seen.at)
    known = next((found for _, found in measured if found), None)
    unknown = before.severity is not None and not any(
        found for level, found in measured if level.severity is before.severity
    )
    if known is None or unknown:
        return before
    since = before.since if before.severity is None and before.since else seen.at
    return replace(before, severity=None, since=since, detail=known.text, known_at=seen.at)


@dataclass(frozen=True, slots=True)
class _Measured:
    """What a signal was within a window."""

    value: float
    """Over the whole of it."""
    lately: float
    """Over its second half: what has ended by then is over."""
    since: datetime
    text: str


def _is_over(level: Level, found: _Measured, before: Signal) -> bool:
    limit = level.over * (ENOUGH if before.severity is level.severity else 1.0)
    return found.value > limit and found.lately > limit


def _measured(level: Level, seen: Seen) -> _Measured | None:
    return _READERS[level.name](level, seen)


def _errors(level: Level, seen: Seen) -> _Measured | None:
    begin, half = seen.at - level.window, seen.at - level.window / 2
    samples = [each for each in seen.samples or () if begin <= each.at <= seen.at]
    late = [each for each in samples if each.at >= half]
    total, failed = sum(each.requests for each in samples), sum(each.failed for each in samples)
    requests_late = sum(each.requests for each in late)
    if seen.samples is None or total < LEAST_REQUESTS or not requests_late:
        return None
    if not _covers([each.at for each in seen.samples], begin, level.window):
        return None
    text = f"{failed / total:.1%} of {total} requests answered with a 5xx in {_minutes(level.window)}"
    return _Measured(failed / total, sum(each.failed for each in late) / requests_late, begin, text)


def _latency(level: Level, seen: Seen) -> _Measured | None:
    """Take the least of what is slow: every sample of the window must be over the level."""
    begin, half = seen.at - level.window, seen.at - level.window / 2
    samples = [each for each in seen.samples or () if begin <= each.at <= seen.at and each.p95 is not None]
    if sum(each.requests for each in samples) < LEAST_REQUESTS:
        return None
    if not _covers([each.at for each in seen.samples or ()], begin, level.window):
        return None
    values = [(each.at, each.p95.total_seconds()) for each in samples if each.p95 is not None]
    late = [value for at, value in values if at >= half]
    if not late:
        return None
    lowest = min(value for _, value in values)
    text = f"95% of the requests took {max(late):.1f} s at most, {_minutes(level.window)} long"
    return _Measured(lowest, min(late), begin, text)


def _memory(level: Level, seen: Seen) -> _Measured | None:
    begin, half = seen.at - level.window, seen.at - level.window / 2
    points = {each.measure: [p for p in each.points if begin <= p[0] <= seen.at] for each in seen.series or ()}
    used, limits = points.get(Measure.MEMORY, []), points.get(Measure.MEMORY_LIMIT, [])
    limit = min((value for _, value in limits if value > 0), default=None)
    late = [value for at, value in used if at >= half]
    if limit is None or not late or not _covers([at for at, _ in used], begin, level.window):
        return None
    text = f"{used[-1][1] / limit:.0%} of {limit:.2f} GB in use, {_minutes(level.window)} long"
    return _Measured(min(value for _, value in used) / limit, min(late) / limit, begin, text)


_READERS = {Name.ERRORS: _errors, Name.LATENCY: _latency, Name.MEMORY: _memory}


def _covers(moments: Sequence[datetime], begin: datetime, window: timedelta) -> bool:
    """Tell whether there is data for most of a window: what began within it says nothing of the whole."""
    return bool(moments) and min(moments) <= begin + window * (1 - COVERED)


def _minutes(window: timedelta) -> str:
    minutes = window.total_seconds() / 60
    return f"{minutes:g} minutes" if minutes >= 1 else f"{window.total_seconds():g} seconds"


def keys_of(service: str) -> Mapping[Name, ProbeKey]:
    """Name the signals of a service."""
    return {name: ProbeKey(service, name.value) for name in Name}
