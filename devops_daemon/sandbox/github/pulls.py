"""What a pull request is beside an issue: two branches, reviews, and whether the one can be merged into the other."""

from dataclasses import dataclass, field
from datetime import datetime

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.moments import now


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer said of a commit; `state` is APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED."""

    author: Account
    state: str
    body: str
    commit_id: str
    id: int = field(default_factory=ids.fresh)
    submitted_at: datetime = field(default_factory=now)


@dataclass(slots=True)
class Thread:
    """What somebody began to talk about, on a line of the change."""

    author: Account
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class AutoMerge:
    """Somebody wants it merged as soon as it may be."""

    enabled_by: Account
    method: str


@dataclass(frozen=True, slots=True)
class Computed:
    """What GitHub found out about merging one commit into another, and since when it knows."""

    head_sha: str
    base_sha: str
    ready_at: datetime
    clean: bool
    behind: bool


@dataclass(slots=True)
class PullPart:
    """The pull request of an issue; `fork` is the owner of the repository that its branch is in."""

    head_ref: str
    base_ref: str
    head_sha: str
    base_sha: str
    fork: str | None = None
    draft: bool = False
    merged_at: datetime | None = None
    merged_by: Account | None = None
    merge_commit_sha: str | None = None
    auto_merge: AutoMerge | None = None
    maintainer_can_modify: bool = False
    reviews: list[Review] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    computed: Computed | None = None

    @property
    def head_branch(self) -> str:
        """The full name of its branch in the git repository."""
        return branch_ref(self.head_ref, self.fork)


def branch_ref(branch: str, fork: str | None = None) -> str:
    """Give the full name of a branch; those of forks lie beside, where nobody fetches them."""
    return f"refs/forks/{fork}/{branch}" if fork else f"refs/heads/{branch}"
