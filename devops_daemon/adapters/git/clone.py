"""A bare clone of the repository, kept from one run to the next: fetched, merged in, pushed from; never checked out."""

import asyncio
import re
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from devops_daemon.adapters.git.command import OVER_THE_NET, GitError, authorization, run
from devops_daemon.adapters.git.ladder import Ladder
from devops_daemon.adapters.git.memory import Memory
from devops_daemon.adapters.git.objects import Objects
from devops_daemon.ports import RefusedError, StaleError, UnavailableError
from devops_daemon.untangling import Outcome, Tangle

T = TypeVar("T")
BACKUPS = "refs/devops/backup"
NO_ATTRIBUTES = "* !merge !filter !diff !ident !working-tree-encoding\n"
"""Whatever a tree says of how its files are merged or read: it is a stranger's word."""
_BROKEN = re.compile(
    r"corrupt|bad object|not a git repository|unable to read|loose object|missing (?:blob|tree|commit)|"
    r"packfile|index-pack failed|broken|invalid object|does not point to a valid object|Unable to create .*\.lock",
    re.IGNORECASE,
)
_NO_RIGHT = re.compile(
    r"returned error: 40[13]|denied|Permission|GH006|Protected branch|refusing to allow|Authentication", re.IGNORECASE
)
LARGE_KIB = 1024 * 1024
"""From there on a repository is large."""
PROMISOR = "devops-promisor"
_PARTIAL = {
    "core.repositoryformatversion": "1",
    "extensions.partialClone": PROMISOR,
    f"remote.{PROMISOR}.promisor": "true",
    f"remote.{PROMISOR}.partialclonefilter": "blob:none",
}
TIDIED_EVERY = 86_400.0
"""Seconds."""
_GC = ("-c", "gc.auto=2000", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")
"""Not in the background, where no time limit would hold; what is younger than two weeks is not pruned."""
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
log = structlog.get_logger("git")


class GitClone:
    """The port `Clone`, by the git command."""

    def __init__(
        self,
        folder: Path,
        url: str,
        host: str,
        token: Callable[[], Awaitable[str]],
        large: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """Keep it in `folder`; `url` is the repository's, `token` is asked for each time that GitHub is spoken to.

        Of one that is `large`, which is asked when the clone is made, contents are fetched when they are needed.
        """
        self._folder = folder
        self._url = url
        self._host = host
        self._token = token
        self._large = large
        self._objects = Objects(folder)
        self._memory = Memory(self._objects)
        self._lock = asyncio.Lock()
        self._tidied: float | None = None

    async def fetch(self, base: str, pulls: Sequence[int]) -> str:
        """Bring a branch and the heads of pull requests here; gives the branch's commit."""
        async with self._lock:
            return await self._mended(lambda: self._fetch(base, pulls))

    async def conflicting(self, base_sha: str, heads: Sequence[str]) -> set[str]:
        """Say which of these heads conflict; of one that is not here nothing is said."""
        shas = [_sha(each) for each in heads]
        async with self._lock:
            return await self._mended(lambda: self._conflicting(_sha(base_sha), shas))

    async def untangle(self, tangle: Tangle) -> Outcome:
        """Look for a way to put a pull request upon its base."""
        for sha in (tangle.base_sha, tangle.head_sha, *(each.head_sha for each in tangle.parents)):
            _sha(sha)
        async with self._lock:
            return await self._mended(Ladder(self._objects, self._memory, tangle).climb)

    async def learn(self, base_sha: str, before: str, after: str) -> int:
        """Learn from how somebody has solved what conflicted before; gives how many files that were."""
        async with self._lock:
            return await self._mended(lambda: self._learn(_sha(base_sha), _sha(before), _sha(after)))

    async def back_up(self, number: int, sha: str) -> str:
        """Keep a head at GitHub under a name of its own; twice is once."""
        ref = f"{BACKUPS}/pull-{number}/{_sha(sha)}"
        async with self._lock:
            await self._mended(lambda: self._push(f"{sha}:{ref}"))
        return ref

    async def push(self, branch: str, sha: str, expected: str) -> None:
        """Let a branch be at a commit, if it is still where it is expected; raises StaleError where it is not."""
        ref = f"refs/heads/{branch}"
        if (await run("check-ref-format", ref, where=self._folder)).code or branch.startswith("-"):
            raise RefusedError(f"{branch!r} is no name of a branch")
        async with self._lock:
            lease = f"--force-with-lease={ref}:{_sha(expected)}"
            await self._mended(lambda: self._push(f"{_sha(sha)}:{ref}", lease))

    async def tidy(self) -> None:
        """Pack what has come together, where that is worth it; at most once in a while, however it ends."""
        now = time.monotonic()
        if self._tidied is not None and now < self._tidied + TIDIED_EVERY:
            return
        self._tidied = now
        async with self._lock:
            await self._mended(self._pack)

    # how

    async def _fetch(self, base: str, pulls: Sequence[int]) -> str:
        await self._there()
        where = PROMISOR if self._is_partial() else self._url
        heads = [f"+refs/pull/{number}/head:refs/pull/{number}/head" for number in pulls]
        branch = f"+refs/heads/{base}:refs/heads/{base}"
        await self._speak("fetch", "--quiet", "--no-tags", where, branch, *heads)
        return await self._objects.text("rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/heads/{base}")

    async def _conflicting(self, base_sha: str, heads: Sequence[str]) -> set[str]:
        missing = await self._objects.missing(base_sha, *heads)
        here = [] if base_sha in missing else [each for each in heads if each not in missing]
        return {each for each in here if (await self._objects.merge(base_sha, each)).conflicts}

    async def _learn(self, base_sha: str, before: str, after: str) -> int:
        """What conflicted between a base and a head, and how it is in a head that stands upon that base."""
        if not await self._objects.has(base_sha, before, after) or not await self._objects.is_ancestor(base_sha, after):
            return 0
        merged, learnt = await self._objects.merge(base_sha, before), 0
        for path, sides in merged.conflicts.items():
            marked, solved = [await self._objects.file_at(each, path) for each in (merged.tree, after)]
            if sides.whole and marked and solved:
                learnt += self._memory.keep(await self._objects.blob(marked[1]), await self._objects.blob(solved[1]))
        return learnt

    async def _pack(self) -> None:
        ended = await run(*_GC, where=self._folder, seconds=OVER_THE_NET)
        if ended.code:
            raise GitError("gc", ended.code, ended.said)

    async def _push(self, refspec: str, *options: str) -> None:
        try:
            await self._speak("push", "--quiet", "--porcelain", "--no-verify", *options, self._url, refspec)
        except GitError as error:
            if "stale info" in error.said or "fetch first" in error.said or "non-fast-forward" in error.said:
                raise StaleError("the branch has moved meanwhile: nothing was pushed") from error
            raise

    async def _speak(self, command: str, *arguments: str) -> bytes:
        """Speak to GitHub; raises RefusedError where it does not let us, UnavailableError where it is not reached."""
        config = authorization(self._host, await self._token())
        ended = await run(command, *arguments, where=self._folder, config=config, seconds=OVER_THE_NET)
        if not ended.code:
            return ended.out
        said = ended.said + ended.out.decode(errors="replace")
        if "stale info" in said or _BROKEN.search(said):
            raise GitError(command, ended.code, said)
        if _NO_RIGHT.search(said):
            raise RefusedError(f"GitHub refuses git {command} (the token needs Contents: write): {said}")
        raise UnavailableError(f"git {command}: {said}")

    async def _there(self) -> None:
        if not (self._folder / "HEAD").is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            await self._objects.text("init", "--quiet", "--bare", "--template=", str(self._folder))
            if self._large is not None and await self._large():
                for name, value in {**_PARTIAL, f"remote.{PROMISOR}.url": self._url}.items():
                    await self._objects.text("config", name, value)
        attributes = self._folder / "info" / "attributes"
        if not attributes.is_file():  # some versions of git read those of a tree in a bare repository too
            attributes.parent.mkdir(exist_ok=True)
            attributes.write_text(NO_ATTRIBUTES, encoding="ascii")

    def _is_partial(self) -> bool:
        """Tell whether contents are fetched when they are needed."""
        try:
            return PROMISOR in (self._folder / "config").read_text(encoding="utf-8")
        except FileNotFoundError:
            return False

    async def _mended(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do it; a clone that is broken is made anew, once, and is looked at again after the next fetch."""
        try:
            partial = self._is_partial()
            self._objects.config = authorization(self._host, await self._token()) if partial else {}
            return await act()
        except GitError as error:
            if "promisor" in error.said or not _BROKEN.search(error.said):
                raise UnavailableError(str(error)) from error
            log.warning("git.made_anew", reason=error.said)
            shutil.rmtree(self._folder, ignore_errors=True)
            raise UnavailableError("the clone was broken, and is made anew") from error
        except OSError as error:
            raise UnavailableError(f"the clone cannot be used: {error}") from error


def _sha(text: str) -> str:
    """Let a commit's name pass, and nothing else: it may stand where an option could."""
    if not _SHA.fullmatch(text):
        raise RefusedError(f"{text!r} is no commit")
    return text
