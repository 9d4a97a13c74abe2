"""Run units of work, `fn(connection) -> value`, on SQLite or PostgreSQL: the same functions on both.

SQLite: one writer thread owns the only connection that writes, and commits as one group what has queued up (WAL, FULL,
a savepoint for each unit). Before 3.51.3 SQLite can corrupt a WAL that two connections write: there is never a second.
The log is folded into the file (a checkpoint) when nobody writes: in a burst of deliveries each would wait for that.
Reads have a read-only connection in a thread of their own. PostgreSQL: a pool of asyncpg connections.
"""

import asyncio
import contextlib
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.pool import NullPool

from devops_daemon.adapters.store import upgrade
from devops_daemon.adapters.store.schema import SCHEMA
from devops_daemon.ports import UnavailableError

T = TypeVar("T")
Unit = Callable[[sa.Connection], T]

LARGEST_GROUP = 256
BUSY_SECONDS = 0.5
QUIET_SECONDS = 0.5
"""Nobody has written for so long: now is the time to fold."""
WORTH_FOLDING = 200
"""Rows changed since the last time."""
LONGEST_LOG = 8192
"""Pages of 4 KiB: where it is never quiet, the log is folded then all the same."""
log = structlog.get_logger("store")


class StoreInUseError(Exception):
    """Another process has the SQLite file."""


class Database(Protocol):
    """A store that runs units of work."""

    problem: str | None
    """What is wrong with it now, for people; None where the last write went well."""

    async def open(self) -> None:
        """Connect, and bring the tables up to date."""
        ...

    async def write(self, unit: Unit[T]) -> T:
        """Run a unit in a transaction that is on disk when this returns; raises UnavailableError."""
        ...

    async def read(self, unit: Unit[T]) -> T:
        """Run a unit that only reads; raises UnavailableError."""
        ...

    async def tidy(self) -> None:
        """Give freed space back."""
        ...

    async def close(self) -> None:
        """Finish what has been handed in, then disconnect."""
        ...


class _Health:
    """Says once that the store broke and once that it works again."""

    def __init__(self) -> None:
        self.problem: str | None = None

    def broke(self, error: BaseException) -> UnavailableError:
        text = _plain(error)
        if self.problem is None:
            log.error("store.broken", reason=text)
        self.problem = text
        return UnavailableError(f"the store cannot be used: {text}")

    def works(self) -> None:
        if self.problem is not None:
            log.info("store.recovered", was=self.problem)
        self.problem = None


def _plain(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return (str(cause) or type(cause).__name__).splitlines()[0]


@dataclass(slots=True)
class _Job:
    unit: Unit[Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    value: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.value)


class SqliteDatabase(_Health):
    """The file in `DATA_DIR`, for one process."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._lock: int | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._unfolded = 0
        self._write_engine = _sqlite_engine(path, read_only=False)
        self._read_engine = _sqlite_engine(path, read_only=True)
        self._readers = ThreadPoolExecutor(1, "store-read")
        self._reader: sa.Connection | None = None

    async def open(self) -> None:
        """Take the file for this process; raises StoreInUseError where another has it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnavailableError(f"{self._path.parent} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise StoreInUseError(
                f"{self._path} is in use by another devops-daemon: one process for one file"
            ) from None
        self._writer = threading.Thread(target=self._serve, name="store-write", daemon=True)
        self._writer.start()
        await self.write(upgrade.to_newest)

    async def write(self, unit: Unit[T]) -> T:
        """Hand the unit to the writer thread and wait until it is on disk."""
        if self._writer is None:
            raise UnavailableError("the store is closed")
        loop = asyncio.get_running_loop()
        job = _Job(unit, loop, loop.create_future())
        self._jobs.put(job)
        value: T = await job.future
        return value

    async def read(self, unit: Unit[T]) -> T:
        """Run the unit on the read-only connection."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._readers, self._read, unit)
        except (SQLAlchemyError, RuntimeError) as error:
            raise UnavailableError(f"the store cannot be read: {_plain(error)}") from error

    async def tidy(self) -> None:
        """Give freed pages back to the disk and empty the write-ahead log."""
        await self.write(_tidy_alone)

    async def close(self) -> None:
        """Finish the queue, empty the write-ahead log, let go of the file."""
        writer, self._writer = self._writer, None
        if writer is not None:
            self._jobs.put(None)
            await asyncio.to_thread(writer.join)
        self._readers.shutdown(wait=True)
        if self._reader is not None:
            self._reader.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _read(self, unit: Unit[T]) -> T:
        if self._reader is None:
            self._reader = self._read_engine.connect()
        with self._reader.begin():
            return unit(self._reader)

    def _serve(self) -> None:
        connection: sa.Connection | None = None
        while (jobs := self._next_group()) is not None:
            if not jobs:
                self._fold(connection, "PASSIVE")
                continue
            try:
                connection = connection or self._write_engine.connect()
                wrote = self._commit(connection, jobs)
            except Exception as error:  # noqa: BLE001 # nothing may end this thread: all writes wait for it
                told = self.broke(error) if isinstance(error, SQLAlchemyError | sqlite3.Error) else error
                for job in jobs:
                    job.value, job.error = None, told
            else:
                if wrote or self.problem is None:
                    self.works()
            jobs[0].loop.call_soon_threadsafe(_settle, jobs)
        if connection is not None:
            self._fold(connection, "TRUNCATE")
            connection.close()

    def _next_group(self) -> list[_Job] | None:
        """Wait for a unit, then take all that have queued up; an empty group means quiet, none the end.

        A unit that must run outside of a transaction comes alone.
        """
        try:
            first = self._jobs.get(timeout=QUIET_SECONDS if self._unfolded >= WORTH_FOLDING else None)
        except queue.Empty:
            return []
        if first is None:
            return None
        group = [first]
        while len(group) < LARGEST_GROUP and not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
        return group

    def _commit(self, connection: sa.Connection, jobs: list[_Job]) -> bool:
        """Run the units and commit; tells whether anything was written: on a full disk what writes nothing succeeds."""
        before = _changes(connection)
        alone = [job for job in jobs if job.unit is _tidy_alone]
        together = [job for job in jobs if job.unit is not _tidy_alone]
        if together:
            with connection.begin():
                for job in together:
                    _run(connection, job)
        for job in alone:
            job.unit(connection)
        changed = _changes(connection) - before
        self._unfolded += changed
        return changed > 0

    def _fold(self, connection: sa.Connection | None, how: str) -> None:
        """Write what the log holds into the file itself; where that fails the log still holds it."""
        self._unfolded = 0
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                _script(connection, f"PRAGMA wal_checkpoint({how});")


def _changes(connection: sa.Connection) -> int:
    changes: int = connection.connection.dbapi_connection.total_changes  # type: ignore[union-attr] # sqlite3's own
    return changes


def _run(connection: sa.Connection, job: _Job) -> None:
    """Run one unit in a savepoint: what it raises undoes it alone, and goes to its own caller."""
    savepoint = connection.begin_nested()
    try:
        job.value = job.unit(connection)
    except (OperationalError, InterfaceError):
        raise
    except BaseException as error:  # noqa: BLE001 # it is handed to the caller, whatever it is
        savepoint.rollback()
        job.error = error
    else:
        savepoint.commit()


def _settle(jobs: list[_Job]) -> None:
    for job in jobs:
        job.settle()


def _tidy_alone(connection: sa.Connection) -> None:
    _script(connection, "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA optimize;")


def _script(connection: sa.Connection, pragmas: str) -> None:
    """Run pragmas outside of any transaction, to their end: `execute` would vacuum a single page."""
    connection.connection.cursor().executescript(pragmas)


def _sqlite_engine(path: Path, *, read_only: bool) -> sa.Engine:
    address = f"file:{quote(str(path))}?mode={'ro' if read_only else 'rwc'}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:  # noqa: ANN401 # the driver's own
        connection.isolation_level = None  # SQLAlchemy begins and ends transactions, not the driver
        for pragma in _PRAGMAS if not read_only else ("PRAGMA query_only = on",):
            connection.execute(pragma)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


_PRAGMAS = (
    "PRAGMA auto_vacuum = INCREMENTAL",  # heeded only before the file becomes a WAL one
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # NORMAL may lose the last commits when the machine dies
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 8388608",
    f"PRAGMA wal_autocheckpoint = {LONGEST_LOG}",
)


class PostgresDatabase(_Health):
    """A PostgreSQL database, for any number of replicas."""

    def __init__(self, url: str) -> None:
        super().__init__()
        # SQLAlchemy's asyncio half and asyncpg cost 12 MB and 0.2 s that a daemon on SQLite does not pay.
        from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

        self._engine = create_async_engine(
            asyncpg_url(url),
            pool_size=5,
            max_overflow=5,
            pool_timeout=10,
            pool_pre_ping=True,
            execution_options={"schema_translate_map": {None: SCHEMA}},
            connect_args={"timeout": 10, "command_timeout": 30},
        )

    async def open(self) -> None:
        """Make the schema where there is none, and bring the tables up to date."""
        await self.write(upgrade.to_newest)

    async def write(self, unit: Unit[T]) -> T:
        """Run the unit in a transaction."""
        value = await self._run(unit)
        self.works()
        return value

    async def read(self, unit: Unit[T]) -> T:
        """Run the unit in a transaction too: PostgreSQL's readers block nobody."""
        return await self._run(unit)

    async def tidy(self) -> None:
        """Leave it to autovacuum."""

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()

    async def _run(self, unit: Unit[T]) -> T:
        try:
            async with self._engine.begin() as connection:
                return await connection.run_sync(unit)
        except (IntegrityError, ProgrammingError, DataError):
            raise  # a fault of ours, or one that the unit's caller knows
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            # asyncpg's refusals (read-only, disk full, too many connections) come as plain DBAPIError
            raise self.broke(error) from error


def asyncpg_url(url: str) -> sa.URL:
    """Turn a libpq URL into SQLAlchemy's: its driver, and `sslmode` by the name that asyncpg has for it."""
    parsed = sa.make_url(url.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+asyncpg")
    mode = parsed.query.get("sslmode")
    if mode is None:
        return parsed
    return parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": str(mode)})


def database(url: str) -> Database:
    """Choose the store by its URL; raises ModuleNotFoundError where PostgreSQL's extra is not installed."""
    if url.startswith("sqlite:///"):
        return SqliteDatabase(Path(url.removeprefix("sqlite:///")))
    return PostgresDatabase(url)
