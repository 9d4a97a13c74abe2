"""Routes of comments on issues and pull requests, and of reactions to them."""

from http import HTTPStatus

from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.call import REPO, Call, Reply, Route, created, done
from devops_daemon.sandbox.github.conversation import Conversation
from devops_daemon.sandbox.github.issues import LONGEST_BODY, REACTIONS, Comment, Reaction
from devops_daemon.sandbox.github.moments import read_iso
from devops_daemon.sandbox.github.paging import page
from devops_daemon.sandbox.github.refusals import forbidden, invalid, not_found, unprocessable
from devops_daemon.sandbox.github.shown import issues as shown
from devops_daemon.sandbox.github.shown.view import View

_READ = ("issues=read", "pull_requests=read")
_WRITE = ("issues=write", "pull_requests=write")
_ONE = f"{REPO}/issues/comments/{{comment_id}}"
_OF_ISSUE = f"{REPO}/issues/{{issue_number}}/comments"


class CommentRoutes:
    """What is said, and what is thought of it."""

    def __init__(self, view: View, conversation: Conversation) -> None:
        """Answer from this state."""
        self._view = view
        self._conversation = conversation

    def routes(self) -> list[Route]:
        """List the routes."""
        return [
            Route("GET", f"{REPO}/issues/comments", self._all, _READ),
            Route("GET", _ONE, self._get, _READ),
            Route("PATCH", _ONE, self._edit, _WRITE),
            Route("DELETE", _ONE, self._delete, _WRITE),
            Route("GET", f"{_ONE}/reactions", self._reactions, _READ),
            Route("POST", f"{_ONE}/reactions", self._react, _WRITE),
            Route("DELETE", f"{_ONE}/reactions/{{reaction_id}}", self._take_back, _WRITE),
            Route("GET", _OF_ISSUE, self._of_issue, _READ),
            Route("POST", _OF_ISSUE, self._create, _WRITE),
            Route("POST", f"{REPO}/issues/{{issue_number}}/reactions", self._react_to_issue, _WRITE),
        ]

    async def _all(self, call: Call) -> Reply:
        comments = _since(call, list(self._view.world.comments.values()))
        sort = call.query.get("sort")
        if sort in {"created", "updated"}:
            newest_first = call.query.get("direction", "desc") == "desc"
            comments.sort(key=lambda each: (getattr(each, f"{sort}_at"), each.id), reverse=newest_first)
        return page(call, comments, lambda each: shown.comment(self._view, each))

    async def _of_issue(self, call: Call) -> Reply:
        issue = self._view.world.issue(call.number("issue_number"))
        comments = _since(call, self._view.world.comments_on(issue.number))
        return page(call, comments, lambda each: shown.comment(self._view, each))

    async def _create(self, call: Call) -> Reply:
        issue = self._view.world.issue(call.number("issue_number"))
        if issue.locked and call.role < Role.WRITE:
            raise forbidden("Unable to create comment because issue is locked.")
        body = _body(call)
        comment = await self._conversation.comment(call.account, issue.number, body)
        location = {"Location": f"{call.urls.repo}/issues/comments/{comment.id}"}
        return Reply(shown.comment(self._view, comment), HTTPStatus.CREATED, location)

    async def _get(self, call: Call) -> Reply:
        return Reply(shown.comment(self._view, self._comment(call)))

    async def _edit(self, call: Call) -> Reply:
        comment = self._own(call)
        await self._conversation.edit(call.account, comment, _body(call))
        return Reply(shown.comment(self._view, comment))

    async def _delete(self, call: Call) -> Reply:
        await self._conversation.delete(call.account, self._own(call))
        return done()

    async def _reactions(self, call: Call) -> Reply:
        return page(call, self._comment(call).reactions, lambda each: shown.reaction(self._view, each))

    async def _react(self, call: Call) -> Reply:
        return self._put(call, self._comment(call).reactions)

    async def _react_to_issue(self, call: Call) -> Reply:
        return self._put(call, self._view.world.issue(call.number("issue_number")).reactions)

    async def _take_back(self, call: Call) -> Reply:
        reactions = self._comment(call).reactions
        for reaction in reactions:
            if reaction.id == call.number("reaction_id") and reaction.account is call.account:
                reactions.remove(reaction)
                return done()
        raise not_found()

    def _put(self, call: Call, reactions: list[Reaction]) -> Reply:
        content = call.text("content", "Reaction")
        if content not in REACTIONS:
            raise invalid("Reaction", "content", "invalid")
        reaction, is_new = self._conversation.react(call.account, reactions, content)
        body = shown.reaction(self._view, reaction)
        return created(body) if is_new else Reply(body)

    def _comment(self, call: Call) -> Comment:
        return self._view.world.comment(call.number("comment_id"))

    def _own(self, call: Call) -> Comment:
        """Find a comment that the caller may change: its author may, and who may push."""
        comment = self._comment(call)
        if comment.author is not call.account:
            call.require(Role.WRITE)
        return comment


def _body(call: Call) -> str:
    body = call.text("body", "IssueComment")
    if len(body) > LONGEST_BODY:
        raise unprocessable(f"Validation Failed: body is too long (maximum is {LONGEST_BODY} characters)")
    return body


def _since(call: Call, comments: list[Comment]) -> list[Comment]:
    text = call.query.get("since")
    if text is None:
        return comments
    since = read_iso(text)
    if since is None:
        raise invalid("IssueComment", "since", "invalid")
    return [each for each in comments if each.updated_at >= since]
