"""GitHub's JSON made our nouns. Pure; what is missing or odd raises UnavailableError in words, by `parsed`."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from devops_daemon.adapters.exchange import snippet
from devops_daemon.forge import Account, Comment, HookDelivery, Issue, Repository, Role
from devops_daemon.inbox import Arrival
from devops_daemon.ports import UnavailableError

T = TypeVar("T")
GHOST = Account("ghost")
"""GitHub's own name for whoever is no longer there."""
WHOLE_SECONDS = timedelta(seconds=1)
"""By so much two times of GitHub's may differ that are one."""


def parsed(what: str, parse: Callable[[Any], T], data: Any) -> T:  # noqa: ANN401 # JSON
    """Make of an answer what `parse` makes; raises UnavailableError where it is not as it should be."""
    try:
        return parse(data)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        told = snippet(repr(error))
        raise UnavailableError(f"GitHub's answer about {what} is not as expected: {told}") from error


def moment(text: str) -> datetime:
    """Read a time; raises ValueError."""
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def account(node: Mapping[str, Any] | None) -> Account:
    """Read who wrote something; whoever deleted their account is a ghost."""
    if not node or not node.get("login"):
        return GHOST
    return Account(str(node["login"]), bot=node.get("type") == "Bot")


def app_account(node: Mapping[str, Any]) -> Account:
    """Read as whom an App writes."""
    return Account(f"{text_of(node, 'slug')}[bot]", bot=True)


def comment(node: Mapping[str, Any]) -> Comment:
    """Read a comment; which issue it is on stands in an address only."""
    created_at = moment(text_of(node, "created_at"))
    return Comment(
        id=int(node["id"]),
        issue=int(text_of(node, "issue_url").rstrip("/").rpartition("/")[2]),
        author=account(node.get("user")),
        body=str(node.get("body") or ""),
        created_at=created_at,
        url=str(node.get("html_url") or ""),
        edited=changed_at(node) - created_at > WHOLE_SECONDS,
        via_app=node.get("performed_via_github_app") is not None,
    )


def issue(node: Mapping[str, Any]) -> Issue:
    """Read an issue; GitHub may give a label as its name alone."""
    labels = (label.get("name") if isinstance(label, dict) else label for label in node.get("labels") or ())
    return Issue(
        number=int(node["number"]),
        title=text_of(node, "title"),
        body=str(node.get("body") or ""),
        author=account(node.get("user")),
        open=node["state"] == "open",
        labels=tuple(str(label) for label in labels if label),
        url=str(node.get("html_url") or ""),
        pull=bool(node.get("pull_request")),
    )


def changed_at(node: Mapping[str, Any]) -> datetime:
    """Read when a comment was written or edited last."""
    return moment(str(node.get("updated_at") or node["created_at"]))


def role(node: Mapping[str, Any]) -> Role:
    """Read what an account may do: `permission` says write for maintain and read for triage, so it comes last."""
    known = {each.name.lower(): each for each in Role}
    named = known.get(str(node.get("role_name") or "").lower())
    if named is not None:
        return named
    flags = ((node.get("user") or {}).get("permissions")) or {}
    held = [what for word, what in _FLAGS.items() if flags.get(word) is True]
    return max(held) if held else known.get(str(node.get("permission") or "none").lower(), Role.NONE)


_FLAGS: Mapping[str, Role] = {
    "pull": Role.READ,
    "triage": Role.TRIAGE,
    "push": Role.WRITE,
    "maintain": Role.MAINTAIN,
    "admin": Role.ADMIN,
}


def repository(node: Mapping[str, Any]) -> Repository:
    """Read the repository; what is not said to be public is not."""
    allowed = {"squash": "allow_squash_merge", "merge": "allow_merge_commit", "rebase": "allow_rebase_merge"}
    methods = tuple(method for method, field in allowed.items() if node.get(field) is True)
    public, size = node.get("private") is False, node.get("size")
    kib = size if isinstance(size, int) else 0
    return Repository(text_of(node, "full_name"), public, text_of(node, "default_branch"), methods, kib)


def delivery(node: Mapping[str, Any]) -> HookDelivery:
    """Read one attempt to deliver; what has no status code was not answered."""
    code = int(node.get("status_code") or 0)
    return HookDelivery(
        id=int(node["id"]),
        guid=text_of(node, "guid"),
        event=str(node.get("event") or ""),
        delivered_at=moment(text_of(node, "delivered_at")),
        arrived=200 <= code < 300,  # noqa: PLR2004 # HTTP
    )


def arrival(node: Mapping[str, Any], now: datetime) -> Arrival:
    """Read what a delivery was to bring; its body is written anew, for GitHub gives it as JSON."""
    request = node["request"]
    headers = {str(name).lower(): value for name, value in (request.get("headers") or {}).items()}
    payload = request["payload"]
    if not isinstance(payload, dict):
        raise TypeError("the payload is no object")
    body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "backslashreplace")
    event = str(headers.get("x-github-event") or node.get("event") or "")
    return Arrival(text_of(node, "guid"), event, body, form=False, received_at=now)


def text_of(node: Mapping[str, Any], name: str) -> str:
    """Read a text that must be there."""
    value = node[name]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is {value!r}")
    return value
