"""Situations of pull requests, over HTTP and with real git: each ends as its row says, with a reason that names it.

All of a repository are open at once, as they are in life.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flows.incident_world import World, open_world, until
from flows.pull_world import merged
from flows.turns import gated

from devops_daemon.sandbox.github.pulls import Thread

pytestmark = pytest.mark.chaos
MERGED, CLOSED, MOVED = "merged", "closed", "moved"
LINES = "".join(f"line {number}\n" for number in range(1, 21))
LOG = "# Changes\n\n- first\n"
SETTINGS = {"CHECKS_SETTLE": "200ms", "RAILWAY_TOKEN_SW_FACTORY": "", "RAILWAY_WORKSPACE_TOKEN": ""}


def with_line(number: int, text: str, of: str = LINES) -> str:
    lines = of.splitlines(keepends=True)
    lines[number - 1] = f"{text}\n"
    return "".join(lines)


@dataclass(frozen=True)
class Situation:
    """What a pull request is like, and what comes of it."""

    ends: str
    """The decision at which it stays, or what is done."""
    named: tuple[str, ...] = ()
    """What the reason must name; `{head}` is the head's short sha."""
    checks: Mapping[str, str | None] = field(default_factory=lambda: {"unit": "success"})
    statuses: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    branch: str = "fix/{place}-x"
    login: str = "mender"
    body: str | None = None
    base: str = "main"
    draft: bool = False
    fork: str | None = None
    files: tuple[Mapping[str, str], ...] = ()
    """By its commits; by default one of its own."""
    pushed_by: str | None = None
    """Who has pushed on it besides."""
    review: str | None = None
    thread_by: str | None = None


FREE: Mapping[str, Situation] = {
    "green": Situation(MERGED),
    "green, by a status": Situation(MERGED, checks={}, statuses={"ci/unit": "success"}),
    "neutral and skipped": Situation(MERGED, checks={"unit": "neutral", "docs": "skipped"}),
    "one runs": Situation("wait", ("check `lint`, under way on {head}",), checks={"unit": "success", "lint": None}),
    "a status is pending": Situation("wait", ("`ci/unit`, under way on {head}",), statuses={"ci/unit": "pending"}),
    "one has failed": Situation("leave", ("check `unit` has failed on {head}",), checks={"unit": "failure"}),
    "one was cancelled": Situation("leave", ("`unit` has failed",), checks={"unit": "cancelled"}),
    "two have failed": Situation(
        "leave", ("checks `lint`, `unit` have failed",), checks={"lint": "timed_out", "unit": "failure"}
    ),
    "a status is an error": Situation("leave", ("`ci/unit` has failed on {head}",), statuses={"ci/unit": "error"}),
    "none has reported": Situation("wait", ("no check has reported on {head}", "at least one must pass"), checks={}),
    "a draft": Situation("leave", ("a draft",), draft=True),
    "held by a label": Situation("leave", ("labelled `do-not-merge`",), labels=("do-not-merge",)),
    "another base": Situation("leave", ("its base is `release`, not `main`",), base="release"),
    "from a fork": Situation("leave", ("in the fork of eve",), login="eve", fork="eve"),
    "a person's": Situation("leave", ("it is ada's", "AGENT_LOGINS"), login="ada", branch="patch-{place}"),
    "a bot's that nobody named": Situation(
        "leave", ("renovate[bot]'s",), login="renovate[bot]", branch="renovate/{place}"
    ),
    "a person has pushed on it": Situation("leave", ("on it is by ada",), pushed_by="ada"),
    "a workflow is changed": Situation(
        "leave", ("`.github/workflows/ci.yml`", "PROTECTED_PATHS"), files=({".github/workflows/ci.yml": "on: push\n"},)
    ),
    "changes are requested": Situation("leave", ("changes are requested",), review="CHANGES_REQUESTED"),
    "for a user's feedback": Situation("leave", ("feedback (#1)", "FEEDBACK_MERGE"), body="Fixes #1"),
    "for a user's feedback, approved": Situation(MERGED, body="Closes #1", review="APPROVED"),
    "a person talks about it": Situation("leave", ("a conversation is not resolved (begun by ada)",), thread_by="ada"),
    "a bot talks about it": Situation(MERGED, thread_by="lint[bot]"),
    "approved though nobody must": Situation(MERGED, review="APPROVED"),
    "by a branch of another kind": Situation(MERGED, branch="claude/cart-{place}"),
}
CONFLICTS: Mapping[str, Situation] = {
    "both add to a list": Situation(MOVED, files=({"CHANGELOG.md": f"{LOG}- mine\n"},)),
    "main had it, and went on": Situation(CLOSED, files=({"had.py": "two\n"},)),
    "commits that undo each other": Situation(
        MERGED, files=({"app.py": with_line(3, "try")}, {"app.py": LINES}, {"undone.py": "mine\n"})
    ),
    "hopeless": Situation(
        "rebase", ("conflicts with `main` in `app.py`", "asked to mend it"), files=({"app.py": with_line(3, "mine")},)
    ),
    "hopeless, and a person's": Situation(
        "leave",
        ("it is ada's",),
        login="ada",
        branch="patch-{place}",
        files=({"app.py": with_line(3, "mine")},),
    ),
    "hopeless, and a person has pushed on it": Situation(
        "leave", ("on it is by ada",), files=({"app.py": with_line(3, "mine")},), pushed_by="ada"
    ),
    "hopeless, and a draft": Situation("leave", ("a draft",), draft=True, files=({"app.py": with_line(3, "mine")},)),
    "it is fine": Situation(MERGED),
}
REQUIRED: Mapping[str, Situation] = {
    "never reported": Situation("wait", ("`e2e`, required, never reported on {head}",)),
    "under way": Situation("wait", ("check `e2e`, required, under way on {head}",), checks={"e2e": None}),
    "failed": Situation("leave", ("check `e2e` has failed on {head}",), checks={"e2e": "failure"}),
    "passed, and what is not required failed": Situation(MERGED, checks={"e2e": "success", "lint": "failure"}),
    "passed, and what is not required runs": Situation(MERGED, checks={"e2e": "success", "lint": None}),
    "passed as a status": Situation(MERGED, checks={}, statuses={"e2e": "success"}),
    "passed, and changes are requested": Situation(
        "leave", ("changes are requested",), checks={"e2e": "success"}, review="CHANGES_REQUESTED"
    ),
}
REVIEWED: Mapping[str, Situation] = {
    "nobody has looked": Situation("leave", ("a review is required",)),
    "approved": Situation(MERGED, review="APPROVED"),
    "approved, and it runs": Situation("wait", ("`unit`", "under way"), checks={"unit": None}, review="APPROVED"),
}


async def opened(world: World, place: int, situation: Situation) -> int:
    """Let it be opened, and all be said about it that is said."""
    github, fork = world.github, situation.fork
    branch = situation.branch.format(place=place)
    sha = ""
    for files in situation.files or ({f"own/{place}.txt": "x\n"},):
        sha = await github.push(branch, files, login=situation.login, fork=fork)
    issue = await github.open_pull(
        situation.login,
        branch,
        f"Number {place}",
        body=situation.body,
        base=situation.base,
        draft=situation.draft,
        fork=fork,
    )
    assert issue.pull is not None
    if situation.pushed_by:
        sha = await github.push(branch, {f"own/{place}-more.txt": "y\n"}, login=situation.pushed_by)
    for name, conclusion in situation.checks.items():
        await github.report_check(sha, name, conclusion)
    for name, state in situation.statuses.items():
        await github.report_status(sha, name, state)
    if situation.labels:
        await github.label("ada", issue.number, *situation.labels)
    if situation.review:
        await github.review("ada", issue.number, situation.review)
    if situation.thread_by:
        issue.pull.threads.append(Thread(github.world.accounts.get(situation.thread_by)))
    return issue.number


async def ended(world: World, number: int, situation: Situation, was: str) -> None:
    """Wait until it has ended so; raises AssertionError where it does not."""
    pull = world.github.world.pull(number)
    assert pull.pull is not None
    part = pull.pull

    async def done() -> bool:
        return part.head_sha != was if situation.ends == MOVED else not pull.is_open

    if situation.ends == MERGED:
        await merged(world, number)
    elif situation.ends in {MOVED, CLOSED}:
        await until(done, lambda: world.seen.get("pull_requests"))
        assert part.merge_commit_sha is None
    else:
        await stays(world, number, situation, was)
        assert (pull.is_open, part.head_sha) == (True, was)


async def stays(world: World, number: int, situation: Situation, head: str) -> None:
    named = [each.format(head=head[:7]) for each in situation.named]

    def is_so(row: Mapping[str, str]) -> bool:
        told = row["decision"], all(each in row["reason"] for each in named)
        return told == (situation.ends, True)

    async def decided() -> bool:
        return any(row["number"] == number and is_so(row) for row in (await world.data())["pull_requests"])

    await until(decided, lambda: [row for row in world.seen.get("pull_requests", ()) if row["number"] == number])


async def open_all(world: World, table: Mapping[str, Situation]) -> dict[str, tuple[int, str]]:
    """Open one of each; gives their numbers and heads."""
    github = world.github
    for login in ("mender", "ada", "renovate[bot]", "lint[bot]"):
        github.add_account(login, "write")
    github.add_account("eve")
    await github.open_issue("ada", "It is slow", labels=("user-feedback",))
    await github.push("main", {"app.py": LINES, "CHANGELOG.md": LOG, "had.py": "one\n"}, login="mender")
    await github.push("release", {"release.txt": "1\n"}, login="mender")
    found = {}
    for place, (name, situation) in enumerate(table.items(), start=100):
        number = await opened(world, place, situation)
        part = github.world.pull(number).pull
        assert part is not None
        found[name] = number, part.head_sha
    return found


async def each_ends(world: World, table: Mapping[str, Situation], opened_: Mapping[str, tuple[int, str]]) -> None:
    async def one(name: str, situation: Situation) -> str | None:
        try:
            await ended(world, opened_[name][0], situation, opened_[name][1])
        except AssertionError as error:
            return f"{name}: {error}"
        return None

    failed = await asyncio.gather(*(one(*each) for each in table.items()))
    assert not any(failed), "\n".join(filter(None, failed))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, None, **SETTINGS, PULLS_INTERVAL="500ms") as opened_:
        opened_.settings |= {"GITHUB_URL": opened_.github.git_url}
        yield opened_


async def test_where_nothing_is_required(world: World) -> None:
    numbers = await open_all(world, FREE)
    async with world.daemon():
        await each_ends(world, FREE, numbers)
    assert writes_on_persons(world) == []


async def test_without_webhooks_all_is_decided_within_two_looks(tmp_path: Path) -> None:
    """A third look would get no answer."""
    both = {**FREE, **CONFLICTS}
    table = {name: situation for name, situation in both.items() if situation.ends != MERGED}
    pages = math.ceil(len(table) / 20)
    async with gated(tmp_path / "world", **SETTINGS, PULLS_INTERVAL="1h") as (world, gate):
        world.settings |= {"GITHUB_URL": world.github.git_url}
        gate.most["github OpenPullRequests"] = 2 * pages
        numbers = await open_all(world, table)
        await main_moves(world)
        async with world.daemon():
            await each_ends(world, table, numbers)


async def test_where_a_check_is_required(world: World) -> None:
    world.github.protect("e2e")
    numbers = await open_all(world, REQUIRED)
    async with world.daemon():
        await each_ends(world, REQUIRED, numbers)


async def test_where_a_check_is_required_by_a_ruleset(world: World) -> None:
    world.github.protect("e2e", by_ruleset=True)
    numbers = await open_all(world, REQUIRED)
    async with world.daemon():
        await each_ends(world, REQUIRED, numbers)


async def test_where_a_review_is_required(world: World) -> None:
    world.github.protect(approvals=1)
    numbers = await open_all(world, REVIEWED)
    async with world.daemon():
        await each_ends(world, REVIEWED, numbers)


async def test_where_main_has_moved(world: World) -> None:
    numbers = await open_all(world, CONFLICTS)
    await main_moves(world)
    async with world.daemon():
        await each_ends(world, CONFLICTS, numbers)
    assert writes_on_persons(world) == []


async def main_moves(world: World) -> None:
    moved = {"app.py": with_line(3, "theirs"), "CHANGELOG.md": f"{LOG}- theirs\n"}
    await world.github.push("main", moved, login="ada")
    await world.github.push("main", {"had.py": "two\n"}, login="ada")
    await world.github.push("main", {"had.py": "three\n"}, login="ada")


def writes_on_persons(world: World) -> list[str]:
    """What was written on pull requests of people."""
    persons = [each for each in world.github.world.pulls() if each.author.login == "ada"]
    assert persons
    return [comment.body for each in persons for comment in world.github.world.comments_on(each.number)]
