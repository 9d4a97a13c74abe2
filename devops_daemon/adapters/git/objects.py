"""Commits and trees made in the object store alone: no work tree, no index on disk, nothing checked out.

A commit is put upon another by a merge of trees whose common ancestor is the commit's own parent; for that a stand-in
of the new parent is made which has the old one as its parent (git before 2.40 takes no merge base).
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devops_daemon.adapters.git.command import LOCALLY, OVER_THE_NET, Ended, GitError, output, run

NUL = b"\0"
_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%ad%x00%B%x1e"
_MESSAGE = 6


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, as far as it takes to make it anew."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: tuple[str, str, str]
    """Name, e-mail, date."""
    message: str

    @property
    def subject(self) -> str:
        """The first line of its message."""
        return self.message.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Sides:
    """What the two sides and their ancestor have of a file in conflict: mode and blob, None where they have none."""

    ancestor: tuple[str, str] | None
    ours: tuple[str, str] | None
    theirs: tuple[str, str] | None

    @property
    def whole(self) -> bool:
        """Tell whether both sides have the file, as a plain one of the same kind."""
        sides = [each for each in (self.ours, self.theirs) if each]
        return len(sides) == 2 and sides[0][0] == sides[1][0] and sides[0][0].startswith("100")  # noqa: PLR2004 # both


@dataclass(frozen=True, slots=True)
class Merged:
    """The tree that a merge makes; files in conflict stand in it with their marks."""

    tree: str
    conflicts: Mapping[str, Sides]


Resolver = Callable[[str, Sides, Merged], "str | None"]


class Objects:
    """The object store of a bare repository; raises GitError, and UnavailableError where git takes too long."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config: Mapping[str, str] = {}
        """By what the forge is spoken to, where contents are fetched when they are needed."""

    async def _run(self, *arguments: str, **how: Any) -> Ended:  # noqa: ANN401 # as `run` has them
        return await run(*arguments, where=self.path, **self._manner, **how)

    async def _output(self, *arguments: str, **how: Any) -> bytes:  # noqa: ANN401 # as `run` has them
        return await output(*arguments, where=self.path, **self._manner, **how)

    @property
    def _manner(self) -> dict[str, Any]:
        return {"config": self.config, "seconds": OVER_THE_NET if self.config else LOCALLY}

    async def text(self, *arguments: str, told: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run git and give its words, without the last line's end."""
        out = await self._output(*arguments, told=told, env=env)
        return out.decode("utf-8", "surrogateescape").rstrip("\n")

    async def has(self, *shas: str) -> bool:
        """Tell whether all of these commits are here."""
        return not await self.missing(*shas)

    async def missing(self, *shas: str) -> set[str]:
        """Give those of these commits that are not here."""
        told = "".join(f"{sha}^{{commit}}\n" for sha in shas).encode()
        lines = (await self.text("cat-file", "--batch-check", told=told)).splitlines()
        return {sha for sha, line in zip(shas, lines, strict=True) if line.endswith("missing")}

    async def is_ancestor(self, one: str, of: str) -> bool:
        """Tell whether a commit is in the history of another."""
        ended = await self._run("merge-base", "--is-ancestor", one, of)
        if ended.code > 1:
            raise GitError("merge-base", ended.code, ended.said)
        return ended.code == 0

    async def merge_base(self, one: str, other: str) -> str | None:
        """Find where two histories parted, None where they have nothing in common."""
        ended = await self._run("merge-base", one, other)
        return ended.out.decode().strip() or None

    async def tree_of(self, commit: str) -> str:
        """Give the tree of a commit."""
        return await self.text("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{tree}}")

    async def commits(self, *revisions: str) -> list[Commit]:
        """Read commits, the oldest first."""
        out = await self.text("log", "--reverse", "--topo-order", "--date=raw", f"--format={_FORMAT}", *revisions, "--")
        return [_commit(record) for record in out.split("\x1e") if record.strip()]

    async def merge(self, ours: str, theirs: str) -> Merged:
        """Merge two commits, without a work tree."""
        ended = await self._run("merge-tree", "--write-tree", "-z", "--no-messages", ours, theirs)
        tree, *rest = ended.out.split(NUL)
        if ended.code not in {0, 1} or not tree.strip():
            raise GitError("merge-tree", ended.code, ended.said)
        return Merged(tree.decode().strip(), _conflicts(rest))

    async def pick(self, commit: Commit, onto: str) -> Merged:
        """Merge the change of one commit into the tree of another."""
        stand_in = await self.commit_tree(await self.tree_of(onto), commit.parents[:1], commit, "stand-in")
        return await self.merge(stand_in, commit.sha)

    async def commit_tree(self, tree: str, parents: Sequence[str], like: Commit, message: str | None = None) -> str:
        """Make a commit by the author, at the time and with the words of another; we are its committer."""
        name, email, date = like.author
        env = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
        given = [part for parent in parents for part in ("-p", parent)]
        told = (like.message if message is None else message).encode("utf-8", "surrogateescape")
        return await self.text("commit-tree", tree, *given, "-F", "-", told=told, env=env)

    async def with_files(self, tree: str, files: Mapping[str, tuple[str, str]]) -> str:
        """Give a tree with some files (mode and blob) in place of those that it has."""
        with tempfile.TemporaryDirectory(dir=self.path) as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            await self.text("read-tree", tree, env=env)
            lines = [
                f"{mode} {blob}\t{path}".encode("utf-8", "surrogateescape") for path, (mode, blob) in files.items()
            ]
            await self.text("update-index", "-z", "--index-info", told=NUL.join(lines) + NUL, env=env)
            return await self.text("write-tree", "--missing-ok", env=env)

    async def blob(self, sha: str) -> bytes:
        """Read a file's content."""
        return await self._output("cat-file", "blob", sha)

    async def keep(self, content: bytes) -> str:
        """Keep a file's content; gives its blob."""
        return await self.text("hash-object", "-w", "--stdin", told=content)

    async def file_at(self, commit: str, path: str) -> tuple[str, str] | None:
        """Find a file in a commit: its mode and blob."""
        out = await self._output("ls-tree", "-z", commit, "--", f":(literal){path}")
        head, _, _ = out.partition(b"\t")
        parts = head.decode().split()
        return (parts[0], parts[2]) if len(parts) == 3 else None  # noqa: PLR2004 # mode, kind, sha

    async def merge_file(self, ours: bytes, ancestor: bytes, theirs: bytes, *, union: bool = False) -> bytes | None:
        """Merge three contents line by line; None is a conflict, which a union never is."""
        with tempfile.TemporaryDirectory(dir=self.path) as folder:
            names = []
            for name, content in (("ours", ours), ("ancestor", ancestor), ("theirs", theirs)):
                (Path(folder) / name).write_bytes(content)
                names.append(str(Path(folder) / name))
            ended = await self._run("merge-file", "-p", *(["--union"] if union else []), *names)
        return ended.out if ended.code == 0 else None

    async def patch_ids(self, *revisions: str, bare: bool = False) -> dict[str, str]:
        """Give the patch-id of each commit by its sha, with its whitespace; one that changes nothing has none.

        With `bare` the lines around a change do not count: so the same change is known again upon another base.
        """
        how = ("-p", "--no-merges", "--no-ext-diff", "--no-textconv", *(["-U0"] if bare else []))
        patches = await self._output("log", *how, *revisions, "--")
        found = (await self.text("patch-id", "--verbatim", told=patches)).split()
        return dict(zip(found[1::2], found[::2], strict=True))

    async def patch_id(self, one: str, other: str) -> str:
        """Give the patch-id of all that lies between two commits, empty for nothing."""
        patch = await self._output("diff", "--no-ext-diff", "--no-textconv", one, other, "--")
        return (await self.text("patch-id", "--verbatim", told=patch)).partition(" ")[0]


def _commit(record: str) -> Commit:
    sha, tree, parents, name, email, date, message = record.lstrip("\n").split("\0", _MESSAGE)
    return Commit(sha, tree, tuple(parents.split()), (name, email, f"@{date}"), message)


def _conflicts(rows: Sequence[bytes]) -> dict[str, Sides]:
    stages: dict[str, dict[int, tuple[str, str]]] = {}
    for row in rows:
        head, tab, path = row.partition(b"\t")
        parts = head.decode().split()
        if tab and len(parts) == 3:  # noqa: PLR2004 # mode, blob, stage
            named = path.decode("utf-8", "surrogateescape")
            stages.setdefault(named, {})[int(parts[2])] = (parts[0], parts[1])
    return {path: Sides(found.get(1), found.get(2), found.get(3)) for path, found in stages.items()}
