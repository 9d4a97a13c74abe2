"""Deliveries being worked on: who claims what, for how long, and how a claim ends.

The index `delivery_claimed` has the last word: one delivery of a subject is claimed at a time. On PostgreSQL a lease
runs by the database's clock, which all replicas share; on SQLite by the only process's.
"""

import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from devops_daemon.adapters.store.schema import delivery
from devops_daemon.inbox import Arrival, Claim, DeliveryState
from devops_daemon.ports import LostRaceError

COLUMNS: tuple[sa.Column[Any], ...] = tuple(
    delivery.c[name] for name in ("guid", "event", "body", "form", "received_at")
)
"""What an arrival is read from."""
RACES = 20
"""Lost in a row, and the next look is left to whoever asks next."""
_FREE = {"claimed_by": None, "claimed_until": None}
_NOW = sa.bindparam("now", type_=delivery.c.due_at.type)
_claimed = delivery.c.state == DeliveryState.CLAIMED


def arrival_of(row: sa.Row[Any]) -> Arrival:
    """Read what came."""
    return Arrival(row.guid, row.event, zlib.decompress(row.body or zlib.compress(b"")), row.form, row.received_at)


def claim(connection: sa.Connection, owner: str, lease: timedelta, now: datetime) -> Claim | None:
    """Take one delivery: what somebody who died had claimed, else what has been due for longest."""
    for _ in range(RACES):
        found = _first(connection, _abandoned, now) or _first(connection, _due, now)
        if found is None:
            return None
        taken = _take(connection, found, owner, _until(connection, now, lease))
        if taken is not None:
            return taken
    return None


def _take(connection: sa.Connection, found: sa.Row[Any], owner: str, until: Any) -> Claim | None:  # noqa: ANN401 # a time
    """Claim it, unless another replica has just claimed one of its subject: the next look sees that."""
    statement = (
        delivery.update()
        .where(delivery.c.guid == found.guid, delivery.c.fence == found.fence)
        .values(
            state=DeliveryState.CLAIMED,
            claimed_by=owner,
            claimed_until=until,
            fence=delivery.c.fence + 1,
            attempts=delivery.c.attempts + 1,
        )
        .returning(*COLUMNS, delivery.c.subject, delivery.c.attempts, delivery.c.fence)
    )
    try:
        with connection.begin_nested():
            row = connection.execute(statement).one()
    except IntegrityError:
        return None
    return Claim(arrival_of(row), row.subject, row.attempts, row.fence)


def _first(connection: sa.Connection, which: Callable[[str], sa.Select[Any]], now: datetime) -> sa.Row[Any] | None:
    """Find the first that no other replica is taking at this moment."""
    return connection.execute(which(connection.dialect.name), {"now": now}).first()


@cache  # to put a statement together takes several times as long as to run it
def _abandoned(dialect: str) -> sa.Select[Any]:
    clock = sa.func.now() if dialect == "postgresql" else _NOW
    return _ordered(sa.and_(_claimed, delivery.c.claimed_until <= clock), delivery.c.claimed_until)


@cache
def _due(_: str) -> sa.Select[Any]:
    due = sa.and_(delivery.c.state == DeliveryState.PENDING, delivery.c.due_at <= _NOW)
    return _ordered(sa.and_(due, ~subject_is_claimed()), delivery.c.due_at)


def _ordered(where: sa.ColumnElement[bool], by: sa.Column[datetime]) -> sa.Select[Any]:
    key: tuple[sa.Column[Any], ...] = (delivery.c.guid, delivery.c.fence)
    return sa.select(*key).where(where).order_by(by, delivery.c.guid).limit(1).with_for_update(skip_locked=True)


def subject_is_claimed() -> sa.ColumnElement[bool]:
    """Say whether a delivery of the same subject is worked on."""
    other = delivery.alias("other")
    same = sa.and_(other.c.subject == delivery.c.subject, other.c.state == DeliveryState.CLAIMED)
    return sa.exists().where(same).correlate(delivery)


def _until(connection: sa.Connection, now: datetime, lease: timedelta) -> Any:  # noqa: ANN401 # a time, or what gives it
    return sa.func.now() + lease if connection.dialect.name == "postgresql" else now + lease


def renew(connection: sa.Connection, held: Claim, lease: timedelta, now: datetime) -> None:
    """Hold on to it."""
    _change(connection, held, claimed_until=_until(connection, now, lease))


def finish(connection: sa.Connection, held: Claim, note: str | None, now: datetime) -> None:
    """Note that it is done; its body is dropped."""
    _change(connection, held, state=DeliveryState.DONE, body=None, note=note, ended_at=now, **_FREE)


def put_back(connection: sa.Connection, held: Claim, error: str, due_at: datetime, *, counted: bool) -> None:
    """Let it be tried again later."""
    attempts = delivery.c.attempts - (0 if counted else 1)
    _change(connection, held, state=DeliveryState.PENDING, note=error, due_at=due_at, attempts=attempts, **_FREE)


def give_up(connection: sa.Connection, held: Claim, error: str, now: datetime) -> None:
    """Note that it failed for good; its body is kept."""
    _change(connection, held, state=DeliveryState.FAILED, note=error, ended_at=now, **_FREE)


def let_go(connection: sa.Connection, owner: str) -> None:
    """Free what an owner had claimed when it died."""
    mine = delivery.update().where(_claimed, delivery.c.claimed_by == owner)
    connection.execute(mine.values(state=DeliveryState.PENDING, **_FREE))


def _change(connection: sa.Connection, held: Claim, **values: object) -> None:
    """Write to a delivery that is still claimed by this claim; raises LostRaceError."""
    mine = sa.and_(delivery.c.guid == held.arrival.guid, _claimed, delivery.c.fence == held.fence)
    if connection.execute(delivery.update().where(mine).values(**values)).rowcount != 1:
        raise LostRaceError(f"delivery {held.arrival.guid} is no longer this claim's")
