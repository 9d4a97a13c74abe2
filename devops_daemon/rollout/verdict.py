"""Has what was started come to its end? Pure: what was started, what is seen now, what our probes say.

A deployment is well when it is live, a replica runs, and our probes of the service pass. Where nothing probes it, the
platform's word must do, and that is said.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from devops_daemon.hosting import Deployment, Instance, Phase
from devops_daemon.model import Status

TURNING = 3
"""So many times as long is waited for what has just begun to answer again."""


class Action(StrEnum):
    """What can be started."""

    RESTART = "restart"
    REDEPLOY = "redeploy"
    DEPLOY = "deploy"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Rollout:
    """Something that was started, and is watched to its end."""

    action: Action
    deployment_id: str
    started_at: datetime
    instances: tuple[Instance, ...] = ()
    """Before a restart: those that must go."""


@dataclass(frozen=True, slots=True)
class Health:
    """What our probes say of the service."""

    status: Status
    detail: str = ""
    turning: bool = False
    """The last look found nothing wrong, which one more must confirm."""


@dataclass(frozen=True, slots=True)
class Going:
    """Not at its end: look again."""

    text: str


@dataclass(frozen=True, slots=True)
class Well:
    """It came to a good end."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It came to a bad end."""

    text: str


@dataclass(frozen=True, slots=True)
class Unproven:
    """It cannot be told: it waits for a person, took too long, or could not be probed."""

    text: str


Verdict = Going | Well | Failed | Unproven


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait."""

    build: timedelta = timedelta(minutes=30)
    """From the start until it is live: builds queue and take their time."""
    settle: timedelta = timedelta(seconds=90)
    """From live until our probes pass (`REMEDIATION_PAUSE`)."""
    restart: timedelta = timedelta(seconds=10)
    """From a restart until the absence of any sign of it counts as done."""

    def lasts(self, waited: timedelta, health: Health) -> bool:
        """Tell whether what runs and is not well yet is given more time: longer where it is just getting well."""
        return waited < (TURNING if health.turning else 1) * self.settle


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a rollout at one moment."""

    deployment: Deployment
    at: datetime
    live_since: datetime | None = None
    """When it was first seen live."""
    health: Health | None = None
    """None where nothing probes the service."""


def judge(rollout: Rollout, sight: Sight, limits: Patience) -> Verdict:
    """Say where a rollout stands."""
    seen = sight.deployment
    if seen.phase is Phase.LIVE or (seen.phase is Phase.CRASHED and rollout.action is Action.RESTART):
        return _live(rollout, sight, limits)
    ended = _ENDS.get(seen.phase)
    if ended is not None:
        return ended
    waited = sight.at - rollout.started_at
    if waited > limits.build:
        return Unproven(f"still {seen.status.lower()} after {waited.total_seconds() / 60:.0f} min")
    return Going(seen.status.lower())


_ENDS: dict[Phase, Verdict] = {
    Phase.FAILED: Failed("the deployment failed; the one before goes on serving"),
    Phase.CRASHED: Failed("the deployment crashed"),
    Phase.SKIPPED: Failed("the deployment was skipped: its checks failed, or nothing that it watches had changed"),
    Phase.ENDED: Failed("the deployment was replaced, removed or aborted"),
    Phase.BLOCKED: Unproven("the deployment waits for a person's approval in the dashboard"),
    Phase.SLEEPING: Well("deployed, and asleep until somebody calls"),
}


def _live(rollout: Rollout, sight: Sight, limits: Patience) -> Verdict:
    seen = sight.deployment
    waited = sight.at - (sight.live_since or sight.at)
    if seen.build_only and seen.phase is Phase.LIVE:
        return Well("built; it runs when its time comes")
    if rollout.action is Action.RESTART and _is_old(rollout, seen) and waited < limits.restart:
        return Going("restarting")
    if seen.stopped and (seen.phase is Phase.LIVE or not seen.running):
        return Failed("its process has ended by itself")
    if seen.running:
        verdict = _answering(sight, waited, limits)
        unsure = isinstance(verdict, Well) and rollout.action is Action.RESTART and _is_old(rollout, seen)
        return Well(f"{verdict.text}; no sign of the restart itself was seen") if unsure else verdict
    return Going(f"{seen.status.lower()}, no replica runs yet") if waited < limits.settle else Failed("no replica runs")


def _answering(sight: Sight, waited: timedelta, limits: Patience) -> Verdict:
    running, health = sight.deployment.running, sight.health
    if health is None:
        return Well(f"live, {running} running; nothing probes it")
    if health.status is Status.UP:
        return Well(f"live, {running} running, and it answers")
    if limits.lasts(waited, health):
        return Going(f"live, but {health.detail}")
    if health.status in {Status.UNKNOWN, Status.OFF}:
        return Unproven(f"live, but it can't be probed: {health.detail}")
    return Failed(f"live, but {health.detail}")


def _is_old(rollout: Rollout, seen: Deployment) -> bool:
    """Tell whether the same replicas run as before the restart."""
    return {each.id for each in seen.instances} == {each.id for each in rollout.instances}
