"""Issues, and what people say on them: pull requests are issues too."""

from dataclasses import dataclass, field
from datetime import datetime

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.moments import now
from devops_daemon.sandbox.github.pulls import PullPart

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
LONGEST_BODY = 65_536


@dataclass(slots=True)
class Label:
    """A label of the repository."""

    name: str
    color: str = "ededed"
    description: str | None = None
    id: int = field(default_factory=ids.fresh)


@dataclass(frozen=True, slots=True)
class Reaction:
    """What somebody thinks of an issue or a comment."""

    account: Account
    content: str
    id: int = field(default_factory=ids.fresh)
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True)
class Comment:
    """A comment on an issue or a pull request."""

    issue: int
    author: Account
    body: str
    id: int = field(default_factory=ids.fresh)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(slots=True)
class Issue:
    """An issue; with a `pull` it is a pull request."""

    number: int
    title: str
    author: Account
    body: str | None = None
    labels: list[Label] = field(default_factory=list)
    assignees: list[Account] = field(default_factory=list)
    state: str = "open"
    state_reason: str | None = None
    locked: bool = False
    pull: PullPart | None = None
    closed_at: datetime | None = None
    closed_by: Account | None = None
    id: int = field(default_factory=ids.fresh)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    reactions: list[Reaction] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Tell whether it is open."""
        return self.state == "open"
