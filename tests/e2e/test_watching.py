"""The daemon as a process watches a product over real HTTP, which breaks and is mended."""

import asyncio
import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from e2e.conftest import DaemonProcess, RunDaemon, burning, probe

from devops_daemon.sandbox.product import Product

WAYS = {
    "backend-refused": "connection refused",
    "backend-hang": "timeout: no answer within 0.6 s",
    "backend-reset": "connection reset",
    "backend-500": "wrong status: 500, expected 200",
    "backend-garbage": "wrong body: not JSON",
    "backend-unhealthy": "wrong body: status is 'unhealthy'",
    "backend-huge": "too much body: over 1024 KiB",
    "backend-invalid-http": "wrong answer: not HTTP",
    "backend-redirect": "wrong status: 302 (redirect to ",
    "backend-truncated": "connection closed",
}


def all_up(data: dict[str, Any]) -> bool:
    return all(service["status"] == "up" for service in data["services"])


@pytest.mark.chaos
async def test_each_way_of_breaking_is_told_and_opens_one_incident_that_resolves(daemon_in: RunDaemon) -> None:
    async with (
        Product() as product,
        daemon_in(
            PRODUCTION_BACKEND_URL=product.backend_url,
            PRODUCTION_FRONTEND_URL=product.frontend_url,
            DEVOPS_API_SECRET="sandbox-devops-secret",
        ) as daemon,
    ):
        await daemon.status(all_up)
        for way, detail in WAYS.items():  # what comes back within ten minutes is the same incident
            await product.switch_on(way)
            broken = await daemon.status(lambda data: burning(data) and probe(data, "backend")["status"] == "down")
            assert detail in probe(broken, "backend")["detail"], way
            assert [each["severity"] for each in broken["incidents"]].count("SEV1") == 1, way
            await daemon.status(lambda data: [incident["severity"] for incident in burning(data)] == ["SEV1"])
            await product.mend()
            mended = await daemon.status(lambda data: all_up(data) and not burning(data))
            assert [each["severity"] for each in mended["incidents"]].count("SEV1") == 1, way
        assert product.calls["POST /api/auth/register"] == 1
        assert await daemon.stop() == 0


class OneFailure:
    """A backend that fails exactly one request for its health."""

    def __init__(self) -> None:
        self.fail_next = False
        self.asked: Counter[int] = Counter()

    async def health(self, _: web.Request) -> web.Response:
        status, self.fail_next = (500, False) if self.fail_next else (200, self.fail_next)
        self.asked[status] += 1
        return web.json_response({"status": "healthy"}, status=status)

    async def ready(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ready", "checks": {"database": "ok"}})


async def test_a_single_failed_request_opens_no_incident(daemon_in: RunDaemon) -> None:
    backend = OneFailure()
    application = web.Application()
    application.router.add_get("/health", backend.health)
    application.router.add_get("/health/ready", backend.ready)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with daemon_in(PRODUCTION_BACKEND_URL=f"http://127.0.0.1:{port}") as daemon:
        await daemon.status(all_up)
        backend.fail_next = True
        await daemon.status(lambda _: backend.asked[500])
        good = backend.asked[200]
        after = await daemon.status(lambda _: backend.asked[200] >= good + 3)
        assert after["incidents"] == []
        assert backend.asked[500] == 1
    await runner.cleanup()


async def test_backend_and_frontend_gone_are_one_sev1_even_without_a_reference(daemon_in: RunDaemon) -> None:
    async with (
        Product() as product,
        daemon_in(PRODUCTION_BACKEND_URL=product.backend_url, PRODUCTION_FRONTEND_URL=product.frontend_url) as daemon,
    ):
        await daemon.status(all_up)
        await product.switch_on("backend-refused")
        await product.switch_on("frontend-refused")
        gone = await daemon.status(lambda data: all(s["status"] == "down" for s in data["services"]))
        gone = await daemon.status(lambda data: burning(data) and len(burning(data)[0]["services"]) == 2)
        assert [incident["severity"] for incident in gone["incidents"]] == ["SEV1"]
        await product.mend()
        back = await daemon.status(lambda data: all_up(data) and not burning(data))
        assert len(back["incidents"]) == 1


@pytest.mark.chaos
async def test_a_kill_in_the_middle_loses_nothing_and_opens_nothing_twice(daemon_in: RunDaemon) -> None:
    async with Product() as product, daemon_in(PRODUCTION_BACKEND_URL=product.backend_url) as daemon:
        await daemon.status(all_up)
        await product.switch_on("backend-500")
        before = burning(await daemon.status(burning))
        for _ in range(3):
            await daemon.kill()
            await daemon.start()
            checked = probe(await daemon.status(lambda _: True), "backend")["checked_at"]
            again = await daemon.status(lambda data, seen=checked: probe(data, "backend")["checked_at"] > seen)
            assert [i["id"] for i in again["incidents"]] == [before[0]["id"]]
            assert again["incidents"][0]["opened_at"] == before[0]["opened_at"]
        await product.mend()
        after = await daemon.status(lambda data: all_up(data) and not burning(data))
        assert [i["id"] for i in after["incidents"]] == [before[0]["id"]]
        timeline = (await daemon.get(f"/incidents/{before[0]['id']}"))["timeline"]
        kinds = Counter(event["kind"] for event in timeline)
        assert (kinds["opened"], kinds["resolved"]) == (1, 1)


@pytest.mark.chaos
async def test_a_store_that_cannot_be_written_is_told_while_probing_goes_on(daemon_in: RunDaemon) -> None:
    async with Product() as product, daemon_in(PRODUCTION_BACKEND_URL=product.backend_url) as daemon:
        await daemon.status(all_up)
        intruder = sqlite3.connect(daemon.folder / "data" / "devops-daemon.db")
        intruder.execute("begin immediate")

        async def readiness(wanted: str) -> list[str] | None:
            found = await daemon.get("/readyz")
            return found["problems"] if found and found["status"] == wanted else None

        problems = await daemon.until(lambda: readiness("not ready"))
        assert "store: database is locked" in problems[0]
        asked = product.calls["GET /health"]
        await daemon.until(lambda: _more(product, asked + 1))
        await product.switch_on("backend-500")
        await daemon.until(lambda: _more(product, asked + 3))
        intruder.rollback()
        intruder.close()
        assert await daemon.until(lambda: _ready(daemon))
        assert len(burning(await daemon.status(burning))) == 1
        told = [json.loads(line)["message"] for line in daemon.log().splitlines()]
        assert (told.count("store.broken"), told.count("store.recovered")) == (1, 1)


async def _ready(daemon: DaemonProcess) -> bool:
    return bool((await daemon.get("/readyz"))["status"] == "ready")


async def test_a_second_process_on_the_same_file_stops_with_a_clear_message(daemon_in: RunDaemon) -> None:
    async with Product() as product, daemon_in(PRODUCTION_BACKEND_URL=product.backend_url) as daemon:
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "devops_daemon", "run"),
            cwd=daemon.folder,
            env={**daemon.environment, "PORT": "0"},
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await asyncio.wait_for(second.communicate(), 15)
        assert second.returncode == 1
        assert b"is in use by another devops-daemon" in told


async def test_sigterm_in_a_round_that_hangs_ends_within_ten_seconds_and_keeps_what_was_found(
    daemon_in: RunDaemon,
) -> None:
    async with (
        Product() as product,
        daemon_in(
            PRODUCTION_BACKEND_URL=product.backend_url,
            PRODUCTION_FRONTEND_URL=product.frontend_url,
            PROBE_TIMEOUT="60s",
            CHECK_INTERVAL="1s",
        ) as daemon,
    ):
        await daemon.status(all_up)
        asked = product.calls["GET /health"]
        await product.switch_on("backend-hang")
        await daemon.until(lambda: _more(product, asked))
        started = asyncio.get_running_loop().time()
        assert await daemon.stop() == 0
        assert asyncio.get_running_loop().time() - started < 10
        last = [json.loads(line) for line in daemon.log().splitlines() if line.startswith("{")][-1]
        assert last["message"] == "daemon.stopped"


async def _more(product: Product, asked: int) -> bool:
    return product.calls["GET /health"] > asked


@pytest.mark.chaos
async def test_two_replicas_on_one_postgres_run_each_round_once_and_open_one_incident(
    daemon_in: RunDaemon, new_postgres: Callable[[], str]
) -> None:
    url = new_postgres()
    async with Product() as product:
        settings = {"PRODUCTION_BACKEND_URL": product.backend_url, "DEVOPS_DATABASE_URL": url, "FAILURE_THRESHOLD": "3"}
        async with daemon_in(**settings) as one, daemon_in(**settings) as other:
            for way in ("backend-500", "backend-refused"):
                await product.switch_on(way)
                await one.status(burning)
                await product.mend()
                await one.status(lambda data: all_up(data) and not burning(data))
            # read before the slots are counted: each second that passes brings one more of both
            ran = [sum("round.done" in line for line in daemon.log().splitlines()) for daemon in (one, other)]
            seen = await one.status(lambda _: True)
            assert len(seen["incidents"]) == 1, "what comes back is the same"
            assert seen["punctuality"]["run"] <= seen["punctuality"]["due"]
            assert (await other.get("/status.json"))["incidents"] == seen["incidents"]
            first_rounds = 2
            assert sum(ran) <= seen["punctuality"]["due"] + first_rounds
            # a replica that is killed in the middle leaves nothing undone
            await product.switch_on("backend-500")
            await one.kill()
            await other.status(burning)
