"""Routes about accounts and the service itself: who am I, how much is left, what may somebody do."""

from http import HTTPStatus

from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.call import REPO, Call, Reply, Route
from devops_daemon.sandbox.github.limits import Limits
from devops_daemon.sandbox.github.refusals import Refusal, forbidden, not_found
from devops_daemon.sandbox.github.shown.accounts import permission, profile
from devops_daemon.sandbox.github.shown.repository import full
from devops_daemon.sandbox.github.shown.view import View
from devops_daemon.sandbox.github.tokens import TokenKind


class AccountRoutes:
    """Who is who."""

    def __init__(self, view: View, limits: Limits) -> None:
        """Answer from this state."""
        self._view = view
        self._limits = limits

    def routes(self) -> list[Route]:
        """List the routes."""
        return [
            Route("GET", "/user", self._user),
            Route("GET", "/rate_limit", self._rate_limit),
            Route("GET", "/meta", self._meta),
            Route("GET", REPO, self._repository, ("metadata=read",)),
            Route("GET", f"{REPO}/collaborators/{{username}}/permission", self._permission, ("metadata=read",)),
        ]

    async def _user(self, call: Call) -> Reply:
        if call.caller.kind is TokenKind.NONE:
            raise Refusal(HTTPStatus.UNAUTHORIZED, "Requires authentication")
        if call.caller.via_app:
            raise forbidden("Resource not accessible by integration")
        return Reply(profile(self._view, call.account))

    async def _rate_limit(self, call: Call) -> Reply:
        purse = call.caller.purse
        resources = {name: self._limits.look(purse, name).body for name in self._limits.limits}
        return Reply({"resources": resources, "rate": resources["core"]})

    async def _meta(self, _: Call) -> Reply:
        ranges = ["127.0.0.1/32"]
        return Reply(
            {"verifiable_password_authentication": False, "hooks": ranges, "web": ranges, "api": ranges, "git": ranges}
        )

    async def _repository(self, call: Call) -> Reply:
        return Reply(full(self._view, call.role))

    async def _permission(self, call: Call) -> Reply:
        call.require(Role.WRITE, "Must have push access to view collaborator permission.")
        account = self._view.world.accounts.find(call.names["username"])
        if account is None:
            raise not_found()
        return Reply(permission(self._view, account))
