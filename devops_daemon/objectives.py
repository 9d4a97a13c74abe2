"""The success criteria of the specification, measured from the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.asking import Wait
from devops_daemon.landing import Ready
from devops_daemon.model import Incident, Severity

WINDOWS = (timedelta(days=7), timedelta(days=30))
DETECTION = timedelta(minutes=5)
RESPONSE = timedelta(minutes=10)
AUTO_RECOVERY = 0.5
STALENESS = timedelta(hours=1)
DIAGNOSTIC = timedelta(minutes=5)


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
        Objective("detection", DETECTION.total_seconds(), tuple(_detection(incidents, now, w) for w in WINDOWS)),
        Objective("sev1_response", RESPONSE.total_seconds(), tuple(_response(incidents, now, w) for w in WINDOWS)),
        Objective("auto_recovery", AUTO_RECOVERY, tuple(_auto_recovery(incidents, now, w) for w in WINDOWS)),
        Objective("pr_staleness", STALENESS.total_seconds(), tuple(_staleness(ready, now, w) for w in WINDOWS)),
        Objective("diagnostic", DIAGNOSTIC.total_seconds(), tuple(_diagnostic(asked, now, w) for w in WINDOWS)),
    )


def _detection(incidents: Sequence[Incident], now: datetime, window: timedelta) -> Measured:
    """Time from the first failing result to the incident's row."""
    waits = [i.detected_at - i.opened_at for i in incidents if i.detected_at > now - window]
    return _kept_within(DETECTION, waits, window)


def _response(incidents: Sequence[Incident], now: datetime, window: timedelta) -> Measured:
    """Time from the first failure of a SEV1 to the first remedy, call or notice; one that waits too long counts."""
    lately = [i for i in incidents if i.severity is Severity.SEV1 and i.opened_at > now - window and not i.quiet_until]
    answered = [i.addressed_at - i.opened_at for i in lately if i.addressed_at]
    waiting = [(i.resolved_at or now) - i.opened_at for i in lately if not i.addressed_at]
    return _kept_within(RESPONSE, [*answered, *(wait for wait in waiting if wait > RESPONSE)], window)


def _auto_recovery(incidents: Sequence[Incident], now: datetime, window: timedelta) -> Measured:
    """Share of the outages that ended without a person: nobody was called for, saw to it, or said that it had ended."""
    lately = [i for i in incidents if i.is_outage and not i.quiet_until]
    ended = [i for i in lately if i.resolved_at and i.resolved_at > now - window]
    if not ended:
        return Measured(window, None, None)
    alone = sum(not (i.escalated_at or i.acknowledged_by or i.resolved_by) for i in ended) / len(ended)
    return Measured(window, alone, alone)


def _diagnostic(asked: Sequence[Wait], now: datetime, window: timedelta) -> Measured:
    """Time from a comment to its results; one that waits for longer than was promised counts already."""
    lately = [wait for wait in asked if wait.asked_at > now - window]
    waits = [(wait.answered_at or now) - wait.asked_at for wait in lately]
    over = [wait for wait, row in zip(waits, lately, strict=True) if row.answered_at or wait > DIAGNOSTIC]
    return _kept_within(DIAGNOSTIC, over, window)


def _staleness(ready: Sequence[Ready], now: datetime, window: timedelta) -> Measured:
    """Time from green, and held by nobody, to merged; one that waits for longer than was promised counts already."""
    merged = [each.merged_at - each.since for each in ready if each.merged_at and each.merged_at > now - window]
    waiting = [now - each.since for each in ready if not each.merged_at]
    return _kept_within(STALENESS, [*merged, *(wait for wait in waiting if wait > STALENESS)], window)


def _kept_within(promise: timedelta, waits: Sequence[timedelta], window: timedelta) -> Measured:
    if not waits:
        return Measured(window, None, None)
    return Measured(window, max(waits).total_seconds(), sum(wait <= promise for wait in waits) / len(waits))
