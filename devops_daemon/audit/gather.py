"""Gather the snapshot of an audit through the ports: what cannot be read costs only itself, and is said."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import structlog

from devops_daemon.audit.snapshot import LogSample, Setup, Snapshot, Variables
from devops_daemon.evidence.excerpt import BAD
from devops_daemon.evidence.search import search
from devops_daemon.evidence.secrets import Secrets
from devops_daemon.hosting import HostedService, Hosting, LogLine, LogQuery
from devops_daemon.model import Finding, Service
from devops_daemon.ports import Clock, Forge, OwnLedger, Platform, RefusedError, StatusLedger, UnavailableError
from devops_daemon.redaction import Redactor

T = TypeVar("T")
SAMPLE = 500
"""Lines of each service."""
LOST_SINCE = timedelta(days=3)
EACH = timedelta(seconds=60)
MOST_ERRORS = 10
EXAMPLE = ".env.example"
_NAMED = re.compile(r"^(?:export )?([A-Za-z_][A-Za-z0-9_]{0,99})=", re.MULTILINE)
"""What is commented out there is needed by nobody."""
CheckUp = Callable[[], AsyncIterator[Finding]]
log = structlog.get_logger("audit")


@dataclass(frozen=True, slots=True)
class Sources:
    """What is asked."""

    services: tuple[Service, ...]
    setup: Setup
    ledger: StatusLedger
    own: OwnLedger
    secrets: Secrets
    platform: Platform | None = None
    forge: Forge | None = None
    checkups: Mapping[str, CheckUp] = field(default_factory=dict)
    own_service: str | None = None


class Gather:
    """Reads what there is, one service after the other: an audit is in no hurry."""

    def __init__(self, sources: Sources, now: Clock) -> None:
        self._sources = sources
        self._now = now
        self._unread: dict[str, str] = {}
        self._one = asyncio.Lock()

    async def snapshot(self) -> Snapshot:
        """Take it, one at a time; raises UnavailableError where our own store cannot be read."""
        async with self._one:
            return await self._taken()

    async def _taken(self) -> Snapshot:
        sources, self._unread = self._sources, {}
        overview = await sources.ledger.overview(self._now())
        hosting = await self._read("Railway", sources.platform.hosting()) if sources.platform else None
        variables = await self._variables(hosting) if hosting else {}
        samples = await self._samples(hosting) if hosting else {}
        lost = await self._lost(sources.forge) if sources.forge else None
        example = await self._read(EXAMPLE, sources.forge.file(EXAMPLE)) if sources.forge else None
        return Snapshot(
            now=self._now(),
            services=sources.services,
            overview=overview,
            setup=sources.setup,
            hosting=hosting,
            variables=variables,
            samples=samples,
            own_service=sources.own_service,
            checkups={name: await self._checked(name, check) for name, check in sources.checkups.items()},
            lost_deliveries=lost,
            own_week=await sources.own.own_week(self._now()),
            example=None if example is None else tuple(_NAMED.findall(example)),
            unread=dict(self._unread),
        )

    async def _read(self, what: str, reading: Awaitable[T]) -> T | None:
        """Read one thing; None where that fails or takes too long, and why is kept."""
        try:
            async with asyncio.timeout(EACH.total_seconds()):
                return await reading
        except (UnavailableError, RefusedError, TimeoutError) as error:
            self._unread[what] = str(error) or "it took too long"
            log.info("audit.unread", what=what, reason=self._unread[what])
            return None

    async def _variables(self, hosting: Hosting) -> dict[str, Variables]:
        found: dict[str, Variables] = {}
        for name, identifier in [("", None), *((each.name, each.id) for each in hosting.services)]:
            read = await self._read(f"variables of {name or 'all services'}", self._variables_of(identifier))
            if read is not None:
                found[name] = read
        return found

    async def _variables_of(self, service_id: str | None) -> Variables:
        """Read the names, and which have no value: no value is kept."""
        platform = self._platform
        names, values = await asyncio.gather(platform.variables(service_id), platform.values(service_id))
        return Variables(tuple(names), tuple(name for name, value in values.items() if value is not None and not value))

    @property
    def _platform(self) -> Platform:
        if self._sources.platform is None:
            raise RefusedError("Railway is not configured")
        return self._sources.platform

    async def _samples(self, hosting: Hosting) -> dict[str, LogSample]:
        found: dict[str, LogSample] = {}
        for service in (each for each in hosting.services if each.engine is None and each.latest):
            sample = await self._read(f"logs of {service.name}", self._sample(service))
            if sample is not None:
                found[service.name] = sample
        return found

    async def _sample(self, service: HostedService) -> LogSample:
        redactor = await self._sources.secrets.of(self._platform, [service])
        lines = await self._platform.logs(LogQuery(SAMPLE, service_id=service.id))
        return sample_of(service.name, lines, redactor)

    async def _lost(self, forge: Forge) -> int | None:
        lost = await self._read("webhook deliveries", forge.failed_deliveries(self._now() - LOST_SINCE))
        return None if lost is None else len(lost)

    async def _checked(self, name: str, check: CheckUp) -> tuple[Finding, ...]:
        async def whole() -> tuple[Finding, ...]:
            return tuple([finding async for finding in check()])

        return await self._read(f"check-up of {name}", whole()) or ()


def sample_of(service: str, lines: Sequence[LogLine], redactor: Redactor) -> LogSample:
    """Say how a service's lines are."""
    masked = sum(redactor.text(line.message) != line.message for line in lines)
    bad = [line for line in lines if line.level.lower() in BAD]
    errors = search(bad, None, redactor.text).clusters[:MOST_ERRORS] if bad else ()
    return LogSample(service, len(lines), sum(map(_is_structured, lines)), masked, tuple(errors))


def _is_structured(line: LogLine) -> bool:
    """Tell whether a line has a context of its own: the platform reads JSON into attributes, where it can."""
    if any(name != "level" for name, _ in line.attributes):
        return True
    if not line.message.startswith("{"):
        return False
    try:
        return isinstance(json.loads(line.message), dict)
    except (ValueError, RecursionError):
        return False
