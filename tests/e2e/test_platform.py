"""The daemon as a process, with a product on the sandbox's Railway."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import DaemonProcess, RunDaemon
from e2e.test_cli import Stranger

from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.access import TokenKind
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.sandbox.railway.seed import STAGING_ID


@dataclass(frozen=True, slots=True)
class Shop:
    """A product on a Railway."""

    product: Product
    railway: Railway

    def settings(self, **others: str) -> dict[str, str]:
        return {
            "PRODUCTION_BACKEND_URL": self.product.backend_url,
            "PRODUCTION_FRONTEND_URL": self.product.frontend_url,
            "RAILWAY_API_URL": self.railway.api_url,
            "RAILWAY_TOKEN_SW_FACTORY": self.railway.project_token,
        } | others


@asynccontextmanager
async def open_shop() -> AsyncIterator[Shop]:
    async with Product() as product, Railway(product, Pace.quick()) as railway:
        railway.limits.hour_limit = 100_000  # it is looked at every second
        yield Shop(product, railway)


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    return Stranger(tmp_path)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as opened:
        yield opened


def deployed(data: Mapping[str, Any], identifier: str) -> dict[str, Any]:
    """What became of a deployment."""
    rows = data["platform"]["deployments"] if data["platform"] else []
    return next((row for row in rows if row["id"] == identifier), {"became": None})


async def test_what_runs_is_shown_with_its_deployments(shop: Shop, daemon_in: RunDaemon) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings()) as daemon:
        data = await daemon.status(lambda data: data["integrations"]["railway"] == "ok")
        platform = data["platform"]
        assert (platform["project"], platform["environment"]) == ("shop", "production")
        told = {each["name"]: (each["watched_as"], each["serving"]) for each in platform["services"]}
        assert told == {
            "backend": ("backend", "up"),
            "devops-daemon": (None, "up"),
            "frontend": ("frontend", "up"),
            "nightly": (None, "scheduled"),
            "Postgres": (None, "up"),
            "preview": (None, "asleep"),
        }
        backend = next(each for each in platform["services"] if each["name"] == "backend")
        await daemon.status(lambda data: deployed(data, backend["deployment"]["id"])["became"] == "well")


@pytest.mark.chaos
async def test_what_became_of_a_deployment_outlives_the_daemon(shop: Shop, daemon_in: RunDaemon) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings()) as daemon:
        await daemon.status(lambda data: data["integrations"]["railway"] == "ok")
        good = shop.railway.push("backend")
        live_at = (await daemon.status(lambda data: deployed(data, good)["became"] == "well"))["platform"]
        await daemon.kill()
        failed = shop.railway.push("backend", fails_at="build")
        await daemon.start()
        data = await daemon.status(lambda data: deployed(data, failed)["became"] == "failed")
        row = deployed(data, good)
        assert (row["became"], row["ended_at"]) == ("well", None), "the one before goes on serving"
        assert row["live_at"] == deployed({"platform": live_at}, good)["live_at"]


@pytest.mark.chaos
async def test_an_outage_of_railway_is_told_and_is_none_of_the_product(shop: Shop, daemon_in: RunDaemon) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings()) as daemon:
        await daemon.status(lambda data: data["integrations"]["railway"] == "ok")
        shop.railway.faults.switch_on("platform-incident", operation="PlatformStatus")
        shop.railway.faults.switch_on("gateway-502", operation="Services")
        data = await daemon.status(lambda data: data["platform"]["problem"] and data["platform"]["incident"])
        assert "502" in data["integrations"]["railway"]
        assert data["platform"]["incident"] == "Deployments are delayed in US West"
        assert len(data["platform"]["services"]) == 6, "what was seen last stays"
        assert {service["status"] for service in data["services"]} == {"up"}
        assert data["incidents"] == []
        shop.railway.faults.mend()
        await daemon.status(lambda data: data["integrations"]["railway"] == "ok")
        assert daemon.log().count("platform.broken") == 1


async def test_a_token_for_another_environment_is_said_and_the_rest_runs(shop: Shop, daemon_in: RunDaemon) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings(PRODUCT_ENVIRONMENT_ID=STAGING_ID)) as daemon:
        data = await daemon.status(lambda data: data["platform"]["problem"])
        assert "is for the environment production of the project shop" in data["integrations"]["railway"]
        await daemon.status(lambda data: all(service["status"] == "up" for service in data["services"]))
        assert shop.railway.project_token not in daemon.log()


async def test_without_a_token_railway_is_off(shop: Shop, daemon_in: RunDaemon) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings(RAILWAY_TOKEN_SW_FACTORY="")) as daemon:
        data = await daemon.status(lambda _: True)
        assert (data["integrations"]["railway"], data["platform"]) == ("off", None)
        assert shop.railway.calls.total() == 0


async def test_the_doctor_finds_everything_well(shop: Shop, stranger: Stranger) -> None:
    ended = await stranger.types("doctor", "--json", **shop.settings())
    found = {row["about"]: (row["is"], row["found"]) for row in ended.rows}
    assert ended.code == 0
    assert found["RAILWAY_TOKEN_SW_FACTORY"][1].startswith("a project token, for production of shop")
    assert found["schema"] == ("ok", "every query fits Railway's schema of today")
    assert found["clock"] == ("ok", "agrees with Railway's")
    assert found["backend"] == ("ok", "is backend at Railway")
    assert found["requests"][0] == "ok"
    assert found["GitHub"] == ("off", "not configured")


async def test_the_doctor_says_what_does_not_work_and_the_cure(shop: Shop, stranger: Stranger) -> None:
    shop.railway.clock_skew = timedelta(minutes=-5)
    shop.railway.denied[TokenKind.PROJECT].add("environmentLogs")
    shop.railway.limits.hour_limit = 15
    ended = await stranger.types("doctor", "--json", **shop.settings(RAILWAY_WORKSPACE_TOKEN="not-a-token-at-all"))
    rows = {row["about"]: row for row in ended.rows}
    assert ended.code == 1
    assert "not-a-token-at-all" not in ended.out + ended.err
    assert "RAILWAY_WORKSPACE_TOKEN is not known to Railway" in rows["Railway tokens"]["found"]
    assert rows["logs"]["is"] == "failed"
    assert "has no right to EnvironmentLogs" in rows["logs"]["found"]
    assert "RAILWAY_WORKSPACE_TOKEN" in rows["logs"]["cure"]
    assert rows["clock"]["is"] == "warning"
    assert "ahead of Railway's" in rows["clock"]["found"]


async def test_the_doctor_without_anything_configured_says_what_is_off(stranger: Stranger) -> None:
    ended = await stranger.types("doctor", "--json")
    assert ended.code == 0
    assert {row["is"] for row in ended.rows} == {"off"}
