"""Routes of the App: itself, its installation and the tokens of that."""

from devops_daemon.sandbox.github.call import REPO, Call, Reply, Route, created, done
from devops_daemon.sandbox.github.moments import iso
from devops_daemon.sandbox.github.paging import page
from devops_daemon.sandbox.github.permissions import grants
from devops_daemon.sandbox.github.refusals import forbidden, not_found, unprocessable
from devops_daemon.sandbox.github.shown import app as shown
from devops_daemon.sandbox.github.shown.repository import repository
from devops_daemon.sandbox.github.shown.view import View
from devops_daemon.sandbox.github.tokens import TokenKind

_TOO_MUCH = "The permissions requested are not granted to this installation."


class AppRoutes:
    """What the App's own signature opens, and its tokens."""

    def __init__(self, view: View) -> None:
        """Answer from this state."""
        self._view = view

    def routes(self) -> list[Route]:
        """List the routes."""
        tokens = "/app/installations/{installation_id}/access_tokens"
        return [
            Route("GET", "/app", self._app, needs_app=True),
            Route("GET", "/app/installations", self._installations, needs_app=True),
            Route("GET", f"{REPO}/installation", self._installation, needs_app=True),
            Route("POST", tokens, self._token, needs_app=True),
            Route("DELETE", "/installation/token", self._revoke),
            Route("GET", "/installation/repositories", self._repositories),
        ]

    async def _app(self, _: Call) -> Reply:
        return Reply({**shown.integration(self._view), "installations_count": 1})

    async def _installations(self, call: Call) -> Reply:
        return page(call, [self._view.world.app], lambda _: shown.installation(self._view))

    async def _installation(self, _: Call) -> Reply:
        return Reply(shown.installation(self._view))

    async def _token(self, call: Call) -> Reply:
        world, body = self._view.world, call.body
        app = world.app
        if call.number("installation_id") != app.installation_id:
            raise not_found()
        permissions = dict(body.get("permissions") or app.permissions)
        if not all(grants(app.permissions, f"{name}={level}") for name, level in permissions.items()):
            raise unprocessable(_TOO_MUCH)
        if any(name.lower() != world.name.lower() for name in body.get("repositories") or ()):
            raise unprocessable("There is at least one repository that does not exist or is not accessible.")
        text, token = app.new_token(world.accounts.get(app.login), permissions)
        world.tokens[text] = token
        return created(
            {
                "token": text,
                "expires_at": iso(token.expires_at) if token.expires_at else "",
                "permissions": permissions,
                "repository_selection": "selected",
                "repositories": [repository(self._view)],
            }
        )

    async def _revoke(self, call: Call) -> Reply:
        self._look(call)
        tokens = self._view.world.tokens
        for text in [text for text, token in tokens.items() if token is call.caller.token]:
            del tokens[text]
        return done()

    async def _repositories(self, call: Call) -> Reply:
        self._look(call)
        return page(
            call,
            [self._view.world],
            lambda _: repository(self._view),
            lambda rows, count: {"total_count": count, "repositories": rows},
        )

    def _look(self, call: Call) -> None:
        if call.caller.kind is not TokenKind.INSTALLATION:
            raise forbidden("You must authenticate with an installation access token")
