"""Does a service serve? Its deployment's status alone does not tell. Pure.

A deployment that "succeeded" went live once: its process may have ended since, and its replicas may have crashed. The
rule is that of Railway's own command line (`docs/railway.md`), and still no more than the platform's word: our probes
have the last.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from devops_daemon.hosting import UNDER_WAY, Deployment, HostedService, InstanceState, Phase


class Serving(StrEnum):
    """Whether somebody answers, as far as the platform tells."""

    UP = "up"
    STARTING = "starting"
    ASLEEP = "asleep"
    """It wakes when somebody calls: that is well."""
    SCHEDULED = "scheduled"
    """It runs when its time comes: that nothing runs now is well."""
    DOWN = "down"
    EMPTY = "empty"
    """Nothing was ever deployed, or all of it was taken away."""


@dataclass(frozen=True, slots=True)
class State:
    """Whether a service serves, in a word and in words."""

    serving: Serving
    text: str
    news: str = ""
    """What else a person should know: a newer deployment that failed or waits beside the one that serves."""


def state(service: HostedService, now: datetime) -> State:
    """Say whether a service serves."""
    deployment = service.serving or service.latest
    serving, text = (Serving.EMPTY, "nothing is deployed") if deployment is None else _of(service, deployment, now)
    return State(serving, text, _news(service))


def _of(service: HostedService, deployment: Deployment, now: datetime) -> tuple[Serving, str]:
    if service.cron and deployment.phase in {Phase.LIVE, Phase.SLEEPING}:
        return _scheduled(service, now)
    if deployment.phase in {Phase.LIVE, Phase.CRASHED}:
        return _by_replicas(deployment)
    return _NOT_LIVE.get(
        deployment.phase, (Serving.STARTING, f"{deployment.status.lower()}, and nothing else serves meanwhile")
    )


_NOT_LIVE = {
    Phase.SLEEPING: (Serving.ASLEEP, "asleep: the next call wakes it"),
    Phase.FAILED: (Serving.DOWN, "nothing runs: the latest deployment failed"),
    Phase.SKIPPED: (Serving.DOWN, "nothing runs: the latest deployment was skipped"),
    Phase.ENDED: (Serving.EMPTY, "nothing runs: its last deployment was removed"),
}


def _scheduled(service: HostedService, now: datetime) -> tuple[Serving, str]:
    at = service.next_run_at
    if at is not None and at < now:
        return Serving.DOWN, f"its run was due at {at:%Y-%m-%d %H:%M} UTC, and the schedule has not moved on since"
    return Serving.SCHEDULED, f"runs by {service.cron}" + (f", next at {at:%Y-%m-%d %H:%M} UTC" if at else "")


def _by_replicas(deployment: Deployment) -> tuple[Serving, str]:
    here = [each for each in deployment.instances if each.state is not InstanceState.GONE]
    running = deployment.running
    if deployment.stopped and (deployment.phase is Phase.LIVE or not running):
        return Serving.DOWN, "its process has ended by itself, whatever its status says"
    if running:
        crashed = sum(each.state is InstanceState.CRASHED for each in here)
        return Serving.UP, f"{running} of {len(here)} replicas run" + (f", {crashed} crashed" if crashed else "")
    if any(each.state is InstanceState.STARTING for each in here):
        return Serving.STARTING, "its replicas start"
    if deployment.phase is Phase.CRASHED:
        return Serving.DOWN, "it crashed, and is not started again"
    return Serving.DOWN, f"no replica runs, whatever its status ({deployment.status}) says"


def _news(service: HostedService) -> str:
    latest, serving = service.latest, service.serving
    if latest is None or serving is None or latest.id == serving.id:
        return ""
    if latest.phase is Phase.BLOCKED:
        return f"{latest.what} waits for a person's approval in the dashboard"
    if latest.phase in UNDER_WAY:
        return f"{latest.what} is {latest.status.lower()}"
    if latest.phase in {Phase.FAILED, Phase.CRASHED, Phase.SKIPPED}:
        return f"{latest.what} {latest.phase}; the one before goes on"
    return ""
