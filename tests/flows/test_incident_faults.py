"""Each outside call of an incident goes wrong once, in each way: it ends as it would have, and nothing is done twice.

Which calls there are is not listed here: each story is played once undisturbed, and heard. Then it is played again for
every call and every way; probes are left out. A read whose answer is lost is a read that is lost, and one before whose
answer the daemon is killed is one before which it is.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from flows.gate import AFTERWARDS, KILLS, Call, Way
from flows.incident_world import REDEPLOY, RESTART, ROLLBACK, World
from flows.turns import IN_PROCESS, gated, in_turn, nobody_dies

pytestmark = pytest.mark.faults
DURATIONS = {"PROBE_TIMEOUT": "5s", "REMEDIATION_PAUSE": "3s", "ESCALATION_MENTIONS": "ada"}


@dataclass(frozen=True)
class Story:
    """What happens to a product that is well, and how it ends."""

    happens: Callable[[World], Awaitable[object]]
    acts: frozenset[str] = frozenset()
    """What may be done at Railway."""
    heals: bool = True


async def breaks(fault: str, world: World) -> None:
    await world.product.switch_on(fault)


async def never_heals(fault: str, world: World) -> None:
    await world.product.switch_on(fault)
    await world.incident("escalated")
    await world.has_told("agent-1", "escalated")
    await world.product.mend()


async def bad_commit(world: World) -> None:
    world.railway.push("backend", brings=frozenset({"backend-500"}))
    await world.remedied("helped")
    world.railway.push("backend")


async def comes_and_goes(world: World) -> None:
    await world.product.switch_on("backend-flapping")
    await world.incident("open")
    await world.product.mend()


async def github_is_down_meanwhile(world: World) -> None:
    world.github.faults.switch_on("bad-gateway")
    await world.product.switch_on("backend-503")
    await world.incident("resolved")
    world.github.faults.mend()


async def railway_is_down_meanwhile(world: World) -> None:
    world.railway.faults.switch_on("gateway-502")
    await world.product.switch_on("backend-503")
    await world.held("nothing is done blindly")
    assert world.acts() == {}
    world.railway.faults.mend()


EITHER = frozenset({RESTART, REDEPLOY})
STORIES = {
    "restart": Story(partial(breaks, "backend-503"), EITHER),
    "redeploy": Story(partial(breaks, "backend-corrupt"), EITHER),
    "rollback": Story(bad_commit, frozenset({ROLLBACK})),
    "sessions": Story(partial(breaks, "sessions-piled"), frozenset({RESTART})),
    "never": Story(partial(never_heals, "backend-500"), EITHER, heals=False),
    "flapping": Story(comes_and_goes),
    "frontend": Story(partial(breaks, "frontend-hang"), EITHER),
    "memory": Story(partial(breaks, "backend-oom"), frozenset({RESTART})),
    "database": Story(partial(never_heals, "database-down"), frozenset({RESTART}), heals=False),
    "github": Story(github_is_down_meanwhile, EITHER),
    "railway": Story(railway_is_down_meanwhile, EITHER),
}
PROBES = ("backend GET", "backend POST", "frontend GET", "railway GET", "github GET /", "github GET ")


async def play(world: World, story: Story) -> None:
    """Let it happen, and wait for its end."""
    await world.well()
    await world.counted()
    await story.happens(world)
    await world.ended()


def check(world: World, story: Story) -> None:
    """Nothing was done or told twice."""
    incident = world.seen["incidents"][0]
    done = Counter(each["action"] for each in incident["remediations"] if each["outcome"] != "not done")
    assert set(world.acts()) <= story.acts
    assert all(count == 1 for count in world.acts().values()), f"each takes effect once: {world.acts()}"
    assert all(count == 1 for count in done.values()), incident["remediations"]
    assert len(world.issues()) == 1
    told = Counter(world.told())
    assert all(count == 1 for count in told.values()), told
    assert set(told) <= {"agent-1", "escalated", "overdue", "resolved"}
    assert told["resolved"] == 1
    assert bool(told["escalated"]) is not story.heals
    if not story.heals:
        [issue] = world.issues()
        assert "needs-human" in {label.name for label in issue.labels}
        assert told["agent-1"] == 1


async def calls_of(folder: Path, story: Story) -> list[Call]:
    """Play a story undisturbed; gives the calls that are made once all is well."""
    async with gated(folder, **DURATIONS) as (world, gate), world.daemon():
        await world.well()
        before = len(gate.heard)
        await play(world, story)
        check(world, story)
        await world.settled()
        heard = gate.heard[before:]
    return [call for call in dict.fromkeys(heard) if call.writes or not call.name.startswith(PROBES)]


def points_of(calls: Iterable[Call], ways: Iterable[Way]) -> list[tuple[Call, Way]]:
    """Say what goes wrong in a story."""
    return [(call, way) for call in calls for way in ways if call.writes or way not in AFTERWARDS]


@pytest.mark.parametrize("name", STORIES)
async def test_each_call_goes_wrong_once(tmp_path: Path, name: str) -> None:
    story = STORIES[name]
    calls = await calls_of(tmp_path / "heard", story)

    starting = asyncio.Lock()  # migrations of two stores at once are more than one process can do

    async def run(number: int, call: Call, way: Way) -> None:
        async with AsyncExitStack() as stack:
            world, gate = await stack.enter_async_context(gated(tmp_path / str(number), **DURATIONS))
            async with starting:
                await stack.enter_async_context(world.daemon())
            await world.well()
            gate.arm(call, way, nobody_dies)
            await play(world, story)
            assert gate.struck.is_set() or not call.writes, "what is read may be known by then"
            check(world, story)

    await in_turn(points_of(calls, (*IN_PROCESS, Way.SILENCE)), run)


@pytest.mark.parametrize("name", STORIES)
async def test_it_is_killed_at_each_call(tmp_path: Path, name: str) -> None:
    story = STORIES[name]
    calls = await calls_of(tmp_path / "heard", story)

    async def run(number: int, call: Call, way: Way) -> None:
        async with (
            gated(tmp_path / str(number), **DURATIONS) as (world, gate),
            world.process() as kill,
        ):
            await world.well()
            gate.arm(call, way, kill)
            await play(world, story)
            assert gate.struck.is_set() or not call.writes, "what is read may be known by then"
            check(world, story)

    await in_turn(points_of(calls, KILLS), run)
