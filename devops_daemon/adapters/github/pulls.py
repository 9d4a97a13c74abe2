"""Pull requests with the checks of exactly their head: all or nothing, for what is left out may be what failed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from devops_daemon.adapters.github import read
from devops_daemon.adapters.github.answers import Why
from devops_daemon.adapters.github.client import Client
from devops_daemon.adapters.github.errors import SaidNoError
from devops_daemon.forge import Check, Merged, Pull
from devops_daemon.ports import RefusedError, UnavailableError

MOST_PAGES = 10


async def pull(client: Client, number: int) -> Pull:
    """Read one; raises RefusedError where it is not there, or its checks may not be read."""
    node = await _page(client, number, None)
    checks = await _checks(client, number, node)
    return read.parsed("a pull request", lambda told: read.pull(told, checks), node)


async def merged(client: Client, since: datetime) -> list[Merged]:
    """Read those merged since then: whichever was, has changed since."""
    owner, _, name = client.asked.repository.partition("/")
    found: list[Merged] = []
    after: str | None = None
    for _ in range(MOST_PAGES):
        done = await client.graphql("MergedPullRequests", {"owner": owner, "name": name, "after": after})
        if done.problems:
            raise RefusedError(f"the merged pull requests may not be read: {'; '.join(done.problems)}")
        page = read.parsed("merged pull requests", lambda data: data["repository"]["pullRequests"], done.data)
        nodes = read.parsed("merged pull requests", lambda told: [each for each in told["nodes"] if each], page)
        found += [read.parsed("a pull request", read.merged, node) for node in nodes]
        oldest = min((read.parsed("a pull request", read.updated_at, node) for node in nodes), default=since)
        about = page.get("pageInfo") or {}
        after = about.get("endCursor")
        if oldest <= since or not about.get("hasNextPage") or after is None:
            break
    return [each for each in found if each.merged_at >= since]


async def _checks(client: Client, number: int, first: Mapping[str, Any]) -> list[Check]:
    """Read the checks page by page, as long as they are of the same commit."""
    checks: list[Check] = []
    node = first
    for _ in range(MOST_PAGES):
        found, ahead = read.parsed("checks", read.contexts, node)
        checks += found
        if ahead is None:
            return checks
        node = await _page(client, number, ahead)
        if node.get("headRefOid") != first.get("headRefOid"):
            raise UnavailableError(f"pull request {number} has changed while it was read")
    raise UnavailableError(f"pull request {number} has more than {100 * MOST_PAGES} checks")


async def _page(client: Client, number: int, after: str | None) -> Mapping[str, Any]:
    owner, _, name = client.asked.repository.partition("/")
    done = await client.graphql("PullRequest", {"owner": owner, "name": name, "number": number, "after": after})
    node = read.parsed("a pull request", lambda data: (data["repository"] or {}).get("pullRequest"), done.data)
    told = "; ".join(done.problems)
    if not isinstance(node, dict):
        raise SaidNoError(
            f"there is no pull request {number} to be read" + (f": {told}" if told else ""), Why.NOT_FOUND
        )
    if told:
        raise RefusedError(f"of pull request {number} not all may be read (Checks and Commit statuses: read): {told}")
    if read.parsed("a pull request", read.checked_sha, node) not in {None, node.get("headRefOid")}:
        raise UnavailableError(f"the checks of pull request {number} are of another commit than its head")
    return node
