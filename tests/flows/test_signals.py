"""Signals beside the probes, over HTTP: customers suffer while every probe passes, and people hear of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from flows.incident_world import World, open_world, until

from devops_daemon.health.signals import Level, Name
from devops_daemon.model import Severity
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.seed import PRODUCTION_ID

pytestmark = pytest.mark.chaos

SECOND = timedelta(seconds=1)
LEVELS = (
    Level(Name.ERRORS, 0.10, 4 * SECOND, Severity.SEV1),
    Level(Name.LATENCY, 0.5, 12 * SECOND, Severity.SEV2),
    Level(Name.MEMORY, 0.90, 4 * SECOND, Severity.SEV2),
    Level(Name.DISK, 0.90, 0 * SECOND, Severity.SEV2),
)
CUSTOMERS = 30
Turn = Callable[[World], Awaitable[None]]


@asynccontextmanager
async def customers(product: Product) -> AsyncIterator[None]:
    """Ask for what no probe asks for, again and again, each at a pace of its own: no second is without one."""

    async def ask(session: aiohttp.ClientSession, pause: float) -> None:
        while True:
            async with session.get(f"{product.backend_url}/api/feedback/pending") as answer:
                await answer.read()
            await asyncio.sleep(pause)

    async with aiohttp.ClientSession() as session:
        tasks = [asyncio.create_task(ask(session, 0.1 + 0.1 * place)) for place in range(CUSTOMERS)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def switched_on(fault: str) -> Turn:
    return lambda world: world.product.switch_on(fault)


def switched_off(fault: str) -> Turn:
    return lambda world: world.product.switch_off(fault)


def _memory(world: World) -> tuple[dict[str, datetime], str]:
    railway = world.railway.realm.world
    return railway.memory_ran_out, railway.place_named(PRODUCTION_ID, "backend").id


async def memory_runs_out(world: World) -> None:
    ran_out, place = _memory(world)
    ran_out[place] = datetime.now(UTC) + 60 * SECOND


async def memory_is_freed(world: World) -> None:
    ran_out, place = _memory(world)
    del ran_out[place]


def _disk(world: World, used_mb: float) -> None:
    volumes = world.railway.realm.world.volumes
    [(name, disk)] = volumes.items()
    volumes[name] = replace(disk, used_mb=used_mb)


async def the_disk_fills(world: World) -> None:
    _disk(world, 4_700)


async def the_disk_is_tidied(world: World) -> None:
    _disk(world, 1_000)


async def signals(world: World) -> dict[str, dict[str, Any]]:
    """Read how those of the backend stand, by name."""
    return {each["name"]: each for each in (await world.data())["signals"] if each["service"] == "backend"}


@pytest.mark.parametrize(
    ("name", "severity", "begin", "end", "told"),
    [
        ("error rate", "SEV1", switched_on("feedback-500"), switched_off("feedback-500"), "answered with a 5xx in 4"),
        ("latency", "SEV2", switched_on("feedback-slow"), switched_off("feedback-slow"), "95% of the requests took"),
        ("disk", "SEV2", the_disk_fills, the_disk_is_tidied, "Postgres: 94% of 5.00 GB in use (/var/lib/postgresql"),
        ("memory", "SEV2", memory_runs_out, memory_is_freed, "of 8.00 GB in use for 4 seconds"),
    ],
)
async def test_what_no_probe_sees_is_told_and_ends_by_itself_and_nothing_is_tried(
    tmp_path: Path, name: str, severity: str, begin: Turn, end: Turn, told: str
) -> None:
    async with open_world(tmp_path, replace(Pace.quick(), sampling=SECOND)) as world, customers(world.product):

        async def known() -> bool:
            found = await signals(world)
            return set(found) == set(Name) and all(each["known_at"] for each in found.values())

        async with world.daemon(levels=LEVELS):
            await world.well()
            await until(known, lambda: world.seen)
            assert {each["severity"] for each in (await signals(world)).values()} == {None}
            await begin(world)
            incident = await world.incident("open", "mitigating")
            assert (incident["severity"], incident["services"], incident["failed_probes"]) == (
                severity,
                ["backend"],
                [name],
            )
            assert {each["status"] for each in world.seen["services"]} == {"up"}
            assert told in (await signals(world))[name]["detail"]
            await world.has_told("agent-1")

            asked = {"memory": "Metrics", "disk": "Volumes"}.get(name, "HttpStatusMetrics")
            world.railway.faults.switch_on("gateway-502", operation=asked)
            before = world.railway.calls[asked]
            await end(world)

            async def asked_in_vain() -> bool:
                return world.railway.calls[asked] > before + 1

            await until(asked_in_vain)
            looked = await world.looked_at("backend")
            await world.looked_at("backend", after=looked)
            standing = (await signals(world))[name]
            assert standing["severity"] == severity, "what cannot be read stays as it was"
            assert (await world.incident("open", "mitigating"))["id"] == incident["id"]
            world.railway.faults.switch_off("gateway-502")
            incident = await world.ended()
        assert (world.acts(), incident["remediations"]) == ({}, [])
        assert world.told() == ["agent-1", "resolved"]
