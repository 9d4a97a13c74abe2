"""The one reply to a request: written once, edited in place, found again by its mark after a crash."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import structlog

from devops_daemon.asking import DESK, Request, RequestState
from devops_daemon.commands.answer import Answer, Outcome
from devops_daemon.commands.reply import render
from devops_daemon.forge import Comment, Mark, Reaction
from devops_daemon.ports import Clock, Forge, GoneError, LockedOutError, RefusedError, RequestLedger
from devops_daemon.redaction import Redactor

CLOCKS_DIFFER = timedelta(minutes=1)
REPLY = "reply"
log = structlog.get_logger("commands")


@dataclass(frozen=True, slots=True)
class Manners:
    """How the daemon speaks."""

    agents: frozenset[str] = frozenset()
    """Logins of agents, in small letters."""
    public_logs: bool = False
    dry_run: bool = False
    link: str | None = None
    """Where the pages are."""

    def is_agent(self, login: str) -> bool:
        """Tell whether an account is an agent's."""
        return login.lower() in self.agents


class Voice:
    """Says what there is to say on the forge, and keeps what was said."""

    def __init__(
        self, forge: Forge | None, requests: RequestLedger, redactor: Redactor, manners: Manners, now: Clock
    ) -> None:
        """Without a forge only what was asked at the desk is answered."""
        self._asked_forge = forge
        self._requests = requests
        self._redactor = redactor
        self._manners = manners
        self._now = now

    @property
    def _forge(self) -> Forge:
        if self._asked_forge is None:
            raise RefusedError("GitHub is not configured")
        return self._asked_forge

    async def is_own(self, comment: Comment) -> bool:
        """Tell whether the daemon wrote a comment: by its rows, or by its mark under its own account."""
        if await self._requests.is_reply(comment.id):
            return True
        if Mark.at_end_of(comment.body) is None:
            return False
        return comment.author.login.lower() == (await self._forge.account()).login.lower()

    async def seen(self, request: Request) -> None:
        """Show that it was read."""
        await self._react(request, Reaction.SEEN)

    async def find(self, request: Request) -> Request:
        """Find the reply that was written before a crash, or by another replica; gives the request with it."""
        if request.reply_id is not None or self._manners.dry_run or request.issue == DESK:
            return request
        mark = _mark(request)
        login = (await self._forge.account()).login.lower()
        comments = await self._forge.comments(request.asked_at - CLOCKS_DIFFER, request.issue)
        mine = (each for each in comments if each.author.login.lower() == login)
        found = next((each.id for each in mine if _same(Mark.at_end_of(each.body), mark)), None)
        return request if found is None else await self._requests.save(replace(request, reply_id=found))

    async def say(self, request: Request, answer: Answer) -> Request:
        """Write the reply, or write it anew; it was looked for before. Gives the request with its reply.

        What was asked at the desk is followed there.
        """
        if request.issue == DESK:
            return request
        write = partial(
            render,
            answer,
            redact=self._redactor.text,
            mark=_mark(request),
            public=not self._manners.public_logs and (await self._forge.repository()).public,
            link=self._manners.link,
        )
        body = await asyncio.to_thread(write)  # to redact 60,000 letters takes a while
        if self._manners.dry_run:
            log.info("reply.not_written", request=request.id, reason="DRY_RUN", text=body)
            return request
        if request.reply_id is None:
            request = await self._requests.save(request)  # who lost the claim meanwhile must not write
            posted = await self._forge.comment(request.issue, body)
            return await self._requests.save(replace(request, reply_id=posted.id))
        try:
            await self._forge.edit(request.reply_id, body)
        except GoneError as error:
            # to who may not see the repository any more, all of it is gone: then this raises
            await self._forge.comments(request.asked_at - CLOCKS_DIFFER, request.issue)
            log.warning("reply.gone", comment=request.reply_id, reason=str(error))  # somebody has deleted it
        return request

    async def conclude(self, request: Request, answer: Answer) -> Request:
        """Say how it ended, and write that down: whatever comes again is answered already."""
        request = await self.say(request, answer)
        await self._react(request, Reaction.DONE if answer.outcome is Outcome.DONE else Reaction.FAILED)
        ended = replace(
            request,
            state=RequestState.ANSWERED,
            answered_at=self._now(),
            outcome=answer.outcome.value,
            followed_until=None,
        )
        return await self._requests.save(ended)

    async def _react(self, request: Request, reaction: Reaction) -> None:
        if self._manners.dry_run or request.issue == DESK:
            return
        try:
            await self._forge.react(request.comment_id, reaction)
        except LockedOutError:
            raise
        except RefusedError as error:
            log.info("reaction.refused", request=request.id, reason=str(error))


def _mark(request: Request) -> Mark:
    return Mark(REPLY, str(request.comment_id), request.hop)


def _same(found: Mark | None, wanted: Mark) -> bool:
    return found is not None and (found.kind, found.key) == (wanted.kind, wanted.key)
