"""The whole daemon beside a sandbox of product, Railway and GitHub, all over HTTP, with every duration set short."""

import asyncio
import itertools
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from free_ports import free_port

from devops_daemon import app, watchlist
from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.gauges import GaugeRows
from devops_daemon.adapters.store.mending import MendingRows
from devops_daemon.config_file import Document
from devops_daemon.configuration import Configuration
from devops_daemon.forge import Mark
from devops_daemon.health.signals import LEVELS, Level
from devops_daemon.mending import Effect, EffectState, Remedy
from devops_daemon.plans import Plans
from devops_daemon.redaction import Redactor
from devops_daemon.sandbox.github.github import GitHub
from devops_daemon.sandbox.github.issues import Comment, Issue
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.settings import read

PATIENCE = 120.0
OPERATOR = "operator-token-0123456789"  # of a daemon in a test
RESTART, REDEPLOY, ROLLBACK = "RestartDeployment", "RedeployDeployment", "RollBackDeployment"


async def until(
    holds: Callable[[], Awaitable[Any]], what: Callable[[], object] = lambda: "", patience: float = PATIENCE
) -> Any:
    """Wait until something holds; gives it."""
    try:
        async with asyncio.timeout(patience):
            for pause in itertools.repeat(0.1):
                if found := await holds():
                    return found
                await asyncio.sleep(pause)
    except TimeoutError:
        raise AssertionError(f"waited in vain: {what()}") from None


@dataclass
class World:
    """What there is."""

    folder: Path
    product: Product
    railway: Railway
    github: GitHub
    settings: dict[str, str]
    port: int = 0
    session: aiohttp.ClientSession | None = None
    seen: dict[str, Any] = field(default_factory=dict)

    @asynccontextmanager
    async def daemon(
        self, plans: Plans | None = None, levels: Sequence[Level] = LEVELS, **settings: str
    ) -> AsyncIterator[None]:
        """Run the daemon, on the store that is there."""
        known = read(self.settings | settings)
        configuration = Configuration(known, watchlist.plan(known, Document()), plans or Plans())
        async with app.running(configuration, Redactor(known.secrets), levels=levels) as self.port:
            yield

    @asynccontextmanager
    async def process(self, **settings: str) -> AsyncIterator[Callable[[], Coroutine[None, None, None]]]:
        """Run the daemon as a process of its own; gives what kills it, and starts it anew on the same store."""
        self.port = free_port()
        surroundings = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LOG_LEVEL": "debug"}
        environment = surroundings | self.settings | settings | {"PORT": str(self.port)}
        running: list[asyncio.subprocess.Process] = []

        async def start() -> None:
            with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
                command = sys.executable, "-m", "devops_daemon", "run"
                running.append(
                    await asyncio.create_subprocess_exec(
                        *command, cwd=self.folder, env=environment, stdout=log, stderr=log
                    )
                )

        async def kill() -> None:
            running[-1].kill()
            await running[-1].wait()
            await start()

        await start()
        try:
            yield kill
        finally:
            ended_by_itself = running[-1].returncode
            if ended_by_itself is None:
                running[-1].kill()
                await running[-1].wait()
        assert ended_by_itself is None, f"the daemon ended by itself with {ended_by_itself}"

    async def data(self) -> dict[str, Any]:
        """Read what the daemon says; while it is not there, wait."""
        assert self.session is not None
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    async with self.session.get(f"http://127.0.0.1:{self.port}/status.json", headers=headers) as answer:
                        if answer.status == 200:
                            self.seen = await answer.json()
                            return self.seen
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)

    async def well(self) -> None:
        """Wait until all is seen to be up, and a deployment of each service to be well."""

        async def up() -> bool:
            data = await self.data()
            known = {each["service"] for each in data["platform"]["deployments"] if each["became"] == "well"}
            return all(each["status"] == "up" for each in data["services"]) and {"backend", "frontend"} <= known

        await until(up, lambda: self.seen)

    async def up(self) -> None:
        """Wait until all is seen to be up."""

        async def up() -> bool:
            return all(each["status"] == "up" for each in (await self.data())["services"])

        await until(up, lambda: self.seen)

    async def until_probe(self, name: str, status: str) -> None:
        """Wait until a probe is seen to stand so."""

        async def stands() -> bool:
            probes = [each for service in (await self.data())["services"] for each in service["probes"]]
            return any(each["name"] == name and each["status"] == status for each in probes)

        await until(stands, lambda: self.seen["services"])

    async def looked_at(self, name: str, after: str | None = None) -> str:
        """Tell when a probe looked last; with `after`, wait until it looks again."""

        async def looked() -> str | None:
            probes = [each for service in (await self.data())["services"] for each in service["probes"]]
            at: str = next(each["checked_at"] for each in probes if each["name"] == name)
            return at if at != after else None

        found: str = await until(looked)
        return found

    async def held(self, reason: str = "") -> dict[str, Any]:
        """Wait until nothing is done about an incident for a reason; gives it."""

        async def held() -> dict[str, Any] | None:
            incidents = (await self.data())["incidents"]
            return next((each for each in incidents if each["held"] and reason in each["held"]), None)

        one: dict[str, Any] = await until(held, lambda: self.seen["incidents"])
        return one

    async def act(self, action: str, **body: str) -> dict[str, Any]:
        """Do what an operator does over HTTP."""
        assert self.session is not None
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        address = f"http://127.0.0.1:{self.port}/api/actions/{action}"
        async with self.session.post(address, json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            done: dict[str, Any] = await answer.json()
            return done

    async def hint(self, secret: str) -> None:
        """Let Railway say that something has changed."""
        assert self.session is not None
        async with self.session.post(f"http://127.0.0.1:{self.port}/webhooks/railway/{secret}", json={}) as answer:
            assert answer.status == 202

    async def until_hosting_is_known(self) -> None:
        """Wait until the daemon has looked at Railway."""

        async def known() -> bool:
            return bool((await self.data())["platform"]["deployments"])

        await until(known, lambda: self.seen)

    async def incident(self, *statuses: str) -> dict[str, Any]:
        """Wait until the one incident has one of these statuses; gives it."""

        async def found() -> dict[str, Any] | None:
            incidents = (await self.data())["incidents"]
            assert len(incidents) <= 1, incidents
            return next((each for each in incidents if each["status"] in statuses), None)

        one: dict[str, Any] = await until(found, lambda: (self.seen.get("incidents"), self.seen.get("services")))
        return one

    async def remedied(self, outcome: str, times: int = 1) -> dict[str, Any]:
        """Wait until so many remedies have come to this; gives the last of them."""

        async def found() -> dict[str, Any] | None:
            remedies = [each for one in (await self.data())["incidents"] for each in one["remediations"]]
            fitting = [each for each in remedies if each["outcome"] == outcome]
            return fitting[times - 1] if len(fitting) >= times else None

        one: dict[str, Any] = await until(found, lambda: self.seen["incidents"])
        return one

    async def has_told(self, *what: str) -> None:
        """Wait until all of this was told in comments."""

        async def has() -> bool:
            return set(what) <= set(self.told())

        await until(has, self.told)

    async def issue_is(self, state: str) -> None:
        """Wait until the issue is open, or closed."""

        async def is_so() -> bool:
            return [issue.state for issue in self.issues()] == [state]

        await until(is_so, self.issues)

    async def settled(self) -> None:
        """Wait until all that was begun to be told has been."""

        async def done() -> bool:
            return all(effect.state is not EffectState.STARTED for effect in await self.effects())

        await until(done)

    async def counted(self) -> None:
        """Wait until it is known how many sessions are usual."""

        async def usual() -> bool:
            return await self.rows(lambda store: GaugeRows(store).usual("sessions", datetime.now(UTC))) is not None

        await until(usual)

    async def ended(self) -> dict[str, Any]:
        """Wait until the incident is resolved, all is known that came of it, and its issue is closed; gives it."""

        async def closed() -> dict[str, Any] | None:
            incident = await self.incident("resolved")
            known = all(each["outcome"] != "under way" for each in incident["remediations"])
            closed = [issue.state == "closed" for issue in self.issues()]
            told = "resolved" in self.told()
            return incident if known and told and closed and all(closed) else None

        ended: dict[str, Any] = await until(closed, lambda: (self.issues(), self.seen["incidents"]))
        return ended

    # GitHub

    def issues(self) -> list[Issue]:
        """The incidents' issues."""
        everything = self.github.world.issues.values()
        marks = [(issue, Mark.at_end_of(issue.body or "")) for issue in everything]
        return [issue for issue, mark in marks if mark is not None and mark.kind == "incident"]

    async def agent_merges(self, branch: str) -> tuple[int, str]:
        """Let the agent mend it by a pull request that names the issue, and merge that; gives its number and commit."""
        [issue] = self.issues()
        await self.github.push(branch, {f"{branch}.txt": "mended"})
        pull = await self.github.open_pull(self.github.operator, branch, body=f"Fixes #{issue.number}")
        return pull.number, await self.github.merge_pull(self.github.operator, pull.number, "squash")

    def comments(self) -> list[Comment]:
        """What was written on them."""
        return [comment for issue in self.issues() for comment in self.github.world.comments_on(issue.number)]

    def told(self) -> list[str]:
        """What of the incident was told in comments, by their marks."""
        marks = [Mark.at_end_of(comment.body) for comment in self.comments()]
        return [mark.key.partition(":")[2] for mark in marks if mark is not None]

    # Railway

    def acts(self) -> dict[str, int]:
        """What was done at Railway."""
        calls = self.railway.calls
        return {name: calls[name] for name in (RESTART, REDEPLOY, ROLLBACK) if calls[name]}

    # The store

    async def remedies(self) -> list[Remedy]:
        """What the daemon's rows say was done."""
        found: list[Remedy] = await self.rows(
            lambda store: MendingRows(store).remedies(self.seen["incidents"][0]["id"])
        )
        return found

    async def effects(self) -> list[Effect]:
        """What the daemon's rows say was told."""
        found: list[Effect] = await self.rows(lambda store: MendingRows(store).effects(self.seen["incidents"][0]["id"]))
        return found

    def lose_the_store(self) -> None:
        """Take away all that the daemon, which is not running, has kept."""
        for file in self.folder.iterdir():
            file.unlink()

    async def rows(self, read_: Callable[[SqliteDatabase], Awaitable[Any]]) -> Any:
        """Read what the daemon has kept."""
        store = SqliteDatabase(self.folder / "devops-daemon.db")
        try:
            return await read_(store)
        finally:
            await store.close()


@asynccontextmanager
async def open_world(folder: Path, pace: Pace | None = None, **settings: str) -> AsyncIterator[World]:
    """Open a product, a Railway and a GitHub; the daemon is started by the test."""
    async with AsyncExitStack() as stack:
        product = await stack.enter_async_context(Product())
        railway = await stack.enter_async_context(Railway(product, pace or Pace.quick()))
        railway.limits.hour_limit = 1_000_000
        github = await stack.enter_async_context(GitHub("acme/shop"))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        known = {
            "HOST": "127.0.0.1",
            "PORT": "0",
            "DATA_DIR": str(folder),
            "PRODUCTION_BACKEND_URL": product.backend_url,
            "PRODUCTION_FRONTEND_URL": product.frontend_url,
            "DEVOPS_API_SECRET": "sandbox-devops-secret",
            "RAILWAY_API_URL": railway.api_url,
            "RAILWAY_TOKEN_SW_FACTORY": railway.project_token,
            "RAILWAY_WORKSPACE_TOKEN": railway.workspace_token,
            "GITHUB_API_URL": github.api_url,
            "GITHUB_REPOSITORY": github.repository,
            "GITHUB_TOKEN": github.user_token,
            "OPERATOR_TOKEN": OPERATOR,
            "PUBLIC_URL": "https://ops.example.com",
            "CHECK_INTERVAL": "1s",
            "CONFIRM_INTERVAL": "100ms",
            "PROBE_TIMEOUT": "1s",
            "REMEDIATION_PAUSE": "1500ms",
            "SWEEP_INTERVAL": "1h",
        }
        yield World(folder, product, railway, github, known | settings, session=session)
