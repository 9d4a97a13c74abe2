"""The command line as a stranger uses it: a process in a folder of its own, with an environment of its own."""

import asyncio
import itertools
import json
import os
import re
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from e2e.conftest import RunDaemon
from free_ports import free_port
from typer.testing import CliRunner

from devops_daemon.cli.main import cli
from devops_daemon.configuration import configure
from devops_daemon.redaction import MASK, Redactor
from devops_daemon.sandbox.faults import FAULTS
from devops_daemon.sandbox.product import Product
from devops_daemon.settings import WrongSettingsError, read
from devops_daemon.watchlist import canary_password

COMMANDS = [
    *("run", "demo", "check", "doctor", "status", "incidents", "audit", "diagnose", "deliveries", "pause", "resume"),
    *("declare", "action"),
    *("silence", "unsilence"),
    *("logs", "deployments", "metrics"),
    *("redeploy", "restart", "rollback", "cancel", "down", "variables", "connect", "add"),
]
SECRET = "s3cret-value-of-ours"
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of its complaint; none is a traceback's."""
        assert "Traceback" not in self.err, self.err
        return self.err.splitlines()

    @property
    def rows(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody with a folder, who types commands."""

    folder: Path

    def environment(self, **environ: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "COLUMNS": "200", **environ}

    async def start(self, *words: str, **environ: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "devops_daemon", *words),
            cwd=self.folder,
            env=self.environment(**environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def types(self, *words: str, **environ: str) -> Ended:
        process = await self.start(*words, **environ)
        try:
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    def writes(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    return Stranger(tmp_path)


def watching(product: Product, **environ: str) -> dict[str, str]:
    return {
        "PRODUCTION_BACKEND_URL": product.backend_url,
        "PRODUCTION_FRONTEND_URL": product.frontend_url,
        "PROBE_TIMEOUT": "5s",
        **environ,
    }


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_tells_what_it_does(command: str) -> None:
    told = CliRunner().invoke(cli, [command, "--help"])
    assert (told.exit_code, told.stderr) == (0, "")
    assert re.search(rf"Usage: .*\b{command}\b", told.stdout)
    assert told.stdout == CliRunner().invoke(cli, [command, "-h"]).stdout


async def test_the_program_tells_its_commands(stranger: Stranger) -> None:
    told = await stranger.types("--help")
    assert (told.code, told.err) == (0, "")
    assert set(re.findall(r"^\W+([a-z]+)  +[A-Z]", told.out, re.MULTILINE)) == set(COMMANDS)


async def test_what_is_typed_wrongly_is_told_with_exit_code_2(stranger: Stranger) -> None:
    told = await stranger.types("chekc")
    assert (told.code, told.out) == (2, "")
    assert "chekc" in "\n".join(told.lines)


# Settings


async def test_all_that_is_wrong_is_told_at_once_and_no_secret(stranger: Stranger) -> None:
    stranger.writes(".env", f"LOG_LEVEL=loud\nVIEWER_TOKEN={SECRET[:12]}\nCHECK_INTERVAL=1m\nMERGE_WAIT=10\n")
    stranger.writes("devops.toml", '[services.site]\nurl = "https://site.example"\nprobes.a.kind = "tcp"\n')
    told = await stranger.types(
        "run",
        PORT="no-port",
        CHECK_INTERVAL="5",
        MERGE_WAIT="",
        DEVOPS_DATABASE_URL=f"mysql://me:{SECRET}@host/x",
        HEARTBEAT_URL=f"https://[{SECRET}]/",
        PUBLIC_URL=f"https://me:{SECRET}@devops.example.com",
        GITHUB_TOKEN=SECRET,
        GITHUB_APP_ID="1",
    )
    assert (told.code, told.out) == (2, "")
    assert sorted(line.partition(": ")[0] for line in told.lines) == [
        "CHECK_INTERVAL",
        "DEVOPS_DATABASE_URL",
        "GITHUB_APP_PRIVATE_KEY",
        "HEARTBEAT_URL",
        "LOG_LEVEL",
        "MERGE_WAIT",
        "PORT",
        "PUBLIC_URL",
        "VIEWER_TOKEN",
        "devops.toml:3",
    ], "the environment wins over .env, but what is set to nothing there is not set"
    assert all("; for example: " in line for line in told.lines if not line.startswith("devops.toml"))
    assert SECRET[:12] not in told.err


async def test_with_nothing_to_watch_it_says_what_to_set(stranger: Stranger) -> None:
    told = await stranger.types("check")
    assert (told.code, told.out, len(told.lines)) == (2, "", 1)
    assert told.lines[0].startswith("PRODUCTION_BACKEND_URL: ")


async def test_a_file_of_settings_that_is_not_utf8_is_told_of(stranger: Stranger) -> None:
    (stranger.folder / ".env").write_bytes(b"CANARY_USERNAME=J\xf6rg\nPRODUCTION_BACKEND_URL=https://api.example.com\n")
    told = await stranger.types("run")
    assert (told.code, len(told.lines)) == (2, 1)
    assert ".env" in told.lines[0]


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(WrongSettingsError) as wrong:
        configure(environ)
    return wrong.value.problems


def test_what_does_not_fit_in_the_file_is_told_along_with_wrong_settings(tmp_path: Path) -> None:
    file = tmp_path / "watched.toml"
    file.write_text('[services.site]\nurl = "https://site.example"\ndepends_on = ["nobody"]\n', encoding="utf-8")
    told = problems({"PORT": "no-port", "CONFIG_FILE": str(file)})
    assert [line.partition(": ")[0] for line in told] == ["PORT", f"{file}:3"]


def test_the_file_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    file = tmp_path / "nowhere.toml"
    told = problems({"PRODUCTION_BACKEND_URL": "https://api.example.com", "CONFIG_FILE": str(file)})
    assert told == [f"{file}: cannot be read: No such file or directory"]


@pytest.mark.parametrize("name", ["DEVOPS_API_SECRET", "CANARY_PASSWORD", "GITHUB_TOKEN"])
def test_a_secret_that_is_not_utf8_is_taken_or_told_of(name: str) -> None:
    environ = {"PRODUCTION_BACKEND_URL": "https://api.example.com", name: "\udcff\udcfe-secret"}
    try:
        configuration = configure(environ)
    except WrongSettingsError as wrong:
        assert [line.partition(":")[0] for line in wrong.problems] == [name]  # noqa: PT017 # either is right
        return
    assert Redactor(configuration.settings.secrets).text(environ[name]) == MASK


async def test_a_port_that_is_taken_is_told_in_a_line(stranger: Stranger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = await stranger.types(
            "run", PORT=port, HOST="127.0.0.1", PRODUCTION_BACKEND_URL="https://api.example.com"
        )
    assert (told.code, len(told.lines)) == (1, 1)
    assert re.match(rf"cannot listen on port {port} .*in use.*; set PORT", told.lines[0])


# check


async def register_canary(product: Product, environ: dict[str, str]) -> None:
    settings = read(environ)
    body = {
        "username": settings.canary_username,
        "display_name": "Canary",
        "password": canary_password(settings, settings.canary_username),
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{product.backend_url}/api/auth/register", json=body) as answer,
    ):
        assert answer.status in {200, 201}


async def test_check_tells_that_all_is_well_and_then_what_is_not(stranger: Stranger) -> None:
    async with Product() as product:
        environ = watching(product, DEVOPS_API_SECRET=SECRET)
        await register_canary(product, environ)
        well = await stranger.types("check", "--json", **environ)
        assert (well.code, well.err) == (0, "")
        assert [(row["service"], row["probe"], row["status"]) for row in well.rows] == [
            ("backend", "backend", "up"),
            ("backend", "database", "up"),
            ("backend", "auth", "up"),
            ("frontend", "frontend", "up"),
        ]
        assert all(set(row) == {"service", "probe", "status", "latency_ms", "detail"} for row in well.rows)
        assert all(0 < row["latency_ms"] < 5000 for row in well.rows)

        await product.switch_on("database-down")
        broken = await stranger.types("check", **environ)
        assert (broken.code, broken.err) == (1, "")
        assert re.search(r"^backend +backend +up ", broken.out, re.MULTILINE)
        assert re.search(r"^backend +database +down .*not ready", broken.out, re.MULTILINE)
        assert SECRET not in well.out + broken.out


async def test_check_registers_nobody_and_keeps_nothing(stranger: Stranger) -> None:
    async with Product() as product:
        told = await stranger.types("check", "--json", **watching(product, CANARY_PASSWORD=SECRET))
        assert {row["probe"]: row["status"] for row in told.rows} == {
            "backend": "up",
            "database": "up",
            "auth": "unknown",
            "frontend": "up",
        }
        assert told.code == 3
        assert product.calls["POST /api/auth/register"] == 0
        assert list(stranger.folder.iterdir()) == []


async def test_check_heeds_the_file(stranger: Stranger) -> None:
    stranger.writes(
        "devops.toml",
        """
        [services.backend.probes]
        database.off = true
        backend = { timeout = "250ms", slow_after = "200ms" }
        """,
    )
    async with Product() as product:
        await product.switch_on("backend-hang")
        told = await stranger.types("check", "--json", **watching(product))
    assert {row["probe"]: (row["status"], row["latency_ms"] is None) for row in told.rows} == {
        "backend": ("down", False),
        "frontend": ("up", False),
        "database": ("off", True),
        "auth": ("off", True),
    }
    assert told.rows[0]["latency_ms"] < 2000
    assert told.code == 1


# What asks the running daemon


async def test_where_no_daemon_answers_the_exit_code_is_3(stranger: Stranger) -> None:
    port = str(free_port())
    for told in await asyncio.gather(
        stranger.types("status", PORT=port),
        stranger.types("incidents", "some-id", "--json", DEVOPS_DAEMON_URL=f"http://127.0.0.1:{port}/"),
    ):
        assert (told.code, told.out, len(told.lines)) == (3, "", 1)
        assert re.match(rf"http://127.0.0.1:{port}/? does not answer", told.lines[0])


async def test_where_something_else_answers_the_exit_code_is_3_and_no_password_is_told(stranger: Stranger) -> None:
    async with Product() as product:
        address = product.frontend_url.replace("://", f"://me:{SECRET}@")
        told = await stranger.types("status", DEVOPS_DAEMON_URL=address, OPERATOR_TOKEN=SECRET)
    assert told.code in {1, 3}
    assert len(told.lines) == 1
    assert SECRET not in told.err


async def until_it_burns(url: str, token: str) -> str:
    """Wait for an incident; gives its id."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession(headers=headers) as session:
        for pause in itertools.repeat(0.05):
            async with session.get(f"{url}/status.json") as answer:
                incidents = (await answer.json())["incidents"]
            if incidents:
                return str(incidents[0]["id"])
            await asyncio.sleep(pause)
    raise AssertionError


async def test_status_and_incidents_tell_what_the_daemon_sees(stranger: Stranger, daemon_in: RunDaemon) -> None:
    async with (
        Product() as product,
        daemon_in(
            PRODUCTION_BACKEND_URL=product.backend_url, OPERATOR_TOKEN=SECRET, VIEWER_TOKEN=SECRET[::-1]
        ) as daemon,
    ):
        url = f"http://127.0.0.1:{daemon.port}"
        await product.switch_on("backend-500")
        identifier = await until_it_burns(url, SECRET)
        ours = {"DEVOPS_DAEMON_URL": url, "OPERATOR_TOKEN": SECRET}
        table, data, one, nobody, not_ours = await asyncio.gather(
            stranger.types("status", **ours),
            stranger.types("incidents", "--json", VIEWER_TOKEN=SECRET[::-1], PORT=str(daemon.port)),
            stranger.types("incidents", identifier, **ours),
            stranger.types("incidents", "no-such-id", **ours),
            stranger.types("status", DEVOPS_DAEMON_URL=url),
        )
    assert (table.code, table.err) == (1, "")
    assert re.search(r"^backend +down +backend +down ", table.out, re.MULTILINE)
    assert (data.code, [incident["id"] for incident in data.rows]) == (0, [identifier])
    assert one.code == 0
    assert data.rows[0]["title"] in one.out
    assert (nobody.code, nobody.out, len(nobody.lines)) == (1, "", 1)
    assert f"{url}/incidents/no-such-id: 404" in nobody.lines[0]
    assert (not_ours.code, not_ours.out, len(not_ours.lines)) == (1, "", 1)
    assert re.search(r": 401 .*set OPERATOR_TOKEN", not_ours.lines[0])


# demo


async def test_a_fault_that_is_not_known_is_told_with_those_that_are(stranger: Stranger) -> None:
    told = await stranger.types("demo", "--fault", "backend-500", "--fault", "nonsense")
    assert (told.code, told.out) == (2, "")
    assert "nonsense" in told.lines[0]
    assert all(fault.name in told.err for fault in FAULTS)


def test_the_demo_lists_its_faults() -> None:
    told = CliRunner().invoke(cli, ["demo", "--faults"])
    assert (told.exit_code, told.stderr) == (0, "")
    assert all(fault.name in told.stdout for fault in FAULTS)


async def test_the_demo_reads_no_settings_and_leaves_nothing_behind(stranger: Stranger) -> None:
    stranger.writes(".env", "LOG_LEVEL=loud\n")
    stranger.writes("devops.toml", "wrong")
    port = free_port()
    process = await stranger.start(
        "demo", "--port", str(port), PORT="no-port", PRODUCTION_BACKEND_URL="wrong", TMPDIR=str(stranger.folder)
    )
    try:
        assert process.stdout is not None
        told = await asyncio.wait_for(process.stdout.readuntil(f"http://127.0.0.1:{port}/status".encode()), PATIENCE)
        assert b"sandbox" in told
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, err) == (0, b"")
    assert {path.name for path in stranger.folder.iterdir()} == {".env", "devops.toml"}
