"""Whether the credentials may do what the daemon does, duty by duty: by what GitHub tells of them, else by reading."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from devops_daemon.adapters.github.answers import Why
from devops_daemon.adapters.github.errors import SaidNoError
from devops_daemon.adapters.github.forge import GitHub
from devops_daemon.adapters.github.headers import header
from devops_daemon.adapters.github.rights import RIGHTS, SCOPES, Right
from devops_daemon.model import Finding, Grade


async def rights(github: GitHub) -> AsyncIterator[Finding]:
    """Give what is found; raises UnavailableError or RefusedError."""
    if github.jwt is not None:
        for finding in await _of_app(github):
            yield finding
        return
    scopes = header((await github.client.get("/user")).headers, "x-oauth-scopes")
    if scopes is not None:
        for finding in await _of_classic(github, scopes):
            yield finding
    async for finding in _by_reading(github):
        yield finding


async def _of_app(github: GitHub) -> list[Finding]:
    """Compare with what the installation was granted: an App that asks for more waits until its owner agrees."""
    path = f"/repos/{github.client.asked.repository}/installation"
    done = await github.client.get(path, auth=github.jwt)
    told: Mapping[str, Any] = done.data if isinstance(done.data, dict) else {}
    if told.get("suspended_at"):
        cure = "unsuspend it in the App's installation settings"
        return [Finding(Grade.FAILED, "GitHub App", "is suspended on this repository", cure)]
    granted = told.get("permissions")
    held: Mapping[str, Any] = granted if isinstance(granted, dict) else {}
    lacking = [right for right in RIGHTS if right.for_app and not right.is_within(held.get(right.permission))]
    cure = "grant it to the App, and let the owner accept that in the installation"
    return [_missing(right, cure) for right in lacking] or [
        Finding(Grade.OK, "permissions", "the App has all that the daemon needs")
    ]


async def _of_classic(github: GitHub, told: str) -> list[Finding]:
    """Compare scopes; `repo` of somebody who may not push is worth nothing."""
    scopes = {scope.strip() for scope in told.split(",")}
    node = (await github.client.get(f"/repos/{github.client.asked.repository}")).data
    node = node if isinstance(node, dict) else {}
    if "public_repo" in scopes and node.get("private") is False:
        scopes.add("repo")
    findings = [
        Finding(
            Grade.FAILED if scope == "repo" else Grade.WARNING,
            f"scope {scope}",
            f"is missing: the daemon cannot {duty}" if scope != "repo" else "is missing: little can be read or written",
            f"add the scope {scope} to the token",
        )
        for scope, duty in SCOPES.items()
        if scope not in scopes
    ]
    flags = node.get("permissions")
    if isinstance(flags, dict) and flags.get("push") is not True:
        text = "the account may not push here: nothing can be merged, rebased or labelled"
        findings.append(Finding(Grade.FAILED, "GitHub account", text, "give it the role Write in the repository"))
    return findings or [Finding(Grade.OK, "scopes", ", ".join(sorted(scopes - {""})))]


async def _by_reading(github: GitHub) -> AsyncIterator[Finding]:
    """Try each right by a harmless read. On a public repository reading alone proves little, and that is said."""
    repository = await github.repository()
    lacking = []
    for right in (right for right in RIGHTS if right.tried_by):
        path = str(right.tried_by).format(branch=repository.default_branch)
        try:
            await github.client.get(f"/repos/{github.client.asked.repository}{path}")
        except SaidNoError as error:
            if _is_missing(error):
                lacking.append(right)
    for right in lacking:
        yield _missing(right, f"give the token {right.asked}")
    if not lacking:
        read = "can be read" + (" (anybody can, on a public repository)" if repository.public else "")
        text = f"all that the daemon needs {read}; whether it may be written is told when something is"
        yield Finding(Grade.OK, "permissions", text)


def _is_missing(error: SaidNoError) -> bool:
    return error.why in {Why.MISSING_RIGHT, Why.NOT_FOUND}


def _missing(right: Right, cure: str) -> Finding:
    grade = Grade.FAILED if right.essential else Grade.WARNING
    return Finding(
        grade, f"permission {right.words}", f"{right.asked} is missing: the daemon cannot {right.duty}", cure
    )
