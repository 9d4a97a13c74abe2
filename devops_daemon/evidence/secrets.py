"""The values that must not be read in what services say: those of the variables that they run with, or ran with."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_daemon.hosting import Deployment, HostedService, Hosting
from devops_daemon.known_values import known_values
from devops_daemon.ports import Clock, Platform, RefusedError, UnavailableError
from devops_daemon.redaction import Redactor

FRESH = timedelta(minutes=1)
"""So long is known what a service's variables are, unless something of it is deployed or restarted before."""
MOST_REMEMBERED = 500
"""Values of one service: one that was changed still stands in older lines."""
PATIENCE = timedelta(seconds=5)
"""What needs no secrets to be shown does not wait longer for them."""
_Version = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """When the variables of a service were read, and what was deployed of it then."""

    at: datetime
    version: _Version


class Secrets:
    """Reads them when they are needed, and remembers what it has seen, in memory only."""

    def __init__(
        self, redactor: Callable[[Iterable[str]], Redactor], now: Clock, patience: timedelta = PATIENCE
    ) -> None:
        """`redactor` makes one that knows these values beside the settings' own."""
        self._redactor = redactor
        self._now = now
        self._patience = patience
        self._readings: dict[str, _Reading] = {}
        self._seen: dict[str, dict[str, None]] = {}
        self._made: tuple[frozenset[str], Redactor] | None = None

    async def of(self, platform: Platform, services: Sequence[HostedService]) -> Redactor:
        """Give a redactor that knows the secrets of these services, and all that were seen before.

        Raises what the platform raises.
        """
        await asyncio.gather(*(self._read(platform, service) for service in services))
        return await self.seen()

    async def at_best(self, platform: Platform | None, hosting: Hosting | None = None) -> Redactor:
        """Give one that knows what can be known within seconds, where a text is shown in any case."""
        if platform is not None:
            try:
                async with asyncio.timeout(self._patience.total_seconds()):
                    hosting = hosting or await platform.hosting()
                    return await self.of(platform, with_lines(hosting))
            except (RefusedError, UnavailableError, TimeoutError):
                pass
        return await self.seen()

    async def seen(self) -> Redactor:
        """Give one that knows all that was seen so far; asks nobody."""
        values = frozenset(value for some in self._seen.values() for value in some)
        made = self._made
        if made is None or made[0] != values:  # in a thread: private keys take a tenth of a second
            made = values, await asyncio.to_thread(self._redactor, sorted(values))
            self._made = made
        return made[1]

    async def _read(self, platform: Platform, service: HostedService) -> None:
        now, version = self._now(), _version(service)
        known = self._readings.get(service.id)
        if known and known.version == version and timedelta(0) <= now - known.at <= FRESH:
            return
        values = await asyncio.to_thread(known_values, await platform.deployed_values(service.id))
        self._remember(service.id, values)
        self._readings[service.id] = _Reading(now, version)

    def _remember(self, service_id: str, values: Sequence[str]) -> None:
        """Keep these, and of what was seen before the latest."""
        seen = self._seen.setdefault(service_id, {})
        for value in values:
            seen.pop(value, None)
            seen[value] = None
        too_many = len(seen) - max(MOST_REMEMBERED, len(values))
        for value in list(seen)[: max(0, too_many)]:
            del seen[value]


def with_lines(hosting: Hosting) -> list[HostedService]:
    """Give the services that may have said something: those of which something was ever deployed."""
    return [service for service in hosting.services if service.latest or service.serving]


def _version(service: HostedService) -> _Version:
    """Name what is deployed of a service: another deployment or restart may run with other values."""
    return tuple(_deployed(each) for each in (service.latest, *service.active) if each)


def _deployed(deployment: Deployment) -> _Version:
    return deployment.id, deployment.status, deployment.changed_at, *(each.id for each in deployment.instances)
