"""What a token may do, beside what its account may."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.call import Route
from devops_daemon.sandbox.github.refusals import (
    NO_FINE_GRAINED,
    NO_INTEGRATION,
    NOT_FOUND,
    Refusal,
    bad_credentials,
    not_found,
)
from devops_daemon.sandbox.github.tokens import Caller, TokenKind
from devops_daemon.sandbox.github.world import World

_LEVELS = {"read": 1, "write": 2, "admin": 3}
FINE = {TokenKind.FINE_GRAINED: NO_FINE_GRAINED, TokenKind.INSTALLATION: NO_INTEGRATION}
HOOK_SCOPES = {"read": "read:repo_hook", "write": "write:repo_hook"}


def grants(permissions: Mapping[str, str], need: str) -> bool:
    """Tell whether permissions hold one that is needed: `issues=read`; metadata comes with all."""
    name, _, level = need.partition("=")
    held = _LEVELS.get(permissions.get(name, ""), 0)
    return need == "metadata=read" or held >= _LEVELS[level]


def may_change_workflows(caller: Caller) -> bool:
    """Tell whether a token may change what runs in Actions: that takes a right of its own."""
    if caller.token is None:
        return False
    if caller.kind is TokenKind.CLASSIC:
        return "workflow" in caller.token.scopes
    return grants(caller.token.permissions or {}, "workflows=write")


def accepted(needs: Sequence[str]) -> str:
    """Write what would do, as the header `X-Accepted-GitHub-Permissions`."""
    return "; ".join(needs)


def look_at(world: World, caller: Caller, route: Route) -> None:
    """Raise Refusal unless the caller's token opens this route of the repository."""
    if not route.needs:
        return
    _see(world, caller)
    if caller.kind in FINE:
        permissions = (caller.token.permissions if caller.token else None) or {}
        if not any(grants(permissions, need) for need in route.needs):
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                FINE[caller.kind],
                headers={"X-Accepted-GitHub-Permissions": accepted(route.needs)},
            )
    elif caller.kind is TokenKind.CLASSIC:
        _scoped(world, caller, route)
    elif not route.reads:
        raise Refusal(HTTPStatus.UNAUTHORIZED, "Requires authentication")


def _see(world: World, caller: Caller) -> None:
    """Raise Refusal where the repository is not for these eyes: it is as if it were not there."""
    if caller.kind is TokenKind.APP:
        raise bad_credentials()
    if caller.kind is not TokenKind.INSTALLATION and world.role(caller.account) < Role.READ:
        raise not_found()


def _scoped(world: World, caller: Caller, route: Route) -> None:
    scopes = caller.token.scopes if caller.token else frozenset()
    if "repo" in scopes:
        return
    hooks = [HOOK_SCOPES[need.partition("=")[2]] for need in route.needs if need.startswith("repository_hooks")]
    if hooks and not scopes & {*hooks, "write:repo_hook", "admin:repo_hook"}:
        raise Refusal(HTTPStatus.NOT_FOUND, NOT_FOUND)
    if world.options.private or not (hooks or route.reads or "public_repo" in scopes):
        raise not_found()
