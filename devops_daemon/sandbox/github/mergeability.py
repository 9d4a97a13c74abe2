"""Whether a pull request can be merged: computed when somebody asks, known a while later, forgotten at each push."""

from datetime import UTC, datetime, timedelta

from devops_daemon.sandbox.github.bare import Bare
from devops_daemon.sandbox.github.issues import Issue
from devops_daemon.sandbox.github.merging import Merging
from devops_daemon.sandbox.github.pulls import Computed, branch_ref
from devops_daemon.sandbox.github.shown.pulls import part_of
from devops_daemon.sandbox.github.verdicts import missing, reported
from devops_daemon.sandbox.github.world import World

UNKNOWN = "unknown"


class Mergeability:
    """Computes it; `delay` is how long GitHub takes: even with none, the first answer is that it does not know."""

    def __init__(self, world: World, bare: Bare, merging: Merging) -> None:
        """Look at this state and this repository."""
        self.delay = timedelta()
        self._world = world
        self._bare = bare
        self._merging = merging

    async def look(self, issue: Issue) -> str:
        """Say what holds it, as `mergeable_state` does, as far as that is known by now."""
        pull = part_of(issue)
        base_sha = await self._base(issue)
        if not issue.is_open or base_sha is None:
            return UNKNOWN
        known = pull.computed
        if known is None or (known.head_sha, known.base_sha) != (pull.head_sha, base_sha):
            pull.computed = await self._compute(pull.head_sha, base_sha)
            return UNKNOWN
        return UNKNOWN if datetime.now(UTC) < known.ready_at else self._judge(issue, known)

    async def find_out(self, issue: Issue) -> str:
        """Say what holds it, now."""
        base_sha = await self._base(issue)
        if base_sha is None:
            return UNKNOWN
        return self._judge(issue, await self._compute(part_of(issue).head_sha, base_sha))

    async def _base(self, issue: Issue) -> str | None:
        return await self._bare.sha(branch_ref(part_of(issue).base_ref))

    async def _compute(self, head_sha: str, base_sha: str) -> Computed:
        clean = await self._merging.tree(base_sha, head_sha) is not None
        behind = not await self._bare.is_ancestor(base_sha, head_sha)
        return Computed(head_sha, base_sha, datetime.now(UTC) + self.delay, clean, behind)

    def _judge(self, issue: Issue, known: Computed) -> str:
        pull = part_of(issue)
        words = reported(self._world, pull.head_sha).words
        reasons = {
            "dirty": not known.clean,
            "draft": pull.draft,
            "blocked": missing(self._world, pull) is not None,
            "behind": known.behind and self._world.protection(pull.base_ref).strict,
            "unstable": any(word != "success" for word in words.values()),
        }
        return next((name for name, holds in reasons.items() if holds), "clean")
