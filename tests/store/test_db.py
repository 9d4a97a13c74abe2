"""Units of work on both databases: what is acknowledged is there, what fails undoes itself alone."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from store.conftest import NOW, connect
from structlog.testing import capture_logs

from devops_daemon.adapters.store.db import Database, PostgresDatabase, SqliteDatabase, StoreInUseError, asyncpg_url
from devops_daemon.adapters.store.schema import REVISION, metadata, permit
from devops_daemon.adapters.store.ticks import take_permit
from devops_daemon.adapters.store.upgrade import NewerStoreError
from devops_daemon.ports import UnavailableError


def names(connection: sa.Connection) -> list[str]:
    return list(connection.execute(sa.select(permit.c.name).order_by(permit.c.name)).scalars())


def statement(text: str) -> Callable[[sa.Connection], None]:
    def run(connection: sa.Connection) -> None:
        connection.exec_driver_sql(text)

    return run


def taking(name: str) -> Callable[[sa.Connection], bool]:
    return lambda connection: take_permit(connection, name, NOW)


async def test_what_was_written_is_read(store: Database) -> None:
    await store.write(taking("one"))
    assert await store.read(names) == ["one"]


async def test_a_unit_that_raises_undoes_itself_alone_and_tells_its_caller(store: Database) -> None:
    def fails(connection: sa.Connection) -> None:
        take_permit(connection, "lost", NOW)
        raise LookupError("on purpose")

    units = [
        store.write(taking("before")),
        store.write(fails),
        store.write(taking("after")),
    ]
    outcomes = await asyncio.gather(*units, return_exceptions=True)
    assert [outcomes[0], outcomes[2]] == [True, True]
    assert isinstance(outcomes[1], LookupError)
    assert await store.read(names) == ["after", "before"]


async def test_a_thousand_units_at_once_are_all_kept(store: Database) -> None:
    units = [store.write(taking(f"{number:04}")) for number in range(1000)]
    assert all(await asyncio.gather(*units))
    assert len(await store.read(names)) == 1000


async def test_a_read_cannot_write_on_sqlite(sqlite: Database) -> None:
    with pytest.raises(UnavailableError):
        await sqlite.read(taking("no"))


async def test_the_migrations_make_what_the_schema_says(store: Database) -> None:
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 # slow to import, needed here only
    from alembic.migration import MigrationContext  # noqa: PLC0415

    def differences(connection: sa.Connection) -> list[object]:
        schema = "devops_daemon" if connection.dialect.name == "postgresql" else None
        if schema:  # alembic compares names, not translations: look from within the schema
            connection.exec_driver_sql(f"set local search_path to {schema}")
            connection = connection.execution_options(schema_translate_map=None)
        found = compare_metadata(MigrationContext.configure(connection), metadata)
        return [d for d in found if "alembic_version" not in repr(d)]

    assert await store.write(differences) == []


async def test_the_newest_revision_is_the_one_that_the_program_knows() -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    import devops_daemon.adapters.store.migrations as folder  # noqa: PLC0415

    assert ScriptDirectory(folder.__path__[0]).get_current_head() == REVISION


async def test_opening_again_changes_nothing(store: Database, address: str) -> None:
    await store.write(taking("kept"))
    await store.close()
    again = connect(address)
    await again.open()
    assert await again.read(names) == ["kept"]
    await again.close()


async def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    store = SqliteDatabase(tmp_path / "a.db")
    await store.open()
    await store.write(statement("update alembic_version set version_num = '9999'"))
    await store.close()
    again = SqliteDatabase(tmp_path / "a.db")
    with pytest.raises(NewerStoreError, match="run the newer version"):
        await again.open()
    await again.close()


async def test_a_second_process_on_the_same_file_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first, second = SqliteDatabase(tmp_path / "a.db"), SqliteDatabase(tmp_path / "a.db")
    await first.open()
    with pytest.raises(StoreInUseError, match=r"a\.db is in use by another devops-daemon"):
        await second.open()
    await first.close()
    await second.open()
    await second.close()


async def test_a_full_disk_is_told_once_and_its_end_too(tmp_path: Path) -> None:
    store = SqliteDatabase(tmp_path / "a.db")
    await store.open()
    pages = await store.write(lambda c: int(c.exec_driver_sql("pragma page_count").scalar_one()))
    await store.write(statement(f"pragma max_page_count = {pages + 2}"))
    with capture_logs() as told:
        for _ in range(3):
            with pytest.raises(UnavailableError, match="full"):
                await store.write(taking("x" * 50_000))
        assert store.problem is not None
        assert await store.read(names) == []
        await store.write(statement("pragma max_page_count = 1000000"))
        assert await store.write(taking("x" * 50_000))
    assert [entry["event"] for entry in told] == ["store.broken", "store.recovered"]
    assert store.problem is None
    await store.close()


async def test_a_locked_file_is_unavailable_and_works_again_when_it_is_free(tmp_path: Path) -> None:
    store = SqliteDatabase(tmp_path / "a.db")
    await store.open()
    other = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}").connect()
    other.exec_driver_sql("begin immediate")
    with pytest.raises(UnavailableError, match="locked"):
        await store.write(taking("late"))
    other.rollback()
    other.close()
    other.engine.dispose()
    assert await store.write(taking("late"))
    await store.close()


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="cannot be written"):
        await SqliteDatabase(tmp_path / "file" / "a.db").open()


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("this is not a database, and it is longer than a header is, by some")
    store = SqliteDatabase(tmp_path / "a.db")
    with pytest.raises(UnavailableError, match="not a database"):
        await store.open()
    await store.close()


async def test_after_closing_the_log_is_empty_and_writing_is_refused(tmp_path: Path) -> None:
    store = SqliteDatabase(tmp_path / "a.db")
    await store.open()
    await store.write(taking("one"))
    await store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db", "a.db.lock"]
    with pytest.raises(UnavailableError, match="closed"):
        await store.write(names)


async def test_when_nobody_writes_the_log_is_folded_into_the_file(tmp_path: Path) -> None:
    store = SqliteDatabase(tmp_path / "a.db")
    await store.open()
    await asyncio.gather(*(store.write(taking(f"{number:0900}")) for number in range(500)))
    async with asyncio.timeout(10):
        while (tmp_path / "a.db").stat().st_size < 500 * 900:  # noqa: ASYNC110 # a thread sets no event for onlookers
            await asyncio.sleep(0.02)
    assert await store.write(taking("another"))
    await store.close()


async def test_a_postgres_that_is_not_there_is_unavailable() -> None:
    store = PostgresDatabase("postgresql://nobody:secret@127.0.0.1:9/none")
    with pytest.raises(UnavailableError) as told:
        await store.open()
    assert "secret" not in str(told.value)
    await store.close()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("postgres://u:p@h:5432/d", "postgresql+asyncpg://u:p@h:5432/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+asyncpg://u:p@h/d?ssl=require"),
    ],
)
def test_a_libpq_url_becomes_the_drivers(given: str, wanted: str) -> None:
    assert asyncpg_url(given).render_as_string(hide_password=False) == wanted


async def test_tidying_a_full_or_locked_file_fails_and_the_next_write_works(tmp_path: Path) -> None:
    store = SqliteDatabase(tmp_path / "a.db")
    await store.open()
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("begin immediate")
    other.execute("insert into permit values ('in the way', 0)")
    with contextlib.suppress(UnavailableError):  # a checkpoint may find nothing to wait for
        await store.tidy()
    with pytest.raises(UnavailableError, match="locked"):
        await store.write(taking("late"))
    other.execute("rollback")
    other.close()
    assert await asyncio.wait_for(store.write(taking("late")), 10)
    await store.tidy()
    await store.close()


async def test_what_a_unit_of_no_transaction_raises_ends_no_thread(tmp_path: Path) -> None:
    store = SqliteDatabase(tmp_path / "a.db")
    await store.open()
    await store.write(statement("drop table alembic_version"))
    with pytest.raises(UnavailableError, match="no such table"):
        await store.write(statement("select * from alembic_version"))
    assert await asyncio.wait_for(store.write(taking("after")), 10)
    await store.close()


async def test_a_unit_that_writes_nothing_is_no_sign_that_the_store_works(tmp_path: Path) -> None:
    store = SqliteDatabase(tmp_path / "a.db")
    await store.open()
    pages = await store.write(lambda c: int(c.exec_driver_sql("pragma page_count").scalar_one()))
    await store.write(statement(f"pragma max_page_count = {pages + 2}"))
    with pytest.raises(UnavailableError, match="full"):
        await store.write(taking("x" * 50_000))
    assert await store.write(names) == []
    assert store.problem is not None
    await store.close()


async def test_a_postgres_that_refuses_to_write_is_unavailable(new_postgres: Callable[[], str]) -> None:
    url = new_postgres()
    store = PostgresDatabase(url)
    await store.write(statement("set session characteristics as transaction read only"))
    for _ in range(3):
        with pytest.raises(UnavailableError, match="read-only"):
            await store.write(taking("no"))
    assert store.problem is not None
    await store.close()


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%41b", "a b", "ä"])
async def test_a_folder_of_any_name_holds_the_file(tmp_path: Path, name: str) -> None:
    store = SqliteDatabase(tmp_path / name / "a.db")
    await store.open()
    assert (tmp_path / name / "a.db").exists()
    await store.close()
