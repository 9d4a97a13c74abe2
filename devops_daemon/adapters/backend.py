"""The product's DevOps API (`docs/facts/factory.md`): counts its tables, and clears what has piled up."""

from collections.abc import Mapping
from typing import Any

from devops_daemon.adapters.exchange import Answer, Exchange, NoAnswerError, Trail, WrongAnswerError, fill
from devops_daemon.ports import RefusedError, UnavailableError
from devops_daemon.redaction import Redactor

SECONDS = 30
HEADER = "X-DevOps-Secret"
_FORBIDDEN = frozenset({401, 403})
_NOT_OK, _NOT_FOUND, _BROKEN = 300, 404, 500


class Backend:
    """The port `Upkeep` on the product's backend."""

    def __init__(self, exchange: Exchange, url: str, secret: str, redactor: Redactor, *, dry_run: bool = False) -> None:
        self._exchange = exchange
        self._url = url
        self._secret = secret
        self._redactor = redactor
        self._dry_run = dry_run

    async def counts(self) -> Mapping[str, int]:
        """Count the rows of its tables."""
        return _numbers(await self._ask("GET", "/api/devops/stats"))

    async def clear_stale_sessions(self) -> int:
        """Delete sessions that are older than a day."""
        self._refuse_dry()
        document = await self._ask("DELETE", "/api/devops/cleanup/stale-sessions?older_than_hours=24")
        count = document.get("deleted_count")
        if not isinstance(count, int):
            raise UnavailableError("the backend cleared sessions, it seems, but does not say how many")
        return count

    async def clear_orphans(self, *, dry_run: bool) -> Mapping[str, int]:
        """Delete rows that belong to nothing, or only count them."""
        if not dry_run:
            self._refuse_dry()
        document = await self._ask("DELETE", f"/api/devops/cleanup/orphans?dry_run={str(dry_run).lower()}")
        deleted = document.get("deleted")
        return _numbers(deleted if isinstance(deleted, dict) else {})

    def _refuse_dry(self) -> None:
        if self._dry_run:
            raise RefusedError("DRY_RUN is set: nothing is deleted")

    async def _ask(self, method: str, path: str) -> Mapping[str, Any]:
        """Ask one route; raises UnavailableError or RefusedError."""
        try:
            answer = await self._exchange.request(
                method, f"{self._url}{path}", trail=Trail(), seconds=SECONDS, headers={HEADER: self._secret}
            )
            self._refuse(answer)
            document = answer.json()
        except (NoAnswerError, WrongAnswerError) as error:
            text = fill(error.text, error.quoted, self._redactor)
            raise UnavailableError(f"the backend's DevOps API: {text}") from error
        if not isinstance(document, dict):
            raise UnavailableError("the backend's DevOps API: wrong body: no JSON object")
        return document

    def _refuse(self, answer: Answer) -> None:
        if answer.status in _FORBIDDEN:
            raise RefusedError("the backend's DevOps API does not take DEVOPS_API_SECRET: is it the same there?")
        if answer.status == _NOT_FOUND:
            raise RefusedError("the backend has no DevOps API: no such route")
        if answer.status >= _BROKEN:
            raise UnavailableError(f"the backend's DevOps API: status {answer.status}")
        if answer.status >= _NOT_OK:
            raise RefusedError(f"the backend's DevOps API: status {answer.status}")


def _numbers(document: Mapping[str, Any]) -> dict[str, int]:
    """Keep what is a count, one level of names deep."""
    found = {}
    for name, value in document.items():
        if isinstance(value, int) and not isinstance(value, bool):
            found[str(name)] = value
        elif isinstance(value, dict):
            found |= {f"{name}.{inner}": count for inner, count in _numbers(value).items()}
    return found
