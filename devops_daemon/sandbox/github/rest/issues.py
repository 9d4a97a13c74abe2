"""Routes of issues and labels."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from devops_daemon.sandbox.github.accounts import Account, Role
from devops_daemon.sandbox.github.call import REPO, Call, Reply, Route, created
from devops_daemon.sandbox.github.conversation import Conversation
from devops_daemon.sandbox.github.issues import LONGEST_BODY, Issue, Label
from devops_daemon.sandbox.github.moments import read_iso
from devops_daemon.sandbox.github.paging import page
from devops_daemon.sandbox.github.refusals import Refusal, invalid, not_found, unprocessable
from devops_daemon.sandbox.github.shown import issues as shown
from devops_daemon.sandbox.github.shown.view import View

_READ = ("issues=read", "pull_requests=read")
_WRITE = ("issues=write", "pull_requests=write")
_ONE = f"{REPO}/issues/{{issue_number}}"
_STATES = {"open", "closed", "all"}
_REASONS = {None, "completed", "not_planned", "duplicate", "reopened"}


class IssueRoutes:
    """Issues, and pull requests as issues."""

    def __init__(self, view: View, conversation: Conversation) -> None:
        """Answer from this state."""
        self._view = view
        self._conversation = conversation

    def routes(self) -> list[Route]:
        """List the routes."""
        return [
            Route("GET", f"{REPO}/issues", self._list, _READ),
            Route("POST", f"{REPO}/issues", self._create, ("issues=write",)),
            Route("GET", _ONE, self._get, _READ),
            Route("PATCH", _ONE, self._patch, _WRITE),
            Route("GET", f"{_ONE}/labels", self._labels, _READ),
            Route("POST", f"{_ONE}/labels", self._add_labels, _WRITE),
            Route("DELETE", f"{_ONE}/labels/{{name}}", self._remove_label, _WRITE),
            Route("POST", f"{_ONE}/assignees", self._assign, _WRITE),
            Route("GET", f"{REPO}/labels", self._all_labels, _READ),
            Route("POST", f"{REPO}/labels", self._create_label, _WRITE),
            Route("GET", f"{REPO}/labels/{{name}}", self._label, _READ),
        ]

    async def _list(self, call: Call) -> Reply:
        query = call.query
        issues = [each for each in self._view.world.issues.values() if _matches(each, call)]
        sort = {"updated": "updated_at"}.get(query.get("sort", ""), "created_at")
        newest_first = query.get("direction", "desc") == "desc"
        issues.sort(key=lambda each: (getattr(each, sort), each.number), reverse=newest_first)
        return page(call, issues, self._show)

    async def _create(self, call: Call) -> Reply:
        if not self._view.world.options.has_issues:
            raise Refusal(HTTPStatus.GONE, "Issues has been disabled in this repository.")
        body = call.body
        title, text = call.text("title", "Issue"), _text(body.get("body"))
        may = call.caller.via_app or call.role >= Role.TRIAGE  # else labels and assignees are dropped in silence
        issue = Issue(self._view.world.next_number(), title, call.account, text)
        if may:
            issue.labels = [self._view.world.label(name) for name in _names(body.get("labels"))]
            issue.assignees = self._accounts(body.get("assignees"))
        return created(self._show(await self._conversation.open(call.account, issue)))

    async def _get(self, call: Call) -> Reply:
        return Reply(self._show(self._issue(call)))

    async def _patch(self, call: Call) -> Reply:
        issue, body = self._issue(call), call.body
        if issue.author is not call.account:
            call.require(Role.TRIAGE)
        if body.get("state") not in {None, "open", "closed"}:
            raise invalid("Issue", "state", "invalid")
        if body.get("state_reason") not in _REASONS:
            raise invalid("Issue", "state_reason", "invalid")
        await self._conversation.rewrite(
            call.account, issue, body.get("title") or issue.title, _text(body.get("body", issue.body))
        )
        if "labels" in body:
            await self._conversation.relabel(call.account, issue, _names(body["labels"]))
        if "assignees" in body:
            issue.assignees = [each for each in issue.assignees if each in self._accounts(body["assignees"])]
            await self._conversation.assign(call.account, issue, self._accounts(body["assignees"]))
        await self._set_state(call, issue)
        return Reply(self._show(issue))

    async def _set_state(self, call: Call, issue: Issue) -> None:
        wanted = call.body.get("state", issue.state)
        if wanted == "closed" and issue.is_open:
            await self._conversation.close(call.account, issue, call.body.get("state_reason"))
        elif wanted == "open" and not issue.is_open:
            if issue.pull and issue.pull.merged_at:
                raise invalid("PullRequest", "state", "invalid")
            await self._conversation.reopen(call.account, issue)

    async def _labels(self, call: Call) -> Reply:
        return page(call, self._issue(call).labels, self._show_label)

    async def _add_labels(self, call: Call) -> Reply:
        call.require(Role.TRIAGE)
        issue = self._issue(call)
        await self._conversation.label(call.account, issue, _names(call.body.get("labels")))
        return Reply([self._show_label(each) for each in issue.labels])

    async def _remove_label(self, call: Call) -> Reply:
        call.require(Role.TRIAGE)
        issue, name = self._issue(call), call.names["name"].lower()
        for label in issue.labels:
            if label.name.lower() == name:
                await self._conversation.unlabel(call.account, issue, label)
                return Reply([self._show_label(each) for each in issue.labels])
        raise Refusal(HTTPStatus.NOT_FOUND, "Label does not exist")

    async def _assign(self, call: Call) -> Reply:
        issue = self._issue(call)
        await self._conversation.assign(call.account, issue, self._accounts(call.body.get("assignees")))
        return created(self._show(issue))

    async def _all_labels(self, call: Call) -> Reply:
        return page(call, list(self._view.world.labels.values()), self._show_label)

    async def _create_label(self, call: Call) -> Reply:
        call.require(Role.WRITE)
        name, body = call.text("name", "Label"), call.body
        if name.lower() in self._view.world.labels:
            raise invalid("Label", "name", "already_exists")
        label = Label(name, str(body.get("color") or "ededed").lstrip("#"), body.get("description"))
        self._view.world.labels[name.lower()] = label
        return created(self._show_label(label))

    async def _label(self, call: Call) -> Reply:
        label = self._view.world.labels.get(call.names["name"].lower())
        if label is None:
            raise not_found()
        return Reply(self._show_label(label))

    def _issue(self, call: Call) -> Issue:
        return self._view.world.issue(call.number("issue_number"))

    def _accounts(self, logins: object) -> list[Account]:
        found = (self._view.world.accounts.find(name) for name in _names(logins))
        return [account for account in found if account]

    def _show(self, issue: Issue) -> dict[str, Any]:
        return shown.issue(self._view, issue)

    def _show_label(self, label: Label) -> dict[str, Any]:
        return shown.label(self._view, label)


def _matches(issue: Issue, call: Call) -> bool:
    query = call.query
    state = query.get("state", "open")
    if state not in _STATES:
        raise invalid("Issue", "state", "invalid")
    since = read_iso(query["since"]) if "since" in query else None
    labels = {name.strip().lower() for name in query.get("labels", "").split(",") if name.strip()}
    return (
        state in {"all", issue.state}
        and labels <= {label.name.lower() for label in issue.labels}
        and query.get("creator", issue.author.login).lower() == issue.author.login.lower()
        and (since is None or issue.updated_at >= since)
    )


def _names(value: object) -> Sequence[str]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise unprocessable("Invalid request.\n\nFor 'items', it is not an array.")
    return [str(each["name"]) if isinstance(each, dict) else str(each) for each in value]


def _text(value: object) -> str | None:
    text = None if value is None else str(value)
    if text is not None and len(text) > LONGEST_BODY:
        raise unprocessable(f"Validation Failed: body is too long (maximum is {LONGEST_BODY} characters)")
    return text
