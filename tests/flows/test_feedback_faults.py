"""Each outside call on a feedback's way goes wrong once, in each way, or the daemon dies at it: one issue, one call."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from flows.gate import AFTERWARDS, KILLS, Call, Way
from flows.incident_world import World, until
from flows.turns import IN_PROCESS, gated, in_turn, nobody_dies

from devops_daemon.forge import Mark

pytestmark = pytest.mark.chaos
SETTINGS = {
    "RAILWAY_TOKEN_SW_FACTORY": "",
    "RAILWAY_WORKSPACE_TOKEN": "",
    "FEEDBACK_PROCESSOR_SECRET": "sandbox-feedback-secret",
    "FEEDBACK_INTERVAL": "300ms",
    "PULLS_INTERVAL": "1h",
    "TRIAGE_AGENT_TRIGGER": "@triage {reason}",
    "PROBE_TIMEOUT": "5s",
}
OF_FEEDBACK = ("backend GET /api/feedback", "backend PATCH", "github GET /issues", "github POST /issues")


async def play(world: World) -> None:
    """Let a user write, and wait until the product knows the issue."""
    row = world.product.add_feedback("The cart is empty", name="Maria")

    async def processed() -> bool:
        return world.product.database.feedback[row.id].github_issue_url is not None

    await until(processed, lambda: world.github.world.issues)


def check(world: World) -> None:
    """Nothing was done twice."""
    issues = list(world.github.world.issues.values())
    assert [Mark.at_end_of(issue.body or "") for issue in issues] == [Mark("feedback", "1")]
    said = Counter(comment.body for comment in world.github.world.comments_on(issues[0].number))
    assert list(said.values()) == [1], said
    assert world.product.database.feedback[1].github_issue_url == f"{world.github.git_url}/acme/shop/issues/1"


async def calls_of(folder: Path) -> list[Call]:
    async with gated(folder, **SETTINGS) as (world, gate), world.daemon():
        await world.up()
        before = len(gate.heard)
        await play(world)
        check(world)
        heard = dict.fromkeys(gate.heard[before:])
    return [call for call in heard if call.name.startswith(OF_FEEDBACK)]


@pytest.mark.parametrize("ways", [IN_PROCESS, tuple(sorted(KILLS))], ids=["lost", "killed"])
async def test_each_call_goes_wrong_once(tmp_path: Path, ways: tuple[Way, ...]) -> None:
    calls = await calls_of(tmp_path / "heard")
    assert len(calls) >= 5
    starting = asyncio.Lock()  # migrations of two stores at once are more than one process can do

    async def run(number: int, call: Call, way: Way) -> None:
        async with AsyncExitStack() as stack:
            world, gate = await stack.enter_async_context(gated(tmp_path / str(number), **SETTINGS))
            if way in KILLS:
                kill = await stack.enter_async_context(world.process())
            else:
                kill = nobody_dies
                async with starting:
                    await stack.enter_async_context(world.daemon())
            await world.up()
            gate.arm(call, way, kill)
            await play(world)
            async with asyncio.timeout(30):
                await gate.struck.wait()
            check(world)

    points = [(call, way) for call in calls for way in ways if call.writes or way not in AFTERWARDS]
    await in_turn(points, run)
