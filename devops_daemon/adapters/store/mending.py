"""Rows of remedies, of what is told, and of evidence. The limits are counted here, where nothing can come between."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from devops_daemon.adapters.store import incidents, requests, turns
from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import insert
from devops_daemon.adapters.store.schema import attempt, effect, evidence, remedy
from devops_daemon.adapters.store.switches import read_switch
from devops_daemon.mending import (
    Act,
    Attempt,
    Came,
    Duty,
    Effect,
    EffectState,
    Evidence,
    EvidenceKind,
    Refusal,
    Remedy,
    Stage,
)
from devops_daemon.model import Incident, TimelineEvent
from devops_daemon.ports import PAUSED, LostRaceError, RemedyForbids


def read_remedies(connection: sa.Connection, identifier: str) -> list[Remedy]:
    """Read those of an incident, in their order."""
    return _remedies(connection, remedy.c.incident == identifier)


def read_all(connection: sa.Connection, identifiers: Sequence[str]) -> dict[str, list[Remedy]]:
    """Read those of several incidents, by their ids."""
    found: dict[str, list[Remedy]] = defaultdict(list)
    for each in _remedies(connection, remedy.c.incident.in_(identifiers)):
        found[each.incident].append(each)
    return found


def begin(  # what the port has, and the connection
    connection: sa.Connection,
    new: Remedy,
    changed: Incident,
    events: Sequence[TimelineEvent],
    since: datetime,
    forbids: RemedyForbids,
) -> tuple[Remedy, Refusal | None]:
    """Write a remedy down unless something forbids it, together with what its incident becomes."""
    requests.lock_target(connection, new.service)
    lately = sa.and_(remedy.c.service == new.service, remedy.c.began_at >= since)
    others = _remedies(connection, sa.or_(remedy.c.incident == new.incident, lately))
    refusal = forbids(others, requests.read_acts(connection, new.service, since), read_switch(connection, PAUSED))
    if refusal:
        return new, refusal
    incidents.save(connection, changed, events)
    written = replace(new, version=1)
    try:
        with connection.begin_nested():
            connection.execute(remedy.insert().values(_values(remedy, written)))
    except IntegrityError as error:
        raise LostRaceError(f"remedy {new.id} is there already") from error
    return written, None


def change(connection: sa.Connection, changed: Remedy, of: Incident | None, events: Sequence[TimelineEvent]) -> Remedy:
    """Write the version after the one that `changed` was read as, and its incident's; raises LostRaceError."""
    if of is not None:
        incidents.save(connection, of, events)
    following = replace(changed, version=changed.version + 1)
    key = remedy.c.incident == changed.incident, remedy.c.number == changed.number
    same = remedy.update().where(*key, remedy.c.version == changed.version)
    if connection.execute(same.values(_values(remedy, following))).rowcount != 1:
        raise LostRaceError(f"remedy {changed.id} has changed in the meantime")
    return following


def read_effects(connection: sa.Connection, identifier: str) -> list[Effect]:
    """Read what was told of an incident."""
    rows = connection.execute(sa.select(effect).where(effect.c.incident == identifier).order_by(effect.c.started_at))
    return [Effect(**{**row._mapping, "state": EffectState(row.state)}) for row in rows]  # noqa: SLF001 # its public name


def read_untold(connection: sa.Connection, since: datetime) -> list[Effect]:
    """Read what was begun to be told since then, has failed, and was not told yet."""
    failed = effect.c.started_at >= since, effect.c.state != EffectState.DONE, effect.c.error.is_not(None)
    rows = connection.execute(sa.select(effect).where(*failed).order_by(effect.c.started_at))
    return [Effect(**{**row._mapping, "state": EffectState(row.state)}) for row in rows]  # noqa: SLF001 # as above


def read_last_notice(connection: sa.Connection) -> datetime | None:
    """Tell when people were told last: by a notice, or by a comment that calls for them."""
    tells = sa.or_(effect.c.name.startswith("notice:"), effect.c.name.startswith("comment:escalated"))
    done = sa.select(sa.func.max(effect.c.done_at)).where(tells, effect.c.state == EffectState.DONE)
    found: datetime | None = connection.execute(done).scalar()
    return found


def tell(connection: sa.Connection, told: Effect) -> Effect:
    """Write an effect (version 0), or the version after the one that it was read as; raises LostRaceError."""
    following = replace(told, version=told.version + 1)
    values = _values(effect, following)
    try:
        if told.version == 0:
            with connection.begin_nested():
                connection.execute(effect.insert().values(values))
            return following
    except IntegrityError as error:
        raise LostRaceError(f"{told.name} of {told.incident} is told by somebody else") from error
    key = effect.c.incident == told.incident, effect.c.name == told.name
    if connection.execute(effect.update().where(*key, effect.c.version == told.version).values(values)).rowcount != 1:
        raise LostRaceError(f"{told.name} of {told.incident} has changed in the meantime")
    return following


def read_attempts(connection: sa.Connection, identifier: str) -> list[Attempt]:
    """Read the attempts to end an incident, in their order."""
    rows = connection.execute(sa.select(attempt).where(attempt.c.incident == identifier).order_by(attempt.c.merged_at))
    return [Attempt(**row._mapping) for row in rows]  # noqa: SLF001 # its public name


def keep_attempt(connection: sa.Connection, kept: Attempt, changed: Incident, events: Sequence[TimelineEvent]) -> None:
    """Write an attempt, or what came of it, and what its incident becomes; raises LostRaceError."""
    incidents.save(connection, changed, events)
    statement = insert(connection, attempt).values(_values(attempt, kept))
    came = {"failed_at": statement.excluded.failed_at, "text": statement.excluded.text}
    connection.execute(statement.on_conflict_do_update(index_elements=["incident", "pull"], set_=came))


def keep_evidence(connection: sa.Connection, seen: Sequence[Evidence], since: datetime) -> None:
    """Keep what was seen, unless evidence of its incident from since then is there already."""
    of_these = evidence.c.incident.in_({each.incident for each in seen})
    known = sa.select(evidence.c.id).where(of_these, evidence.c.taken_at >= since)
    if seen and connection.execute(known.limit(1)).first() is None:
        connection.execute(evidence.insert(), [_values(evidence, each) for each in seen])
        for identifier in {each.incident for each in seen}:
            turns.make_due(connection, identifier, Duty.TELL)


def read_evidence(connection: sa.Connection, identifier: str) -> list[Evidence]:
    """Read what was seen, in its order."""
    columns = [column for column in evidence.columns if column is not evidence.c.id]
    rows = connection.execute(sa.select(*columns).where(evidence.c.incident == identifier).order_by(evidence.c.id))
    return [Evidence(**{**row._mapping, "kind": EvidenceKind(row.kind)}) for row in rows]  # noqa: SLF001 # as above


def _remedies(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Remedy]:
    rows = connection.execute(sa.select(remedy).where(where).order_by(remedy.c.began_at, remedy.c.number))
    return [_remedy(row) for row in rows]


def _remedy(row: sa.Row[Any]) -> Remedy:
    came = None if row.came is None else Came(row.came)
    nouns = {"act": Act(row.act), "stage": Stage(row.stage), "came": came}
    return Remedy(**{**row._mapping, **nouns})  # noqa: SLF001 # SQLAlchemy's public name for it


def _values(table: sa.Table, noun: object) -> dict[str, Any]:
    return {column.name: getattr(noun, column.name) for column in table.columns if column.name != "id"}


class MendingRows:
    """The port `MendingLedger` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def remedies(self, incident: str) -> list[Remedy]:
        """Read those of an incident, in their order."""
        return await self._db.read(lambda connection: read_remedies(connection, incident))

    async def begin(
        self,
        remedy: Remedy,
        incident: Incident,
        events: Sequence[TimelineEvent],
        since: datetime,
        forbids: RemedyForbids,
    ) -> tuple[Remedy, Refusal | None]:
        """Write a remedy and what its incident becomes before it is done, unless something forbids it."""
        return await self._db.write(lambda connection: begin(connection, remedy, incident, events, since, forbids))

    async def change(
        self, remedy: Remedy, incident: Incident | None = None, events: Sequence[TimelineEvent] = ()
    ) -> Remedy:
        """Write the next version of one, and of its incident where that changes by it."""
        return await self._db.write(lambda connection: change(connection, remedy, incident, events))

    async def effects(self, incident: str) -> list[Effect]:
        """Read what was told of an incident."""
        return await self._db.read(lambda connection: read_effects(connection, incident))

    async def tell(self, effect: Effect) -> Effect:
        """Write an effect, or the next version of one."""
        return await self._db.write(lambda connection: tell(connection, effect))

    async def attempts(self, incident: str) -> list[Attempt]:
        """Read the attempts to end an incident, in their order."""
        return await self._db.read(lambda connection: read_attempts(connection, incident))

    async def keep_attempt(self, kept: Attempt, incident: Incident, events: Sequence[TimelineEvent]) -> None:
        """Write an attempt, or what came of it, and what its incident becomes."""
        await self._db.write(lambda connection: keep_attempt(connection, kept, incident, events))

    async def keep_evidence(self, evidence: Sequence[Evidence], since: datetime) -> None:
        """Keep what was seen, once since then."""
        await self._db.write(lambda connection: keep_evidence(connection, evidence, since))

    async def evidence(self, incident: str) -> list[Evidence]:
        """Read what was seen, in its order."""
        return await self._db.read(lambda connection: read_evidence(connection, incident))
