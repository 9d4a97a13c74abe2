"""How issues, comments, labels and reactions look in the API."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.issues import REACTIONS, Comment, Issue, Label, Reaction
from devops_daemon.sandbox.github.moments import iso, iso_or_none
from devops_daemon.sandbox.github.shown.accounts import user, user_or_none
from devops_daemon.sandbox.github.shown.app import via_app
from devops_daemon.sandbox.github.shown.view import View

Json = dict[str, Any]


def label(view: View, shown: Label) -> Json:
    """Show a label."""
    return {
        "id": shown.id,
        "node_id": ids.node_id("LA", shown.id),
        "url": f"{view.urls.repo}/labels/{shown.name}",
        "name": shown.name,
        "color": shown.color,
        "default": False,
        "description": shown.description,
    }


def reaction(view: View, shown: Reaction) -> Json:
    """Show a reaction."""
    return {
        "id": shown.id,
        "node_id": ids.node_id("REA", shown.id),
        "user": user(view, shown.account),
        "content": shown.content,
        "created_at": iso(shown.created_at),
    }


def comment(view: View, shown: Comment) -> Json:
    """Show a comment."""
    on = view.world.issues[shown.issue]
    url = f"{view.urls.repo}/issues/comments/{shown.id}"
    return {
        "url": url,
        "html_url": f"{_page(view, on)}#issuecomment-{shown.id}",
        "issue_url": f"{view.urls.repo}/issues/{shown.issue}",
        "id": shown.id,
        "node_id": ids.node_id("IC", shown.id),
        "user": user(view, shown.author),
        "created_at": iso(shown.created_at),
        "updated_at": iso(shown.updated_at),
        "author_association": view.world.association(shown.author),
        "body": shown.body,
        "reactions": _rollup(url, shown.reactions),
        "performed_via_github_app": via_app(view, shown.author),
    }


def issue(view: View, shown: Issue) -> Json:
    """Show an issue, or a pull request as the issue that it is."""
    url = f"{view.urls.repo}/issues/{shown.number}"
    pull = {"draft": shown.pull.draft, "pull_request": _pull_links(view, shown)} if shown.pull else {}
    return {
        "url": url,
        "repository_url": view.urls.repo,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": _page(view, shown),
        "id": shown.id,
        "node_id": ids.node_id("PR" if shown.pull else "I", shown.id),
        "number": shown.number,
        "title": shown.title,
        "user": user(view, shown.author),
        "labels": [label(view, each) for each in shown.labels],
        "state": shown.state,
        "locked": shown.locked,
        "assignee": user_or_none(view, shown.assignees[0] if shown.assignees else None),
        "assignees": [user(view, each) for each in shown.assignees],
        "milestone": None,
        "comments": len(view.world.comments_on(shown.number)),
        "created_at": iso(shown.created_at),
        "updated_at": iso(shown.updated_at),
        "closed_at": iso_or_none(shown.closed_at),
        "author_association": view.world.association(shown.author),
        "active_lock_reason": None,
        **pull,
        "body": shown.body,
        "closed_by": user_or_none(view, shown.closed_by),
        "reactions": _rollup(url, shown.reactions),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": via_app(view, shown.author),
        "state_reason": shown.state_reason,
    }


def _page(view: View, shown: Issue) -> str:
    return f"{view.urls.page}/{'pull' if shown.pull else 'issues'}/{shown.number}"


def _pull_links(view: View, shown: Issue) -> Json:
    page = _page(view, shown)
    return {
        "url": f"{view.urls.repo}/pulls/{shown.number}",
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "merged_at": iso_or_none(shown.pull.merged_at if shown.pull else None),
    }


def _rollup(url: str, reactions: Sequence[Reaction]) -> Json:
    counts = Counter(each.content for each in reactions)
    return {
        "url": f"{url}/reactions",
        "total_count": len(reactions),
        **{content: counts[content] for content in REACTIONS},
    }
