"""How an action is asked for over HTTP: a table of actions, each with its fields, and what is wrong with a question.

`desk` puts the table together.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import structlog
from aiohttp import web

from devops_daemon.commands.orders import Orders
from devops_daemon.commands.orders import action as action_of
from devops_daemon.commands.orders import status as status_of

LONGEST_TEXT = 1000
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
        shown = {"id": request.match_info["id"], "action": action_of(found), "status": status_of(found)}
        return web.json_response(shown | {"result": told})


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
