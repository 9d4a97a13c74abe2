"""RUNBOOK: what is tried against which kind of outage, in which order. To change it, change a row, or `devops.toml`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from devops_daemon.mending import Act, Came, Pattern, Remedy

MOST_TRIES = 5
"""So often an act is begun that never reaches the platform."""


RUNBOOK: Mapping[Pattern, tuple[Act, ...]] = MappingProxyType(
    {
        Pattern.DEPLOYMENT: (Act.ROLLBACK, Act.RESTART, Act.REDEPLOY),
        Pattern.SESSIONS: (Act.CLEAR_SESSIONS, Act.RESTART),
        Pattern.MEMORY: (Act.RESTART,),
        Pattern.CRASHED: (Act.RESTART, Act.REDEPLOY),
        Pattern.DATABASE: (Act.RESTART,),  # of the backend, once; never of the database
        Pattern.HUNG: (Act.RESTART, Act.REDEPLOY),
    }
)


@dataclass(frozen=True, slots=True)
class Runbooks:
    """What is tried where: by `devops.toml` for a service, or for every one, else by the table above."""

    changed: Mapping[str, Mapping[Pattern, tuple[Act, ...]]] = field(default_factory=lambda: MappingProxyType({}))
    """By service; that of every service by the empty name."""

    def acts(self, service: str, pattern: Pattern) -> tuple[Act, ...]:
        """Give what is tried against an outage of a service, in its order."""
        tables = (self.changed.get(service, {}), self.changed.get("", {}), RUNBOOK)
        return next(table[pattern] for table in tables if pattern in table)


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of an outage's nature."""

    failing_since: bool = False
    """Nothing was well since the deployment that went live just before it."""
    sessions_piled: bool = False
    sign_in: bool = False
    """What fails is the sign-in; the service itself answers."""
    out_of_memory: bool = False
    crashed: bool = False
    """The platform says that its process has ended."""
    database: bool = False
    """What fails is that the database is reached; the service itself answers."""


def recognise(signs: Signs) -> Pattern:
    """Say which kind of outage it is: what explains most comes first."""
    if signs.failing_since:
        return Pattern.DEPLOYMENT
    if signs.sign_in and signs.sessions_piled:
        return Pattern.SESSIONS
    if signs.out_of_memory:
        return Pattern.MEMORY
    if signs.crashed:
        return Pattern.CRASHED
    return Pattern.DATABASE if signs.database else Pattern.HUNG


def untried(acts: Sequence[Act], remedies: Sequence[Remedy], watched: str, code: str | None) -> tuple[Act, ...]:
    """Give what is still to be tried against the outage of a service, with the code that runs now.

    Nothing twice, but what never reached the platform, and a rollback of other code than the one before.
    """
    mine = [remedy for remedy in remedies if remedy.watched == watched]
    return tuple(act for act in acts if not _is_spent(act, mine, code))


def _is_spent(act: Act, remedies: Sequence[Remedy], code: str | None) -> bool:
    mine = [remedy for remedy in remedies if remedy.act is act]
    if act is Act.ROLLBACK:
        mine = [remedy for remedy in mine if code is None or remedy.leaves in {code, None}]
    return any(remedy.dry or remedy.came is not Came.NOT_DONE for remedy in mine) or len(mine) >= MOST_TRIES
