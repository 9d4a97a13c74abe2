"""Comments: written once, looked up where the answer was lost, and read from a time on without a gap."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from devops_daemon.adapters.github import read
from devops_daemon.adapters.github.client import Client
from devops_daemon.adapters.github.errors import telling_what_is_gone
from devops_daemon.adapters.github.headers import next_page
from devops_daemon.adapters.github.lookup import once
from devops_daemon.forge import Account, Comment, Mark, Reaction
from devops_daemon.ports import UnavailableError

MARGIN = timedelta(minutes=2)
"""How far before a write its comment is looked for: clocks differ."""
PAGE = 100
MOST_PAGES = 500
"""A net: lists end by themselves."""
CONTENT: Mapping[Reaction, str] = {
    Reaction.SEEN: "eyes",
    Reaction.DONE: "rocket",
    Reaction.FAILED: "confused",
}
"""GitHub's word for each reaction."""
log = structlog.get_logger("github")


class Comments:
    """The comments of one repository."""

    def __init__(self, client: Client, account: Callable[[], Awaitable[Account]]) -> None:
        """`account` tells as whom we write."""
        self._client = client
        self._account = account
        self._base = f"/repos/{client.asked.repository}/issues"

    async def write(self, issue: int, body: str) -> Comment:
        """Write a comment once; raises UnclearError where neither the answer nor a look tells whether it is there."""
        began = self._client.at_github() - MARGIN
        mark = Mark.at_end_of(body)

        async def write() -> Comment:
            done = await self._client.write("POST", f"{self._base}/{issue}/comments", {"body": body}, repeatable=False)
            return read.parsed("a new comment", read.comment, done.data)

        async def find() -> Comment | None:
            return await self.find(issue, mark, began) if mark else None

        return await once(self._client, "the comment was written", write, find if mark else None)

    async def edit(self, comment_id: int, body: str) -> None:
        """Write a comment anew; raises GoneError where it is not there any more."""
        with telling_what_is_gone():
            await self._client.write("PATCH", f"{self._base}/comments/{comment_id}", {"body": body}, repeatable=True)

    async def react(self, comment_id: int, reaction: Reaction) -> None:
        """React; GitHub takes the second of two for the first. Raises GoneError where the comment is not there."""
        path, body = f"{self._base}/comments/{comment_id}/reactions", {"content": CONTENT[reaction]}
        with telling_what_is_gone():
            await self._client.write("POST", path, body, repeatable=True)

    async def since(self, since: datetime, issue: int | None = None) -> list[Comment]:
        """Read what was written or changed since then, oldest change first.

        Of a repository the next page begins at the last change of this one: by number, a comment that is edited
        meanwhile would move to the end, and another one slip through between two pages.
        """
        rows = await (self._of_issue(issue, since) if issue is not None else self._of_all(since))
        whole = sorted(rows.values(), key=lambda row: read.parsed("a comment", read.changed_at, row))
        return [read.parsed("a comment", read.comment, row) for row in whole]

    async def _of_issue(self, issue: int, since: datetime) -> dict[Any, Mapping[str, Any]]:
        path, params = f"{self._base}/{issue}/comments", {"since": _written(since)}
        pages = self._client.pages(path, params, most=MOST_PAGES)
        return {row.get("id"): row async for page in pages for row in _rows(page)}

    async def _of_all(self, since: datetime) -> dict[Any, Mapping[str, Any]]:
        found: dict[Any, Mapping[str, Any]] = {}
        cursor, number = _written(since), 1
        for _ in range(MOST_PAGES):
            params = {"sort": "updated", "direction": "asc", "since": cursor, "per_page": PAGE, "page": number}
            done = await self._client.get(f"{self._base}/comments", params)
            rows = _rows(done.data)
            found |= {row.get("id"): row for row in rows}
            # a full page that has not changed is told by its ETag with the Link of then: there may be another by now
            if not rows or (len(rows) < PAGE and next_page(done.headers) is None):
                return found
            last = _written(read.parsed("a comment", read.changed_at, rows[-1]))
            cursor, number = (last, 1) if last > cursor else (cursor, number + 1)
        log.warning("github.comments_cut", since=since.isoformat(), read=len(found))
        return found

    async def find(self, issue: int, mark: Mark, began: datetime) -> Comment | None:
        """Find the comment of our own account that bears a mark: others may copy one."""
        mine = (await self._account()).login.casefold()
        written = [comment for comment in await self.since(began, issue) if Mark.at_end_of(comment.body) == mark]
        return next((comment for comment in written if comment.author.login.casefold() == mine), None)


def _written(at: datetime) -> str:
    """Write a time as GitHub reads it: whole seconds, cut, so that nothing is left out."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rows(page: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 # JSON
    if not isinstance(page, list) or not all(isinstance(row, dict) for row in page):
        raise UnavailableError("GitHub's list of comments is not as expected")
    return page
