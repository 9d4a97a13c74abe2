"""Add a database or a service: tracked in an issue that is there before it, and never a second time.

The platform is asked to add only what it has not; so what was interrupted is asked for once more.
"""

import structlog

from devops_daemon.asking import Request
from devops_daemon.commands.answer import Answer, Outcome
from devops_daemon.commands.grammar import Ask
from devops_daemon.commands.means import Means
from devops_daemon.forge import Mark
from devops_daemon.hosting import Added, Engine
from devops_daemon.markdown import plain
from devops_daemon.ports import Forge, RefusedError, UnavailableError

DATABASE, SERVICE = "database", "service"
KINDS = (DATABASE, SERVICE)
LABEL = "automation"
MARK = "provision"
log = structlog.get_logger("actions")


async def provision(means: Means, request: Request, ask: Ask) -> Answer:
    """Add it, unless it is there, and say so on its issue."""
    kind, title = ask.kind or "", ask.title or ""
    if kind == DATABASE and title.lower() not in set(Engine):
        raise RefusedError(f"{title}: is no database that can be added; there are {', '.join(Engine)}")
    try:
        issue = await _tracked(means, request, ask)
    except UnavailableError as error:
        raise RefusedError(f"{error}. Nothing was added: there would be no issue to track it") from error
    try:
        added = await _added(means, kind, title)
    except (RefusedError, UnavailableError) as error:
        if issue is not None:
            await _tell(means.forge, issue, request, f"\u274c {plain(str(error))}", ends=False)
        raise
    text = _said(kind, added)
    if issue is not None:
        await _tell(means.forge, issue, request, f"\u2705 {plain(text)}", ends=True)
    return Answer(Outcome.DONE, f"{text} See #{issue}." if issue is not None else text)


async def added_before(means: Means, ask: Ask) -> Answer | None:
    """Tell what is there by now of what was interrupted; None where nothing shows."""
    hosting = await means.platform.hosting()
    title = (ask.title or "").lower()
    named = [each for each in hosting.services if each.name.lower() == title]
    there = hosting.databases(Engine(title)) if ask.kind == DATABASE else named
    if not there:
        return None
    return Answer(Outcome.DONE, f"It was interrupted; {there[0].name} is there.")


async def _added(means: Means, kind: str, title: str) -> Added:
    if kind == DATABASE:
        return await means.platform.add_database(Engine(title.lower()))
    return await means.platform.add_service(title)


def _said(kind: str, added: Added) -> str:
    """Say what is there now, and what is to be done next."""
    if not added.made:
        return f"{added.name} is there already: nothing was added."
    if kind == DATABASE:
        return f"{added.name} was added; let a service use it by a reference in its variables."
    return f"{added.name} was added, empty: it deploys once it has a source."


async def _tracked(means: Means, request: Request, ask: Ask) -> int | None:
    """Open the issue that tracks it, or find it; None where there is no GitHub."""
    if means.asked_forge is None:
        return None
    mark = Mark(MARK, request.id)
    found = await means.forge.find_issue(mark, LABEL)
    if found is None:
        redactor = await means.secrets.at_best(means.asked_platform)
        why = plain(redactor.text(ask.topic or ""))
        body = f"{plain(request.author)} asked for a {ask.kind} {plain(ask.title or '')}.\n\n**Why:** {why}\n\n{mark}"
        title = f"\U0001f3d7\ufe0f Provision {ask.kind} {ask.title}"
        found = await means.forge.open_issue(title, body, (LABEL,))
    return found.number


async def tell_on_its_issue(means: Means, request: Request, answer: Answer) -> None:
    """Say on its issue how one ended that was interrupted."""
    if means.asked_forge is None:
        return
    try:
        found = await means.forge.find_issue(Mark(MARK, request.id), LABEL)
    except (RefusedError, UnavailableError) as error:
        log.warning("provision.untold", request=request.id, reason=str(error))
        return
    if found is not None:
        done = answer.outcome is Outcome.DONE
        sign = "\u2705" if done else "\u274c"
        await _tell(means.forge, found.number, request, f"{sign} {plain(answer.headline)}", ends=done)


async def _tell(forge: Forge, issue: int, request: Request, text: str, *, ends: bool) -> None:
    """Say once how it ended; what could not be added stays open for a person.

    What cannot be told changes nothing of what was done.
    """
    mark = Mark(MARK, f"{request.id}:{'added' if ends else 'failed'}")
    try:
        if await forge.find_comment(issue, mark, request.asked_at) is None:
            await forge.comment(issue, f"{text}\n\n{mark}")
        if ends:
            await forge.set_open(issue, open_=False)
    except (RefusedError, UnavailableError) as error:
        log.warning("provision.untold", request=request.id, issue=issue, reason=str(error))
