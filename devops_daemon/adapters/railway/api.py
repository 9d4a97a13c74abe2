"""Ask Railway: with the least token that may, within the limits, a read again when it fails, a write never."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import gql
import structlog
import tenacity
from gql.client import AsyncClientSession
from gql.utilities import get_introspection_query_ast
from graphql import ExecutionResult, IntrospectionQuery, OperationType, build_client_schema, validate

from devops_daemon.adapters.railway.answers import Why
from devops_daemon.adapters.railway.asked import Asked
from devops_daemon.adapters.railway.documents import document, names
from devops_daemon.adapters.railway.quota import Quota, ThrottledError
from devops_daemon.adapters.railway.scope import Scope, resolve
from devops_daemon.adapters.railway.tokens import Token, TokenKind
from devops_daemon.adapters.railway.transport import HttpTransport, LostAnswerError, NotSentError, SaidNoError
from devops_daemon.ports import RefusedError, UnavailableError

T = TypeVar("T")
READ_SECONDS, WRITE_SECONDS = 30.0, 90.0
"""Railway's own command line had to raise its time-out from 15 to 30 to 90 s for what it writes."""
ATTEMPTS = 3
SHORT_WAIT = 5.0
"""Seconds that are worth waiting for a limit to be over."""
DRIFT_KEPT, RIGHTS_KEPT, REFUSAL_KEPT = 3600.0, 3600.0, 300.0
"""Seconds for which a document that no longer fits, a right that was missing, tokens that are dead are remembered."""
MOST_PAGES = 20
log = structlog.get_logger("railway")


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds between looks."""

    retry: float = 0.5
    """Before a read is tried again the first time; doubles."""
    looks: tuple[float, ...] = (0.0, 2.0, 4.0, 8.0)
    """Before each look for what a write whose answer was lost has done."""
    poll: float = 1.0
    """Between looks for what a write that was answered has brought about."""
    patience: float = 300.0
    """In all, until what was asked for is there: a database's template has been seen to take over two minutes."""


@dataclass(slots=True)
class _Memory:
    """What was refused, for so many seconds."""

    seconds: float
    refused: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)

    def keep(self, who: str, name: str, text: str) -> None:
        self.refused[who, name] = (time.monotonic(), text)

    def text(self, who: str, name: str) -> str | None:
        at, text = self.refused.get((who, name), (0.0, ""))
        return text if text and time.monotonic() - at < self.seconds else None


class Api:
    """One connection to Railway: what is asked, by which token."""

    def __init__(self, transport: HttpTransport, quota: Quota, asked: Asked, waits: Waits | None = None) -> None:
        self._client = gql.Client(transport=transport)
        self._session: AsyncClientSession | None = None
        self.asked = asked
        self._scope: Scope | None = None
        self._meant = asked
        """With the environment, once it is found out: it stays for life, whatever becomes of the tokens."""
        self._rights = _Memory(RIGHTS_KEPT)
        self._drift = _Memory(DRIFT_KEPT)
        self._refused = _Memory(REFUSAL_KEPT)
        self._partial = _Memory(DRIFT_KEPT)
        self.transport = transport
        self.quota = quota
        self.waits = waits or Waits()

    async def __aenter__(self) -> Self:
        session: AsyncClientSession = await self._client.connect_async()  # type: ignore[no-untyped-call] # gql's own
        self._session = session
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.close_async()  # type: ignore[no-untyped-call] # the same
        self._session = None

    @property
    def _open(self) -> AsyncClientSession:
        if self._session is None:
            raise NotSentError("the connection to Railway is closed")
        return self._session

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: wrong settings, and documents that Railway no longer understands."""
        drifted = (text for who, name in self._drift.refused if (text := self._drift.text(who, name)))
        return (*(self._scope.problems if self._scope else ()), *drifted)

    @property
    def gentle(self) -> timedelta:
        """How often something that is waited for may be looked at; a sandbox on this machine need not be spared."""
        return timedelta() if self.asked.is_local else self.quota.gentle

    async def scope(self) -> Scope:
        """Tell which environment is meant, found out once; raises UnavailableError or RefusedError."""
        if self._scope is None:
            if known := self._refused.text("", "scope"):
                raise RefusedError(known)
            try:
                self._scope = await resolve(self._meant, self._identifying)
            except RefusedError as refusal:
                self._refused.keep("", "scope", str(refusal))
                raise
            except (KeyError, TypeError, AttributeError, IndexError) as error:
                raise UnavailableError(f"Railway's answer about the tokens is not as expected: {error!r}") from error
            self._meant = replace(
                self.asked, project_id=self._scope.project_id, environment_id=self._scope.environment_id
            )
            for problem in self._scope.problems:
                log.warning("railway.setting", problem=problem)
        return self._scope

    async def read(
        self, name: str, variables: Mapping[str, Any], parse: Callable[[Mapping[str, Any]], T], *, unasked: bool = False
    ) -> T:
        """Read by a document, and make of the answer what `parse` makes; tried three times."""
        data = await self._retried(lambda: self._by_least_token(name, variables, READ_SECONDS, unasked=unasked))
        return parsed(name, parse, data)

    async def read_openly(self, name: str, variables: Mapping[str, Any], parse: Callable[[Mapping[str, Any]], T]) -> T:
        """Read what Railway tells anybody: without a token."""
        data = await self._retried(lambda: self._guarded(name, variables, {}, READ_SECONDS, unasked=False))
        return parsed(name, parse, data)

    async def pages(
        self, name: str, variables: Mapping[str, Any], connection: Callable[[Mapping[str, Any]], Any], *, unasked: bool
    ) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
        """Read all pages of a connection; gives the first page's data, and the nodes of all.

        Where anything of them is missing, the data is a PartialAnswer.

        Railway's cursor may not move on: what repeats is the end.
        """
        first, nodes, after = None, [], None
        for _ in range(MOST_PAGES):
            data = await self.read(name, {**variables, "after": after}, lambda data: data, unasked=unasked)
            first = PartialAnswer(first or data) if isinstance(data, PartialAnswer) else first or data
            found, ahead, more = parsed(name, lambda data: _page(connection(data)), data)
            if after and ahead == after:
                break
            nodes += found
            if not more or not ahead:
                break
            after = ahead
        return first or {}, nodes

    async def write(self, name: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write by a document, once.

        Raises LostAnswerError where it may have been done, any other UnavailableError or RefusedError where it was not.
        """
        if self.asked.dry_run:
            raise RefusedError("DRY_RUN is set: nothing is written to Railway")
        data = await self._by_least_token(name, variables, WRITE_SECONDS, unasked=False)
        if any(value is False for value in data.values()):
            raise RefusedError(f"Railway answered no to {name}, without a reason")
        log.info("railway.wrote", operation=name)
        return data

    async def drifted(self) -> dict[str, str]:
        """Hold every document against the schema that Railway has today; gives what no longer fits, and why."""
        headers = (await self.scope()).tokens[-1].headers
        request = gql.GraphQLRequest(get_introspection_query_ast(), operation_name="IntrospectionQuery")
        result = await self._sent(request, headers, WRITE_SECONDS, unasked=False)
        schema = parsed("IntrospectionQuery", build_client_schema, cast("IntrospectionQuery", result.data))
        errors = {name: validate(schema, document(name).document) for name in names()}
        return {name: found[0].message for name, found in errors.items() if found}

    async def _sent(
        self, request: gql.GraphQLRequest, headers: Mapping[str, str], seconds: float, *, unasked: bool
    ) -> ExecutionResult:
        """Send within the limits; a short wait is waited out, for what is throttled was not done."""
        for attempt in itertools.count(1):
            try:
                await self.quota.admit(unasked=unasked)
                return await self._open.execute(request, get_execution_result=True, headers=headers, seconds=seconds)
            except ThrottledError as throttled:
                if attempt == ATTEMPTS or not _may_be_repeated(request, throttled):
                    raise
                await asyncio.sleep(throttled.wait.total_seconds())
        raise AssertionError  # the count has no end

    async def _retried(self, attempt: Callable[[], Awaitable[Mapping[str, Any]]]) -> Mapping[str, Any]:
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=tenacity.wait_random_exponential(multiplier=self.waits.retry, max=10),
            retry=tenacity.retry_if_exception_type((LostAnswerError, NotSentError)),
            reraise=True,
        )

        async def once() -> Mapping[str, Any]:
            return await attempt()

        return await retrying(once)

    async def _by_least_token(
        self, name: str, variables: Mapping[str, Any], seconds: float, *, unasked: bool
    ) -> Mapping[str, Any]:
        scope = await self.scope()
        lacking = []
        # which had no right lately comes last: it may have been about that one object only
        for token in sorted(scope.tokens, key=lambda token: self._rights.text(token.setting, name) is not None):
            try:
                return await self._guarded(name, variables, token.headers, seconds, unasked=unasked)
            except SaidNoError as refusal:
                if refusal.why not in {Why.NOT_AUTHORIZED, Why.DEAD_TOKEN}:
                    raise
                lacking.append(await self._why_not(token, name, refusal))
        raise RefusedError("; ".join(lacking))

    async def _why_not(self, token: Token, name: str, refusal: SaidNoError) -> str:
        """Tell a dead token from a missing right, which Railway words alike: ask who the token is."""
        question = "ProjectToken" if token.kind is TokenKind.PROJECT else "Projects"
        variables = {} if token.kind is TokenKind.PROJECT else {"workspaceId": self.asked.workspace_id}
        try:
            await self._identifying(question, variables, token.headers)
        except SaidNoError:
            self._scope = None  # who it is, is found out anew
            return f"{token.setting} is not known to Railway any more: make a new one"
        text = f"{token.setting} is a {token.kind} that works, but has no right to {name} ({refusal})"
        self._rights.keep(token.setting, name, text)
        return text

    async def _identifying(
        self, name: str, variables: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Mapping[str, Any]:
        return await self._retried(lambda: self._guarded(name, variables, headers, READ_SECONDS, unasked=False))

    async def _guarded(
        self, name: str, variables: Mapping[str, Any], headers: Mapping[str, str], seconds: float, *, unasked: bool
    ) -> Mapping[str, Any]:
        """Send what still fits the schema; a document that does not is switched off for an hour, and it alone."""
        if known := self._drift.text("", name):
            raise RefusedError(known)
        request = gql.GraphQLRequest(document(name), variable_values=dict(variables))
        try:
            result = await self._sent(request, headers, seconds, unasked=unasked)
        except SaidNoError as refusal:
            if refusal.why is not Why.DRIFT:
                raise
            text = f"Railway's API has changed: {name} is switched off ({refusal}); a newer devops-daemon may know it"
            self._drift.keep("", name, text)
            log.warning("railway.drift", document=name, reason=str(refusal))
            raise RefusedError(text) from None
        problems = (result.extensions or {}).get("problems", ())
        for problem in problems:
            if not self._partial.text(name, problem):
                log.warning("railway.partial", document=name, reason=problem)
            self._partial.keep(name, problem, problem)
        return PartialAnswer(result.data or {}) if problems else result.data or {}


def _may_be_repeated(request: gql.GraphQLRequest, throttled: ThrottledError) -> bool:
    """Wait only a little; and a write that a resolver has seen is never sent again on the word of a text."""
    writes = any(getattr(each, "operation", None) is OperationType.MUTATION for each in request.document.definitions)
    return throttled.wait.total_seconds() <= SHORT_WAIT and (throttled.before_work or not writes)


class PartialAnswer(dict[str, Any]):
    """Data with parts missing: good enough to be shown, not to act on."""


def _page(connection: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], str | None, bool]:
    """Take a page apart: its nodes, where it ends, and whether there is more."""
    nodes = [edge["node"] for edge in connection["edges"] if edge["node"]]
    return nodes, connection["pageInfo"]["endCursor"], bool(connection["pageInfo"]["hasNextPage"])


def parsed(name: str, parse: Callable[[Any], T], data: Any) -> T:  # noqa: ANN401 # JSON
    """Make of an answer what `parse` makes; raises UnavailableError where it is not as it should be."""
    try:
        return parse(data)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UnavailableError(f"Railway's answer to {name} is not as expected: {error!r}") from error
