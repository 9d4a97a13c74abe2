"""Each outside call of a merge goes wrong once, in each way, or kills the process: it is merged once, and told once.

As for incidents, which calls there are is heard by playing the story once undisturbed.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from flows.gate import KILLS, Call, Way
from flows.incident_world import World
from flows.pull_world import SHORT, a_pull, comments, deploying, merged, noted
from flows.turns import IN_PROCESS, gated, in_turn, nobody_dies

pytestmark = pytest.mark.chaos
DURATIONS = SHORT | {"PROBE_TIMEOUT": "2s", "MERGE_WAIT": "8s"}


async def play(world: World) -> int:
    """Let a green pull request come, and wait until it is live; gives its number."""
    number = await a_pull(world, "fix/7-cart")
    await merged(world, number)
    await noted(world, number, "live and healthy")
    return number


async def check(world: World, number: int) -> None:
    """It was merged once, and told once."""
    commits = await world.github.realm.history.commits("refs/heads/main")
    assert sum(f"(#{number})" in each.message for each in commits) == 1
    assert len(comments(world, number)) == 1
    assert world.acts() == {}


async def calls_of(folder: Path) -> list[Call]:
    """Play it undisturbed; gives the calls of GitHub that are made for it."""
    async with gated(folder, **DURATIONS) as (world, gate), deploying(world), world.daemon():
        await world.well()
        before = len(gate.heard)
        await check(world, await play(world))
        heard = dict.fromkeys(gate.heard[before:])
    return [call for call in heard if call.name.startswith("github ") and not call.name.startswith("github GET /user")]


@pytest.mark.parametrize("ways", [IN_PROCESS, tuple(sorted(KILLS))], ids=["lost", "killed"])
async def test_each_call_goes_wrong_once(tmp_path: Path, ways: tuple[Way, ...]) -> None:
    calls = await calls_of(tmp_path / "heard")
    assert any(call.writes and "merge" in call.name for call in calls)

    starting = asyncio.Lock()  # migrations of two stores at once are more than one process can do

    async def run(number: int, call: Call, way: Way) -> None:
        async with AsyncExitStack() as stack:
            world, gate = await stack.enter_async_context(gated(tmp_path / str(number), **DURATIONS))
            await stack.enter_async_context(deploying(world))
            if way in KILLS:
                kill = await stack.enter_async_context(world.process())
            else:
                kill = nobody_dies
                async with starting:
                    await stack.enter_async_context(world.daemon())
            await world.well()
            gate.arm(call, way, kill)
            await check(world, await play(world))
            assert gate.struck.is_set()

    await in_turn([(call, way) for call in calls for way in ways if call.writes or way is not Way.LOST_ANSWER], run)
