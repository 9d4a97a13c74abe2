"""Rows of what people switch on and off, and of how far things were read: small words that outlive a restart."""

from datetime import datetime

import sqlalchemy as sa

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import insert
from devops_daemon.adapters.store.schema import bookmark, switch
from devops_daemon.ports import Switch


def read_switch(connection: sa.Connection, name: str) -> Switch | None:
    """Tell whether it is on, and since when; None is off."""
    row = connection.execute(sa.select(switch).where(switch.c.name == name)).first()
    return Switch(row.name, row.changed_at, row.changed_by) if row and row.is_on else None


def turn(connection: sa.Connection, name: str, by: str, at: datetime, *, on: bool) -> None:
    """Switch it on or off, unless somebody said something later than `at`; one that is so already stays as it was."""
    values = {"is_on": on, "changed_at": at, "changed_by": by, "last_said_at": at}
    statement = insert(connection, switch).values(name=name, **values)
    as_it_was = {
        column.name: sa.case((switch.c.is_on.is_(on), column), else_=statement.excluded[column.name])
        for column in (switch.c.changed_at, switch.c.changed_by)
    }
    last_word = statement.excluded.last_said_at >= switch.c.last_said_at
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"is_on": on, "last_said_at": at, **as_it_was}, where=last_word
        )
    )


def turn_on(connection: sa.Connection, name: str, by: str, at: datetime) -> Switch | None:
    """Switch it on; gives it as it is then."""
    turn(connection, name, by, at, on=True)
    return read_switch(connection, name)


def turn_off(connection: sa.Connection, name: str, by: str, at: datetime) -> tuple[Switch | None, Switch | None]:
    """Switch it off; gives what it was and what it is."""
    before = read_switch(connection, name)
    turn(connection, name, by, at, on=False)
    return before, read_switch(connection, name)


def read_bookmark(connection: sa.Connection, name: str) -> datetime | None:
    """Tell how far something was read, None where it was never begun."""
    return connection.execute(sa.select(bookmark.c.at).where(bookmark.c.name == name)).scalar()


def move_bookmark(connection: sa.Connection, name: str, to: datetime) -> None:
    """Move it on; never back."""
    statement = insert(connection, bookmark).values(name=name, at=to)
    further = statement.excluded.at > bookmark.c.at
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"at": to}, where=further))


class SwitchRows:
    """The port `Switches` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def read(self, name: str) -> Switch | None:
        """Tell whether it is on, and since when; None is off."""
        return await self._db.read(lambda connection: read_switch(connection, name))

    async def turn_on(self, name: str, by: str, at: datetime) -> Switch | None:
        """Switch it on; gives it as it is then: off where somebody switched it off later than `at`."""
        return await self._db.write(lambda connection: turn_on(connection, name, by, at))

    async def turn_off(self, name: str, by: str, at: datetime) -> tuple[Switch | None, Switch | None]:
        """Switch it off; gives what it was, and what it is: on where somebody switched it on later than `at`."""
        return await self._db.write(lambda connection: turn_off(connection, name, by, at))


class BookmarkRows:
    """The port `Bookmarks` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def read(self, name: str) -> datetime | None:
        """Tell how far, None where it was never begun."""
        return await self._db.read(lambda connection: read_bookmark(connection, name))

    async def move(self, name: str, to: datetime) -> None:
        """Move it on; never back."""
        await self._db.write(lambda connection: move_bookmark(connection, name, to))
