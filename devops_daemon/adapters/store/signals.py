"""Rows of the signals beside the probes."""

from collections.abc import Sequence

import sqlalchemy as sa

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import insert
from devops_daemon.adapters.store.schema import signal
from devops_daemon.model import ProbeKey, Severity, Signal


def read_signals(connection: sa.Connection) -> list[Signal]:
    """Read how they stood last."""
    return [
        Signal(
            ProbeKey(row.service, row.name),
            Severity(row.severity) if row.severity else None,
            row.since,
            row.counted_from,
            row.detail,
            row.known_at,
        )
        for row in connection.execute(sa.select(signal).order_by(signal.c.service, signal.c.name))
    ]


def keep(connection: sa.Connection, signals: Sequence[Signal]) -> None:
    """Write how they stand; what was known later stays."""
    for each in signals:
        values = {
            "severity": each.severity,
            "since": each.since,
            "counted_from": each.counted_from,
            "detail": each.detail,
            "known_at": each.known_at,
        }
        statement = insert(connection, signal).values(service=each.key.service, name=each.key.name, **values)
        later = sa.or_(signal.c.known_at.is_(None), statement.excluded.known_at >= signal.c.known_at)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["service", "name"], set_=values, where=later)
        )


class SignalRows:
    """The port `SignalLedger` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def signals(self) -> list[Signal]:
        """Read how they stood last."""
        return await self._db.read(read_signals)

    async def keep(self, signals: Sequence[Signal]) -> None:
        """Write how they stand."""
        await self._db.write(lambda connection: keep(connection, signals))
