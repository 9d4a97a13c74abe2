"""A delivery becomes our own event, once: what a webhook says is read here and nowhere else. Pure, and tolerant.

Real bodies differ from their descriptions (fields are missing, null, or new); what cannot be read is said, and costs
nothing but itself. Kinds of event that nothing here waits for are ignored by name.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from devops_daemon.forge import Account, Comment, CommentMade, Event, Ignored
from devops_daemon.inbox import Arrival, DeliveryState, Sorted

MENTION = "@devops"
_NAME = b"devops"
"""The mention as it stands in whatever way a body is written: a form writes the sign before it otherwise."""
NOT_TO_US = "the comment does not speak to us"
Hear = Callable[[Comment], Awaitable[str]]
"""Answers a comment; gives a word on what came of it."""
HINTS = frozenset(
    (
        *("pull_request", "pull_request_review", "pull_request_review_thread", "push", "status"),
        *("check_run", "check_suite", "workflow_run", "deployment_status", "branch_protection_rule"),
    )
)
"""Kinds of event after which the pull requests are looked at: what they say is not believed, it is read anew."""
SWEPT = "swept_comment"
"""Our own kind of event: a comment that no webhook brought."""


class UnreadableError(ValueError):
    """A body that is not what it should be; the text says what is wrong, without the body."""


def swept(comment: Comment, repository: str, now: datetime) -> Arrival:
    """Write down a comment that a sweep found, as if a webhook had brought it; the same comment has the same id."""
    payload = {
        "action": "created",
        "repository": {"full_name": repository},
        "issue": {"number": comment.issue},
        "comment": {
            "id": comment.id,
            "body": comment.body,
            "html_url": comment.url,
            "created_at": comment.created_at.isoformat(),
            "user": {"login": comment.author.login, "type": "Bot" if comment.author.bot else "User"},
            "performed_via_github_app": {} if comment.via_app else None,
        },
    }
    return Arrival(f"swept-comment-{comment.id}", SWEPT, json.dumps(payload).encode(), form=False, received_at=now)


def at_a_glance(arrival: Arrival) -> str | None:
    """Say why nothing is to be done, where the body need not be parsed to know; else None.

    Most comments are not for us, and most of a comment's body are addresses.
    """
    if arrival.event in HINTS:
        return "the pull requests are looked at"
    if arrival.event not in _READERS:
        return f"nothing waits for {arrival.event}"
    return NOT_TO_US if _NAME not in arrival.body.lower() else None


def sort(arrival: Arrival, repository: str | None) -> Sorted:
    """Say what becomes of an arrival: something to work on, nothing to do, or nobody can read it."""
    if (done := at_a_glance(arrival)) is not None:
        return Sorted(arrival.guid, DeliveryState.DONE, note=done)
    try:
        event = read(arrival, repository)
    except UnreadableError as error:
        return Sorted(arrival.guid, DeliveryState.FAILED, note=str(error))
    match event:
        case Ignored(reason):
            return Sorted(arrival.guid, DeliveryState.DONE, note=reason)
        case CommentMade(comment) if not speaks_to_us(comment.body):
            return Sorted(arrival.guid, DeliveryState.DONE, note=NOT_TO_US)
        case CommentMade(comment):
            return Sorted(arrival.guid, DeliveryState.PENDING, subject=f"issue:{comment.issue}")


async def receive(arrival: Arrival, repository: str | None, hear: Hear) -> str:
    """Hand a delivery on to whom it concerns; gives a word on what came of it. Raises UnreadableError."""
    match read(arrival, repository):
        case Ignored(reason):
            return reason
        case CommentMade(comment):
            return await hear(comment)


def speaks_to_us(body: str) -> bool:
    """Tell whether a text may hold a mention: cheap; whether it does, the grammar says."""
    return MENTION in body.lower()


def read(arrival: Arrival, repository: str | None) -> Event:
    """Read what a delivery tells; `repository` (`owner/name`) is the one that is looked after.

    Raises UnreadableError.
    """
    reader = _READERS.get(arrival.event)
    if reader is None:
        return Ignored(f"nothing waits for {arrival.event}")
    payload = _payload(arrival)
    of = _text(_mapping(payload.get("repository")).get("full_name"))
    if repository and of and of.lower() != repository.lower():
        return Ignored("it is about another repository")
    return reader(payload)


def _payload(arrival: Arrival) -> Mapping[str, Any]:
    try:
        text = arrival.body.decode()
        if arrival.form:
            text = parse_qs(text, strict_parsing=True, max_num_fields=10).get("payload", [""])[0]
        payload = json.loads(text)
    except UnicodeDecodeError:
        raise UnreadableError("the body is not UTF-8 text") from None
    except RecursionError:
        raise UnreadableError("the body is nested too deeply") from None
    except ValueError:
        raise UnreadableError("the body is not JSON" if not arrival.form else "the form holds no payload") from None
    if not isinstance(payload, dict):
        raise UnreadableError("the body is no JSON object")
    return payload


def _comment(payload: Mapping[str, Any]) -> Event:
    """Read a comment; on a pull request it comes as one on the issue of that number."""
    action = payload.get("action")
    if action != "created":
        return Ignored("only what is newly written is read")
    comment, issue = _mapping(payload.get("comment")), _mapping(payload.get("issue"))
    user = _mapping(comment.get("user"))
    login = _text(user.get("login"))
    if not login:
        return Ignored("its author's account is gone")
    return CommentMade(
        Comment(
            id=_number(comment.get("id"), "comment.id"),
            issue=_number(issue.get("number"), "issue.number"),
            author=Account(login, bot=user.get("type") == "Bot"),
            body=_text(comment.get("body")),
            created_at=_time(comment.get("created_at"), "comment.created_at"),
            url=_text(comment.get("html_url")),
            via_app=comment.get("performed_via_github_app") is not None,
        )
    )


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Event]] = {"issue_comment": _comment, SWEPT: _comment}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """Give a text without what no database or encoding takes: NULs and half characters."""
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _number(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise UnreadableError(f"{name} is missing or no number")
    return value


def _time(value: object, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(_text(value))
    except ValueError:
        raise UnreadableError(f"{name} is missing or no time") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
