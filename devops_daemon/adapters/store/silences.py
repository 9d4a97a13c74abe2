"""Rows of what people want it to be quiet about."""

from datetime import datetime

import sqlalchemy as sa

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import insert
from devops_daemon.adapters.store.schema import silence
from devops_daemon.ports import ALL
from devops_daemon.quiet import Quiet


def read_silences(connection: sa.Connection, now: datetime) -> list[Quiet]:
    """Read those that have not ended, the first to end first."""
    rows = connection.execute(sa.select(silence).where(silence.c.until > now).order_by(silence.c.until))
    return [Quiet(_services(row.service), row.until, row.reason, row.said_by) for row in rows]


def keep(connection: sa.Connection, service: str, until: datetime, by: str, reason: str) -> None:
    """Let it be quiet about a service; the last word counts."""
    values = {"until": until, "reason": reason, "said_by": by}
    statement = insert(connection, silence).values(service=service, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["service"], set_=values))


def lift(connection: sa.Connection, service: str, now: datetime) -> Quiet | None:
    """End it; gives what it was, None where there was none."""
    row = connection.execute(silence.delete().where(silence.c.service == service).returning(silence)).first()
    return Quiet(_services(row.service), row.until, row.reason, row.said_by) if row and row.until > now else None


def _services(service: str) -> frozenset[str]:
    return frozenset() if service == ALL else frozenset({service})


class SilenceRows:
    """The port `Silences` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def current(self, now: datetime) -> list[Quiet]:
        """Read those that have not ended."""
        return await self._db.read(lambda connection: read_silences(connection, now))

    async def keep(self, service: str, until: datetime, by: str, reason: str) -> None:
        """Let it be quiet about a service until then."""
        await self._db.write(lambda connection: keep(connection, service, until, by, reason))

    async def lift(self, service: str, now: datetime) -> Quiet | None:
        """End it."""
        return await self._db.write(lambda connection: lift(connection, service, now))
