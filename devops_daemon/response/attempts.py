"""Follow what the Code Agent was called for: the merged pull requests that name the issue, and whether they help."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from devops_daemon.incidents.attempts import Patience, why_failed
from devops_daemon.mending import Attempt, Remedy
from devops_daemon.model import EventKind, Incident, TimelineEvent
from devops_daemon.ports import Clock, DeploymentHistory, Forge, MendingLedger, RefusedError, UnavailableError

LOOK_EVERY = timedelta(minutes=1)
CLOCKS_DIFFER = timedelta(minutes=1)
log = structlog.get_logger("incident")


class Attempts:
    """Looks for them, and judges them."""

    def __init__(
        self, forge: Forge | None, ledger: MendingLedger, deployments: DeploymentHistory, patience: Patience, now: Clock
    ) -> None:
        self._forge = forge
        self._ledger = ledger
        self._deployments = deployments
        self._patience = patience
        self._now = now
        self._looked_at: dict[str, datetime] = {}

    @property
    def every(self) -> timedelta:
        """Between two looks."""
        return min(LOOK_EVERY, self._patience.settle)

    async def of(
        self, incident: Incident, remedies: Sequence[Remedy], called_at: datetime
    ) -> tuple[Incident, list[Attempt]]:
        """Give those since the agent was called, and the incident as it is then.

        Raises UnavailableError where the store cannot be used, and LostRaceError.
        """
        known = {attempt.pull: attempt for attempt in await self._ledger.attempts(incident.id)}
        for new in await self._new(incident, called_at):
            if new.pull not in known:
                text = f"pull request #{new.pull}, which names the issue, was merged"
                incident = await self._keep(incident, new, text)
                known[new.pull] = new
        for attempt in list(known.values()):
            if attempt.failed_at is None and not incident.resolved_at:
                deployed = await self._deployments.of_commit(attempt.code) if attempt.code else []
                why = why_failed(attempt, incident, remedies, deployed, self._patience, self._now())
                if why:
                    failed = replace(attempt, failed_at=self._now(), text=why)
                    incident = await self._keep(incident, failed, why)
                    known[attempt.pull] = failed
        return incident, sorted(known.values(), key=lambda each: each.merged_at)

    async def _new(self, incident: Incident, called_at: datetime) -> list[Attempt]:
        """Look for those that were merged since; what cannot be read is looked for again."""
        last, now = self._looked_at.get(incident.id), self._now()
        if self._forge is None or incident.issue is None or incident.resolved_at:
            return []
        if last is not None and timedelta() <= now - last < self.every:
            return []
        self._looked_at = {name: at for name, at in self._looked_at.items() if now - at < LOOK_EVERY}
        self._looked_at[incident.id] = now
        try:
            merged = await self._forge.merged(called_at - CLOCKS_DIFFER)
        except (UnavailableError, RefusedError) as error:
            log.info("attempts.unread", incident=incident.id, reason=str(error))
            return []
        mine = [each for each in merged if each.names(incident.issue)]
        return [Attempt(incident.id, each.number, each.commit, each.merged_at) for each in mine]

    async def _keep(self, incident: Incident, attempt: Attempt, text: str) -> Incident:
        changed = replace(incident, version=incident.version + 1)
        await self._ledger.keep_attempt(attempt, changed, [TimelineEvent(self._now(), EventKind.ATTEMPT, text)])
        log.info("incident.attempt", incident=incident.id, pull=attempt.pull, reason=text)
        return changed
