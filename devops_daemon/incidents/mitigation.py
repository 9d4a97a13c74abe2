"""What is to be done about an incident now, and what forbids it. Pure; `mend` carries it out.

What must never happen: a remedy while another is under way, more of them than the limit allows, one on a service that
answers again or of which nobody knows, one against the word of a person, or silence when all that could be tried was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile

from devops_daemon.incidents.attempts import MOST_CALLS, used_up
from devops_daemon.incidents.lifecycle import span
from devops_daemon.incidents.runbook import Runbooks
from devops_daemon.mending import Attempt, Came, Refusal, Remedy, Stage
from devops_daemon.model import Incident, Outcome, ProbeKey, ProbeState, Result, Severity
from devops_daemon.quiet import Quiet

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rules:
    """How much may be done, and how long things may take."""

    limit: int = 2
    """Remedies for one incident, and for one service in an hour (`REMEDIATION_LIMIT`)."""
    respond_within: timedelta = timedelta(minutes=10)
    """Something is done about a SEV1 (specification, "Success Criteria")."""
    mend_within: timedelta = timedelta(minutes=15)
    """A SEV2 is mended, or it is said that it is not (specification, "Incident Severity Classification")."""
    settle: timedelta = timedelta(seconds=90)
    """What helped is given so long until all that it healed is seen to be well (`REMEDIATION_PAUSE`)."""
    retry: timedelta = timedelta(seconds=15)
    """Until what never reached the platform is tried again the first time; doubles."""
    longest: timedelta = timedelta(minutes=30)
    """What is under way for longer without an end is a person's."""
    runbooks: Runbooks = field(default_factory=Runbooks)


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is to be done before then; None is before it changes."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Verify:
    """What was begun is looked at."""

    remedy: Remedy


@dataclass(frozen=True, slots=True)
class Hush:
    """Nothing is done, by maintenance or a person's word."""

    quiet: Quiet


@dataclass(frozen=True, slots=True)
class Lift:
    """All is well, while a rollback stands: whether what it went back from is mended, is looked at."""


@dataclass(frozen=True, slots=True)
class Mend:
    """Something is to be tried."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """It takes longer than it may: that is said."""

    reason: str


@dataclass(frozen=True, slots=True)
class Escalate:
    """People are called for."""

    reason: str


Step = Rest | Verify | Hush | Lift | Mend | Overdue | Escalate


def next_step(  # noqa: C901, PLR0911 # one row for each state
    incident: Incident,
    remedies: Sequence[Remedy],
    attempts: Sequence[Attempt],
    rules: Rules,
    now: datetime,
    quiet: Quiet | None = None,
) -> Step:
    """Say what is to be done about an incident now; `quiet` is what keeps it quiet."""
    under_way = next((remedy for remedy in remedies if remedy.stage is not Stage.ENDED), None)
    if incident.resolved_at and under_way is None:
        return Rest(None)
    if under_way is not None:
        return _under_way_too_long(incident, under_way, rules, now) or Verify(under_way)
    if quiet is not None:
        return Hush(quiet)
    if used_up(attempts) and not incident.escalated_at:
        return Escalate(f"the Code Agent was called {MOST_CALLS} times, and what it made did not help")
    if not incident.burning:
        return Lift()
    if not incident.is_urgent:
        return Rest(None)
    if incident.acknowledged_until and now < incident.acknowledged_until:
        return Rest(incident.acknowledged_until)
    if not incident.down:
        return _watched(incident, rules, now) if incident.beside else Rest(None)
    if (settled := _healing_until(remedies, rules)) and now < settled:
        return Rest(settled)
    if incident.escalated_at:
        return _overdue(incident, rules, now) or Rest(None)
    if (again := _backing_off(remedies, rules)) and now < again:
        return Rest(again)
    return _beyond(incident, remedies, rules, now) or _overdue(incident, rules, now) or Mend()


def _watched(incident: Incident, rules: Rules, now: datetime) -> Step:
    """Say what is to be said of what no probe finds: nothing is ever tried against it."""
    if incident.severity is Severity.SEV1 and not incident.escalated_at and not incident.addressed_at:
        if now - incident.due_since >= rules.respond_within:
            return Escalate(f"nobody could be told of it within {span(rules.respond_within)}")
        return Rest(incident.due_since + rules.respond_within)
    if (late := _overdue(incident, rules, now)) is not None:
        return late
    return Rest(None if incident.overdue_at else incident.due_since + rules.mend_within)


def _under_way_too_long(incident: Incident, remedy: Remedy, rules: Rules, now: datetime) -> Escalate | Overdue | None:
    """Say so where what was begun comes to no end: the platform may not answer for hours."""
    if not incident.burning or not incident.is_urgent or incident.resolved_at:
        return None
    if not incident.escalated_at and now - remedy.began_at >= rules.longest:
        since = f"{remedy.began_at:%H:%M} UTC"
        return Escalate(
            f"{remedy.act} of {remedy.service} is under way since {since}, and what came of it is not known"
        )
    return _overdue(incident, rules, now)


def _backing_off(remedies: Sequence[Remedy], rules: Rules) -> datetime | None:
    """Say when to try again what never reached the platform: the more often that was, the later."""
    never = list(takewhile(lambda each: each.came is Came.NOT_DONE and not each.dry, reversed(remedies)))
    ended = never[0].ended_at if never else None
    return ended + rules.retry * (1 << min(len(never) - 1, 10)) if ended else None


def _healing_until(remedies: Sequence[Remedy], rules: Rules) -> datetime | None:
    """Say until when the last remedy, which helped, is given time: a probe is well only after so many looks."""
    last = remedies[-1] if remedies else None
    return last.ended_at + rules.settle if last and last.came is Came.HELPED and last.ended_at else None


def _beyond(incident: Incident, remedies: Sequence[Remedy], rules: Rules, now: datetime) -> Escalate | None:
    """Say why it is beyond what may be done without a person."""
    last = remedies[-1] if remedies else None
    if last is not None and last.came is Came.WORSE:
        return Escalate(f"{last.act} made it worse: {last.text}")
    counted = [remedy for remedy in remedies if remedy.counts]
    if len(counted) >= rules.limit:
        tried = " and ".join(f"{remedy.act} ({remedy.came})" for remedy in counted)
        return Escalate(f"{tried}: that is all that may be tried without a person")
    within = rules.respond_within if incident.severity is Severity.SEV1 else rules.mend_within
    idle_since = max([incident.due_since, *(remedy.ended_at for remedy in counted if remedy.ended_at)])
    if now - idle_since >= within:
        more = "more " if counted else ""
        why = f": {incident.held}" if incident.held else ""
        return Escalate(f"nothing {more}could be done within {span(within)}{why}")
    return None


def _overdue(incident: Incident, rules: Rules, now: datetime) -> Overdue | None:
    if incident.overdue_at or now - incident.due_since < rules.mend_within:
        return None
    return Overdue(f"not mended within {span(rules.mend_within)}")


def forbidden(remedy: Remedy, others: Sequence[Remedy], rules: Rules) -> Refusal | None:
    """Say why a remedy may not be begun, by what was begun before: in its incident, and on its service in an hour."""
    others = [other for other in others if other.id != remedy.id]
    going = next((other for other in others if other.stage is not Stage.ENDED), None)
    if going:
        return Refusal(f"{going.act} of {going.service} is still under way", final=False)
    counted = [other for other in others if other.counts]
    mine = [other for other in counted if other.incident == remedy.incident]
    if len(mine) >= rules.limit:
        return Refusal(f"{len(mine)} remedies were tried, which is the limit", final=True)
    lately = [other for other in counted if other.service == remedy.service and remedy.began_at - other.began_at < HOUR]
    if len(lately) >= rules.limit:
        return Refusal(f"{remedy.service} had {len(lately)} remedies within the hour, which is the limit", final=True)
    return None


def held_by_states(incident: Incident, states: Mapping[ProbeKey, ProbeState]) -> str | None:
    """Say why nothing is done, by what the looks have come to: what comes and goes, or is unseen, is not acted on."""
    for member in incident.down:
        state = states.get(member.key)
        if state is None:
            return f"{member.key} is not watched any more"
        if state.flapping:
            return f"{member.key} comes and goes"
        if state.blind:
            return f"{member.key} cannot be measured now"
    return None


def held_by_results(results: Sequence[Result]) -> str | None:
    """Say why nothing is done, by a look just before it: only what fails now, and is seen to, is acted on."""
    if not results:
        return "nothing could be looked at"
    for result in results:
        if result.outcome in {Outcome.UNKNOWN, Outcome.UNPROVEN}:
            return f"{result.key} cannot be measured now"
    if all(result.outcome is not Outcome.FAILED for result in results):
        return f"{results[0].key} answers again"
    return None


def judged(remedy: Remedy, incident: Incident, *, failed: bool, text: str) -> tuple[Came, str]:
    """Say what came of a remedy that did not help: the same as before, or worse."""
    down = len(incident.down)
    if down > remedy.down_before:
        return Came.WORSE, f"{down} probes fail now, {remedy.down_before} did before; {text}"
    return (Came.FAILED if failed else Came.NO_HELP), text
