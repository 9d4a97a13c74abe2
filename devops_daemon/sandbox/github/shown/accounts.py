"""How accounts look in the API."""

from typing import Any

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import LEGACY, Account, Role
from devops_daemon.sandbox.github.moments import iso
from devops_daemon.sandbox.github.shown.view import View

Json = dict[str, Any]
_PARTS = {
    "followers_url": "followers",
    "following_url": "following{/other_user}",
    "gists_url": "gists{/gist_id}",
    "starred_url": "starred{/owner}{/repo}",
    "subscriptions_url": "subscriptions",
    "organizations_url": "orgs",
    "repos_url": "repos",
    "events_url": "events{/privacy}",
    "received_events_url": "received_events",
}
_FLAGS = {
    "admin": Role.ADMIN,
    "maintain": Role.MAINTAIN,
    "push": Role.WRITE,
    "triage": Role.TRIAGE,
    "pull": Role.READ,
}


def user(view: View, account: Account) -> Json:
    """Show an account, as it stands beside everything it does."""
    url = f"{view.urls.api}/users/{account.login}"
    page = f"{view.urls.site}/{account.login}"
    if account.kind == "Bot":
        page = f"{view.urls.site}/apps/{account.login.removesuffix('[bot]')}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": ids.node_id(account.kind[0], account.id),
        "avatar_url": f"{view.urls.site}/avatars/{account.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": page,
        **{name: f"{url}/{part}" for name, part in _PARTS.items()},
        "type": account.kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def user_or_none(view: View, account: Account | None) -> Json | None:
    """Show an account that may not be there."""
    return user(view, account) if account else None


def profile(view: View, account: Account) -> Json:
    """Show an account to itself."""
    empty = dict.fromkeys(("bio", "blog", "company", "email", "hireable", "location", "name", "twitter_username"))
    figures = dict.fromkeys(("followers", "following", "public_gists", "public_repos"), 0)
    since = iso(account.created_at)
    return {**user(view, account), **empty, **figures, "created_at": since, "updated_at": since}


def flags(role: Role) -> dict[str, bool]:
    """Say what a role may do."""
    return {name: role >= least for name, least in _FLAGS.items()}


def permission(view: View, account: Account) -> Json:
    """Show what an account may do: the older words know neither maintain nor triage."""
    role = view.world.role(account)
    role_name = account.custom_role or role.word
    shown = {**user(view, account), "permissions": flags(role), "role_name": role_name}
    return {"permission": LEGACY.get(role, role).word, "role_name": role_name, "user": shown}
