"""Deliveries coming in, put on disk many at a time: whoever delivers waits for the disk, and many wait at once."""

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import insert
from devops_daemon.adapters.store.schema import UtcTime, delivery
from devops_daemon.inbox import Arrival, DeliveryState, Receipt

LARGEST_GROUP = 256
LARGEST_AT_ONCE = 256 * 1024
"""Bytes of a body that are compressed where they are written, for PostgreSQL the event loop: a millisecond or two."""
_LEVEL = 1
_INSERT = (
    "INSERT INTO delivery (guid, event, form, body, received_at, due_at, state, ended_at, note, attempts, fence)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Packed:
    """An arrival on its way to its row; a large body is compressed already."""

    arrival: Arrival
    done: str | None = None
    """Why nothing is to be done with it: its body is not needed."""
    compressed: bytes | None = None

    @property
    def guid(self) -> str:
        """Name the delivery."""
        return self.arrival.guid

    def body(self) -> bytes:
        """Give the body as the row of one that is to be worked on has it."""
        return self.compressed or zlib.compress(self.arrival.body, _LEVEL)


async def pack(arrival: Arrival, done: str | None) -> Packed:
    """Compress a large body where it holds up nobody; the others are, where they are written."""
    if done is not None or len(arrival.body) <= LARGEST_AT_ONCE:
        return Packed(arrival, done)
    return Packed(arrival, done, await asyncio.to_thread(zlib.compress, arrival.body, _LEVEL))


def keep(connection: sa.Connection, arrivals: Sequence[Packed]) -> dict[str, Receipt]:
    """Write what has not come before, by one statement; gives what is said of each, by its guid.

    One that is finished is a duplicate. One that failed is received anew: whoever delivers it again has a reason.
    """
    in_order = sorted(arrivals, key=lambda arrival: arrival.guid)  # two replicas lock rows in one order
    new = _insert_sqlite if connection.dialect.name == "sqlite" else _insert_postgres
    receipts = dict.fromkeys((arrival.guid for arrival in in_order), Receipt.ACCEPTED)
    if new(connection, in_order) == len(in_order):
        return receipts
    ended = delivery.c.guid.in_(receipts), delivery.c.state.in_((DeliveryState.DONE, DeliveryState.FAILED))
    found = connection.execute(sa.select(delivery.c.guid, delivery.c.state).where(*ended))
    states = {row.guid: row.state for row in found}
    for arrival in in_order:
        if states.get(arrival.guid) == DeliveryState.DONE:
            receipts[arrival.guid] = Receipt.DUPLICATE
        elif states.get(arrival.guid) == DeliveryState.FAILED:
            _receive_anew(connection, arrival)
    return receipts


def _insert_sqlite(connection: sa.Connection, arrivals: Sequence[Packed]) -> int:
    """Insert by the driver's own means: a quarter of what SQLAlchemy's take for each row."""
    return connection.exec_driver_sql(_INSERT, [_values(connection, each) for each in arrivals]).rowcount


def _values(connection: sa.Connection, packed: Packed) -> tuple[Any, ...]:
    arrival = packed.arrival
    at = _TIME.process_bind_param(arrival.received_at, connection.dialect)
    common = arrival.guid, arrival.event, arrival.form
    if packed.done is None:
        return *common, packed.body(), at, at, DeliveryState.RECEIVED, None, None
    return *common, None, at, at, DeliveryState.DONE, at, packed.done


_TIME = UtcTime()


def _insert_postgres(connection: sa.Connection, arrivals: Sequence[Packed]) -> int:
    rows = [
        {
            "guid": each.guid,
            "event": each.arrival.event,
            "form": each.arrival.form,
            "body": each.body() if each.done is None else None,
            "received_at": each.arrival.received_at,
            "due_at": each.arrival.received_at,
            "state": DeliveryState.RECEIVED if each.done is None else DeliveryState.DONE,
            "ended_at": None if each.done is None else each.arrival.received_at,
            "note": each.done,
            "attempts": 0,
            "fence": 0,
        }
        for each in arrivals
    ]
    statement = insert(connection, delivery).on_conflict_do_nothing().returning(delivery.c.guid)
    return len(connection.execute(statement, rows).all())


def _receive_anew(connection: sa.Connection, packed: Packed) -> None:
    arrival = packed.arrival
    failed = sa.and_(delivery.c.guid == arrival.guid, delivery.c.state == DeliveryState.FAILED)
    connection.execute(
        delivery.update()
        .where(failed)
        .values(
            state=DeliveryState.RECEIVED,
            form=arrival.form,
            body=packed.body(),
            received_at=arrival.received_at,
            due_at=arrival.received_at,
            attempts=0,
            ended_at=None,
            note=None,
        )
    )


class Arrivals:
    """Collects arrivals while a write is in progress, and writes them as one."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._waiting: dict[asyncio.Future[Receipt], Packed] = {}
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, arrival: Arrival, done: str | None) -> Receipt:
        """Put an arrival on disk; raises UnavailableError, as for all of its group."""
        packed = await pack(arrival, done)
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting[receipt] = packed
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="keep deliveries")
        try:
            return await receipt
        finally:
            self._waiting.pop(receipt, None)  # nobody waits any more: it need not be held

    async def _write(self) -> None:
        """Write group after group, until nobody waits."""
        try:
            while group := list(islice(self._waiting.items(), LARGEST_GROUP)):
                for receipt, _ in group:
                    del self._waiting[receipt]
                await self._write_group(group)
        finally:
            self._writing = None

    async def _write_group(self, group: Sequence[tuple["asyncio.Future[Receipt]", Packed]]) -> None:
        """Write a group and tell all who wait for it what became of it, whatever that is."""
        arrivals = [packed for _, packed in group]
        writing = asyncio.ensure_future(self._db.write(lambda connection: keep(connection, arrivals)))
        await asyncio.wait({writing})
        for receipt, packed in group:
            if receipt.done():
                continue  # who waited has gone
            if error := writing.exception():
                receipt.set_exception(error)
            else:
                receipt.set_result(writing.result()[packed.guid])
