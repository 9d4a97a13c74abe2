"""Pull requests with the checks of exactly their head: all or nothing, for what is left out may be what failed."""

from collections.abc import Mapping
from typing import Any

from devops_daemon.adapters.github import read
from devops_daemon.adapters.github.answers import Why
from devops_daemon.adapters.github.client import Client
from devops_daemon.adapters.github.errors import SaidNoError
from devops_daemon.forge import Check, Pull
from devops_daemon.ports import RefusedError, UnavailableError

MOST_PAGES = 10


async def pull(client: Client, number: int) -> Pull:
    """Read one; raises RefusedError where it is not there, or its checks may not be read."""
    node = await _page(client, number, None)
    checks = await _checks(client, number, node)
    return read.parsed("a pull request", lambda told: read.pull(told, checks), node)


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
