"""Who is on GitHub, and what role each has in the repository."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.moments import now


class Role(IntEnum):
    """What an account may do in the repository; each may do what those before it may."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @property
    def word(self) -> str:
        """GitHub's name for it."""
        return self.name.lower()


LEGACY = {Role.MAINTAIN: Role.WRITE, Role.TRIAGE: Role.READ}
"""The roles that the older field `permission` has no word for."""


@dataclass(slots=True)
class Account:
    """A person, an organisation or a bot; `custom_role` is the name of a role that the organisation made up."""

    login: str
    role: Role = Role.NONE
    kind: str = "User"
    """`User`, `Bot` or `Organization`."""
    custom_role: str | None = None
    id: int = field(default_factory=ids.fresh)
    created_at: datetime = field(default_factory=now)

    @property
    def email(self) -> str:
        """The address in its commits."""
        return f"{self.id}+{self.login}@users.noreply.github.com"


class Accounts:
    """All accounts; logins are told apart without regard to case."""

    def __init__(self) -> None:
        """Nobody is there."""
        self._by_login: dict[str, Account] = {}

    def __iter__(self) -> Iterator[Account]:
        return iter(self._by_login.values())

    def add(self, account: Account) -> Account:
        """Let an account be, in place of one that had its login."""
        self._by_login[account.login.lower()] = account
        return account

    def find(self, login: str) -> Account | None:
        """Look an account up, None where there is none of that login."""
        return self._by_login.get(login.lower())

    def get(self, login: str) -> Account:
        """Look an account up that is there; raises LookupError."""
        found = self.find(login)
        if found is None:
            raise LookupError(f"no account {login!r}")
        return found
