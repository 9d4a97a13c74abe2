"""What people say of incidents: that there is one, that they see to it, that it has ended, how bad it is."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from devops_daemon.incidents.lifecycle import (
    LOOKED_BACK,
    NotYetError,
    Step,
    acknowledged,
    declared,
    resolved,
    set_severity,
)
from devops_daemon.incidents.respond import EVENTS, new_id
from devops_daemon.model import DECLARED, Incident, ProbeKey, Service, Severity, Signal, Symptom, Trouble
from devops_daemon.ports import (
    ALL,
    Clock,
    IncidentLedger,
    LostRaceError,
    RefusedError,
    SignalLedger,
    StatusLedger,
    UnavailableError,
)

RACES = 5
"""Lost in a row, and it is said."""
log = structlog.get_logger("incident")


class UnknownIncidentError(RefusedError):
    """There is no incident of that id."""


class People:
    """Writes down what a person says. Every method raises RefusedError with the reason, or UnavailableError."""

    def __init__(
        self,
        incidents: IncidentLedger,
        history: StatusLedger,
        signals: SignalLedger,
        services: Sequence[Service],
        now: Clock,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed` wakes whoever answers for incidents."""
        self._incidents = incidents
        self._history = history
        self._signals = signals
        self._services = services
        self._now = now
        self._changed = changed

    async def declare(self, service: str, severity: Severity, by: str, why: str = "") -> Incident:
        """Say that a service, or `all`, fails, whatever the probes find; gives the incident that is answered for.

        It goes on until a person resolves it. The word is kept first: should we stop in between, the next look finds
        it.
        """
        now = self._now()
        key = ProbeKey(self._watched(service), DECLARED)
        said = f"{by} declared it" + (f": {why}" if why else "")
        rows = {each.key: each for each in await self._signals.signals()}
        before = rows.get(key, Signal(key))
        since = before.since if before.severity and before.since else now
        word = Trouble(key, Symptom.DECLARED, severity, since, said)
        await self._signals.keep([Signal(key, severity, since, detail=said, known_at=now)])
        for _ in range(RACES):
            incidents = await self._incidents.current(now - LOOKED_BACK)
            meant, step = declared(word, incidents, self._services, self._now())
            if step is None:
                return meant
            try:
                written = replace(meant, id=meant.id or new_id(now), version=meant.version + 1)
                await self._incidents.save(written, step.events)
            except LostRaceError:
                continue
            log.warning(EVENTS[step.events[-1].kind], incident=written.id, severity=written.severity, reason=said)
            self._changed()
            return written
        raise UnavailableError(f"incidents of {key.service} change too fast: try again")

    def _watched(self, service: str) -> str:
        """Name a service as it is watched; of all, the one that most depends on."""
        named = {each.name.casefold(): each.name for each in self._services}
        if service.casefold() == ALL and named:
            return self._services[0].name
        found = named.get(service.casefold())
        if found is None:
            raise RefusedError(f"no service {service} is watched; there are {', '.join([*named.values(), ALL])}")
        return found

    async def acknowledge(self, identifier: str, by: str) -> Incident:
        """Note that somebody sees to it."""
        return await self._say(identifier, lambda incident: acknowledged(incident, by, self._now()))

    async def resolve(self, identifier: str, by: str) -> Incident:
        """End what is well, or is only there because a person declared it."""
        words = await self._take_back(identifier, by)
        try:
            return await self._say(identifier, lambda incident: resolved(incident, by, f"{by} says so", self._now()))
        except RefusedError:
            found = await self._history.incident(identifier)
            if words and found and found.incident.resolved_at:  # a look has seen that it was taken back
                return found.incident
            await self._signals.keep([replace(word, known_at=self._now()) for word in words])  # it goes on
            raise

    async def set_severity(self, identifier: str, to: Severity, by: str) -> Incident:
        """Raise or lower it."""
        return await self._say(identifier, lambda incident: set_severity(incident, to, by, self._now()))

    async def _take_back(self, identifier: str, by: str) -> list[Signal]:
        """End the words that an incident goes on by, where nothing else keeps it from ending; gives them."""
        found = await self._history.incident(identifier)
        burning = found.incident.burning if found else ()
        if not burning or any(member.symptom is not Symptom.DECLARED for member in burning):
            return []
        now, keys = self._now(), {member.key for member in burning}
        words = [each for each in await self._signals.signals() if each.key in keys and each.severity]
        await self._signals.keep([Signal(key, None, now, detail=f"ended by {by}", known_at=now) for key in keys])
        return words

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
