"""A store of each kind: SQLite in a folder of the test's, PostgreSQL in a database of the test's."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devops_daemon.adapters.store.db import Database, PostgresDatabase, SqliteDatabase

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@pytest.fixture
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the store is: each test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    new_postgres: Callable[[], str] = request.getfixturevalue("new_postgres")
    return new_postgres()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "store" in metafunc.fixturenames:
        metafunc.parametrize("address", ["sqlite", "postgres"], indirect=True)


def connect(address: str) -> Database:
    return PostgresDatabase(address) if address.startswith("postgres") else SqliteDatabase(Path(address))


@pytest.fixture
async def store(address: str) -> AsyncIterator[Database]:
    database = connect(address)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    database = SqliteDatabase(tmp_path / "only.db")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def second(address: str, store: Database) -> AsyncIterator[Database]:
    """Another replica: a store of its own on PostgreSQL, the same one on SQLite, which is for one process."""
    if isinstance(store, SqliteDatabase):
        yield store
        return
    database = connect(address)
    await database.open()
    yield database
    await database.close()
