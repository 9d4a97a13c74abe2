"""Which token is what: found out by asking, for a token does not show its kind.

A project token (really one environment's) goes into `Project-Access-Token`, a workspace's or an account's is a Bearer
token; in the wrong header a live token looks like a dead one. `me` fails for workspace tokens and is never asked.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import SecretStr

from devops_daemon.adapters.railway.answers import Why
from devops_daemon.adapters.railway.transport import SaidNoError

Send = Callable[[str, Mapping[str, Any], Mapping[str, str]], Awaitable[Mapping[str, Any]]]
"""Sends a document with variables and headers; raises what HttpTransport raises."""


class TokenKind(StrEnum):
    """What a token is."""

    PROJECT = "project token"
    WORKSPACE = "workspace token"
    DEAD = "dead"
    """Neither header is accepted with it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the settings: where it stands there, its value, and what it turned out to be."""

    setting: str
    value: SecretStr
    kind: TokenKind
    project_id: str | None = None
    """Of a project token: what it is for."""
    project: str = ""
    environment_id: str | None = None
    environment: str = ""
    workspaces: tuple[tuple[str, str], ...] = field(default=())
    """Of a workspace token: id and name of each that it reaches, where it tells."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The header that it goes into."""
        return header(self.kind, self.value)


def header(kind: TokenKind, value: SecretStr) -> Mapping[str, str]:
    """Give the header for a token of this kind."""
    if kind is TokenKind.PROJECT:
        return {"Project-Access-Token": value.get_secret_value()}
    return {"Authorization": f"Bearer {value.get_secret_value()}"}


async def identify(setting: str, value: SecretStr, expected: TokenKind, send: Send, workspace_id: str | None) -> Token:
    """Find out what a token is, the expected kind first; raises UnavailableError where Railway can't be asked."""
    kinds = [expected, *(kind for kind in (TokenKind.PROJECT, TokenKind.WORKSPACE) if kind is not expected)]
    for kind in kinds:
        ask = _project if kind is TokenKind.PROJECT else _workspace
        token = await ask(setting, value, send, workspace_id)
        if token is not None:
            return token
    return Token(setting, value, TokenKind.DEAD)


async def _project(setting: str, value: SecretStr, send: Send, _: str | None) -> Token | None:
    data = await _unless_refused(send, "ProjectToken", {}, header(TokenKind.PROJECT, value))
    if data is None:
        return None
    told = data["projectToken"]
    return Token(
        setting,
        value,
        TokenKind.PROJECT,
        project_id=told["projectId"],
        project=told["project"]["name"],
        environment_id=told["environmentId"],
        environment=told["environment"]["name"],
    )


async def _workspace(setting: str, value: SecretStr, send: Send, workspace_id: str | None) -> Token | None:
    headers = header(TokenKind.WORKSPACE, value)
    data = await _unless_refused(send, "TokenWorkspaces", {}, headers)
    if data is not None:
        workspaces = tuple((each["id"], each["name"]) for each in data["apiToken"]["workspaces"])
        return Token(setting, value, TokenKind.WORKSPACE, workspaces=workspaces)
    # whether `apiToken` takes workspace tokens is not certain: the list of projects does
    data = await _unless_refused(send, "Projects", {"workspaceId": workspace_id}, headers)
    return None if data is None else Token(setting, value, TokenKind.WORKSPACE)


async def _unless_refused(
    send: Send, name: str, variables: Mapping[str, Any], headers: Mapping[str, str]
) -> Mapping[str, Any] | None:
    try:
        return await send(name, variables, headers)
    except SaidNoError as refusal:
        if refusal.why in {Why.NOT_AUTHORIZED, Why.DEAD_TOKEN, Why.NOT_FOUND}:
            return None
        raise
