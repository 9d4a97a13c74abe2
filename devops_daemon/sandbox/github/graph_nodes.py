"""How pull requests, commits and checks look in GraphQL: mappings under the API's own names."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Account, Role
from devops_daemon.sandbox.github.bare import Person
from devops_daemon.sandbox.github.checks import CheckRun, CommitStatus
from devops_daemon.sandbox.github.graph_refusals import unprocessable
from devops_daemon.sandbox.github.history import Commit
from devops_daemon.sandbox.github.issues import Issue
from devops_daemon.sandbox.github.pulling import CLOSES
from devops_daemon.sandbox.github.pulls import PullPart, Thread
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.shown.pulls import part_of
from devops_daemon.sandbox.github.verdicts import decision, reported

Row = TypeVar("Row")
Node = Mapping[str, Any]
_PREFIX = "c:"
_INT_32 = 2**31


class Nodes:
    """Shows records of one realm; what takes git is asked for only where a query wants it."""

    def __init__(self, realm: Realm) -> None:
        """Show this realm."""
        self._realm = realm
        self._world = realm.view.world

    def repository(self) -> Node:
        """Show the repository."""
        return {
            "id": ids.node_id("R", self._world.id),
            "isPrivate": self._world.options.private,
            "nameWithOwner": self._world.full_name,
        }

    async def branch(self, name: str) -> Node:
        """Show a branch with what led to its head."""
        rows = await self._realm.history.commits(f"refs/heads/{name}")
        shown = list(map(self._commit, rows))
        head = {"__typename": "Commit", **shown[0], "history": lambda **asked: connection(shown, **asked)}
        return {"name": name, "target": head}

    def actor(self, account: Account) -> Node:
        """Show an account; Apps go without `[bot]` here."""
        login = account.login.removesuffix("[bot]")
        return {"__typename": account.kind, "login": login, "url": f"{self._realm.view.urls.site}/{login}"}

    def pull(self, issue: Issue) -> Node:
        """Show a pull request; both words on merging come from one look."""
        pull, state = part_of(issue), Once(lambda: self._realm.mergeability.look(issue))
        return {
            "__typename": "PullRequest",
            "id": ids.node_id("PR", issue.id),
            "number": issue.number,
            "title": issue.title,
            "body": issue.body or "",
            "url": f"{self._realm.view.urls.page}/pull/{issue.number}",
            "isDraft": pull.draft,
            "state": "MERGED" if pull.merged_at else issue.state.upper(),
            "merged": pull.merged_at is not None,
            "author": self.actor(issue.author),
            "labels": partial(self._labels, issue),
            "baseRefName": pull.base_ref,
            "baseRefOid": pull.base_sha,
            "headRefName": pull.head_ref,
            "headRefOid": pull.head_sha,
            "headRepository": self._head_repository(pull),
            "isCrossRepository": pull.fork is not None,
            "maintainerCanModify": pull.maintainer_can_modify,
            "mergeStateStatus": lambda: _upper(state),
            "mergeable": lambda: _mergeable(state),
            "reviewDecision": decision(self._world, pull),
            "latestOpinionatedReviews": lambda **asked: self._opinions(pull, **asked),
            "reviewThreads": lambda **asked: connection([self._thread(each) for each in pull.threads], **asked),
            "closingIssuesReferences": lambda **asked: connection(self._closes(issue), **asked),
            "files": lambda **asked: self._files(pull, **asked),
            "isMergeQueueEnabled": False,
            "autoMergeRequest": self._auto_merge(pull),
            "createdAt": issue.created_at,
            "updatedAt": issue.updated_at,
            "closedAt": issue.closed_at,
            "mergedAt": pull.merged_at,
            "mergeCommit": lambda: self._merge_commit(pull),
            "commits": lambda **asked: self._commits(pull, **asked),
        }

    def _opinions(self, pull: PullPart, *, writers_only: bool = False, **asked: Any) -> Node:  # noqa: ANN401 - arguments of a connection
        last = {
            review.author.login: review
            for review in pull.reviews
            if review.state != "COMMENTED" and not (writers_only and review.author.role < Role.WRITE)
        }
        return connection([{"author": self.actor(each.author), "state": each.state} for each in last.values()], **asked)

    def _thread(self, thread: Thread) -> Node:
        comments = [{"author": self.actor(thread.author)}]
        return {"isResolved": thread.resolved, "comments": lambda **asked: connection(comments, **asked)}

    def _closes(self, issue: Issue) -> list[Node]:
        numbers = dict.fromkeys(int(found["number"]) for found in CLOSES.finditer(issue.body or ""))
        linked = [self._world.issues[number] for number in numbers if number in self._world.issues]
        return [{"number": each.number, "labels": partial(self._labels, each)} for each in linked if not each.pull]

    def _labels(self, issue: Issue, **asked: Any) -> Node:  # noqa: ANN401 - arguments of a connection
        return connection([{"name": each.name, "color": each.color} for each in issue.labels], **asked)

    async def _files(self, pull: PullPart, **asked: Any) -> Node:  # noqa: ANN401 - arguments of a connection
        changes = await self._realm.history.changes(pull.base_sha, pull.head_sha)
        return connection([{"path": each.name} for each in changes], **asked)

    async def _merge_commit(self, pull: PullPart) -> Node | None:
        sha = pull.merge_commit_sha
        return self._commit(await self._realm.history.commit(sha)) if sha else None

    def _head_repository(self, pull: PullPart) -> Node:
        return self.repository() if not pull.fork else {"nameWithOwner": f"{pull.fork}/{self._world.name}"}

    def _auto_merge(self, pull: PullPart) -> Node | None:
        wanted = pull.auto_merge
        if wanted is None:
            return None
        return {"enabledBy": self.actor(wanted.enabled_by), "mergeMethod": wanted.method.upper()}

    async def _commits(self, pull: PullPart, **asked: Any) -> Node:  # noqa: ANN401 - arguments of a connection
        if asked == {"last": 1}:
            rows = [await self._realm.history.commit(pull.head_sha)]
        else:
            rows = await self._realm.history.commits("--reverse", f"{pull.base_sha}..{pull.head_sha}")
        return connection([{"commit": self._commit(each)} for each in rows], **asked)

    def _commit(self, commit: Commit) -> Node:
        return {
            "oid": commit.sha,
            "message": commit.message,
            "messageHeadline": commit.message.partition("\n")[0],
            "author": {"name": commit.author.name, "email": commit.author.email, "user": self._user(commit.author)},
            "committedDate": commit.committed_at,
            "statusCheckRollup": self._rollup(commit.sha),
        }

    def _user(self, person: Person) -> Node | None:
        """Find whose address it is; Apps have no user here."""
        known = (each for each in self._world.accounts if each.email == person.email and each.kind == "User")
        return next(map(self.actor, known), None)

    def _rollup(self, sha: str) -> Node | None:
        found = reported(self._world, sha)
        contexts = [*map(self._check_run, found.runs), *map(self._status, found.statuses)]
        words = set(found.words.values())
        state = next((word for word in ("failure", "pending") if word in words), "success")
        shown = {"state": state.upper(), "contexts": lambda **asked: connection(contexts, **asked)}
        return shown if contexts else None

    def _check_run(self, run: CheckRun) -> Node:
        return {
            "__typename": "CheckRun",
            "name": run.name,
            "status": run.status.upper(),
            "completedAt": run.completed_at,
            "conclusion": run.conclusion and run.conclusion.upper(),
            "databaseId": run.id if run.id < _INT_32 else None,
            "detailsUrl": run.details_url,
            "isRequired": self._is_required(run.name),
        }

    def _status(self, status: CommitStatus) -> Node:
        return {
            "__typename": "StatusContext",
            "context": status.context,
            "createdAt": status.created_at,
            "state": status.state.upper(),
            "description": status.description,
            "targetUrl": status.target_url,
            "isRequired": self._is_required(status.context),
        }

    def _is_required(self, name: str) -> Callable[..., bool]:
        def is_required(pull_request_id: str | None = None, pull_request_number: int | None = None) -> bool:
            if pull_request_id is None and pull_request_number is None:
                raise unprocessable("A pull request ID or pull request number is required.")
            for issue in self._world.pulls():
                if pull_request_number == issue.number or pull_request_id == ids.node_id("PR", issue.id):
                    return name in self._world.protection(part_of(issue).base_ref).checks
            return False

        return is_required


class Once:
    """A question that is asked at most once, whoever wants to know."""

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, str]]) -> None:
        """Nobody has asked yet."""
        self._ask = ask
        self._asked: asyncio.Task[str] | None = None

    async def answer(self) -> str:
        """Give the answer."""
        self._asked = self._asked or asyncio.create_task(self._ask())
        return await self._asked


async def _upper(state: Once) -> str:
    return (await state.answer()).upper()


async def _mergeable(state: Once) -> str:
    return {"unknown": "UNKNOWN", "dirty": "CONFLICTING"}.get(await state.answer(), "MERGEABLE")


def connection(
    rows: Sequence[Row], first: int | None = None, after: str | None = None, last: int | None = None
) -> dict[str, Any]:
    """Give a page of rows; the cursor is the place of its last row."""
    start = int(after.removeprefix(_PREFIX)) if after and after.startswith(_PREFIX) else 0
    end = len(rows) if first is None else min(len(rows), start + first)
    if last is not None:
        start = max(start, end - last)
    return {
        "nodes": list(rows[start:end]),
        "totalCount": len(rows),
        "pageInfo": {"hasNextPage": end < len(rows), "endCursor": f"{_PREFIX}{end}" if end > start else None},
    }
