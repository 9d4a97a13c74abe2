"""Mend an outage: one step at a time, each decided on what is true now, and written down before it is done.

A remedy that is found `started` by a later look, or by another process, is looked up and never begun again. All that a
look finds is found again by the next one: a crash in between costs time, nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from devops_daemon.asking import UNDER_WAY, Request
from devops_daemon.incidents.lifecycle import resolved
from devops_daemon.incidents.mitigation import (
    HOUR,
    Escalate,
    Hush,
    Lift,
    Mend,
    Overdue,
    Rest,
    Rules,
    forbidden,
    next_step,
)
from devops_daemon.incidents.mitigation import (
    Verify as Look,
)
from devops_daemon.incidents.respond import EVENTS
from devops_daemon.mending import Act, Came, Refusal, Remedy, Stage
from devops_daemon.model import EventKind, Incident, IncidentStatus, TimelineEvent
from devops_daemon.ports import (
    Clock,
    DeploymentHistory,
    IncidentLedger,
    MendingLedger,
    RefusedError,
    Switch,
    TakenError,
    UnavailableError,
    UnclearError,
)
from devops_daemon.quiet import Quiet, over
from devops_daemon.response.choose import BeyondError, Choose, Chosen, HeldError, paused
from devops_daemon.response.remedies import Plan
from devops_daemon.response.verify import Verify

MOST_STEPS = 5
"""In one turn; whatever has changed is looked at anew by the next."""
LONGEST_ACT = timedelta(minutes=5)
"""The platform's own tries end before; what came of an act that takes longer is looked up."""
log = structlog.get_logger("incident")
Quiets = Callable[[], Awaitable[Sequence[Quiet]]]
Taken = tuple[Incident, datetime | None]
"""An incident after a step, and when to look again: None is when it changes."""


@dataclass(frozen=True, slots=True)
class Books:
    """What is kept."""

    incidents: IncidentLedger
    mending: MendingLedger
    deployments: DeploymentHistory


@dataclass(frozen=True, slots=True)
class Orders:
    """What the settings say."""

    rules: Rules
    every: timedelta
    """Between two looks at what is not at its end."""
    dry_run: bool = False


class Mending:
    """Takes one step of one incident."""

    def __init__(
        self, books: Books, choose: Choose, verify: Verify, orders: Orders, quiets: Quiets, now: Clock
    ) -> None:
        """`quiets` gives what is quiet now."""
        self._quiets = quiets
        self._incidents = books.incidents
        self._ledger = books.mending
        self._deployments = books.deployments
        self._choose = choose
        self._verify = verify
        self._rules = orders.rules
        self._every = orders.every
        self._dry_run = orders.dry_run
        self._now = now

    async def as_far_as_it_goes(self, incident: Incident) -> Taken:
        """Step until nothing is to be done now. Raises as `step` does."""
        at: datetime | None = None
        for _ in range(MOST_STEPS):
            incident, at = await self.step(incident)
            if at is None or at > self._now():
                break
        return incident, at

    async def step(self, incident: Incident) -> Taken:  # noqa: PLR0911 # one row for each step
        """Take the next step; gives the incident as it is then, and when to look again.

        Raises UnavailableError, and LostRaceError where somebody else has changed it: the next look decides anew.
        """
        remedies, now = await self._ledger.remedies(incident.id), self._now()
        attempts = await self._ledger.attempts(incident.id)
        quiet = over(incident, await self._quiets())
        match next_step(incident, remedies, attempts, self._rules, now, quiet):
            case Rest(until):
                return incident, until
            case Look(remedy):
                return await self._look_at(incident, remedy)
            case Hush(quiet):
                return await self._hush(incident, quiet)
            case Lift():
                return await self._lift(incident, remedies)
            case Overdue(reason):
                return await self._note(replace(incident, overdue_at=now), EventKind.OVERDUE, reason), now
            case Escalate(reason):
                return await self._escalate(incident, reason)
            case Mend():
                return await self._mend(incident, remedies)

    async def _note(self, changed: Incident, kind: EventKind, text: str) -> Incident:
        """Write the next version of an incident, with a line of its timeline."""
        written = replace(changed, version=changed.version + 1)
        await self._incidents.save(written, [TimelineEvent(self._now(), kind, text)])
        log.warning(EVENTS[kind], incident=changed.id, severity=changed.severity, reason=text)
        return written

    async def _escalate(self, incident: Incident, reason: str) -> Taken:
        now = self._now()
        called_for = replace(incident, status=IncidentStatus.ESCALATED, escalated_at=now, escalated_for=reason, held="")
        return await self._note(called_for, EventKind.ESCALATED, reason), now

    async def _hush(self, incident: Incident, quiet: Quiet) -> Taken:
        """Note that it is quiet; a silence may be lifted, and a maintenance end, before its time."""
        if (incident.quiet_until, incident.held) != (quiet.until, quiet.text):
            hushed = replace(incident, quiet_until=quiet.until, held=quiet.text)
            incident = await self._note(hushed, EventKind.HELD, quiet.text)
        return incident, min(quiet.until, self._now() + self._every)

    async def _hold(self, incident: Incident, reason: str) -> Taken:
        if incident.held != reason:
            incident = await self._note(replace(incident, held=reason), EventKind.HELD, reason)
        return incident, self._now() + self._every

    async def _mend(self, incident: Incident, remedies: Sequence[Remedy]) -> Taken:
        """Do the next thing that may help, or say why not."""
        try:
            chosen = await self._choose.what(incident, remedies)
        except HeldError as held:
            return await self._hold(incident, str(held))
        except BeyondError as beyond:
            return await self._escalate(incident, str(beyond))
        remedy = self._remedy(incident, chosen, len(remedies) + 1)
        acting = self._acting(incident, remedy)
        event = TimelineEvent(remedy.began_at, EventKind.REMEDY, remedy.reason)

        def forbids(others: Sequence[Remedy], people: Sequence[Request], switch: Switch | None) -> Refusal | None:
            wait = paused(switch) or _by_people(people)
            return Refusal(wait, final=False) if wait else forbidden(remedy, others, self._rules)

        written, refusal = await self._ledger.begin(remedy, acting, [event], remedy.began_at - HOUR, forbids)
        if refusal is not None:
            return await (self._escalate if refusal.final else self._hold)(incident, refusal.reason)
        log.warning(
            EVENTS[event.kind], incident=incident.id, act=str(remedy.act), service=remedy.service, dry=remedy.dry
        )
        return acting if written.dry else await self._do(acting, written, chosen.plan), self._now()

    def _remedy(self, incident: Incident, chosen: Chosen, number: int) -> Remedy:
        now, plan = self._now(), chosen.plan
        remedy = Remedy(
            incident=incident.id,
            number=number,
            act=plan.act,
            service=plan.service.name,
            service_id=plan.service.id,
            watched=chosen.watched,
            reason=f"{plan.text}: {chosen.reason}",
            began_at=now,
            target_id=plan.target.id if plan.target else None,
            target_changed_at=plan.target.changed_at if plan.target else None,
            code=plan.code,
            leaves=plan.leaves,
            down_before=len(incident.down),
        )
        if not self._dry_run:
            return remedy
        return replace(remedy, dry=True, stage=Stage.ENDED, ended_at=now, came=Came.NOT_DONE, text="DRY_RUN is set")

    def _acting(self, incident: Incident, remedy: Remedy) -> Incident:
        """Say what an incident becomes with a remedy; one that is not done changes nothing."""
        if remedy.dry:
            return replace(incident, held="", version=incident.version + 1)
        return replace(
            incident,
            status=IncidentStatus.MITIGATING,
            addressed_at=incident.addressed_at or remedy.began_at,
            stands=remedy.leaves or incident.stands,
            held="",
            version=incident.version + 1,
        )

    async def _do(self, incident: Incident, remedy: Remedy, plan: Plan) -> Incident:
        """Do it, once; what is not clear is looked up later."""
        try:
            async with asyncio.timeout(LONGEST_ACT.total_seconds()):
                brought = await plan.begin()
        except TakenError as error:
            log.warning("remedy.unseen", remedy=remedy.id, reason=str(error))
            await self._verify.take(remedy, None)
        except (UnclearError, TimeoutError) as error:
            log.warning("remedy.unclear", remedy=remedy.id, reason=str(error))
        except RefusedError as error:
            return await self._end(incident, remedy, Came.NOT_DONE, f"refused: {error}")
        except UnavailableError as error:
            return await self._end(incident, remedy, Came.NOT_DONE, str(error))
        else:
            await self._verify.take(remedy, brought)
        return incident

    async def _look_at(self, incident: Incident, remedy: Remedy) -> Taken:
        """Look at how something stands that was begun."""
        try:
            verdict = await self._verify.verdict(remedy, incident)
        except UnavailableError as error:
            log.info("remedy.unseen", remedy=remedy.id, reason=str(error))
            verdict = None
        if verdict is None:
            return incident, self._now() + self._every
        return await self._end(incident, remedy, verdict.came, verdict.text), self._now()

    async def _end(self, incident: Incident, remedy: Remedy, came: Came, text: str) -> Incident:
        """Keep what came of it; a rollback that never took effect stands for nothing."""
        now = self._now()
        current = {each.number: each for each in await self._ledger.remedies(incident.id)}[remedy.number]
        ended = replace(current, stage=Stage.ENDED, ended_at=now, came=came, text=text)
        took_no_effect = came is Came.NOT_DONE or (came is Came.FAILED and current.live_at is None)
        stands = None if took_no_effect and remedy.leaves is not None else incident.stands
        changed = replace(incident, stands=stands, version=incident.version + 1)
        told = f"{remedy.act} of {remedy.service} {came}: {text}"
        await self._ledger.change(ended, changed, [TimelineEvent(now, EventKind.OUTCOME, told)])
        log.warning(EVENTS[EventKind.OUTCOME], incident=incident.id, act=str(remedy.act), came=str(came), reason=text)
        return changed

    async def _lift(self, incident: Incident, remedies: Sequence[Remedy]) -> Taken:
        """End what is well only by a rollback, once a later deployment of other code was found well."""
        rollback = next((each for each in reversed(remedies) if each.act is Act.ROLLBACK), None)
        if incident.stands is None or rollback is None:
            return incident, None  # the look that finds it well ends it
        not_mended = {incident.stands, rollback.code, *(each.leaves for each in remedies)}
        for record in await self._deployments.of_service(rollback.service_id):
            code = record.commit.sha if record.commit else record.image
            later = record.well_at and record.created_at > rollback.began_at
            if later and code not in not_mended:
                step = resolved(incident, None, f"{record.what} is live and well", self._now())
                ended = replace(step.incident, version=incident.version + 1)
                await self._incidents.save(ended, step.events)
                log.info(EVENTS[EventKind.RESOLVED], incident=incident.id, reason=step.events[-1].text)
                return ended, self._now()
        return incident, self._now() + self._every


def _by_people(requests: Sequence[Request]) -> str | None:
    """Say what a person is doing to the service."""
    going = next((each for each in requests if each.state in UNDER_WAY), None)
    return f"{going.act}, which {going.author} asked for, is under way" if going else None
