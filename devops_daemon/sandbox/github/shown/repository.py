"""How the repository looks in the API."""

from typing import Any

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.moments import iso
from devops_daemon.sandbox.github.shown.accounts import flags, user
from devops_daemon.sandbox.github.shown.view import View
from devops_daemon.sandbox.github.world import DEFAULT_BRANCH

Json = dict[str, Any]
_PARTS = {
    "archive_url": "{archive_format}{/ref}",
    "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}",
    "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}",
    "contributors_url": "contributors",
    "deployments_url": "deployments",
    "downloads_url": "downloads",
    "events_url": "events",
    "forks_url": "forks",
    "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "hooks_url": "hooks",
    "issue_comment_url": "issues/comments{/number}",
    "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}",
    "keys_url": "keys{/key_id}",
    "labels_url": "labels{/name}",
    "languages_url": "languages",
    "merges_url": "merges",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}",
    "stargazers_url": "stargazers",
    "statuses_url": "statuses/{sha}",
    "subscribers_url": "subscribers",
    "subscription_url": "subscription",
    "tags_url": "tags",
    "teams_url": "teams",
    "trees_url": "git/trees{/sha}",
}


def minimal(view: View) -> Json:
    """Show the repository as it stands within other things."""
    world, urls = view.world, view.urls
    return {
        "id": world.id,
        "node_id": ids.node_id("R", world.id),
        "name": world.name,
        "full_name": world.full_name,
        "private": world.options.private,
        "owner": user(view, world.owner),
        "html_url": urls.page,
        "description": None,
        "fork": False,
        "url": urls.repo,
        **{name: f"{urls.repo}/{part}" for name, part in _PARTS.items()},
    }


def repository(view: View) -> Json:
    """Show the repository as webhooks do."""
    world, urls = view.world, view.urls
    still_open = sum(issue.is_open for issue in world.issues.values())
    bare = urls.page.partition("://")[2]
    return {
        **minimal(view),
        "created_at": iso(world.created_at),
        "updated_at": iso(world.pushed_at),
        "pushed_at": iso(world.pushed_at),
        "git_url": f"git://{bare}.git",
        "ssh_url": f"git@{bare}.git",
        "clone_url": f"{urls.page}.git",
        "svn_url": urls.page,
        "homepage": None,
        "size": 1,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": None,
        "has_issues": world.options.has_issues,
        "has_projects": False,
        "has_downloads": True,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        "forks_count": 0,
        "mirror_url": None,
        "archived": False,
        "disabled": False,
        "open_issues_count": still_open,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "private" if world.options.private else "public",
        "forks": 0,
        "open_issues": still_open,
        "watchers": 0,
        "default_branch": DEFAULT_BRANCH,
    }


def full(view: View, role: Role) -> Json:
    """Show the repository to somebody of this role; how it merges is only for those who may push."""
    options = view.world.options
    settings = {
        "allow_squash_merge": options.allow_squash_merge,
        "allow_merge_commit": options.allow_merge_commit,
        "allow_rebase_merge": options.allow_rebase_merge,
        "allow_auto_merge": options.allow_auto_merge,
        "delete_branch_on_merge": options.delete_branch_on_merge,
        "allow_update_branch": False,
    }
    return {
        **repository(view),
        "permissions": flags(role),
        **(settings if role >= Role.WRITE else {}),
        "organization": user(view, view.world.owner),
        "network_count": 0,
        "subscribers_count": 0,
    }


def organization(view: View) -> Json:
    """Show the owner as webhooks do."""
    owner = view.world.owner
    url = f"{view.urls.api}/orgs/{owner.login}"
    parts = {f"{name}_url": f"{url}/{name}" for name in ("repos", "events", "hooks", "issues")}
    return {
        "login": owner.login,
        "id": owner.id,
        "node_id": ids.node_id("O", owner.id),
        "url": url,
        **parts,
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{view.urls.site}/avatars/{owner.id}",
        "description": "",
    }
