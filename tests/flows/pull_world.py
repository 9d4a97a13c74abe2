"""Pull requests of the sandbox's GitHub: opened, decided about, merged, deployed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from flows.incident_world import World, until

from devops_daemon.forge import Mark
from devops_daemon.sandbox.railway.commits import FailsAt

SHORT = {"PULLS_INTERVAL": "500ms", "CHECKS_SETTLE": "1s", "MERGE_WAIT": "1m"}
MERGE = "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge"


async def a_pull(
    world: World, branch: str, *, body: str | None = None, green: bool = True, files: Mapping[str, str] | None = None
) -> int:
    """Let an agent open a pull request, and its CI pass."""
    if world.github.world.accounts.find("mender") is None:
        world.github.add_account("mender", "write")
    sha = await world.github.push(branch, files or {f"{branch}.txt": "x\n"}, login="mender")
    number = (await world.github.open_pull("mender", branch, f"Change {branch}", body=body)).number
    await world.github.report_check(sha, "unit", "success" if green else None)
    return number


async def decided(world: World, number: int, verb: str, reason: str = "") -> dict[str, Any]:
    """Wait until this is decided about it; gives the row."""

    async def found() -> dict[str, Any] | None:
        rows = (await world.data())["pull_requests"]
        fits = (row for row in rows if row["number"] == number and row["decision"] == verb and reason in row["reason"])
        return next(fits, None)

    row: dict[str, Any] = await until(found, lambda: world.seen.get("pull_requests"))
    return row


async def merged(world: World, number: int) -> str:
    """Wait until it is merged; gives the commit."""

    async def found() -> str | None:
        pull = world.github.world.pull(number).pull
        return pull.merge_commit_sha if pull else None

    commit: str = await until(found, lambda: world.seen.get("pull_requests"))
    return commit


def comments(world: World, number: int) -> list[str]:
    return [each.body for each in world.github.world.comments_on(number)]


async def noted(world: World, number: int, text: str) -> str:
    """Wait until this stands on it; gives the one comment."""

    async def found() -> str | None:
        return next((each for each in comments(world, number) if text in each), None)

    note: str = await until(found, lambda: comments(world, number))
    assert len(comments(world, number)) == 1
    assert (mark := Mark.at_end_of(note)) is not None
    assert mark.kind == "pull"
    return note


@asynccontextmanager
async def deploying(
    world: World, brings: Callable[[str], frozenset[str]] = lambda _: frozenset(), fails_at: FailsAt | None = None
) -> AsyncIterator[asyncio.Event]:
    """Let Railway deploy what comes into main, as it does where it is connected to the repository.

    Gives the event that lets it: it is set, and as long as a test has it cleared, Railway hears of nothing.
    """
    hears = asyncio.Event()
    hears.set()

    async def watch() -> None:
        last = await world.github.realm.bare.sha("refs/heads/main")
        while True:
            sha = await world.github.realm.bare.sha("refs/heads/main")
            if sha and sha != last:
                last = sha
                await hears.wait()
                world.railway.push("backend", sha=sha, brings=brings(sha), fails_at=fails_at)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(watch())
    try:
        yield hears
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
