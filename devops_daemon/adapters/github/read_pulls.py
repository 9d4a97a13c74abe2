"""Pull requests as GraphQL tells them, made our nouns. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from devops_daemon.adapters.github.read import GHOST, moment, text_of
from devops_daemon.forge import (
    OWN_STATUS,
    Account,
    Check,
    Linked,
    Merged,
    Pull,
    PullCommit,
    Required,
    Review,
    Said,
    TrunkCommit,
)

PASSED: Mapping[str, bool] = {
    "SUCCESS": True,
    "NEUTRAL": True,
    "SKIPPED": True,
    "FAILURE": False,
    "TIMED_OUT": False,
    "CANCELLED": False,
    "ACTION_REQUIRED": False,
    "STARTUP_FAILURE": False,
    "STALE": False,
}
"""What each conclusion of a check run means (CheckConclusionState)."""
STATES: Mapping[str, bool | None] = {
    "SUCCESS": True,
    "FAILURE": False,
    "ERROR": False,
    "PENDING": None,
    "EXPECTED": None,
}
"""What each state of a commit status means (StatusState)."""


def pull(
    node: Mapping[str, Any],
    checks: Sequence[Check] = (),
    commits: Sequence[PullCommit] = (),
    files: Sequence[str] = (),
) -> Pull:
    """Read a pull request as GraphQL tells it; what comes page by page is given."""
    linked, made = _nodes(node.get("closingIssuesReferences")), node.get("createdAt")
    return Pull(
        number=int(node["number"]),
        title=str(node.get("title") or ""),
        head_sha=text_of(node, "headRefOid"),
        base=text_of(node, "baseRefName"),
        draft=bool(node.get("isDraft")),
        open=node["state"] == "OPEN",
        merged=bool(node.get("merged")),
        mergeable={"MERGEABLE": True, "CONFLICTING": False}.get(str(node.get("mergeable"))),
        state=str(node.get("mergeStateStatus") or "unknown").lower(),
        labels=_labels(node),
        checks=_worst([each for each in checks if each.name != OWN_STATUS]),
        said=next((Said(each.passed is True, each.text) for each in checks if each.name == OWN_STATUS), None),
        url=str(node.get("url") or ""),
        id=str(node.get("id") or ""),
        body=str(node.get("body") or ""),
        author=actor(node.get("author")),
        branch=str(node.get("headRefName") or ""),
        fork=bool(node.get("isCrossRepository")),
        pushable=not node.get("isCrossRepository") or bool(node.get("maintainerCanModify")),
        queued=bool(node.get("isMergeQueueEnabled")),
        review=_review(node),
        unresolved=tuple(_unresolved(node)),
        files=tuple(files),
        commits=tuple(commits),
        closes=tuple(Linked(int(each["number"]), _labels(each)) for each in linked),
        created_at=moment(str(made)) if made else None,
        merge_commit=(node.get("mergeCommit") or {}).get("oid") or None,
    )


def _nodes(connection: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 # JSON
    return [each for each in (connection or {}).get("nodes") or () if each is not None]


def _labels(node: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(label["name"]) for label in _nodes(node.get("labels")))


def actor(node: Mapping[str, Any] | None) -> Account:
    """Read who did something: an App is named as REST names it; nobody is one whose account is gone."""
    if not node:
        return GHOST
    bot = node.get("__typename") == "Bot"
    return Account(f"{node['login']}[bot]" if bot else str(node["login"]), bot)


def _review(node: Mapping[str, Any]) -> Review:
    """Sum the reviews up: GitHub does so only where some are required, so those who may write count by themselves."""
    said = {str(each.get("state")) for each in _nodes(node.get("latestOpinionatedReviews"))}
    decision = str(node.get("reviewDecision") or "")
    if "CHANGES_REQUESTED" in {decision, *said}:
        return Review.CHANGES
    if decision == "REVIEW_REQUIRED":
        return Review.WANTED
    return Review.APPROVED if "APPROVED" in {decision, *said} else Review.NONE


def _unresolved(node: Mapping[str, Any]) -> Iterator[Account]:
    for thread in _nodes(node.get("reviewThreads")):
        if not thread.get("isResolved"):
            first = next(iter(_nodes(thread.get("comments"))), {})
            yield actor(first.get("author"))


def _worst(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Keep each name once: of a run and a status of the same name both are required."""
    found: dict[str, Check] = {}
    for each in checks:
        known = found.setdefault(each.name, each)
        if _BADNESS[each.passed] > _BADNESS[known.passed]:
            found[each.name] = each
    return tuple(found.values())


_BADNESS = {True: 0, None: 1, False: 2}


def paths(node: Mapping[str, Any]) -> tuple[list[str], str | None]:
    """Read a page of the files that a pull request changes, and where the next begins."""
    return [str(each["path"]) for each in _nodes(node.get("files"))], _ahead(node.get("files"))


def commits_of(node: Mapping[str, Any]) -> tuple[list[PullCommit], str | None]:
    """Read a page of a pull request's commits, and where the next begins."""
    return [_pull_commit(each["commit"]) for each in _nodes(node["commits"])], _ahead(node["commits"])


def _pull_commit(node: Mapping[str, Any]) -> PullCommit:
    author = node.get("author") or {}
    email, user = str(author.get("email") or ""), author.get("user") or {}
    app = _APP_EMAIL.fullmatch(email)  # GraphQL knows no user that is an App
    return PullCommit(text_of(node, "oid"), user.get("login") or (app[1] if app else None), email)


_APP_EMAIL = re.compile(r"\d{1,20}\+([\w-]{1,100}\[bot\])@users\.noreply\.github\.com")


def _ahead(connection: Mapping[str, Any] | None) -> str | None:
    about = (connection or {}).get("pageInfo") or {}
    return str(about["endCursor"]) if about.get("hasNextPage") and about.get("endCursor") else None


def rules(rows: Sequence[Mapping[str, Any]]) -> Required:
    """Read what the rulesets of a branch require; kinds of rules that hold no merge are passed over."""
    found = Required()
    for row in rows:
        asked = row.get("parameters") or {}
        match str(row.get("type")):
            case "required_status_checks":
                names = [str(each["context"]) for each in asked.get("required_status_checks") or ()]
                strict = found.strict or bool(asked.get("strict_required_status_checks_policy"))
                found = replace(found, checks=_united(found.checks, names), strict=strict)
            case "pull_request":
                approvals = max(found.approvals, int(asked.get("required_approving_review_count") or 0))
                resolved = found.conversations or bool(asked.get("required_review_thread_resolution"))
                found = replace(found, approvals=approvals, conversations=resolved)
            case _:
                pass
    return found


def with_protection(found: Required, branch: Mapping[str, Any]) -> Required:
    """Add what the classic protection of a branch requires; whether it is strict, only its admins may see."""
    checks = ((branch.get("protection") or {}).get("required_status_checks")) or {}
    named = [str(each["context"]) for each in checks.get("checks") or ()]
    return replace(found, checks=_united(found.checks, [*map(str, checks.get("contexts") or ()), *named]))


def _united(known: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *more]))


def merged(node: Mapping[str, Any]) -> Merged:
    """Read a merged pull request as GraphQL tells it."""
    return Merged(
        number=int(node["number"]),
        body=str(node.get("body") or ""),
        branch=str(node.get("headRefName") or ""),
        merged_at=moment(text_of(node, "mergedAt")),
        commit=str((node.get("mergeCommit") or {}).get("oid") or ""),
        head_sha=str(node.get("headRefOid") or ""),
    )


def trunk(data: Mapping[str, Any]) -> list[TrunkCommit]:
    """Read the commits of the default branch."""
    target = (data["repository"].get("defaultBranchRef") or {}).get("target") or {}
    return [_trunk_commit(each) for each in _nodes(target.get("history"))]


def _trunk_commit(node: Mapping[str, Any]) -> TrunkCommit:
    author = node.get("author") or {}
    rollup = node.get("statusCheckRollup") or {}
    return TrunkCommit(
        sha=text_of(node, "oid"),
        subject=str(node.get("messageHeadline") or ""),
        author=str((author.get("user") or {}).get("login") or author.get("name") or ""),
        at=moment(text_of(node, "committedDate")),
        checks=_worst([check(each) for each in _nodes(rollup.get("contexts"))]),
    )


def updated_at(node: Mapping[str, Any]) -> datetime:
    """Read when a pull request was changed last."""
    return moment(text_of(node, "updatedAt"))


def contexts(node: Mapping[str, Any]) -> tuple[list[Check], str | None]:
    """Read a page of the checks of a pull request's head, and where the next begins."""
    head = _nodes(node.get("head"))
    rollup = head[-1]["commit"].get("statusCheckRollup") if head else None
    return ([check(each) for each in _nodes(rollup["contexts"])], _ahead(rollup["contexts"])) if rollup else ([], None)


def checked_sha(node: Mapping[str, Any]) -> str | None:
    """Read of which commit the checks are."""
    head = _nodes(node.get("head"))
    return str(head[-1]["commit"]["oid"]) if head else None


def check(node: Mapping[str, Any]) -> Check:
    """Read a check run or a commit status: two systems, one list. A word that is not known has not passed."""
    if "context" in node:
        state = str(node.get("state") or "")
        at = node.get("createdAt")
        ended, text = moment(at) if at else None, str(node.get("description") or "")
        return Check(str(node["context"]), STATES.get(state, False), state.lower(), ended, text)
    status, conclusion = str(node.get("status") or ""), str(node.get("conclusion") or "")
    if status != "COMPLETED":
        return Check(str(node["name"]), None, status.lower())
    at = node.get("completedAt")
    return Check(str(node["name"]), PASSED.get(conclusion, False), conclusion.lower(), moment(at) if at else None)
