"""How commits and their changes look in the API."""

from typing import Any

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.bare import Person
from devops_daemon.sandbox.github.history import Change, Commit, moment
from devops_daemon.sandbox.github.moments import iso
from devops_daemon.sandbox.github.shown.accounts import user_or_none
from devops_daemon.sandbox.github.shown.view import View

Json = dict[str, Any]
_UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def commit(view: View, shown: Commit) -> Json:
    """Show a commit."""
    url, page = f"{view.urls.repo}/commits/{shown.sha}", f"{view.urls.page}/commit/{shown.sha}"
    trees = f"{view.urls.repo}/git/trees/{shown.tree}"
    parents = [
        {"sha": each, "url": f"{view.urls.repo}/commits/{each}", "html_url": f"{view.urls.page}/commit/{each}"}
        for each in shown.parents
    ]
    return {
        "sha": shown.sha,
        "node_id": f"C_kwDO{shown.sha[:24]}",
        "commit": {
            "author": _signed(shown.author),
            "committer": _signed(shown.committer),
            "message": shown.message,
            "tree": {"sha": shown.tree, "url": trees},
            "url": f"{view.urls.repo}/git/commits/{shown.sha}",
            "comment_count": 0,
            "verification": _UNSIGNED,
        },
        "url": url,
        "html_url": page,
        "comments_url": f"{url}/comments",
        "author": user_or_none(view, by_email(view, shown.author)),
        "committer": user_or_none(view, by_email(view, shown.committer)),
        "parents": parents,
    }


def pushed(view: View, shown: Commit) -> Json:
    """Show a commit as pushes do."""
    return {
        "id": shown.sha,
        "tree_id": shown.tree,
        "distinct": True,
        "message": shown.message,
        "timestamp": iso(shown.committed_at),
        "url": f"{view.urls.page}/commit/{shown.sha}",
        "author": _named(view, shown.author),
        "committer": _named(view, shown.committer),
        **{status: [each.name for each in shown.changes if each.status == status] for status in _STATUSES},
    }


def change(view: View, shown: Change, sha: str) -> Json:
    """Show what becomes of a file."""
    return {
        "sha": shown.blob,
        "filename": shown.name,
        "status": shown.status,
        "additions": shown.additions,
        "deletions": shown.deletions,
        "changes": shown.additions + shown.deletions,
        "blob_url": f"{view.urls.page}/blob/{sha}/{shown.name}",
        "raw_url": f"{view.urls.page}/raw/{sha}/{shown.name}",
        "contents_url": f"{view.urls.repo}/contents/{shown.name}?ref={sha}",
    }


def reference(view: View, ref: str, sha: str) -> Json:
    """Show a ref."""
    return {
        "ref": ref,
        "node_id": ids.node_id("REF", len(ref)),
        "url": f"{view.urls.repo}/git/{ref}",
        "object": {"sha": sha, "type": "commit", "url": f"{view.urls.repo}/git/commits/{sha}"},
    }


def by_email(view: View, person: Person) -> Account | None:
    """Find the account whose address a commit bears."""
    return next((each for each in view.world.accounts if each.email == person.email), None)


_STATUSES = ("added", "removed", "modified")


def _signed(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "date": iso(moment(person))}


def _named(view: View, person: Person) -> Json:
    account = by_email(view, person)
    return {"name": person.name, "email": person.email, **({"username": account.login} if account else {})}
