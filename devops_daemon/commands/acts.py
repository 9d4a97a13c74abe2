"""Commands that change something. What is begun here was written down before, and is begun once."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from devops_daemon.asking import Request
from devops_daemon.commands.answer import Answer, Outcome, Section
from devops_daemon.commands.grammar import Ask
from devops_daemon.commands.means import Means
from devops_daemon.commands.showing import when
from devops_daemon.hosting import Deployment, HostedService
from devops_daemon.model import Incident, Severity, Symptom
from devops_daemon.ports import PAUSED, RefusedError
from devops_daemon.rollout.begun import code_of
from devops_daemon.rollout.choice import Choice, NoneFits, to_redeploy, to_roll_back
from devops_daemon.rollout.verdict import Action, Rollout
from devops_daemon.settings import parse_duration

LAST = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done; nothing has been done yet."""

    service: HostedService
    code: str
    """The commit or image that it is about."""
    text: str
    act: Callable[[], Awaitable[Rollout | Answer]]
    """Does it, once; gives what is to be watched, or what there is to say where nothing is."""


async def restart(means: Means, service: HostedService, _: Ask) -> Plan:
    """Restart the processes of what serves."""
    meant = service.serving or service.latest
    if meant is None:
        raise RefusedError(f"{service.name} was never deployed: there is nothing to restart")

    async def act() -> Rollout:
        started = means.now()
        before = await means.platform.restart(service)
        return Rollout(Action.RESTART, before.id, started, before.instances)

    return Plan(service, code_of(meant), f"Restarting {service.name} ({meant.what}).", act)


async def redeploy(means: Means, service: HostedService, _: Ask) -> Plan:
    """Deploy the code that serves once more."""
    chosen = _chosen(to_redeploy(service))[0]

    async def act() -> Rollout:
        started = means.now()
        new = await means.platform.redeploy(chosen)
        return Rollout(Action.REDEPLOY, new.id, started)

    return Plan(service, code_of(chosen), f"Redeploying {service.name} ({chosen.what}).", act)


async def rollback(means: Means, service: HostedService, _: Ask) -> Plan:
    """Go back to the code before."""
    target, warning = _chosen(to_roll_back(service, await means.platform.deployments(service.id, LAST)))

    async def act() -> Rollout:
        started = means.now()
        new = await means.platform.roll_back(target)
        return Rollout(Action.ROLLBACK, new.id, started)

    note = warning or "its variables and settings of that time come back with it"
    return Plan(service, code_of(target), f"Rolling {service.name} back to {target.what}; {note}.", act)


def _chosen(choice: Choice) -> tuple[Deployment, str]:
    if isinstance(choice, NoneFits):
        raise RefusedError(choice.reason)
    return choice.deployment, choice.warning


async def clear_sessions(means: Means, _: Request, __: Ask) -> Answer:
    """Delete stale sessions."""
    count = await means.upkeep.clear_stale_sessions()
    return Answer(Outcome.DONE, f"{count} sessions older than a day were deleted.")


async def clear_orphans(means: Means, _: Request, __: Ask) -> Answer:
    """Delete what belongs to nothing."""
    deleted = await means.upkeep.clear_orphans(dry_run=False)
    return Answer(Outcome.DONE, f"{sum(deleted.values())} orphaned rows were deleted.", (_tables(deleted),))


async def pause(means: Means, request: Request, _: Ask) -> Answer:
    """Let the daemon change nothing by itself any more."""
    switch = await means.switches.turn_on(PAUSED, request.author, request.asked_at)
    if switch is None:
        return Answer(Outcome.REFUSED, "Somebody has ended the pause since that was asked.")
    text = f"Paused by {switch.by} since {when(switch.on_since)}. Watching, issues and answers go on."
    return Answer(Outcome.DONE, text, hints=("resume", "status"))


async def resume(means: Means, request: Request, _: Ask) -> Answer:
    """End the pause."""
    switch, still = await means.switches.turn_off(PAUSED, request.author, request.asked_at)
    if still:
        return Answer(Outcome.REFUSED, f"{still.by} has paused it since that was asked.")
    if switch is None:
        return Answer(Outcome.DONE, "It is not paused.")
    return Answer(Outcome.DONE, f"The pause of {switch.by} since {when(switch.on_since)} has ended.")


async def declare(means: Means, request: Request, ask: Ask) -> Answer:
    """Open an incident by a person's word, or let it join the one that is open."""
    to = Severity(ask.level or "")
    incident = await means.people.declare(ask.service or "", to, request.author, ask.topic or "")
    return Answer(Outcome.DONE, declared(incident), hints=(f"incident {incident.id}", f"resolve {incident.id}"))


def declared(incident: Incident) -> str:
    """Say what is answered for, and how it ends."""
    others = [member for member in incident.burning if member.symptom is not Symptom.DECLARED]
    beside = f"with {', '.join(str(member.key) for member in others)} " if others else ""
    return f"{incident.id} {beside}is answered for as a {incident.severity}; it goes on until somebody resolves it."


async def acknowledge(means: Means, request: Request, ask: Ask) -> Answer:
    """Note that who asks sees to an incident."""
    incident = await means.people.acknowledge(ask.incident or "", request.author)
    until = incident.acknowledged_until or means.now()
    return Answer(
        Outcome.DONE, f"{request.author} sees to {incident.id}: nothing is done by itself until {when(until)}"
    )


async def resolve(means: Means, request: Request, ask: Ask) -> Answer:
    """End an incident that is well."""
    incident = await means.people.resolve(ask.incident or "", request.author)
    return Answer(Outcome.DONE, f"{incident.id} has ended.")


async def silence(means: Means, request: Request, ask: Ask) -> Answer:
    """Let nothing be done or told about a service for a while."""
    try:
        lasts = parse_duration(ask.time or "")
    except ValueError as error:
        raise RefusedError(f"{ask.time}: {error}") from error
    quiet = await means.hushing.silence(ask.service or "", lasts, request.author)
    text = f"It is {quiet.text}: {ask.service} is watched, and nothing is done or told about it."
    return Answer(Outcome.DONE, text, hints=(f"unsilence {ask.service}",))


async def unsilence(means: Means, request: Request, ask: Ask) -> Answer:
    """End that."""
    quiet = await means.hushing.lift(ask.service or "", request.author)
    return Answer(Outcome.DONE, f"No longer {quiet.text}." if quiet else f"{ask.service} is not silenced.")


async def merge(means: Means, request: Request, ask: Ask) -> Answer:
    """Merge a pull request on a person's word."""
    return Answer(Outcome.DONE, await means.pulls.merge(ask.number or 0, request.author))


async def rebase(means: Means, _: Request, ask: Ask) -> Answer:
    """Have the branch of a pull request put upon its base."""
    return Answer(Outcome.DONE, await means.pulls.rebase(ask.number or 0))


async def hold(means: Means, _: Request, ask: Ask) -> Answer:
    """Keep a pull request from being merged."""
    return Answer(Outcome.DONE, await means.pulls.hold(ask.number or 0))


async def set_severity(means: Means, request: Request, ask: Ask) -> Answer:
    """Raise or lower an incident."""
    incident = await means.people.set_severity(ask.incident or "", Severity(ask.level or ""), request.author)
    return Answer(Outcome.DONE, f"{incident.id} is a {incident.severity} now.")


def orphans_counted(found: Mapping[str, int]) -> Answer:
    """Say what belongs to nothing, and how it is deleted."""
    total = sum(found.values())
    if not total:
        return Answer(Outcome.DONE, "There are no orphaned rows.")
    text = f"{total} rows belong to nothing; none was deleted. To delete them, confirm that within an hour."
    return Answer(Outcome.DONE, text, (_tables(found),), ("clear orphans confirm",))


def _tables(counts: Mapping[str, int]) -> Section:
    text = "\n".join(f"{name}: {count}" for name, count in counts.items()) or "none"
    return Section("Rows by table", text, newest_last=False)
