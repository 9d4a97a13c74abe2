"""One HTTP request on a session to GitHub: sent with a time-out, read whole up to a size, never led elsewhere."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from devops_daemon.adapters.exchange import SocketFactory, fill, told
from devops_daemon.adapters.github.answers import Reply
from devops_daemon.adapters.github.errors import LostAnswerError, NotSentError
from devops_daemon.adapters.github.limits import PARALLEL
from devops_daemon.adapters.github.masking import Masking

API_VERSION = "2022-11-28"
"""Pinned: the next one drops fields. It ends on 10 March 2028."""
CONNECT_SECONDS = 10
LARGEST_ANSWER = 64 * 1024 * 1024
"""A webhook's delivery holds up to 25 MB, and comes back with its own answer; what never ends is given up."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it is sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any = None
    """JSON."""
    seconds: float = 20


class HttpTransport:
    """A session to GitHub."""

    def __init__(self, user_agent: str, masking: Masking, socket_factory: SocketFactory | None = None) -> None:
        self._user_agent = user_agent
        self._masking = masking
        self._socket_factory = socket_factory
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=PARALLEL, socket_factory=self._socket_factory),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": self._user_agent,  # GitHub turns away what has none
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": API_VERSION,
            },
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, outgoing: Outgoing) -> Reply:
        """Send one request; raises NotSentError where nothing was done, LostAnswerError where that cannot be told."""
        if self._session is None:
            raise NotSentError("the connection to GitHub is closed")
        body = None if outgoing.body is None else json.dumps(outgoing.body).encode()
        kind = {"Content-Type": "application/json"} if body is not None else {}
        try:
            async with (
                asyncio.timeout(outgoing.seconds),
                self._session.request(
                    outgoing.method,
                    URL(outgoing.url, encoded=True),
                    data=body,
                    headers={**outgoing.headers, **kind},
                    allow_redirects=False,  # aiohttp would carry the token to wherever it leads
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                ) as answer,
            ):
                return Reply(answer.status, answer.headers, await _whole(answer))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotSentError(f"GitHub could not be reached: {self._plainly(error)}") from error
        except TimeoutError:
            raise LostAnswerError(f"GitHub did not answer within {outgoing.seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise LostAnswerError(f"GitHub's answer was lost: {self._plainly(error)}") from error

    def _plainly(self, error: Exception) -> str:
        text, *quoted = told(error)
        return self._masking.text(fill(text, quoted))


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(256 * 1024):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise ValueError(f"it is longer than {LARGEST_ANSWER // 1024**2} MiB")
    return bytes(body)
