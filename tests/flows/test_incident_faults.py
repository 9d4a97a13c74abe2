"""Each outside call of an incident fails once, in each way: it ends where it would have, and nothing is done twice."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from flows.incident_world import REDEPLOY, RESTART, ROLLBACK, World, open_world

pytestmark = pytest.mark.chaos


@dataclass(frozen=True)
class Story:
    """A fault, and how it ends."""

    fault: str | None
    """What is switched on; None is a bad commit, and later a good one."""
    ends_with: frozenset[str] = frozenset()
    """What may have been done at Railway."""
    heals: bool = True


STORIES = {
    "restart": Story("backend-503", frozenset({RESTART, REDEPLOY})),
    "redeploy": Story("backend-corrupt", frozenset({RESTART, REDEPLOY})),
    "rollback": Story(None, frozenset({ROLLBACK})),
    "never": Story("backend-500", frozenset({RESTART, REDEPLOY}), heals=False),
}
WAYS_AT_RAILWAY = ("gateway-502", "lost-request", "lost-answer")
WAYS_AT_GITHUB = ("bad-gateway", "lost-request", "lost-answer", "forbidden")
READS = ("Services", "Deployments", "Deployment", "DeploymentSteps", "DeploymentLogs", "DeployedVariables")
AT_RAILWAY = (
    *(("restart", call) for call in (*READS, RESTART)),
    ("redeploy", REDEPLOY),
    *(("rollback", call) for call in ("Services", "Deployments", ROLLBACK)),
)
AT_GITHUB = (
    ("POST", "*/issues"),
    ("PATCH", "*/issues/{issue_number}"),
    ("POST", "*/issues/{issue_number}/comments"),
)


async def play(world: World, story: Story) -> None:
    """Let it happen, and wait for its end."""
    await world.well()
    if story.fault is None:
        world.railway.push("backend", brings=frozenset({"backend-500"}))
        await world.remedied("helped")
        world.railway.push("backend")
    else:
        await world.product.switch_on(story.fault)
        if not story.heals:
            await world.incident("escalated")
            await world.product.mend()
    await world.ended()


def check(world: World, story: Story) -> None:
    """Nothing was done or told twice."""
    assert set(world.acts()) <= story.ends_with
    assert all(count == 1 for count in done(world).values()), done(world)
    assert len(world.issues()) == 1
    assert all(count == 1 for count in Counter(world.told()).values()), world.told()
    assert set(world.told()) <= {"agent-1", "escalated", "overdue", "resolved"}
    assert "resolved" in world.told()
    assert ("escalated" in world.told()) is not story.heals


def done(world: World) -> Counter[str]:
    """What took effect at Railway, whatever was asked for: by kind."""
    return Counter(world.acts())


@pytest.mark.parametrize("way", WAYS_AT_RAILWAY)
@pytest.mark.parametrize(("name", "call"), AT_RAILWAY)
async def test_a_call_of_railway_fails_once(tmp_path: Path, name: str, call: str, way: str) -> None:
    async with open_world(tmp_path) as world, world.daemon():
        await world.well()
        world.railway.faults.switch_on(way, operation=call, times=1)
        await play(world, STORIES[name])
        check(world, STORIES[name])


@pytest.mark.parametrize("way", WAYS_AT_GITHUB)
@pytest.mark.parametrize("call", AT_GITHUB, ids=" ".join)
async def test_a_call_of_github_fails_once(tmp_path: Path, call: tuple[str, str], way: str) -> None:
    async with open_world(tmp_path) as world, world.daemon():
        await world.well()
        world.github.faults.switch_on(way, method=call[0], route=call[1], times=1)
        await play(world, STORIES["redeploy"])
        check(world, STORIES["redeploy"])


@pytest.mark.parametrize("way", WAYS_AT_GITHUB)
async def test_a_label_that_fails_once_is_put_all_the_same(tmp_path: Path, way: str) -> None:
    async with open_world(tmp_path) as world, world.daemon():
        await world.well()
        world.github.faults.switch_on(way, method="POST", route="*/issues/{issue_number}/labels", times=1)
        await play(world, STORIES["never"])
        check(world, STORIES["never"])
        [issue] = world.issues()
        assert "needs-human" in {label.name for label in issue.labels}
