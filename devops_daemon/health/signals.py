"""Signals beside the probes: how a service answers everybody else, how much it uses. Pure; `response.signals` reads.

A signal is well, over a level, or not known: what has no data for the whole of its window, or too little, is neither
well nor bad. What must never happen: an incident that opens, or ends, because the platform did not answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from operator import itemgetter

from devops_daemon.hosting import Measure, Sample, Series, Volume
from devops_daemon.model import ProbeKey, Severity, Signal

LEAST_REQUESTS = 20
"""Within a window: of fewer, a share says nothing."""
PARTS = 3
"""A window of requests is cut into so many, each of which must be over the level."""
COVERED = 0.7
"""So much of a window must have data: samples come late."""


class Name(StrEnum):
    """The signals, as incidents and pages name them."""

    ERRORS = "error rate"
    LATENCY = "latency"
    MEMORY = "memory"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Level:
    """Over this, for so long, it is as bad as that (`facts/factory.md`, alerting levels)."""

    name: Name
    over: float
    """A share, or seconds."""
    window: timedelta
    severity: Severity
    enough: float = 0.8
    """What is over it is well again when it stays below this part of it: what wavers is one trouble."""


LEVELS = (
    Level(Name.ERRORS, 0.10, timedelta(minutes=5), Severity.SEV1),
    Level(Name.ERRORS, 0.05, timedelta(minutes=10), Severity.SEV2),
    Level(Name.ERRORS, 0.01, timedelta(hours=1), Severity.SEV3),
    Level(Name.LATENCY, 2.0, timedelta(minutes=10), Severity.SEV2),
    Level(Name.MEMORY, 0.90, timedelta(minutes=10), Severity.SEV2, enough=0.95),
    Level(Name.DISK, 0.90, timedelta(), Severity.SEV2, enough=0.97),
)
"""To change a level, change its row. The worst of a signal comes first."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk, and whose it is."""

    service: str
    """As the platform names it."""
    volume: Volume


@dataclass(frozen=True, slots=True)
class Seen:
    """What the platform told of a service."""

    samples: Sequence[Sample] | None
    """How it answered, oldest first; None where that could not be read."""
    series: Sequence[Series] | None
    """What it used."""
    disks: Sequence[Disk] | None
    """How full its disks are now."""
    at: datetime


def judge(before: Signal, seen: Seen, levels: Sequence[Level] = LEVELS) -> Signal:
    """Give the row after a look; what is not known stays as it was.

    While the level that it was over is not known, it may be found worse, and no better.
    """
    measured = [(level, _READERS[level.name](level, seen)) for level in levels if level.name == before.key.name]
    over = next(((level, found) for level, found in measured if found and _is_over(level, found, before)), None)
    unseen = any(found is None for level, found in measured if level.severity is before.severity)
    if before.severity and unseen and (over is None or over[0].severity > before.severity):
        return before
    if over is not None:
        level, found = over
        since = before.since if before.severity is level.severity else found.begin
        return replace(
            before,
            severity=level.severity,
            since=since,
            counted_from=found.begin,
            detail=found.text,
            known_at=seen.at,
        )
    known = next((found for _, found in measured if found), None)
    if known is None:
        return before
    since = before.since if before.severity is None and before.since else seen.at
    return replace(before, severity=None, since=since, counted_from=known.begin, detail=known.text, known_at=seen.at)


@dataclass(frozen=True, slots=True)
class _Measured:
    """What a signal was within a window."""

    least: float
    """It was over this all the time: what was over a level for a moment is not over it."""
    lately: float
    """In the second half: what has ended by then is over."""
    begin: datetime
    text: str


def _is_over(level: Level, found: _Measured, before: Signal) -> bool:
    if before.severity is level.severity:
        return found.lately > level.over * level.enough
    return found.least > level.over


def _errors(level: Level, seen: Seen) -> _Measured | None:
    def told(samples: Sequence[Sample]) -> str:
        return f"{_share(samples):.1%} of {_requests(samples):,} requests answered with a 5xx in"

    return _asked([each for each in seen.samples or () if each.requests], level, seen, _share, told)


def _latency(level: Level, seen: Seen) -> _Measured | None:
    def told(samples: Sequence[Sample]) -> str:
        return f"95% of the requests took up to {_slowness(samples):.1f} s for"

    slow = [each for each in seen.samples or () if each.requests and each.p95 is not None]
    return _asked(slow, level, seen, _slowness, told)


def _asked(
    counted: Sequence[Sample],
    level: Level,
    seen: Seen,
    measure: Callable[[Sequence[Sample]], float],
    told: Callable[[Sequence[Sample]], str],
) -> _Measured | None:
    """Measure what is counted of requests, part by part: of the step under way only the quick ones are known."""
    begin = seen.at - level.window
    samples = sorted((each for each in counted if begin <= each.at <= seen.at), key=lambda each: each.at)
    late = [each for each in samples if each.at >= seen.at - level.window / 2]
    if len(samples) < PARTS or not late or _requests(samples) < LEAST_REQUESTS:
        return None
    if not _covers(samples[0].at, level, seen):
        return None
    cuts = [place * len(samples) // PARTS for place in range(PARTS + 1)]
    parts = [samples[start:end] for start, end in pairwise(cuts)]
    least = min(measure(part) for part in (*parts, samples, late))
    return _Measured(least, measure(late), begin, f"{told(samples)} {_minutes(level.window)}")


def _requests(samples: Sequence[Sample]) -> int:
    return sum(each.requests for each in samples)


def _share(samples: Sequence[Sample]) -> float:
    return sum(each.failed for each in samples) / _requests(samples)


def _slowness(samples: Sequence[Sample]) -> float:
    return sum(each.p95.total_seconds() * each.requests for each in samples if each.p95) / _requests(samples)


def _memory(level: Level, seen: Seen) -> _Measured | None:
    begin = seen.at - level.window
    points = {each.measure: [p for p in each.points if begin <= p[0] <= seen.at] for each in seen.series or ()}
    used = points.get(Measure.MEMORY, ())
    limit = min((value for _, value in points.get(Measure.MEMORY_LIMIT, ()) if value > 0), default=None)
    late = [value for at, value in used if at >= seen.at - level.window / 2]
    if limit is None or not late or not _covers(min(at for at, _ in used), level, seen):
        return None
    least, most = min(value for _, value in used) / limit, max(value for _, value in used) / limit
    text = f"{least:.0%} to {most:.0%} of {limit:.2f} GB in use for {_minutes(level.window)}"
    return _Measured(least, max(late) / limit, begin, text)


def _disk(_: Level, seen: Seen) -> _Measured | None:
    """Measure the fullest; a disk does not waver, so that one look tells."""
    share, fullest = max(
        ((each.volume.used / each.volume.size, each) for each in seen.disks or () if each.volume.size > 0),
        key=itemgetter(0),
        default=(0.0, None),
    )
    if fullest is None:
        return None
    text = f"{fullest.service}: {share:.0%} of {fullest.volume.size:.2f} GB in use ({fullest.volume.mount})"
    return _Measured(share, share, seen.at, text)


_READERS = {Name.ERRORS: _errors, Name.LATENCY: _latency, Name.MEMORY: _memory, Name.DISK: _disk}


def _covers(first: datetime, level: Level, seen: Seen) -> bool:
    """Tell whether there is data for most of a window: what began within it says nothing of the whole."""
    return first <= seen.at - level.window * COVERED


def _minutes(window: timedelta) -> str:
    minutes = window.total_seconds() / 60
    return f"{minutes:g} minutes" if minutes >= 1 else f"{window.total_seconds():g} seconds"


def keys_of(service: str) -> Mapping[Name, ProbeKey]:
    """Name the signals of a service."""
    return {name: ProbeKey(service, name.value) for name in Name}
