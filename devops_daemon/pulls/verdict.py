"""What became of a merge: what its commit deployed, by the deployments' rows, which our probes have proved. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.hosting import Became, DeploymentRecord
from devops_daemon.landing import Came, Landing
from devops_daemon.model import Incident


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a merge is waited for."""

    wait: timedelta
    """At most (`MERGE_WAIT`)."""
    settle: timedelta
    """Where nothing is hosted: until the base has settled (`CHECKS_SETTLE`)."""
    hosted: bool = False
    """A platform is looked at, so that deployments are to be seen."""
    probed: frozenset[str] = frozenset()
    """The services, by the platform's ids, that our probes look at: of the others the platform's word must do."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of it."""

    came: Came
    text: str


def judged(
    landing: Landing,
    deployed: Sequence[DeploymentRecord],
    incidents: Sequence[Incident],
    patience: Patience,
    now: datetime,
) -> Verdict | None:
    """Say what became of a merge, None while that is not known; `deployed` are the deployments of its commit."""
    since = landing.merged_at or landing.began_at
    if not patience.hosted:
        return Verdict(Came.MERGED, "no platform is looked at") if now >= since + patience.settle else None
    if (ill := _ill(landing, deployed, incidents)) is not None:
        return ill
    well = sorted({each.service for each in deployed if each.became is Became.WELL})
    if deployed and all(_is_done(each, patience) for each in deployed):
        if well:
            return Verdict(Came.LIVE, f"live and healthy on {' and '.join(well)}")
        if all(each.became is Became.SKIPPED for each in deployed):
            return Verdict(Came.MERGED, "it deploys nothing")
    if now < since + patience.wait:
        return None
    stand = ", ".join(f"{each.service} {each.became}" for each in deployed) or "none was seen"
    return Verdict(Came.MERGED, f"its deployment was not judged in time ({stand})")


def _is_done(record: DeploymentRecord, patience: Patience) -> bool:
    unprobed = record.became is Became.LIVE and record.service_id not in patience.probed
    return unprobed or record.became in {Became.WELL, Became.SKIPPED, Became.ENDED}


def _ill(landing: Landing, deployed: Sequence[DeploymentRecord], incidents: Sequence[Incident]) -> Verdict | None:
    rolled = next((each for each in incidents if landing.commit and each.stands == landing.commit), None)
    if rolled is not None:
        return Verdict(Came.FAILED, f"it was rolled back in incident {rolled.id}")
    failed = next((each for each in deployed if each.became is Became.FAILED), None)
    if failed is None:
        return None
    came = Came.FAILED if failed.live_at else Came.UNDEPLOYED
    return Verdict(came, f"its deployment of {failed.service} {failed.status.lower()}")
