"""What people do with issues: open them, talk on them, label and close them; each is told to the webhooks."""

from collections.abc import Mapping, Sequence
from typing import Any

from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.courier import Courier
from devops_daemon.sandbox.github.issues import Comment, Issue, Label, Reaction
from devops_daemon.sandbox.github.moments import now
from devops_daemon.sandbox.github.pulling import Pulling
from devops_daemon.sandbox.github.shown import issues as shown
from devops_daemon.sandbox.github.shown.accounts import user
from devops_daemon.sandbox.github.shown.view import View

Json = dict[str, Any]


class Conversation:
    """The acts; whether the actor may do it has been looked at before."""

    def __init__(self, view: View, courier: Courier, pulling: Pulling) -> None:
        """Act on this state, tell by this courier."""
        self._view = view
        self._courier = courier
        self._pulling = pulling

    async def open(self, author: Account, issue: Issue) -> Issue:
        """Open an issue that has been filled in."""
        world = self._view.world
        world.issues[issue.number] = issue
        await self._tell(issue, "opened", author)
        for label in issue.labels:
            await self._tell(issue, "labeled", author, {"label": shown.label(self._view, label)})
        return issue

    async def comment(self, author: Account, number: int, body: str) -> Comment:
        """Say something on an issue or pull request."""
        issue = self._view.world.issue(number)
        comment = Comment(number, author, body)
        self._view.world.comments[comment.id] = comment
        issue.updated_at = now()
        self._tell_comment("created", comment, author)
        return comment

    async def edit(self, actor: Account, comment: Comment, body: str) -> None:
        """Say it otherwise."""
        before, comment.body, comment.updated_at = comment.body, body, now()
        self._tell_comment("edited", comment, actor, {"changes": {"body": {"from": before}}})

    async def delete(self, actor: Account, comment: Comment) -> None:
        """Let a comment be gone."""
        self._tell_comment("deleted", comment, actor)
        del self._view.world.comments[comment.id]

    def react(self, actor: Account, reactions: list[Reaction], content: str) -> tuple[Reaction, bool]:
        """Put a reaction; gives the one that is there, and whether it is new. No webhook tells of it."""
        for reaction in reactions:
            if reaction.account is actor and reaction.content == content:
                return reaction, False
        reactions.append(Reaction(actor, content))
        return reactions[-1], True

    async def label(self, actor: Account, issue: Issue, names: Sequence[str]) -> None:
        """Add labels; those that do not exist are made."""
        for name in names:
            label = self._view.world.label(name)
            if label not in issue.labels:
                issue.labels.append(label)
                await self._touched(issue, "labeled", actor, label)

    async def unlabel(self, actor: Account, issue: Issue, label: Label) -> None:
        """Take a label away."""
        issue.labels.remove(label)
        await self._touched(issue, "unlabeled", actor, label)

    async def relabel(self, actor: Account, issue: Issue, names: Sequence[str]) -> None:
        """Let it have these labels and no others."""
        wanted = [self._view.world.label(name) for name in names]
        for label in [each for each in issue.labels if each not in wanted]:
            await self.unlabel(actor, issue, label)
        await self.label(actor, issue, names)

    async def assign(self, actor: Account, issue: Issue, accounts: Sequence[Account]) -> None:
        """Give it to these accounts, beside those that have it."""
        for account in accounts:
            if account not in issue.assignees:
                issue.assignees.append(account)
                issue.updated_at = now()
                await self._tell(issue, "assigned", actor, {"assignee": user(self._view, account)})

    async def rewrite(self, actor: Account, issue: Issue, title: str, body: str | None) -> None:
        """Let it say something else."""
        before = {"title": issue.title, "body": issue.body}
        issue.title, issue.body, issue.updated_at = title, body, now()
        changed = {name: {"from": old} for name, old in before.items() if old != getattr(issue, name)}
        if changed:
            await self._tell(issue, "edited", actor, {"changes": changed})

    async def close(self, actor: Account, issue: Issue, reason: str | None = None) -> None:
        """Close it."""
        issue.state, issue.closed_at, issue.closed_by, issue.updated_at = "closed", now(), actor, now()
        issue.state_reason = None if issue.pull else reason or "completed"
        await self._tell(issue, "closed", actor)

    async def reopen(self, actor: Account, issue: Issue) -> None:
        """Open it again."""
        issue.state, issue.closed_at, issue.closed_by, issue.updated_at = "open", None, None, now()
        issue.state_reason = None if issue.pull else "reopened"
        await self._tell(issue, "reopened", actor)

    async def _touched(self, issue: Issue, action: str, actor: Account, label: Label) -> None:
        issue.updated_at = now()
        await self._tell(issue, action, actor, {"label": shown.label(self._view, label)})

    async def _tell(self, issue: Issue, action: str, actor: Account, more: Mapping[str, Any] | None = None) -> None:
        if issue.pull:
            await self._pulling.tell(issue, action, actor, more)
            return
        payload = {"action": action, "issue": shown.issue(self._view, issue), **(more or {})}
        self._courier.tell("issues", actor, payload)

    def _tell_comment(
        self, action: str, comment: Comment, actor: Account, more: Mapping[str, Any] | None = None
    ) -> None:
        issue = self._view.world.issue(comment.issue)
        payload = {
            "action": action,
            **(more or {}),
            "issue": shown.issue(self._view, issue),
            "comment": shown.comment(self._view, comment),
        }
        self._courier.tell("issue_comment", actor, payload)
