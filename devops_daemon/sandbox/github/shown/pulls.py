"""How pull requests look in the API."""

from dataclasses import dataclass
from typing import Any

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.issues import Issue
from devops_daemon.sandbox.github.moments import iso, iso_or_none
from devops_daemon.sandbox.github.pulls import PullPart, Review
from devops_daemon.sandbox.github.shown.accounts import user, user_or_none
from devops_daemon.sandbox.github.shown.issues import label
from devops_daemon.sandbox.github.shown.repository import minimal, repository
from devops_daemon.sandbox.github.shown.view import View

Json = dict[str, Any]
ACCEPTS = {None: None, "dirty": False, "unknown": None}


@dataclass(frozen=True, slots=True)
class Measure:
    """How much a pull request changes."""

    commits: int = 0
    additions: int = 0
    deletions: int = 0
    changed_files: int = 0


def part_of(shown: Issue) -> PullPart:
    """Give what makes an issue a pull request; raises LookupError where it is none."""
    if shown.pull is None:
        raise LookupError(f"#{shown.number} is no pull request")
    return shown.pull


def simple(view: View, shown: Issue) -> Json:
    """Show a pull request as lists do."""
    pull = part_of(shown)
    url, page = f"{view.urls.repo}/pulls/{shown.number}", f"{view.urls.page}/pull/{shown.number}"
    issue_url = f"{view.urls.repo}/issues/{shown.number}"
    parts = {
        "issue_url": issue_url,
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{view.urls.repo}/pulls/comments{{/number}}",
        "comments_url": f"{issue_url}/comments",
        "statuses_url": f"{view.urls.repo}/statuses/{pull.head_sha}",
    }
    return {
        "url": url,
        "id": shown.id,
        "node_id": ids.node_id("PR", shown.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **parts,
        "number": shown.number,
        "state": shown.state,
        "locked": shown.locked,
        "title": shown.title,
        "user": user(view, shown.author),
        "body": shown.body,
        "created_at": iso(shown.created_at),
        "updated_at": iso(shown.updated_at),
        "closed_at": iso_or_none(shown.closed_at),
        "merged_at": iso_or_none(pull.merged_at),
        "merge_commit_sha": pull.merge_commit_sha,
        "assignee": user_or_none(view, shown.assignees[0] if shown.assignees else None),
        "assignees": [user(view, each) for each in shown.assignees],
        "requested_reviewers": [],
        "requested_teams": [],
        "labels": [label(view, each) for each in shown.labels],
        "milestone": None,
        "draft": pull.draft,
        "head": _end(view, pull.head_ref, pull.head_sha, pull.fork),
        "base": _end(view, pull.base_ref, pull.base_sha, None),
        "_links": _links(url, page, parts),
        "author_association": view.world.association(shown.author),
        "auto_merge": _auto_merge(view, pull),
        "active_lock_reason": None,
    }


def full(view: View, shown: Issue, state: str, measure: Measure) -> Json:
    """Show one pull request; `state` is what holds it, `unknown` while that is computed."""
    pull = part_of(shown)
    can = None if state == "unknown" else state != "dirty"
    return {
        **simple(view, shown),
        "merged": pull.merged_at is not None,
        "mergeable": can,
        "rebaseable": can,
        "mergeable_state": state,
        "merged_by": user_or_none(view, pull.merged_by),
        "comments": len(view.world.comments_on(shown.number)),
        "review_comments": 0,
        "maintainer_can_modify": pull.maintainer_can_modify,
        "commits": measure.commits,
        "additions": measure.additions,
        "deletions": measure.deletions,
        "changed_files": measure.changed_files,
    }


def pull_link(view: View, shown: Issue) -> Json:
    """Show a pull request as checks do."""
    pull, world = part_of(shown), view.world
    repo = {"id": world.id, "url": view.urls.repo, "name": world.name}
    return {
        "id": shown.id,
        "number": shown.number,
        "url": f"{view.urls.repo}/pulls/{shown.number}",
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": repo},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": repo},
    }


def review(view: View, on: Issue, shown: Review) -> Json:
    """Show a review."""
    page, url = f"{view.urls.page}/pull/{on.number}", f"{view.urls.repo}/pulls/{on.number}"
    html = f"{page}#pullrequestreview-{shown.id}"
    return {
        "id": shown.id,
        "node_id": ids.node_id("PRR", shown.id),
        "user": user(view, shown.author),
        "body": shown.body,
        "state": shown.state,
        "html_url": html,
        "pull_request_url": url,
        "author_association": view.world.association(shown.author),
        "_links": {"html": {"href": html}, "pull_request": {"href": url}},
        "submitted_at": iso(shown.submitted_at),
        "commit_id": shown.commit_id,
    }


def _end(view: View, ref: str, sha: str, fork: str | None) -> Json:
    world = view.world
    owner = world.accounts.find(fork) if fork else world.owner
    label_of = f"{fork or world.owner.login}:{ref}"
    repo = repository(view) if not fork else {**minimal(view), **_fork(view, fork)}
    return {"label": label_of, "ref": ref, "sha": sha, "user": user_or_none(view, owner), "repo": repo}


def _fork(view: View, fork: str) -> Json:
    owner = view.world.accounts.get(fork)
    page = f"{view.urls.site}/{fork}/{view.world.name}"
    return {
        **repository(view),
        "id": owner.id,
        "full_name": f"{fork}/{view.world.name}",
        "owner": user(view, owner),
        "fork": True,
        "html_url": page,
        "clone_url": f"{page}.git",
        "url": f"{view.urls.api}/repos/{fork}/{view.world.name}",
    }


def _links(url: str, page: str, parts: dict[str, str]) -> Json:
    named = {"self": url, "html": page, **{name.removesuffix("_url"): to for name, to in parts.items()}}
    return {name: {"href": to} for name, to in named.items()}


def _auto_merge(view: View, pull: PullPart) -> Json | None:
    if pull.auto_merge is None:
        return None
    wanted = pull.auto_merge
    by = user(view, wanted.enabled_by)
    return {"enabled_by": by, "merge_method": wanted.method, "commit_title": "", "commit_message": ""}
