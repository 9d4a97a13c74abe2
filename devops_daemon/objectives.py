"""The success criteria of the specification, measured from the ledger, case by case.

Each objective is a list of cases; windows, weeks and the worst case are read off it. A case that goes on counts as soon
as it has lasted longer than was promised. What was quiet needed no answer, and has no part in how outages end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.asking import Wait
from devops_daemon.landing import Ready
from devops_daemon.model import Incident, Severity, Symptom

WEEK = timedelta(days=7)
WINDOWS = (WEEK, timedelta(days=30))
WEEKS = 4
DETECTION = timedelta(minutes=5)
RESPONSE = timedelta(minutes=10)
AUTO_RECOVERY = 0.5
STALENESS = timedelta(hours=1)
DIAGNOSTIC = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Case:
    """One time that a promise was, or was not, kept."""

    at: datetime
    """By which it is counted: when it ended, or now."""
    value: float
    """Seconds; of `auto_recovery` 1 for an outage that ended without a person, else 0."""
    incident: str | None = None
    """What it was about, one of these: an incident's id,"""
    number: int | None = None
    """the number of a pull request or an issue, with"""
    comment: int | None = None
    """the comment's id there."""

    @property
    def about(self) -> str:
        """Name it for people."""
        return f"incident {self.incident}" if self.incident else f"#{self.number}"


@dataclass(frozen=True, slots=True)
class Measured:
    """One objective over one window: None where there is no data."""

    window: timedelta
    worst: float | None
    share_met: float | None


@dataclass(frozen=True, slots=True)
class Objective:
    """A promise and how it was kept; times in seconds, `auto_recovery` as a share."""

    name: str
    target: float
    windows: tuple[Measured, ...] = ()
    weeks: tuple[Measured, ...] = ()
    """The last four weeks, oldest first: the trend."""
    worst_case: Case | None = None
    """Of the longest window, the latest of those that are equally bad; None where none is, or none was bad."""

    @property
    def actual(self) -> float | None:
        """The worst value of the shortest window."""
        return self.windows[0].worst if self.windows else None

    @property
    def met(self) -> bool | None:
        """Whether the promise was kept throughout that window."""
        if self.actual is None:
            return None
        return self.actual > self.target if self.name == "auto_recovery" else self.actual <= self.target


def measure(
    incidents: Sequence[Incident], now: datetime, asked: Sequence[Wait] = (), ready: Sequence[Ready] = ()
) -> tuple[Objective, ...]:
    """Measure all five (contract, "Objectives")."""
    return (
        _times("detection", DETECTION, _detected(incidents), now),
        _times("sev1_response", RESPONSE, _answered_for(incidents, now), now),
        _shares("auto_recovery", AUTO_RECOVERY, _recovered(incidents), now),
        _times("pr_staleness", STALENESS, _merged(ready, now), now),
        _times("diagnostic", DIAGNOSTIC, _answered(asked, now), now),
    )


# Cases


def _detected(incidents: Sequence[Incident]) -> list[Case]:
    """Time from the first failing result to the incident's row; what a person declared, no probe had to find."""
    found = (i for i in incidents if all(member.symptom is not Symptom.DECLARED for member in i.members))
    return [Case(i.detected_at, _seconds(i.detected_at - i.opened_at), i.id) for i in found]


def _answered_for(incidents: Sequence[Incident], now: datetime) -> list[Case]:
    """Time from the first failure of a SEV1 to the first remedy, call or notice."""
    found = [i for i in incidents if i.severity is Severity.SEV1 and not i.quiet_until]
    answered = [Case(i.opened_at, _seconds(i.addressed_at - i.opened_at), i.id) for i in found if i.addressed_at]
    unanswered = [i for i in found if not i.addressed_at]
    waited = [Case(i.opened_at, _seconds((i.resolved_at or now) - i.opened_at), i.id) for i in unanswered]
    return [*answered, *_over(RESPONSE, waited)]


def _recovered(incidents: Sequence[Incident]) -> list[Case]:
    """The outages that ended, and whether nobody was called for, saw to it, or said that it had ended."""
    ended = [i for i in incidents if i.is_outage and not i.quiet_until and i.resolved_at]
    return [
        Case(i.resolved_at, float(not (i.escalated_at or i.acknowledged_by or i.resolved_by)), i.id)
        for i in ended
        if i.resolved_at
    ]


def _answered(asked: Sequence[Wait], now: datetime) -> list[Case]:
    """Time from a comment to its results."""

    def case(wait: Wait) -> Case:
        took = (wait.answered_at or now) - wait.asked_at
        return Case(wait.asked_at, _seconds(took), number=wait.issue, comment=wait.comment)

    waiting = [case(wait) for wait in asked if not wait.answered_at]
    return [*(case(wait) for wait in asked if wait.answered_at), *_over(DIAGNOSTIC, waiting)]


def _merged(ready: Sequence[Ready], now: datetime) -> list[Case]:
    """Time from green, and held by nobody, to merged."""
    merged = [
        Case(each.merged_at, _seconds(each.merged_at - each.since), number=each.number)
        for each in ready
        if each.merged_at
    ]
    waiting = [Case(now, _seconds(now - each.since), number=each.number) for each in ready if not each.merged_at]
    return [*merged, *_over(STALENESS, waiting)]


def _over(promise: timedelta, cases: Sequence[Case]) -> list[Case]:
    """Leave out what may still be in time."""
    return [case for case in cases if case.value > promise.total_seconds()]


def _seconds(took: timedelta) -> float:
    return took.total_seconds()


# What they amount to


def _times(name: str, promise: timedelta, cases: Sequence[Case], now: datetime) -> Objective:
    target = promise.total_seconds()

    def measured(window: timedelta, cases: Sequence[Case]) -> Measured:
        if not cases:
            return Measured(window, None, None)
        met = sum(case.value <= target for case in cases)
        return Measured(window, max(case.value for case in cases), met / len(cases))

    lately = _between(cases, now - WINDOWS[-1], None)
    worst = max(lately, key=lambda case: (case.value, case.at), default=None)
    windows = tuple(measured(window, _between(cases, now - window, None)) for window in WINDOWS)
    return Objective(name, target, windows, tuple(measured(WEEK, part) for part in _by_week(cases, now)), worst)


def _shares(name: str, target: float, cases: Sequence[Case], now: datetime) -> Objective:
    def measured(window: timedelta, cases: Sequence[Case]) -> Measured:
        share = sum(case.value for case in cases) / len(cases) if cases else None
        return Measured(window, share, share)

    bad = [case for case in _between(cases, now - WINDOWS[-1], None) if not case.value]
    windows = tuple(measured(window, _between(cases, now - window, None)) for window in WINDOWS)
    weeks = tuple(measured(WEEK, part) for part in _by_week(cases, now))
    return Objective(name, target, windows, weeks, max(bad, key=lambda case: case.at, default=None))


def _by_week(cases: Sequence[Case], now: datetime) -> list[list[Case]]:
    """Sort cases into the last weeks, oldest first; the last is the week until now."""
    ends = [now - WEEK * back for back in reversed(range(WEEKS))]
    return [_between(cases, end - WEEK, end if end != now else None) for end in ends]


def _between(cases: Sequence[Case], after: datetime, until: datetime | None) -> list[Case]:
    return [case for case in cases if case.at > after and (until is None or case.at <= until)]
