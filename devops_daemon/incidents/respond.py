"""Carry out what the lifecycle decides: write incidents and their timelines, and log each change."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from devops_daemon.incidents.lifecycle import LOOKED_BACK, Step, next_steps
from devops_daemon.model import EventKind, Incident, ProbeKey, Service, Trouble
from devops_daemon.ports import IncidentLedger, LostRaceError

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
GOOD_NEWS = frozenset({EventKind.RECOVERED, EventKind.RESOLVED})
EVENTS = {kind: f"incident.{kind}" for kind in EventKind}
log = structlog.get_logger("incident")


class Respond:
    """Brings the incidents in line with what is wrong."""

    def __init__(self, ledger: IncidentLedger, services: Sequence[Service]) -> None:
        self._ledger = ledger
        self._services = services

    async def to(self, troubles: Sequence[Trouble], well: Mapping[ProbeKey, datetime], now: datetime) -> list[Incident]:
        """Open, change and resolve; gives the incidents that were written.

        What another replica has written first is left to it: the next look decides again. Raises UnavailableError.
        """
        incidents = await self._ledger.current(now - LOOKED_BACK)
        steps = next_steps(troubles, incidents, self._services, well, now)
        return [incident for step in steps if (incident := await self._write(step, now))]

    async def _write(self, step: Step, now: datetime) -> Incident | None:
        identifier = step.incident.id or new_id(now)
        incident = replace(step.incident, id=identifier, version=step.incident.version + 1)
        try:
            await self._ledger.save(incident, step.events)
        except LostRaceError as error:
            log.info("incident.left_to_another_replica", incident=identifier, reason=str(error))
            return None
        for event in step.events:
            tell = log.info if event.kind in GOOD_NEWS else log.warning
            tell(
                EVENTS[event.kind],
                incident=identifier,
                severity=incident.severity,
                title=incident.title,
                reason=event.text,
            )
        return incident


def new_id(now: datetime) -> str:
    """Make an id that a person can say, and that no other store has given: the day and four letters."""
    return f"{now:%y%m%d}-{''.join(secrets.choice(_LETTERS) for _ in range(4))}"
