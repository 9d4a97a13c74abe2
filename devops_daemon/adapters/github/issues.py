"""Issues: opened once, looked up where the answer was lost, kept current, closed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from devops_daemon.adapters.github import read
from devops_daemon.adapters.github.client import Client
from devops_daemon.adapters.github.errors import telling_what_is_gone
from devops_daemon.adapters.github.lookup import once
from devops_daemon.forge import Account, Issue, Mark

LONGEST_TITLE = 256
MOST_PAGES = 10
"""Of issues of ours with one label, newest first."""


class Issues:
    """The issues of one repository."""

    def __init__(self, client: Client, account: Callable[[], Awaitable[Account]]) -> None:
        """`account` tells as whom we write."""
        self._client = client
        self._account = account
        self._base = f"/repos/{client.asked.repository}/issues"

    async def open(self, title: str, body: str, labels: Sequence[str]) -> Issue:
        """Open an issue once; raises UnclearError where neither the answer nor a look tells whether it is there."""
        document = {"title": title[:LONGEST_TITLE], "body": body, "labels": list(labels)}
        mark = Mark.at_end_of(body)

        async def write() -> Issue:
            done = await self._client.write("POST", self._base, document, repeatable=False)
            return read.parsed("a new issue", read.issue, done.data)

        async def find() -> Issue | None:
            return await self.find(mark, labels[0] if labels else None) if mark else None

        return await once(self._client, "the issue was opened", write, find if mark else None)

    async def find(self, mark: Mark, label: str | None) -> Issue | None:
        """Find the newest issue of our own account that bears a mark: others may copy one."""
        async for found in self._ours("all", label):
            if Mark.at_end_of(found.body) == mark:
                return found
        return None

    async def open_ones(self, label: str) -> list[Issue]:
        """Read the open issues of our own account with a label, newest first."""
        return [found async for found in self._ours("open", label)]

    async def _ours(self, state: str, label: str | None) -> AsyncIterator[Issue]:
        mine = (await self._account()).login
        params = {"state": state, "creator": mine, "sort": "created", "direction": "desc"}
        pages = self._client.pages(self._base, params | ({"labels": label} if label else {}), most=MOST_PAGES)
        async for page in pages:
            for row in page if isinstance(page, list) else ():
                if "pull_request" in row:
                    continue
                found = read.parsed("an issue", read.issue, row)
                if found.author.login.casefold() == mine.casefold():
                    yield found

    async def get(self, number: int) -> Issue:
        """Read an issue."""
        with telling_what_is_gone():
            done = await self._client.get(f"{self._base}/{number}")
        return read.parsed("an issue", read.issue, done.data)

    async def edit(self, number: int, **changed: str | None) -> None:
        """Write its title or body anew, or open or close it."""
        document: Mapping[str, Any] = {name: value for name, value in changed.items() if value is not None}
        if "title" in document:
            document = {**document, "title": document["title"][:LONGEST_TITLE]}
        with telling_what_is_gone():
            await self._client.write("PATCH", f"{self._base}/{number}", document, repeatable=True)

    async def label(self, number: int, labels: Sequence[str]) -> None:
        """Put labels on it; those it has stay."""
        with telling_what_is_gone():
            await self._client.write("POST", f"{self._base}/{number}/labels", {"labels": list(labels)}, repeatable=True)
