"""Rows of the clocks' slots, and of what is done once in the daemon's life."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import insert
from devops_daemon.adapters.store.schema import permit, tick

CLOCKS_DIFFER = timedelta(minutes=1)
"""The clocks of two replicas differ by less than this."""


def take_tick(connection: sa.Connection, job: str, slot: datetime, now: datetime) -> bool:
    """Take a slot of a clock: True for one replica only, whoever is first.

    One that was taken in the future was taken before the clock was set back: it comes again.
    """
    statement = insert(connection, tick).values(job=job, slot=slot, taken_at=now)
    again = statement.on_conflict_do_update(
        index_elements=["job", "slot"], set_={"taken_at": now}, where=tick.c.taken_at > now + CLOCKS_DIFFER
    )
    taken = connection.execute(again.returning(tick.c.slot))
    return taken.first() is not None


def begin_tick(connection: sa.Connection, job: str, slot: datetime, now: datetime) -> None:
    """Note when the work of a slot began."""
    connection.execute(tick.update().where(tick.c.job == job, tick.c.slot == slot).values(began_at=now))


def last_tick(connection: sa.Connection, job: str) -> datetime | None:
    """Tell the last slot that was taken."""
    return connection.execute(sa.select(sa.func.max(tick.c.slot)).where(tick.c.job == job)).scalar()


def take_permit(connection: sa.Connection, name: str, now: datetime) -> bool:
    """Take a permit: True once, for ever."""
    statement = insert(connection, permit).values(name=name, taken_at=now)
    taken = connection.execute(statement.on_conflict_do_nothing().returning(permit.c.name))
    return taken.first() is not None


class TickRows:
    """The port `TickLedger` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def take(self, job: str, slot: datetime, now: datetime) -> bool:
        """Take a slot."""
        return await self._db.write(lambda connection: take_tick(connection, job, slot, now))

    async def begin(self, job: str, slot: datetime, now: datetime) -> None:
        """Note when the work of a slot began."""
        await self._db.write(lambda connection: begin_tick(connection, job, slot, now))

    async def last(self, job: str) -> datetime | None:
        """Tell the last slot that was taken."""
        return await self._db.read(lambda connection: last_tick(connection, job))


class PermitRows:
    """The port `Permits` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def take(self, name: str, now: datetime) -> bool:
        """Take a permit; the row is kept before this returns."""
        return await self._db.write(lambda connection: take_permit(connection, name, now))
