"""How many sessions are usual, and whether there are far more: then stale ones are cleared when sign-in fails."""

from datetime import datetime, timedelta

import structlog

from devops_daemon.model import Incident
from devops_daemon.ports import Clock, Gauges, RefusedError, UnavailableError, Upkeep

TABLE = "sessions"
SAMPLE_EVERY = timedelta(hours=1)
TIMES, MORE = 3, 100
"""Far more than usual: so many times as many, and so many on top."""
log = structlog.get_logger("incident")


class Sessions:
    """Counts them, now and when all is well."""

    def __init__(self, upkeep: Upkeep | None, gauges: Gauges, now: Clock) -> None:
        self._upkeep = upkeep
        self._gauges = gauges
        self._now = now
        self._sampled_at: datetime | None = None

    async def sample(self) -> None:
        """Keep how many there are, once an hour; to be asked while all is well. Never raises, but for cancellation."""
        now = self._now()
        if self._sampled_at is not None and timedelta() <= now - self._sampled_at < SAMPLE_EVERY:
            return
        try:
            count = await self._count()
            if count is not None:
                await self._gauges.add(TABLE, count, now)
            self._sampled_at = now
        except (UnavailableError, RefusedError) as error:
            log.debug("sessions.not_counted", reason=str(error))

    async def piled(self, incident: Incident) -> bool:
        """Tell whether there are far more than before an incident; what cannot be counted is not more."""
        try:
            count, usual = await self._count(), await self._gauges.usual(TABLE, incident.opened_at)
        except (UnavailableError, RefusedError) as error:
            log.info("sessions.not_counted", incident=incident.id, reason=str(error))
            return False
        return count is not None and usual is not None and count > TIMES * usual + MORE

    async def _count(self) -> int | None:
        return (await self._upkeep.counts()).get(TABLE) if self._upkeep is not None else None
