"""The root fields of GraphQL: what may be asked for and done, by whom."""

from collections.abc import Mapping, Sequence
from typing import Any

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.call import Call
from devops_daemon.sandbox.github.graph_nodes import Node, Nodes, connection
from devops_daemon.sandbox.github.graph_refusals import forbidden, not_found, unprocessable
from devops_daemon.sandbox.github.issues import Issue
from devops_daemon.sandbox.github.permissions import FINE, grants
from devops_daemon.sandbox.github.pulls import AutoMerge
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.refusals import Refusal
from devops_daemon.sandbox.github.shown.pulls import part_of
from devops_daemon.sandbox.github.world import DEFAULT_BRANCH, World

_MOST = 100
_FIELDS = {"CREATED_AT": "created_at", "UPDATED_AT": "updated_at"}


class Graph:
    """The root of queries and mutations, for one caller."""

    def __init__(self, realm: Realm, call: Call) -> None:
        """Answer this caller."""
        self._realm = realm
        self._call = call
        self._nodes = Nodes(realm)

    def viewer(self) -> Node:
        """Tell who asks."""
        return self._nodes.actor(self._call.account)

    def rate_limit(self, **_: Any) -> Node:  # noqa: ANN401 - dryRun
        """Tell what is left; each query costs one point here."""
        left = self._realm.limits.look(self._call.caller.purse, "graphql")
        used = {"used": left.used + 1, "remaining": max(0, left.remaining - 1)}
        return {"cost": 1, "limit": left.limit, "nodeCount": 1, "resetAt": left.resets_at, **used}

    def repository(self, owner: str, name: str, **_: Any) -> Node:  # noqa: ANN401 - followRenames
        """Find the repository."""
        world = self._realm.view.world
        sees = self._call.caller.via_app or self._call.role >= Role.READ
        if not world.is_called(owner, name) or not sees:
            raise not_found(f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return {
            **self._nodes.repository(),
            "defaultBranchRef": self._trunk,
            "object": self._object,
            "pullRequest": self._pull,
            "pullRequests": lambda **asked: self._pulls(world, **asked),
        }

    async def update_pull_request_branch(self, **given: Any) -> Node:  # noqa: ANN401 - an input
        """Bring a branch up to date."""
        asked = given["input"]
        issue = self._writable(asked["pull_request_id"], "pull_requests=write")
        rebase = asked.get("update_method") == "REBASE"
        try:
            await self._realm.landing.update(self._call.account, issue, asked.get("expected_head_oid"), rebase=rebase)
        except Refusal as refusal:
            raise unprocessable(refusal.message) from None
        return self._payload(asked, issue)

    async def enable_pull_request_auto_merge(self, **given: Any) -> Node:  # noqa: ANN401 - an input
        """Let a pull request be merged as soon as nothing holds it."""
        asked = given["input"]
        issue = self._writable(asked["pull_request_id"], "contents=write")
        if not self._realm.view.world.options.allow_auto_merge:
            raise unprocessable("Auto merge is not allowed for this repository")
        state = await self._realm.mergeability.find_out(issue)
        if state in {"clean", "unstable"}:
            raise unprocessable(f"Pull request is in {state} status")
        pull = part_of(issue)
        if asked.get("expected_head_oid") not in {None, pull.head_sha}:
            raise unprocessable("Head oid does not match the expected one")
        pull.auto_merge = AutoMerge(self._call.account, asked["merge_method"].lower())
        await self._realm.pulling.tell(issue, "auto_merge_enabled", self._call.account)
        return self._payload(asked, issue)

    def _payload(self, asked: Mapping[str, Any], issue: Issue) -> Node:
        return {"clientMutationId": asked.get("client_mutation_id"), "pullRequest": self._nodes.pull(issue)}

    async def _trunk(self) -> Node:
        self._look("contents=read")
        return await self._nodes.branch(DEFAULT_BRANCH)

    async def _object(self, *, expression: str | None = None, oid: str | None = None) -> Node | None:
        """Show a file, by where it stands; what is not there is none."""
        self._look("contents=read")
        where = oid or (expression or "").replace("HEAD:", f"refs/heads/{DEFAULT_BRANCH}:")
        code, found, _ = await self._realm.bare.run("rev-parse", "--verify", "--quiet", "--end-of-options", where)
        if code:
            return None
        return {"__typename": "Blob", "oid": found, "text": await self._realm.bare.git("cat-file", "blob", found)}

    def _pull(self, number: int) -> Node:
        self._look("pull_requests=read")
        issue = self._realm.view.world.issues.get(number)
        if issue is None or issue.pull is None:
            raise not_found(f"Could not resolve to a PullRequest with the number of {number}.")
        return self._nodes.pull(issue)

    def _pulls(
        self,
        world: World,
        *,
        states: Sequence[str] | None = None,
        order_by: Mapping[str, str] | None = None,
        base_ref_name: str | None = None,
        head_ref_name: str | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Node:
        self._look("pull_requests=read")
        if first is None or not 1 <= first <= _MOST:
            raise unprocessable("You must provide a `first` value between 1 and 100 to paginate the connection.")
        wanted = [
            issue
            for issue in world.pulls()
            if (states is None or _state(issue) in states)
            and base_ref_name in {None, part_of(issue).base_ref}
            and head_ref_name in {None, part_of(issue).head_ref}
        ]
        if order_by:
            field = _FIELDS.get(order_by["field"], "number")
            newest_first = order_by["direction"] == "DESC"
            wanted.sort(key=lambda each: (getattr(each, field), each.number), reverse=newest_first)
        page = connection(wanted, first, after)
        return {**page, "nodes": [self._nodes.pull(issue) for issue in page["nodes"]]}

    def _writable(self, identifier: str, need: str) -> Issue:
        self._look(need)
        for issue in self._realm.view.world.pulls():
            if ids.node_id("PR", issue.id) == identifier:
                if not self._call.caller.via_app and self._call.role < Role.WRITE:
                    raise forbidden(
                        f"{self._call.account.login} does not have the correct permissions to execute this."
                    )
                return issue
        raise not_found(f"Could not resolve to a node with the global id of '{identifier}'")

    def _look(self, need: str) -> None:
        caller = self._call.caller
        permissions = (caller.token.permissions if caller.token else None) or {}
        if caller.kind in FINE and not grants(permissions, need):
            raise forbidden(FINE[caller.kind])


def _state(issue: Issue) -> str:
    return "MERGED" if part_of(issue).merged_at else issue.state.upper()
