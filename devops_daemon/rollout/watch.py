"""Look at the hosting platform by the clock: what runs there now, and what became of each deployment.

Whoever started a deployment (a push, a person, this daemon), its way is seen and kept; the outcome is the platform's
word and our probes' together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from devops_daemon.hosting import Deployment, DeploymentRecord, HostedService, Hosting, PlatformNews
from devops_daemon.ports import Clock, DeploymentLedger, Platform, RefusedError, UnavailableError
from devops_daemon.rollout.record import advance, gone
from devops_daemon.rollout.verdict import Health

NEWS_EVERY = timedelta(minutes=5)
MOST_ASKED = 5
"""Deployments that are asked for by name in one look."""
ASK_AGAIN, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
HealthOf = Callable[[HostedService, datetime], Health | None]
"""What our probes found of a service since a moment; None where they found nothing."""
log = structlog.get_logger("platform")


@dataclass(frozen=True, slots=True)
class PlatformView:
    """What is known of the platform now."""

    hosting: Hosting | None = None
    """As it was read last; None before the first time."""
    news: PlatformNews | None = None
    problem: str | None = None
    """Why it cannot be read now; None while it can."""


class PlatformWatch:
    """Keeps the view current, and the rows of deployments."""

    def __init__(self, platform: Platform, ledger: DeploymentLedger, now: Clock) -> None:
        self._platform = platform
        self._ledger = ledger
        self._now = now
        self._news_at: datetime | None = None
        self._kept: dict[str, DeploymentRecord] | None = None
        self._tries: dict[str, tuple[int, datetime]] = {}
        """Deployments that could not be read: how often they were asked for, and when they are again."""
        self.view = PlatformView()

    async def look(self, health_of: HealthOf) -> None:
        """Look once; what fails is told once, and once when it works again."""
        hosting, problem = self.view.hosting, None
        try:
            hosting = await self._platform.hosting()
        except (UnavailableError, RefusedError) as error:
            problem = str(error)
        self._tell(problem)
        self.view = PlatformView(hosting, await self._news(doubtful=problem is not None), problem)
        if hosting is not None and problem is None:
            await self._keep(hosting, health_of)

    async def _news(self, *, doubtful: bool) -> PlatformNews | None:
        """Ask from time to time whether the platform is well, and at once when it seems not to be."""
        now = self._now()
        started = doubtful and self.view.problem is None
        if self._news_at and now - self._news_at < NEWS_EVERY and not started:
            return self.view.news
        self._news_at = now
        try:
            news = await self._platform.news()
        except (UnavailableError, RefusedError) as error:
            log.debug("platform.no_news", reason=str(error))
            return self.view.news
        if self.view.news is None or self.view.news.stable != news.stable:
            (log.info if news.stable else log.warning)("platform.news", stable=news.stable, text=news.text)
        return news

    def _tell(self, problem: str | None) -> None:
        if problem and self.view.problem is None:
            log.warning("platform.broken", reason=problem)
        if not problem and self.view.problem is not None:
            log.info("platform.recovered", was=self.view.problem)

    async def _keep(self, hosting: Hosting, health_of: HealthOf) -> None:
        """Bring the rows up to what is seen; those of which nothing is seen any more are asked for by name."""
        try:
            seen = _seen(hosting)
            kept = (
                self._kept if self._kept is not None else {row.id: row for row in await self._ledger.rows(list(seen))}
            )
            asked_for = await self._lost_from_sight(hosting, kept, seen)
            seen |= {key: both for key, both in asked_for.items() if both}
            rows = {key: row for key, row in kept.items() if row.ended_at is None}
            rows |= {key: self._advanced(kept.get(key), *both, health_of) for key, both in seen.items()}
            rows |= {key: gone(kept[key], self._now()) for key, both in asked_for.items() if both is None}
            changed = [row for identifier, row in rows.items() if kept.get(identifier) != row]
            if changed:
                await self._ledger.keep(changed)
        except UnavailableError as error:
            self._kept = None
            log.debug("platform.rows_delayed", reason=str(error))
            return
        for row in changed:
            before = kept.get(row.id)
            if before is None or before.became is not row.became:
                log.info(
                    "deployment.seen", service=row.service, deployment=row.id, what=row.what, became=str(row.became)
                )
        # a failed one stays the latest for as long as nothing newer is deployed
        self._kept = {identifier: row for identifier, row in rows.items() if row.ended_at is None or identifier in seen}

    def _advanced(
        self, row: DeploymentRecord | None, deployment: Deployment, service: HostedService, health_of: HealthOf
    ) -> DeploymentRecord:
        health = health_of(service, row.live_at) if row is not None and row.live_at is not None else None
        return advance(row, service, deployment, health, self._now())

    async def _lost_from_sight(
        self, hosting: Hosting, kept: Mapping[str, DeploymentRecord], seen: Mapping[str, "_Seen"]
    ) -> dict[str, "_Seen | None"]:
        """Ask for a few of those of which nothing is seen; what cannot be read now is asked for again, later."""
        services = {service.id: service for service in hosting.services}
        found: dict[str, _Seen | None] = {}
        lost = [row for row in kept.values() if row.id not in seen and row.ended_at is None and self._is_due(row.id)]
        for row in lost[:MOST_ASKED]:
            # the service may have been deleted as a whole
            service = services.get(row.service_id) or HostedService(row.service_id, row.service)
            try:
                found[row.id] = (await self._platform.deployment(row.id), service)
                self._tries.pop(row.id, None)
            except RefusedError as error:
                log.debug("deployment.gone", deployment=row.id, reason=str(error))
                found[row.id] = None
            except UnavailableError as error:
                self._put_off(row, str(error))
        return found

    def _is_due(self, identifier: str) -> bool:
        return identifier not in self._tries or self._tries[identifier][1] <= self._now()

    def _put_off(self, row: DeploymentRecord, reason: str) -> None:
        tries = self._tries.get(row.id, (0, self._now()))[0] + 1
        self._tries[row.id] = (tries, self._now() + min(tries**2 * ASK_AGAIN, LONGEST_PAUSE))
        if tries == 1:
            log.warning("deployment.unreadable", service=row.service, deployment=row.id, reason=reason)


_Seen = tuple[Deployment, HostedService]


def _seen(hosting: Hosting) -> dict[str, _Seen]:
    return {
        each.id: (each, service)
        for service in hosting.services
        for each in (*service.active, service.latest)
        if each is not None
    }
