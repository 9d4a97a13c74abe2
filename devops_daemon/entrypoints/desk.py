"""What an operator has the daemon do over HTTP: the table of actions, and each of them."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from devops_daemon.asking import RequestState
from devops_daemon.audit.wording import status
from devops_daemon.auditing import Audit
from devops_daemon.commands.acts import declared
from devops_daemon.commands.answer import Answer, Outcome
from devops_daemon.commands.catalogue import Name
from devops_daemon.commands.grammar import Ask
from devops_daemon.commands.means import Means
from devops_daemon.commands.orders import PREFIX, Orders
from devops_daemon.commands.orders import status as status_of
from devops_daemon.commands.provision import DATABASE, KINDS
from devops_daemon.commands.reads import answered
from devops_daemon.commands.variables import names, shown
from devops_daemon.entrypoints.actions import (
    LONGEST_TEXT,
    Action,
    Actions,
    CannotNowError,
    Field,
    NotThereError,
    Values,
    WrongFieldError,
)
from devops_daemon.entrypoints.status import delivery_as_data, finding_as_data, stamp
from devops_daemon.hosting import Engine, Hosting, UnknownServiceError, Variable
from devops_daemon.inbox import DeliveryState
from devops_daemon.incidents.hushing import Hushing
from devops_daemon.incidents.people import People, UnknownIncidentError
from devops_daemon.model import Incident, Severity
from devops_daemon.ports import ALL, PAUSED, Clock, Inbox, RefusedError, Switch, Switches, UnavailableError
from devops_daemon.quiet import LONGEST
from devops_daemon.settings import parse_duration

T = TypeVar("T")
MOST_LINES = 200
OPERATOR = "an operator"
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,30}[A-Za-z0-9_-])?")
"""What a service may be called."""


def actions(
    inbox: Inbox,
    take_audit: Callable[[], Awaitable[Audit]],
    means: Means,
    orders: Orders,
    arrived: Callable[[], None] = lambda: None,
) -> Actions:
    """Put the table together; `arrived` wakes whoever works the inbox off."""
    people, hushing, switches, now = means.people, means.hushing, means.switches, means.now
    which, service = Field("incident", required=True), Field("service", required=True)
    severity = Field("severity", required=True, choices=tuple(Severity))
    kind, name = Field("kind", required=True, choices=KINDS), Field("name", required=True)
    why = Field("description", required=True)
    duration, delivery = Field("duration", required=True), Field("delivery", required=True)
    return Actions(
        {
            "incident-response": Action(partial(incident_response, people), _of_six(service, severity)),
            "view-logs": Action(partial(view_logs, means), _of_six(Field("lines", int), Field("build", bool))),
            "restart-service": Action(partial(restart, means, orders), _of_six(service)),
            "manage-variables": Action(partial(manage_variables, means, orders), _of_six(Field("set", dict))),
            "provision-infrastructure": Action(partial(provision, orders), _of_six(kind, name, why)),
            "diagnose": Action(partial(diagnose, means), _of_six()),
            "acknowledge": Action(partial(acknowledge, people), (which,)),
            "resolve": Action(partial(resolve, people), (which,)),
            "severity": Action(partial(set_severity, people), (which, severity)),
            "silence": Action(partial(silence, hushing), (service, duration, Field("description"))),
            "unsilence": Action(partial(unsilence, hushing), (service,)),
            "replay": Action(partial(replay, inbox, now, arrived), (delivery,)),
            "pause": Action(partial(pause, switches, now), (Field("description"),)),
            "resume": Action(partial(resume, switches, now)),
            "audit": Action(partial(audit, take_audit)),
        },
        orders,
    )


def _of_six(*fields: Field) -> tuple[Field, ...]:
    """Give the fields of one of the specification's six: a button that has those of all sends them to each."""
    common = (Field("service"), Field("severity", choices=tuple(Severity)), Field("description"))
    return (*fields, *(each for each in common if each.name not in {field.name for field in fields}))


async def replay(inbox: Inbox, now: Clock, arrived: Callable[[], None], values: Values) -> dict[str, Any]:
    """Let a delivery that failed be tried again."""
    row = await inbox.replay(values["delivery"], now())
    if row is None:
        raise WrongFieldError("delivery", "there is no delivery of that id")
    if row.state is not DeliveryState.FAILED:
        raise CannotNowError(f"the delivery has not failed, it is {row.state}: only one that failed is tried again")
    arrived()
    return {"text": "it is tried again", "delivery": delivery_as_data(row)}


async def incident_response(people: People, values: Values) -> dict[str, Any]:
    """Open an incident by an operator's word, or let it join the one that is open; it is answered for at once."""
    to, why = Severity(values["severity"]), values["description"] or ""
    try:
        incident = await people.declare(values["service"], to, OPERATOR, why)
    except RefusedError as error:
        raise WrongFieldError("service", str(error)) from error
    except UnavailableError as error:
        raise NotThereError(str(error)) from error
    return _incident(declared(incident), incident)


async def acknowledge(people: People, values: Values) -> dict[str, Any]:
    """Note that somebody sees to an incident."""
    return _incident("until {until} nothing is done about it by itself", await _told(people.acknowledge, values))


async def resolve(people: People, values: Values) -> dict[str, Any]:
    """End an incident that is well."""
    return _incident("it has ended", await _told(people.resolve, values))


async def set_severity(people: People, values: Values) -> dict[str, Any]:
    """Raise or lower an incident."""
    to = Severity(values["severity"])
    told = partial(people.set_severity, to=to)
    return _incident(f"it is a {to} now", await _told(told, values))


async def _told(tell: Callable[..., Awaitable[Incident]], values: Values) -> Incident:
    """Say it of an incident; raises WrongFieldError where there is none, CannotNowError where it may not be."""
    try:
        return await tell(values["incident"], by=OPERATOR)
    except UnknownIncidentError as error:
        raise WrongFieldError("incident", str(error)) from error
    except RefusedError as error:
        raise CannotNowError(str(error)) from error


def _incident(text: str, incident: Incident) -> dict[str, Any]:
    until = incident.acknowledged_until
    said = text.format(until=f"{until:%H:%M} UTC" if until else "")
    return {"text": said, "incident": incident.id, "status": incident.status, "severity": incident.severity}


async def silence(hushing: Hushing, values: Values) -> dict[str, Any]:
    """Let nothing be done or told about a service for a while."""
    try:
        lasts = parse_duration(values["duration"])
    except ValueError as error:
        raise WrongFieldError("duration", f"duration {error}") from error
    try:
        quiet = await hushing.silence(values["service"], lasts, OPERATOR, values["description"] or "")
    except RefusedError as error:
        raise WrongFieldError("duration" if lasts > LONGEST else "service", str(error)) from error
    return {"text": f"{values['service']}: {quiet.text}", "until": stamp(quiet.until)}


async def unsilence(hushing: Hushing, values: Values) -> dict[str, Any]:
    """End that."""
    try:
        quiet = await hushing.lift(values["service"], OPERATOR)
    except RefusedError as error:
        raise WrongFieldError("service", str(error)) from error
    if quiet is None:
        return {"text": f"{values['service']} was not silenced"}
    return {"text": f"{values['service']} is no longer {quiet.text}"}


async def pause(switches: Switches, now: Clock, values: Values) -> dict[str, Any]:
    """Let the daemon change nothing by itself any more."""
    reason = values["description"]
    by = f"{OPERATOR}: {reason}" if reason else OPERATOR
    at = now()
    switch = await switches.turn_on(PAUSED, by, at)
    if switch is None:
        raise CannotNowError("somebody ended the pause at this moment")
    said = "paused" if (switch.by, switch.on_since) == (by, at) else "it was paused already"
    return {"text": said, "paused": _switch(switch)}


async def resume(switches: Switches, now: Clock, _: Values) -> dict[str, Any]:
    """End the pause."""
    switch, still = await switches.turn_off(PAUSED, OPERATOR, now())
    if still:
        raise CannotNowError("somebody paused it at this moment")
    if switch is None:
        return {"text": "it was not paused", "was": None}
    return {"text": "the pause has ended", "was": _switch(switch)}


async def view_logs(means: Means, values: Values) -> dict[str, Any]:
    """Read what a service wrote, or all of them, or what a build wrote: redacted, as `@devops check logs` does."""
    lines = values["lines"]
    if lines is not None and not 1 <= lines <= MOST_LINES:
        raise WrongFieldError("lines", f"lines is between 1 and {MOST_LINES}")
    name = Name.BUILD_LOGS if values["build"] else Name.LOGS
    return _told_by(await _answered(means, Ask(name, values["service"], last=lines)))


async def diagnose(means: Means, values: Values) -> dict[str, Any]:
    """Gather what is known, of a service or of all."""
    return _told_by(await _answered(means, Ask(Name.DIAGNOSE, values["service"])))


async def restart(means: Means, orders: Orders, values: Values) -> dict[str, Any]:
    """Restart a service, or all that are watched, one after the other."""
    if values["service"].lower() != ALL:
        await _known(means, values["service"])
    return await _ordered(orders, Ask(Name.RESTART, values["service"]), values["description"])


async def manage_variables(means: Means, orders: Orders, values: Values) -> dict[str, Any]:
    """List the names of variables, or set some and deploy what they are of; no value is told, or kept by us."""
    service = None if (values["service"] or "").lower() == ALL else values["service"]
    if service:
        await _known(means, service)
    if values["set"] is None:
        found = await _asked(names(means, service))
        return _told_by(shown(found, service)) | {"variables": [_variable(whose, each) for whose, each in found]}
    if not service:
        raise WrongFieldError("service", "say of which service they are to be set")
    wrong = [name for name, value in values["set"].items() if not isinstance(value, str)]
    if wrong:
        raise WrongFieldError("set", f"the value of {', '.join(wrong)[:LONGEST_TEXT]} is to be a text")
    if problems := means.platform.wrong_variables(values["set"]):
        raise WrongFieldError("set", "; ".join(problems)[:LONGEST_TEXT])
    ask = Ask(Name.SET_VARIABLES, service, values=tuple(values["set"].items()))
    return await _ordered(orders, ask, values["description"])


def _variable(whose: str, variable: Variable) -> dict[str, Any]:
    return {
        "service": whose,
        "name": variable.name,
        "sealed": variable.sealed,
        "references": list(variable.references),
    }


async def provision(orders: Orders, values: Values) -> dict[str, Any]:
    """Add a database or an empty service, unless it is there; it is tracked in an issue."""
    title: str = values["name"]
    if values["kind"] == DATABASE and title.lower() not in set(Engine):
        raise WrongFieldError("name", f"{title}: is no database that can be added", tuple(Engine))
    if not NAME.fullmatch(title):
        raise WrongFieldError("name", "a name has 1 to 32 letters, digits, dots, dashes and underscores")
    ask = Ask(Name.PROVISION, kind=values["kind"], title=title, topic=values["description"])
    return await _ordered(orders, ask)


async def _ordered(orders: Orders, ask: Ask, why: str | None = None) -> dict[str, Any]:
    """Have it done; gives by what it is followed, or what was done where that is known already."""
    request = await _asked(orders.give(ask, OPERATOR, why))
    if request.state is not RequestState.ANSWERED:
        return {"id": request.id.removeprefix(PREFIX), "status": status_of(request)}
    text = request.headline or "it could not be begun"
    if request.outcome == Outcome.REFUSED:
        raise CannotNowError(text)
    if request.outcome == Outcome.FAILED:
        raise NotThereError(text)
    return {"text": text, "details": request.details}


async def _asked(asking: Awaitable[T]) -> T:
    """Ask, and say a no as one; raises CannotNowError, NotThereError."""
    try:
        return await asking
    except RefusedError as error:
        raise CannotNowError(str(error)) from error
    except UnavailableError as error:
        raise NotThereError(str(error)) from error


async def _answered(means: Means, ask: Ask) -> Answer:
    """Ask what a comment could ask; raises WrongFieldError for a service that is not there, CannotNowError."""
    ask = replace(ask, service=None) if (ask.service or "").lower() == ALL else ask
    if ask.service is not None:
        await _known(means, ask.service)
    answer = await _asked(answered(means, ask))
    if answer.outcome is Outcome.REFUSED:
        raise CannotNowError(answer.headline)
    if answer.outcome is Outcome.FAILED:
        raise NotThereError(answer.headline)
    return answer


async def _known(means: Means, service: str) -> None:
    hosting = await _asked(_hosting(means))
    try:
        hosting.service(service)
    except UnknownServiceError as error:
        raise WrongFieldError("service", str(error), [ALL, *(each.name for each in hosting.services)]) from error


async def _hosting(means: Means) -> Hosting:
    return await means.platform.hosting()


def _told_by(answer: Answer) -> dict[str, Any]:
    """Give an answer as data."""
    return {"text": answer.headline, "sections": [{"title": each.title, "text": each.text} for each in answer.sections]}


async def audit(take: Callable[[], Awaitable[Audit]], _: Values) -> dict[str, Any]:
    """Look whether the monitoring itself is any good; nothing is written."""
    try:
        taken = await take()
    except UnavailableError as error:
        raise NotThereError(str(error)) from error
    findings = [finding_as_data(each) for each in taken.remarks]
    ill = sum(each.is_ill for each in taken.remarks)
    text = f"{status(taken.remarks)}: {ill} of {len(findings)} findings want somebody"
    return {"text": text, "taken_at": stamp(taken.taken_at), "findings": findings}


def _switch(switch: Switch) -> dict[str, Any]:
    return {"since": stamp(switch.on_since), "by": switch.by}
