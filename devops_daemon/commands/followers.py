"""Watch what was begun to its end, in tasks of their own, and tell how it ended.

Each is held by a lease in its row, so that a process that dies is replaced by whoever looks next, and two never watch
the same.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog

from devops_daemon.asking import Request, RequestState
from devops_daemon.commands.answer import Answer, Outcome, Section
from devops_daemon.commands.kept import decided, told
from devops_daemon.commands.means import Means
from devops_daemon.commands.repertoire import action_of
from devops_daemon.commands.showing import failed_steps
from devops_daemon.commands.voice import Voice
from devops_daemon.hosting import UnknownServiceError
from devops_daemon.ports import ALL, LostRaceError, RefusedError, RequestLedger, UnavailableError
from devops_daemon.rollout.follow import Ended, Follow
from devops_daemon.rollout.matching import watched
from devops_daemon.rollout.verdict import Failed, Going, Health, Patience, Rollout, Unproven, Well

LEASE = timedelta(minutes=2)
LONGEST = timedelta(hours=1)
"""What has not ended by then is told as not known."""
AGAIN, SELDOM = timedelta(seconds=3), timedelta(minutes=10)
PATIENCE = timedelta(days=1)
log = structlog.get_logger("commands")
Ending = Callable[[], Awaitable[Answer]]
"""Waits for the end of an act; gives what there is to say of it."""
Each = Callable[[Request], Awaitable[Answer]]
"""Does an act to one service after the other; gives what there is to say of it."""


class Followers:
    """Owns the tasks that watch."""

    def __init__(
        self,
        means: Means,
        requests: RequestLedger,
        voice: Voice,
        every: Callable[[], timedelta],
        patience: Patience | None = None,
    ) -> None:
        """`every` tells how often what was begun may be looked at."""
        self._means = means
        self._requests = requests
        self._voice = voice
        self._every = every
        self._patience = patience
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def take(self, request: Request, rollout: Rollout) -> Request:
        """Write down that an act was taken, and by what it is known; then watch it."""
        taken = replace(request, state=RequestState.FOLLOWED, deployment_id=rollout.deployment_id)
        held = await self._held(taken)
        self._start(held, lambda: self._ended(held, rollout))
        return held

    async def take_all(self, request: Request, each: Each) -> Request:
        """Write down that an act is done to one service after the other; then see to that."""
        held = await self._held(replace(request, state=RequestState.FOLLOWED, target=ALL))
        self._start(held, lambda: each(held))
        return held

    async def take_up(self, each: Each, *, everything: bool = False) -> None:
        """Watch what nobody watches any more; `everything` where nobody else can be there. Raises UnavailableError.

        `each` goes on with an act that is done to one service after the other.
        """
        for request in await self._requests.left(None if everything else self._means.now()):
            if request.id in self._tasks or not request.act:
                continue
            with contextlib.suppress(LostRaceError):  # another replica has it
                held = await self._held(request)
                self._start(held, partial(each, held) if request.target == ALL else partial(self._watched, held))

    async def _watched(self, request: Request) -> Answer:
        """Watch an act on, by what its row says."""
        started = request.acting_since or request.asked_at
        rollout = Rollout(action_of(request.act or ""), request.deployment_id or "", started)
        return await self._ended(request, rollout)

    async def stop(self) -> None:
        """Leave off, so that whoever comes next takes it up at once."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, request: Request, ending: Ending) -> None:
        task = asyncio.create_task(self._watch(request, ending), name=f"follow {request.id}")
        self._tasks[request.id] = task
        task.add_done_callback(lambda done: self._ended_task(request.id, done))

    def _ended_task(self, identifier: str, task: "asyncio.Task[None]") -> None:
        self._tasks.pop(identifier, None)
        if not task.cancelled() and task.exception():  # its lease runs out, and then it is taken up again
            log.error("follow.broke", request=identifier, exc_info=task.exception())

    async def _held(self, request: Request, lease: timedelta = LEASE) -> Request:
        """Hold the watch for a lease; raises LostRaceError where it is another's."""
        return await self._requests.save(replace(request, followed_until=self._means.now() + lease))

    async def _watch(self, request: Request, ending: Ending) -> None:
        try:
            if request.state is RequestState.FOLLOWED and self._is_too_long(request):
                request = await self._requests.save(decided(request, _given_up(request)))
            if request.state is RequestState.FOLLOWED:
                request = await self._to_its_end(request, ending)
            await self._tell(request)
        except LostRaceError:
            log.info("follow.left_to_another_replica", request=request.id)

    def _is_too_long(self, request: Request) -> bool:
        return self._means.now() - (request.acting_since or request.asked_at) > LONGEST

    async def _to_its_end(self, request: Request, ending: Ending) -> Request:
        """Watch, and hold on to it meanwhile; gives the request with how it ended."""
        watch = asyncio.ensure_future(ending())
        try:
            while not (await asyncio.wait({watch}, timeout=LEASE.total_seconds() / 2))[0]:
                if self._is_too_long(request):
                    return await self._requests.save(decided(request, _given_up(request)))
                with contextlib.suppress(UnavailableError):
                    request = await self._held(request)
            return await self._requests.save(decided(request, await watch))
        except asyncio.CancelledError:
            with contextlib.suppress(UnavailableError, LostRaceError):
                await self._held(request, timedelta())
            raise
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _tell(self, request: Request) -> None:
        """Tell how it ended; what cannot be told now is told later, for a day."""
        pause = AGAIN
        while True:
            try:
                await self._voice.conclude(request, told(request))
            except (UnavailableError, RefusedError) as error:
                log.warning("reply.delayed", request=request.id, reason=str(error))
            else:
                return
            if self._means.now() - request.asked_at > PATIENCE:
                log.error("reply.given_up", request=request.id)
                await self._requests.save(replace(request, followed_until=None))
                return
            with contextlib.suppress(UnavailableError):
                request = await self._held(request, pause + LEASE)
            await asyncio.sleep(pause.total_seconds())
            pause = min(2 * pause, SELDOM)

    async def _ended(self, request: Request, rollout: Rollout) -> Answer:
        follow = Follow(self._means.platform, self._means.now, self._every)
        try:
            ended = await follow.to_its_end(
                rollout, lambda: self._health(request), lambda text: _progress(request, text), self._patience
            )
        except RefusedError as error:
            return Answer(Outcome.FAILED, f"It was begun, but cannot be watched: {error}")
        redactor = await self._means.secrets.at_best(self._means.asked_platform)
        return as_answer(request, ended, redactor.text)

    async def _health(self, request: Request) -> Health | None:
        with contextlib.suppress(UnknownServiceError):
            hosting = await self._means.platform.hosting()
            service = watched(self._means.watchlist.services, hosting, hosting.service(request.target or ""))
            return await self._means.look(service) if service else None
        return None


def _given_up(request: Request) -> Answer:
    text = f"Not known how {request.act} {request.target} ended: it could not be watched to its end."
    return Answer(Outcome.FAILED, text)


def _progress(request: Request, text: str) -> None:
    log.info("act.progress", request=request.id, act=request.act, service=request.target, stands=text)


def as_answer(request: Request, ended: Ended, redact: Callable[[str], str]) -> Answer:
    """Say how an act ended; what probes and steps found quotes strangers."""
    what = f"{request.act} {request.target}"
    took = (ended.ended_at - (request.acting_since or ended.rollout.started_at)).total_seconds()
    steps = failed_steps(ended.steps, redact)
    match ended.verdict:
        case Well(text):
            return Answer(Outcome.DONE, f"Done: {what} took {took:.0f} s; {text}.", steps)
        case Failed(text):
            return Answer(Outcome.FAILED, f"Failed: {what} after {took:.0f} s.", (_seen(text, redact), *steps))
        case Unproven(text) | Going(text):
            return Answer(Outcome.FAILED, f"Not known how {what} ended.", (_seen(text, redact), *steps))


def _seen(text: str, redact: Callable[[str], str]) -> Section:
    # what stands after it quotes a probe
    return Section("What was seen", redact(text), newest_last=False, public=text.partition(", but ")[0])
