"""Merging in the bare repository: by `git merge-tree`, without a work tree; None is a conflict."""

from collections.abc import Mapping

from devops_daemon.sandbox.github.bare import Bare, Person
from devops_daemon.sandbox.github.history import Commit, History


class Merging:
    """Makes commits that no branch has yet; each gives the new commit's sha."""

    def __init__(self, bare: Bare, history: History) -> None:
        """Work in this repository."""
        self._bare = bare
        self._history = history

    async def tree(self, base: str, head: str) -> str | None:
        """Merge two commits into a tree."""
        code, out, said = await self._bare.run("merge-tree", "--write-tree", "--allow-unrelated-histories", base, head)
        first = out.partition("\n")[0]
        if code not in {0, 1} or not first:
            raise RuntimeError(f"git merge-tree: {said}")  # a fault of the sandbox's own
        return None if code else first

    async def merge(self, base: str, head: str, message: str, who: Person) -> str | None:
        """Make a merge commit."""
        tree = await self.tree(base, head)
        return tree and await self._commit(tree, (base, head), message, who, who)

    async def squash(self, base: str, head: str, message: str, who: Person) -> str | None:
        """Make one commit of all."""
        tree = await self.tree(base, head)
        return tree and await self._commit(tree, (base,), message, who, who)

    async def rebase(self, base: str, head: str, who: Person) -> str | None:
        """Put the commits of a branch anew upon a base; what is there already is left out."""
        span = ("--reverse", "--no-merges", "--cherry-pick", "--right-only", f"{base}...{head}")
        tip = base
        for commit in await self._history.commits(*span):
            picked = await self._pick(commit, tip, who)
            if picked is None:
                return None
            tip = picked
        return tip

    async def _pick(self, commit: Commit, tip: str, who: Person) -> str | None:
        """Put one commit upon a tip: merged with a stand-in of the tip whose parent is the commit's own."""
        stands = await self._bare.git("rev-parse", f"{tip}^{{tree}}")
        stand_in = await self._commit(stands, commit.parents[:1], "stand-in", who, who)
        tree = await self.tree(stand_in, commit.sha)
        if tree is None or tree == stands:
            return tip if tree else None
        return await self._commit(tree, (tip,), commit.message, commit.author, who)

    async def _commit(
        self, tree: str, parents: tuple[str, ...], message: str, author: Person, committer: Person
    ) -> str:
        given = [part for parent in parents for part in ("-p", parent)]
        env = {**_named("AUTHOR", author), **_named("COMMITTER", committer)}
        return await self._bare.git("commit-tree", tree, *given, "-F", "-", told=message.encode(), env=env)


def _named(part: str, who: Person) -> Mapping[str, str]:
    return {f"GIT_{part}_NAME": who.name, f"GIT_{part}_EMAIL": who.email, f"GIT_{part}_DATE": f"@{who.date}"}
