"""FAULTS: every way in which the product can be broken, and what a visitor then sees.

To add a fault is to add a row. Where several are on, the first row that answers is what is seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from http import HTTPStatus

from devops_daemon.sandbox import answers
from devops_daemon.sandbox.answers import Answer, fail, say, show
from devops_daemon.sandbox.database import Database


class Server(StrEnum):
    """The servers of the product that can be broken."""

    BACKEND = "backend"
    FRONTEND = "frontend"


class Mend(IntEnum):
    """What ends a fault by itself; in a new container there is a new process, so it ends what a restart ends, too."""

    RESTART = 1
    NEW_CONTAINER = 2


class Death(StrEnum):
    """What a process died of."""

    ERROR = "error"
    OUT_OF_MEMORY = "out of memory"


@dataclass(frozen=True, slots=True)
class Condition:
    """A fault that lies in the rows: how it comes, how it is taken away, and whether it is still there."""

    begin: Callable[[Database, datetime], None]
    end: Callable[[Database], None]
    lasts: Callable[[Database], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """A way in which a server is broken: answers by the start of the path they replace, or a closed port."""

    name: str
    sight: str
    server: Server
    answers: Mapping[str, Answer] = field(default_factory=dict)
    refuses: bool = False
    condition: Condition | None = None
    mended_by: Mend | None = None
    """Set where it lies in a process or on a container's disk: a new one is without it. Code and rows stay."""
    death: Death | None = None
    """Set where it leaves no process."""
    error: str | None = None
    """The exception in the log, if it is not the store's own."""

    def ends_with(self, mend: Mend) -> bool:
        """Tell whether it is over after this."""
        return self.mended_by is not None and self.mended_by <= mend

    def answer(self, path: str) -> Answer | None:
        """Give the answer for this path, if the fault strikes there."""
        return next((answer for start, answer in self.answers.items() if path.startswith(start)), None)


class UnknownFaultError(ValueError):
    """There is no fault of that name; the message says which there are."""

    def __init__(self, name: str) -> None:
        """Name what was asked for and what could have been."""
        super().__init__(f"unknown fault {name!r}; known are {', '.join(fault.name for fault in FAULTS)}")


def find(name: str) -> Fault:
    """Look a fault up by its name; raises UnknownFaultError."""
    for fault in FAULTS:
        if fault.name == name:
            return fault
    raise UnknownFaultError(name)


def _everywhere(answer: Answer) -> Mapping[str, Answer]:
    return {"/": answer}


_INTERNAL = fail(HTTPStatus.INTERNAL_SERVER_ERROR)
_NO_DATABASE = {
    "status": "degraded",
    "checks": {"database": "error: could not connect", "redis": "ok"},
}
_NO_CACHE = {"status": "degraded", "checks": {"database": "ok", "redis": "error"}}
_SOMEBODY_ELSE = {"id": 4711, "username": "somebody-else", "display_name": "Somebody Else"}

FAULTS: tuple[Fault, ...] = (
    Fault(
        "backend-refused",
        "Nothing listens on the backend's port: every connection is refused.",
        Server.BACKEND,
        refuses=True,
        mended_by=Mend.RESTART,
    ),
    Fault(
        "backend-crash",
        "The backend's process has died of an error: every connection is refused.",
        Server.BACKEND,
        refuses=True,
        mended_by=Mend.RESTART,
        death=Death.ERROR,
    ),
    Fault(
        "backend-oom",
        "The backend's process was killed, for it had used up its memory: every connection is refused.",
        Server.BACKEND,
        refuses=True,
        mended_by=Mend.RESTART,
        death=Death.OUT_OF_MEMORY,
    ),
    Fault(
        "backend-slow",
        "The backend answers rightly, 3 seconds late.",
        Server.BACKEND,
        _everywhere(answers.dawdle),
        mended_by=Mend.RESTART,
    ),
    Fault(
        "backend-hang",
        "The backend takes the request and never answers.",
        Server.BACKEND,
        _everywhere(answers.hang),
        mended_by=Mend.RESTART,
    ),
    Fault(
        "backend-reset",
        "The backend resets each connection (RST) instead of answering.",
        Server.BACKEND,
        _everywhere(answers.reset),
        mended_by=Mend.RESTART,
    ),
    Fault(
        "backend-invalid-http",
        "The backend answers with bytes that are not HTTP.",
        Server.BACKEND,
        _everywhere(answers.speak_no_http),
    ),
    Fault(
        "backend-truncated",
        "The backend announces 1,000 bytes, sends a few and closes the connection.",
        Server.BACKEND,
        _everywhere(answers.truncate),
    ),
    Fault(
        "backend-drip",
        "The backend answers 200 and then sends one byte a second, for ever.",
        Server.BACKEND,
        _everywhere(answers.drip),
        mended_by=Mend.RESTART,
    ),
    Fault(
        "backend-huge",
        "The backend answers 200 with a body of 64 MiB whose length it does not tell.",
        Server.BACKEND,
        _everywhere(answers.flood),
    ),
    Fault(
        "backend-500",
        "The backend answers 500 to everything.",
        Server.BACKEND,
        _everywhere(_INTERNAL),
    ),
    Fault(
        "backend-flapping",
        "Every other look at the backend's health answers 500, as behind a balancer of which one replica is broken.",
        Server.BACKEND,
        {"/health": answers.in_turns(_INTERNAL)},
    ),
    Fault(
        "backend-corrupt",
        "The disk of the backend's container is broken: it answers 500 to everything until there is a new container.",
        Server.BACKEND,
        _everywhere(_INTERNAL),
        mended_by=Mend.NEW_CONTAINER,
        error="OSError: [Errno 5] Input/output error: '/app/var/catalogue.db'",
    ),
    Fault(
        "backend-503",
        "The backend answers 503 to everything.",
        Server.BACKEND,
        _everywhere(fail(HTTPStatus.SERVICE_UNAVAILABLE)),
        mended_by=Mend.RESTART,
    ),
    Fault(
        "backend-garbage",
        "The backend answers 200 with a body that says it is JSON and is not.",
        Server.BACKEND,
        _everywhere(show("<<< not JSON >>>", "application/json")),
    ),
    Fault(
        "backend-unhealthy",
        'The backend answers 200 {"status": "unhealthy"} to everything.',
        Server.BACKEND,
        _everywhere(say(HTTPStatus.OK, {"status": "unhealthy"})),
    ),
    Fault(
        "backend-redirect",
        "The backend answers 302 to the frontend.",
        Server.BACKEND,
        _everywhere(answers.redirect),
    ),
    Fault(
        "database-down",
        "The backend lives but cannot reach its database: readiness is 503, whatever needs a row is 500.",
        Server.BACKEND,
        {
            "/health/ready": say(HTTPStatus.SERVICE_UNAVAILABLE, _NO_DATABASE),
            "/api/auth/": _INTERNAL,
            "/api/feedback": _INTERNAL,
            "/api/devops/stats": _INTERNAL,
            "/api/devops/cleanup/": _INTERNAL,
        },
    ),
    Fault(
        "cache-down",
        "The backend works without its cache: readiness is 200, but degraded, with redis in error.",
        Server.BACKEND,
        {"/health/ready": say(HTTPStatus.OK, _NO_CACHE)},
    ),
    Fault(
        "auth-500",
        "Whatever has to do with signing in answers 500.",
        Server.BACKEND,
        {"/api/auth/": _INTERNAL},
    ),
    Fault(
        "auth-401",
        "The right password is refused with 401.",
        Server.BACKEND,
        {"/api/auth/login": fail(HTTPStatus.UNAUTHORIZED, "Invalid username or password")},
    ),
    Fault(
        "auth-wrong-user",
        "Whoever has signed in is told to be somebody else.",
        Server.BACKEND,
        {"/api/auth/me": say(HTTPStatus.OK, _SOMEBODY_ELSE)},
    ),
    Fault(
        "sessions-piled",
        "Thousands of old sessions are open and sign-in answers 503, until the stale sessions are deleted.",
        Server.BACKEND,
        {"/api/auth/login": fail(HTTPStatus.SERVICE_UNAVAILABLE, "Too many open sessions")},
        condition=Condition(Database.pile_sessions, Database.unpile_sessions, Database.is_piled),
    ),
    Fault(
        "feedback-500",
        "Whatever has to do with feedback answers 500; no probe asks for it.",
        Server.BACKEND,
        {"/api/feedback": _INTERNAL},
    ),
    Fault(
        "feedback-slow",
        "Whatever has to do with feedback answers rightly, 3 seconds late; no probe asks for it.",
        Server.BACKEND,
        {"/api/feedback": answers.dawdle},
        mended_by=Mend.RESTART,
    ),
    Fault(
        "frontend-refused",
        "Nothing listens on the frontend's port: every connection is refused.",
        Server.FRONTEND,
        refuses=True,
        mended_by=Mend.RESTART,
    ),
    Fault(
        "frontend-hang",
        "The frontend takes the request and never answers.",
        Server.FRONTEND,
        _everywhere(answers.hang),
        mended_by=Mend.RESTART,
    ),
    Fault(
        "frontend-500",
        "The frontend answers 500 to everything.",
        Server.FRONTEND,
        _everywhere(_INTERNAL),
    ),
    Fault(
        "frontend-blank",
        "The frontend answers 200 with an empty page.",
        Server.FRONTEND,
        _everywhere(show("", "text/html")),
    ),
)
