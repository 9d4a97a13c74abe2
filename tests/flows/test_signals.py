"""Signals beside the probes, over HTTP: customers get errors while every probe passes, and people hear of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from flows.incident_world import open_world, until

from devops_daemon.adapters.railway.platform import Railway
from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.signals import SignalRows
from devops_daemon.config_file import Document
from devops_daemon.connections import asked_of_railway, railway, utc_now
from devops_daemon.health.signals import Level, Name
from devops_daemon.model import Severity
from devops_daemon.redaction import Redactor
from devops_daemon.response.signals import Signals
from devops_daemon.sandbox.product import Product
from devops_daemon.settings import read
from devops_daemon.watchlist import plan

LEVELS = (
    Level(Name.ERRORS, 0.10, timedelta(seconds=3), Severity.SEV1),
    Level(Name.MEMORY, 0.0, timedelta(minutes=10), Severity.SEV2),
)

STEPS = 240.0
"""Seconds: eight of the steps by which Railway counts, of which one must fall together with the window."""


@asynccontextmanager
async def customers(product: Product, path: str) -> AsyncIterator[None]:
    """Ask a path again and again."""

    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(product.backend_url + path) as answer:
                    await answer.read()
                await asyncio.sleep(0.02)

    task = asyncio.create_task(ask())
    try:
        yield
    finally:
        task.cancel()


@pytest.mark.chaos
async def test_errors_that_no_probe_sees_are_seen(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        settings = read(world.settings)
        asked = asked_of_railway(settings)
        assert asked is not None
        store = SqliteDatabase(tmp_path / "signals.db")
        await store.open()
        try:
            async with railway(asked, Redactor(()), None) as api:
                services = plan(settings, Document()).services
                signals = Signals(Railway(api, utc_now), SignalRows(store), services, utc_now, LEVELS)

                async def strained() -> bool:
                    await signals.look()
                    return any(each.severity is Severity.SEV1 for each in await signals.current())

                async def well() -> bool:
                    await signals.look()
                    found = {each.key.name: each for each in await signals.current() if each.key.service == "backend"}
                    errors = found.get("error rate")
                    return errors is not None and errors.known_at is not None and errors.severity is None

                async with customers(world.product, "/health"):
                    await until(well, patience=STEPS)
                await world.product.switch_on("backend-500")
                async with customers(world.product, "/health"):
                    await until(strained, patience=STEPS)
                [found] = [each for each in await signals.current() if each.severity is Severity.SEV1]
                assert str(found.key) == "backend/error rate"
                assert "requests answered with a 5xx in 3 seconds" in found.detail
                memory = {each.key.name: each for each in await signals.current()}["memory"]
                assert "GB in use" in memory.detail or memory.known_at is None

                world.railway.faults.switch_on("gateway-502")
                before = await signals.current()
                await signals.look()
                assert await signals.current() == before, "what cannot be read stays as it was"
        finally:
            await store.close()
