"""The product's feedback API (`docs/facts/factory.md`): what its users wrote, and which issue each has."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from devops_daemon.adapters.exchange import Answer, Exchange, NoAnswerError, Trail, WrongAnswerError, fill
from devops_daemon.feedback import Feedback, Pending
from devops_daemon.ports import GoneError, LockedOutError, RefusedError, UnavailableError
from devops_daemon.redaction import Redactor

SECONDS = 30
HEADER = "X-Feedback-Secret"
LARGEST = 32 * 1024 * 1024
"""Bytes of a page: one feedback may be a megabyte."""
LONGEST_ID = 64
_FORBIDDEN = frozenset({401, 403})
_NOT_OK, _NOT_FOUND, _TOO_MANY, _BROKEN = 300, 404, 429, 500


class BackendFeedback:
    """The port `FeedbackBox` on the product's backend."""

    def __init__(
        self, exchange: Exchange, url: str, secret: str, redactor: Redactor, *, secret_in_query: bool = False
    ) -> None:
        """`secret_in_query` is for a backend that takes the secret as `?secret=` only."""
        self._exchange = exchange
        self._url = url
        self._query = f"secret={quote(secret, safe='')}" if secret_in_query else ""
        self._headers = {} if secret_in_query else {HEADER: secret}
        self._redactor = redactor

    async def pending(self, most: int) -> Pending:
        """Read so many of those that have no issue yet."""
        answer = await self._ask("GET", "/api/feedback/pending", f"limit={most}")
        if answer.status == _NOT_FOUND:
            raise RefusedError("the backend has no feedback API: no such route")
        rows = _rows(self._document(answer))
        items, unreadable = [], []
        for row in rows:
            try:
                items.append(feedback(row))
            except ValueError as error:
                unreadable.append(str(error))
        return Pending(tuple(items), len(rows), tuple(unreadable))

    async def processed(self, identifier: str, issue_url: str) -> None:
        """Say which issue one has; raises GoneError where the backend does not know it any more."""
        path = f"/api/feedback/{quote(identifier, safe='')}/processed"
        answer = await self._ask("PATCH", path, body={"github_issue_url": issue_url})
        if answer.status == _NOT_FOUND:
            raise GoneError(f"the backend does not know feedback {identifier} any more")

    async def _ask(self, method: str, path: str, query: str = "", body: Mapping[str, object] | None = None) -> Answer:
        """Ask one route; raises UnavailableError or RefusedError, but for 404, which each route means in its way."""
        whole = "&".join(filter(None, (query, self._query)))
        url = f"{self._url}{path}" + (f"?{whole}" if whole else "")
        try:
            answer = await self._exchange.request(
                method, url, trail=Trail(), seconds=SECONDS, headers=self._headers, body=body, most=LARGEST
            )
        except (NoAnswerError, WrongAnswerError) as error:
            raise UnavailableError(self._told(error)) from error
        if answer.status in _FORBIDDEN:
            raise LockedOutError(
                "the backend's feedback API does not take FEEDBACK_PROCESSOR_SECRET: is it the same there?"
                " (FEEDBACK_SECRET_IN_QUERY=true where it is wanted as ?secret=)"
            )
        if answer.status >= _BROKEN or answer.status == _TOO_MANY:
            raise UnavailableError(f"the backend's feedback API: status {answer.status}")
        if answer.status >= _NOT_OK and answer.status != _NOT_FOUND:
            raise RefusedError(f"the backend's feedback API: status {answer.status}")
        return answer

    def _document(self, answer: Answer) -> Any:  # noqa: ANN401 # JSON
        try:
            return answer.json()
        except WrongAnswerError as error:
            raise UnavailableError(self._told(error)) from error

    def _told(self, error: NoAnswerError | WrongAnswerError) -> str:
        return f"the backend's feedback API: {fill(error.text, error.quoted, self._redactor)}"


def _rows(document: Any) -> list[Any]:  # noqa: ANN401 # JSON
    rows = document.get("feedbacks") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise UnavailableError("the backend's feedback API: wrong body: no list of feedbacks")
    return rows


def feedback(row: Any) -> Feedback:  # noqa: ANN401 # JSON
    """Read one; raises ValueError with what is wrong with it."""
    if not isinstance(row, dict):
        raise ValueError("a feedback that is no object")  # noqa: TRY004 # a stranger's value, not a caller's
    identifier = row.get("id")
    if isinstance(identifier, bool) or not isinstance(identifier, int | str) or not str(identifier):
        raise ValueError("a feedback without an id")
    name = str(identifier)
    if len(name) > LONGEST_ID or not all(each.isascii() and (each.isalnum() or each in "-_.") for each in name):
        raise ValueError("a feedback whose id is none (letters, digits, - _ . up to 64)")
    return Feedback(
        id=name,
        kind=_text(row, "feedback_type"),
        message=_text(row, "message"),
        created_at=_moment(_text(row, "created_at")),
        name=_text(row, "name"),
        email=_text(row, "email"),
        user_agent=_text(row, "user_agent"),
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return text.encode("utf-8", "replace").decode()  # a lone surrogate can be written nowhere


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
