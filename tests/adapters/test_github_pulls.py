"""Pull requests with their checks: pages, what is left out, what changes meanwhile - against a scripted server."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from adapters.github_world import REPOSITORY, asked_of, github_at, in_turn
from adapters.servers import RawServer, answer, document, says

from devops_daemon.adapters.github.answers import Why
from devops_daemon.adapters.github.errors import SaidNoError, ThrottledError
from devops_daemon.forge import Account, Check, Merged, Pull, PullCommit
from devops_daemon.ports import RefusedError, UnavailableError

HEAD = "a" * 40
Json = Mapping[str, Any]


def told(checks: int = 0, *, after: str | None = None, oid: str = HEAD, **differs: Any) -> dict[str, Any]:
    """A pull request as GraphQL tells it, with so many checks on this page."""
    nodes = [
        {
            "name": f"test {place} before {after}",
            "status": "COMPLETED",
            "conclusion": "SUCCESS",
        }
        for place in range(checks)
    ]
    page = {"pageInfo": {"hasNextPage": after is not None, "endCursor": after}, "nodes": nodes}
    return {
        "number": 42,
        "title": "Mend the checkout",
        "url": f"https://github.com/{REPOSITORY}/pull/42",
        "isDraft": False,
        "state": "OPEN",
        "merged": False,
        "mergeable": "MERGEABLE",
        "mergeStateStatus": "CLEAN",
        "headRefOid": HEAD,
        "baseRefName": "main",
        "labels": {"nodes": []},
        "author": {"__typename": "User", "login": "ada"},
        "commits": {"nodes": [{"commit": {"oid": HEAD, "author": {"email": "ada@example.com", "user": None}}}]},
        "head": {"nodes": [{"commit": {"oid": oid, "statusCheckRollup": {"contexts": page}}}]},
    } | differs


def page(node: Json | None, *errors: Json) -> bytes:
    body: dict[str, Any] = {"data": {"repository": {"pullRequest": node}}}
    return document(body | ({"errors": list(errors)} if errors else {}))


async def read(server: RawServer) -> Pull:
    async with github_at(asked_of(server.url)) as github:
        return await github.pull(42)


async def test_a_pull_request_is_read_by_one_request() -> None:
    async with RawServer(says(page(told(1)))) as server:
        found = await read(server)
        (request,) = server.requests
    assert request.route == "POST /graphql"
    sent = json.loads(request.body)["variables"]
    assert sent == {"owner": "acme", "name": "product", "number": 42, "checks": None, "commits": None, "files": None}
    assert found == Pull(
        number=42,
        title="Mend the checkout",
        head_sha=HEAD,
        base="main",
        draft=False,
        open=True,
        merged=False,
        mergeable=True,
        state="clean",
        checks=(Check("test 0 before None", passed=True, word="success"),),
        url=f"https://github.com/{REPOSITORY}/pull/42",
        author=Account("ada"),
        commits=(PullCommit(HEAD, None, "ada@example.com"),),
    )


async def test_checks_are_read_page_by_page() -> None:
    replies = [page(told(100, after="one")), page(told(100, after="two")), page(told(7))]
    async with RawServer(in_turn(*replies)) as server:
        found = await read(server)
        cursors = [json.loads(request.body)["variables"]["checks"] for request in server.requests]
    assert (len(found.checks), cursors) == (207, [None, "one", "two"])


async def test_checks_of_two_commits_are_never_put_together() -> None:
    replies = [page(told(100, after="one")), page(told(7, headRefOid="b" * 40, oid="b" * 40))]
    async with RawServer(in_turn(*replies)) as server:
        with pytest.raises(UnavailableError, match="pull request 42 has changed while it was read"):
            await read(server)


async def test_checks_of_another_commit_than_the_head_are_none_of_its() -> None:
    async with RawServer(says(page(told(1, oid="b" * 40)))) as server:
        with pytest.raises(UnavailableError, match="are of another commit than its head"):
            await read(server)


async def test_pages_without_end_are_given_up() -> None:
    async with RawServer(says(page(told(1, after="again")))) as server:
        with pytest.raises(UnavailableError, match="has more than 1000 checks"):
            await read(server)
        assert len(server.requests) <= 12


async def test_a_pull_request_that_is_not_there_is_refused() -> None:
    error = {"type": "NOT_FOUND", "message": "Could not resolve to a PullRequest with the number of 42."}
    async with RawServer(says(page(None, error))) as server:
        with pytest.raises(SaidNoError, match=r"there is no pull request 42 to be read: Could not resolve") as raised:
            await read(server)
    assert raised.value.why is Why.NOT_FOUND


@pytest.mark.parametrize("data", [{"repository": None}, {"repository": {"pullRequest": None}}])
async def test_nothing_at_all_is_no_pull_request(data: Json) -> None:
    async with RawServer(says(document({"data": data}))) as server:
        with pytest.raises(RefusedError, match="there is no pull request 42"):
            await read(server)


async def test_a_pull_request_of_which_the_checks_may_not_be_read_is_not_read_at_all() -> None:
    """No checks would look as if there were none."""
    hidden = {"nodes": [{"commit": {"oid": HEAD, "statusCheckRollup": None}}]}
    error = {"type": "FORBIDDEN", "message": "Resource not accessible by personal access token"}
    async with RawServer(says(page(told(head=hidden), error))) as server:
        with pytest.raises(RefusedError, match=r"not all may be read \(Checks and Commit statuses: read\): Resource"):
            await read(server)


@pytest.mark.parametrize("odd", [{}, {"headRefOid": None}, {"head": {"nodes": [{}]}}])
async def test_an_odd_pull_request_is_no_answer(odd: Json) -> None:
    node = {"number": 42} if not odd else {**told(), **odd}
    async with RawServer(says(page(node))) as server:
        with pytest.raises(UnavailableError, match=r"is not as expected|another commit"):
            await read(server)


async def test_a_fault_within_graphql_is_tried_again() -> None:
    broken = document({"data": None, "errors": [{"message": "Something went wrong while executing your query."}]})
    async with RawServer(in_turn(broken, page(told()))) as server:
        assert (await read(server)).number == 42
        assert len(server.requests) == 2


async def test_graphqls_limit_leaves_rest_open() -> None:
    body = json.dumps({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}).encode()
    async with RawServer(says(answer(200, body, X_RateLimit_Remaining="0"))) as server:
        async with github_at(asked_of(server.url)) as github:
            for _ in range(2):
                with pytest.raises(ThrottledError, match=r"GitHub allows no more requests \(graphql\)"):
                    await github.pull(42)
            server.reply = says(document({"role_name": "admin"}))
            await github.role("maria")
        assert [request.method for request in server.requests] == ["POST", "GET"]


# Those that were merged


def merged_one(number: int, at: str, **differs: Any) -> dict[str, Any]:
    told = {"number": number, "body": f"Fixes #{number}", "headRefName": "fix/7-x", "mergeCommit": {"oid": HEAD}}
    return told | {"mergedAt": at, "updatedAt": at} | differs


def merged_page(*nodes: Json, after: str | None = None, errors: list[Json] | None = None) -> bytes:
    about = {"hasNextPage": after is not None, "endCursor": after}
    body: dict[str, Any] = {"data": {"repository": {"pullRequests": {"pageInfo": about, "nodes": list(nodes)}}}}
    return document(body | ({"errors": errors} if errors else {}))


async def read_merged(server: RawServer) -> list[Merged]:
    async with github_at(asked_of(server.url)) as github:
        return await github.merged(datetime(2026, 9, 1, 12, tzinfo=UTC))


async def test_the_merged_ones_are_read_until_nothing_has_changed_since() -> None:
    old = merged_one(1, "2026-08-01T12:00:00Z")
    first = merged_page(
        merged_one(9, "2026-09-01T13:00:00Z"),
        merged_one(2, "2026-08-01T12:00:00Z", updatedAt="2026-09-01T12:30:00Z"),
        after="one",
    )
    async with RawServer(
        in_turn(first, merged_page(merged_one(8, "2026-09-01T12:00:00Z"), old, after="two"))
    ) as server:
        found = await read_merged(server)
        assert [json.loads(request.body)["variables"]["after"] for request in server.requests] == [None, "one"]
    at = datetime(2026, 9, 1, 13, tzinfo=UTC)
    assert [each.number for each in found] == [9, 8]
    assert found[0] == Merged(9, "Fixes #9", "fix/7-x", at, HEAD)


@pytest.mark.parametrize("gone", [None, {}])
async def test_one_whose_commit_is_gone_is_read_all_the_same(gone: Json | None) -> None:
    async with RawServer(says(merged_page(merged_one(9, "2026-09-01T13:00:00Z", mergeCommit=gone)))) as server:
        assert [each.commit for each in await read_merged(server)] == [""]


async def test_where_the_merged_ones_may_not_be_read_that_is_said() -> None:
    error = {"type": "FORBIDDEN", "message": "Resource not accessible by personal access token"}
    async with RawServer(says(merged_page(errors=[error]))) as server:
        with pytest.raises(RefusedError, match="may not be read: Resource not accessible"):
            await read_merged(server)
