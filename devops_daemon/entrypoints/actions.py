"""What an operator has the daemon do over HTTP: a table of actions, each with its fields, and how one is asked for."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import structlog
from aiohttp import web

from devops_daemon.asking import RequestState
from devops_daemon.audit.wording import status
from devops_daemon.auditing import Audit, Remark
from devops_daemon.commands.answer import Answer, Outcome
from devops_daemon.commands.catalogue import Name
from devops_daemon.commands.grammar import Ask
from devops_daemon.commands.means import Means
from devops_daemon.commands.orders import PREFIX, Orders
from devops_daemon.commands.orders import status as status_of
from devops_daemon.commands.reads import answered
from devops_daemon.entrypoints.status import delivery_as_data, stamp
from devops_daemon.hosting import UnknownServiceError
from devops_daemon.inbox import DeliveryState
from devops_daemon.incidents.hushing import Hushing
from devops_daemon.incidents.people import People, UnknownIncidentError
from devops_daemon.model import Incident, Severity
from devops_daemon.ports import ALL, PAUSED, Clock, Inbox, RefusedError, Switch, Switches, UnavailableError
from devops_daemon.quiet import LONGEST
from devops_daemon.settings import parse_duration

LONGEST_TEXT, MOST_LINES = 1000, 200
OPERATOR = "an operator"
Values = Mapping[str, Any]
log = structlog.get_logger("actions")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an action's body."""

    name: str
    kind: type = str
    required: bool = False
    choices: tuple[str, ...] = ()


class WrongFieldError(Exception):
    """A field is not what it should be: 422; the text names it."""

    def __init__(self, name: str | None, text: str, choices: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.name = name
        self.choices = choices


class CannotNowError(Exception):
    """It cannot be done as things stand; the text says why."""

    status = 409


class NotThereError(CannotNowError):
    """What it needs does not answer; the text says what."""

    status = 503


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be asked for; `act` gives what was done, as data."""

    act: Callable[[Values], Awaitable[dict[str, Any]]]
    fields: tuple[Field, ...] = field(default=())


class Actions:
    """The table, and how one of its rows is asked for; whoever asks has been let in before."""

    def __init__(self, table: Mapping[str, Action], orders: Orders | None = None) -> None:
        """`orders` are those that take a while, and are followed."""
        self._orders = orders
        self._table = MappingProxyType(dict(table))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Do what is asked for, or say in words what is wrong with the question; what takes a while is followed."""
        name = request.match_info["action"]
        action = self._table.get(name)
        if action is None:
            known = sorted(self._table)
            return _error(404, f"there is no such action; there are {', '.join(known)}", choices=known)
        if request.content_type != "application/json":
            return _error(415, "send the body as application/json")
        try:
            values = checked(action.fields, _document(await request.read()))
            done = await action.act(values)
        except WrongFieldError as wrong:
            return _error(422, str(wrong), field=wrong.name, choices=wrong.choices)
        except web.HTTPRequestEntityTooLarge:
            return _error(413, "the body has a mebibyte at most")
        except CannotNowError as error:
            return _error(error.status, str(error))
        log.info("action.taken", action=name, result=done.get("text"))
        goes_on = "id" in done
        told = {"action": name, **done} if goes_on else {"action": name, "status": "done", "result": done}
        return web.json_response(told, status=202 if goes_on else 200)

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Say where something stands that was asked for before."""
        if request.match_info["id"] in self._table:
            raise web.HTTPMethodNotAllowed("GET", ["POST"])
        found = await self._orders.find(request.match_info["id"]) if self._orders else None
        if found is None:
            return _error(404, "there is no action of that id")
        told = {"text": found.headline, "details": found.details} if found.headline else None
        return web.json_response(
            {"id": request.match_info["id"], "action": "restart-service", "status": status_of(found), "result": told}
        )


def checked(fields: Sequence[Field], document: object) -> Values:
    """Give the values of a body by their fields' names; raises WrongFieldError."""
    if not isinstance(document, dict):
        raise WrongFieldError(None, "the body is no JSON object")
    known = {each.name: each for each in fields}
    for name in document:
        if name not in known:
            text = f"there is no such field; there are {', '.join(known)}" if known else "there are no fields"
            raise WrongFieldError(name[:LONGEST_TEXT], text, tuple(known))
    return {each.name: _value(each, document.get(each.name)) for each in fields}


def _value(wanted: Field, given: object) -> Any:  # noqa: ANN401 # of the field's kind
    if given is None or given == "":
        if wanted.required:
            raise WrongFieldError(wanted.name, f"{wanted.name} is missing", wanted.choices)
        return None
    if type(given) is not wanted.kind:  # a bool is no number here
        raise WrongFieldError(wanted.name, f"{wanted.name} is to be {_KINDS[wanted.kind]}", wanted.choices)
    if isinstance(given, str) and len(given) > LONGEST_TEXT:
        raise WrongFieldError(wanted.name, f"{wanted.name} has {LONGEST_TEXT} characters at most")
    if wanted.choices and given not in wanted.choices:
        raise WrongFieldError(wanted.name, f"{wanted.name} is none of {', '.join(wanted.choices)}", wanted.choices)
    return _storable(given) if isinstance(given, str) else given


_KINDS: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false", dict: "an object"}


def _storable(text: str) -> str:
    """Give a text without what no database takes: NULs and half characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _document(body: bytes) -> object:
    if not body.strip():
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise WrongFieldError(None, "the body is not JSON") from None


def _error(status: int, text: str, **more: object) -> web.Response:
    said = {name: value for name, value in more.items() if value is not None and value != ()}
    return web.json_response({"error": text, **said}, status=status)


def actions(
    inbox: Inbox,
    people: People,
    hushing: Hushing,
    take_audit: Callable[[], Awaitable[Audit]],
    means: Means,
    orders: Orders,
    arrived: Callable[[], None] = lambda: None,
) -> Actions:
    """Put the table together; `arrived` wakes whoever works the inbox off."""
    which, switches, now = Field("incident", required=True), means.switches, means.now
    severity = Field("severity", required=True, choices=tuple(Severity))
    return Actions(
        {
            "acknowledge": Action(partial(acknowledge, people), (which,)),
            "resolve": Action(partial(resolve, people), (which,)),
            "severity": Action(partial(set_severity, people), (which, severity)),
            "silence": Action(
                partial(silence, hushing),
                (Field("service", required=True), Field("duration", required=True), Field("description")),
            ),
            "unsilence": Action(partial(unsilence, hushing), (Field("service", required=True),)),
            "replay": Action(partial(replay, inbox, now, arrived), (Field("delivery", required=True),)),
            "pause": Action(partial(pause, switches, now), (Field("description"),)),
            "resume": Action(partial(resume, switches, now)),
            "audit": Action(partial(audit, take_audit)),
            "view-logs": Action(
                partial(view_logs, means), (Field("service"), Field("lines", int), Field("build", bool))
            ),
            "diagnose": Action(partial(diagnose, means), (Field("service"), Field("description"))),
            "restart-service": Action(
                partial(restart, means, orders), (Field("service", required=True), Field("description"))
            ),
        },
        orders,
    )


async def replay(inbox: Inbox, now: Clock, arrived: Callable[[], None], values: Values) -> dict[str, Any]:
    """Let a delivery that failed be tried again."""
    row = await inbox.replay(values["delivery"], now())
    if row is None:
        raise WrongFieldError("delivery", "there is no delivery of that id")
    if row.state is not DeliveryState.FAILED:
        raise CannotNowError(f"the delivery has not failed, it is {row.state}: only one that failed is tried again")
    arrived()
    return {"text": "it is tried again", "delivery": delivery_as_data(row)}


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
    """Restart a service: written down, begun once, and watched to its end; gives by what it is followed."""
    try:
        await _known(means, values["service"])
        request = await orders.give(Ask(Name.RESTART, values["service"]), OPERATOR, values["description"])
    except RefusedError as error:
        raise CannotNowError(str(error)) from error
    except UnavailableError as error:
        raise NotThereError(str(error)) from error
    if request.outcome == Outcome.REFUSED:
        raise CannotNowError(request.headline or "it may not be done now")
    if request.outcome == Outcome.FAILED and request.state is RequestState.ANSWERED:
        raise NotThereError(request.headline or "it could not be begun")
    return {"id": request.id.removeprefix(PREFIX), "status": status_of(request)}


async def _answered(means: Means, ask: Ask) -> Answer:
    """Ask what a comment could ask; raises WrongFieldError for a service that is not there, CannotNowError."""
    ask = replace(ask, service=None) if ask.service == ALL else ask
    try:
        if ask.service is not None:
            await _known(means, ask.service)
        answer = await answered(means, ask)
    except RefusedError as error:
        raise CannotNowError(str(error)) from error
    except UnavailableError as error:
        raise NotThereError(str(error)) from error
    if answer.outcome is Outcome.REFUSED:
        raise CannotNowError(answer.headline)
    if answer.outcome is Outcome.FAILED:
        raise NotThereError(answer.headline)
    return answer


async def _known(means: Means, service: str) -> None:
    hosting = await means.platform.hosting()
    try:
        hosting.service(service)
    except UnknownServiceError as error:
        raise WrongFieldError("service", str(error), [ALL, *(each.name for each in hosting.services)]) from error


def _told_by(answer: Answer) -> dict[str, Any]:
    """Give an answer as data."""
    return {"text": answer.headline, "sections": [{"title": each.title, "text": each.text} for each in answer.sections]}


async def audit(take: Callable[[], Awaitable[Audit]], _: Values) -> dict[str, Any]:
    """Look whether the monitoring itself is any good; nothing is written."""
    try:
        taken = await take()
    except UnavailableError as error:
        raise NotThereError(str(error)) from error
    findings = [_finding(each) for each in taken.remarks]
    ill = sum(each.is_ill for each in taken.remarks)
    text = f"{status(taken.remarks)}: {ill} of {len(findings)} findings want somebody"
    return {"text": text, "taken_at": stamp(taken.taken_at), "findings": findings}


def _finding(remark: Remark) -> dict[str, Any]:
    return {
        "rule": remark.rule,
        "about": remark.about,
        "weight": remark.weight,
        "found": remark.text,
        "cure": remark.cure or None,
        "lines": list(remark.lines),
    }


def _switch(switch: Switch) -> dict[str, Any]:
    return {"since": stamp(switch.on_since), "by": switch.by}
