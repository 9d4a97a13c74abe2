"""Pull requests as they come, change and go; each step is told to the webhooks."""

import re
from collections.abc import Mapping
from typing import Any

from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.bare import Bare, GitError
from devops_daemon.sandbox.github.courier import Courier
from devops_daemon.sandbox.github.history import History
from devops_daemon.sandbox.github.issues import Issue
from devops_daemon.sandbox.github.moments import now
from devops_daemon.sandbox.github.pulls import Review, branch_ref
from devops_daemon.sandbox.github.shown import issues as shown_issues
from devops_daemon.sandbox.github.shown import pulls as shown
from devops_daemon.sandbox.github.shown.pulls import Measure, part_of
from devops_daemon.sandbox.github.shown.view import View

CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? #(?P<number>\d{1,9})\b", re.IGNORECASE)


class Pulling:
    """The acts on pull requests; whether the actor may do it has been looked at before."""

    def __init__(self, view: View, bare: Bare, history: History, courier: Courier) -> None:
        """Act on this state and this repository."""
        self._view = view
        self._bare = bare
        self._history = history
        self._courier = courier

    async def open(self, author: Account, issue: Issue) -> Issue:
        """Open a pull request that has been filled in."""
        self._view.world.issues[issue.number] = issue
        await self._bare.set_ref(f"refs/pull/{issue.number}/head", part_of(issue).head_sha)
        await self.tell(issue, "opened", author)
        for label in issue.labels:
            await self.tell(issue, "labeled", author, {"label": shown_issues.label(self._view, label)})
        return issue

    async def synchronize(self, actor: Account, issue: Issue, sha: str) -> None:
        """Let its branch be at another commit."""
        pull = part_of(issue)
        before, pull.head_sha, issue.updated_at = pull.head_sha, sha, now()
        pull.base_sha = await self._bare.sha(branch_ref(pull.base_ref)) or pull.base_sha
        await self._bare.set_ref(f"refs/pull/{issue.number}/head", sha)
        await self.tell(issue, "synchronize", actor, {"before": before, "after": sha})

    async def close(self, actor: Account, issue: Issue) -> None:
        """Close it, merged or not."""
        issue.state, issue.closed_at, issue.closed_by, issue.updated_at = "closed", now(), actor, now()
        await self.tell(issue, "closed", actor)

    async def merged(self, actor: Account, issue: Issue, sha: str) -> None:
        """Take note that it has been merged by a commit; the issues that it was to close are closed."""
        pull = part_of(issue)
        pull.merged_at, pull.merged_by, pull.merge_commit_sha = now(), actor, sha
        await self.close(actor, issue)
        for found in CLOSES.finditer(issue.body or ""):
            linked = self._view.world.issues.get(int(found["number"]))
            if linked and linked.is_open and not linked.pull:
                linked.state, linked.state_reason, linked.closed_at, linked.closed_by = (
                    "closed",
                    "completed",
                    now(),
                    actor,
                )
                payload = {"action": "closed", "issue": shown_issues.issue(self._view, linked)}
                self._courier.tell("issues", actor, payload)

    async def review(self, issue: Issue, review: Review) -> Review:
        """Let somebody say whether it is good."""
        part_of(issue).reviews.append(review)
        issue.updated_at = now()
        said = {**shown.review(self._view, issue, review), "state": review.state.lower()}
        payload = {"action": "submitted", "review": said, "pull_request": shown.simple(self._view, issue)}
        self._courier.tell("pull_request_review", review.author, payload)
        return review

    async def set_draft(self, actor: Account, issue: Issue, *, draft: bool) -> None:
        """Say whether it is ready."""
        part_of(issue).draft, issue.updated_at = draft, now()
        await self.tell(issue, "converted_to_draft" if draft else "ready_for_review", actor)

    async def measure(self, issue: Issue) -> Measure:
        """Tell how much it changes; nothing where its branches are gone."""
        pull = part_of(issue)
        try:
            changes = await self._history.changes(pull.base_sha, pull.head_sha)
            commits = await self._history.count(pull.base_sha, pull.head_sha)
        except GitError:
            return Measure()
        return Measure(
            commits, sum(each.additions for each in changes), sum(each.deletions for each in changes), len(changes)
        )

    async def tell(self, issue: Issue, action: str, actor: Account, more: Mapping[str, Any] | None = None) -> None:
        """Tell what happened to a pull request; what a webhook says of merging is never known yet."""
        pull = shown.full(self._view, issue, "unknown", await self.measure(issue))
        payload = {"action": action, "number": issue.number, "pull_request": pull, **(more or {})}
        self._courier.tell("pull_request", actor, payload)
