"""Rows of what users wrote: no word of it, only what was done about each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.schema import feedback
from devops_daemon.adapters.store.versions import keep_version
from devops_daemon.feedback import Entry, EntryState, FeedbackFigures

MOST_SHOWN = 50


def read_figures(connection: sa.Connection) -> FeedbackFigures:
    """Count those that wait, and read those that are set aside, the oldest first."""
    open_ = feedback.c.done_at.is_(None)
    waits = sa.select(sa.func.count()).where(open_, feedback.c.aside.is_(sa.false()))
    aside = sa.select(feedback).where(open_, feedback.c.aside.is_(sa.true())).order_by(feedback.c.seen_at)
    rows = connection.execute(aside.limit(MOST_SHOWN))
    return FeedbackFigures(connection.execute(waits).scalar_one(), tuple(_entry(row) for row in rows))


def read_entries(connection: sa.Connection, identifiers: Sequence[str]) -> list[Entry]:
    """Read these, and all that are not done, the oldest first."""
    wanted = sa.or_(feedback.c.done_at.is_(None), feedback.c.id.in_(identifiers))
    rows = connection.execute(sa.select(feedback).where(wanted).order_by(feedback.c.seen_at, feedback.c.id))
    return [_entry(row) for row in rows]


def keep(connection: sa.Connection, entry: Entry) -> Entry:
    """Write the version after the one that it was read as; raises LostRaceError."""
    following = replace(entry, version=entry.version + 1)
    keep_version(connection, feedback, _values(following), f"feedback {entry.id}")
    return following


def _values(entry: Entry) -> dict[str, Any]:
    names = ("id", "seen_at", "due_at", "tries", "aside", "issue", "issue_url", "error", "done_at", "version")
    return {"state": entry.state.value, **{name: getattr(entry, name) for name in names}}


def _entry(row: sa.Row[Any]) -> Entry:
    values = dict(row._mapping)  # noqa: SLF001 # SQLAlchemy's public name for it
    return Entry(**{**values, "state": EntryState(values["state"])})


class FeedbackRows:
    """The port `FeedbackLedger` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def entries(self, identifiers: Sequence[str]) -> list[Entry]:
        """Read these, and all that are not done."""
        return await self._db.read(lambda connection: read_entries(connection, identifiers))

    async def keep(self, entry: Entry) -> Entry:
        """Write the version after the one that it was read as."""
        return await self._db.write(lambda connection: keep(connection, entry))

    async def figures(self) -> FeedbackFigures:
        """Count those that wait, and read those that are set aside."""
        return await self._db.read(read_figures)
