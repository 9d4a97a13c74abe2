"""What was found out about commits: check runs of Apps, and statuses of anybody."""

from dataclasses import dataclass, field
from datetime import datetime

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.moments import now

GREEN = frozenset({"success", "neutral", "skipped"})


@dataclass(slots=True)
class CheckRun:
    """A check run of the CI's App; without a conclusion it has not completed."""

    name: str
    head_sha: str
    suite_id: int
    status: str = "queued"
    conclusion: str | None = None
    title: str | None = None
    summary: str | None = None
    details_url: str | None = None
    external_id: str = ""
    id: int = field(default_factory=ids.fresh)
    started_at: datetime = field(default_factory=now)
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """What somebody reported of a commit under a name; the last word counts."""

    sha: str
    context: str
    state: str
    creator: Account
    description: str | None = None
    target_url: str | None = None
    id: int = field(default_factory=ids.fresh)
    created_at: datetime = field(default_factory=now)
