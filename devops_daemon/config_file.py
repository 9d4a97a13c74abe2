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
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from devops_daemon.model import ProbeKind, Severity
from devops_daemon.settings import Duration, Url

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
_STATUS = Annotated[int, Field(ge=100, le=599)]


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ProbeTable(_Table):
    """`[services.NAME.probes.NAME]`: every key, and for which kind of probe it is."""

    kind: ProbeKind | None = None
    path: Annotated[str | None, Field(pattern=r"^/\S*$")] = None
    method: Literal["GET", "HEAD", "POST", "PUT", "OPTIONS"] | None = None
    expect_status: Annotated[list[_STATUS] | None, BeforeValidator(_listed)] = None
    contains: str | None = None
    fields: dict[str, Annotated[list[str | int | float | bool], BeforeValidator(_listed)]] | None = None
    not_empty: bool | None = None
    follow_redirects: bool | None = None
    needs: str | None = None
    username: str | None = None
    severity: Severity | None = None
    timeout: Duration | None = None
    slow_after: Duration | None = None
    certificate_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    off: bool = False


class ServiceTable(_Table):
    """`[services.NAME]`: where it is, what it cannot work without, its probes."""

    url: Url | None = None
    depends_on: list[str] = []
    railway: str | None = None
    probes: dict[Annotated[str, Field(pattern=_NAME)], ProbeTable] = {}


class File(_Table):
    """`devops.toml`, whole."""

    services: dict[Annotated[str, Field(pattern=_NAME)], ServiceTable] = {}


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
    """Find the line (from 1) on which a TOML document comes to hold the value at `location`.

    It is the first line whose prefix of the document parses and has it: the parser itself is asked, so the answer is
    right for every way of writing TOML. For a value of several lines it is the last of them.
    """
    wanted = [part for part in location if not (isinstance(part, str) and part.startswith("["))]
    lines = text.splitlines(keepends=True)
    while wanted:
        for number in range(1, len(lines) + 1):
            if _holds("".join(lines[:number]), wanted):
                return number
        wanted.pop()
    return 1


def _holds(text: str, location: list[int | str]) -> bool:
    try:
        value: Any = tomllib.loads(text)
        for part in location:
            value = value[part]
    except (tomllib.TOMLDecodeError, LookupError, TypeError):
        return False
    return True


def _dotted(location: Iterable[int | str]) -> str:
    return ".".join(str(part) for part in location if part != "[key]") or "the file"


def _told(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "is no key that is known here"
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
