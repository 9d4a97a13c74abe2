"""How the App and its installation look in the API."""

from collections.abc import Mapping
from typing import Any

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.app import App
from devops_daemon.sandbox.github.moments import iso
from devops_daemon.sandbox.github.shown.accounts import user
from devops_daemon.sandbox.github.shown.view import View

Json = dict[str, Any]


def integration(view: View, app: App | None = None) -> Json:
    """Show an App: the daemon's own, or another one."""
    shown = app or view.world.app
    since = iso(view.world.created_at)
    return {
        "id": shown.id,
        "client_id": shown.client_id,
        "slug": shown.slug,
        "node_id": ids.node_id("A", shown.id),
        "owner": user(view, view.world.owner),
        "name": shown.slug,
        "description": "",
        "external_url": "https://example.invalid",
        "html_url": f"{view.urls.site}/apps/{shown.slug}",
        "created_at": since,
        "updated_at": since,
        "permissions": dict(shown.permissions),
        "events": list(shown.events),
    }


def via_app(view: View, author: Account) -> Json | None:
    """Show the App by which something was written, None for what a person wrote."""
    app = view.world.app_of(author)
    return integration(view, app) if app else None


def installation(view: View) -> Json:
    """Show the App's installation on the owner."""
    app, since = view.world.app, iso(view.world.created_at)
    url = f"{view.urls.api}/app/installations/{app.installation_id}"
    settings = f"{view.urls.site}/organizations/{view.world.owner.login}/settings"
    return {
        "id": app.installation_id,
        "client_id": app.client_id,
        "account": user(view, view.world.owner),
        "repository_selection": "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{view.urls.api}/installation/repositories",
        "html_url": f"{settings}/installations/{app.installation_id}",
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": view.world.owner.id,
        "target_type": "Organization",
        "permissions": dict(app.permissions),
        "events": list(app.events),
        "created_at": since,
        "updated_at": since,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": None,
    }


def installation_link(view: View) -> Mapping[str, Any]:
    """Show the installation as webhooks do."""
    number = view.world.app.installation_id
    return {"id": number, "node_id": ids.node_id("MDIzOk", number)}
