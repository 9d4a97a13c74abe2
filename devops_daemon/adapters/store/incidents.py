"""Rows of incidents, their members and their timelines, and of who answers for which."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from devops_daemon.adapters.store import turns
from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.schema import incident, incident_event, incident_member, probe
from devops_daemon.mending import Duty
from devops_daemon.model import (
    EventKind,
    Incident,
    IncidentStatus,
    Member,
    ProbeKey,
    Severity,
    Status,
    Symptom,
    TimelineEvent,
)
from devops_daemon.ports import LostRaceError

_SAME = tuple(
    """
    severity severity_by status title opened_at detected_at resolved_at resolved_by reopened_at acknowledged_by
    acknowledged_until addressed_at escalated_at escalated_for overdue_at quiet_until held suspect suspect_told
    failing_since stands issue issue_url continues episode version
    """.split()  # noqa: SIM905 # as a list it would take a screen
)
"""What the noun and the row name alike."""


def read_current(connection: sa.Connection, ended_since: datetime) -> list[Incident]:
    """Read the incidents that are not resolved, and those that ended since then, oldest first."""
    lately = sa.or_(incident.c.resolved_at.is_(None), incident.c.resolved_at >= ended_since)
    return _read(connection, lately)


def read_since(connection: sa.Connection, since: datetime) -> list[Incident]:
    """Read those that are open, and those that ended after `since`; newest first."""
    recent = sa.or_(incident.c.resolved_at.is_(None), incident.c.resolved_at >= since)
    return _read(connection, recent)[::-1]


def read_one(connection: sa.Connection, identifier: str) -> tuple[Incident, list[TimelineEvent]] | None:
    """Read one incident with its timeline, None where there is none of that id."""
    found = _read(connection, incident.c.id == identifier)
    if not found:
        return None
    rows = connection.execute(
        sa.select(incident_event).where(incident_event.c.incident_id == identifier).order_by(incident_event.c.id)
    )
    return found[0], [TimelineEvent(row.at, EventKind(row.kind), row.text) for row in rows]


def save(connection: sa.Connection, changed: Incident, events: Sequence[TimelineEvent]) -> None:
    """Write a new incident (version 1), or the next version of one, with what its timeline gains.

    Raises LostRaceError where that version is there already, or one of its probes is in another open incident, or the
    rows of its probes say that it was decided on what has passed.
    """
    cause = {"cause_service": changed.cause.service, "cause_name": changed.cause.name}
    values = {name: getattr(changed, name) for name in _SAME} | cause
    begins = changed.version == 1 or (changed.resolved_at is None and _has_ended(connection, changed))
    if begins and not _still_wrong(connection, changed):
        raise LostRaceError("its probes are well again: another replica has seen this outage to its end")
    if changed.version == 1:
        _insert(connection, sa.insert(incident).values(id=changed.id, **values))
    else:
        ends = changed.resolved_at is not None and not _has_ended(connection, changed)
        if ends and changed.resolved_at and _down_since(connection, changed, changed.resolved_at):
            raise LostRaceError("one of its probes is down: another replica has seen what this one has not")
        same = sa.and_(incident.c.id == changed.id, incident.c.version == changed.version - 1)
        if connection.execute(incident.update().where(same).values(values)).rowcount != 1:
            raise LostRaceError(f"incident {changed.id} has changed in the meantime")
        connection.execute(incident_member.delete().where(incident_member.c.incident_id == changed.id))
    _insert(connection, sa.insert(incident_member).values(_member_rows(changed)))
    turns.make_due(connection, changed.id)
    if events:
        connection.execute(
            sa.insert(incident_event),
            [{"incident_id": changed.id, "at": e.at, "kind": e.kind, "text": e.text} for e in events],
        )


def _has_ended(connection: sa.Connection, changed: Incident) -> bool:
    ended = sa.select(incident.c.resolved_at).where(incident.c.id == changed.id)
    return connection.execute(ended).scalar() is not None


def _still_wrong(connection: sa.Connection, opened: Incident) -> bool:
    """Ask the rows, in the transaction that opens the incident (again): what it was decided on may have passed."""
    which = sa.tuple_(probe.c.service, probe.c.name).in_([tuple(member.key) for member in opened.members])
    rows = connection.execute(sa.select(probe.c.settled, probe.c.flapping).where(which)).all()
    return not rows or any(row.flapping or row.settled in {Status.DOWN, Status.DEGRADED} for row in rows)


def _down_since(connection: sa.Connection, ended: Incident, at: datetime) -> bool:
    """Ask the rows, in the transaction that resolves an outage, whether a probe was found down after its end."""
    down = [member.key for member in ended.members if member.symptom is Symptom.DOWN]
    which = sa.tuple_(probe.c.service, probe.c.name).in_([tuple(key) for key in down])
    later = sa.select(probe.c.name).where(which, probe.c.settled == Status.DOWN, probe.c.checked_at >= at)
    return bool(down) and connection.execute(later).first() is not None


def _insert(connection: sa.Connection, statement: sa.Insert) -> None:
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except IntegrityError as error:
        raise LostRaceError("another open incident has this probe") from error


def _member_rows(changed: Incident) -> list[dict[str, object]]:
    outage = any(member.symptom is Symptom.DOWN for member in changed.members)
    return [
        {
            "incident_id": changed.id,
            "service": member.key.service,
            "name": member.key.name,
            "place": place,
            "symptom": member.symptom,
            "since": member.since,
            "recovered_at": member.recovered_at,
            # what was declared is declared once, whichever kind of incident it has joined
            "outage": outage or member.symptom is Symptom.DECLARED,
            "active": changed.status is not IncidentStatus.RESOLVED,
        }
        for place, member in enumerate(changed.members)
    ]


def _read(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Incident]:
    rows = connection.execute(sa.select(incident).where(where).order_by(incident.c.opened_at, incident.c.id)).all()
    members = _members(connection, [row.id for row in rows])
    return [
        Incident(
            id=row.id,
            cause=ProbeKey(row.cause_service, row.cause_name),
            members=tuple(members[row.id]),
            **{name: getattr(row, name) for name in _SAME}
            | {"severity": Severity(row.severity), "status": IncidentStatus(row.status)},
        )
        for row in rows
    ]


def _members(connection: sa.Connection, identifiers: Iterable[str]) -> dict[str, list[Member]]:
    found: dict[str, list[Member]] = defaultdict(list)
    which = incident_member.c.incident_id.in_(identifiers)
    for row in connection.execute(sa.select(incident_member).where(which).order_by(incident_member.c.place)):
        key = ProbeKey(row.service, row.name)
        found[row.incident_id].append(Member(key, Symptom(row.symptom), row.since, row.recovered_at))
    return found


class IncidentRows:
    """The port `IncidentLedger` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def current(self, ended_since: datetime) -> list[Incident]:
        """Read the incidents that are not resolved, and those that ended since then, oldest first."""
        return await self._db.read(lambda connection: read_current(connection, ended_since))

    async def save(self, changed: Incident, events: Sequence[TimelineEvent]) -> None:
        """Write a new incident, or the next version of one."""
        await self._db.write(lambda connection: save(connection, changed, events))


class TurnRows:
    """The port `Turns` on a database."""

    def __init__(self, database: Database, duty: Duty) -> None:
        self._db = database
        self._duty = duty

    async def take(self, owner: str, lease: timedelta, now: datetime) -> list[Incident]:
        """Take those that are to be answered for now."""

        def unit(connection: sa.Connection) -> list[Incident]:
            taken = turns.take(connection, self._duty, owner, lease, now)
            return _read(connection, incident.c.id.in_(taken))

        return await self._db.write(unit)

    async def let_go(self, taken: Incident, owner: str, next_at: datetime | None) -> None:
        """Free one until it is due again."""
        which = taken.id, taken.version, self._duty
        await self._db.write(lambda connection: turns.let_go(connection, *which, owner, next_at))

    async def next_due(self, owner: str) -> datetime | None:
        """Tell when the next is due for this owner."""
        return await self._db.read(lambda connection: turns.read_next_due(connection, self._duty, owner))
