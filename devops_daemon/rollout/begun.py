"""What an act brought about, found again by its code and its time. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from devops_daemon.hosting import Deployment

CLOCKS_DIFFER = timedelta(seconds=5)
"""What the platform dates may seem to be so much older than the row that was written before it."""
TAKEN_WITHIN = timedelta(minutes=6)
"""So long the platform is given to take an act: what comes later is somebody else's."""
NO_CODE = "no code"


def code_of(deployment: Deployment) -> str:
    """Name the code that a deployment is of."""
    return deployment.commit.sha if deployment.commit else deployment.image or NO_CODE


def find_begun(deployments: Sequence[Deployment], code: str | None, since: datetime) -> Deployment | None:
    """Find what an act brought about; None where nothing is there, or several may be meant."""
    found = all_begun(deployments, code, since)
    return found[0] if len(found) == 1 else None


def all_begun(deployments: Sequence[Deployment], code: str | None, since: datetime) -> list[Deployment]:
    """Find what an act may have brought about: the deployments of its code, of its time."""
    until = since + TAKEN_WITHIN
    timely = [each for each in deployments if since - CLOCKS_DIFFER <= each.created_at <= until]
    # one that is quite new may not be told with its code yet
    return [each for each in timely if code_of(each) in {code, NO_CODE}]
