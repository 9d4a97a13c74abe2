"""Each outside call of a pull request's story goes wrong once, in each way, or kills the process: all happens once.

As for incidents, which calls there are is heard by playing each story once undisturbed; git's are among them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flows.gate import KILLS, Call, Gate, Way, open_gate
from flows.incident_world import World, open_world, until
from flows.pull_world import SHORT, a_pull, comments, deploying, merged, noted
from flows.turns import IN_PROCESS, in_turn, nobody_dies

pytestmark = pytest.mark.faults
DURATIONS = SHORT | {"PROBE_TIMEOUT": "2s", "MERGE_WAIT": "8s"}
LOG = "# Changes\n\n- first\n"


async def is_merged(world: World) -> None:
    """A green one is merged, and what it deployed is noted."""
    number = await a_pull(world, "fix/7-cart")
    await merged(world, number)
    await noted(world, number, "live and healthy")
    commits = await world.github.realm.history.commits("refs/heads/main")
    assert sum(f"(#{number})" in each.message for each in commits) == 1
    assert len(comments(world, number)) == 1
    assert world.acts() == {}


async def is_untangled(world: World) -> None:
    """One whose lines in a list conflict is put upon main, once, and keeps both."""
    number = await a_pull(world, "fix/7-x", green=False, files={"CHANGELOG.md": f"{LOG}- mine\n"})
    pull = world.github.world.pull(number).pull
    assert pull is not None
    before = pull.head_sha
    theirs = await world.github.push("main", {"CHANGELOG.md": f"{LOG}- theirs\n"}, login="mender")

    async def moved() -> bool:
        return pull.head_sha != before

    await until(moved, lambda: world.seen.get("pull_requests"))
    [commit] = await world.github.realm.history.commits(f"{theirs}..{pull.head_sha}")
    assert (commit.parents, commit.author.name) == ((theirs,), "mender")
    assert await world.github.realm.bare.git("show", f"{commit.sha}:CHANGELOG.md") == f"{LOG}- theirs\n- mine"
    assert comments(world, number) == []


async def is_made_anew(world: World) -> None:
    """One that nobody can mend is kept, closed once, and asked for once."""
    issue = await world.github.open_issue("mender", "The cart is wrong")
    number = await a_pull(world, f"fix/{issue.number}-x", green=False, files={"CHANGELOG.md": f"{LOG.upper()}- mine\n"})
    pull = world.github.world.pull(number).pull
    assert pull is not None
    await world.github.push("main", {"CHANGELOG.md": f"{LOG}- theirs\n"}, login="mender")

    async def asked_anew() -> bool:
        return any("devops-daemon:recreate:" in each.body for each in world.github.world.comments_on(issue.number))

    await until(asked_anew, lambda: world.seen.get("pull_requests"))
    kept = f"refs/devops/backup/pull-{number}/{pull.head_sha}"
    assert await world.github.realm.bare.sha(kept) == pull.head_sha
    assert not world.github.world.pull(number).is_open
    assert len(comments(world, number)) == 1
    said = [each.body.partition("<!-- devops-daemon:")[2] for each in world.github.world.comments_on(issue.number)]
    assert [each.split(":")[0] for each in said] == ["mend", "mend", "recreate"]
    assert len(set(said)) == len(said)


@dataclass(frozen=True)
class Story:
    """What is played, and with which settings beside the usual ones."""

    play: Callable[[World], Awaitable[None]]
    settings: tuple[tuple[str, str], ...] = ()


STORIES = {
    "merged": Story(is_merged),
    "untangled": Story(is_untangled),
    "made anew": Story(is_made_anew, (("MERGE_WAIT", "500ms"),)),
}


@asynccontextmanager
async def gated(folder: Path, story: Story) -> AsyncIterator[tuple[World, Gate]]:
    """Open a world of which every door leads through a gate, git's too."""
    folder.mkdir()
    async with open_world(folder, None, **(DURATIONS | dict(story.settings))) as world:
        world.github.add_account("mender", "write")
        await world.github.push("main", {"CHANGELOG.md": LOG}, login="mender")
        world.settings["GITHUB_URL"] = world.github.git_url
        names = ("RAILWAY_API_URL", "GITHUB_API_URL", "GITHUB_URL", "PRODUCTION_BACKEND_URL", "PRODUCTION_FRONTEND_URL")
        async with open_gate(**{name: world.settings[name] for name in names}) as gate, deploying(world):
            world.settings |= gate.settings
            yield world, gate


async def calls_of(folder: Path, story: Story) -> list[Call]:
    """Play it undisturbed; gives the calls of GitHub that are made for it."""
    async with gated(folder, story) as (world, gate), world.daemon():
        await world.well()
        before = len(gate.heard)
        await story.play(world)
        heard = dict.fromkeys(gate.heard[before:])
    return [call for call in heard if call.name.startswith("github ") and not call.name.startswith("github GET /user")]


@pytest.mark.parametrize("ways", [IN_PROCESS, tuple(sorted(KILLS))], ids=["lost", "killed"])
@pytest.mark.parametrize("name", STORIES)
async def test_each_call_goes_wrong_once(tmp_path: Path, name: str, ways: tuple[Way, ...]) -> None:
    story = STORIES[name]
    calls = await calls_of(tmp_path / "heard", story)
    assert calls
    starting = asyncio.Lock()  # migrations of two stores at once are more than one process can do

    async def run(number: int, call: Call, way: Way) -> None:
        async with AsyncExitStack() as stack:
            world, gate = await stack.enter_async_context(gated(tmp_path / str(number), story))
            if way in KILLS:
                kill = await stack.enter_async_context(world.process())
            else:
                kill = nobody_dies
                async with starting:
                    await stack.enter_async_context(world.daemon())
            await world.well()
            gate.arm(call, way, kill)
            await story.play(world)
            async with asyncio.timeout(10):  # what had its effect may not have been answered for yet
                await gate.struck.wait()

    await in_turn([(call, way) for call in calls for way in ways if call.writes or way is not Way.LOST_ANSWER], run)
