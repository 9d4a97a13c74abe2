"""What people want it to be quiet about: for a while, never for ever."""

from collections.abc import Callable, Collection
from datetime import timedelta

import structlog

from devops_daemon.ports import ALL, Clock, RefusedError, Silences
from devops_daemon.quiet import LONGEST, Quiet

log = structlog.get_logger("incident")


class Hushing:
    """Writes down what a person says. Every method raises RefusedError with the reason, or UnavailableError."""

    def __init__(
        self, silences: Silences, services: Collection[str], now: Clock, changed: Callable[[], None] = lambda: None
    ) -> None:
        """`changed` wakes whoever answers for incidents."""
        self._silences = silences
        self._services = services
        self._now = now
        self._changed = changed

    async def silence(self, service: str, lasts: timedelta, by: str, reason: str = "") -> Quiet:
        """Let nothing be done or told about a service, or `all`, for a while."""
        name = self._known(service)
        if not timedelta() < lasts <= LONGEST:
            raise RefusedError(f"a silence lasts a day at most, for example 30m or 2h: {lasts} is not taken")
        quiet = Quiet(frozenset() if name == ALL else frozenset({name}), self._now() + lasts, reason, by)
        await self._silences.keep(name, quiet.until, by, reason)
        log.warning("silence.begun", service=name, by=by, until=quiet.until, reason=reason)
        self._changed()
        return quiet

    async def lift(self, service: str, by: str) -> Quiet | None:
        """End it; gives what it was, None where there was none."""
        name = self._known(service)
        quiet = await self._silences.lift(name, self._now())
        if quiet is not None:
            log.info("silence.lifted", service=name, by=by)
            self._changed()
        return quiet

    def _known(self, service: str) -> str:
        named = {name.casefold(): name for name in (*self._services, ALL)}
        found = named.get(service.casefold())
        if found is None:
            raise RefusedError(f"no service {service} is watched; there are {', '.join(sorted(named.values()))}")
        return found
