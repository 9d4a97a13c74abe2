"""Watch what was started to its end, and tell its progress."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.hosting import Deployment, Phase, Step
from devops_daemon.ports import Clock, Platform, RefusedError, UnavailableError
from devops_daemon.rollout.verdict import Going, Health, Patience, Rollout, Sight, Unproven, Verdict, judge

Probe = Callable[[], Awaitable[Health | None]]
"""Looks at the service with our own probes; None where there are none."""
Tell = Callable[[str], None]
SELDOM = 5
_SLOW = frozenset({Phase.WAITING, Phase.BLOCKED, Phase.BUILDING})
"""What takes minutes is looked at so many times as seldom."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended."""

    rollout: Rollout
    verdict: Verdict
    deployment: Deployment | None
    """As it was seen last; None where it never was."""
    ended_at: datetime
    steps: tuple[Step, ...] = ()
    """Its steps, where it did not go well: why."""


class Follow:
    """Looks every few seconds; an outage of the platform's API only makes it look longer."""

    def __init__(self, platform: Platform, now: Clock, every: Callable[[], timedelta]) -> None:
        """`every` tells how often it may look; what waits or is built is looked at more seldom."""
        self._platform = platform
        self._now = now
        self._every = every

    async def to_its_end(self, rollout: Rollout, probe: Probe, tell: Tell, limits: Patience | None = None) -> Ended:
        """Watch one rollout; `tell` gets a word whenever something has changed."""
        limits = limits or Patience()
        told, live_since, seen = "", None, None
        while True:
            try:
                seen = await self._platform.deployment(rollout.deployment_id)
                # one that crashed and is restarted may run again before its status says so
                was_live = seen.phase in {Phase.LIVE, Phase.CRASHED}
                live_since = live_since or (self._now() if was_live else None)
                health = await probe() if was_live and seen.running else None
                verdict = judge(rollout, Sight(seen, self._now(), live_since, health), limits)
            except UnavailableError as error:
                verdict = self._unseen(rollout, error, limits)
            if not isinstance(verdict, Going):
                return await self._ended(rollout, verdict, seen)
            if verdict.text != told:
                told = verdict.text
                tell(told)
            slowly = seen is not None and seen.phase in _SLOW
            await asyncio.sleep(self._every().total_seconds() * (SELDOM if slowly else 1))

    def _unseen(self, rollout: Rollout, error: UnavailableError, limits: Patience) -> Verdict:
        if self._now() - rollout.started_at > limits.build:
            return Unproven(f"how it ended can't be told: {error}")
        return Going(str(error))

    async def _ended(self, rollout: Rollout, verdict: Verdict, seen: Deployment | None) -> Ended:
        steps: tuple[Step, ...] = ()
        if seen is not None and seen.phase in {Phase.FAILED, Phase.CRASHED}:
            try:
                steps = tuple(await self._platform.steps(seen.id))
            except (UnavailableError, RefusedError):
                steps = ()
        return Ended(rollout, verdict, seen, self._now(), steps)
