"""Conflicts over HTTP, with real git: what a way solves is pushed, what none solves is asked for; nothing is lost."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from flows.incident_world import World, open_world, until
from flows.pull_world import SHORT, a_pull, comments, decided, merged

from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.issues import Issue

pytestmark = pytest.mark.chaos
LINES = "".join(f"line {number}\n" for number in range(1, 21))


def with_line(number: int, text: str, of: str = LINES) -> str:
    lines = of.splitlines(keepends=True)
    lines[number - 1] = f"{text}\n"
    return "".join(lines)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, None, **SHORT) as opened:
        opened.settings |= {"GITHUB_URL": opened.github.git_url}
        opened.github.add_account("mender", "write")
        await opened.github.push("main", {"app.py": LINES, "CHANGELOG.md": "# Changes\n\n- first\n"}, login="mender")
        yield opened


async def head_is_not(world: World, number: int, sha: str) -> str:
    """Wait until the head has moved; gives it."""
    pull = world.github.world.pull(number).pull
    assert pull is not None

    async def moved() -> str | None:
        return pull.head_sha if pull.head_sha != sha else None

    found: str = await until(moved, lambda: world.seen.get("pull_requests"))
    return found


async def content(world: World, revision: str, path: str) -> str:
    return await world.github.realm.bare.git("show", f"{revision}:{path}")


def head(world: World, number: int) -> str:
    pull = world.github.world.pull(number).pull
    assert pull is not None
    return pull.head_sha


def bearing(world: World, kind: str) -> list[Issue]:
    """The issues on which a comment with such a mark stands."""
    sign = f"<!-- devops-daemon:{kind}:"
    comments_on = world.github.world.comments_on
    return [
        issue
        for issue in world.github.world.issues.values()
        if any(sign in comment.body for comment in comments_on(issue.number))
    ]


async def test_lines_that_two_pull_requests_add_to_a_list_are_both_kept(world: World) -> None:
    log = "# Changes\n\n- first\n"
    number = await a_pull(world, "fix/7-x", green=False, files={"CHANGELOG.md": f"{log}- mine\n"})
    before = head(world, number)
    await world.github.push("main", {"CHANGELOG.md": f"{log}- theirs\n"}, login="mender")
    async with world.daemon():
        after = await head_is_not(world, number, before)
        await world.github.report_check(after, "unit")
        commit = await merged(world, number)
    assert await content(world, commit, "CHANGELOG.md") == f"{log}- theirs\n- mine"
    assert comments(world, number) == []


async def test_what_stands_upon_a_parent_that_was_squash_merged_is_put_upon_main(world: World) -> None:
    parent = await a_pull(world, "fix/6-parent", green=False, files={"app.py": with_line(3, "step one")})
    await world.github.push("fix/6-parent", {"app.py": with_line(3, "step two")}, login="mender")
    mine = with_line(12, "mine", with_line(3, "step two"))
    sha = await world.github.push("fix/7-child", {"app.py": mine}, login="mender", onto="fix/6-parent")
    number = (await world.github.open_pull("mender", "fix/7-child")).number
    await world.github.merge_pull("mender", parent, "squash")
    await world.github.push("main", {"app.py": with_line(3, "step three")}, login="mender")
    async with world.daemon():
        after = await head_is_not(world, number, sha)
    assert await content(world, after, "app.py") + "\n" == with_line(12, "mine", with_line(3, "step three"))


async def test_what_main_has_already_is_closed_with_the_commit_that_has_it(world: World) -> None:
    number = await a_pull(world, "fix/7-x", green=False, files={"app.py": with_line(3, "three")})
    has_it = await world.github.push("main", {"app.py": with_line(3, "three")}, "by hand", login="mender")
    await world.github.push("main", {"app.py": with_line(3, "THREE")}, login="mender")
    async with world.daemon():
        await closed(world, number)
    [note] = comments(world, number)
    assert f"`main` has all of this already, by {has_it}" in note
    backup = await world.github.realm.bare.sha(f"refs/devops/backup/pull-{number}/{head(world, number)}")
    assert backup == head(world, number)


async def test_a_conflict_is_seen_and_solved_while_github_has_not_found_it_out_yet(world: World) -> None:
    world.github.realm.mergeability.delay = timedelta(hours=1)
    log = "# Changes\n\n- first\n"
    number = await a_pull(world, "fix/7-x", green=False, files={"CHANGELOG.md": f"{log}- mine\n"})
    other = await a_pull(world, "fix/8-y")
    before = head(world, number)
    await world.github.push("main", {"CHANGELOG.md": f"{log}- theirs\n"}, login="mender")
    async with world.daemon():
        after = await head_is_not(world, number, before)
        await decided(world, other, "wait", "GitHub computes whether it can be merged")
    assert await content(world, after, "CHANGELOG.md") == f"{log}- theirs\n- mine"


async def closed(world: World, number: int) -> None:
    async def is_closed() -> bool:
        return not world.github.world.pull(number).is_open

    await until(is_closed, lambda: world.seen.get("pull_requests"))


async def hopeless(world: World) -> int:
    """An agent's pull request for issue 1, that conflicts with main where no way helps."""
    issue = await world.github.open_issue("mender", "The cart is wrong")
    mine = with_line(3, "mine @code fixes #99")
    number = await a_pull(world, f"fix/{issue.number}-x", green=False, files={"app.py": mine})
    await world.github.push("main", {"app.py": with_line(3, "theirs")}, login="mender")
    return number


async def test_what_no_way_solves_the_agent_is_asked_to_mend_and_what_it_made_is_remembered(world: World) -> None:
    number = await hopeless(world)
    before = head(world, number)
    async with world.daemon():
        await decided(world, number, "rebase", "the Code Agent was asked to mend it")
        [issue] = bearing(world, "mend")
        [call] = world.github.world.comments_on(issue.number)
        assert issue.number == 1
        assert call.body.startswith(f"@code Pull request #{number} conflicts with main in `app.py`.")
        assert "@code" not in call.body[5:], "what stands in the conflict calls nobody"
        assert "theirs" in call.body
        await world.github.push(f"fix/{issue.number}-x", {"app.py": with_line(3, "both")}, login="mender", onto="main")
        after = await head_is_not(world, number, before)
        await world.github.report_check(after, "unit")
        await merged(world, number)
        await until(lambda: is_learnt(world))
    assert comments(world, number) == []


async def test_a_conflict_that_was_solved_before_is_solved_as_it_was_then(world: World) -> None:
    number = await hopeless(world)
    onto = await world.github.realm.bare.sha("refs/heads/main~1")
    async with world.daemon():
        await decided(world, number, "rebase", "the Code Agent was asked to mend it")
        await world.github.push("fix/1-x", {"app.py": with_line(3, "both")}, login="mender", onto="main")
        await until(lambda: is_learnt(world))
        mine = {"app.py": with_line(3, "mine @code fixes #99"), "other.py": "x\n"}
        sha = await world.github.push("fix/2-y", mine, login="mender", onto=onto)
        other = (await world.github.open_pull("mender", "fix/2-y")).number
        after = await head_is_not(world, other, sha)
    assert await content(world, after, "app.py") + "\n" == with_line(3, "both")
    assert await content(world, after, "other.py") == "x"
    assert [issue.number for issue in bearing(world, "mend")] == [1]


async def is_learnt(world: World) -> bool:
    return any((world.folder / "git").rglob("solved/*.after"))


async def test_what_nobody_mends_is_kept_closed_and_made_anew(world: World) -> None:
    number = await hopeless(world)
    before = head(world, number)
    async with world.daemon(MERGE_WAIT="300ms"):
        await closed(world, number)
        await until(lambda: is_asked_anew(world))
    kept = f"refs/devops/backup/pull-{number}/{before}"
    assert await world.github.realm.bare.sha(kept) == before
    assert head(world, number) == before, "the branch is left as it is"
    [note] = comments(world, number)
    assert note.startswith("Closed: it conflicts with `main` in `app.py`")
    assert f"`git fetch origin {kept}`" in note
    told = [comment.body for comment in world.github.world.comments_on(1)]
    assert [body.partition("<!--")[2].split(":")[1] for body in told] == ["mend", "mend", "recreate"]
    assert "Please make it anew" in told[-1]
    async with world.daemon():
        await world.up()
        await decided(world, await a_pull(world, "fix/9-y", green=False), "wait", "under way")
    assert len(world.github.world.comments_on(1)) == 3


async def is_asked_anew(world: World) -> bool:
    return bool(bearing(world, "recreate"))


async def test_for_what_names_no_issue_one_is_opened(world: World) -> None:
    number = await a_pull(world, "claude/mend-cart", green=False, files={"app.py": with_line(3, "mine")})
    await world.github.push("main", {"app.py": with_line(3, "theirs")}, login="mender")
    async with world.daemon():
        await decided(world, number, "rebase", "the Code Agent was asked to mend it")
    [issue] = bearing(world, "mend")
    assert issue.title == f"Pull request {number} conflicts: Change claude/mend-cart"
    assert [label.name for label in issue.labels] == ["automation"]


async def test_where_its_branch_names_no_issue_that_is_there_one_is_opened_too(world: World) -> None:
    number = await a_pull(world, "fix/77-x", green=False, files={"app.py": with_line(3, "mine")})
    await world.github.push("main", {"app.py": with_line(3, "theirs")}, login="mender")
    async with world.daemon():
        await decided(world, number, "rebase", "the Code Agent was asked to mend it")
    [issue] = bearing(world, "mend")
    assert issue.title.startswith(f"Pull request {number} conflicts")


async def test_what_a_person_has_approved_is_not_closed(world: World) -> None:
    number = await hopeless(world)
    world.github.add_account("ada", "write")
    await world.github.review("ada", number)
    async with world.daemon(MERGE_WAIT="200ms"):
        await until(lambda: is_asked_twice(world))
        other = await a_pull(world, "fix/9-y", files={"b.txt": "x"})
        await merged(world, other)
        await decided(world, number, "rebase", "the Code Agent was asked to mend it")
    assert world.github.world.pull(number).is_open


async def is_asked_twice(world: World) -> bool:
    return sum("devops-daemon:mend:" in each.body for each in world.github.world.comments_on(1)) == 2


async def test_what_may_not_be_pushed_is_asked_of_the_agent(world: World) -> None:
    log = "# Changes\n\n- first\n"
    number = await a_pull(world, "fix/7-x", green=False, files={"CHANGELOG.md": f"{log}- mine\n"})
    await world.github.push("main", {"CHANGELOG.md": f"{log}- theirs\n"}, login="mender")
    world.github.protect("unit", branch="fix/7-x")
    world.github.world.accounts.get(world.github.operator).role = Role.WRITE
    async with world.daemon():
        await decided(world, number, "rebase", "it may not be pushed")
        await until(lambda: is_asked(world))


async def is_asked(world: World) -> bool:
    return bool(bearing(world, "mend"))


async def test_without_an_agent_a_person_is_waited_for(world: World) -> None:
    number = await hopeless(world)
    async with world.daemon(CODE_AGENT_TRIGGER="off"):
        await decided(world, number, "rebase", "which no way solves; a person must")
    assert world.github.world.pull(number).is_open
    assert world.github.world.comments_on(1) == []


@pytest.mark.parametrize("how", ["paused", "dry"])
async def test_while_it_is_paused_or_dry_no_branch_is_touched(world: World, how: str) -> None:
    async with world.daemon(DRY_RUN="true" if how == "dry" else "false"):
        await world.up()
        if how == "paused":
            await world.act("pause")
        number = await hopeless(world)
        before = head(world, number)
        await decided(world, number, "rebase", "conflicts with `main`")
        await decided(world, await a_pull(world, "fix/9-y", green=False), "wait", "under way")
    assert head(world, number) == before
    assert world.github.world.comments_on(1) == []


async def test_a_persons_conflict_gets_no_write_at_all(world: World) -> None:
    world.github.add_account("ada", "write")
    sha = await world.github.push("patch-1", {"app.py": with_line(3, "mine")}, login="ada")
    number = (await world.github.open_pull("ada", "patch-1")).number
    await world.github.push("main", {"app.py": with_line(3, "theirs")}, login="mender")
    async with world.daemon():
        await decided(world, number, "leave", "it is ada's")
        other = await a_pull(world, "fix/8-x", files={"b.txt": "x"})
        await merged(world, other)
    assert head(world, number) == sha
    assert world.github.world.pull(number).is_open
    assert comments(world, number) == []
