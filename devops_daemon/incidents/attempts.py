"""Whether a merged pull request that was to end an outage has done so. Pure; `response.attempts` looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.hosting import DeploymentRecord, Phase
from devops_daemon.mending import Act, Attempt, Came, Remedy
from devops_daemon.model import Incident, Symptom

MOST_CALLS = 3
"""Of the Code Agent, for one incident; then a person is called."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an attempt is waited for."""

    deployed_within: timedelta
    """Until it is deployed, where nobody tells that it was (`MERGE_WAIT`)."""
    settle: timedelta
    """After that, until it shows at our probes (`REMEDIATION_PAUSE`)."""


def why_failed(
    attempt: Attempt,
    incident: Incident,
    remedies: Sequence[Remedy],
    deployed: Sequence[DeploymentRecord],
    patience: Patience,
    now: datetime,
) -> str | None:
    """Say why it did not help; None where it did, or where that is not known yet.

    `deployed` are the deployments of its commit.
    """
    what = f"pull request #{attempt.pull} was merged at {attempt.merged_at:%H:%M} UTC"
    if any(_went_back(remedy, attempt) for remedy in remedies):
        return f"{what}, and what it deployed had to be rolled back"
    if any(record.phase is Phase.FAILED for record in deployed):
        return f"{what}, and its deployment failed"
    live = [record.live_at for record in deployed if record.live_at]
    since = max(live) if live else attempt.merged_at + patience.deployed_within
    measured = [member for member in incident.burning if member.symptom is not Symptom.DECLARED]
    if not measured or now < since + patience.settle:
        return None
    failing = ", ".join(str(member.key) for member in measured)
    return f"{what}, and {failing} still fails"


def used_up(attempts: Sequence[Attempt]) -> bool:
    """Tell whether the Code Agent was called as often as it may be, to no avail."""
    return sum(attempt.failed_at is not None for attempt in attempts) >= MOST_CALLS


def _went_back(remedy: Remedy, attempt: Attempt) -> bool:
    return (
        remedy.act is Act.ROLLBACK and bool(attempt.code) and remedy.leaves == attempt.code
    ) and remedy.came is not Came.NOT_DONE
