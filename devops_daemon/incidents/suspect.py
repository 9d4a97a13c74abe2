"""Which deployment may be at fault: the one that went live just before the first failure. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.hosting import DeploymentRecord

LOOKED_BACK = timedelta(minutes=30)
CLOCKS_DIFFER = timedelta(seconds=30)
"""The platform's clock may be so far before ours, or the first failure be seen while it goes live."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A deployment that may be at fault."""

    deployment_id: str
    code: str | None
    """Its commit, or its image."""
    text: str
    """What it is of, and when it went live, for people; it quotes strangers."""
    failing_since: bool
    """Our probes have never found it well: it did not work from the beginning."""


def suspect_of(records: Sequence[DeploymentRecord], opened_at: datetime) -> Suspect | None:
    """Find the one among the deployments of a service that came live last before its first failure; None is none.

    One that was found well for a while is named, but does not fail since it was deployed.
    """
    before = [record for record in records if record.live_at and _is_just_before(record.live_at, opened_at)]
    found = max(before, key=lambda record: record.live_at or record.created_at, default=None)
    if found is None or found.live_at is None:
        return None
    apart = (opened_at - found.live_at).total_seconds()
    when = f"{abs(apart):.0f} s {'before' if apart >= 0 else 'after'} the first failure"
    was_well = found.well_at is not None and found.well_at < opened_at
    seen = ", and was well for a while" if was_well else ""
    return Suspect(
        found.id,
        found.commit.sha if found.commit else found.image,
        f"{found.what} went live at {found.live_at:%H:%M:%S} UTC, {when}{seen}",
        failing_since=not was_well,
    )


def _is_just_before(live_at: datetime, opened_at: datetime) -> bool:
    return opened_at - LOOKED_BACK <= live_at <= opened_at + CLOCKS_DIFFER
