"""Let each outside call of a story go wrong in turn: a world of which every door leads through a gate."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from flows.gate import Call, Gate, Way, open_gate
from flows.incident_world import World, open_world

AT_ONCE = 6
IN_PROCESS = (Way.ERROR, Way.LOST, Way.LOST_ANSWER)


@asynccontextmanager
async def gated(folder: Path, **settings: str) -> AsyncIterator[tuple[World, Gate]]:
    """Open a world of which every door leads through a gate."""
    folder.mkdir()
    async with open_world(folder, None, **settings) as world:
        names = ("RAILWAY_API_URL", "GITHUB_API_URL", "PRODUCTION_BACKEND_URL", "PRODUCTION_FRONTEND_URL")
        async with open_gate(**{name: world.settings[name] for name in names}) as gate:
            world.settings |= gate.settings
            yield world, gate


async def in_turn(points: Iterable[tuple[Call, Way]], run: Callable[[int, Call, Way], Awaitable[Any]]) -> None:
    """Run some at once; says which of them did not end as they should."""
    gate, failed = asyncio.Semaphore(AT_ONCE), []

    async def one(number: int, call: Call, way: Way) -> None:
        async with gate:
            try:
                await run(number, call, way)
            except Exception as error:  # noqa: BLE001 # all of them are told
                failed.append(f"{call.name}, {way}: {error!r:.2000}")

    await asyncio.gather(*(one(number, *point) for number, point in enumerate(points)))
    assert not failed, "\n".join(failed)


async def nobody_dies() -> None:
    """In this process there is nobody to kill."""
