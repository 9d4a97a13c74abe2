"""The clone, on the sandbox's GitHub over HTTP: fetched, broken and made anew, pushed from with a lease."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from adapters.github_world import World, open_world

from devops_daemon.adapters.git.clone import GitClone
from devops_daemon.adapters.git.command import GitError, output, run
from devops_daemon.ports import RefusedError, StaleError, UnavailableError
from devops_daemon.untangling import Stuck, Tangle, Untangled


@dataclass
class Place:
    """A GitHub, and a clone of its repository."""

    world: World
    clone: GitClone
    folder: Path

    async def pull(self, branch: str, **files: str) -> tuple[int, str]:
        """Open a pull request; gives its number and head."""
        sha = await self.world.github.push(branch, files, login="ada")
        return (await self.world.github.open_pull("ada", branch)).number, sha

    async def branch(self, name: str) -> str | None:
        return await self.world.github.realm.bare.sha(f"refs/heads/{name}")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_world() as world:

        async def token() -> str:
            return world.github.user_token

        folder = tmp_path / "acme-shop.git"
        url = f"{world.github.git_url}/acme/shop.git"
        yield Place(world, GitClone(folder, url, world.github.git_url, token), folder)


async def test_a_branch_and_the_heads_of_pull_requests_are_fetched(place: Place) -> None:
    number, sha = await place.pull("fix/7-x", **{"app.py": "print('x')\n"})
    base = await place.clone.fetch("main", [number])
    assert base == await place.branch("main")
    assert await place.clone.conflicting(base, [sha]) == set()
    moved = await place.world.github.push("main", {"app.py": "print('y')\n"})
    assert await place.clone.fetch("main", [number]) == moved
    assert await place.clone.conflicting(moved, [sha, "f" * 40]) == {sha}


async def yes() -> bool:
    return True


async def test_of_a_large_repository_contents_are_fetched_when_they_are_needed(place: Place) -> None:
    github, url = place.world.github, f"{place.world.github.git_url}/acme/shop.git"
    log = "# Changes\n\n- first\n"
    big = {f"data/{number}.txt": f"{number}\n" * 50 for number in range(20)}
    await github.push("main", {"CHANGELOG.md": log, "app.py": "1\n", **big})
    number, head = await place.pull("fix/7-x", **{"CHANGELOG.md": f"{log}- mine\n"})
    hopeless, other = await place.pull("fix/8-y", **{"app.py": "2\n"})
    await github.push("main", {"CHANGELOG.md": f"{log}- theirs\n", "app.py": "3\n"})

    async def token() -> str:
        return github.user_token

    large = GitClone(place.folder.parent / "large.git", url, github.git_url, token, yes)
    base = await large.fetch("main", [number, hopeless])
    missing = await output("rev-list", "--objects", "--all", "--missing=print", where=place.folder.parent / "large.git")
    assert sum(line.startswith(b"?") for line in missing.splitlines()) >= 20
    found = await large.untangle(Tangle(number, head, base, append_only=("CHANGELOG.md",)))
    assert isinstance(found, Untangled), found
    await large.push("fix/7-x", found.sha, head)
    assert await place.branch("fix/7-x") == found.sha
    stuck = await large.untangle(Tangle(hopeless, other, base))
    assert isinstance(stuck, Stuck)
    assert stuck.files == ("app.py",)
    await large.tidy()
    await github.close_api()
    later = await output("rev-list", "--objects", "--all", "--missing=print", where=place.folder.parent / "large.git")
    assert sum(line.startswith(b"?") for line in later.splitlines()) >= 20, "only what was needed has come"


async def test_what_a_large_repositorys_forge_does_not_give_now_is_told_and_breaks_nothing(place: Place) -> None:
    github, url = place.world.github, f"{place.world.github.git_url}/acme/shop.git"
    await github.push("main", {"app.py": "1\n"})
    number, head = await place.pull("fix/8-y", **{"app.py": "2\n"})
    await github.push("main", {"app.py": "3\n"})

    async def token() -> str:
        return github.user_token

    folder = place.folder.parent / "large.git"
    large = GitClone(folder, url, github.git_url, token, yes)
    base = await large.fetch("main", [number])
    github.faults.switch_on("server-error")
    with pytest.raises(UnavailableError):
        await large.untangle(Tangle(number, head, base))
    assert folder.is_dir(), "it is not made anew for that"
    github.faults.mend()
    assert isinstance(await large.untangle(Tangle(number, head, base)), Stuck)


async def test_what_the_base_itself_says_of_merging_solves_nothing(place: Place) -> None:
    """Some versions of git read the attributes of what HEAD is at."""
    await place.world.github.push("main", {".gitattributes": "* merge=union\n", "a.md": "# x\n"})
    number, head = await place.pull("fix/7-x", **{"a.md": "# x\nmine\n"})
    await place.world.github.push("main", {"a.md": "# x\ntheirs\n"})
    base = await place.clone.fetch("main", [number])
    await output("symbolic-ref", "HEAD", "refs/heads/main", where=place.folder)
    assert isinstance(await place.clone.untangle(Tangle(number, head, base)), Stuck)


async def test_a_branch_that_was_pushed_by_force_is_fetched(place: Place) -> None:
    number, _ = await place.pull("fix/7-x", **{"app.py": "print('x')\n"})
    base = await place.clone.fetch("main", [number])
    sha = await place.world.github.push("fix/7-x", {"b.py": "x"}, login="ada", onto="main")
    await place.clone.fetch("main", [number])
    assert await place.clone.conflicting(base, [sha]) == set()


async def test_of_a_commit_that_is_not_here_nothing_is_known(place: Place) -> None:
    base = await place.clone.fetch("main", [])
    assert await place.clone.conflicting(base, ["f" * 40]) == set()
    assert await place.clone.conflicting("f" * 40, [base]) == set()


async def test_what_was_untangled_is_pushed_where_the_branch_still_is_where_it_was(place: Place) -> None:
    number, head = await place.pull("fix/7-x", **{"a.py": "x\n"})
    await place.world.github.push("main", {"b.py": "y\n"})
    base = await place.clone.fetch("main", [number])
    found = await place.clone.untangle(Tangle(number, head, base))
    assert isinstance(found, Untangled)
    await place.clone.push("fix/7-x", found.sha, head)
    assert await place.branch("fix/7-x") == found.sha
    told = await place.world.forge.pull(number)
    assert (told.head_sha, [each.login for each in told.commits]) == (found.sha, ["ada"])
    with pytest.raises(StaleError, match="the branch has moved meanwhile: nothing was pushed"):
        await place.clone.push("fix/7-x", base, head)
    assert await place.branch("fix/7-x") == found.sha


async def test_what_has_come_together_is_packed_and_what_was_found_is_still_there(place: Place) -> None:
    number, sha = await place.pull("fix/7-x", **{"app.py": "print('x')\n"})
    base = await place.clone.fetch("main", [number])
    many = "".join(f"blob\ndata 8\n{count:08}\n" for count in range(4000)).encode()
    await run("-c", "fastimport.unpackLimit=5000", "fast-import", "--quiet", where=place.folder, told=many)
    before = await output("count-objects", where=place.folder)
    await place.clone.tidy()
    after = await output("count-objects", where=place.folder)
    assert int(before.split()[0]) > int(after.split()[0])
    assert await place.clone.conflicting(base, [sha]) == set()


async def test_a_head_is_kept_under_a_name_of_its_own_also_twice(place: Place) -> None:
    number, head = await place.pull("fix/7-x", **{"a.py": "x\n"})
    await place.clone.fetch("main", [number])
    for _ in range(2):
        assert await place.clone.back_up(number, head) == f"refs/devops/backup/pull-{number}/{head}"
    assert await place.world.github.realm.bare.sha(f"refs/devops/backup/pull-{number}/{head}") == head


async def test_how_somebody_has_solved_a_conflict_is_learnt(place: Place) -> None:
    number, head = await place.pull("fix/7-x", **{"app.py": "print('mine')\n"})
    await place.world.github.push("main", {"app.py": "print('theirs')\n"})
    other, same = await place.pull("fix/8-y", **{"app.py": "print('other')\n"})
    base = await place.clone.fetch("main", [number, other])
    assert isinstance(await place.clone.untangle(Tangle(number, head, base)), Stuck)
    solved = await place.world.github.push("fix/7-x", {"app.py": "print('both')\n"}, login="ada", onto="main")
    await place.clone.fetch("main", [number])
    assert await place.clone.learn(base, head, solved) == 1
    found = await place.clone.untangle(Tangle(number, head, base))
    assert isinstance(found, Untangled)
    assert same


@pytest.mark.parametrize("branch", ["-x", "a b", "a..b", "a~1", "", "x.lock", "--upload-pack=touch pwned", "a\nb"])
async def test_what_is_no_name_of_a_branch_is_refused(place: Place, branch: str) -> None:
    number, head = await place.pull("fix/7-x", **{"a.py": "x\n"})
    await place.clone.fetch("main", [number])
    with pytest.raises(RefusedError, match="is no name of a branch"):
        await place.clone.push(branch, head, head)


async def test_an_odd_name_of_a_branch_is_only_a_name(place: Place) -> None:
    branch = "fix/7-$(id)'\";&|`id`"
    number, head = await place.pull(branch, **{"a.py": "x\n"})
    base = await place.clone.fetch("main", [number])
    await place.clone.push(branch, base, head)
    assert await place.branch(branch) == base


@pytest.mark.parametrize("sha", ["--upload-pack=x", "HEAD", "main", "a" * 39, "g" * 40, ""])
async def test_what_is_no_commit_is_refused(place: Place, sha: str) -> None:
    base = await place.clone.fetch("main", [])
    with pytest.raises(RefusedError, match="is no commit"):
        await place.clone.conflicting(base, [sha])
    with pytest.raises(RefusedError, match="is no commit"):
        await place.clone.untangle(Tangle(7, sha, base))


# --- what goes wrong


def truncate(folder: Path) -> None:
    for pack in (*folder.glob("objects/pack/*.pack"), *folder.glob("objects/??/*")):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:20])


def half_made(folder: Path) -> None:
    shutil.rmtree(folder / "objects")


def locked(folder: Path) -> None:
    for lock in ("refs/heads/main.lock", "packed-refs.lock"):
        (folder / lock).write_text("")


@pytest.mark.parametrize("breaking", [truncate, half_made, locked], ids=["truncated", "half made", "locked"])
async def test_a_broken_clone_is_made_anew(place: Place, breaking: object) -> None:
    number, head = await place.pull("fix/7-x", **{"a.py": "x\n"})
    await place.clone.fetch("main", [number])
    assert callable(breaking)
    breaking(place.folder)
    await place.world.github.push("main", {"b.py": "y\n"})

    async def works() -> bool:
        try:
            base = await place.clone.fetch("main", [number])
            return await place.clone.conflicting(base, [head]) == set()
        except UnavailableError:
            return False

    assert True in [await works() for _ in range(3)]


async def test_github_that_is_not_there_is_told_and_leaves_the_clone_whole(place: Place) -> None:
    base = await place.clone.fetch("main", [])
    place.world.github.faults.switch_on("bad-gateway", route="/{owner}/{repo}.git/*")
    with pytest.raises(UnavailableError, match="git fetch"):
        await place.clone.fetch("main", [])
    place.world.github.faults.switch_off("bad-gateway")
    assert await place.clone.fetch("main", []) == base


async def test_a_token_that_may_not_push_is_told(tmp_path: Path) -> None:
    async with open_world() as world:
        world.github.add_account("rita", "read")
        token = world.github.add_token("rita", "ghp_rita" + "0" * 32)

        async def give() -> str:
            return token.text if hasattr(token, "text") else "ghp_rita" + "0" * 32

        sha = await world.github.push("fix/7-x", {"a.py": "x\n"})
        number = (await world.github.open_pull(world.github.operator, "fix/7-x")).number
        clone = GitClone(tmp_path / "c.git", f"{world.github.git_url}/acme/shop.git", world.github.git_url, give)
        await clone.fetch("main", [number])
        with pytest.raises((RefusedError, UnavailableError)) as raised:
            await clone.back_up(number, sha)
    assert "ghp_rita" not in str(raised.value)


async def test_the_token_stands_in_no_arguments_and_in_no_error(place: Place) -> None:
    """While git speaks to a GitHub that does not answer, its command lines are read."""
    await place.clone.fetch("main", [])
    place.world.github.faults.switch_on("hang", route="/{owner}/{repo}.git/*")
    task = asyncio.create_task(place.clone.fetch("main", []))
    seen: list[str] = []
    async with asyncio.timeout(20):
        while not any("fetch" in each for each in seen):
            await asyncio.sleep(0.05)
            seen = [line for line in _command_lines() if place.world.github.git_url in line]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [line for line in seen if place.world.github.user_token in line or "x-access-token" in line] == []
    left = [line for line in _command_lines() if place.world.github.git_url in line]
    assert left == [], "what was cancelled has ended, with its children"


def _command_lines() -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_text(errors="replace"))
        except OSError:
            continue
    return found


async def test_a_run_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    marker = f"sleep 98{os.getpid()}"
    with pytest.raises(UnavailableError, match="took longer than 1 s"):
        await run("-c", f"alias.wait=!{marker}", "wait", where=tmp_path, seconds=1)
    assert not any(marker.replace(" ", "\0") in line for line in _command_lines())


async def test_a_run_that_says_too_much_is_ended(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="printed more than 1000 bytes"):
        await run("-c", "alias.speak=!yes", "speak", where=tmp_path, seconds=20, most=1000)


async def test_nothing_of_the_surroundings_reaches_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("SECRET", "hunter2")
    await output("init", "--quiet", where=tmp_path)
    out = await output("-c", "alias.surroundings=!env", "surroundings", where=tmp_path)
    assert b"SECRET" not in out
    assert b"/nowhere" not in out
    with pytest.raises(GitError, match="git rev-parse ended with 128"):
        await output("rev-parse", "--verify", "HEAD", where=tmp_path)
