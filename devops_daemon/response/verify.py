"""What came of a remedy: looked up where that is not known, watched at the platform, proved by our own probes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from devops_daemon.hosting import Deployment, Phase
from devops_daemon.incidents.mitigation import judged
from devops_daemon.mending import Act, Came, Remedy, Stage
from devops_daemon.model import Incident, ProbeKey, ProbeState, Status, Watchlist
from devops_daemon.ports import Clock, MendingLedger, Platform, RefusedError
from devops_daemon.response.remedies import LAST
from devops_daemon.rollout.begun import TAKEN_WITHIN, all_begun, find_begun
from devops_daemon.rollout.matching import health_since
from devops_daemon.rollout.verdict import Action, Failed, Going, Health, Patience, Rollout, Sight, Unproven, Well, judge
from devops_daemon.rollout.verdict import Verdict as Judged

LOOKED_AT_WITHIN = 3
"""So many pauses it is waited for a look of our probes at what was done."""
_DEPLOYS = {Act.REDEPLOY, Act.ROLLBACK}
NOT_LOOKED_AT = Health(Status.UNKNOWN, "our probes have not looked since")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it, in a word and in words."""

    came: Came
    text: str


class Verify:
    """Looks at one remedy that is under way."""

    def __init__(
        self,
        platform: Platform | None,
        ledger: MendingLedger,
        watchlist: Watchlist,
        states: Callable[[], Awaitable[Mapping[ProbeKey, ProbeState]]],
        now: Clock,
        look: Callable[[], None] = lambda: None,
        *,
        pause: timedelta,
    ) -> None:
        """`look` asks for a round of our probes soon.

        `pause` is what a remedy gets to take effect; what does not show at the platform by then never reached it.
        """
        self._platform = platform
        self._ledger = ledger
        self._services = {service.name: service for service in watchlist.services}
        self._states = states
        self._now = now
        self._look = look
        self._pause = pause
        self._patience = Patience(settle=pause)
        self._taken_within = min(2 * pause, TAKEN_WITHIN)  # the write itself may take as long as the pause

    async def verdict(self, remedy: Remedy, incident: Incident) -> Verdict | None:
        """Say what came of it, None while that is not known. Raises UnavailableError, LostRaceError."""
        if self._platform is None:
            return Verdict(Came.UNCLEAR, "Railway is not configured any more")
        try:
            if remedy.stage is Stage.STARTED:
                return await self._look_up(self._platform, remedy)
            remedy, came = await self._judge(self._platform, remedy)
            return None if self._is_early(remedy, came) else _verdict(remedy, incident, came)
        except RefusedError as error:
            return Verdict(Came.UNCLEAR, f"it cannot be watched: {error}")

    def _is_early(self, remedy: Remedy, came: Judged) -> bool:
        """Tell whether it is too early: Railway may be late to show what runs, and our probes to come round."""
        if isinstance(came, Failed):
            return remedy.act is Act.RESTART and self._now() < remedy.began_at + self._pause
        since = remedy.live_at or remedy.began_at
        return isinstance(came, Unproven) and self._now() < since + LOOKED_AT_WITHIN * self._pause

    async def take(self, remedy: Remedy, brought: str | None) -> None:
        """Note that it was done, and what it brought about."""
        at_once = remedy.act is Act.CLEAR_SESSIONS
        taken = replace(remedy, stage=Stage.TAKEN, deployment_id=brought, live_at=self._now() if at_once else None)
        await self._ledger.change(taken)
        if at_once:
            self._look()

    async def _look_up(self, platform: Platform, remedy: Remedy) -> Verdict | None:
        """Find what an earlier attempt has brought about; what cannot be told is not done again."""
        if remedy.act is Act.RESTART:
            return await self._whether_restarted(platform, remedy)
        if remedy.act is Act.CLEAR_SESSIONS:
            return await self._whether_cleared(remedy)
        found = all_begun(await platform.deployments(remedy.service_id, LAST), remedy.code, remedy.began_at)
        if len(found) > 1:
            return Verdict(Came.UNCLEAR, "somebody else has deployed the same code at the same time")
        if found:
            await self.take(remedy, found[0].id)
        elif self._now() >= remedy.began_at + self._taken_within:
            return Verdict(Came.NOT_DONE, "it never reached Railway")
        return None

    async def _whether_restarted(self, platform: Platform, remedy: Remedy) -> Verdict | None:
        """Say that what had ended was not started again.

        Of what was running no trace is left: whether it helped is seen, it counts, and it is not done again.
        """
        seen = await platform.deployment(remedy.target_id) if remedy.target_id else None
        unchanged = seen and seen.changed_at and seen.changed_at == remedy.target_changed_at
        if seen is None or seen.phase is not Phase.CRASHED or not unchanged:
            await self.take(remedy, remedy.target_id)
        elif self._now() >= remedy.began_at + self._taken_within:
            return Verdict(Came.NOT_DONE, "it never reached Railway: the process has not been started again")
        return None

    async def _whether_cleared(self, remedy: Remedy) -> Verdict | None:
        """Say whether sessions were cleared: to do it twice does no harm, so what is not seen may be done again."""
        match await self._by_health(remedy):
            case Going():
                return None
            case Well(text):
                return Verdict(Came.HELPED, text)
            case Failed() | Unproven():
                return Verdict(Came.NOT_DONE, "whether it was done cannot be told; to do it again does no harm")

    async def _judge(self, platform: Platform, remedy: Remedy) -> tuple[Remedy, Judged]:
        if remedy.deployment_id is None and remedy.act in _DEPLOYS:
            if (begun := await self._begun(platform, remedy)) is None:
                return remedy, self._unseen(remedy)
            remedy = await self._ledger.change(replace(remedy, deployment_id=begun.id))
        if remedy.deployment_id is None:
            return remedy, await self._by_health(remedy)
        seen = await platform.deployment(remedy.deployment_id)
        if remedy.live_at is None and _runs(seen, remedy):
            remedy = await self._ledger.change(replace(remedy, live_at=self._now()))
            self._look()
        health = await self._health(remedy) if remedy.live_at else None
        rollout = Rollout(Action(remedy.act.value), seen.id, remedy.began_at)
        return remedy, judge(rollout, Sight(seen, self._now(), remedy.live_at, health), self._patience)

    async def _begun(self, platform: Platform, remedy: Remedy) -> Deployment | None:
        return find_begun(await platform.deployments(remedy.service_id, LAST), remedy.code, remedy.began_at)

    def _unseen(self, remedy: Remedy) -> Judged:
        """Judge what Railway said yes to and does not show: it counts, for it may come at any time."""
        text = "Railway took it, and shows nothing of it"
        return Going(text) if self._now() < remedy.began_at + self._taken_within else Unproven(text)

    async def _by_health(self, remedy: Remedy) -> Judged:
        health, since = await self._health(remedy), remedy.live_at or remedy.began_at
        if health.status is Status.UP:
            return Well(f"it answers: {health.detail}")
        return Going(health.detail) if self._patience.lasts(self._now() - since, health) else Failed(health.detail)

    async def _health(self, remedy: Remedy) -> Health:
        """Say how the service is by the looks since what was done took effect."""
        service = self._services.get(remedy.watched)
        since = remedy.live_at or remedy.began_at
        return (health_since(service, await self._states(), since) if service else None) or NOT_LOOKED_AT


def _verdict(remedy: Remedy, incident: Incident, found: Judged) -> Verdict | None:
    match found:
        case Going():
            return None
        case Well(text):
            return Verdict(Came.HELPED, text)
        case Unproven(text):
            return Verdict(Came.UNCLEAR, text)
        case Failed(text):
            return Verdict(*judged(remedy, incident, failed=remedy.live_at is None, text=text))


def _runs(seen: Deployment, remedy: Remedy) -> bool:
    """Tell whether what was brought about runs; one that crashed and is restarted may run before its status says so."""
    return seen.phase is Phase.LIVE or (seen.phase is Phase.CRASHED and remedy.act is Act.RESTART)
