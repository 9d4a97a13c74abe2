"""Pull requests with the checks of exactly their head: all or nothing, for what is left out may be what failed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from devops_daemon.adapters.github import read_pulls as read
from devops_daemon.adapters.github.answers import Why
from devops_daemon.adapters.github.client import Client
from devops_daemon.adapters.github.errors import SaidNoError
from devops_daemon.adapters.github.read import parsed
from devops_daemon.forge import Merged, Pull
from devops_daemon.ports import RefusedError, UnavailableError

MOST_PAGES = 10
"""Of one pull request's checks, commits and files, a hundred each."""
MOST_OPEN_PAGES = 50
"""Of the open pull requests, twenty each."""
Node = Mapping[str, Any]


_READERS: Mapping[str, Callable[[Node], tuple[list[Any], str | None]]] = {
    "checks": read.contexts,
    "commits": read.commits_of,
    "files": read.paths,
}
_FIRST: Mapping[str, str | None] = dict.fromkeys(_READERS)


class _NotWholeError(UnavailableError):
    """Of a pull request not all could be read."""


async def pull(client: Client, number: int) -> Pull:
    """Read one; raises RefusedError where it is not there, or its checks may not be read."""
    return await _whole(client, await _page(client, number, _FIRST))


async def open_pulls(client: Client) -> list[Pull]:
    """Read all that are open, oldest first, twenty by a request; one that is large takes more."""
    found: list[Pull] = []
    after: str | None = None
    for _ in range(MOST_OPEN_PAGES):
        page = await _listed(client, "OpenPullRequests", {"after": after, **_FIRST})
        nodes = parsed("pull requests", lambda told: [each for each in told["nodes"] if each], page)
        found += [await _as_far_as_it_goes(client, node) for node in nodes]
        about = page.get("pageInfo") or {}
        after = about.get("endCursor")
        if not about.get("hasNextPage") or after is None:
            return found
    raise UnavailableError(f"there are more than {20 * MOST_OPEN_PAGES} open pull requests")


async def merged(client: Client, since: datetime) -> list[Merged]:
    """Read those merged since then: whichever was, has changed since."""
    found: list[Merged] = []
    after: str | None = None
    for _ in range(MOST_PAGES):
        page = await _listed(client, "MergedPullRequests", {"after": after})
        nodes = parsed("merged pull requests", lambda told: [each for each in told["nodes"] if each], page)
        found += [parsed("a pull request", read.merged, node) for node in nodes]
        oldest = min((parsed("a pull request", read.updated_at, node) for node in nodes), default=since)
        about = page.get("pageInfo") or {}
        after = about.get("endCursor")
        if oldest <= since or not about.get("hasNextPage") or after is None:
            break
    return [each for each in found if each.merged_at >= since]


async def _listed(client: Client, name: str, variables: Mapping[str, object]) -> Node:
    done = await client.graphql(name, {**_repository(client), **variables})
    if done.problems:
        raise RefusedError(f"the pull requests may not be read: {'; '.join(done.problems)}")
    page: Node = parsed("pull requests", lambda data: data["repository"]["pullRequests"], done.data)
    return page


async def _whole(client: Client, first: Node) -> Pull:
    """Read the rest page by page, as long as it is of the same commit."""
    parts: dict[str, list[Any]] = {name: [] for name in _READERS}
    node, cursors, number = first, _FIRST, _number(first)
    for _ in range(MOST_PAGES):
        pages = {name: parsed(name, _READERS[name], node) for name in cursors}
        for name, (found, _) in pages.items():
            parts[name] += found
        cursors = {name: after for name, (_, after) in pages.items() if after is not None}
        if not cursors:
            return parsed("a pull request", lambda told: read.pull(told, **parts), first)
        node = await _page(client, number, cursors)
        if node.get("headRefOid") != first.get("headRefOid"):
            raise _NotWholeError(f"pull request {number} has changed while it was read")
    raise _NotWholeError(f"pull request {number} has more than {100 * MOST_PAGES} {' and '.join(cursors)}")


async def _as_far_as_it_goes(client: Client, node: Node) -> Pull:
    """Read one of many: that it cannot be read whole keeps none of the others from being looked at."""
    try:
        _must_be_of_head(node)
        return await _whole(client, node)
    except _NotWholeError as error:
        return replace(parsed("a pull request", read.pull, node), unread=str(error))


def _number(node: Node) -> int:
    return parsed("a pull request", lambda told: int(told["number"]), node)


async def _page(client: Client, number: int, cursors: Mapping[str, str | None]) -> Node:
    done = await client.graphql("PullRequest", {**_repository(client), "number": number, **_FIRST, **cursors})
    node = parsed("a pull request", lambda data: (data["repository"] or {}).get("pullRequest"), done.data)
    told = "; ".join(done.problems)
    if not isinstance(node, dict):
        raise SaidNoError(
            f"there is no pull request {number} to be read" + (f": {told}" if told else ""), Why.NOT_FOUND
        )
    if told:
        raise RefusedError(f"of pull request {number} not all may be read (Checks and Commit statuses: read): {told}")
    _must_be_of_head(node)
    return node


def _must_be_of_head(node: Node) -> None:
    if parsed("a pull request", read.checked_sha, node) not in {None, node.get("headRefOid")}:
        raise _NotWholeError(f"the checks of pull request {_number(node)} are of another commit than its head")


def _repository(client: Client) -> dict[str, str]:
    owner, _, name = client.asked.repository.partition("/")
    return {"owner": owner, "name": name}
