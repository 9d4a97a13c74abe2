"""Rows of who answers for which incident, and when again; each duty has turns of its own."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from devops_daemon.adapters.store.health import insert
from devops_daemon.adapters.store.schema import incident, turn
from devops_daemon.mending import Duty


def make_due(connection: sa.Connection, identifier: str, *duties: Duty) -> None:
    """Let an incident be answered for at once, by these duties or by all: something of it has changed."""
    rows = [{"incident": identifier, "duty": duty, "next_at": None, "settled": False} for duty in duties or tuple(Duty)]
    statement = insert(connection, turn)
    again = {"next_at": statement.excluded.next_at, "settled": statement.excluded.settled}
    connection.execute(statement.on_conflict_do_update(index_elements=["incident", "duty"], set_=again), rows)


def take(connection: sa.Connection, duty: Duty, owner: str, lease: timedelta, now: datetime) -> list[str]:
    """Take what is due and nobody else has in hand; what its owner has in hand, it holds on to. Gives ids."""
    due = sa.or_(turn.c.next_at.is_(None), turn.c.next_at <= now)
    free = sa.or_(turn.c.held_until.is_(None), turn.c.held_until <= now, turn.c.held_by == owner)
    taken = turn.update().where(turn.c.duty == duty, ~turn.c.settled, due, free)
    rows = connection.execute(taken.values(held_by=owner, held_until=now + lease).returning(turn.c.incident))
    return list(rows.scalars())


def let_go(  # what the port has, and the connection
    connection: sa.Connection, identifier: str, version: int, duty: Duty, owner: str, next_at: datetime | None
) -> None:
    """Free one until it is due again; one that has changed since that version stays due."""
    mine = turn.c.incident == identifier, turn.c.duty == duty
    connection.execute(turn.update().where(*mine, turn.c.held_by == owner).values(held_by=None, held_until=None))
    same = sa.exists().where(incident.c.id == identifier, incident.c.version == version)
    connection.execute(turn.update().where(*mine, same).values(next_at=next_at, settled=next_at is None))


def read_next_due(connection: sa.Connection, duty: Duty, owner: str) -> datetime | None:
    """Tell when the next is due for this owner; one without a time has been since its incident began. None is never.

    What another has in hand is due when it may be taken from them.
    """
    begun = sa.func.coalesce(turn.c.next_at, incident.c.opened_at)
    held = sa.and_(turn.c.held_by != owner, turn.c.held_until > begun)
    due = sa.case((held, turn.c.held_until), else_=begun)
    waiting = sa.select(sa.func.min(due)).join_from(turn, incident, turn.c.incident == incident.c.id)
    found: datetime | None = connection.execute(waiting.where(turn.c.duty == duty, ~turn.c.settled)).scalar()
    return found
