"""Ask GitHub: within its limits, a read again when it fails, a write only where to repeat it does no harm."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never
from urllib.parse import urlencode, urljoin, urlsplit

from devops_daemon.adapters.github.answers import (
    Done,
    Failed,
    Meaning,
    Moved,
    NotModified,
    Refused,
    Reply,
    Throttled,
    Why,
    understand,
    understand_graphql,
)
from devops_daemon.adapters.github.asked import Asked
from devops_daemon.adapters.github.cache import Cache, Known
from devops_daemon.adapters.github.credentials import Credentials
from devops_daemon.adapters.github.documents import document
from devops_daemon.adapters.github.errors import (
    DeadTokenError,
    LostAnswerError,
    NoTokenError,
    NotSentError,
    SaidNoError,
    ThrottledError,
)
from devops_daemon.adapters.github.headers import date_of, next_page
from devops_daemon.adapters.github.limits import SHORT_WAIT, Limits, Pause
from devops_daemon.adapters.github.masking import Masking
from devops_daemon.adapters.github.outage import Outage
from devops_daemon.adapters.github.transport import HttpTransport, Outgoing
from devops_daemon.ports import Clock, RefusedError, UnavailableError

ATTEMPTS = 3
MOST_REDIRECTS = 3
READ_SECONDS, WRITE_SECONDS = 20.0, 30.0
"""GitHub itself cuts every call at 10 s."""
DRY = "DRY_RUN is set: nothing is written to GitHub"


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds between attempts and looks, and how they pass."""

    retry: float = 0.5
    """Before a read is tried again the first time; doubles."""
    looks: tuple[float, ...] = (1.0, 2.0, 4.0)
    """Before each look for a comment whose answer was lost."""
    pause: Pause = asyncio.sleep
    read_seconds: float = READ_SECONDS
    write_seconds: float = WRITE_SECONDS


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it is meant."""

    method: str
    url: str
    auth: Credentials
    body: Any = None
    graphql: bool = False
    writes: bool = False
    repeatable: bool = True
    """To do it twice is to do it once."""

    @property
    def resource(self) -> str:
        """Which of GitHub's limits it counts to, until the answer tells."""
        if self.graphql:
            return "graphql"
        return "search" if "/search/" in urlsplit(self.url).path else "core"


class Client:
    """One connection to GitHub as one account."""

    def __init__(
        self,
        transport: HttpTransport,
        limits: Limits,
        asked: Asked,
        credentials: Credentials,
        masking: Masking,
        now: Clock,
        *,
        waits: Waits | None = None,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._masking = masking
        self._now = now
        self._cache = Cache()
        self._outage = Outage()
        self.limits = limits
        self.asked = asked
        self.waits = waits or Waits()
        self.skew: timedelta | None = None
        """How far GitHub's clock is before ours, by its last answer."""

    @property
    def problem(self) -> str | None:
        """What is wrong with GitHub now, None where the last request went well."""
        return self._outage.problem

    async def get(
        self, path: str, params: Mapping[str, object] | None = None, *, auth: Credentials | None = None
    ) -> Done:
        """Read; raises RefusedError or UnavailableError, as all below."""
        return await self._answered(Call("GET", self._url(path, params), auth or self._credentials))

    async def pages(
        self,
        path: str,
        params: Mapping[str, object] | None = None,
        *,
        auth: Credentials | None = None,
        most: int = 50,
    ) -> AsyncIterator[Any]:
        """Read a list page by page, as its `Link` headers lead, on this host only."""
        url: str | None = self._url(path, {"per_page": 100, **(params or {})})
        for _ in range(most):
            if url is None:
                return
            done = await self._answered(Call("GET", url, auth or self._credentials))
            yield done.data
            ahead = next_page(done.headers)
            url = self._here(ahead) if ahead else None

    async def write(self, method: str, path: str, body: object, *, repeatable: bool) -> Done:
        """Write; raises LostAnswerError where it may have been done, and it is not `repeatable`."""
        self._refuse_if_dry()
        call = Call(method, self._url(path), self._credentials, body, writes=True, repeatable=repeatable)
        return await self._answered(call)

    async def sign_in(self, auth: Credentials, method: str, path: str, body: object = None) -> Done:
        """Ask for what concerns the App's own credentials: it changes nothing that people see."""
        return await self._answered(Call(method, self._url(path), auth, body))

    async def graphql(self, name: str, variables: Mapping[str, object]) -> Done:
        """Read by a document."""
        body = {"query": document(name), "variables": dict(variables)}
        return await self._answered(Call("POST", self.asked.graphql_url, self._credentials, body, graphql=True))

    async def change(self, name: str, variables: Mapping[str, object]) -> Done:
        """Write by a document, as `write` does."""
        self._refuse_if_dry()
        body = {"query": document(name), "variables": dict(variables)}
        url = self.asked.graphql_url
        call = Call("POST", url, self._credentials, body, graphql=True, writes=True, repeatable=False)
        return await self._answered(call)

    async def _answered(self, call: Call) -> Done:
        """Ask up to three times, and keep note of whether GitHub works."""
        try:
            done = await self._attempts(call)
        except ThrottledError as error:
            if not error.own:
                self._outage.broke(str(error))
            raise
        except (LostAnswerError, NotSentError) as error:
            self._outage.broke(str(error))
            raise
        except SaidNoError as error:
            if error.why is Why.DEAD_TOKEN:
                self._outage.broke(str(error))
            else:
                self._outage.works()
            raise
        self._outage.works()
        return done

    async def _attempts(self, call: Call) -> Done:
        for attempt in itertools.count(1):
            try:
                return await self._authorised(call)
            except (LostAnswerError, NotSentError, ThrottledError) as error:
                wait = self._before_next(attempt, call, error)
                if wait is None:
                    raise
                await self.waits.pause(wait)
        raise AssertionError  # the count has no end

    def _before_next(self, attempt: int, call: Call, error: UnavailableError) -> float | None:
        """Say how long to wait before another attempt, None where there is to be none."""
        if attempt >= ATTEMPTS or isinstance(error, NoTokenError):
            return None
        if isinstance(error, ThrottledError):  # it was not done
            return error.wait.total_seconds() if error.wait <= SHORT_WAIT and not error.own else None
        if isinstance(error, NotSentError) or call.repeatable:
            return self.waits.retry * float(2 ** (attempt - 1)) * random.uniform(0.75, 1.25)  # noqa: S311 # no secret
        return None

    async def _authorised(self, call: Call) -> Done:
        """Ask, and once more with a new token where the one that was kept is no longer good."""
        token = await self._token(call.auth)
        try:
            return await self._followed(call, token)
        except SaidNoError as error:
            if error.why is not Why.DEAD_TOKEN or not await call.auth.renew(token):
                raise
        return await self._followed(call, await self._token(call.auth))

    async def token(self) -> str:
        """Give the token, for git; raises RefusedError or UnavailableError where there is none to be had."""
        return await self._credentials.token()

    @staticmethod
    async def _token(auth: Credentials) -> str:
        """Give the token; what is lost on the way to it is no lost answer to what is asked."""
        try:
            return await auth.token()
        except (LostAnswerError, NotSentError) as error:
            raise NoTokenError(str(error)) from error

    async def _followed(self, call: Call, token: str) -> Done:
        """Follow what was renamed, for reads and on this host only: a token never goes to another."""
        for _ in range(MOST_REDIRECTS + 1):
            known = self._cache.get(call.auth.setting, call.url) if call.method == "GET" else None
            reply = await self._sent(call, token, known)
            meaning = (understand_graphql if call.graphql else understand)(reply, self._now(), self._masking.text)
            if not isinstance(meaning, Moved):
                return self._done(call, meaning, reply, known)
            if call.method != "GET":
                raise SaidNoError(f"GitHub says that {self.asked.repository} was renamed: {_RENAMED}", Why.OTHER)
            call = replace(call, url=self._here(meaning.location, call.url))
        raise SaidNoError(f"GitHub redirects more than {MOST_REDIRECTS} times", Why.OTHER)

    async def _sent(self, call: Call, token: str, known: Known | None) -> Reply:
        headers = {"Authorization": f"Bearer {token}"}
        if known:
            headers["If-None-Match"] = known.etag
        seconds = self.waits.write_seconds if call.writes else self.waits.read_seconds
        async with self.limits.turn(call.resource, writes=call.writes):
            reply = await self._transport.send(Outgoing(call.method, call.url, headers, call.body, seconds))
        self.limits.note(reply.headers)
        written = date_of(reply.headers)
        self.skew = written - self._now() if written else self.skew
        return reply

    def _done(self, call: Call, meaning: Meaning, reply: Reply, known: Known | None) -> Done:
        match meaning:
            case Done():
                self.limits.works()
                if call.method == "GET" and meaning.data is not None:
                    self._cache.keep(call.auth.setting, call.url, reply)
                return meaning
            case NotModified():
                if known is None:
                    raise LostAnswerError("GitHub says that nothing has changed, but nothing was read before")
                return known.done
            case Throttled():
                raise self.limits.throttled(meaning, call.resource)
            case Refused(text, Why.DEAD_TOKEN):
                raise DeadTokenError(f"{call.auth.setting} is not accepted ({text}): make a new one")
            case Refused(text, why):
                raise SaidNoError(text, why)
            case Failed(text):
                raise LostAnswerError(text)
            case Moved():
                raise AssertionError  # followed before
            case _:
                assert_never(meaning)

    def _url(self, path: str, params: Mapping[str, object] | None = None) -> str:
        query = f"?{urlencode({name: str(value) for name, value in params.items()})}" if params else ""
        return f"{self.asked.url.rstrip('/')}{path}{query}"

    def _here(self, location: str, base: str = "") -> str:
        """Let an address pass that is of the API itself; raises RefusedError for any other."""
        try:
            url = urljoin(base, location)
            if _origin(url) == _origin(self.asked.url):
                return url
        except ValueError:
            pass
        raise SaidNoError("GitHub's answer leads to another host: it is not followed with a token", Why.OTHER)

    def _refuse_if_dry(self) -> None:
        if self.asked.dry_run:
            raise RefusedError(DRY)

    def at_github(self) -> datetime:
        """Tell the time by GitHub's clock, as far as it is known."""
        return self._now() + (self.skew or timedelta())


_RENAMED = "set GITHUB_REPOSITORY to its new name"


def _origin(url: str) -> tuple[str, str | None, int | None]:
    split = urlsplit(url)
    return split.scheme, split.hostname, split.port or {"https": 443, "http": 80}.get(split.scheme)
