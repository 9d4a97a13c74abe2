"""The success criteria of the specification, measured from the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.model import Incident

WINDOWS = (timedelta(days=7), timedelta(days=30))
DETECTION = timedelta(minutes=5)
AUTO_RECOVERY = 0.5


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


def measure(incidents: Sequence[Incident], now: datetime) -> tuple[Objective, ...]:
    """Measure all five (contract, "Objectives"); what depends on acts that there are none of yet has no data.

    A share of recoveries without a person is not measured while no person can act: it could not be but 1.
    """
    return (
        Objective("detection", DETECTION.total_seconds(), tuple(_detection(incidents, now, w) for w in WINDOWS)),
        Objective("sev1_response", 600),
        Objective("auto_recovery", AUTO_RECOVERY),
        Objective("pr_staleness", 3600),
        Objective("diagnostic", 300),
    )


def _detection(incidents: Sequence[Incident], now: datetime, window: timedelta) -> Measured:
    """Time from the first failing result to the incident's row."""
    waits = [(i.detected_at - i.opened_at).total_seconds() for i in incidents if i.detected_at > now - window]
    if not waits:
        return Measured(window, None, None)
    return Measured(window, max(waits), sum(wait <= DETECTION.total_seconds() for wait in waits) / len(waits))
