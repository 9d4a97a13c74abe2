"""Rows of deliveries: kept, sorted, worked off, shown, forgotten."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from devops_daemon.adapters.store import claims
from devops_daemon.adapters.store.arrivals import Arrivals
from devops_daemon.adapters.store.claims import COLUMNS, arrival_of, subject_is_claimed
from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.schema import delivery
from devops_daemon.inbox import Arrival, Claim, DeliveryRow, DeliveryState, InboxFigures, Receipt, Sorted

DONE_KEPT = timedelta(days=8)
"""The forge delivers again within 3 days, or 7: until then a finished one must be known."""
FAILED_KEPT = timedelta(days=30)
BATCH = 1000
MOST_BYTES = 32 * 1024 * 1024
"""Bodies that are read at once: there are such of 25 MiB."""
_COMES_TO = frozenset({DeliveryState.PENDING, DeliveryState.DONE, DeliveryState.FAILED})
_OPEN = (DeliveryState.RECEIVED, DeliveryState.PENDING, DeliveryState.CLAIMED)
_SHOWN = tuple(
    delivery.c[name] for name in ("guid", "event", "state", "attempts", "received_at", "ended_at", "subject", "note")
)
# statements that are needed often stand ready: to put one together takes several times as long as to run it
_OLDEST_UNREAD = (
    sa.select(*COLUMNS)
    .where(delivery.c.state == DeliveryState.RECEIVED)
    .order_by(delivery.c.due_at, delivery.c.guid)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_FIRST_DUE = sa.select(sa.func.min(delivery.c.due_at)).where(
    delivery.c.state == DeliveryState.PENDING, ~subject_is_claimed()
)
_FIRST_TO_LAPSE = sa.select(sa.func.min(delivery.c.claimed_until)).where(delivery.c.state == DeliveryState.CLAIMED)


def read_unread(connection: sa.Connection, most: int) -> list[Arrival]:
    """Read the oldest deliveries that nobody has sorted, fewer where they are large."""
    found: list[Arrival] = []
    room = MOST_BYTES
    for row in connection.execute(_OLDEST_UNREAD, {"most": most}):
        found.append(arrival_of(row))
        room -= len(found[-1].body)
        if room <= 0:
            break
    return found


def sort(connection: sa.Connection, read: Sequence[Sorted], now: datetime) -> None:
    """Write what reading came to; those that somebody else has sorted stay as they are."""
    by_state: dict[DeliveryState, list[dict[str, Any]]] = defaultdict(list)
    for each in sorted(read, key=lambda one: one.guid):  # two replicas lock rows in one order
        if each.state not in _COMES_TO:
            raise ValueError(f"{each.guid}: to be {each.state} is nothing that reading comes to")
        alone = each.guid if each.state is DeliveryState.PENDING else None  # of no other's subject
        row = {"key": each.guid, "about": each.subject or alone, "why": each.note}
        by_state[each.state].append(row if each.state is DeliveryState.PENDING else {**row, "now": now})
    for state, rows in by_state.items():
        connection.execute(_sorting(state), rows)


@cache
def _sorting(state: DeliveryState) -> sa.Update:
    """Say how a delivery that is still unsorted comes to this state."""
    values: dict[str, Any] = {"state": state, "subject": sa.bindparam("about"), "note": sa.bindparam("why")}
    if state is not DeliveryState.PENDING:
        values["ended_at"] = sa.bindparam("now")
    if state is DeliveryState.DONE:
        values["body"] = None
    unsorted = sa.and_(delivery.c.guid == sa.bindparam("key"), delivery.c.state == DeliveryState.RECEIVED)
    return delivery.update().where(unsorted).values(values)


def next_due(connection: sa.Connection) -> datetime | None:
    """Tell when the next one can be claimed: one that waits, or one whose lease passes."""
    times = [connection.execute(first).scalar() for first in (_FIRST_DUE, _FIRST_TO_LAPSE)]
    return min(filter(None, times), default=None)


def replay(connection: sa.Connection, guid: str, now: datetime) -> DeliveryRow | None:
    """Receive one that failed anew; gives its row as it was."""
    one = sa.select(*_SHOWN).where(delivery.c.guid == guid).with_for_update()
    row = connection.execute(one).first()
    if row is not None and row.state == DeliveryState.FAILED:
        values = {"received_at": now, "due_at": now, "attempts": 0, "ended_at": None, "note": None}
        anew = delivery.update().where(delivery.c.guid == guid)
        connection.execute(anew.values(state=DeliveryState.RECEIVED, **values))
    return None if row is None else _row(row)


def read_listed(connection: sa.Connection, most: int) -> list[DeliveryRow]:
    """Read those that are to be done and those that failed, then the latest others; newest first within each."""
    listed = sa.select(*_SHOWN)
    wanting = listed.where(delivery.c.state.in_((*_OPEN, DeliveryState.FAILED)))
    found = [_row(row) for row in connection.execute(wanting.order_by(delivery.c.received_at.desc()).limit(most))]
    # by the order that the index has: there are a hundred thousand of these after a week of many
    done = listed.where(delivery.c.state == DeliveryState.DONE).order_by(delivery.c.due_at.desc())
    others = [_row(row) for row in connection.execute(done.limit(most - len(found)))]
    return found + sorted(others, key=lambda row: row.received_at, reverse=True)


def read_figures(connection: sa.Connection, now: datetime) -> InboxFigures:
    """Count; the oldest is the one that has been due for longest, so that what waits for its next attempt is none."""
    by_state = sa.select(delivery.c.state, sa.func.count(), sa.func.min(delivery.c.due_at))
    counted = by_state.where(delivery.c.state.in_((*_OPEN, DeliveryState.FAILED))).group_by(delivery.c.state)
    found = connection.execute(counted).all()
    waiting = [(count, due) for state, count, due in found if state != DeliveryState.FAILED]
    oldest = min((due for _, due in waiting), default=None)
    return InboxFigures(
        pending=sum(count for count, _ in waiting),
        failed=sum(count for state, count, _ in found if state == DeliveryState.FAILED),
        oldest_pending=None if oldest is None else max(now - oldest, timedelta()),
    )


def read_known(connection: sa.Connection, guids: Sequence[str]) -> frozenset[str]:
    """Tell which of these came, and are not given up."""
    known = delivery.c.guid.in_(guids), delivery.c.state != DeliveryState.FAILED
    return frozenset(connection.execute(sa.select(delivery.c.guid).where(*known)).scalars())


def forget(connection: sa.Connection, now: datetime) -> int:
    """Delete one batch of what was kept long enough; gives how many."""
    kept = ((DeliveryState.DONE, DONE_KEPT), (DeliveryState.FAILED, FAILED_KEPT))
    old = sa.or_(*(_ended_before(state, now - duration) for state, duration in kept))
    batch = sa.select(delivery.c.guid).where(old).limit(BATCH)
    return connection.execute(delivery.delete().where(delivery.c.guid.in_(batch))).rowcount


def _ended_before(state: DeliveryState, before: datetime) -> sa.ColumnElement[bool]:
    # due before it ended: by that the index finds them
    return sa.and_(delivery.c.state == state, delivery.c.due_at < before, delivery.c.ended_at < before)


def _row(row: sa.Row[Any]) -> DeliveryRow:
    return DeliveryRow(
        guid=row.guid,
        event=row.event,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        received_at=row.received_at,
        ended_at=row.ended_at,
        subject=row.subject,
        note=row.note,
    )


class InboxRows:
    """The port `Inbox` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._arrivals = Arrivals(database)

    async def keep(self, arrival: Arrival, done: str | None = None) -> Receipt:
        """Put a delivery on disk, together with those that come at the same time."""
        return await self._arrivals.keep(arrival, done)

    async def unread(self, most: int) -> list[Arrival]:
        """Read the oldest deliveries that nobody has sorted."""
        return await self._db.read(lambda connection: read_unread(connection, most))

    async def sort(self, read: Sequence[Sorted], now: datetime) -> None:
        """Write what reading them came to."""
        await self._db.write(lambda connection: sort(connection, read, now))

    async def claim(self, owner: str, lease: timedelta, now: datetime) -> Claim | None:
        """Take one delivery that is due and of whose subject none is claimed."""
        return await self._db.write(lambda connection: claims.claim(connection, owner, lease, now))

    async def renew(self, claim: Claim, lease: timedelta, now: datetime) -> None:
        """Hold on to it."""
        await self._db.write(lambda connection: claims.renew(connection, claim, lease, now))

    async def finish(self, claim: Claim, note: str | None, now: datetime) -> None:
        """Note that it is done."""
        await self._db.write(lambda connection: claims.finish(connection, claim, note, now))

    async def put_back(self, claim: Claim, error: str, due_at: datetime, *, counted: bool = True) -> None:
        """Let it be tried again later."""
        await self._db.write(lambda connection: claims.put_back(connection, claim, error, due_at, counted=counted))

    async def let_go(self, owner: str, now: datetime) -> None:  # noqa: ARG002 # as the port has it
        """Free what an earlier process of this name had claimed when it died."""
        await self._db.write(lambda connection: claims.let_go(connection, owner))

    async def give_up(self, claim: Claim, error: str, now: datetime) -> None:
        """Note that it failed for good."""
        await self._db.write(lambda connection: claims.give_up(connection, claim, error, now))

    async def next_due(self) -> datetime | None:
        """Tell when the next one can be claimed, None where none can and none is."""
        return await self._db.read(next_due)

    async def replay(self, guid: str, now: datetime) -> DeliveryRow | None:
        """Let one that failed be tried again, as if it had been received now."""
        return await self._db.write(lambda connection: replay(connection, guid, now))

    async def listed(self, most: int) -> list[DeliveryRow]:
        """Read those that are to be done and those that failed, then the latest others."""
        return await self._db.read(lambda connection: read_listed(connection, most))

    async def known(self, guids: Sequence[str]) -> frozenset[str]:
        """Tell which of these came, and are not given up."""
        return await self._db.read(lambda connection: read_known(connection, guids))

    async def figures(self, now: datetime) -> InboxFigures:
        """Count."""
        return await self._db.read(lambda connection: read_figures(connection, now))

    async def forget(self, now: datetime) -> int:
        """Delete what was kept long enough, in batches; gives how many."""
        deleted = 0
        while batch := await self._db.write(lambda connection: forget(connection, now)):
            deleted += batch
        return deleted
