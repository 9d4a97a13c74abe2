"""What people say of an incident: that they see to it, that it has ended, how bad it is."""

from collections.abc import Callable
from dataclasses import replace

import structlog

from devops_daemon.incidents.lifecycle import NotYetError, Step, acknowledged, resolved, set_severity
from devops_daemon.incidents.respond import EVENTS
from devops_daemon.model import Incident, Severity
from devops_daemon.ports import Clock, IncidentLedger, LostRaceError, RefusedError, StatusLedger, UnavailableError

RACES = 5
"""Lost in a row, and it is said."""
log = structlog.get_logger("incident")


class UnknownIncidentError(RefusedError):
    """There is no incident of that id."""


class People:
    """Writes down what a person says. Every method raises RefusedError with the reason, or UnavailableError."""

    def __init__(
        self, incidents: IncidentLedger, history: StatusLedger, now: Clock, changed: Callable[[], None] = lambda: None
    ) -> None:
        """`changed` wakes whoever answers for incidents."""
        self._incidents = incidents
        self._history = history
        self._now = now
        self._changed = changed

    async def acknowledge(self, identifier: str, by: str) -> Incident:
        """Note that somebody sees to it."""
        return await self._say(identifier, lambda incident: acknowledged(incident, by, self._now()))

    async def resolve(self, identifier: str, by: str) -> Incident:
        """End what is well."""
        return await self._say(identifier, lambda incident: resolved(incident, by, f"{by} says so", self._now()))

    async def set_severity(self, identifier: str, to: Severity, by: str) -> Incident:
        """Raise or lower it."""
        return await self._say(identifier, lambda incident: set_severity(incident, to, by, self._now()))

    async def _say(self, identifier: str, step_of: Callable[[Incident], Step]) -> Incident:
        for _ in range(RACES):
            found = await self._history.incident(identifier)
            if found is None:
                raise UnknownIncidentError(f"there is no incident {identifier}")
            try:
                step = step_of(found.incident)
                changed = replace(step.incident, version=step.incident.version + 1)
                await self._incidents.save(changed, step.events)
            except NotYetError as error:
                raise RefusedError(f"incident {identifier}: {error}") from error
            except LostRaceError:
                continue
            log.info(EVENTS[step.events[-1].kind], incident=identifier, reason=step.events[-1].text)
            self._changed()
            return changed
        raise UnavailableError(f"incident {identifier} changes too fast: try again")
