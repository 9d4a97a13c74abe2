"""The commands that concern Railway, as a stranger types them, against the sandbox's Railway."""

import asyncio
import itertools
import os
import pty
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from e2e.conftest import RunDaemon
from e2e.test_cli import PATIENCE, Ended, Stranger
from free_ports import free_port

from devops_daemon.redaction import MASK
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.commits import Commit, fresh_sha
from devops_daemon.sandbox.railway.deployments import Deployment, Status
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.places import Place
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.sandbox.railway.seed import PRODUCTION_ID

pytestmark = pytest.mark.chaos
SECRET = "s3cret-value-of-ours"
NEVER = Pace(building=timedelta(hours=1))
PSQL = f"""#!{sys.executable}
import os, socket, sys
names = ("PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE", "PGOPTIONS")
print(len(sys.argv), *(f"{{name}}={{os.environ.get(name)}}" for name in names))
with socket.create_connection((os.environ["PGHOST"], int(os.environ["PGPORT"]))):
    print("connected", flush=True)
    sys.stdin.read()
sys.exit(7)
"""


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    return Stranger(tmp_path)


@dataclass(frozen=True, slots=True)
class Shop:
    """The sandbox's product on the sandbox's Railway, and a stranger who has the tokens."""

    product: Product
    railway: Railway
    stranger: Stranger

    @property
    def settings(self) -> dict[str, str]:
        return {
            "RAILWAY_API_URL": self.railway.api_url,
            "RAILWAY_TOKEN_SW_FACTORY": self.railway.project_token,
            "RAILWAY_WORKSPACE_TOKEN": self.railway.workspace_token,
            "PRODUCTION_BACKEND_URL": self.product.backend_url,
            "PRODUCTION_FRONTEND_URL": self.product.frontend_url,
            "DEVOPS_DAEMON_URL": "http://127.0.0.1:9",  # nobody there
            "PROBE_TIMEOUT": "2s",
            "REMEDIATION_PAUSE": "3s",
        }

    async def types(self, *words: str, **environ: str) -> Ended:
        """Type a command; `NAME=""` leaves a setting out."""
        return await self.stranger.types(*words, **_said(self.settings | environ))

    def place(self, name: str) -> Place:
        return self.railway.realm.world.place_named(PRODUCTION_ID, name)

    def history(self, name: str) -> list[Deployment]:
        return self.railway.realm.world.history(self.place(name))

    def serving(self, name: str) -> Deployment:
        found = self.railway.realm.world.active(self.place(name))
        assert found is not None
        return found

    def values(self, name: str | None) -> Mapping[str, str | None]:
        place = self.place(name) if name else None
        return self.railway.realm.world.variables.snapshot(PRODUCTION_ID, place.service_id if place else None)

    def proxies(self) -> list[Any]:
        return self.railway.realm.proxies.of(self.place("Postgres"))

    async def push(self, name: str, **about: Any) -> Deployment:
        """Let a commit come from GitHub, and what becomes of it come about."""
        commit = Commit(fresh_sha(), "checkout: faster", **about)
        deployment = self.railway.realm.operations.push(self.place(name), commit)
        await until(lambda: not self.railway.realm.world.deployment(deployment.id).is_in_progress)
        return self.railway.realm.world.deployment(deployment.id)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for the sandbox to come to something."""
    async with asyncio.timeout(PATIENCE):
        for pause in itertools.repeat(0.01):
            if holds():
                return
            await asyncio.sleep(pause)


def _said(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if value}


@asynccontextmanager
async def open_shop(stranger: Stranger, pace: Pace | None = None) -> AsyncIterator[Shop]:
    async with Product() as product, Railway(product, pace or Pace.quick()) as railway:
        railway.limits.second_limit = 1000  # several strangers at once
        yield Shop(product, railway, stranger)


@pytest.fixture
async def shop(stranger: Stranger) -> AsyncIterator[Shop]:
    async with open_shop(stranger) as opened:
        yield opened


# Viewing logs


async def test_logs_of_one_service_of_all_and_of_the_builds(shop: Shop) -> None:
    backend, frontend, everything, builds = await asyncio.gather(
        shop.types("logs", "backend", "-n", "2"),
        shop.types("logs", "frontend", "-n", "50"),
        shop.types("logs", "-n", "100"),
        shop.types("logs", "--build"),
    )
    assert [told.code for told in (backend, frontend, everything, builds)] == [0, 0, 0, 0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  Starting Container", backend.out.splitlines()[0])
    assert "backend: listening" in backend.out.splitlines()[1], "the newest come last, and no more than were asked for"
    assert "frontend: listening" in frontend.out
    assert {"backend", "frontend", "Postgres"} <= {line.split()[0] for line in everything.out.splitlines()}
    assert re.search(r"^frontend .*FROM docker.io", builds.out, re.MULTILINE)


async def test_what_strangers_write_is_harmless_and_without_secrets(shop: Shop) -> None:
    evil = f"\x1b]0;title\x07\x1b[31mred\x1b[0m [bold]\u202eback[/bold] {SECRET} {SECRET[:6]}\x1b[1m{SECRET[6:]}"
    shop.railway.realm.world.log.write(shop.serving("backend"), evil)
    shop.railway.realm.world.log.write(shop.serving("backend"), "café :warning: 100%")
    shown, data, clusters = await asyncio.gather(
        shop.types("logs", "backend", "-n", "2", DEVOPS_API_SECRET=SECRET),
        shop.types("logs", "backend", "-n", "2", "--json", DEVOPS_API_SECRET=SECRET),
        shop.types("logs", "--clusters", "-n", "1000", DEVOPS_API_SECRET=SECRET),
    )
    first, second = shown.out.splitlines()
    assert first.endswith(rf"\x1b]0;title\x07red [bold]\u202eback[/bold] {MASK} {MASK}")
    assert second.endswith("café :warning: 100%")
    assert [row["service"] for row in data.rows] == ["backend", "backend"]
    assert data.rows[1]["text"] == "café :warning: 100%"
    assert re.search(r"^service +count +level +first +last +template", clusters.out)
    for told in (shown, data, clusters):
        assert (told.code, told.err) == (0, "")
        assert "\x1b" not in told.out
        assert "\u202e" not in told.out
        assert SECRET not in told.out


async def test_a_build_that_failed_behind_what_serves_is_told_of(shop: Shop) -> None:
    failed = await shop.push("backend", fails_at="build")
    assert failed.commit is not None
    shown, build, steps, status = await asyncio.gather(
        shop.types("logs", "backend"),
        shop.types("logs", "backend", "--build", "--deployment", failed.id[:8]),
        shop.types("deployments", "backend", "--steps", failed.id[:8]),
        shop.types("status", "--json"),
    )
    assert f"devops-daemon logs backend --build --deployment {failed.id[:8]}" in shown.err
    assert "checkout: faster failed; the one before goes on" in shown.err
    assert "error TS2322" in build.out
    assert re.search(r"^BUILD_IMAGE .*Failed to build an image", steps.out, re.MULTILINE)
    (row,) = (row for row in status.rows["railway"] if row["name"] == "backend")
    assert (row["serving"], row["news"]) == (
        "up",
        f"{failed.commit.sha[:7]} checkout: faster failed; the one before goes on",
    )


async def test_the_edge_tells_of_requests(shop: Shop) -> None:
    await shop.types("check")
    requests, metrics = await asyncio.gather(
        shop.types("logs", "backend", "--http", "--since", "5m"), shop.types("metrics", "backend", "--json")
    )
    assert re.search(r"  200 GET /health  \d+ ms$", requests.out, re.MULTILINE)
    assert metrics.rows[0]["requests"]["2xx"] >= 1
    assert set(metrics.rows[0]["latency_ms"]) == {"p50", "p95", "p99"}
    assert set(metrics.rows[0]["memory_gb"]) == {"now", "peak", "limit"}


# Service management


async def test_status_tells_of_railway_where_the_daemon_is_silent(shop: Shop) -> None:
    told = await shop.types("status")
    assert told.code == 0
    assert len(told.lines) == 1
    assert "http://127.0.0.1:9 does not answer" in told.lines[0]
    assert re.search(
        r"^backend +— +railway +up .*health: say when the cache is gone, since \d{4}", told.out, re.MULTILINE
    )
    assert re.search(r"^nightly +— +railway +scheduled ", told.out, re.MULTILINE)
    await shop.railway.realm.operations.exit_quietly(shop.place("backend"))
    crashed = await shop.types("status", "--json")
    assert crashed.code == 1
    rows = {row["name"]: row for row in crashed.rows["railway"]}
    assert (rows["backend"]["serving"], rows["backend"]["status"]) == ("down", "SUCCESS")


async def test_status_tells_both_views_in_one_table(shop: Shop, daemon_in: RunDaemon) -> None:
    async with daemon_in(PRODUCTION_BACKEND_URL=shop.product.backend_url, VIEWER_TOKEN=SECRET) as daemon:
        where = {"DEVOPS_DAEMON_URL": f"http://127.0.0.1:{daemon.port}", "VIEWER_TOKEN": SECRET}
        await daemon.until(lambda: _checked(daemon, SECRET))
        both, data, half = await asyncio.gather(
            shop.types("status", **where),
            shop.types("status", "--json", **where),
            shop.types("status", **where, RAILWAY_TOKEN_SW_FACTORY="dead-token", RAILWAY_WORKSPACE_TOKEN=""),
        )
    assert re.search(r"^backend +\w+ +backend +up ", both.out, re.MULTILINE)
    assert re.search(r"^backend +\w+ +railway +up ", both.out, re.MULTILINE)
    assert len(re.findall(r" railway +[a-z]", both.out)) == len(data.rows["railway"])
    assert data.rows["services"][0]["name"] == "backend"
    assert half.code == 1
    assert half.lines[0].startswith("RAILWAY_TOKEN_SW_FACTORY is not known to Railway")
    assert re.search(r"^backend +\w+ +backend +up ", half.out, re.MULTILINE)


async def _checked(daemon: Any, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"http://127.0.0.1:{daemon.port}/status.json") as answer,
    ):
        probes = (await answer.json())["services"][0]["probes"]
    return any(probe["name"] == "backend" and probe["status"] == "up" for probe in probes)


async def test_redeploy_is_watched_until_our_own_probes_pass(shop: Shop) -> None:
    before = shop.serving("backend")
    told = await shop.types("redeploy", "backend", "--yes", "--json")
    after = shop.serving("backend")
    assert told.code == 0
    assert after.id != before.id
    assert after.commit == before.commit
    assert told.rows | {"took_s": 0} == {
        "service": "backend",
        "action": "redeploy",
        "deployment": after.id,
        "outcome": "well",
        "detail": "live, 1 running, and it answers",
        "took_s": 0,
        "steps": [],
    }
    assert f"deployment {before.id[:8]}, success" in told.err


async def test_restart_mends_a_process_that_hangs(shop: Shop) -> None:
    await shop.product.switch_on("backend-500")
    stuck = await shop.types("restart", "backend", "--yes")
    assert stuck.code == 1
    assert re.search(r"^backend +restart +\w{8} +failed +live, but ", stuck.out, re.MULTILINE)
    await shop.product.mend()
    await shop.product.switch_on("backend-refused")
    mended = await shop.types("restart", "backend", "--yes")
    assert mended.code == 0
    assert re.search(r"^backend +restart +\w{8} +well +live, 1 running, and it answers", mended.out, re.MULTILINE)


async def test_rollback_mends_a_bad_commit(shop: Shop) -> None:
    good = shop.serving("backend").commit
    await shop.push("backend", brings=frozenset({"backend-500"}))
    listed = await shop.types("deployments", "backend", "-n", "2")
    assert re.search(r"^\w{8} +backend +SUCCESS .*checkout: faster +maria +no", listed.out, re.MULTILINE)
    assert re.search(r"^\w{8} +backend +REMOVED .*cache is gone +maria +yes", listed.out, re.MULTILINE)
    told = await shop.types("rollback", "backend", "--yes")
    assert told.code == 0, told
    assert re.search(r"^backend +rollback +\w{8} +well ", told.out, re.MULTILINE)
    assert shop.serving("backend").commit == good
    assert shop.product.active == frozenset()


async def test_a_commit_that_does_not_build_fails_with_its_reason(shop: Shop) -> None:
    failed = await shop.push("backend", fails_at="build")
    assert failed.commit is not None
    told, started = await asyncio.gather(
        shop.types("redeploy", "backend", "--commit", failed.commit.sha[:8], "--yes"),
        shop.types("redeploy", "frontend", "--yes", "--no-wait", "--json"),
    )
    assert told.code == 1
    assert re.search(r"^backend +deploy +\w{8} +failed +the deployment failed", told.out, re.MULTILINE)
    assert "BUILD_IMAGE: Failed to build an image." in told.err
    assert "See devops-daemon logs backend --deployment" in told.err
    assert (started.code, started.rows["outcome"]) == (0, "started")


async def test_what_is_under_way_is_aborted(stranger: Stranger) -> None:
    async with open_shop(stranger, NEVER) as shop:
        pushed = shop.railway.realm.operations.push(shop.place("backend"), Commit(fresh_sha(), "checkout: faster"))
        told = await shop.types("cancel", "backend", "--yes")
        assert told.code == 0
        assert re.search(rf"^backend +cancel +{pushed.id[:8]} +aborted ", told.out, re.MULTILINE)
        assert shop.history("backend")[0].status is Status.REMOVED
        nothing = await shop.types("cancel", "backend", "--yes")
        assert (nothing.code, nothing.out) == (1, "")
        assert nothing.lines == ["backend: no deployment is under way"]


@dataclass(slots=True)
class Terminal:
    """A person at a terminal, who reads questions and answers them."""

    shop: Shop
    words: tuple[str, ...]
    told: str = ""

    async def answers(self, *dialogue: tuple[str, str]) -> int:
        """Wait for each question, and type what follows it; gives the exit code."""
        person, terminal = pty.openpty()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "devops_daemon", *self.words),
                cwd=self.shop.stranger.folder,
                env=self.shop.stranger.environment(**self.shop.settings, TERM="xterm"),
                stdin=terminal,
                stdout=terminal,
                stderr=terminal,
            )
            os.close(terminal)
            for question, answer in dialogue:
                await asyncio.wait_for(self._until(person, question), PATIENCE)
                os.write(person, f"{answer}\n".encode())
            await asyncio.wait_for(self._until(person, None), PATIENCE)
            return await asyncio.wait_for(process.wait(), PATIENCE)
        finally:
            os.close(person)

    async def _until(self, person: int, question: str | None) -> None:
        loop = asyncio.get_running_loop()
        seen = len(self.told)
        with suppress(OSError):  # a terminal that everybody has left
            while question is None or question not in self.told[seen:]:
                octets = await loop.run_in_executor(None, os.read, person, 4096)
                if not octets:
                    return
                self.told += octets.decode(errors="replace")


async def test_down_asks_twice(shop: Shop) -> None:
    serving = shop.serving("frontend")
    no, wrong, right = (Terminal(shop, ("down", "frontend")) for _ in range(3))
    codes = await asyncio.gather(no.answers(("Go on?", "n")), wrong.answers(("Go on?", "y"), ("name", "backend")))
    assert list(codes) == [1, 1]
    assert "nothing was done" in no.told
    assert "that is not its name: nothing was done" in wrong.told
    assert shop.serving("frontend") == serving
    assert await right.answers(("Go on?", "y"), ("name", "frontend")) == 0
    assert "REMOVE frontend" in right.told
    assert re.search(r"frontend +down +\w{8} +removed +nothing of it runs", re.sub(r"\x1b\[[\d;]*m", "", right.told))
    assert shop.history("frontend")[0].status is Status.REMOVED


async def test_down_for_scripts(shop: Shop) -> None:
    told = await shop.types("down", "frontend", "--yes", "--json")
    assert (told.code, told.rows["outcome"]) == (0, "removed")
    again = await shop.types("down", "frontend", "--yes")
    assert (again.code, again.lines) == (1, ["frontend: nothing of it runs"])


# Environment variables


async def test_variables_are_listed_by_name_and_their_values_only_on_request(shop: Shop) -> None:
    names, one, shared, values = await asyncio.gather(
        shop.types("variables"),
        shop.types("variables", "backend", "--json"),
        shop.types("variables", "--shared"),
        shop.types("variables", "backend", "--reveal"),
    )
    assert re.search(r"^\(shared\) +RELEASE_CHANNEL +no", names.out, re.MULTILINE)
    assert re.search(r"^backend +DATABASE_URL +no +Postgres.DATABASE_URL", names.out, re.MULTILINE)
    assert re.search(r"^frontend +API_URL ", names.out, re.MULTILINE)
    assert "stable" not in names.out + shared.out
    assert {row["name"]: row["sealed"] for row in one.rows}["SECRET_KEY"] is True
    assert all(set(row) == {"service", "name", "sealed", "references"} for row in one.rows)
    assert "backend" not in shared.out
    assert re.search(r"^backend +LOG_LEVEL +no +info", values.out, re.MULTILINE)
    assert "${{Postgres.DATABASE_URL}}" in values.out
    assert re.search(r"^backend +SECRET_KEY +yes +sealed", values.out, re.MULTILINE)


async def test_variables_are_set_by_one_deployment(shop: Shop) -> None:
    before, values = shop.history("backend"), dict(shop.values("backend"))
    told = await shop.types("variables", "backend", "--set", f"ONE={SECRET}", "--set", "TWO=a=b", "--json")
    assert (told.code, told.rows["outcome"]) == (0, "well")
    assert shop.values("backend") == values | {"ONE": SECRET, "TWO": "a=b"}, "what is not named stays"
    assert len(shop.history("backend")) == len(before) + 1
    assert SECRET not in told.out + told.err

    waiting = await shop.types("variables", "backend", "--set", "THREE=3", "--skip-deploys")
    assert (waiting.code, shop.values("backend")["THREE"]) == (0, "3")
    assert "THREE: they wait for the next deployment" in waiting.out
    assert len(shop.history("backend")) == len(before) + 1

    shared = await shop.types("variables", "--set", "RELEASE_CHANNEL=beta")
    assert (shared.code, shop.values(None)["RELEASE_CHANNEL"]) == (0, "beta")
    assert "Railway deploys what uses them" in shared.out


async def test_a_value_may_come_from_the_input(shop: Shop) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devops_daemon", "variables", "backend", "--set", "KEY", "--skip-deploys"),
        cwd=shop.stranger.folder,
        env=shop.stranger.environment(**shop.settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(f"{SECRET}\n".encode()), PATIENCE)
    assert process.returncode == 0, err
    assert shop.values("backend")["KEY"] == SECRET
    assert SECRET.encode() not in out + err


async def test_all_that_is_wrong_with_variables_is_told_at_once_without_a_value(shop: Shop) -> None:
    before = shop.values("backend")
    wrong, misplaced, alone, empty = await asyncio.gather(
        shop.types(
            *("variables", "backend", "--set", f"1A={SECRET}", "--set", f"RAILWAY_SERVICE_NAME={SECRET}"),
            *("--set", "EMPTY=", "--set", f"FINE={SECRET}"),
        ),
        shop.types("variables", "backend", f"KEY={SECRET}"),
        shop.types("variables", f"KEY={SECRET}"),
        shop.types("variables", "backend", "--set", "KEY"),
    )
    assert (wrong.code, wrong.out) == (2, "")
    assert [line.partition(":")[0].strip("'") for line in wrong.lines] == ["1A", "RAILWAY_SERVICE_NAME", "EMPTY"]
    assert (misplaced.code, misplaced.lines) == (2, ["'KEY': to set it, write --set in front of it"])
    assert (alone.code, alone.lines) == (2, ["'KEY': to set it, write --set in front of it"])
    assert (empty.code, len(empty.lines)) == (2, 1), "nothing came from the input"
    assert all(SECRET not in told.out + told.err for told in (wrong, misplaced, alone, empty))
    assert shop.values("backend") == before


# Database access


def with_psql(folder: Path) -> str:
    """Give a PATH on which there is a psql that tells how it was called."""
    program = folder / "bin" / "psql"
    program.parent.mkdir()
    program.write_text(PSQL, encoding="utf-8")
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


async def open_proxy(shop: Shop) -> None:
    await shop.railway.realm.proxies.open(shop.place("Postgres"), 5432)
    await until(lambda: shop.railway.realm.proxies.serving(shop.place("Postgres")) is not None)


async def test_connect_runs_psql_with_its_password_out_of_sight(shop: Shop, tmp_path: Path) -> None:
    await open_proxy(shop)
    path = with_psql(tmp_path)
    told, how, revealed = await asyncio.gather(
        shop.types("connect", "postgres", PATH=path, PGOPTIONS="of the caller"),
        shop.types("connect", "Postgres", PATH=str(tmp_path)),
        shop.types("connect", "postgres", "--json", "--reveal", PATH=path),
    )
    assert (told.code, told.err) == (7, ""), "the exit code is psql's"
    password = revealed.rows["password"]
    assert told.out.splitlines() == [
        f"1 PGUSER=postgres PGPASSWORD={password} PGDATABASE=railway PGSSLMODE=None PGOPTIONS=None",
        "connected",
    ]
    assert how.code == 0
    assert re.fullmatch(r"PGPASSWORD=… psql -h 127.0.0.1 -p \d+ -U postgres -d railway\n", how.out)
    assert password not in how.out + how.err
    assert [proxy.sync_status for proxy in shop.proxies()] == ["ACTIVE"], "what was open stays open"


async def test_a_private_database_is_opened_only_on_request_and_closed_again(shop: Shop, tmp_path: Path) -> None:
    path = with_psql(tmp_path)
    private, inside = await asyncio.gather(
        shop.types("connect", "postgres", PATH=path),
        shop.types("connect", "postgres", "--json", RAILWAY_ENVIRONMENT_ID="here"),
    )
    assert (private.code, private.out) == (1, "")
    assert "--expose" in private.lines[0]
    assert (inside.code, inside.rows["host"]) == (0, "postgres.railway.internal")
    told = await shop.types("connect", "postgres", "--expose", PATH=path)
    assert told.code == 7
    assert "connected" in told.out
    assert [proxy for proxy in shop.proxies() if proxy.sync_status != "DELETING"] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_closes_what_was_opened(shop: Shop, tmp_path: Path, number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devops_daemon", "connect", "postgres", "--expose"),
        cwd=shop.stranger.folder,
        env=shop.stranger.environment(**shop.settings | {"PATH": with_psql(tmp_path)}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readuntil(b"connected"), PATIENCE)
    assert [proxy.sync_status for proxy in shop.proxies()] == ["ACTIVE"]
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 128 + number
    assert [proxy for proxy in shop.proxies() if proxy.sync_status != "DELETING"] == []


# Provisioning


async def test_what_is_added_twice_is_there_once(shop: Shop) -> None:
    redis = await shop.types("add", "database", "redis", "--yes", "--json")
    there, service = await asyncio.gather(
        shop.types("add", "database", "postgres", "--yes"),
        shop.types("add", "service", "myservice", "--yes"),
    )
    assert (redis.code, redis.rows[0]["outcome"], redis.rows[0]["service"]) == (0, "added", "Redis")
    assert re.search(r"^Postgres +there already ", there.out, re.MULTILINE)
    assert re.search(r"^myservice +added ", service.out, re.MULTILINE)
    again, another, how = await asyncio.gather(
        shop.types("add", "service", "MyService", "--yes"),
        shop.types("add", "database", "postgres", "--another", "--yes", "--json"),
        shop.types("connect", "redis"),
    )
    assert re.search(r"^myservice +there already ", again.out, re.MULTILINE)
    assert another.rows[0]["outcome"] == "added"
    assert re.search(r"^REDISCLI_AUTH=… redis-cli -h redis.railway.internal -p 6379", how.out, re.MULTILINE)
    several = await shop.types("connect", "postgres")
    assert (several.code, several.out, len(several.lines)) == (2, "", 1)
    assert another.rows[0]["service"] in several.lines[0]


# Refusals


async def test_what_cannot_be_asked_for_is_refused(shop: Shop) -> None:
    before = {name: shop.history(name) for name in ("backend", "devops-daemon")}
    nobody, dead, none, dumb, dry, own = await asyncio.gather(
        shop.types("logs", "bakcend"),
        shop.types("logs", RAILWAY_TOKEN_SW_FACTORY=SECRET, RAILWAY_WORKSPACE_TOKEN=""),
        shop.types("restart", "backend", "--yes", RAILWAY_TOKEN_SW_FACTORY="", RAILWAY_WORKSPACE_TOKEN=""),
        shop.types("down", "backend"),
        shop.types("redeploy", "backend", "--yes", DRY_RUN="true"),
        shop.types("restart", "devops-daemon", "--yes", RAILWAY_SERVICE_ID=shop.place("devops-daemon").service_id),
    )
    assert (nobody.code, nobody.out, len(nobody.lines)) == (2, "", 1)
    assert re.match("there is no service 'bakcend'; there are: backend, ", nobody.lines[0]), "the nearest comes first"
    assert (dead.code, dead.out, len(dead.lines)) == (1, "", 1)
    assert dead.lines[0].startswith("RAILWAY_TOKEN_SW_FACTORY is not known to Railway")
    assert SECRET not in dead.err
    assert (none.code, none.out, len(none.lines)) == (2, "", 1)
    assert none.lines[0].startswith("RAILWAY_TOKEN_SW_FACTORY: is not set")
    assert (dumb.code, dumb.lines) == (2, ["there is no terminal to ask on: say --yes if you mean it"])
    assert (dry.code, dry.lines[-1]) == (1, "DRY_RUN is set: nothing is written to Railway")
    assert own.code == 1
    assert own.lines[-1].startswith("this is the daemon's own service")
    assert {name: shop.history(name) for name in before} == before


async def test_a_railway_that_does_not_answer_has_exit_code_3(shop: Shop) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/graphql/v2"
    logs, nothing_watched = await asyncio.gather(
        shop.types("logs", RAILWAY_API_URL=nowhere),
        shop.types("restart", "Postgres", "--yes", PRODUCTION_BACKEND_URL="", PRODUCTION_FRONTEND_URL=""),
    )
    assert (logs.code, logs.out) == (3, "")
    assert logs.lines == ["Railway could not be reached: connection refused"]
    assert nothing_watched.code == 0
    assert "live, 1 running; nothing probes it" in nothing_watched.out
