"""What all tests share: the suite's own PostgreSQL, started where a test asks for it."""

import asyncio
import os
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from hypothesis import settings
from postgres import PostgresServer, drop_database, fresh_database, start_postgres

from devops_daemon.adapters.store.db import PostgresDatabase

_numbers = count(1)

settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))  # the same code, the same result


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with start_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def _template(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with the tables made, to copy from: four times faster than to migrate each."""
    name = f"template_{os.getpid()}"
    url = fresh_database(postgres_server, name)

    async def migrate() -> None:
        database = PostgresDatabase(url)
        await database.open()
        await database.close()

    asyncio.run(migrate())
    yield name
    drop_database(postgres_server, name)


@pytest.fixture
def new_postgres(postgres_server: PostgresServer, _template: str) -> Iterator[Callable[[], str]]:
    """Make a database with our tables; gives its URL."""
    made: list[str] = []

    def make() -> str:
        made.append(f"test_{os.getpid()}_{next(_numbers)}")
        return fresh_database(postgres_server, made[-1], _template)

    yield make
    for name in made:
        drop_database(postgres_server, name)
