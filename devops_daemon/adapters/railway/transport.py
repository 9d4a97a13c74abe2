"""GraphQL over one aiohttp session, as a transport of gql: it sends, and raises what the answer means.

gql's own aiohttp transport decodes before it looks at the status, and keeps the headers of whichever answer came last.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, assert_never

import aiohttp
from gql import GraphQLRequest
from gql.transport import AsyncTransport
from graphql import ExecutionResult

from devops_daemon.adapters.exchange import SocketFactory, fill, told
from devops_daemon.adapters.railway.answers import Data, Failed, Meaning, Refused, Reply, Throttled, Why, understand
from devops_daemon.adapters.railway.quota import Quota, ThrottledError
from devops_daemon.ports import Clock, RefusedError, UnavailableError
from devops_daemon.redaction import Redactor

SOURCE = "devops-daemon"
"""Without a query string Railway's edge allows ten requests a second and then blocks for minutes to a day."""
CONNECT_SECONDS = 10
PARALLEL = 5
LARGEST_ANSWER = 64 * 1024 * 1024
"""5,000 log lines are about a megabyte; what never ends is given up."""


class SaidNoError(RefusedError):
    """Railway refused; `why` tells the kinds apart."""

    def __init__(self, text: str, why: Why) -> None:
        super().__init__(text)
        self.why = why


class LostAnswerError(UnavailableError):
    """The request may have reached Railway, but no answer that tells came back."""


class NotSentError(UnavailableError):
    """Railway could not be reached: nothing was done."""


class HttpTransport(AsyncTransport):
    """The transport port of gql; `server_date` is the `Date` of the last answer."""

    def __init__(
        self,
        url: str,
        user_agent: str,
        quota: Quota,
        redactor: Redactor,
        now: Clock,
        socket_factory: SocketFactory | None = None,
    ) -> None:
        self._url = url
        self._user_agent = user_agent
        self._quota = quota
        self.redactor = redactor
        self._now = now
        self._socket_factory = socket_factory
        self._session: aiohttp.ClientSession | None = None
        self.server_date: str | None = None

    async def connect(self) -> None:
        """Open the session; connections are made when they are needed."""
        # Railway's default User-Agent check turns Python's own away with a bare 403
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=PARALLEL, socket_factory=self._socket_factory),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent, "Accept": "application/json"},
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def execute(
        self, request: GraphQLRequest, *, headers: Mapping[str, str] | None = None, seconds: float = 30
    ) -> ExecutionResult:
        """Send one request; raises SaidNoError, ThrottledError, NotSentError or LostAnswerError."""
        reply = await self._post(request.payload, headers or {}, seconds)
        self._quota.note(reply.headers)
        done = self._done(understand(reply, self._now(), self.redactor.text))
        return ExecutionResult(dict(done.data), None, {"problems": list(done.problems)})

    def subscribe(self, request: GraphQLRequest) -> AsyncGenerator[ExecutionResult, None]:
        """Refuse: what a stream would tell is asked for, since no verdict may hang on a stream."""
        raise TypeError(f"{request.operation_name}: nothing is subscribed to")

    def _done(self, meaning: Meaning) -> Data:
        match meaning:
            case Data():
                return meaning
            case Throttled(text, wait, everything):
                reason = f"Railway: {text}"
                if everything:
                    self._quota.close(wait, reason)
                raise ThrottledError(reason, wait, before_work=everything)
            case Refused(text, why):
                raise SaidNoError(text, why)
            case Failed(text):
                raise LostAnswerError(f"Railway: {text}")
            case _:
                assert_never(meaning)

    async def _post(self, payload: Mapping[str, Any], headers: Mapping[str, str], seconds: float) -> Reply:
        if self._session is None:
            raise NotSentError("the connection to Railway is closed")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.post(
                    f"{self._url}?source={SOURCE}",
                    json=payload,
                    headers=headers,
                    allow_redirects=False,  # aiohttp would carry the token to wherever it leads
                    timeout=timeout,
                ) as answer,
            ):
                self.server_date = answer.headers.get("Date")
                body = await _whole(answer)
                return Reply(answer.status, answer.headers.get("Content-Type", ""), answer.headers, body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotSentError(f"Railway could not be reached: {self._plainly(error)}") from error
        except TimeoutError:
            raise LostAnswerError(f"Railway did not answer within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise LostAnswerError(f"Railway's answer was lost: {self._plainly(error)}") from error

    def _plainly(self, error: Exception) -> str:
        text, *quoted = told(error)
        return fill(text, quoted, self.redactor)


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(256 * 1024):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise ValueError(f"it is longer than {LARGEST_ANSWER // 1024**2} MiB")
    return bytes(body)
