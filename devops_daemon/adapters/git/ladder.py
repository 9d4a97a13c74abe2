"""The ladder: ways to put a branch upon its base, the cheapest first, each proved before it is believed.

A way names the commits that it puts upon the base, and how it solves a conflict, if it may. What must never happen: a
change of the branch that is lost though the base has not got it, and a conflict that is solved by a guess.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from devops_daemon.adapters.git.memory import Memory, is_marked
from devops_daemon.adapters.git.objects import Commit, Merged, Objects, Sides
from devops_daemon.untangling import Absorbed, Outcome, Parent, Rung, Stuck, Tangle, Tried, Untangled

MOST_COMMITS = 250
MOST_LINES = 400
LONGEST_HUNKS = 20_000
Solve = Callable[[str, Sides, Merged], Awaitable[bytes | None]]
"""Gives what a file in conflict is to be, None where it does not know."""


class StopError(Exception):
    """A way that does not do; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """Commits that were put upon a base one by one."""

    tip: str
    new: tuple[str, ...]
    """What became of each, in their order; without those that change nothing there."""
    dropped: tuple[str, ...]
    solved: tuple[str, ...]
    """Files in which a conflict was solved."""


class Ladder:
    """Climbs it for one pull request."""

    def __init__(self, objects: Objects, memory: Memory, tangle: Tangle) -> None:
        self._objects = objects
        self._memory = memory
        self._tangle = tangle

    async def climb(self) -> Outcome:
        """Try each way in turn; raises GitError."""
        tried: list[Tried] = []
        for rung, way in WAYS.items():
            try:
                found = await way(self)
            except StopError as stop:
                tried.append(Tried(rung, str(stop)))
                continue
            return replace(found, tried=tuple(tried)) if isinstance(found, Untangled) else found
        merged = await self._objects.merge(self._tangle.base_sha, self._tangle.head_sha)
        files = tuple(merged.conflicts)
        return Stuck(files, await self._hunks(merged), tuple(tried))

    # the ways

    async def absorbed(self) -> Absorbed:
        """Look whether a merge would change nothing."""
        base, head = self._tangle.base_sha, self._tangle.head_sha
        parted = await self._parted()
        merged = await self._objects.merge(base, head)
        if not merged.conflicts and merged.tree == await self._objects.tree_of(base):
            return Absorbed(await self._commit_with(await self._objects.patch_id(parted, head)))
        whole = await self._commit_with(await self._objects.patch_id(parted, head))
        if whole is None:
            raise StopError("the base has not all of it")
        return Absorbed(whole)

    async def onto(self) -> Untangled:
        """Put only what stands upon a merged parent on the base."""
        found = await self._stack()
        if found is None:
            raise StopError("it does not stand upon a pull request that was merged")
        parent, start = found
        replayed = await self._replay(f"{start}..{self._tangle.head_sha}", _nothing)
        proof = await self._same_patches(f"{start}..{self._tangle.head_sha}", replayed)
        return Untangled(Rung.ONTO, replayed.tip, f"without the commits of #{parent.number}, which is merged; {proof}")

    async def rebase(self) -> Untangled:
        """Put each commit that the base has not got upon it."""
        span = await self._own()
        replayed = await self._replay(span, _nothing)
        return Untangled(Rung.REBASE, replayed.tip, await self._same_patches(span, replayed))

    async def squash(self) -> Untangled:
        """Make one commit of all, where a merge of all fits; it follows what the base has renamed, too."""
        base, head = self._tangle.base_sha, self._tangle.head_sha
        if await self._stack() is not None:
            raise StopError("it stands upon a pull request that was merged: of that, nothing is put on anew")
        merged = await self._objects.merge(base, head)
        if merged.conflicts:
            raise StopError(f"as one commit it conflicts in {_named(tuple(merged.conflicts))}")
        commits = await self._objects.commits(f"{await self._parted()}..{head}")
        first, *more = commits
        message = "\n".join([first.subject, "", *(f"* {each.subject}" for each in commits)]) if more else first.message
        sha = await self._objects.commit_tree(merged.tree, [base], first, message)
        return Untangled(Rung.SQUASH, sha, f"its {len(commits)} commits as one: the tree is that of a merge of all")

    async def union(self) -> Untangled:
        """Keep the lines of both sides in files to which both only add."""
        if not self._tangle.append_only:
            raise StopError("no file is said to be one to which lines are only added")
        span = await self._own()
        replayed = await self._replay(span, self._added)
        if not replayed.solved:
            raise StopError("no conflict is in such a file")
        return Untangled(Rung.UNION, replayed.tip, f"each line that a side added to {_named(replayed.solved)} is there")

    async def remembered(self) -> Untangled:
        """Solve what was solved before as it was solved then."""
        span = await self._own()
        replayed = await self._replay(span, self._as_before)
        if not replayed.solved:
            raise StopError("no conflict was solved before")
        return Untangled(
            Rung.REMEMBERED, replayed.tip, f"{_named(replayed.solved)} solved as before, all else is as it merges"
        )

    # what they rest on

    async def _parted(self) -> str:
        parted = await self._objects.merge_base(self._tangle.base_sha, self._tangle.head_sha)
        if parted is None:
            raise StopError("it has no history in common with its base")
        return parted

    async def _own(self) -> str:
        """Give the span of its own commits: a merged parent's, put on anew, might bring back what was changed since."""
        found = await self._stack()
        return f"{found[1] if found else await self._parted()}..{self._tangle.head_sha}"

    async def _stack(self) -> tuple[Parent, str] | None:
        """Find the merged pull request that it stands upon, the last if there are several, and where it left that."""
        found: tuple[Parent, str] | None = None
        for parent in self._tangle.parents:
            start = await self._stacked_on(parent.head_sha)
            if start and (found is None or await self._objects.is_ancestor(found[1], start)):
                found = parent, start
        return found

    async def _stacked_on(self, parent: str) -> str | None:
        """Find where the branch left a merged pull request's, None where it never stood upon it."""
        if not await self._objects.has(parent):
            return None
        start = await self._objects.merge_base(parent, self._tangle.head_sha)
        within = start and not await self._objects.is_ancestor(start, self._tangle.base_sha)
        return start if within else None

    async def _replay(self, span: str, solve: Solve) -> Replayed:
        """Put commits upon the base one by one; raises StopError at the first that does not fit."""
        tip, known = self._tangle.base_sha, set((await self._patches_of_base()).values())
        commits = await self._objects.commits("--no-merges", span)
        if not commits or len(commits) > MOST_COMMITS:
            raise StopError(f"it has {len(commits)} commits of its own, and {MOST_COMMITS} are looked at")
        patches = await self._objects.patch_ids(span)
        new, dropped, solved = [], [], []
        for commit in commits:
            if patches.get(commit.sha) in known:
                dropped.append(commit.sha)
                continue
            merged = await self._objects.pick(commit, tip)
            tree = await self._solved(commit, merged, solve) if merged.conflicts else merged.tree
            solved += list(merged.conflicts)
            if tree == await self._objects.tree_of(tip):
                dropped.append(commit.sha)
                continue
            tip = await self._objects.commit_tree(tree, [tip], commit)
            new.append(tip)
        if not new:
            raise StopError("nothing of it is left upon its base")
        return Replayed(tip, tuple(new), tuple(dropped), tuple(dict.fromkeys(solved)))

    async def _solved(self, commit: Commit, merged: Merged, solve: Solve) -> str:
        files = {}
        for path, sides in merged.conflicts.items():
            content = await solve(path, sides, merged) if sides.whole else None
            if content is None:
                raise StopError(
                    f"{commit.sha[:7]} ({commit.subject[:60]}) conflicts in {_named(tuple(merged.conflicts))}"
                )
            assert sides.ours is not None  # noqa: S101 # whole
            files[path] = (sides.ours[0], await self._objects.keep(content))
        return await self._objects.with_files(merged.tree, files)

    async def _same_patches(self, span: str, replayed: Replayed) -> str:
        """Prove that what was put upon the base are the same patches, but for those that it has already."""
        before = await self._objects.patch_ids(span, bare=True)
        after = await self._objects.patch_ids(f"{self._tangle.base_sha}..{replayed.tip}", bare=True)
        wanted = Counter(patch for sha, patch in before.items() if sha not in replayed.dropped)
        if wanted != Counter(after.values()):
            raise StopError("upon its base the patches are not the same")
        gone = f", {len(replayed.dropped)} that the base has already left out" if replayed.dropped else ""
        return f"the same {len(replayed.new)} patches{gone}"

    async def _patches_of_base(self) -> dict[str, str]:
        return await self._objects.patch_ids(
            f"--max-count={MOST_COMMITS}", f"{await self._parted()}..{self._tangle.base_sha}"
        )

    async def _commit_with(self, patch: str) -> str | None:
        """Find the commit of the base that has this patch, and was not reverted since."""
        sha = next((sha for sha, found in (await self._patches_of_base()).items() if patch and found == patch), None)
        if sha is None:
            return None
        later = await self._objects.commits(f"{sha}..{self._tangle.base_sha}")
        return None if any(f"reverts commit {sha}" in each.message for each in later) else sha

    async def _added(self, path: str, sides: Sides, _: Merged) -> bytes | None:
        """Keep the lines of both sides, where both only added lines."""
        if not any(fnmatchcase(path, pattern) for pattern in self._tangle.append_only):
            return None
        ancestor, ours, theirs = [await self._content(each) for each in (sides.ancestor, sides.ours, sides.theirs)]
        united = await self._objects.merge_file(ours, ancestor, theirs, union=True)
        if united is None or is_marked(united):
            return None
        was, one, other, now = (Counter(each.splitlines()) for each in (ancestor, ours, theirs, united))
        only_added = not (was - one) and not (was - other)
        # what both have added alike may stand there once or twice
        kept = not ((one | other) - now) and not (now - (one + (other - was)))
        return united if only_added and kept else None

    async def _as_before(self, path: str, _: Sides, merged: Merged) -> bytes | None:
        return await self._memory.solve(await self._marked(merged, path))

    async def _content(self, file: tuple[str, str] | None) -> bytes:
        return await self._objects.blob(file[1]) if file else b""

    async def _marked(self, merged: Merged, path: str) -> bytes:
        found = await self._objects.file_at(merged.tree, path)
        return await self._objects.blob(found[1]) if found else b""

    async def _hunks(self, merged: Merged) -> str:
        """Show what the sides differ about."""
        shown: list[str] = []
        for path in merged.conflicts:
            content = await self._marked(merged, path)
            text = content.decode("utf-8", "replace") if b"\0" not in content else "(not a text)"
            shown += [f"--- {path}", *_around_marks(text)]
        whole = "\n".join(shown[:MOST_LINES])
        cut = len(shown) > MOST_LINES or len(whole) > LONGEST_HUNKS
        return whole[:LONGEST_HUNKS] + ("\n(cut)" if cut else "")


async def _nothing(_: str, __: Sides, ___: Merged) -> bytes | None:
    return None


def _named(files: Sequence[str]) -> str:
    shown = ", ".join(files[:3])
    return f"{shown} and {len(files) - 3} more" if len(files) > 3 else shown  # noqa: PLR2004 # enough to know it by


def _around_marks(text: str) -> list[str]:
    """Give the lines in conflict, with their marks."""
    shown, within = [], False
    for line in text.splitlines():
        within = within or line.startswith("<<<<<<<")
        if within:
            shown.append(line)
        within = within and not line.startswith(">>>>>>>")
    return shown or ["(one side has changed what the other has deleted or renamed)"]


WAYS: dict[Rung, Callable[[Ladder], Awaitable[Absorbed | Untangled]]] = {
    Rung.ABSORBED: Ladder.absorbed,
    Rung.ONTO: Ladder.onto,
    Rung.REBASE: Ladder.rebase,
    Rung.SQUASH: Ladder.squash,
    Rung.UNION: Ladder.union,
    Rung.REMEMBERED: Ladder.remembered,
}
"""In this order."""
