"""The state of the sandbox's GitHub: one repository, its accounts, and all that was written and reported on it."""

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Account, Accounts, Role
from devops_daemon.sandbox.github.app import App
from devops_daemon.sandbox.github.checks import CheckRun, CommitStatus
from devops_daemon.sandbox.github.hooks import Hook
from devops_daemon.sandbox.github.issues import Comment, Issue, Label
from devops_daemon.sandbox.github.moments import now
from devops_daemon.sandbox.github.protection import Protection
from devops_daemon.sandbox.github.refusals import not_found
from devops_daemon.sandbox.github.tokens import Token

DEFAULT_BRANCH = "main"


@dataclass(slots=True)
class Options:
    """What the repository's settings page says."""

    private: bool = False
    has_issues: bool = True
    allow_merge_commit: bool = True
    allow_squash_merge: bool = True
    allow_rebase_merge: bool = True
    allow_auto_merge: bool = False
    delete_branch_on_merge: bool = False


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A workflow or a repository event that somebody called; `workflow` is None for the latter."""

    account: Account
    event_type: str | None
    workflow: str | None
    payload: dict[str, Any]
    ref: str | None = None


class World:
    """Everything that is remembered; lookups raise the Refusal that a client would get."""

    created_at: datetime
    former_names: set[str]
    tokens: dict[str, Token]
    issues: dict[int, Issue]
    """Pull requests among them."""
    comments: dict[int, Comment]
    labels: dict[str, Label]
    hooks: list[Hook]
    check_runs: list[CheckRun]
    statuses: list[CommitStatus]
    protections: dict[str, Protection]
    """By branch."""
    dispatches: list[Dispatch]
    workflows: set[str]
    """The files of the workflows that may be dispatched."""

    def __init__(self, owner: str, name: str) -> None:
        """Make an empty repository of an organisation."""
        self.name = name
        self.id = ids.fresh()
        self.created_at = now()
        self.pushed_at = now()
        self.options = Options()
        self.accounts = Accounts()
        self.owner = self.accounts.add(Account(owner, Role.ADMIN, kind="Organization"))
        self.app = App("devops-daemon")
        self.ci = App("github-actions")
        self.former_names = set()
        self._apps = {app.login: app for app in (self.app, self.ci)}
        self.tokens = {}
        self.issues = {}
        self.comments = {}
        self.labels = {}
        self.hooks = []
        self.check_runs = []
        self.statuses = []
        self.protections = {}
        self.dispatches = []
        self.workflows = {"ci.yml", "code-agent.yml"}
        self._numbers = count(1)

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner.login}/{self.name}"

    def is_called(self, owner: str, name: str) -> bool:
        """Tell whether this is the repository's name, or was."""
        names = {self.name.lower(), *self.former_names}
        return owner.lower() == self.owner.login.lower() and name.lower() in names

    def app_of(self, account: Account) -> App | None:
        """Find the App that acts as this account, None for a person."""
        if account.kind != "Bot":
            return None
        return self._apps.setdefault(account.login, App(account.login.removesuffix("[bot]")))

    def next_number(self) -> int:
        """Give the number of the next issue or pull request."""
        return next(self._numbers)

    def role(self, account: Account | None) -> Role:
        """Tell what an account may do: everyone may read what is public."""
        granted = account.role if account else Role.NONE
        return granted if self.options.private else max(granted, Role.READ)

    def association(self, account: Account) -> str:
        """Tell how an account stands to the repository, as comments say it."""
        if account is self.owner:
            return "OWNER"
        if account.role >= Role.MAINTAIN:
            return "MEMBER"
        return "COLLABORATOR" if account.role > Role.NONE else "NONE"

    def issue(self, number: int) -> Issue:
        """Find an issue or a pull request."""
        if number not in self.issues:
            raise not_found()
        return self.issues[number]

    def pull(self, number: int) -> Issue:
        """Find a pull request."""
        found = self.issue(number)
        if found.pull is None:
            raise not_found()
        return found

    def pulls(self) -> list[Issue]:
        """List the pull requests, oldest first."""
        return [issue for issue in self.issues.values() if issue.pull]

    def comment(self, identifier: int) -> Comment:
        """Find a comment."""
        if identifier not in self.comments:
            raise not_found()
        return self.comments[identifier]

    def comments_on(self, number: int) -> list[Comment]:
        """List the comments on an issue, oldest first."""
        return [comment for comment in self.comments.values() if comment.issue == number]

    def label(self, name: str) -> Label:
        """Find a label, or make it."""
        return self.labels.setdefault(name.lower(), Label(name))

    def hook(self, identifier: int) -> Hook:
        """Find a webhook of the repository."""
        for hook in self.hooks:
            if hook.id == identifier and not hook.of_app:
                return hook
        raise not_found()

    def protection(self, branch: str) -> Protection:
        """Give what protects a branch, nothing where nobody has said so."""
        return self.protections.get(branch, Protection())


@dataclass(frozen=True, slots=True)
class Urls:
    """Where things are said to be: the API's address and that of the pages."""

    api: str
    site: str
    world: World

    @property
    def repo(self) -> str:
        """The repository in the API."""
        return f"{self.api}/repos/{self.world.full_name}"

    @property
    def page(self) -> str:
        """The repository's page."""
        return f"{self.site}/{self.world.full_name}"
