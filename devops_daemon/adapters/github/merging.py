"""Merging pull requests, and bringing their branches up to date; what a branch requires of both."""

from typing import Any
from urllib.parse import quote

from devops_daemon.adapters.github import pulls, read_pulls
from devops_daemon.adapters.github.answers import Why
from devops_daemon.adapters.github.client import Client
from devops_daemon.adapters.github.errors import SaidNoError
from devops_daemon.adapters.github.lookup import once
from devops_daemon.adapters.github.read import parsed, text_of
from devops_daemon.forge import OWN_STATUS, Pull, Required, Said
from devops_daemon.ports import RefusedError, StaleError, UnavailableError

_IN_A_MOMENT = "Base branch was modified"
"""A 405 that says so is over in seconds: whoever merges next gets it."""


class Merging:
    """The merges of one repository."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._base = f"/repos/{client.asked.repository}"

    async def required(self, branch: str) -> Required:
        """Read what a branch requires: its rulesets, and its classic protection as everybody may see it."""
        name = quote(branch, safe="")
        rules: list[Any] = []
        async for page in self._client.pages(f"{self._base}/rules/branches/{name}"):
            rules += page if isinstance(page, list) else []
        of_rules = parsed("the rules of a branch", read_pulls.rules, rules)
        done = await self._client.get(f"{self._base}/branches/{name}")
        return parsed("a branch", lambda node: read_pulls.with_protection(of_rules, node), done.data)

    async def merge(self, number: int, sha: str, method: str) -> str:
        """Merge exactly this head; gives the commit that the base is at then.

        Raises StaleError where the head has moved, UnavailableError where it may be tried again in a moment,
        RefusedError with GitHub's word where it may not be merged, UnclearError where no answer came.
        """

        async def write() -> str:
            body = {"sha": sha, "merge_method": method}
            done = await self._client.write("PUT", f"{self._base}/pulls/{number}/merge", body, repeatable=False)
            return parsed("a merge", lambda node: text_of(node, "sha"), done.data)

        async def find() -> str | None:
            found = await pulls.pull(self._client, number)
            return found.merge_commit if found.merged and found.head_sha == sha else None

        try:
            return await once(self._client, f"pull request {number} was merged", write, find)
        except SaidNoError as error:
            if (made := await find()) is not None:  # aiohttp sends a PUT again by itself where a connection breaks
                return made
            if error.why is Why.CONFLICT:
                raise StaleError(str(error)) from error
            if _IN_A_MOMENT in str(error):
                raise UnavailableError(str(error)) from error
            raise

    async def update(self, pull: Pull) -> None:
        """Let GitHub put the branch upon its base anew; raises StaleError where its head has moved.

        An answer that was lost is a look's to find: the head is another then.
        """
        done = await self._client.change("UpdateBranch", {"id": pull.id, "head": pull.head_sha})
        if done.problems:
            raise RefusedError("; ".join(done.problems))

    async def close(self, number: int) -> None:
        """Close a pull request without merging it; twice is once."""
        await self._client.write("PATCH", f"{self._base}/pulls/{number}", {"state": "closed"}, repeatable=True)

    async def report(self, sha: str, said: Said, url: str | None) -> None:
        """Write our own status on a commit; twice is once, but for a row in its history."""
        state = "success" if said.passed else "pending"
        body = {"state": state, "context": OWN_STATUS, "description": said.text}
        link = {"target_url": url} if url else {}
        await self._client.write("POST", f"{self._base}/statuses/{sha}", body | link, repeatable=True)
