"""Routes of pull requests."""

from http import HTTPStatus
from typing import Any

from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.call import REPO, Call, Reply, Route, created, done
from devops_daemon.sandbox.github.issues import Issue
from devops_daemon.sandbox.github.landing import Wanted
from devops_daemon.sandbox.github.paging import page
from devops_daemon.sandbox.github.permissions import may_change_workflows
from devops_daemon.sandbox.github.pulls import PullPart, Review, branch_ref
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.refusals import Refusal, forbidden, invalid, not_found
from devops_daemon.sandbox.github.shown import commits as shown_commits
from devops_daemon.sandbox.github.shown import pulls as shown
from devops_daemon.sandbox.github.shown.pulls import part_of

_READ = ("pull_requests=read",)
_WRITE = ("pull_requests=write",)
_MERGE = ("contents=write",)
_ONE = f"{REPO}/pulls/{{pull_number}}"
_STATES = {"open", "closed", "all"}
_METHODS = {"merge", "squash", "rebase"}
_VERDICTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
NO_PUSH = "Must have push access to the repository."


class PullRoutes:
    """Pull requests, their commits, files and reviews, and merging."""

    def __init__(self, realm: Realm) -> None:
        """Answer from this realm."""
        self._realm = realm
        self._view = realm.view

    def routes(self) -> list[Route]:
        """List the routes."""
        return [
            Route("GET", f"{REPO}/pulls", self._list, _READ),
            Route("POST", f"{REPO}/pulls", self._create, _WRITE),
            Route("GET", _ONE, self._get, _READ),
            Route("PATCH", _ONE, self._patch, _WRITE),
            Route("GET", f"{_ONE}/commits", self._commits, _READ),
            Route("GET", f"{_ONE}/files", self._files, _READ),
            Route("GET", f"{_ONE}/merge", self._is_merged, ("contents=read",)),
            Route("PUT", f"{_ONE}/merge", self._merge, _MERGE),
            Route("PUT", f"{_ONE}/update-branch", self._update, _WRITE),
            Route("GET", f"{_ONE}/reviews", self._reviews, _READ),
            Route("POST", f"{_ONE}/reviews", self._review, _WRITE),
        ]

    async def _list(self, call: Call) -> Reply:
        pulls = [each for each in self._view.world.pulls() if _matches(self._view.world.owner.login, each, call)]
        sort = {"updated": "updated_at"}.get(call.query.get("sort", ""), "created_at")
        otherwise = "desc" if sort == "created_at" else "asc"
        newest_first = call.query.get("direction", otherwise) == "desc"
        pulls.sort(key=lambda each: (getattr(each, sort), each.number), reverse=newest_first)
        return page(call, pulls, lambda each: shown.simple(self._view, each))

    async def _create(self, call: Call) -> Reply:
        body = call.body
        head, base = call.text("head", "PullRequest"), call.text("base", "PullRequest")
        owner, _, branch = head.rpartition(":")
        fork = owner if owner and owner.lower() != self._view.world.owner.login.lower() else None
        if not fork:
            call.require(Role.READ if call.caller.via_app else Role.WRITE, NO_PUSH)
        head_sha = await self._realm.bare.sha(branch_ref(branch, fork))
        base_sha = await self._realm.bare.sha(branch_ref(base))
        for field, sha in (("head", head_sha), ("base", base_sha)):
            if sha is None:
                raise invalid("PullRequest", field, "invalid")
        if await self._realm.bare.is_ancestor(head_sha or "", base_sha or ""):
            raise _custom(f"No commits between {base} and {branch}")
        self._look_for_another(branch, base, fork)
        part = PullPart(branch, base, head_sha or "", base_sha or "", fork=fork, draft=bool(body.get("draft")))
        part.maintainer_can_modify = bool(fork and body.get("maintainer_can_modify", True))
        title = call.text("title", "PullRequest")
        issue = Issue(self._view.world.next_number(), title, call.account, body.get("body"), pull=part)
        await self._realm.pulling.open(call.account, issue)
        return created(await self._show(issue))

    def _look_for_another(self, branch: str, base: str, fork: str | None) -> None:
        for issue in self._view.world.pulls():
            pull = part_of(issue)
            if issue.is_open and (pull.head_ref, pull.base_ref, pull.fork) == (branch, base, fork):
                owner = fork or self._view.world.owner.login
                raise _custom(f"A pull request already exists for {owner}:{branch}.")

    async def _get(self, call: Call) -> Reply:
        return Reply(await self._show(self._pull(call)))

    async def _patch(self, call: Call) -> Reply:
        issue, body = self._pull(call), call.body
        if issue.author is not call.account:
            call.require(Role.WRITE)
        conversation = self._realm.conversation
        await conversation.rewrite(call.account, issue, body.get("title") or issue.title, body.get("body", issue.body))
        state = body.get("state", issue.state)
        if state not in {"open", "closed"}:
            raise invalid("PullRequest", "state", "invalid")
        if state == "closed" and issue.is_open:
            await conversation.close(call.account, issue)
        elif state == "open" and not issue.is_open:
            await self._reopen(call, issue)
        return Reply(await self._show(issue))

    async def _reopen(self, call: Call, issue: Issue) -> None:
        """Open it again; not where it was merged, or its branch is gone or was written anew."""
        pull = part_of(issue)
        if pull.merged_at:
            raise invalid("PullRequest", "state", "invalid")
        tip = await self._realm.bare.sha(pull.head_branch)
        if tip != pull.head_sha:
            word = "was force-pushed or recreated" if tip else "has been deleted"
            raise invalid(
                "PullRequest", "state", "custom", f"state cannot be changed. The {pull.head_ref} branch {word}."
            )
        await self._realm.conversation.reopen(call.account, issue)

    async def _commits(self, call: Call) -> Reply:
        pull = part_of(self._pull(call))
        commits = await self._realm.history.commits("--reverse", f"{pull.base_sha}..{pull.head_sha}")
        return page(call, commits, lambda each: shown_commits.commit(self._view, each))

    async def _files(self, call: Call) -> Reply:
        pull = part_of(self._pull(call))
        changes = await self._realm.history.changes(pull.base_sha, pull.head_sha)
        return page(call, changes, lambda each: shown_commits.change(self._view, each, pull.head_sha))

    async def _is_merged(self, call: Call) -> Reply:
        if part_of(self._pull(call)).merged_at is None:
            raise not_found()
        return done()

    async def _merge(self, call: Call) -> Reply:
        call.require(Role.WRITE, NO_PUSH)
        body = call.body
        method = body.get("merge_method", "merge")
        if method not in _METHODS:
            raise invalid("PullRequest", "merge_method", "invalid")
        wanted = Wanted(method, body.get("sha"), body.get("commit_title"), body.get("commit_message"))
        issue = self._pull(call)
        await self._look_at_workflows(call, issue)
        sha = await self._realm.landing.merge(call.account, issue, wanted)
        return Reply({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})

    async def _look_at_workflows(self, call: Call, issue: Issue) -> None:
        """Raise Refusal where workflows would be changed by a token that may not."""
        pull = part_of(issue)
        if may_change_workflows(call.caller):
            return
        for change in await self._realm.history.changes(pull.base_sha, pull.head_sha):
            if change.name.startswith(".github/workflows/"):
                raise forbidden(f"refusing to allow this token to create or update workflow `{change.name}`")

    async def _update(self, call: Call) -> Reply:
        issue = self._pull(call)
        if not issue.is_open:
            raise forbidden("Cannot update a closed pull request.")
        call.require(Role.WRITE, NO_PUSH)
        await self._realm.landing.update(call.account, issue, call.body.get("expected_head_sha"))
        url = f"{call.urls.repo}/pulls/{issue.number}"
        return Reply({"message": "Updating pull request branch.", "url": url}, HTTPStatus.ACCEPTED)

    async def _reviews(self, call: Call) -> Reply:
        issue = self._pull(call)
        return page(call, part_of(issue).reviews, lambda each: shown.review(self._view, issue, each))

    async def _review(self, call: Call) -> Reply:
        issue, body = self._pull(call), call.body
        verdict = _VERDICTS.get(str(body.get("event", "COMMENT")))
        if verdict is None:
            raise invalid("PullRequestReview", "event", "invalid")
        if verdict == "APPROVED" and issue.author is call.account:
            raise Refusal(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "Unprocessable Entity",
                errors=["Can not approve your own pull request"],
            )
        review = Review(call.account, verdict, body.get("body") or "", body.get("commit_id") or part_of(issue).head_sha)
        await self._realm.pulling.review(issue, review)
        await self._realm.landing.land_waiting(part_of(issue).head_sha)
        return Reply(shown.review(self._view, issue, review))

    async def _show(self, issue: Issue) -> dict[str, Any]:
        state = await self._realm.mergeability.look(issue)
        return shown.full(self._view, issue, state, await self._realm.pulling.measure(issue))

    def _pull(self, call: Call) -> Issue:
        return self._view.world.pull(call.number("pull_number"))


def _custom(message: str) -> Refusal:
    problem = {"resource": "PullRequest", "code": "custom", "message": message}
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Validation Failed", errors=[problem])


def _matches(owner: str, issue: Issue, call: Call) -> bool:
    pull, query = part_of(issue), call.query
    state = query.get("state", "open")
    if state not in _STATES:
        raise invalid("PullRequest", "state", "invalid")
    label = f"{pull.fork or owner}:{pull.head_ref}"
    return (
        state in {"all", issue.state}
        and query.get("base", pull.base_ref) == pull.base_ref
        and query.get("head", label).lower() == label.lower()
    )
