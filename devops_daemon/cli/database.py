"""`connect`: psql at a database of the environment, or how to get there."""

import os
import shlex
import shutil
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from devops_daemon.cli.connection import Connection, connected
from devops_daemon.cli.exposing import Exposure
from devops_daemon.cli.options import AsJson
from devops_daemon.cli.output import NO, WRONG, fail, out, print_json, say
from devops_daemon.cli.text import harmless
from devops_daemon.hosting import DatabaseAccess, Engine, HostedService

PUBLIC_DOMAIN = ".proxy.rlwy.net"
HIDDEN = "…"
PRIVATE = "is private: it can be reached from within Railway only"
EXPOSE = "--expose gives it a public address for as long as psql runs"


def connect(
    database: Annotated[str, typer.Argument(metavar="DATABASE", help="postgres, redis, mysql, mongo, or its service.")],
    *,
    expose: Annotated[
        bool, typer.Option("--expose", help="Give it a public address for as long as psql runs, if it has none.")
    ] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show the password, where it is printed how.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run psql at a database, or print how to reach it. The exit code is psql's."""
    with connected() as line:
        service = _meant(line, database)
        access = line.ask(line.platform.database_access(service))
        psql = shutil.which("psql") if access.engine is Engine.POSTGRES and not as_json else None
        reachable = access.public or line.settings.railway_environment_id is not None
        if psql and not reachable:
            if not expose:
                fail(NO, line.plain(f"{service.name} {PRIVATE}. {EXPOSE}"))
            exposure = Exposure(line, service, lambda there: _call(psql, access.at(there.host, there.port)))
            raise typer.Exit(line.ask(exposure.while_it_runs()))
        if not psql:
            _say_why_not_run(line, service, reachable=reachable, expose=expose, as_json=as_json)
            _print_how(access, reveal=reveal, as_json=as_json)
            return
    program, environ = _call(psql, access)
    # it takes this process's place: the terminal, the signals and the exit code are its own
    os.execve(program, [program], dict(environ))  # noqa: S606 # without a shell, and without arguments


def _say_why_not_run(line: Connection, service: HostedService, *, reachable: bool, expose: bool, as_json: bool) -> None:
    if expose and not reachable:
        fail(NO, "--expose is for psql, which is not to be run here (is it on PATH?): nothing was opened")
    if not reachable:
        say(line.plain(f"{service.name} {PRIVATE}"))
    if service.engine is Engine.POSTGRES and not as_json:
        say("psql is not on PATH; this is how it would be run:")


def _meant(line: Connection, word: str) -> HostedService:
    """Find the database by its kind, or by its service's name as it is written."""
    hosting = line.hosting()
    if word not in set(Engine):
        return hosting.service(word)
    found = hosting.databases(Engine(word))
    if not found:
        fail(NO, f"there is no {word} database; add one by: devops-daemon add database {word}")
    if len(found) > 1:
        names = ", ".join(f"{each.name} ({each.id})" for each in found)
        fail(WRONG, line.plain(f"there are several {word} databases, say which by its name or id: {names}"))
    return found[0]


def _call(psql: str, access: DatabaseAccess) -> tuple[str, Mapping[str, str]]:
    """Say which program to run in which environment: what is in its arguments could be seen by anybody."""
    # the caller's own PG… would lead elsewhere
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return psql, environ | _for_psql(access)


def _for_psql(access: DatabaseAccess) -> dict[str, str]:
    pairs = {
        "PGHOST": access.host,
        "PGPORT": str(access.port),
        "PGUSER": access.user,
        "PGPASSWORD": access.password,
        "PGDATABASE": access.database,
    }
    return pairs | ({"PGSSLMODE": "require"} if access.host.endswith(PUBLIC_DOMAIN) else {})


def _print_how(access: DatabaseAccess, *, reveal: bool, as_json: bool) -> None:
    password = access.password if reveal else HIDDEN
    how = _how(access, shlex.quote(password) if reveal else HIDDEN)
    if as_json:
        print_json(_as_data(access, password if reveal else None) | {"how": how})
        return
    out().print(harmless(how), soft_wrap=True)
    if not reveal:
        say("The password is hidden; --reveal shows it")


def _how(access: DatabaseAccess, password: str) -> str:
    """Write the command for a shell."""
    host, port, user, database = map(shlex.quote, (access.host, str(access.port), access.user, access.database))
    match access.engine:
        case Engine.POSTGRES:
            mode = "PGSSLMODE=require " if access.host.endswith(PUBLIC_DOMAIN) else ""
            return f"{mode}PGPASSWORD={password} psql -h {host} -p {port} -U {user} -d {database}"
        case Engine.REDIS:
            return f"REDISCLI_AUTH={password} redis-cli -h {host} -p {port} --user {user}"
        case Engine.MYSQL:
            return f"MYSQL_PWD={password} mysql -h {host} -P {port} -u {user} {database}"
        case Engine.MONGO:
            return f"mongosh --host {host} --port {port} -u {user} -p {password} {database}"


def _as_data(access: DatabaseAccess, password: str | None) -> dict[str, Any]:
    return {
        "service": access.service,
        "engine": access.engine.value,
        "host": access.host,
        "port": access.port,
        "user": access.user,
        "password": password,
        "database": access.database,
        "public": access.public,
    }
