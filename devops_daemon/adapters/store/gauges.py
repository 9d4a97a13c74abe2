"""Rows of what was counted of the product when it was well."""

from datetime import datetime, timedelta
from statistics import median

import sqlalchemy as sa

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import insert
from devops_daemon.adapters.store.schema import gauge

LOOKED_BACK = timedelta(days=7)


def add(connection: sa.Connection, name: str, value: float, at: datetime) -> None:
    """Keep one value; of one moment there is one."""
    connection.execute(insert(connection, gauge).values(name=name, value=value, at=at).on_conflict_do_nothing())


def read_usual(connection: sa.Connection, name: str, before: datetime) -> float | None:
    """Tell what is usual: the median of the week before; None where nothing was counted."""
    week = gauge.c.name == name, gauge.c.at < before, gauge.c.at >= before - LOOKED_BACK
    values = list(connection.execute(sa.select(gauge.c.value).where(*week)).scalars())
    return median(values) if values else None


class GaugeRows:
    """The port `Gauges` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, name: str, value: float, at: datetime) -> None:
        """Keep one value."""
        await self._db.write(lambda connection: add(connection, name, value, at))

    async def usual(self, name: str, before: datetime) -> float | None:
        """Tell what is usual."""
        return await self._db.read(lambda connection: read_usual(connection, name, before))
