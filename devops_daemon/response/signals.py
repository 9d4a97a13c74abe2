"""Read the signals beside the probes, of services that the platform knows; what it does not tell stays as it was."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from devops_daemon.health.signals import LEVELS, Disk, Level, Name, Seen, judge, keys_of
from devops_daemon.hosting import HostedService, Hosting, Series, Volume
from devops_daemon.model import Service, Signal
from devops_daemon.ports import Clock, Platform, RefusedError, SignalLedger, UnavailableError
from devops_daemon.rollout.matching import match

T = TypeVar("T")
EACH = timedelta(seconds=15)
LONGER = 1.2
"""So many times the longest window is asked for, that all of it has data."""
log = structlog.get_logger("signals")


class Standing:
    """Tells how they stand: those that are looked at, and what people have declared."""

    def __init__(self, ledger: SignalLedger, services: Sequence[Service]) -> None:
        self._ledger = ledger
        self._services = services
        self._memory: Sequence[Signal] | None = None

    @property
    def is_known(self) -> bool:
        """Tell whether the rows were ever read."""
        return self._memory is not None

    async def current(self) -> Sequence[Signal]:
        """Tell how they stand, by the rows; while these cannot be read, as they were last.

        Raises UnavailableError where they were never read: of an open incident that would be its end.
        """
        names = {service.name for service in self._services}
        try:
            self._memory = [each for each in await self._ledger.signals() if each.key.service in names]
        except UnavailableError as error:
            if self._memory is None:
                raise
            log.debug("signals.from_memory", reason=str(error))
        return self._memory


class Signals:
    """Looks at them."""

    def __init__(
        self,
        platform: Platform,
        ledger: SignalLedger,
        standing: Standing,
        services: Sequence[Service],
        now: Clock,
        levels: Sequence[Level] = LEVELS,
    ) -> None:
        self._platform = platform
        self._ledger = ledger
        self._standing = standing
        self._services = services
        self._now = now
        self._levels = levels

    @property
    def requests(self) -> int:
        """How many requests one look takes, at most."""
        return 3 + 2 * len(self._services)

    async def look(self) -> bool:
        """Look once; gives whether one stands otherwise than before. Never raises, but for cancellation."""
        before = {each.key: each for each in await self._read("rows", self._standing.current()) or ()}
        hosting = await self._read("services", self._platform.hosting())
        if hosting is None or not self._standing.is_known:
            return False
        series = await self._read("metrics", self._platform.metrics(None, self._back(Name.MEMORY)))
        volumes = await self._read("volumes", self._platform.volumes())
        found: list[Signal] = []
        matched = match(self._services, hosting)
        for name, hosted in matched.items():
            seen = replace(await self._seen(hosted, series), disks=_disks(name, matched, hosting, volumes))
            found += [judge(before.get(key, Signal(key)), seen, self._levels) for key in keys_of(name).values()]
        changed = [each for each in found if each != before.get(each.key)]
        try:
            await self._ledger.keep(changed)
        except UnavailableError as error:
            log.info("signals.not_kept", reason=str(error))
            return False
        turned = [each for each in changed if each.severity is not before.get(each.key, Signal(each.key)).severity]
        for each in turned:
            tell = log.warning if each.severity else log.info
            tell("signal.changed", signal=str(each.key), severity=each.severity, detail=each.detail)
        return bool(turned)

    async def _seen(self, hosted: HostedService, series: Sequence[Series] | None) -> Seen:
        since = self._back(Name.ERRORS, Name.LATENCY)
        traffic = await self._read("traffic", self._platform.traffic(hosted.id, since))
        used = None if series is None else [each for each in series if each.service_id == hosted.id]
        return Seen(traffic.samples if traffic else None, used, None, self._now())

    def _back(self, *names: Name) -> datetime:
        windows = [level.window for level in self._levels if level.name in names]
        return self._now() - LONGER * max(windows, default=timedelta())

    async def _read(self, what: str, reading: Awaitable[T]) -> T | None:
        try:
            async with asyncio.timeout(EACH.total_seconds()):
                return await reading
        except (UnavailableError, RefusedError, TimeoutError) as error:
            log.debug("signals.unread", what=what, reason=str(error) or "it took too long")
            return None


def _disks(
    name: str, matched: Mapping[str, HostedService], hosting: Hosting, volumes: Sequence[Volume] | None
) -> Sequence[Disk] | None:
    """Give the disks that a watched service answers for: its own, and the first one those of what is not watched."""
    if volumes is None:
        return None
    own = {matched[name].id}
    if name == next(iter(matched)):
        own |= {each.id for each in hosting.services} - {each.id for each in matched.values()}
    names = {each.id: each.name for each in hosting.services if each.id in own}
    return [Disk(names[each.service_id], each) for each in volumes if each.service_id in names]
