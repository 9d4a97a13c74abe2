"""One push to main, a hundred open pull requests, 28 of which conflict with it: how long until all are decided.

The sandbox's GitHub answers, over HTTP and with real git; its own work is part of the time. Beside it: what a fresh
clone and a rebase take for each. Figures: README.md.
"""

import asyncio
import subprocess
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from devops_daemon.adapters.git import command
from devops_daemon.adapters.git.clone import GitClone
from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.deployments import DeploymentRows
from devops_daemon.adapters.store.pulls import PullRows
from devops_daemon.calling import trigger
from devops_daemon.connections import asked_of_github, github, utc_now
from devops_daemon.model import Incident
from devops_daemon.pulls.agent import Agent
from devops_daemon.pulls.land import Land, Manner, Sources
from devops_daemon.pulls.ownership import Agents
from devops_daemon.pulls.policy import Terms
from devops_daemon.pulls.tend import Tend
from devops_daemon.pulls.untangle import Shop, Untangle
from devops_daemon.pulls.verdict import Patience
from devops_daemon.redaction import Redactor
from devops_daemon.sandbox.github.github import GitHub
from devops_daemon.settings import read

FILES, COMMITS, PULLS, CONFLICTS, CLONED = 1000, 5000, 100, 28, 5
LINES = "".join(f"line {number}\n" for number in range(1, 41))


def history() -> bytes:
    """Write a history as `git fast-import` reads it: all files, then many small commits."""
    out = ["reset refs/heads/main\n"]
    for place in range(COMMITS):
        message = f"change {place}"
        out.append(f"commit refs/heads/main\ncommitter Ada <ada@example.com> {1_700_000_000 + place} +0000\n")
        out.append(f"data {len(message)}\n{message}\n")
        touched = range(FILES) if place == 0 else [place % FILES]
        for number in touched:
            text = f"{LINES}end {place}\n"
            out.append(f"M 100644 inline src/f{number:04}.py\ndata {len(text)}\n{text}\n")
    return "".join(out).encode()


async def main() -> None:
    """Run it, and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        async with GitHub("acme/shop") as sandbox:
            await fill(sandbox)
            await measure(sandbox, Path(folder))
            await beside(sandbox, Path(folder))


async def fill(sandbox: GitHub) -> None:
    """Make the repository and its pull requests."""
    sandbox.add_account("mender", "write")
    await sandbox.realm.bare.git("fast-import", "--quiet", "--force", told=history())
    text = await sandbox.realm.bare.git("show", "refs/heads/main:src/f0000.py")
    for place in range(PULLS):
        path = f"src/f{place:04}.py"
        mine = (await sandbox.realm.bare.git("show", f"refs/heads/main:{path}")).replace("line 3\n", f"mine {place}\n")
        sha = await sandbox.push(f"fix/{place}-x", {path: f"{mine}\n"}, login="mender")
        await sandbox.open_pull("mender", f"fix/{place}-x", f"Change {place}")
        await sandbox.report_check(sha, "unit", None)
    assert "line 3" in text  # noqa: S101 # what the changes are about


async def measure(sandbox: GitHub, folder: Path) -> None:
    """Push to main, and look until all is decided and every conflict was worked on."""
    processes = count_processes()
    asked = asked_of_github(
        read(
            {
                "GITHUB_REPOSITORY": sandbox.repository,
                "GITHUB_TOKEN": sandbox.user_token,
                "GITHUB_API_URL": sandbox.api_url,
            }
        )
    )
    assert asked is not None  # noqa: S101 # a token is given
    store = SqliteDatabase(folder / "store.db")
    await store.open()
    async with github(asked, Redactor(())) as forge:
        rows = PullRows(store)
        agent = Agent(forge, trigger("off"))
        patience = Patience(timedelta(minutes=10), timedelta(minutes=1))
        sources = Sources(forge, rows, DeploymentRows(store), nothing, lambda: patience, agent, quiet)
        land = Land(sources, Manner("squash", lambda _: None), utc_now)
        url = f"{sandbox.git_url}/{sandbox.repository}.git"
        clone = GitClone(folder / "clone.git", url, sandbox.git_url, forge.git_token)
        untangle = Untangle(Shop(clone, forge, rows, land, agent, timedelta(hours=1)), utc_now)
        terms = Terms(Agents((), ("fix/*",)))
        tend = Tend(sources, land, terms, not_paused, utc_now, every=timedelta(minutes=1), untangle=untangle)
        await clone.fetch("main", [])
        await tend.look()
        changed = {f"src/f{place:04}.py": LINES.replace("line 3\n", "theirs\n") + "end\n" for place in range(CONFLICTS)}
        await sandbox.push("main", changed, login="mender")
        before, calls, began = len(processes), sum(sandbox.calls.values()), time.perf_counter()
        looks = 0
        while True:
            looks += 1
            await tend.look()
            if len(await rows.knots(utc_now() - timedelta(days=1))) == CONFLICTS:
                break
        seconds = time.perf_counter() - began
        print(f"{PULLS} decided, {CONFLICTS} conflicts tried, in {seconds:.1f} s by {looks} looks")
        print(f"{len(processes) - before} git processes, {sum(sandbox.calls.values()) - calls} requests")
    await store.close()


async def beside(sandbox: GitHub, folder: Path) -> None:
    """Take a fresh clone and a rebase for some, and reckon it for all."""
    url = f"{sandbox.git_url}/{sandbox.repository}.git"
    began = time.perf_counter()
    for place in range(CLONED):
        where = folder / f"fresh{place}"
        await asyncio.to_thread(subprocess.run, ["git", "clone", "--quiet", url, str(where)], check=True)
        for step in (["checkout", "--quiet", f"fix/{place}-x"], ["rebase", "--quiet", "main"], ["rebase", "--abort"]):
            await asyncio.to_thread(subprocess.run, ["git", *step], cwd=where, check=False, capture_output=True)
    each = (time.perf_counter() - began) / CLONED
    print(f"a fresh clone and a rebase: {each:.2f} s each, {each * PULLS:.0f} s for {PULLS}")


async def nothing() -> list[Incident]:
    """No incident is open."""
    return []


async def quiet(_: object) -> str:
    """No deployment has said anything."""
    return ""


async def not_paused() -> None:
    """Nobody has paused it."""


def count_processes() -> list[str]:
    """Count the runs of git."""
    runs: list[str] = []
    start = asyncio.create_subprocess_exec

    async def counted(program: str, *arguments: str, **how: object) -> asyncio.subprocess.Process:
        runs.append(arguments[0])
        return await start(program, *arguments, **how)  # type: ignore[arg-type] # as they came

    command.asyncio.create_subprocess_exec = counted  # type: ignore[attr-defined] # only to count
    return runs


if __name__ == "__main__":
    asyncio.run(main())
