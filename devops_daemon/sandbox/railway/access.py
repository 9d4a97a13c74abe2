"""Who asks, by the token that came along, and what that token may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from devops_daemon.sandbox.railway.refusals import NOT_AUTHORIZED, Refusal, not_authorized

PUBLIC = frozenset({"template", "platformStatus"})
"""The fields that answer without a token."""
NO_SUCH_TOKEN = "Project Token not found"  # noqa: S105 - a message


class TokenKind(StrEnum):
    """What a request says of its sender."""

    NONE = "none"
    EMPTY = "empty"
    DEAD_PROJECT = "dead-project"
    DEAD_BEARER = "dead-bearer"
    PROJECT = "project"
    STAGING = "staging"
    WORKSPACE = "workspace"
    OTHER_WORKSPACE = "other-workspace"


_DEATHS = {
    TokenKind.NONE: NOT_AUTHORIZED,
    TokenKind.DEAD_PROJECT: NO_SUCH_TOKEN,
    TokenKind.DEAD_BEARER: NOT_AUTHORIZED,
}


@dataclass(frozen=True, slots=True)
class Reach:
    """What a token opens: a workspace with its projects, or one environment."""

    workspace_id: str
    environment_ids: frozenset[str]
    environment_id: str | None = None
    """The one environment of a project token."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks; without a reach the token opens nothing."""

    kind: TokenKind
    reach: Reach | None
    denied: frozenset[str] = frozenset()

    def enter(self, field: str) -> None:
        """Raise Refusal unless this root field may be asked for."""
        if field in PUBLIC or field.startswith("__"):
            return
        if self.kind in _DEATHS:
            raise Refusal(_DEATHS[self.kind])
        if field in self.denied:
            raise not_authorized()

    def opens(self) -> Reach:
        """Give what the token opens; raises Refusal if that is nothing."""
        if self.reach is None:
            raise not_authorized()
        return self.reach

    def reach_environment(self, environment_id: str) -> None:
        """Raise Refusal unless this environment is the caller's."""
        if environment_id not in self.opens().environment_ids:
            raise not_authorized()


def default_denials() -> dict[TokenKind, set[str]]:
    """Give the root fields that a token of each kind is refused, whatever it asks of them."""
    project = {"apiToken", "projects", "project", "deploymentRemove", "workflowStatus"}
    return {
        TokenKind.PROJECT: set(project),
        TokenKind.STAGING: set(project),
        TokenKind.WORKSPACE: {"projectToken"},
        TokenKind.OTHER_WORKSPACE: {"projectToken"},
    }


def kind_of(
    headers: Mapping[str, str], project_tokens: Mapping[str, TokenKind], bearers: Mapping[str, TokenKind]
) -> TokenKind:
    """Say what the headers of a request bring: each kind of token is known under its own header only."""
    project, bearer = headers.get("Project-Access-Token"), headers.get("Authorization")
    if project is not None:
        return project_tokens.get(project, TokenKind.DEAD_PROJECT)
    if bearer is None:
        return TokenKind.NONE
    scheme, _, token = bearer.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return TokenKind.EMPTY
    return bearers.get(token.strip(), TokenKind.DEAD_BEARER)
