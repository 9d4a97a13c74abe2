"""Tell of an incident: its issue, the people, the agent. Each is a row before it is done, and looked up before again.

What fails is tried again later and holds up nothing else. Of a notice, which nobody can look up, a crash in between may
make two; of all others there is one.
"""

import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

import structlog

from devops_daemon.calling import Means, Trigger
from devops_daemon.forge import Comment
from devops_daemon.incidents import report
from devops_daemon.incidents.earlier import LeftBehind
from devops_daemon.incidents.report import File, Manner
from devops_daemon.incidents.telling import Wanted, What, again_at, next_due, wanted
from devops_daemon.mending import Attempt, Effect, EffectState
from devops_daemon.model import EventKind, Incident, IncidentStatus, TimelineEvent
from devops_daemon.ports import (
    PAUSED,
    Clock,
    Dossier,
    Forge,
    GoneError,
    IncidentLedger,
    LostRaceError,
    MendingLedger,
    Notices,
    RefusedError,
    StatusLedger,
    Switches,
    UnavailableError,
    UnclearError,
)
from devops_daemon.quiet import over
from devops_daemon.response.attempts import Attempts
from devops_daemon.response.earlier import LOOKED_BACK
from devops_daemon.response.mend import Quiets

CLOCKS_DIFFER = timedelta(days=1)
UNCLEAR = "whether it was sent cannot be told: "
SETTLED_WITHIN = timedelta(seconds=20)
"""What a process wrote before it died shows by then (GitHub ends a request after ten), or was not written."""
LONGEST_ERROR = 500
RACES = 5
FIRST_CALL = Wanted(What.AGENT, "1").name
RESOLVED = Wanted(What.COMMENT, EventKind.RESOLVED).name
log = structlog.get_logger("incident")


class SilentForgeError(UnavailableError):
    """There is no issue to write on yet."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told, and how."""

    forge: Forge | None
    notices: Notices | None
    trigger: Trigger
    manner: Callable[[], Awaitable[Manner]]
    """How it is written; never raises, but for cancellation."""
    quiets: Quiets
    """What nothing is told of now."""
    earlier: Callable[[Incident, str | None], Awaitable[LeftBehind | None]] | None = None
    """Finds the issue that an earlier run has left behind for an outage."""
    dry_run: bool = False
    settled_within: timedelta = SETTLED_WITHIN

    @property
    def places(self) -> Sequence[str]:
        """Where notices go."""
        return self.notices.places if self.notices else ()


@dataclass(frozen=True, slots=True)
class _Telling:
    """One thing that is told, with all that it takes."""

    wanted: Wanted
    file: File
    manner: Manner
    known: Effect | None
    """Its row, where it was begun before."""
    left: LeftBehind | None = None
    """The issue of an earlier run, which goes on."""

    @property
    def since(self) -> datetime:
        """From when on what was written is looked for: the forge's clock may differ from ours."""
        return self.file.incident.detected_at - CLOCKS_DIFFER

    @property
    def may_be_sent(self) -> bool:
        """Tell whether it was sent before for all that is known: an attempt that failed for sure was not."""
        known = self.known
        return known is not None and (known.error is None or known.error.startswith(UNCLEAR))

    @property
    def issue(self) -> int:
        """The incident's issue."""
        if self.file.incident.issue is None:
            raise SilentForgeError("the issue is not open yet")
        return self.file.incident.issue


class Tell:
    """Brings what was told of an incident in line with what is true."""

    def __init__(
        self,
        audience: Audience,
        incidents: IncidentLedger,
        ledger: MendingLedger,
        history: StatusLedger,
        switches: Switches,
        attempts: Attempts,
        now: Clock,
    ) -> None:
        self._attempts = attempts
        self._audience = audience
        self._incidents = incidents
        self._ledger = ledger
        self._history = history
        self._switches = switches
        self._now = now

    async def all_of(self, incident: Incident) -> tuple[Incident, datetime | None]:
        """Tell what is to be told; gives the incident as it is then, and when something is to be tried again.

        Raises UnavailableError where the store cannot be used, and LostRaceError.
        """
        if self._audience.dry_run:
            return incident, None
        version = incident.version
        effects = {effect.name: effect for effect in await self._ledger.effects(incident.id)}
        issue = effects.get(What.ISSUE.value)
        if issue is not None and issue.reference and incident.issue is None:  # it was opened, and that was not noted
            incident = await self._noted(Wanted(What.ISSUE), incident, issue.reference)
        remedies = await self._ledger.remedies(incident.id)
        paused = await self._switches.read(PAUSED) is not None
        calls = self._audience.trigger.means is not Means.NOT and not paused
        manner = await self._audience.manner()
        called = effects.get(FIRST_CALL)
        follows = called is not None and called.done_at is not None and not incident.resolved_at
        attempts: Sequence[Attempt] = ()
        if called and called.done_at:
            incident, attempts = await self._attempts.of(incident, remedies, called.done_at)
        quiet = over(incident, await self._audience.quiets())
        places = len(self._audience.places)
        wants = wanted(incident, remedies, attempts, places, calls=calls, quiet=quiet is not None)
        await self._leave_off(incident, {each.name for each in wants}, effects)
        for each in wants:
            if self._is_possible(each, incident) and not _must_wait(each, incident, effects):
                incident = await self._once(each, incident, effects, manner)
        if incident.version != version:  # what has changed may have more to be told
            return incident, self._now()
        due = next_due(effects, self._now())
        waits = paused and not incident.resolved_at  # nobody says when a pause ends
        again = self._now() + self._attempts.every if follows or waits else None
        return incident, min((at for at in (due, again, quiet and quiet.until) if at), default=None)

    async def _leave_off(self, incident: Incident, wants: Collection[str], effects: dict[str, Effect]) -> None:
        """Give up what was begun, failed, and is wanted no more: it would be waited for for ever."""
        for name, effect in list(effects.items()):
            if effect.state is not EffectState.STARTED or name in wants:
                continue
            if incident.resolved_at and effect.due_at <= self._now():
                given_up = replace(effect, state=EffectState.GIVEN_UP, error="it was not needed any more")
                effects[name] = await self._ledger.tell(given_up)
            elif not incident.resolved_at:  # while it is paused nobody is called
                del effects[name]

    def _is_possible(self, each: Wanted, incident: Incident) -> bool:
        """Tell whether there is somebody to tell, and an issue to write on."""
        if each.what is What.NOTICE:
            return True
        return self._audience.forge is not None and (each.what is What.ISSUE or incident.issue is not None)

    async def _once(self, each: Wanted, incident: Incident, effects: dict[str, Effect], manner: Manner) -> Incident:
        """Tell one thing unless it was told."""
        known, now = effects.get(each.name), self._now()
        if known and (
            known.state is EffectState.GIVEN_UP or (known.state is EffectState.STARTED and now < known.due_at)
        ):
            return incident
        telling = _Telling(each, await self._file(incident), manner, known)
        digest = _digest(telling)
        if known and known.state is EffectState.DONE and known.digest == digest:
            return incident
        begun = await self._ledger.tell(self._begun(each, incident, known))
        try:
            if each.what is What.ISSUE and incident.issue is None and self._audience.earlier is not None:
                telling = replace(telling, left=await self._audience.earlier(incident, manner.link))
            reference = await _WAYS[each.what](self._audience, telling)
        except RefusedError as error:
            effects[each.name] = await self._ledger.tell(self._failed(begun, error))
            return incident
        except UnavailableError as error:
            effects[each.name] = await self._ledger.tell(self._failed(begun, error))
            return incident
        reference = reference or begun.reference
        done = replace(begun, state=EffectState.DONE, done_at=self._now(), reference=reference, digest=digest)
        effects[each.name] = await self._ledger.tell(done)
        return await self._noted(each, incident, reference, telling.left)

    def _begun(self, each: Wanted, incident: Incident, known: Effect | None) -> Effect:
        """Write down that it is told now; whoever finds this left behind waits until what was written must show."""
        now = self._now()
        fresh = Effect(incident.id, each.name, EffectState.STARTED, started_at=now, due_at=now)
        before = known or fresh
        anew = before.state is EffectState.DONE
        return replace(
            before,
            state=EffectState.STARTED,
            started_at=now if anew else before.started_at,
            due_at=now + self._audience.settled_within,
            tries=1 if anew else before.tries + 1,
            error=None,
        )

    def _failed(self, begun: Effect, error: RefusedError | UnavailableError) -> Effect:
        """Say when it is tried again: a right that is missing may be given; an issue that is gone stays so."""
        again = None if isinstance(error, GoneError) else again_at(begun, self._now())
        tell = log.error if again is None else log.warning
        tell("incident.not_told", incident=begun.incident, what=begun.name, reason=str(error), again_at=again)
        unclear = UNCLEAR if isinstance(error, UnclearError) else ""
        failed = replace(begun, error=f"{unclear}{error}"[:LONGEST_ERROR])
        return replace(failed, due_at=again) if again else replace(failed, state=EffectState.GIVEN_UP)

    async def _noted(
        self, each: Wanted, incident: Incident, reference: str | None, left: LeftBehind | None = None
    ) -> Incident:
        """Keep in the incident what was told: its issue, and that somebody was called."""
        said = self._said(each)
        if said is None and (each.what is not What.ISSUE or incident.issue is not None):
            return incident
        events = [TimelineEvent(self._now(), EventKind.CALLED, said)] if said else []
        for _ in range(RACES):
            changed = _continued(incident, left, self._now()) if left else incident
            if each.what is What.ISSUE and reference:
                number, _, url = reference.partition(" ")
                changed = replace(changed, issue=int(number), issue_url=url)
            if left:
                events = [TimelineEvent(self._now(), EventKind.CONTINUED, _told_of(left))]
            if said:
                changed = replace(changed, addressed_at=changed.addressed_at or events[0].at)
            changed = replace(changed, version=incident.version + 1)
            try:
                await self._incidents.save(changed, events)
            except LostRaceError:  # whoever mends it has written meanwhile
                kept = await self._history.incident(incident.id)
                incident = kept.incident if kept else incident
            else:
                return changed
        raise LostRaceError(f"incident {incident.id} changes too fast")

    def _said(self, each: Wanted) -> str | None:
        """Write the line of the timeline that tells that somebody was called."""
        if each.what is What.AGENT:
            return f"the Code Agent was called: {each.reason}"
        if each.what is What.NOTICE and each.kind != EventKind.RESOLVED:
            return f"people were told ({each.kind}): {self._audience.places[each.place]}"
        return None

    async def _file(self, incident: Incident) -> File:
        kept = await self._history.incident(incident.id) or Dossier(incident)
        return File(incident, kept.events, kept.remedies, kept.evidence, self._now())


def _continued(incident: Incident, left: LeftBehind, now: datetime) -> Incident:
    """Go on with what an earlier run has begun; where it had tried something, how often is not known."""
    changed = replace(incident, continues=left.incident)
    if not left.tried or incident.escalated_at or incident.resolved_at:
        return changed
    reason = "what was tried for it before is not known: the store was lost"
    return replace(changed, status=IncidentStatus.ESCALATED, escalated_at=now, escalated_for=reason)


def _told_of(left: LeftBehind) -> str:
    return f"goes on with issue #{left.issue.number}, of incident {left.incident}, whose rows were lost"


def _must_wait(each: Wanted, incident: Incident, effects: Mapping[str, Effect]) -> bool:
    """Tell whether something else comes before: an issue is closed when all has been written on it."""
    if each.what is What.STATE and incident.resolved_at and RESOLVED not in effects:
        return True
    on_the_issue = (What.COMMENT.value, What.AGENT.value, What.LABEL.value, What.ISSUE.value)
    waiting = (effect for effect in effects.values() if effect.state is EffectState.STARTED)
    return each.what is What.STATE and any(effect.name.startswith(on_the_issue) for effect in waiting)


def _digest(telling: _Telling) -> str | None:
    """Tell one text from another, for what is kept current; the rest is told once."""
    if telling.wanted.what is What.STATE:
        return telling.wanted.reason
    if telling.wanted.what is not What.ISSUE:
        return None
    text = f"{report.title(telling.file.incident)}\n{report.body(telling.file, telling.manner)}"
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


async def _issue(audience: Audience, telling: _Telling) -> str:
    """Open the issue, or bring it up to date; gives its number and address."""
    forge, incident = _forge(audience), telling.file.incident
    title, body = report.title(incident), report.body(telling.file, telling.manner)
    if incident.issue is not None:
        await forge.edit_issue(incident.issue, title=title, body=body)
        return f"{incident.issue} {incident.issue_url}"
    found = await forge.find_issue(report.mark_of(incident), report.LABEL) if telling.known else None
    if found is None and telling.left is not None:
        found = telling.left.issue
        await forge.edit_issue(found.number, title=title, body=body)
    if found is None:
        found = await forge.open_issue(title, body, report.LABELS)
    return f"{found.number} {found.url}"


async def _state(audience: Audience, telling: _Telling) -> None:
    await _forge(audience).set_open(telling.issue, open_=telling.file.incident.resolved_at is None)


async def _label(audience: Audience, telling: _Telling) -> None:
    await _forge(audience).label(telling.issue, [telling.wanted.kind])


_COMMENTS: Mapping[str, Callable[[File, Manner], str]] = MappingProxyType(
    {
        EventKind.ESCALATED: report.escalated,
        EventKind.OVERDUE: report.overdue,
        EventKind.RESOLVED: report.ended,
    }
)


async def _comment(audience: Audience, telling: _Telling) -> str:
    """Write a comment, unless it is there already."""
    forge, kind = _forge(audience), telling.wanted.kind
    found = await _found(forge, telling, kind)
    written = found or await forge.comment(telling.issue, _COMMENTS[kind](telling.file, telling.manner))
    return str(written.id)


async def _found(forge: Forge, telling: _Telling, what: str) -> Comment | None:
    """Find a comment where it may be there: written by a process that died, or by an earlier run."""
    incident, found = telling.file.incident, None
    if telling.known:
        found = await forge.find_comment(telling.issue, report.mark_of(incident, what), telling.since)
    if found is None and incident.continues and what != EventKind.RESOLVED:
        mark = report.mark_by_id(incident.continues, what)
        found = await forge.find_comment(telling.issue, mark, telling.file.now - LOOKED_BACK)
    return found


async def _agent(audience: Audience, telling: _Telling) -> str | None:
    """Call the Code Agent, unless it was called already; what cannot be looked up is not done a second time."""
    forge, trigger, incident = _forge(audience), audience.trigger, telling.file.incident
    issue, number = telling.issue, telling.wanted.kind
    if trigger.means is Means.LABEL:
        await forge.label(issue, [trigger.text])
        return None
    if trigger.means is not Means.COMMENT:
        if not telling.may_be_sent:
            inputs = {"issue_number": str(issue)}
            begin = forge.run_workflow if trigger.means is Means.WORKFLOW else forge.dispatch
            await begin(trigger.text, inputs)
        return None
    mark = report.mark_of(incident, f"agent-{number}")
    found = await _found(forge, telling, f"agent-{number}")
    if found is None:
        text = trigger.comment(report.call(telling.file, telling.wanted.reason, int(number)))
        found = await forge.call(issue, f"{text}\n\n{mark}")
    return str(found.id)


async def _notice(audience: Audience, telling: _Telling) -> None:
    if audience.notices is not None:
        incident, manner = telling.file.incident, telling.manner
        title, text = report.notice(telling.file, EventKind(telling.wanted.kind), manner)
        url = incident.issue_url or (f"{manner.link}/incidents/{incident.id}" if manner.link else None)
        await audience.notices.send(telling.wanted.place, title, text, url)


def _forge(audience: Audience) -> Forge:
    if audience.forge is None:
        raise SilentForgeError("GitHub is not configured")
    return audience.forge


_WAYS: Mapping[What, Callable[[Audience, _Telling], Awaitable[str | None]]] = MappingProxyType(
    {
        What.ISSUE: _issue,
        What.NOTICE: _notice,
        What.LABEL: _label,
        What.COMMENT: _comment,
        What.AGENT: _agent,
        What.STATE: _state,
    }
)
