"""What `devops.toml` says of incidents: when there is maintenance, and what is tried against which kind of outage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from devops_daemon.config_file import Document, MaintenanceTable, RunbooksTable
from devops_daemon.mending import Act, Pattern
from devops_daemon.quiet import Maintenance
from devops_daemon.untangling import APPEND_ONLY

Acts = Mapping[Pattern, tuple[Act, ...]]


@dataclass(frozen=True, slots=True)
class Plans:
    """What is planned."""

    maintenance: tuple[Maintenance, ...] = ()
    runbooks: Mapping[str, Acts] = field(default_factory=lambda: MappingProxyType({}))
    """What differs from the usual, by service; that of every service by the empty name."""
    append_only: tuple[str, ...] = APPEND_ONLY
    """Patterns of files to which pull requests only add lines."""
    commit_status: bool = False
    """Say on each head of a pull request what is decided about it."""
    show_email: bool = False
    """Let a user's e-mail address stand in the issue of a feedback."""


def plans(document: Document, services: frozenset[str]) -> tuple[Plans, list[str]]:
    """Read them; gives a line too for each thing that does not fit what is watched."""
    file = document.file
    tables = {"": file.runbooks} | {name: table.runbooks for name, table in file.services.items()}
    runbooks = {name: _acts(table) for name, table in tables.items()}
    found = Plans(
        tuple(map(_maintenance, file.maintenance)),
        {name: acts for name, acts in runbooks.items() if acts},
        tuple(file.pulls.append_only),
        file.pulls.commit_status,
        file.feedback.show_email,
    )
    return found, [document.problem(place, text) for place, text in _misfits(file.maintenance, services)]


def _acts(table: RunbooksTable) -> Acts:
    given = {pattern: getattr(table, pattern.value) for pattern in Pattern}
    return {pattern: tuple(acts) for pattern, acts in given.items() if acts is not None}


def _maintenance(table: MaintenanceTable) -> Maintenance:
    lasts = {"lasts": table.duration} if table.duration is not None else {}
    return Maintenance(
        frozenset(table.services), table.reason, starts=table.starts, ends=table.until, cron=table.cron, **lasts
    )


def _misfits(tables: list[MaintenanceTable], services: frozenset[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for number, table in enumerate(tables):
        for place, name in enumerate(table.services):
            if name not in services:
                known = ", ".join(sorted(services))
                yield ("maintenance", number, "services", place), f"is no service that is watched; there are {known}"
