"""Every flow of the daemon, each in a few lines: the table of contents."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from devops_daemon.health.watch import Report, Watch
from devops_daemon.hosting import HostedService, Hosting
from devops_daemon.incidents.respond import Respond
from devops_daemon.model import Service, Signal, Status
from devops_daemon.ports import Clock, UnavailableError
from devops_daemon.rollout.matching import health_since, match, watched
from devops_daemon.rollout.verdict import Health
from devops_daemon.rollout.watch import PlatformWatch

NOT_PROBED = Health(Status.OFF, "nothing probes it")
log = structlog.get_logger("daemon")


class Heart(Protocol):
    """Tells whoever watches the watcher that it lives."""

    async def beat(self) -> None:
        """Send one sign of life; never raises, but for cancellation."""
        ...


class Daemon:
    """What the clocks and the doors set in motion."""

    def __init__(
        self,
        watch: Watch,
        respond: Respond,
        heart: Heart,
        now: Clock,
        changed: Callable[[], None] = lambda: None,
        signals: Callable[[], Awaitable[Sequence[Signal]]] | None = None,
    ) -> None:
        """`changed` wakes whoever answers for incidents; `signals` tells how those beside the probes stand."""
        self._signals = signals
        self._changed = changed
        self._watch = watch
        self._respond = respond
        self._heart = heart
        self._now = now
        self._told_unkept = False

    async def look(self, *, whole: bool) -> datetime | None:
        """Look at the product, answer for what is wrong; gives when to look again before the next round."""
        start = self._now()
        report = await self._watch.look(whole=whole)
        answered_for = await self._answer_for(report)
        if whole and report.kept and answered_for and report.blind is None:
            await self._heart.beat()
        _tell(report, seconds=(self._now() - start).total_seconds())
        return report.next_at

    async def look_at(self, platform: PlatformWatch, services: Sequence[Service]) -> bool:
        """Look at the hosting platform, and tell it how its services are by our probes.

        Gives whether what runs of them has changed since the look before: a hint to look at the product.
        """

        def health_of(hosted: HostedService, since: datetime) -> Health | None:
            hosting = platform.view.hosting
            service = watched(services, hosting, hosted) if hosting else None
            return health_since(service, self._watch.latest, since) if service else NOT_PROBED

        before = _standing(services, platform.view.hosting)
        await platform.look(health_of)
        if before and before != _standing(services, platform.view.hosting):
            log.info("platform.changed")
            return True
        return False

    def give_up(self) -> None:
        """End the look in hand; what it has found is kept."""
        self._watch.give_up()

    def _tell_unkept(self, report: Report) -> None:
        """An outage that cannot be recorded is at least told, once."""
        if report.troubles and not self._told_unkept:
            self._told_unkept = True
            log.error("outage.not_recorded", troubles=[f"{t.key} {t.symptom}: {t.detail}" for t in report.troubles])

    async def _answer_for(self, report: Report) -> bool:
        """Bring the incidents in line with the report, as soon as that is on disk."""
        if not report.kept:
            self._tell_unkept(report)
            return False
        self._told_unkept = False
        try:
            signals = await self._signals() if self._signals else ()
        except UnavailableError as error:
            log.warning("incidents.delayed", reason=str(error))
            return False
        troubles = (*report.troubles, *(each.trouble for each in signals if each.trouble))
        well = {each.key: each.since for each in signals if each.since and not each.trouble}
        try:
            written = await self._respond.to(troubles, {**report.well, **well}, self._now())
        except UnavailableError as error:
            log.warning("incidents.delayed", reason=str(error))
            return False
        if written:
            self._changed()
        return True


def _standing(services: Sequence[Service], hosting: Hosting | None) -> frozenset[tuple[str, str, str, int]]:
    """Sum up what runs of the watched services, and in which state."""
    hosted = match(services, hosting).items() if hosting else ()
    return frozenset(
        (name, each.id, each.phase, each.running)
        for name, service in hosted
        for each in (*service.active, service.latest)
        if each is not None
    )


def _tell(report: Report, *, seconds: float) -> None:
    """Write the one line of a round; what a look between two rounds changes is told where it changes."""
    tell = log.info if report.whole else log.debug
    tell(
        "round.done" if report.whole else "look.done",
        probes=report.looked_at,
        seconds=round(seconds, 3),
        troubles=[f"{t.key} {t.symptom}: {t.detail}" for t in report.troubles],
        blind=report.blind,
        kept=report.kept,
    )
