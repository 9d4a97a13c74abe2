"""A request that has been let in, and what is answered: handlers know nothing of the wire."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from devops_daemon.sandbox.github.accounts import Account, Role
from devops_daemon.sandbox.github.refusals import forbidden, invalid, not_found, unreadable
from devops_daemon.sandbox.github.tokens import Caller
from devops_daemon.sandbox.github.world import Urls

Json = dict[str, Any]
NEEDS_ADMIN = "Must have admin rights to Repository."


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks for what; `names` are the parts of the path, `role` is the caller's in the repository."""

    caller: Caller
    role: Role
    names: Mapping[str, str]
    query: Mapping[str, str]
    raw: bytes
    urls: Urls
    path: str

    @property
    def body(self) -> Json:
        """The body; raises Refusal where it is no JSON object."""
        try:
            read = json.loads(self.raw or b"{}")
        except ValueError:
            raise unreadable() from None
        if not isinstance(read, dict):
            raise unreadable()
        return read

    @property
    def account(self) -> Account:
        """Who acts; raises Refusal for nobody."""
        if self.caller.account is None:
            raise not_found()
        return self.caller.account

    def number(self, name: str) -> int:
        """Give a number of the path; raises Refusal where it is none."""
        try:
            return int(self.names[name])
        except ValueError:
            raise not_found() from None

    def text(self, name: str, resource: str) -> str:
        """Give a text that the body must have; raises Refusal."""
        value = self.body.get(name)
        if value is None or value == "":
            raise invalid(resource, name, "missing_field")
        if not isinstance(value, str):
            raise invalid(resource, name, "invalid")
        return value

    def require(self, role: Role, message: str = NEEDS_ADMIN) -> None:
        """Raise Refusal unless the caller has this role, or is an App, whose permissions have been looked at."""
        if not self.caller.via_app and self.role < role:
            raise forbidden(message)

    def hide_from(self, below: Role) -> None:
        """Raise Refusal, as if it were not there, for a caller below this role."""
        if not self.caller.via_app and self.role < below:
            raise not_found()


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered; None has no body."""

    body: Any = None
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


def created(body: Any) -> Reply:  # noqa: ANN401 - JSON
    """Answer that something is there now."""
    return Reply(body, HTTPStatus.CREATED)


def done() -> Reply:
    """Answer that there is nothing to say."""
    return Reply(None, HTTPStatus.NO_CONTENT)


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """A path and who may use it.

    `needs` are the permissions of which one suffices, `issues=write`; none is for everybody. `needs_app` is for
    those that only the App's own signature opens.
    """

    method: str
    path: str
    handler: Handler
    needs: Sequence[str] = ()
    needs_app: bool = False

    @property
    def reads(self) -> bool:
        """Tell whether it leaves everything as it is."""
        return self.method == "GET"

    @property
    def of_repository(self) -> bool:
        """Tell whether it is about a repository."""
        return self.path.startswith(REPO)

    @property
    def template(self) -> str:
        """The path as the official description writes it."""
        return self.path.replace(":.+}", "}")


REPO = "/repos/{owner}/{repo}"
