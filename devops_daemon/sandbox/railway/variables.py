"""The variables of services and environments as they are written, and what they amount to."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_REFERENCE = re.compile(r"\$\{\{\s*(?:(?P<scope>[\w -]+)\.)?(?P<name>\w+)\s*\}\}")
_DEEPEST = 10
"""A reference of references of references: after so many it is a circle."""

SHARED = "shared"
"""The scope under which an environment's shared variables are referred to."""


@dataclass(frozen=True, slots=True)
class Written:
    """A variable as it was written; a sealed one is never shown again."""

    value: str
    is_sealed: bool = False

    @property
    def shown(self) -> str | None:
        """What is told of it."""
        return None if self.is_sealed else self.value


class Variables:
    """What was written, for each environment and service; None stands for the shared ones."""

    def __init__(self) -> None:
        """Start with none."""
        self._written: dict[tuple[str, str | None], dict[str, Written]] = {}

    def of(self, environment_id: str, service_id: str | None) -> dict[str, Written]:
        """Give the variables of a service there, or the shared ones; to be read only."""
        return self._written.get((environment_id, service_id), {})

    def write(
        self, environment_id: str, service_id: str | None, values: Mapping[str, str | None], *, sealed: bool = False
    ) -> None:
        """Write these and leave the others; None leaves a value as it is, what is sealed stays so."""
        rows = self._written.setdefault((environment_id, service_id), {})
        for name, value in values.items():
            if value is not None:
                rows[name] = Written(value, sealed or (name in rows and rows[name].is_sealed))

    def keep_only(self, environment_id: str, service_id: str | None, names: frozenset[str]) -> None:
        """Delete all others."""
        rows = self.of(environment_id, service_id)
        self._written[environment_id, service_id] = {name: rows[name] for name in rows if name in names}

    def snapshot(self, environment_id: str, service_id: str | None) -> dict[str, str | None]:
        """Give them as they may be told: unrendered, a sealed one as None."""
        return {name: row.shown for name, row in self.of(environment_id, service_id).items()}

    def all_of(self, environment_id: str) -> list[tuple[str | None, str, Written]]:
        """List all variables of an environment: the service, the name, and what was written."""
        return [
            (service_id, name, row)
            for (environment, service_id), rows in self._written.items()
            if environment == environment_id
            for name, row in rows.items()
        ]


def references(text: str) -> list[str]:
    """List what a value refers to: `Postgres.DATABASE_URL`, `shared.NAME`, or a name of its own service."""
    return [f"{found['scope']}.{found['name']}" if found["scope"] else found["name"] for found in finds(text)]


def finds(text: str) -> list[re.Match[str]]:
    """List the references in a value."""
    return list(_REFERENCE.finditer(text))


Scope = Callable[[str], Mapping[str, str]]
"""Gives the unrendered values of a scope by its name: a service's, or the shared ones; empty where there is none."""


def render(value: str, own: str, scope: Scope, depth: int = 0) -> str:
    """Put in what the value refers to, as seen from the scope `own`; what is not there is left out."""
    if depth > _DEEPEST:
        return ""

    def put_in(found: re.Match[str]) -> str:
        there = found["scope"] or own
        return render(scope(there).get(found["name"], ""), there, scope, depth + 1)

    return _REFERENCE.sub(put_in, value)
