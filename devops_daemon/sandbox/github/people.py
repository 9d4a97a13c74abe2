"""What tests and the demo let happen: somebody writes, pushes, reviews, and the CI reports."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from devops_daemon.sandbox.github.accounts import Account, Role
from devops_daemon.sandbox.github.checks import CheckRun, CommitStatus
from devops_daemon.sandbox.github.hooks import JSON_TYPE, Hook
from devops_daemon.sandbox.github.issues import Comment, Issue
from devops_daemon.sandbox.github.landing import Wanted
from devops_daemon.sandbox.github.protection import Protection, Requirements
from devops_daemon.sandbox.github.pulls import PullPart, Review, branch_ref
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.tokens import Token, TokenKind
from devops_daemon.sandbox.github.world import DEFAULT_BRANCH, World

_BOT = "[bot]"


class People(ABC):
    """Acts of people, by login: they are allowed to, and the webhooks tell of them."""

    world: World
    operator: str

    @property
    @abstractmethod
    def realm(self) -> Realm:
        """The parts they act on."""

    def add_account(
        self, login: str, role: str = "none", *, bot: bool = False, custom_role: str | None = None
    ) -> Account:
        """Let somebody be there: none, read, triage, write, maintain or admin; who is called `…[bot]` is a bot."""
        kind = "Bot" if bot or login.endswith(_BOT) else "User"
        return self.world.accounts.add(Account(login, Role[role.upper()], kind=kind, custom_role=custom_role))

    def add_token(
        self,
        login: str,
        text: str,
        *,
        scopes: frozenset[str] = frozenset({"repo"}),
        permissions: Mapping[str, str] | None = None,
    ) -> Token:
        """Give somebody a token: a fine-grained one with permissions, else a classic one with scopes."""
        account = self.world.accounts.get(login)
        kind = TokenKind.CLASSIC if permissions is None else TokenKind.FINE_GRAINED
        token = Token(kind, account, frozenset() if permissions else scopes, permissions)
        self.world.tokens[text] = token
        return token

    async def hook(
        self,
        url: str,
        secret: str | None = None,
        *,
        events: tuple[str, ...] = ("*",),
        content_type: str = JSON_TYPE,
        of_app: bool = False,
        ping: bool = False,
    ) -> Hook:
        """Let a webhook lead there; GitHub would say hello with a ping."""
        made = Hook(url, secret, events, content_type, of_app=of_app)
        self.world.hooks.append(made)
        if ping:
            self.realm.ping(made, self.world.accounts.get(self.operator))
        return made

    def rename(self, name: str) -> None:
        """Give the repository another name; the old one leads there."""
        self.world.former_names.add(self.world.name.lower())
        self.world.name = name

    async def settled(self) -> None:
        """Wait until no webhook is on its way but what is held."""
        await self.realm.courier.settle()

    async def open_issue(
        self, login: str, title: str, body: str | None = None, *, labels: tuple[str, ...] = ()
    ) -> Issue:
        """Let somebody open an issue."""
        issue = Issue(self.world.next_number(), title, self.world.accounts.get(login), body)
        issue.labels = [self.world.label(name) for name in labels]
        return await self.realm.conversation.open(issue.author, issue)

    async def close_issue(self, login: str, number: int) -> None:
        """Let somebody close an issue or a pull request."""
        await self.realm.conversation.close(self.world.accounts.get(login), self.world.issue(number))

    async def label(self, login: str, number: int, *names: str) -> None:
        """Let somebody add labels to an issue or a pull request."""
        await self.realm.conversation.label(self.world.accounts.get(login), self.world.issue(number), names)

    async def unlabel(self, login: str, number: int, name: str) -> None:
        """Let somebody take a label away."""
        issue, label = self.world.issue(number), self.world.label(name)
        await self.realm.conversation.unlabel(self.world.accounts.get(login), issue, label)

    async def comment(self, login: str, number: int, body: str) -> Comment:
        """Let somebody say something on an issue or a pull request."""
        author = self.world.accounts.get(login)
        return await self.realm.conversation.comment(author, number, body)

    async def edit_comment(self, login: str, comment: int, body: str) -> Comment:
        """Let somebody change a comment."""
        found = self.world.comment(comment)
        await self.realm.conversation.edit(self.world.accounts.get(login), found, body)
        return found

    async def delete_comment(self, login: str, comment: int) -> None:
        """Let somebody delete a comment."""
        await self.realm.conversation.delete(self.world.accounts.get(login), self.world.comment(comment))

    async def push(
        self,
        branch: str,
        files: Mapping[str, str | bytes | None],
        message: str = "A change",
        *,
        login: str | None = None,
        onto: str | None = None,
        fork: str | None = None,
    ) -> str:
        """Let somebody push a commit with these files (None deletes one); gives its sha.

        It stands upon the branch's last commit, on a new branch upon main's; with `onto`, a branch or sha, upon that,
        and the branch is pushed by force.
        """
        ref, bare = branch_ref(branch, fork), self.realm.bare
        author = self.world.accounts.get(login or self.operator)
        before = await bare.sha(ref)
        base = await bare.sha(onto) if onto else before or await bare.sha(DEFAULT_BRANCH)
        sha = await bare.commit(ref, base, files, message, author)
        await self.realm.pushing.moved(ref, before, sha, author)
        return sha

    async def delete_branch(self, branch: str, *, login: str | None = None) -> None:
        """Let somebody delete a branch."""
        ref = branch_ref(branch)
        before = await self.realm.bare.sha(ref)
        await self.realm.bare.set_ref(ref, None)
        await self.realm.pushing.moved(ref, before, None, self.world.accounts.get(login or self.operator))

    async def open_pull(
        self,
        login: str,
        branch: str,
        title: str = "A change",
        *,
        body: str | None = None,
        base: str = DEFAULT_BRANCH,
        draft: bool = False,
        fork: str | None = None,
    ) -> Issue:
        """Let somebody open a pull request for a branch that has been pushed; raises LookupError for no such branch."""
        head_sha = await self.realm.bare.sha(branch_ref(branch, fork))
        base_sha = await self.realm.bare.sha(branch_ref(base))
        if head_sha is None or base_sha is None:
            raise LookupError(f"no branch {base if head_sha else branch!r}")
        part = PullPart(branch, base, head_sha, base_sha, fork, draft=draft, maintainer_can_modify=fork is not None)
        issue = Issue(self.world.next_number(), title, self.world.accounts.get(login), body, pull=part)
        return await self.realm.pulling.open(issue.author, issue)

    async def merge_pull(self, login: str, number: int, method: str = "merge") -> str:
        """Let somebody merge a pull request; raises Refusal where it may not be."""
        return await self.realm.landing.merge(self.world.accounts.get(login), self.world.pull(number), Wanted(method))

    async def review(self, login: str, number: int, state: str = "APPROVED", body: str = "") -> Review:
        """Let somebody review a pull request: APPROVED, CHANGES_REQUESTED or COMMENTED."""
        issue = self.world.pull(number)
        sha = issue.pull.head_sha if issue.pull else ""
        review = await self.realm.pulling.review(issue, Review(self.world.accounts.get(login), state, body, sha))
        await self.realm.landing.land_waiting(sha)
        return review

    async def report_check(self, sha: str, name: str, conclusion: str | None = "success") -> CheckRun:
        """Let the CI report a check run; None is one that is still running, which the next word under its name ends."""
        ci = self.world.accounts.get(self.world.ci.login)
        for run in self.world.check_runs:
            if run.name == name and run.head_sha == sha and run.conclusion is None and conclusion:
                await self.realm.checking.end(ci, run, conclusion)
                return run
        status = "completed" if conclusion else "in_progress"
        run = CheckRun(name, sha, self.realm.checking.suite(sha), status=status, conclusion=conclusion)
        run.completed_at = run.started_at if conclusion else None
        return await self.realm.checking.begin(ci, run)

    async def report_status(
        self, sha: str, context: str, state: str = "success", *, description: str | None = None
    ) -> CommitStatus:
        """Let the operator report a commit status: error, failure, pending or success."""
        creator = self.world.accounts.get(self.operator)
        return await self.realm.checking.report(CommitStatus(sha, context, state, creator, description))

    def protect(
        self,
        *checks: str,
        branch: str = DEFAULT_BRANCH,
        strict: bool = False,
        approvals: int = 0,
        by_ruleset: bool = False,
    ) -> None:
        """Require these checks, and so many approvals, on a branch: by classic protection, or by a ruleset."""
        protection = self.world.protections.setdefault(branch, Protection())
        requirements = Requirements(checks, strict, approvals)
        if by_ruleset:
            protection.ruleset = requirements
        else:
            protection.classic = requirements
