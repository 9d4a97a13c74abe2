"""Small histories in a bare repository, made commit by commit."""

from collections.abc import Mapping
from pathlib import Path

from devops_daemon.adapters.git.command import output
from devops_daemon.adapters.git.ladder import Ladder
from devops_daemon.adapters.git.memory import Memory
from devops_daemon.adapters.git.objects import Commit, Objects
from devops_daemon.untangling import Outcome, Parent, Tangle

ZEROS = "0" * 40
Files = Mapping[str, str | bytes | None]


class Story:
    """A bare repository and what is done in it; None deletes a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects = Objects(folder)
        self.memory = Memory(self.objects)
        self._minute = 0

    async def begin(self, files: Files) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        await output("init", "--quiet", "--bare", "--template=", str(self.folder), where=self.folder)
        return await self.commit(None, files, "first")

    async def commit(self, onto: str | None, files: Files, message: str = "a change", author: str = "ada") -> str:
        """Put a commit upon another."""
        self._minute += 1
        env = {"GIT_INDEX_FILE": str(self.folder / "story-index")}
        await self.objects.text("read-tree", *([onto] if onto else ["--empty"]), env=env)
        for path, content in files.items():
            mode, blob = "0", ZEROS
            if content is not None:
                raw = content if isinstance(content, bytes) else content.encode()
                mode, blob = "100644", await self.objects.keep(raw)
            line = f"{mode} {blob}\t{path}\0".encode("utf-8", "surrogateescape")
            await self.objects.text("update-index", "-z", "--index-info", told=line, env=env)
        tree = await self.objects.text("write-tree", env=env)
        like = Commit(
            "", tree, (), (author, f"{author}@example.com", f"@{1_767_600_000 + 60 * self._minute} +0000"), message
        )
        return await self.objects.commit_tree(tree, [onto] if onto else [], like)

    async def squash(self, base: str, head: str, message: str = "squashed") -> str:
        """Merge as GitHub squashes."""
        merged = await self.objects.merge(base, head)
        assert not merged.conflicts
        like = (await self.objects.commits("-1", head))[0]
        return await self.objects.commit_tree(merged.tree, [base], like, message)

    async def untangle(self, base: str, head: str, *parents: Parent, append_only: tuple[str, ...] = ()) -> Outcome:
        return await Ladder(self.objects, self.memory, Tangle(7, head, base, parents, append_only)).climb()

    async def file(self, commit: str, path: str) -> str | None:
        found = await self.objects.file_at(commit, path)
        return (await self.objects.blob(found[1])).decode() if found else None

    async def log(self, span: str) -> list[tuple[str, str]]:
        """Subjects and authors, the oldest first."""
        return [(each.subject, each.author[0]) for each in await self.objects.commits(span)]
