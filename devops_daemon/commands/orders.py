"""What an operator has done over HTTP: written down, begun once, watched to its end, as what a comment asks for.

It is asked at a desk, not on an issue: whoever asked follows it there, and what was done is told on one issue of ours.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import structlog

from devops_daemon.asking import DESK, Request, RequestState
from devops_daemon.commands.answer import Outcome
from devops_daemon.commands.catalogue import Name
from devops_daemon.commands.grammar import Ask, typed
from devops_daemon.commands.means import Means
from devops_daemon.commands.undertake import STALE, Undertake
from devops_daemon.forge import Mark
from devops_daemon.markdown import plain
from devops_daemon.ports import Forge, LostRaceError, RefusedError, RequestLedger, UnavailableError

PREFIX = "action:"
LABEL, TITLE = "automation", "\U0001f527 DevOps actions"
ISSUE = Mark("actions", "told")
INTERRUPTED = timedelta(minutes=2)
"""What is being begun for so long was interrupted."""
TOLD_WITHIN = timedelta(days=1)
AT_ONCE = timedelta(seconds=10)
"""Who asks waits so long for the answer; what takes longer is followed."""
ACTIONS: Mapping[Name, str] = MappingProxyType(
    {
        Name.RESTART: "restart-service",
        Name.SET_VARIABLES: "manage-variables",
        Name.PROVISION: "provision-infrastructure",
    }
)
"""What an operator calls what is begun here."""
log = structlog.get_logger("actions")


class Orders:
    """Has things done, and tells of them."""

    def __init__(self, means: Means, requests: RequestLedger, undertake: Undertake, *, dry_run: bool = False) -> None:
        self._means = means
        self._requests = requests
        self._undertake = undertake
        self._dry_run = dry_run
        self._tasks: set[asyncio.Task[Request]] = set()

    async def give(self, ask: Ask, by: str, why: str | None = None) -> Request:
        """Have it done, and keep why; gives the request as it stands soon after: refused, under way, or ended.

        Raises UnavailableError, and RefusedError.
        """
        request, _ = await self._requests.open(
            Request(
                id=f"{PREFIX}{uuid.uuid4()}",
                issue=DESK,
                comment_id=DESK,
                author=by,
                by_agent=False,
                hop=0,
                words=f"{typed(ask)} ({why})" if why else typed(ask),
                asked_at=self._means.now(),
            )
        )
        task = asyncio.create_task(self._undertake.do(request, ask), name=request.id)
        self._tasks.add(task)  # whoever asks may hang up: it goes on
        task.add_done_callback(self._ended)
        if (await asyncio.wait({task}, timeout=AT_ONCE.total_seconds()))[0]:
            return task.result()
        return await self._requests.get(request.id) or request

    async def stop(self) -> None:
        """Leave off: what was begun is looked up by whoever comes next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: "asyncio.Task[Request]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):  # its row is found by the next look
            log.info("action.interrupted", request=task.get_name(), reason=str(error))

    async def find(self, identifier: str) -> Request | None:
        """Find one by its id, None where it is none of these."""
        found = await self._requests.get(f"{PREFIX}{identifier}")
        if found and found.state is RequestState.ASKED and self._means.now() - found.asked_at > STALE:
            text = "It was interrupted before it was begun. Ask again if it is still needed."
            return replace(found, state=RequestState.ANSWERED, outcome=Outcome.FAILED.value, headline=text)
        return found

    async def look(self) -> None:
        """Look up what was interrupted, and tell what was done. Never raises, but for cancellation."""
        try:
            now = self._means.now()
            for request in await self._requests.interrupted(PREFIX, now - INTERRUPTED):
                await self._look_up(request)
            if self._means.asked_forge is not None and not self._dry_run:
                for request in await self._requests.untold(PREFIX, now - TOLD_WITHIN):
                    await self._tell(request, self._means.asked_forge)
        except (UnavailableError, RefusedError) as error:
            log.info("actions.told_later", reason=str(error))
        except LostRaceError as error:
            log.debug("actions.changed_meanwhile", reason=str(error))

    async def _look_up(self, request: Request) -> None:
        if request.id in {task.get_name() for task in self._tasks}:
            return
        with contextlib.suppress(UnavailableError):  # of the others more may be known
            await self._undertake.do(request, _asked_before(request))

    async def _tell(self, request: Request, forge: Forge) -> None:
        """Say on our issue what was done: once, by the mark."""
        issue = await forge.find_issue(ISSUE, LABEL)
        if issue is None:
            body = f"What operators had the daemon do, by its API and command line.\n\n{ISSUE}"
            issue = await forge.open_issue(TITLE, body, (LABEL,))
        elif not issue.open:
            await forge.set_open(issue.number, open_=True)
        mark = Mark("action", request.id.removeprefix(PREFIX))
        known = await forge.find_comment(issue.number, mark, request.asked_at)
        if known is None:
            redactor = await self._means.secrets.at_best(self._means.asked_platform)
            public = (await forge.repository()).public
            known = await forge.comment(issue.number, f"{_told(request, redactor.text, public=public)}\n\n{mark}")
        await self._requests.told(request, known.id)


def _asked_before(request: Request) -> Ask:
    """Read what was asked out of its row, as far as it is needed to look it up."""
    name, target = Name(request.act or Name.HELP), request.target or ""  # one that was refused has begun nothing
    if name is Name.PROVISION:
        kind, _, title = target.partition(" ")
        return Ask(name, kind=kind, title=title)
    return Ask(name, target)


def action(request: Request) -> str:
    """Name what was asked for, as the contract does."""
    return next((named for name, named in ACTIONS.items() if request.words.startswith(name)), "")


def status(request: Request) -> str:
    """Say where it stands, as the contract names it."""
    if request.state is not RequestState.ANSWERED:
        return "running"
    return "done" if request.outcome == "done" else "failed"


def _told(request: Request, redact: Callable[[str], str], *, public: bool) -> str:
    """Say what was done; in public no variable is named."""
    words, headline = redact(request.words), redact(request.headline or "")
    if public and request.act == Name.SET_VARIABLES:
        words, headline = f"{request.act} {request.target}", str(request.outcome)
    sign = "\u2705" if request.outcome == "done" else "\u274c"
    return f"{sign} {plain(request.author)} asked to {plain(words)}: {plain(headline)}"
