"""What a person asks to be done: written down, begun once, watched to its end, whatever dies in between.

States: asked -> acting (the row before the act) -> followed (the platform has taken it) -> decided (how it ended is
kept) -> answered (and told). Found `acting` by a later attempt, an act is looked up and never begun again; what is
decided is told as it was decided.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from devops_daemon.asking import Request, RequestState
from devops_daemon.commands.acts import LAST, Plan, orphans_counted
from devops_daemon.commands.admission import HOUR, forbidden_by
from devops_daemon.commands.answer import Answer, Outcome, Section
from devops_daemon.commands.catalogue import Name
from devops_daemon.commands.followers import Followers
from devops_daemon.commands.grammar import Ask
from devops_daemon.commands.kept import decided, told
from devops_daemon.commands.means import Means
from devops_daemon.commands.provision import added_before, tell_on_its_issue
from devops_daemon.commands.repertoire import DEEDS, ROLLOUTS, action_of
from devops_daemon.commands.rolling import Rolling
from devops_daemon.commands.showing import hosted_line, when
from devops_daemon.commands.voice import Voice
from devops_daemon.hosting import Hosting, UnknownServiceError
from devops_daemon.ports import (
    ALL,
    PAUSED,
    RefusedError,
    RequestLedger,
    Switch,
    UnavailableError,
    UnclearError,
)
from devops_daemon.rollout.begun import TAKEN_WITHIN, find_begun
from devops_daemon.rollout.matching import match
from devops_daemon.rollout.verdict import Rollout

BACKEND = "backend"
"""Whose tables are cleared."""
ALWAYS = frozenset(
    {
        *(Name.PAUSE, Name.RESUME, Name.SILENCE, Name.UNSILENCE),
        *(Name.DECLARE, Name.ACKNOWLEDGE, Name.RESOLVE, Name.SEVERITY),
    }
)
"""What a person may say at any time: it changes nothing but what we think, and may be said twice."""
STALE = timedelta(minutes=15)
"""What was asked for so long ago is not done: who asked has gone on."""
MORE = 10
"""By so many, or a tenth, the orphans may have grown between the count and the word to delete them."""


class Undertake:
    """Begins acts, once."""

    def __init__(
        self,
        means: Means,
        requests: RequestLedger,
        voice: Voice,
        followers: Followers,
        every: Callable[[], timedelta],
    ) -> None:
        """`every` tells how often what was begun may be looked at."""
        self.rolling = Rolling(means, requests, self.do, every)
        self._means = means
        self._requests = requests
        self._voice = voice
        self._followers = followers

    async def do(self, request: Request, ask: Ask) -> Request:
        """Do what is asked, or say why not; gives the request as it stands then."""
        if request.state is RequestState.ACTING and ask.name in ROLLOUTS:
            request = await self._look_up(request)
        elif request.state is not RequestState.DECIDED:
            request = await self._undertake(request, ask)
        if request.state is RequestState.FOLLOWED:
            return request
        return await self._voice.conclude(request, told(request))

    async def _undertake(self, request: Request, ask: Ask) -> Request:
        """Begin it, or decide why not."""
        if ask.name is Name.CLEAR_ORPHANS and not ask.confirmed:
            return await self._count(request)
        forbidden = await self._forbidden(request, ask)
        if forbidden and request.state is RequestState.ACTING:
            return await self._decide(request, _interrupted(request, forbidden))
        if forbidden:
            return await self._decide(request, Answer(Outcome.REFUSED, forbidden))
        if ask.name in ROLLOUTS and (ask.service or "").lower() == ALL:
            return await self._roll_out_all(request, ask)
        if ask.name in ROLLOUTS:
            return await self._roll_out(request, ask)
        return await self._deed(request, ask)

    async def _decide(self, request: Request, answer: Answer, counted: int | None = None) -> Request:
        """Keep how it ended, before it is told."""
        return await self._requests.save(decided(request, answer, counted))

    async def _forbidden(self, request: Request, ask: Ask) -> str | None:
        paused = None if ask.name in ALWAYS else await self._means.switches.read(PAUSED)
        return self._held(request, paused)

    def _held(self, request: Request, paused: Switch | None) -> str | None:
        """Say why nothing may be done for a request now."""
        if self._means.now() - request.asked_at > STALE:
            return f"That was asked at {when(request.asked_at)}, and is read only now. Ask again if it is still needed."
        if paused:
            since = when(paused.on_since)
            return f"Paused by {paused.by} since {since}: nothing is changed meanwhile. To end it, say: resume."
        return None

    # What is watched

    async def _roll_out(self, request: Request, ask: Ask) -> Request:
        """Plan, write it down, begin it; what the platform cannot do now is not done later.

        A restart that comes when nobody waits for it any more does harm.
        """
        try:
            plan = await self._plan(ask)
        except (UnknownServiceError, RefusedError) as error:
            return await self._decide(request, Answer(Outcome.REFUSED, str(error)))
        except UnavailableError as error:
            return await self._decide(request, Answer(Outcome.FAILED, f"{error}. Nothing was done."))
        request = await self._voice.say(request, Answer(Outcome.WORKING, plan.text))
        request, forbidden = await self._written_down(request, ask, plan.service.name, plan.code)
        if forbidden:
            return await self._decide(request, Answer(Outcome.REFUSED, forbidden))
        return await self._begin(request, plan)

    async def _plan(self, ask: Ask) -> Plan:
        hosting = await self._means.platform.hosting()
        if hosting.partial:
            raise UnavailableError("parts of the platform's answer are missing, and nothing is done on its word")
        return await ROLLOUTS[ask.name](self._means, hosting.service(ask.service or ""), ask)

    async def _begin(self, request: Request, plan: Plan) -> Request:
        try:
            begun = await plan.act()
        except UnclearError as error:
            return await self._decide(request, Answer(Outcome.FAILED, f"{error}. It is not begun again."))
        except RefusedError as error:
            return await self._decide(_undone(request), Answer(Outcome.REFUSED, str(error)))
        except UnavailableError as error:
            return await self._decide(_undone(request), Answer(Outcome.FAILED, f"{error}. Nothing was done."))
        if isinstance(begun, Answer):
            return await self._decide(request, begun)
        return await self._followers.take(request, begun)

    async def _roll_out_all(self, request: Request, ask: Ask) -> Request:
        """Do it to each service that is watched, one after the other; never to a database, for none is watched."""
        try:
            names = [each.name for each in await self.rolling.services()]
        except (RefusedError, UnavailableError) as error:
            return await self._decide(request, Answer(Outcome.FAILED, f"{error}. Nothing was done."))
        said = f"To {ask.name} {', '.join(names)}, one after the other, while that goes well."
        request = await self._voice.say(request, Answer(Outcome.WORKING, said))
        return await self._followers.take_all(replace(request, act=ask.name.value), self.rolling.through)

    async def _written_down(
        self, request: Request, ask: Ask, target: str, code: str | None = None
    ) -> tuple[Request, str | None]:
        """Write the act down before it is begun; gives why it may not be."""
        now = self._means.now()
        acting = replace(
            request, state=RequestState.ACTING, act=ask.name.value, target=target, code=code, acting_since=now
        )

        def forbids(others: Sequence[Request], own: str | None, paused: Switch | None) -> str | None:
            mending = f"{target}: {own} is under way by itself." if own else None
            return self._held(request, paused) or mending or forbidden_by(others, target, now)

        written, forbidden = await self._requests.begin(acting, now - HOUR, forbids)
        return (request, forbidden) if forbidden else (written, None)

    async def _look_up(self, request: Request) -> Request:
        """Find what an earlier attempt had begun when it was interrupted; what is not found is not begun again."""
        since = request.acting_since or request.asked_at
        try:
            service = (await self._means.platform.hosting()).service(request.target or "")
            deployments = await self._means.platform.deployments(service.id, LAST)
        except (RefusedError, UnknownServiceError) as error:
            return await self._decide(request, _interrupted(request, str(error)))
        found = None if request.act == Name.RESTART else find_begun(deployments, request.code, since)
        now = self._means.now()
        if found is None and request.act != Name.RESTART and now < since + TAKEN_WITHIN:
            raise UnavailableError(f"whether {request.act} {request.target} was begun does not show yet")
        if found is None:
            return await self._decide(request, _interrupted(request, hosted_line(service, now)))
        return await self._followers.take(request, Rollout(action_of(str(request.act)), found.id, since))

    # What is done at once

    async def _deed(self, request: Request, ask: Ask) -> Request:
        """Do what may be done twice without harm; only what clears something counts against the limit."""
        again = request.state is RequestState.ACTING
        if again and ask.name is Name.CLEAR_ORPHANS:  # what was counted may have been deleted, and more be there now
            return await self._decide(request, _interrupted(request, "Count again what is there now: clear orphans"))
        if again and ask.name is Name.PROVISION:
            return await self._look_up_added(request, ask)
        if ask.name not in ALWAYS and not again:
            reason = await self._unconfirmed(request) if ask.name is Name.CLEAR_ORPHANS else None
            if reason is None:
                target = await self._target(ask)
                request, reason = await self._written_down(request, ask, target)
            if reason:
                return await self._decide(request, Answer(Outcome.REFUSED, reason))
        try:
            answer = await DEEDS[ask.name](self._means, request, ask)
        except RefusedError as error:
            outcome = Outcome.REFUSED if ask.name is Name.PROVISION else Outcome.FAILED
            return await self._decide(request if again else _undone(request), Answer(outcome, str(error)))
        except UnavailableError as error:
            # old sessions are deleted once, however often that is asked for: it need not count
            kept = request if ask.name in {Name.CLEAR_ORPHANS, Name.PROVISION} else _undone(request)
            return await self._decide(kept, Answer(Outcome.FAILED, f"{error}. It may have been done all the same."))
        if again:
            answer = replace(answer, headline=f"It was interrupted, and done once more: {answer.headline}")
        return await self._decide(request, answer)

    async def _look_up_added(self, request: Request, ask: Ask) -> Request:
        """Find what was to be added when it was interrupted; it is not asked for again: a template takes its time."""
        try:
            found = await added_before(self._means, ask)
        except RefusedError as error:
            return await self._decide(request, _interrupted(request, str(error)))
        if found is None and self._means.now() < (request.acting_since or request.asked_at) + TAKEN_WITHIN:
            raise UnavailableError(f"whether {request.target} was added does not show yet")
        answer = found or _interrupted(request, "Nothing of it is there now.")
        await tell_on_its_issue(self._means, request, answer)
        return await self._decide(request, answer)

    async def _target(self, ask: Ask) -> str:
        """Name what an act is done to: by that acts are counted, one after the other."""
        if ask.name is Name.PROVISION:
            return f"{ask.kind} {(ask.title or '').lower()}"
        return f"#{ask.number}" if ask.number else await self._backend()

    async def _backend(self) -> str:
        """Name the backend as the platform does, so that all that is done to it counts together."""
        try:
            hosting: Hosting = await self._means.platform.hosting()
        except (RefusedError, UnavailableError):
            return BACKEND
        hosted = match(self._means.watchlist.services, hosting).get(BACKEND)
        return hosted.name if hosted else BACKEND

    async def _count(self, request: Request) -> Request:
        try:
            found = await self._means.upkeep.clear_orphans(dry_run=True)
        except (RefusedError, UnavailableError) as error:
            return await self._decide(request, Answer(Outcome.FAILED, str(error)))
        return await self._decide(request, orphans_counted(found), counted=sum(found.values()))

    async def _unconfirmed(self, request: Request) -> str | None:
        """Say why a word to delete confirms nothing: nothing was counted, it was spent, or there is much more now."""
        lately = await self._requests.on(request.issue, self._means.now() - HOUR)
        orphans = (each for each in lately if each.words.startswith(Name.CLEAR_ORPHANS) and each.id != request.id)
        last = next((each for each in orphans if each.outcome == Outcome.DONE or each.acting_since), None)
        if last is None or last.counted is None:
            return "Ask for the count first (clear orphans), and confirm it within an hour, on the same issue."
        try:
            found = await self._means.upkeep.clear_orphans(dry_run=True)
        except (RefusedError, UnavailableError) as error:
            return str(error)
        total = sum(found.values())
        if total > last.counted + max(MORE, last.counted // 10):
            return (
                f"There are {total} by now, and {last.counted} were counted: ask for the count again (clear orphans)."
            )
        return None


def _undone(request: Request) -> Request:
    """Take back what was written before an act that never was: it does not count."""
    return replace(request, act=None, target=None, acting_since=None)


def _interrupted(request: Request, stands: str) -> Answer:
    text = (
        f"The daemon was stopped in the middle of {request.act} {request.target}. Whether it was begun cannot be told,"
        " and it is not begun again. Look at how it stands, and ask again if it is still needed."
    )
    return Answer(Outcome.FAILED, text, (Section("Service Status", stands, newest_last=False),))
