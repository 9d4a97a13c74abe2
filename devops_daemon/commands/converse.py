"""From a comment to its one reply."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

import structlog

from devops_daemon.asking import Request, RequestState
from devops_daemon.commands.admission import HOP_MEMORY, HOUR, Admitted, Refused, Silent, Who, admit, hop
from devops_daemon.commands.answer import Answer, Outcome
from devops_daemon.commands.catalogue import COMMANDS
from devops_daemon.commands.grammar import Ask, Asked, read, typed
from devops_daemon.commands.means import Means
from devops_daemon.commands.reads import answered, joined
from devops_daemon.commands.undertake import Undertake
from devops_daemon.commands.voice import Manners, Voice
from devops_daemon.forge import Account, Comment, Role
from devops_daemon.ports import RequestLedger

SHOWN_AFTER = timedelta(seconds=3)
"""What takes longer says that it is at work."""
log = structlog.get_logger("commands")


class Converse:
    """Answers comments that speak to the daemon."""

    def __init__(
        self, means: Means, requests: RequestLedger, voice: Voice, undertake: Undertake, manners: Manners
    ) -> None:
        self._means = means
        self._requests = requests
        self._voice = voice
        self._undertake = undertake
        self._manners = manners

    async def hear(self, comment: Comment) -> str:
        """Answer a comment, if it asks for something; gives a word on what came of it.

        May be called again for the same comment, by whichever process: it is answered once.
        """
        asked = read(comment.body)
        agent = self._manners.is_agent(comment.author.login)
        unheard = await self._not_for_us(comment, asked, agent=agent)
        if unheard:
            return unheard
        request = await self._open(comment, " & ".join(map(spelled, asked)), agent=agent)
        if request.state in {RequestState.ANSWERED, RequestState.FOLLOWED}:
            return f"{request.state} already"
        return await self._answer(comment, asked, request)

    async def _not_for_us(self, comment: Comment, asked: Sequence[Asked], *, agent: bool) -> str | None:
        if not asked:
            return "it asks for nothing"
        if comment.author.bot and not agent:
            return "a program that AGENT_LOGINS does not name"
        return "our own words" if await self._voice.is_own(comment) else None

    async def _answer(self, comment: Comment, asked: Sequence[Asked], request: Request) -> str:
        request = await self._requests.save(request)  # of two who answer one comment at once, one goes on
        if request.state in {RequestState.ACTING, RequestState.DECIDED} and isinstance(asked[0], Ask):
            request = await self._undertake.do(await self._voice.find(request), asked[0])  # it was admitted before
            return f"{request.words}: {request.outcome or request.state}"
        who = Who(comment.author, await self._role(request, comment.author), request.by_agent, comment.via_app)
        order = (request.asked_at, request.comment_id)
        recent = [each for each in await self._lately(request) if (each.asked_at, each.comment_id) < order]
        admission = admit(asked, who, recent, request.hop)
        verdict = type(admission).__name__.lower()
        log.info("command.heard", request=request.id, words=request.words, by=request.author, verdict=verdict)
        match admission:
            case Silent(reason):
                await self._requests.save(replace(request, state=RequestState.ANSWERED, outcome="silent"))
                return reason
            case Refused(reason, hints):
                _, request = await asyncio.gather(self._voice.seen(request), self._voice.find(request))
                await self._voice.conclude(request, Answer(Outcome.REFUSED, reason, hints=hints))
                return "refused"
            case Admitted(asks):
                request = await self._carry_out(request, asks)
                return f"{request.words}: {request.outcome or request.state}"
            case _:
                assert_never(admission)

    async def _open(self, comment: Comment, words: str, *, agent: bool) -> Request:
        now = self._means.now()
        before = await self._requests.on(comment.issue, now - HOP_MEMORY)
        others = [each for each in before if each.comment_id != comment.id]
        request, _ = await self._requests.open(
            Request(
                id=f"comment:{comment.id}",
                issue=comment.issue,
                comment_id=comment.id,
                author=comment.author.login,
                by_agent=agent,
                hop=hop(comment.body, others, agent=agent, now=now),
                words=words,
                asked_at=comment.created_at,
            )
        )
        return request

    async def _role(self, request: Request, author: Account) -> Role:
        """Find out what its author may do; an App is no collaborator."""
        if request.by_agent and author.bot:
            return Role.NONE
        return await self._means.forge.role(author.login)

    async def _lately(self, request: Request) -> Sequence[Request]:
        return await self._requests.of(request.author, self._means.now() - HOUR)

    async def _carry_out(self, request: Request, asks: Sequence[Ask]) -> Request:
        """Show that it was read, look for a reply of before, and do what is asked, as far as that goes together."""
        if COMMANDS[asks[0].name].acts:
            _, request = await asyncio.gather(self._voice.seen(request), self._voice.find(request))
            return await self._undertake.do(request, asks[0])
        work = asyncio.ensure_future(self._read(asks))
        try:
            _, request = await asyncio.gather(self._voice.seen(request), self._voice.find(request))
            if not (await asyncio.wait({work}, timeout=SHOWN_AFTER.total_seconds()))[0]:
                request = await self._voice.say(request, Answer(Outcome.WORKING, "Looking."))
            return await self._voice.conclude(request, await work)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _read(self, asks: Sequence[Ask]) -> Answer:
        return joined([await answered(self._means, ask) for ask in asks])


def spelled(asked: Asked) -> str:
    """Write down what was asked, the same for the same."""
    return typed(asked) if isinstance(asked, Ask) else asked.words
