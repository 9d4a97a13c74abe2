"""GitHub as the port `Forge`."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from devops_daemon.adapters.exchange import SocketFactory
from devops_daemon.adapters.github import pulls, read, trunk
from devops_daemon.adapters.github.answers import Done, Why
from devops_daemon.adapters.github.app_auth import AppJwt, InstallationToken
from devops_daemon.adapters.github.asked import Asked
from devops_daemon.adapters.github.calls import Calls
from devops_daemon.adapters.github.client import Client, Waits
from devops_daemon.adapters.github.comments import Comments
from devops_daemon.adapters.github.credentials import Credentials, PersonalToken
from devops_daemon.adapters.github.errors import SaidNoError
from devops_daemon.adapters.github.hooks import Hooks
from devops_daemon.adapters.github.issues import Issues
from devops_daemon.adapters.github.limits import Limits
from devops_daemon.adapters.github.masking import Masking
from devops_daemon.adapters.github.merging import Merging
from devops_daemon.adapters.github.transport import HttpTransport
from devops_daemon.forge import (
    Account,
    Comment,
    HookDelivery,
    Issue,
    Mark,
    Merged,
    Pull,
    Reaction,
    Repository,
    Required,
    Role,
    Said,
    TrunkCommit,
)
from devops_daemon.inbox import Arrival
from devops_daemon.ports import Clock, LockedOutError
from devops_daemon.redaction import Redactor

T = TypeVar("T")
Steady = Callable[[], float]
ACCOUNT_KEPT, REPOSITORY_KEPT = 3600.0, 600.0
"""Seconds for which what seldom changes is not asked for again."""


class _Kept(Generic[T]):
    """A value that is read again when it is old."""

    def __init__(self, fetch: Callable[[], Awaitable[T]], seconds: float, steady: Steady) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._steady = steady
        self._value: tuple[float, T] | None = None

    async def get(self) -> T:
        if self._value is None or self._steady() >= self._value[0]:
            self._value = (self._steady() + self._seconds, await self._fetch())
        return self._value[1]


class GitHub:
    """The whole port."""

    def __init__(
        self,
        client: Client,
        jwt: AppJwt | None,
        now: Clock,
        steady: Steady = time.monotonic,
        trigger: Client | None = None,
    ) -> None:
        """`jwt` is there where an App asks, `trigger` where others are called by a token of its own."""
        self.client = client
        self.jwt = jwt
        self.hooks = Hooks(client, jwt, steady)
        self._now = now
        self._account = _Kept(self._who, ACCOUNT_KEPT, steady)
        self._repository = _Kept(self._read_repository, REPOSITORY_KEPT, steady)
        self._comments = Comments(client, self.account)
        self._issues = Issues(client, self.account)
        caller = _Kept(lambda: _owner(trigger), ACCOUNT_KEPT, steady) if trigger else self._account
        self._calls = Calls(trigger or client, caller.get)
        self._merging = Merging(client)
        self._path = f"/repos/{client.asked.repository}"

    @property
    def problem(self) -> str | None:
        """What is wrong with GitHub now, for people; None where the last request went well."""
        return self.client.problem

    async def account(self) -> Account:
        """Tell as whom the daemon writes, asked for once an hour."""
        return await self._account.get()

    async def repository(self) -> Repository:
        """Read the repository, asked for once in ten minutes."""
        return read.parsed("the repository", read.repository, await self._repository.get())

    async def role(self, login: str) -> Role:
        """Tell what an account may do here; who is not known here may nothing."""
        try:
            done = await self.client.get(f"{self._path}/collaborators/{quote(login, safe='')}/permission")
        except SaidNoError as error:
            if error.why is Why.NOT_FOUND:
                return Role.NONE
            raise
        return read.parsed("a role", read.role, done.data)

    async def comment(self, issue: int, body: str) -> Comment:
        """Write a comment; its last line is a mark, by which it is looked up where the answer was lost."""
        return await self._comments.write(issue, body)

    async def edit(self, comment_id: int, body: str) -> None:
        """Write a comment of ours anew; raises GoneError where it is not there any more."""
        await self._comments.edit(comment_id, body)

    async def react(self, comment_id: int, reaction: Reaction) -> None:
        """Put a reaction to a comment, twice is once; raises GoneError where it is not there any more."""
        await self._comments.react(comment_id, reaction)

    async def comments(self, since: datetime, issue: int | None = None) -> list[Comment]:
        """Read the comments written or changed since then, on one issue or on all, oldest change first."""
        return await self._comments.since(since, issue)

    async def find_comment(self, issue: int, mark: Mark, since: datetime) -> Comment | None:
        """Find the comment that bears a mark, written by our own account or by that which calls."""
        found = await self._comments.find(issue, mark, since)
        return found or await self._calls.comments.find(issue, mark, since)

    async def call(self, issue: int, body: str) -> Comment:
        """Write a comment that calls an agent."""
        return await self._calls.write(issue, body)

    async def find_issue(self, mark: Mark, label: str) -> Issue | None:
        """Find the newest issue of our own account with this label that bears a mark, open or closed."""
        return await self._issues.find(mark, label)

    async def open_issues(self, label: str) -> list[Issue]:
        """Read the open issues of our own account with this label, newest first."""
        return await self._issues.open_ones(label)

    async def issue(self, number: int) -> Issue:
        """Read an issue; raises GoneError where it is not there any more."""
        return await self._issues.get(number)

    async def open_issue(self, title: str, body: str, labels: Sequence[str]) -> Issue:
        """Open an issue; the last line of its body is a mark, by which it is looked up where the answer was lost."""
        return await self._issues.open(title, body, labels)

    async def edit_issue(self, number: int, *, title: str | None = None, body: str | None = None) -> None:
        """Write an issue of ours anew; raises GoneError where it is not there any more."""
        await self._issues.edit(number, title=title, body=body)

    async def set_open(self, number: int, *, open_: bool) -> None:
        """Close an issue as done, or open it again; raises GoneError where it is not there any more."""
        state = {"state": "open"} if open_ else {"state": "closed", "state_reason": "completed"}
        await self._issues.edit(number, **state)

    async def label(self, number: int, labels: Sequence[str]) -> None:
        """Put labels on an issue; raises GoneError where it is not there any more."""
        await self._issues.label(number, labels)

    async def run_workflow(self, file: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow of the default branch by its file's name."""
        await self._calls.run_workflow(file, (await self.repository()).default_branch, inputs)

    async def dispatch(self, event: str, payload: Mapping[str, str]) -> None:
        """Send a `repository_dispatch` event."""
        await self._calls.dispatch(event, payload)

    async def pull(self, number: int) -> Pull:
        """Read a pull request with its checks."""
        return await pulls.pull(self.client, number)

    async def open_pulls(self) -> list[Pull]:
        """Read the open pull requests with their checks, oldest first."""
        return await pulls.open_pulls(self.client)

    async def required(self, branch: str) -> Required:
        """Read what must hold before anything is merged into a branch."""
        return await self._merging.required(branch)

    async def merge(self, number: int, sha: str, method: str) -> str:
        """Merge a pull request if this is its head."""
        return await self._merging.merge(number, sha, method)

    async def update(self, pull: Pull) -> None:
        """Have GitHub put the branch of a pull request upon its base."""
        await self._merging.update(pull)

    async def close(self, number: int) -> None:
        """Close a pull request without merging it."""
        await self._merging.close(number)

    async def report(self, sha: str, said: Said, url: str | None) -> None:
        """Say on a commit, by a status of our own, what is decided about it."""
        await self._merging.report(sha, said, url)

    async def git_token(self) -> str:
        """Give what git identifies itself by."""
        return await self.client.token()

    async def trunk(self, last: int) -> list[TrunkCommit]:
        """Read the last commits of the default branch with their checks, newest first."""
        return await trunk.commits(self.client, last)

    async def file(self, path: str) -> str | None:
        """Read a text file of the default branch, None where there is none."""
        return await trunk.file(self.client, path)

    async def merged(self, since: datetime) -> list[Merged]:
        """Read the pull requests merged since then, the one that changed last first."""
        return await pulls.merged(self.client, since)

    async def failed_deliveries(self, since: datetime) -> list[HookDelivery]:
        """Read the deliveries of our webhook of which no attempt since then has arrived, oldest first."""
        node = await self._repository.get()
        return await self.hooks.failed(since, read.parsed("the repository", lambda told: int(told["id"]), node))

    async def delivered(self, delivery: HookDelivery) -> Arrival:
        """Read what a delivery was to bring."""
        node = await self.hooks.delivery(delivery.id)
        return read.parsed("a delivery", lambda told: read.arrival(told, self._now()), node)

    async def _who(self) -> Account:
        if self.jwt is not None:
            done = await self.client.get("/app", auth=self.jwt)
            return read.parsed("the App", read.app_account, done.data)
        try:
            done = await self.client.get("/user")
        except SaidNoError as error:
            if error.why is Why.MISSING_RIGHT:  # a token of Actions or of an App was pasted
                text = f"GITHUB_TOKEN is nobody's own token ({error}): take a personal one, or set GITHUB_APP_ID"
                raise LockedOutError(text) from error
            raise
        return read.parsed("the account", _user, done.data)

    async def _read_repository(self) -> Mapping[str, Any]:
        try:
            done = await self.client.get(self._path)
        except SaidNoError as error:
            if error.why is not Why.NOT_FOUND:
                raise
            text = f"there is no {self.client.asked.repository}, or the token may not see it: mend GITHUB_REPOSITORY"
            raise SaidNoError(f"{text}, or let the token reach it ({error})", Why.NOT_FOUND) from error
        return done.data if isinstance(done.data, dict) else {}


async def _owner(client: Client) -> Account:
    """Tell whose a client's own token is."""
    return read.parsed("the account", _user, (await client.get("/user")).data)


def _user(node: Mapping[str, Any]) -> Account:
    who = read.account(node)
    if who is read.GHOST:
        raise ValueError("it has no login")
    return who


@asynccontextmanager
async def connected(  # noqa: PLR0913 # each by its name
    asked: Asked,
    user_agent: str,
    redactor: Redactor,
    now: Clock,
    *,
    waits: Waits | None = None,
    socket_factory: SocketFactory | None = None,
    steady: Steady = time.monotonic,
    transport: type[HttpTransport] = HttpTransport,
) -> AsyncIterator[GitHub]:
    """Open the connection to GitHub; nothing is asked yet."""
    masking = Masking(redactor)
    waits = waits or Waits()
    jwt = AppJwt(asked.app, now) if asked.app else None

    async def ask(method: str, path: str, body: Mapping[str, Any] | None = None) -> Done:
        if jwt is None:
            raise LockedOutError("no App is set")
        return await client.sign_in(jwt, method, path, body)

    credentials: Credentials
    if asked.app:
        credentials = InstallationToken(asked.app, asked.repository, ask, masking, steady)
    elif asked.token:
        credentials = PersonalToken("GITHUB_TOKEN", asked.token)
    else:
        raise LockedOutError("neither GITHUB_TOKEN nor GITHUB_APP_ID is set: GitHub cannot be asked")
    async with transport(user_agent, masking, socket_factory) as sender:
        limits = Limits(now, steady, waits.pause)
        client = Client(sender, limits, asked, credentials, masking, now, waits=waits)
        trigger = None
        if asked.trigger_token:  # another account, with limits of its own
            token = PersonalToken("GITHUB_TRIGGER_TOKEN", asked.trigger_token)
            trigger = Client(sender, Limits(now, steady, waits.pause), asked, token, masking, now, waits=waits)
        yield GitHub(client, jwt, now, steady, trigger)
