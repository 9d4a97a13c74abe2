"""Rows of what people and agents asked for."""

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import insert
from devops_daemon.adapters.store.schema import remedy, request
from devops_daemon.adapters.store.switches import read_switch
from devops_daemon.asking import DESK, Request, RequestState, Wait
from devops_daemon.mending import Stage
from devops_daemon.ports import PAUSED, Forbids, LostRaceError


def open_request(connection: sa.Connection, new: Request) -> tuple[Request, bool]:
    """Write a new request, or read the one that is there; tells whether it is new."""
    first = replace(new, version=1)
    statement = insert(connection, request).values(_values(first)).on_conflict_do_nothing(index_elements=["id"])
    if connection.execute(statement.returning(request.c.id)).first() is not None:
        return first, True
    return _request(connection.execute(sa.select(request).where(request.c.id == new.id)).one()), False


def save(connection: sa.Connection, changed: Request) -> Request:
    """Write the version after the one that `changed` was read as; raises LostRaceError where that is taken."""
    following = replace(changed, version=changed.version + 1)
    same = sa.and_(request.c.id == changed.id, request.c.version == changed.version)
    try:
        with connection.begin_nested():
            written = connection.execute(request.update().where(same).values(_values(following))).rowcount
    except IntegrityError as error:
        raise LostRaceError(f"comment {changed.reply_id} is another request's reply") from error
    if written != 1:
        raise LostRaceError(f"request {changed.id} has changed in the meantime")
    return following


def begin(connection: sa.Connection, acting: Request, since: datetime, forbids: Forbids) -> tuple[Request, str | None]:
    """Write an act down unless what others have begun on its target, or the pause, forbids it; gives why.

    One at a time for a target: what is decided here stands on all that was written before.
    """
    target = acting.target or ""
    lock_target(connection, target)
    others = [each for each in read_acts(connection, target, since) if each.id != acting.id]
    reason = forbids(others, _under_way(connection, target), read_switch(connection, PAUSED))
    return (acting, reason) if reason else (save(connection, acting), None)


def lock_target(connection: sa.Connection, target: str) -> None:
    """Let acts on one service be begun one after another until this transaction ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        lock = int.from_bytes(hashlib.blake2b(target.encode(), digest_size=8).digest(), signed=True)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))


def read_acts(connection: sa.Connection, target: str, since: datetime) -> list[Request]:
    """Read what people have begun on a service since then, newest first."""
    begun = sa.and_(request.c.target == target, request.c.acting_since >= since)
    return read_newest(connection, begun, request.c.acting_since)


def _under_way(connection: sa.Connection, target: str) -> str | None:
    """Name the daemon's own remedy that is under way on a service."""
    going = remedy.c.service == target, remedy.c.stage != Stage.ENDED, ~remedy.c.dry
    row = connection.execute(sa.select(remedy.c.act, remedy.c.incident).where(*going)).first()
    return f"{row.act} for incident {row.incident}" if row else None


def is_reply(connection: sa.Connection, comment_id: int) -> bool:
    """Tell whether a comment is a reply of ours."""
    return connection.execute(sa.select(request.c.id).where(request.c.reply_id == comment_id)).first() is not None


def read_newest(connection: sa.Connection, where: sa.ColumnElement[bool], by: sa.Column[datetime]) -> list[Request]:
    """Read requests, newest first."""
    newest = sa.select(request).where(where).order_by(by.desc(), request.c.id.desc())
    return [_request(row) for row in connection.execute(newest)]


def read_left(connection: sa.Connection, before: datetime | None) -> list[Request]:
    """Read the acts that are to be watched, or told of, and that nobody has watched since `before`; oldest first.

    None for `before` is all of them.
    """
    unfinished = request.c.state.in_((RequestState.FOLLOWED, RequestState.DECIDED))
    lapsed = request.c.followed_until < before if before else request.c.followed_until.is_not(None)
    left = sa.select(request).where(unfinished, lapsed)
    return [_request(row) for row in connection.execute(left.order_by(request.c.asked_at, request.c.id))]


def read_waits(connection: sa.Connection, since: datetime) -> list[Wait]:
    """Read how long questions have waited; an act takes as long as its deployment, and silence is no answer."""
    on_an_issue = request.c.issue != DESK
    asked = (
        request.c.asked_at >= since,
        on_an_issue,
        request.c.act.is_(None),
        request.c.outcome.is_distinct_from("silent"),
    )
    wanted = request.c.asked_at, request.c.answered_at, request.c.issue, request.c.comment_id
    return [Wait(*row) for row in connection.execute(sa.select(*wanted).where(*asked))]


def read_one(connection: sa.Connection, identifier: str) -> Request | None:
    """Read one by its id."""
    row = connection.execute(sa.select(request).where(request.c.id == identifier)).first()
    return _request(row) if row else None


def read_interrupted(connection: sa.Connection, prefix: str, before: datetime) -> list[Request]:
    """Read those whose act has been being begun since before then, or whose end was decided, and nobody tells it."""
    acting = sa.and_(request.c.state == RequestState.ACTING, request.c.acting_since < before)
    decided = request.c.state == RequestState.DECIDED, request.c.followed_until.is_(None), request.c.asked_at < before
    being_begun = sa.or_(acting, sa.and_(*decided))
    mine = request.c.id.startswith(prefix, autoescape=True)
    return read_newest(connection, sa.and_(mine, being_begun), request.c.asked_at)


def read_untold(connection: sa.Connection, prefix: str, since: datetime) -> list[Request]:
    """Read those whose act has ended since then, and that were not told of."""
    done = sa.and_(request.c.answered_at >= since, request.c.acting_since.is_not(None), request.c.reply_id.is_(None))
    mine = request.c.id.startswith(prefix, autoescape=True)
    return read_newest(connection, sa.and_(mine, done), request.c.asked_at)


def _values(asked: Request) -> dict[str, Any]:
    return {column.name: getattr(asked, column.name) for column in request.columns}


def _request(row: sa.Row[Any]) -> Request:
    return Request(**{**row._mapping, "state": RequestState(row.state)})  # noqa: SLF001 # SQLAlchemy's public name for it


class RequestRows:
    """The port `RequestLedger` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def open(self, request: Request) -> tuple[Request, bool]:
        """Write a new request (version 1), or read the one that is there; tells whether it is new."""
        return await self._db.write(lambda connection: open_request(connection, request))

    async def save(self, request: Request) -> Request:
        """Write the next version of one, and give it; raises LostRaceError where that is taken."""
        return await self._db.write(lambda connection: save(connection, request))

    async def is_reply(self, comment_id: int) -> bool:
        """Tell whether a comment is a reply of ours."""
        return await self._db.read(lambda connection: is_reply(connection, comment_id))

    async def of(self, author: str, since: datetime) -> list[Request]:
        """Read what an account has asked since then, newest first."""
        asked = sa.and_(request.c.author == author, request.c.asked_at >= since)
        return await self._db.read(lambda connection: read_newest(connection, asked, request.c.asked_at))

    async def on(self, issue: int, since: datetime) -> list[Request]:
        """Read what was asked on an issue since then, newest first."""
        asked = sa.and_(request.c.issue == issue, request.c.asked_at >= since)
        return await self._db.read(lambda connection: read_newest(connection, asked, request.c.asked_at))

    async def begin(self, acting: Request, since: datetime, forbids: Forbids) -> tuple[Request, str | None]:
        """Write an act down unless what others have begun on its target since then, or the pause, forbids it."""
        return await self._db.write(lambda connection: begin(connection, acting, since, forbids))

    async def left(self, before: datetime | None) -> list[Request]:
        """Read the acts that nobody has watched since then, oldest first; None is all that are not finished."""
        return await self._db.read(lambda connection: read_left(connection, before))

    async def get(self, identifier: str) -> Request | None:
        """Read one."""
        return await self._db.read(lambda connection: read_one(connection, identifier))

    async def interrupted(self, prefix: str, before: datetime) -> list[Request]:
        """Read those whose ids begin so, and whose act has been being begun since before then."""
        return await self._db.read(lambda connection: read_interrupted(connection, prefix, before))

    async def untold(self, prefix: str, since: datetime) -> list[Request]:
        """Read those whose ids begin so, whose act has ended since then, and that nobody was told of."""
        return await self._db.read(lambda connection: read_untold(connection, prefix, since))

    async def told(self, request: Request, comment_id: int) -> None:
        """Note by which comment what was done was told."""
        await self.save(replace(request, reply_id=comment_id))
