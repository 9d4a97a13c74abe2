"""What is kept of each deployment, whoever started it: a row that outlives the platform's own memory. Pure.

From it can be told which deployment was proved to be well, and which came just before something broke.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from devops_daemon.hosting import UNDER_WAY, Became, Deployment, DeploymentRecord, HostedService, Phase
from devops_daemon.model import Status
from devops_daemon.rollout.verdict import Health

PROVE_WITHIN = timedelta(minutes=10)
"""A deployment that went live and was not found well within this, is unproven."""


def advance(
    kept: DeploymentRecord | None, service: HostedService, seen: Deployment, health: Health | None, now: datetime
) -> DeploymentRecord:
    """Bring the row of a deployment up to what is seen; the same where nothing has changed.

    `health` is what our probes found of the service after the row's `live_at`: None where they found nothing yet, OFF
    where nothing probes it.
    """
    live = seen.phase in {Phase.LIVE, Phase.SLEEPING}
    over = seen.phase in {Phase.ENDED, Phase.FAILED, Phase.CRASHED, Phase.SKIPPED}
    before = kept or DeploymentRecord(
        id=seen.id,
        service_id=seen.service_id or service.id,
        service=service.name,
        status=seen.status,
        phase=seen.phase,
        became=Became.UNDER_WAY,
        created_at=seen.created_at,
        seen_at=now,
    )
    live_at = before.live_at or (min(seen.changed_at or now, now) if live else None)
    well = live and before.live_at is not None and health is not None and health.status is Status.UP
    row = replace(
        before,
        status=seen.status,
        phase=seen.phase,
        commit=seen.commit or before.commit,
        image=seen.image or before.image,
        patch_id=seen.patch_id or before.patch_id,
        live_at=live_at,
        well_at=before.well_at or (now if well else None),
        ended_at=(before.ended_at or now) if over else None,
    )
    probed = health is None or health.status is not Status.OFF
    return replace(row, became=_became(row, now, probed=probed))


def gone(kept: DeploymentRecord, now: datetime) -> DeploymentRecord:
    """End the row of a deployment that is neither the latest nor active, and of which the platform tells no more."""
    row = replace(kept, phase=Phase.ENDED, ended_at=now)
    return replace(row, became=_became(row, now, probed=True))


def _became(row: DeploymentRecord, now: datetime, *, probed: bool) -> Became:
    if row.phase in {Phase.FAILED, Phase.CRASHED}:
        return Became.FAILED
    if row.well_at is not None:
        return Became.WELL
    if row.phase in UNDER_WAY:
        return Became.UNDER_WAY
    if row.phase is Phase.SKIPPED:
        return Became.SKIPPED
    if row.phase is Phase.ENDED or row.live_at is None:
        return Became.ENDED
    # one that was live before we came has its time from when we came
    in_time = now - max(row.live_at, row.seen_at) <= PROVE_WITHIN
    return Became.LIVE if in_time or not probed else Became.UNPROVEN
