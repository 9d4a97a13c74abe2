"""Which project and environment are meant, and which tokens may speak for them, the one with the least rights first."""

from dataclasses import dataclass

from devops_daemon.adapters.railway.asked import Asked
from devops_daemon.adapters.railway.tokens import Send, Token, TokenKind, identify
from devops_daemon.adapters.railway.transport import SaidNoError
from devops_daemon.ports import RefusedError

PROJECT_TOKEN, WORKSPACE_TOKEN = "RAILWAY_TOKEN_SW_FACTORY", "RAILWAY_WORKSPACE_TOKEN"  # their names
_CURES = {
    PROJECT_TOKEN: "make a new one in the project's settings, Tokens",
    WORKSPACE_TOKEN: "make a new one in the account's settings, Tokens, with the workspace chosen",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The environment that is looked after."""

    project_id: str
    project: str
    environment_id: str
    environment: str
    tokens: tuple[Token, ...]
    """Those that work, the least first."""
    problems: tuple[str, ...] = ()
    """What is wrong with the settings all the same, each with its cure."""


async def resolve(asked: Asked, send: Send) -> Scope:
    """Find out what the tokens are and what is meant.

    Raises RefusedError with what to set, and UnavailableError where Railway can't be asked.
    """
    found = [
        await identify(setting, value, kind, send, asked.workspace_id)
        for setting, value, kind in (
            (PROJECT_TOKEN, asked.project_token, TokenKind.PROJECT),
            (WORKSPACE_TOKEN, asked.workspace_token, TokenKind.WORKSPACE),
        )
        if value is not None
    ]
    problems = [problem for token in found if (problem := _problem(token, asked))]
    usable = [token for token in found if token.kind is not TokenKind.DEAD and not _is_for_another(token, asked)]
    usable.sort(key=lambda token: token.kind is not TokenKind.PROJECT)
    if not usable:
        raise RefusedError("; ".join(problems) or f"neither {PROJECT_TOKEN} nor {WORKSPACE_TOKEN} is set")
    first = usable[0]
    if any(token.kind is TokenKind.DEAD and token.setting == PROJECT_TOKEN for token in found) and not (
        asked.project_id and asked.environment_id
    ):
        # what it was for is not known: another token would choose another environment, where all ids are the same
        cure = f"or set PRODUCT_PROJECT_ID and PRODUCT_ENVIRONMENT_ID to go on with {WORKSPACE_TOKEN} alone"
        raise RefusedError("; ".join([*problems, cure]))
    if first.project_id and first.environment_id:
        names = (first.project_id, first.project, first.environment_id, first.environment)
    else:
        names = await _by_workspace(asked, first, send)
    return Scope(*names, tokens=tuple(usable), problems=tuple(problems))


def _problem(token: Token, asked: Asked) -> str | None:
    expected = TokenKind.PROJECT if token.setting == PROJECT_TOKEN else TokenKind.WORKSPACE
    if token.kind is TokenKind.DEAD:
        return f"{token.setting} is not known to Railway (any more): {_CURES[token.setting]}"
    if _is_for_another(token, asked):
        meant = _differing(token, asked)
        return (
            f"{token.setting} is for the environment {token.environment} of the project {token.project}, not for the"
            f" one that {meant} names, and is not used: {_CURES[token.setting]}, for that environment"
        )
    if token.kind is not expected:
        return f"{token.setting} holds a {token.kind}, not a {expected}; it is used as what it is"
    return None


def _is_for_another(token: Token, asked: Asked) -> bool:
    return token.kind is TokenKind.PROJECT and bool(_differing(token, asked))


def _differing(token: Token, asked: Asked) -> str:
    pairs = (
        ("PRODUCT_PROJECT_ID", asked.project_id, token.project_id),
        ("PRODUCT_ENVIRONMENT_ID", asked.environment_id, token.environment_id),
    )
    return " and ".join(name for name, wanted, has in pairs if wanted and wanted != has)


async def _by_workspace(asked: Asked, token: Token, send: Send) -> tuple[str, str, str, str]:
    project_id = asked.project_id or await _only_project(asked, token, send)
    try:
        project = (await send("Project", {"id": project_id}, token.headers))["project"]
    except SaidNoError as refusal:
        raise RefusedError(
            f"PRODUCT_PROJECT_ID: {token.setting} reaches no project {project_id} ({refusal}); set the id that the"
            " dashboard shows with Ctrl-K, Copy Project ID"
        ) from None
    environments = [edge["node"] for edge in project["environments"]["edges"]]
    chosen = _environment(asked, environments, project["primaryEnvironmentId"])
    return project["id"], project["name"], chosen["id"], chosen["name"]


async def _only_project(asked: Asked, token: Token, send: Send) -> str:
    # without a workspace the list is not whole
    reached = [asked.workspace_id] if asked.workspace_id else [identifier for identifier, _ in token.workspaces]
    found = []
    for workspace in reached or (None,):
        try:
            data = await send("Projects", {"workspaceId": workspace}, token.headers)
        except SaidNoError as refusal:
            named = f"the workspace {workspace}" if workspace else "its workspace"
            raise RefusedError(
                f"RAILWAY_WORKSPACE_ID: {token.setting} may not list the projects of {named} ({refusal}); set the id of"
                " the workspace that it was made in, or PRODUCT_PROJECT_ID"
            ) from None
        nodes = [edge["node"] for edge in data["projects"]["edges"]]
        found += [node for node in nodes if not node["deletedAt"]]
    if len(found) == 1:
        identifier: str = found[0]["id"]
        return identifier
    listed = ", ".join(f"{node['name']} ({node['id']})" for node in found) or "none"
    raise RefusedError(f"PRODUCT_PROJECT_ID: {token.setting} cannot tell which project is meant; it reaches: {listed}")


def _environment(asked: Asked, environments: list[dict[str, str]], primary: str | None) -> dict[str, str]:
    if asked.environment_id:
        chosen = next((each for each in environments if each["id"] == asked.environment_id), None)
    else:
        lasting = [each for each in environments if not each["isEphemeral"]]
        by_default = [each for each in lasting if each["id"] == primary]
        chosen = (by_default or lasting)[0] if by_default or len(lasting) == 1 else None
    if chosen is None:
        listed = ", ".join(f"{each['name']} ({each['id']})" for each in environments) or "none"
        raise RefusedError(f"PRODUCT_ENVIRONMENT_ID: names no environment of the project; there are: {listed}")
    return chosen
