"""Reading the repository's history: commits, and what they change."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from devops_daemon.sandbox.github.bare import Bare, Person

_FORMAT = "%x1e%H%x00%T%x00%P%x00%an%x00%ae%x00%ad%x00%cn%x00%ce%x00%cd%x00%B%x1f"
_STATUS = {"A": "added", "D": "removed"}


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one file; `status` is added, removed or modified."""

    name: str
    status: str
    blob: str
    additions: int = 0
    deletions: int = 0


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit; its changes are known only where they were asked for."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str
    changes: tuple[Change, ...] = ()

    @property
    def committed_at(self) -> datetime:
        """When it was made."""
        return moment(self.committer)


def moment(person: Person) -> datetime:
    """Read the time at which a person did something."""
    return datetime.fromtimestamp(int(person.date.partition(" ")[0]), UTC)


class History:
    """Reads commits; raises GitError for what is not there."""

    def __init__(self, bare: Bare) -> None:
        """Read this repository."""
        self._bare = bare
        self._commits: dict[str, Commit] = {}
        self._changes: dict[tuple[str, str], list[Change]] = {}

    async def commit(self, sha: str) -> Commit:
        """Read one commit; what a sha stands for never changes."""
        if sha not in self._commits:
            self._commits[sha] = (await self.commits("-1", sha))[0]
        return self._commits[sha]

    async def commits(self, *revisions: str) -> list[Commit]:
        """Read commits, newest first unless `--reverse` is among the revisions."""
        out = await self._bare.git(
            "log", "--date=raw", f"--format={_FORMAT}", "--raw", "--no-abbrev", "--no-renames", *revisions
        )
        return [_commit(record) for record in out.split("\x1e") if record.strip()]

    async def changes(self, base: str, head: str) -> list[Change]:
        """Tell what a branch changes since it left its base, by their shas."""
        if (base, head) not in self._changes:
            self._changes[base, head] = await self._compare(base, head)
        return self._changes[base, head]

    async def _compare(self, base: str, head: str) -> list[Change]:
        told = await self._bare.git("diff", "--raw", "--numstat", "--no-abbrev", "--no-renames", f"{base}...{head}")
        counted = {name: (added, removed) for added, removed, name in _columns(told)}
        return [
            Change(each.name, each.status, each.blob, *(int(n) if n.isdecimal() else 0 for n in counted[each.name]))
            for each in _changes(told)
        ]

    async def count(self, base: str, head: str) -> int:
        """Tell how many commits the one has that the other has not."""
        return int(await self._bare.git("rev-list", "--count", f"{base}..{head}"))

    async def merge_base(self, one: str, other: str) -> str:
        """Find where two commits parted."""
        return await self._bare.git("merge-base", one, other)


def _commit(record: str) -> Commit:
    head, _, rest = record.partition("\x1f")
    sha, tree, parents, author, email, at, committer, their, when, message = head.split("\x00", 9)
    return Commit(
        sha,
        tree,
        tuple(parents.split()),
        Person(author, email, at),
        Person(committer, their, when),
        message.rstrip("\n"),
        tuple(_changes(rest)),
    )


def _changes(raw: str) -> Iterator[Change]:
    for line in raw.splitlines():
        if line.startswith(":"):
            figures, _, name = line.partition("\t")
            *_, old, new, letter = figures.split(" ")
            yield Change(name, _STATUS.get(letter, "modified"), old if letter == "D" else new)


def _columns(text: str) -> Iterator[tuple[str, str, str]]:
    for line in text.splitlines():
        if line and not line.startswith(":"):
            added, removed, name = line.split("\t", 2)
            yield added, removed, name
