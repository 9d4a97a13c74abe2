"""Rows of pull requests and of our merges."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import insert
from devops_daemon.adapters.store.schema import check_seen, knot, landing, pull
from devops_daemon.adapters.store.switches import read_switch
from devops_daemon.adapters.store.versions import keep_version
from devops_daemon.landing import Came, Decision, Landing, PullRow, Ready, Stage, Verb
from devops_daemon.ports import PAUSED, LostRaceError, Switch
from devops_daemon.untangling import Knot, KnotState

_KEY = "number"


def read_pulls(connection: sa.Connection) -> list[PullRow]:
    """Read those that were open at the last look, oldest first."""
    return [_pull(row) for row in connection.execute(sa.select(pull).order_by(pull.c.number))]


def keep_pulls(connection: sa.Connection, rows: Sequence[PullRow], seen: Mapping[str, datetime]) -> None:
    """Write those that are open, and let go of the others; the checks that have reported are noted."""
    connection.execute(pull.delete().where(pull.c.number.not_in([row.number for row in rows])))
    for row in rows:
        values = _values(row)
        statement = insert(connection, pull).values(values)
        changed = {name: statement.excluded[name] for name in values if name != _KEY}
        connection.execute(statement.on_conflict_do_update(index_elements=[_KEY], set_=changed))
    for name, at in seen.items():
        noted = insert(connection, check_seen).values(name=name, at=at)
        later = noted.excluded.at > check_seen.c.at
        connection.execute(noted.on_conflict_do_update(index_elements=["name"], set_={"at": at}, where=later))


def read_checks_seen(connection: sa.Connection) -> dict[str, datetime]:
    """Read when each check has last reported."""
    return {row.name: row.at for row in connection.execute(sa.select(check_seen))}


def begin(connection: sa.Connection, new: Landing, forbids: Callable[[Switch | None], str | None]) -> Landing | str:
    """Write a landing down before it is merged; gives why not, where something forbids it.

    Raises LostRaceError where one is under way at its base: another replica was quicker.
    """
    if (reason := forbids(read_switch(connection, PAUSED))) is not None:
        return reason
    written = replace(new, version=1)
    try:
        with connection.begin_nested():
            result = connection.execute(landing.insert().values(_landing_values(written)))
    except IntegrityError as error:
        raise LostRaceError(f"a merge into {new.base} is under way") from error
    [identifier] = result.inserted_primary_key or [0]
    return replace(written, id=identifier)


def change(connection: sa.Connection, changed: Landing) -> Landing:
    """Write the version after the one that it was read as; raises LostRaceError."""
    following = replace(changed, version=changed.version + 1)
    same = landing.update().where(landing.c.id == changed.id, landing.c.version == changed.version)
    if connection.execute(same.values(_landing_values(following))).rowcount != 1:
        raise LostRaceError(f"the landing of #{changed.number} has changed in the meantime")
    return following


def read_landings(connection: sa.Connection, since: datetime) -> list[Landing]:
    """Read those under way, and those that began since then, newest first."""
    wanted = sa.or_(landing.c.stage != Stage.ENDED.value, landing.c.began_at >= since)
    rows = connection.execute(sa.select(landing).where(wanted).order_by(landing.c.began_at.desc(), landing.c.id.desc()))
    return [_landing(row) for row in rows]


def read_ready(connection: sa.Connection, since: datetime) -> list[Ready]:
    """Read how long those that were ready were waited for: merged since then, or not merged yet."""
    merged = sa.select(landing.c.number, landing.c.ready_since, landing.c.merged_at).where(
        landing.c.merged_at >= since, landing.c.ready_since.is_not(None)
    )
    waiting = sa.select(pull.c.number, pull.c.ready_since).where(pull.c.ready_since.is_not(None))
    return [
        *(Ready(row.ready_since, row.merged_at, row.number) for row in connection.execute(merged)),
        *(Ready(row.ready_since, None, row.number) for row in connection.execute(waiting)),
    ]


def read_knots(connection: sa.Connection, since: datetime) -> list[Knot]:
    """Read those that have changed since then, and those that are not at their end, oldest first."""
    wanted = sa.or_(knot.c.at >= since, knot.c.state.in_([KnotState.PUSHING.value, KnotState.CLOSING.value]))
    return [_knot(row) for row in connection.execute(sa.select(knot).where(wanted).order_by(knot.c.at))]


def keep_knot(connection: sa.Connection, changed: Knot) -> Knot:
    """Write one, or the version after the one that it was read as; raises LostRaceError."""
    following = replace(changed, version=changed.version + 1)
    values = {column.name: getattr(following, column.name) for column in knot.columns} | {
        "files": "\n".join(following.files)
    }
    keep_version(connection, knot, values, f"the conflict of #{changed.number}")
    return following


def _knot(row: sa.Row[Any]) -> Knot:
    files = tuple(row.files.splitlines())
    return Knot(**{**row._mapping, "state": KnotState(row.state), "files": files})  # noqa: SLF001 # as below


def _pull(row: sa.Row[Any]) -> PullRow:
    values = {**row._mapping}  # noqa: SLF001 # SQLAlchemy's public name for it
    said = {name: values.pop(name) for name in ("verb", "reason", "covered", "held", "green_since")}
    return PullRow(**values, decision=Decision(**{**said, "verb": Verb(said["verb"])}))


def _values(row: PullRow) -> dict[str, Any]:
    return {
        column.name: getattr(row.decision if hasattr(row.decision, column.name) else row, column.name)
        for column in pull.columns
    }


def _landing(row: sa.Row[Any]) -> Landing:
    nouns = {"stage": Stage(row.stage), "came": None if row.came is None else Came(row.came)}
    return Landing(**{**row._mapping, **nouns})  # noqa: SLF001 # as above


def _landing_values(noun: Landing) -> dict[str, Any]:
    return {column.name: getattr(noun, column.name) for column in landing.columns if column.name != "id"}


class PullRows:
    """The port `PullLedger` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def pulls(self) -> list[PullRow]:
        """Read those that were open at the last look, oldest first."""
        return await self._db.read(read_pulls)

    async def keep(self, rows: Sequence[PullRow], seen: Mapping[str, datetime]) -> None:
        """Write all that are open; `seen` are the checks that have reported, and when."""
        await self._db.write(lambda connection: keep_pulls(connection, rows, seen))

    async def checks_seen(self) -> Mapping[str, datetime]:
        """Read when each check has last reported on any pull request."""
        return await self._db.read(read_checks_seen)

    async def begin(self, landing: Landing, forbids: Callable[[Switch | None], str | None]) -> Landing | str:
        """Write a landing down before it is merged, or say what forbids it."""
        return await self._db.write(lambda connection: begin(connection, landing, forbids))

    async def change(self, landing: Landing) -> Landing:
        """Write the next version of one."""
        return await self._db.write(lambda connection: change(connection, landing))

    async def knots(self, since: datetime) -> list[Knot]:
        """Read the conflicts that have changed since then, and those that are not at their end, oldest first."""
        return await self._db.read(lambda connection: read_knots(connection, since))

    async def keep_knot(self, knot: Knot) -> Knot:
        """Write a conflict, or the next version of one."""
        return await self._db.write(lambda connection: keep_knot(connection, knot))

    async def landings(self, since: datetime) -> list[Landing]:
        """Read those under way, and those that began since then, newest first."""
        return await self._db.read(lambda connection: read_landings(connection, since))
