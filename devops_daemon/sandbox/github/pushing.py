"""Pushes, however they came: branches move, pull requests follow, webhooks tell."""

from collections.abc import Mapping
from typing import Any

from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.bare import ZEROS, Bare
from devops_daemon.sandbox.github.courier import Courier
from devops_daemon.sandbox.github.history import Commit, History
from devops_daemon.sandbox.github.issues import Issue
from devops_daemon.sandbox.github.moments import now
from devops_daemon.sandbox.github.pulling import Pulling
from devops_daemon.sandbox.github.pulls import branch_ref
from devops_daemon.sandbox.github.shown.commits import pushed
from devops_daemon.sandbox.github.shown.pulls import part_of
from devops_daemon.sandbox.github.shown.repository import repository
from devops_daemon.sandbox.github.shown.view import View

_MOST_COMMITS = 2048


class Pushing:
    """Takes note of what has moved."""

    def __init__(self, view: View, bare: Bare, history: History, courier: Courier, pulling: Pulling) -> None:
        """Act on this state and this repository."""
        self._view = view
        self._bare = bare
        self._history = history
        self._courier = courier
        self._pulling = pulling

    async def snapshot(self) -> dict[str, str]:
        """List the refs that may move, to be compared afterwards."""
        return await self._bare.refs("refs/heads", "refs/tags", "refs/forks")

    async def compare(self, before: Mapping[str, str], actor: Account) -> None:
        """Take note of each ref that is no longer where it was."""
        after = await self.snapshot()
        for ref in sorted({*before, *after}):
            if before.get(ref) != after.get(ref):
                await self.moved(ref, before.get(ref), after.get(ref), actor)

    async def moved(self, ref: str, before: str | None, after: str | None, actor: Account) -> None:
        """Take note of one ref: it was made, moved or deleted."""
        self._view.world.pushed_at = now()
        if not ref.startswith("refs/forks/"):
            await self._tell(ref, before, after, actor)
        for issue in self._view.world.pulls():
            pull = part_of(issue)
            if issue.is_open and pull.head_branch == ref:
                await self._head_moved(issue, after, actor)
            if issue.is_open and after and branch_ref(pull.base_ref) == ref:
                await self._base_moved(issue, after, actor)

    async def _head_moved(self, issue: Issue, after: str | None, actor: Account) -> None:
        if after is None:
            await self._pulling.close(actor, issue)
            return
        await self._pulling.synchronize(actor, issue, after)
        base = await self._bare.sha(branch_ref(part_of(issue).base_ref))
        if base and await self._bare.is_ancestor(after, base):  # nothing is left to merge
            await self._pulling.close(actor, issue)

    async def _base_moved(self, issue: Issue, after: str, actor: Account) -> None:
        if await self._bare.is_ancestor(part_of(issue).head_sha, after):
            await self._pulling.merged(actor, issue, after)

    async def _tell(self, ref: str, before: str | None, after: str | None, actor: Account) -> None:
        view = self._view
        commits = await self._new_commits(before, after)
        head = commits[-1] if commits else await self._history.commit(after) if after else None
        forced = bool(before and after and not await self._bare.is_ancestor(before, after))
        payload: dict[str, Any] = {
            "ref": ref,
            "before": before or ZEROS,
            "after": after or ZEROS,
            "repository": _dated(view),
            "pusher": {"name": actor.login, "email": actor.email},
            "created": before is None,
            "deleted": after is None,
            "forced": forced,
            "base_ref": None,
            "compare": f"{view.urls.page}/compare/{(before or ZEROS)[:12]}...{(after or ZEROS)[:12]}",
            "commits": [pushed(view, commit) for commit in commits],
            "head_commit": pushed(view, head) if head else None,
        }
        self._courier.tell("push", actor, payload)

    async def _new_commits(self, before: str | None, after: str | None) -> list[Commit]:
        if after is None:
            return []
        known = [before] if before else [*(await self._bare.refs("refs/heads")).values()]
        span = [f"^{sha}" for sha in known if sha != after]
        return await self._history.commits("--reverse", f"-{_MOST_COMMITS}", after, *span)


def _dated(view: View) -> dict[str, Any]:
    """Show the repository as pushes do: some of its times are seconds."""
    world, shown = view.world, repository(view)
    owner = {**shown["owner"], "name": world.owner.login, "email": world.owner.email}
    times = {"created_at": int(world.created_at.timestamp()), "pushed_at": int(world.pushed_at.timestamp())}
    return {**shown, **times, "owner": owner, "url": view.urls.page, "stargazers": 0, "master_branch": "main"}
