"""Each outside call of an incident fails once, in each way: it ends where it would have, and nothing is done twice."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from flows.incident_world import REDEPLOY, RESTART, ROLLBACK, World, open_world

pytestmark = pytest.mark.faults


@dataclass(frozen=True)
class Story:
    """A fault, and how it ends."""

    fault: str | None
    """What is switched on; None is a bad commit, and later a good one."""
    ends_with: frozenset[str] = frozenset()
    """What may have been done at Railway."""
    heals: bool = True


CALLS = {"restart": RESTART, "redeploy": REDEPLOY, "rollback": ROLLBACK}
STORIES = {
    "restart": Story("backend-503", frozenset({RESTART, REDEPLOY})),
    "redeploy": Story("backend-corrupt", frozenset({RESTART, REDEPLOY})),
    "rollback": Story(None, frozenset({ROLLBACK})),
    "never": Story("backend-500", frozenset({RESTART, REDEPLOY}), heals=False),
}
NOT_DONE, DONE = ("gateway-502", "lost-request"), "lost-answer"
AT_RAILWAY = (
    *(("restart", call, "lost-request") for call in ("Services", "Deployment")),
    ("rollback", "Deployments", "lost-request"),
    *(
        (name, call, way)
        for name, call in (("restart", RESTART), ("redeploy", REDEPLOY), ("rollback", ROLLBACK))
        for way in (*NOT_DONE, DONE)
    ),
)
AT_GITHUB = (
    *(("POST", "*/issues", way) for way in ("bad-gateway", "lost-request", DONE, "forbidden")),
    *(("PATCH", "*/issues/{issue_number}", way) for way in ("lost-request", "forbidden")),
    *(("POST", "*/issues/{issue_number}/comments", way) for way in ("bad-gateway", "lost-request", DONE, "forbidden")),
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
    remedies = world.seen["incidents"][0]["remediations"]
    asked = Counter(CALLS[each["action"]] for each in remedies)
    took_effect = Counter(each["action"] for each in remedies if each["outcome"] != "not done")
    assert set(world.acts()) <= story.ends_with
    assert world.acts() == dict(asked), "each is asked for once"
    assert all(count == 1 for count in took_effect.values()), remedies
    assert len(world.issues()) == 1
    assert all(count == 1 for count in Counter(world.told()).values()), world.told()
    assert set(world.told()) <= {"agent-1", "escalated", "overdue", "resolved"}
    assert "resolved" in world.told()
    assert ("escalated" in world.told()) is not story.heals


@pytest.mark.parametrize(("name", "call", "way"), AT_RAILWAY)
async def test_a_call_of_railway_fails_once(tmp_path: Path, name: str, call: str, way: str) -> None:
    async with open_world(tmp_path) as world, world.daemon():
        await world.well()
        world.railway.faults.switch_on(way, operation=call, times=1)
        await play(world, STORIES[name])
        check(world, STORIES[name])


@pytest.mark.parametrize(("method", "route", "way"), AT_GITHUB)
async def test_a_call_of_github_fails_once(tmp_path: Path, method: str, route: str, way: str) -> None:
    async with open_world(tmp_path) as world, world.daemon():
        await world.well()
        world.github.faults.switch_on(way, method=method, route=route, times=1)
        await play(world, STORIES["redeploy"])
        check(world, STORIES["redeploy"])


async def test_a_label_that_is_refused_once_is_put_all_the_same(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world, world.daemon():
        await world.well()
        route = "*/issues/{issue_number}/labels"
        world.github.faults.switch_on("forbidden", method="POST", route=route, times=1)
        await play(world, STORIES["never"])
        check(world, STORIES["never"])
        [issue] = world.issues()
        assert "needs-human" in {label.name for label in issue.labels}
