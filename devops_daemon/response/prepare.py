"""What is found out about an outage before anything is done: the suspect, and the evidence. Once; it is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from devops_daemon.hosting import DeploymentRecord, HostedService, Phase
from devops_daemon.incidents import cause
from devops_daemon.incidents.suspect import Suspect, suspect_of
from devops_daemon.mending import Evidence, EvidenceKind
from devops_daemon.model import EventKind, Incident, TimelineEvent, Watchlist
from devops_daemon.ports import Clock, Platform, RefusedError, UnavailableError
from devops_daemon.response.choose import told_of
from devops_daemon.response.mend import Books
from devops_daemon.rollout.matching import match
from devops_daemon.rollout.record import advance

LONGEST = timedelta(seconds=30)
NEWS_WITHIN = timedelta(seconds=5)
Gather = Callable[[Incident, HostedService, DeploymentRecord | None], Awaitable[Sequence[Evidence]]]
log = structlog.get_logger("incident")


class FindOut:
    """Finds out, once, what the platform tells of an outage; what it does not tell holds up nothing."""

    def __init__(
        self,
        books: Books,
        platform: Platform | None,
        gather: Gather,
        watchlist: Watchlist,
        now: Clock,
        forge_problem: Callable[[], str | None] = lambda: None,
        longest: timedelta = LONGEST,
    ) -> None:
        """`forge_problem` tells what is wrong with the forge now."""
        self._deployments = books.deployments
        self._incidents = books.incidents
        self._ledger = books.mending
        self._platform = platform
        self._gather = gather
        self._watchlist = watchlist
        self._now = now
        self._forge_problem = forge_problem
        self._longest = longest

    async def about(self, incident: Incident) -> Incident:
        """Find out what is not known yet; gives the incident as it is then.

        Raises UnavailableError where the store cannot be used, and LostRaceError.
        """
        if self._platform is None or not _is_asked_of(incident):
            return incident
        known = await self._ledger.evidence(incident.id)
        if any(each.taken_at >= incident.began_at for each in known):
            return incident
        service = await self._service(self._platform, incident)
        if service is None:
            return incident
        records = _with_what_is_seen(await self._deployments.of_service(service.id), service, self._now())
        suspect = suspect_of(records, incident.began_at)
        incident = await self._note(incident, suspect, await self._trouble_of_others(self._platform))
        came_before = next((each for each in records if suspect and each.id == suspect.deployment_id), None)
        try:
            async with asyncio.timeout(self._longest.total_seconds()):
                found = await self._gather(incident, service, came_before)
        except TimeoutError:
            log.warning("incident.no_evidence", incident=incident.id, reason="to gather it took too long")
            text = f"to gather it took longer than {self._longest.total_seconds():g} s"
            found = [Evidence(incident.id, EvidenceKind.LOGS, service.name, text, text, self._now())]
        await self._ledger.keep_evidence(found, incident.began_at)
        return incident

    async def _service(self, platform: Platform, incident: Incident) -> HostedService | None:
        root = cause.cause([member.key for member in incident.burning], self._watchlist.services).service
        try:
            return match(self._watchlist.services, await platform.hosting()).get(root)
        except (UnavailableError, RefusedError) as error:
            log.info("incident.no_evidence", incident=incident.id, reason=str(error))
            return None

    async def _trouble_of_others(self, platform: Platform) -> list[str]:
        """Say who else is in trouble by their own word: it may be the cause, or hold up what is done."""
        found = []
        try:
            async with asyncio.timeout(NEWS_WITHIN.total_seconds()):
                news = await platform.news()
            if not news.stable:
                found.append(told_of(news))
        except (UnavailableError, RefusedError, TimeoutError) as error:
            log.debug("incident.no_news", reason=str(error))
        forge = self._forge_problem()
        return [*found, f"GitHub is in trouble too: {forge}"] if forge else found

    async def _note(self, incident: Incident, suspect: Suspect | None, others: Sequence[str]) -> Incident:
        """Write down who may be at fault, each once."""
        noted, texts = incident, list(others)
        if suspect is not None and incident.suspect is None:
            noted = replace(
                incident,
                suspect=suspect.deployment_id,
                suspect_told=suspect.text,
                failing_since=suspect.failing_since,
            )
            texts.insert(0, suspect.text)
        if not texts:
            return incident
        noted = replace(noted, version=incident.version + 1)
        await self._incidents.save(noted, [TimelineEvent(self._now(), EventKind.SUSPECT, text) for text in texts])
        return noted


def _with_what_is_seen(
    records: Sequence[DeploymentRecord], service: HostedService, now: datetime
) -> list[DeploymentRecord]:
    """Bring the rows up to what the platform says now: the look that keeps them may not have seen the latest yet."""
    known = {record.id: record for record in records}
    for seen in (*service.active, service.latest):
        if seen is not None:
            record = advance(known.get(seen.id), service, seen, None, now)
            # one that crashed at once was never seen live
            began = seen.changed_at or seen.created_at if seen.phase is Phase.CRASHED else None
            known[seen.id] = replace(record, live_at=record.live_at or began)
    return list(known.values())


def _is_asked_of(incident: Incident) -> bool:
    return bool(incident.burning) and incident.is_urgent
