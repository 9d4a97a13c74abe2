"""Routes of commits: what they are, and what was reported of them."""

from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.call import REPO, Call, Reply, Route, created
from devops_daemon.sandbox.github.checks import CheckRun, CommitStatus
from devops_daemon.sandbox.github.paging import page
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.refusals import forbidden, invalid, not_found, unprocessable
from devops_daemon.sandbox.github.shown import checks as shown
from devops_daemon.sandbox.github.shown import commits as shown_commits
from devops_daemon.sandbox.github.shown import pulls as shown_pulls
from devops_daemon.sandbox.github.shown.pulls import part_of
from devops_daemon.sandbox.github.verdicts import reported

_STATES = {"error", "failure", "pending", "success"}
_CONTENTS = ("contents=read",)


class CommitRoutes:
    """Commits, comparisons, check runs and statuses."""

    def __init__(self, realm: Realm) -> None:
        """Answer from this realm."""
        self._realm = realm
        self._view = realm.view

    def routes(self) -> list[Route]:
        """List the routes."""
        commits = f"{REPO}/commits/{{ref:.+}}"
        return [
            Route("GET", f"{REPO}/commits", self._list, _CONTENTS),
            Route("GET", f"{REPO}/compare/{{basehead:.+}}", self._compare, _CONTENTS),
            Route("GET", f"{commits}/check-runs", self._check_runs, ("checks=read",)),
            Route("GET", f"{commits}/status", self._status, ("statuses=read",)),
            Route("GET", f"{commits}/statuses", self._statuses, ("statuses=read",)),
            Route("GET", f"{REPO}/commits/{{commit_sha}}/pulls", self._pulls, ("pull_requests=read",)),
            Route("GET", commits, self._get, _CONTENTS),
            Route("POST", f"{REPO}/statuses/{{sha}}", self._report, ("statuses=write",)),
            Route("POST", f"{REPO}/check-runs", self._check, ("checks=write",)),
        ]

    async def _list(self, call: Call) -> Reply:
        sha = await self._sha(call.query.get("sha", "main"))
        return page(call, await self._realm.history.commits(sha), lambda each: shown_commits.commit(self._view, each))

    async def _get(self, call: Call) -> Reply:
        commit = await self._realm.history.commit(await self._sha(call.names["ref"]))
        return Reply(shown_commits.commit(self._view, commit))

    async def _compare(self, call: Call) -> Reply:
        base_name, dots, head_name = call.names["basehead"].partition("...")
        if not dots:
            raise not_found()
        history, view = self._realm.history, self._view
        base, head = await self._sha(_plain(base_name)), await self._sha(_plain(head_name))
        ahead, behind = await history.count(base, head), await history.count(head, base)
        words = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind"}
        parted = await history.commit(await history.merge_base(base, head))
        commits = await history.commits("--reverse", f"{base}..{head}")
        page_url = f"{view.urls.page}/compare/{call.names['basehead']}"
        return Reply(
            {
                "url": f"{view.urls.repo}/compare/{call.names['basehead']}",
                "html_url": page_url,
                "permalink_url": f"{view.urls.page}/compare/{base}...{head}",
                "diff_url": f"{page_url}.diff",
                "patch_url": f"{page_url}.patch",
                "base_commit": shown_commits.commit(view, await history.commit(base)),
                "merge_base_commit": shown_commits.commit(view, parted),
                "status": words.get((ahead > 0, behind > 0), "identical"),
                "ahead_by": ahead,
                "behind_by": behind,
                "total_commits": len(commits),
                "commits": [shown_commits.commit(view, each) for each in commits],
                "files": [shown_commits.change(view, each, head) for each in await history.changes(base, head)],
            }
        )

    async def _check_runs(self, call: Call) -> Reply:
        sha = await self._sha(call.names["ref"])
        last = reported(self._view.world, sha).runs
        if call.query.get("filter") == "all":
            last = tuple(each for each in self._view.world.check_runs if each.head_sha == sha)
        wanted = [
            each
            for each in last
            if call.query.get("check_name", each.name) == each.name
            and call.query.get("status", each.status) == each.status
        ]
        return page(
            call,
            wanted,
            lambda each: shown.check_run(self._view, each),
            lambda rows, count: {"total_count": count, "check_runs": rows},
        )

    async def _status(self, call: Call) -> Reply:
        sha = await self._sha(call.names["ref"])
        return Reply(shown.combined(self._view, sha, reported(self._view.world, sha)))

    async def _statuses(self, call: Call) -> Reply:
        sha = await self._sha(call.names["ref"])
        made = [each for each in reversed(self._view.world.statuses) if each.sha == sha]
        return page(call, made, lambda each: shown.made_status(self._view, each))

    async def _pulls(self, call: Call) -> Reply:
        sha = await self._sha(call.names["commit_sha"])
        found = [
            each for each in self._view.world.pulls() if sha in {part_of(each).head_sha, part_of(each).merge_commit_sha}
        ]
        return page(call, found, lambda each: shown_pulls.simple(self._view, each))

    async def _report(self, call: Call) -> Reply:
        call.require(Role.WRITE)
        state, body = call.text("state", "Status"), call.body
        if state not in _STATES:
            raise invalid("Status", "state", "invalid")
        sha = await self._realm.bare.sha(call.names["sha"])
        if sha is None:
            raise unprocessable(f"No commit found for SHA: {call.names['sha']}")
        context = body.get("context") or "default"
        status = CommitStatus(sha, context, state, call.account, body.get("description"), body.get("target_url"))
        return created(shown.made_status(self._view, await self._realm.checking.report(status)))

    async def _check(self, call: Call) -> Reply:
        if not call.caller.via_app:
            raise forbidden("You must authenticate via a GitHub App.")
        name, sha, body = call.text("name", "CheckRun"), call.text("head_sha", "CheckRun"), call.body
        output = body.get("output") or {}
        conclusion = body.get("conclusion")
        run = CheckRun(
            name,
            sha,
            self._realm.checking.suite(sha),
            status="completed" if conclusion else body.get("status", "queued"),
            conclusion=conclusion,
            title=output.get("title"),
            summary=output.get("summary"),
            details_url=body.get("details_url"),
            external_id=body.get("external_id") or "",
        )
        return created(shown.check_run(self._view, await self._realm.checking.begin(call.account, run)))

    async def _sha(self, ref: str) -> str:
        sha = await self._realm.bare.sha(ref)
        if sha is None:
            raise unprocessable(f"No commit found for SHA: {ref}")
        return sha


def _plain(name: str) -> str:
    """Leave away the owner before a branch: `acme:main`."""
    return name.rpartition(":")[2]
