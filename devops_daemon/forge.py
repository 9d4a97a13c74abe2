"""The nouns of a forge: who wrote what on which issue, and what a webhook told. Frozen values, no vendor's words."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Self


class Role(IntEnum):
    """What an account may do in the repository; each may do what those before it may."""

    NONE = 0
    READ = 1
    """On a public repository that is everyone."""
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


@dataclass(frozen=True, slots=True)
class Account:
    """Who wrote something. Several agents may share one person's account: a login alone does not tell who wrote."""

    login: str
    bot: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an issue or a pull request: text of a stranger."""

    id: int
    issue: int
    author: Account
    body: str
    created_at: datetime
    url: str = ""
    edited: bool = False
    """It may not be what its author wrote: whoever may write in the repository can change it."""
    via_app: bool = False
    """A program wrote it, be it in a person's name."""


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue, as far as it takes to keep one of ours current."""

    number: int
    title: str
    body: str
    author: Account
    open: bool
    labels: tuple[str, ...] = ()
    url: str = ""
    pull: bool = False
    """It is a pull request: they share their numbers with the issues."""


class Reaction(StrEnum):
    """What is said without words."""

    SEEN = "seen"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository that is looked after."""

    name: str
    """`owner/name`."""
    public: bool
    default_branch: str
    merge_methods: tuple[str, ...] = ()
    """`squash`, `merge`, `rebase`: those that it allows; empty where the forge does not tell."""
    kib: int = 0
    """How large it is, in KiB, as far as the forge tells."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check, or status, on a commit."""

    name: str
    passed: bool | None
    """None while it has not completed."""
    word: str
    """The forge's own word for where it stands."""
    ended_at: datetime | None = None
    """When it completed; of a status, when it was reported."""
    text: str = ""
    """What a status says beside, for people."""


OWN_STATUS = "devops-daemon"
"""The commit status in which we say what is decided about a pull request: never a check that counts."""


@dataclass(frozen=True, slots=True)
class Said:
    """What our own status on a commit says."""

    passed: bool
    """False is that it is waited for something."""
    text: str
    """140 characters at most."""


class Review(StrEnum):
    """What the reviewers came to."""

    NONE = "none"
    """Nobody has to, and nobody did."""
    WANTED = "wanted"
    APPROVED = "approved"
    CHANGES = "changes requested"


@dataclass(frozen=True, slots=True)
class PullCommit:
    """A commit of a pull request, and who made it."""

    sha: str
    login: str | None
    """The account; None where the forge knows none for its e-mail."""
    email: str


@dataclass(frozen=True, slots=True)
class Linked:
    """An issue that is closed by a pull request's merge."""

    number: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Required:
    """What must hold before anything is merged into a branch, as far as it may be read."""

    checks: tuple[str, ...] = ()
    strict: bool = False
    """The branch must be up to date with its base."""
    approvals: int = 0
    conversations: bool = False
    """All must be resolved."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull request, as far as it takes to say why it is not merged."""

    number: int
    title: str
    head_sha: str
    base: str
    draft: bool
    open: bool
    merged: bool
    mergeable: bool | None
    """None while the forge computes it."""
    state: str
    """The forge's own word for what holds it: blocked, behind, dirty, unstable, clean …"""
    labels: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    """Each name once: where several bear it, the worst."""
    url: str = ""
    id: str = ""
    """The forge's own, for what is asked of it by id."""
    body: str = ""
    author: Account = Account("")
    branch: str = ""
    fork: bool = False
    """Its branch is in another repository."""
    pushable: bool = True
    """Its branch may be pushed to."""
    queued: bool = False
    """Its base takes changes by a merge queue only."""
    review: Review = Review.NONE
    unresolved: tuple[Account, ...] = ()
    """Who began each conversation that is not resolved."""
    files: tuple[str, ...] = ()
    commits: tuple[PullCommit, ...] = ()
    closes: tuple[Linked, ...] = ()
    created_at: datetime | None = None
    merge_commit: str | None = None
    """What its merge made of the base."""
    said: Said | None = None
    """What our own status says of its head."""
    unread: str = ""
    """Why not all of it could be read; nothing may be decided on a part."""

    @property
    def issues(self) -> tuple[int, ...]:
        """The issues that it is for: those that it closes, else the one that its branch names."""
        by_branch = _BRANCH.fullmatch(self.branch)
        named = [int(number) for number in (by_branch.groups() if by_branch else ()) if number]
        return tuple(dict.fromkeys([*(each.number for each in self.closes), *named]))

    def names(self, issue: int) -> bool:
        """Tell whether it is about an issue: by what it closes, by its text or by its branch."""
        return any(each.number == issue for each in self.closes) or _is_about(issue, self.body, self.branch)


_NAMED = re.compile(r"(?<![\w/&#])#(\d{1,9})\b")
_BRANCH = re.compile(r"(?:fix|feat)/(\d{1,9})-.*|(?:claude|codex|copilot|agent)/.*-(\d{1,9})")
"""How agents name their branches after an issue."""


@dataclass(frozen=True, slots=True)
class Merged:
    """One pull request that was merged."""

    number: int
    body: str
    branch: str
    merged_at: datetime
    commit: str
    """What the base was at then."""
    head_sha: str = ""
    """What its branch was at."""

    def names(self, issue: int) -> bool:
        """Tell whether it is about an issue, by its text or by its branch."""
        return _is_about(issue, self.body, self.branch)


@dataclass(frozen=True, slots=True)
class TrunkCommit:
    """A commit of the default branch, with what its checks have come to."""

    sha: str
    subject: str
    author: str
    at: datetime
    checks: tuple[Check, ...] = ()


def _is_about(issue: int, body: str, branch: str) -> bool:
    by_branch = _BRANCH.fullmatch(branch)
    numbers = [*_NAMED.findall(body), *(by_branch.groups("") if by_branch else ())]
    return str(issue) in {number.lstrip("0") for number in numbers}


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """One attempt of the forge to deliver a webhook to us."""

    id: int
    guid: str
    event: str
    delivered_at: datetime
    arrived: bool


_MARK = re.compile(r"<!-- devops-daemon:(?P<kind>[a-z]{1,30}):(?P<key>[\w./:-]{1,200})(?: hop=(?P<hop>\d{1,4}))? -->")


@dataclass(frozen=True, slots=True)
class Mark:
    """The hidden line at the end of whatever the daemon writes (contract, "Marks it leaves on GitHub").

    It tells our own text from others' only together with the account that wrote it: anybody can copy a line.
    """

    kind: str
    key: str
    hop: int = 0
    """How many answers to agents in a row this is, 0 for an answer to a person."""

    def __str__(self) -> str:
        hop = f" hop={self.hop}" if self.hop else ""
        return f"<!-- devops-daemon:{self.kind}:{self.key}{hop} -->"

    @classmethod
    def at_end_of(cls, body: str) -> Self | None:
        """Read the mark that is a text's last line, None where there is none."""
        found = _MARK.fullmatch(body.rstrip().rpartition("\n")[2].strip())
        return cls(found["kind"], found["key"], int(found["hop"] or 0)) if found else None

    @classmethod
    def highest_hop(cls, body: str) -> int:
        """Give the highest hop of any mark within a text: an agent may quote what it answers."""
        return max((int(found["hop"] or 0) for found in _MARK.finditer(body)), default=0)


@dataclass(frozen=True, slots=True)
class CommentMade:
    """Somebody wrote a comment just now."""

    comment: Comment


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing that concerns us, and why."""

    reason: str


Event = CommentMade | Ignored
"""What a delivery told."""
