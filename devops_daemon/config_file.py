"""`devops.toml`: its tables, what is wrong with one, and on which line.

[services.worker]
url = "https://worker.example.com"
depends_on = ["backend"]

[services.worker.probes.worker]
kind = "http"
path = "/healthz"
severity = "SEV2"
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from devops_daemon.mending import Act
from devops_daemon.model import ProbeKind, Severity
from devops_daemon.quiet import LONGEST
from devops_daemon.settings import Cron, Duration, Url
from devops_daemon.untangling import APPEND_ONLY

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
_STATUS = Annotated[int, Field(ge=100, le=599)]


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _check_scalars(values: list[object]) -> list[object]:
    if not all(isinstance(value, str | int | float | bool) for value in values):
        raise ValueError("takes texts, numbers and true or false, one or a list")
    return values


def _checked_acts(*useless: Act) -> Callable[[list[Act] | None], list[Act] | None]:
    """Make what refuses acts that would be tried twice, or that cannot help here."""

    def checked(acts: list[Act] | None) -> list[Act] | None:
        for place, act in enumerate(acts or ()):
            if act in useless:
                raise ValueError(f"cannot have {act}: it would not help")
            if act in (acts or ())[:place]:
                raise ValueError(f"has {act} twice: what was tried is not tried again")
        return acts

    return checked


_Plain = Annotated[list[Act] | None, AfterValidator(_checked_acts(Act.ROLLBACK, Act.CLEAR_SESSIONS))]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ProbeTable(_Table):
    """`[services.NAME.probes.NAME]`: every key, and for which kind of probe it is."""

    kind: ProbeKind | None = None
    path: Annotated[str | None, Field(pattern=r"^/\S*$")] = None
    method: Literal["GET", "HEAD", "POST", "PUT", "OPTIONS"] | None = None
    expect_status: Annotated[list[_STATUS] | None, BeforeValidator(_listed)] = None
    contains: str | None = None
    fields: dict[str, Annotated[list[Any], BeforeValidator(_listed), AfterValidator(_check_scalars)]] | None = None
    not_empty: bool | None = None
    follow_redirects: bool | None = None
    needs: str | None = None
    username: str | None = None
    severity: Severity | None = None
    timeout: Duration | None = None
    slow_after: Duration | None = None
    certificate_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    off: bool = False


class RunbooksTable(_Table):
    """`[runbooks]` and `[services.NAME.runbooks]`: what is tried against which outage; nothing calls a person."""

    deployment: Annotated[list[Act] | None, AfterValidator(_checked_acts(Act.CLEAR_SESSIONS))] = None
    sessions: Annotated[list[Act] | None, AfterValidator(_checked_acts(Act.ROLLBACK))] = None
    memory: _Plain = None
    crashed: _Plain = None
    database: _Plain = None
    hung: _Plain = None


class MaintenanceTable(_Table):
    """`[[maintenance]]`: `from` and `until`, or `cron` and `duration`; of which services, and why."""

    services: list[str] = []
    reason: Annotated[str, Field(max_length=200)] = ""
    starts: Annotated[AwareDatetime | None, Field(alias="from")] = None
    until: AwareDatetime | None = None
    cron: Cron | None = None
    duration: Duration | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        once, again = (self.starts, self.until), (self.cron, self.duration)
        if not (all(once) and not any(again)) and not (all(again) and not any(once)):
            raise ValueError("needs from and until, or cron and duration")
        if self.starts and self.until and self.starts >= self.until:
            raise ValueError("ends before it begins")
        if self.duration and self.duration > LONGEST:
            raise ValueError(f"lasts {LONGEST.days} day at most")
        return self


class PullsTable(_Table):
    """`[pulls]`: what is known of files when pull requests conflict, and whether decisions stand on their heads."""

    append_only: list[Annotated[str, Field(min_length=1, max_length=200)]] = list(APPEND_ONLY)
    commit_status: bool = False


class FeedbackTable(_Table):
    """`[feedback]`: what of users may stand in issues."""

    show_email: bool = False


class ServiceTable(_Table):
    """`[services.NAME]`: where it is, what it cannot work without, its probes, what is tried when it fails."""

    url: Url | None = None
    depends_on: list[str] = []
    railway: str | None = None
    probes: dict[Annotated[str, Field(pattern=_NAME)], ProbeTable] = {}
    runbooks: RunbooksTable = RunbooksTable()


class File(_Table):
    """`devops.toml`, whole."""

    services: dict[Annotated[str, Field(pattern=_NAME)], ServiceTable] = {}
    runbooks: RunbooksTable = RunbooksTable()
    maintenance: list[MaintenanceTable] = []
    pulls: PullsTable = PullsTable()
    feedback: FeedbackTable = FeedbackTable()


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read, so that what is wrong can be shown where it stands."""

    path: Path = Path("devops.toml")
    text: str = ""
    file: File = field(default_factory=File)

    def problem(self, location: Iterable[int | str], message: str) -> str:
        """Say what is wrong at `location`, with file and line."""
        parts = tuple(location)
        return f"{self.path}:{line_of(self.text, parts)}: {_dotted(parts)}: {message}"


def read_document(path: Path, *, asked_for: bool) -> tuple[Document, list[str]]:
    """Read the file; gives what it says and a line for each thing wrong with it.

    A file that was not asked for need not be there.
    """
    if not asked_for and not path.exists():
        return Document(path), []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        return Document(path), [f"{path}: cannot be read: {reason}"]
    try:
        return Document(path, text, File.model_validate(tomllib.loads(text))), []
    except tomllib.TOMLDecodeError as error:
        return Document(path), [f"{path}: is not TOML: {error}"]
    except ValidationError as error:
        found = Document(path, text)
        return found, [
            found.problem(e["loc"], _told(e["type"], str(e["msg"]))) for e in error.errors(include_url=False)
        ]


def line_of(text: str, location: Iterable[int | str]) -> int:
    """Find the line (from 1) on which a TOML document comes to hold the value at `location`, or what is nearest to it.

    For a value of several lines it is the last of them.
    """
    lines = _lines(text)
    wanted = tuple(part for part in location if part != "[key]")
    return next((lines[wanted[:end]] for end in range(len(wanted), 0, -1) if wanted[:end] in lines), 1)


@lru_cache(maxsize=1)
def _lines(text: str) -> Mapping[tuple[int | str, ...], int]:
    """Tell for each value on which line it comes in: the first whose prefix of the document parses and has it.

    The parser itself is asked, so the answer is right for every way of writing TOML.
    """
    found: dict[tuple[int | str, ...], int] = {}
    lines = text.split("\n")
    for number in range(1, len(lines) + 1):
        with suppress(tomllib.TOMLDecodeError):
            for place in _places(tomllib.loads("\n".join(lines[:number]))):
                found.setdefault(place, number)
    return found


def _places(value: object, here: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    yield here
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inside:
        yield from _places(item, (*here, name))


def _dotted(location: Iterable[int | str]) -> str:
    return ".".join(str(part) for part in location if part != "[key]") or "the file"


def _told(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "is no key that is known here"
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
