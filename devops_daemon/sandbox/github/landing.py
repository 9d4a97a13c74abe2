"""Bringing pull requests in, and bringing their branches up to date: what may be done, and the doing of it."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.bare import Bare, Person
from devops_daemon.sandbox.github.issues import Issue
from devops_daemon.sandbox.github.mergeability import Mergeability
from devops_daemon.sandbox.github.merging import Merging
from devops_daemon.sandbox.github.pulling import Pulling
from devops_daemon.sandbox.github.pulls import branch_ref
from devops_daemon.sandbox.github.pushing import Pushing
from devops_daemon.sandbox.github.refusals import Refusal, unprocessable
from devops_daemon.sandbox.github.shown.pulls import part_of
from devops_daemon.sandbox.github.shown.view import View
from devops_daemon.sandbox.github.verdicts import missing

CONFLICT = "merge conflict between base and head"
HEAD_MOVED = "Head branch was modified. Review and try the merge again."
NOT_MERGEABLE = "Pull Request is not mergeable"
_MAY_BE_MERGED = {"clean", "unstable"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """How somebody wants a pull request merged."""

    method: str = "merge"
    sha: str | None = None
    title: str | None = None
    message: str | None = None


class Parts(Protocol):
    """What landing takes: state, git, and those that take note of what moved."""

    view: View
    bare: Bare
    merging: Merging
    mergeability: Mergeability
    pulling: Pulling
    pushing: Pushing


class Landing:
    """Merges and updates; raises Refusal."""

    def __init__(self, parts: Parts) -> None:
        """Act with these parts."""
        self._world = parts.view.world
        self._bare = parts.bare
        self._merging = parts.merging
        self._mergeability = parts.mergeability
        self._pulling = parts.pulling
        self._pushing = parts.pushing

    async def merge(self, actor: Account, issue: Issue, wanted: Wanted) -> str:
        """Merge a pull request; gives the commit that its base is at then."""
        pull = part_of(issue)
        state = await self._mergeability.find_out(issue)
        self._look(issue, wanted, state)
        base_ref = branch_ref(pull.base_ref)
        base = await self._bare.sha(base_ref) or ""
        sha = await self._make(actor, issue, wanted, base)
        if sha is None:
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, NOT_MERGEABLE)
        await self._bare.set_ref(base_ref, sha, base)
        await self._pulling.merged(actor, issue, sha)
        await self._pushing.moved(base_ref, base, sha, actor)
        if self._world.options.delete_branch_on_merge and not pull.fork:
            await self._bare.set_ref(pull.head_branch, None)
            await self._pushing.moved(pull.head_branch, pull.head_sha, None, actor)
        return sha

    async def update(self, actor: Account, issue: Issue, expected: str | None, *, rebase: bool = False) -> str:
        """Bring a branch up to date with its base; gives the commit that it is at then."""
        pull = part_of(issue)
        if expected is not None and expected != pull.head_sha:
            raise unprocessable("expected head sha didn't match current head ref.")
        base = await self._bare.sha(branch_ref(pull.base_ref)) or ""
        if await self._bare.is_ancestor(base, pull.head_sha):
            raise unprocessable("There are no new commits on the base branch.")
        sha = await self._updated(actor, issue, base, rebase=rebase)
        if sha is None:
            raise unprocessable(CONFLICT)
        before = pull.head_sha
        await self._bare.set_ref(pull.head_branch, sha, before)
        await self._pushing.moved(pull.head_branch, before, sha, actor)
        return sha

    async def land_waiting(self, sha: str) -> None:
        """Merge what waits for its checks at this commit, where nothing holds it any more."""
        for issue in self._world.pulls():
            pull = part_of(issue)
            waits = pull.auto_merge if issue.is_open and pull.head_sha == sha else None
            if waits and await self._mergeability.find_out(issue) in _MAY_BE_MERGED:
                await self.merge(waits.enabled_by, issue, Wanted(waits.method))

    def _look(self, issue: Issue, wanted: Wanted, state: str) -> None:
        """Raise Refusal unless it may be merged so."""
        pull = part_of(issue)
        if not issue.is_open:
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, NOT_MERGEABLE)
        if wanted.sha is not None and wanted.sha != pull.head_sha:
            raise Refusal(HTTPStatus.CONFLICT, HEAD_MOVED)
        allowed = {
            "merge": self._world.options.allow_merge_commit,
            "squash": self._world.options.allow_squash_merge,
            "rebase": self._world.options.allow_rebase_merge,
        }
        if not allowed[wanted.method]:
            named = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}[wanted.method]
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{named} are not allowed on this repository.")
        if state not in _MAY_BE_MERGED:
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, self._why_not(issue, state))

    def _why_not(self, issue: Issue, state: str) -> str:
        told = {
            "draft": "Pull Request is still a draft",
            "behind": "Head branch is out of date. Review and try the merge again.",
            "blocked": missing(self._world, part_of(issue)) or NOT_MERGEABLE,
        }
        return told.get(state, NOT_MERGEABLE)

    async def _make(self, actor: Account, issue: Issue, wanted: Wanted, base: str) -> str | None:
        pull, who = part_of(issue), Person.of(actor)
        if wanted.method == "rebase":
            return await self._merging.rebase(base, pull.head_sha, who)
        if wanted.method == "squash":
            title = wanted.title or f"{issue.title} (#{issue.number})"
            return await self._merging.squash(base, pull.head_sha, _text(title, wanted.message), who)
        source = f"{pull.fork or self._world.owner.login}/{pull.head_ref}"
        title = wanted.title or f"Merge pull request #{issue.number} from {source}"
        return await self._merging.merge(base, pull.head_sha, _text(title, wanted.message or issue.title), who)

    async def _updated(self, actor: Account, issue: Issue, base: str, *, rebase: bool) -> str | None:
        pull, who = part_of(issue), Person.of(actor)
        if rebase:
            return await self._merging.rebase(base, pull.head_sha, who)
        title = f"Merge branch '{pull.base_ref}' into {pull.head_ref}"
        return await self._merging.merge(pull.head_sha, base, title, who)


def _text(title: str, message: str | None) -> str:
    return f"{title}\n\n{message}" if message else title
