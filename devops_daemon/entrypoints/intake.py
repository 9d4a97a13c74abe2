"""Webhooks of the forge coming in: verified over the raw bytes, put on disk, acknowledged. Nothing is parsed here.

Until the signature is verified a request is a stranger's: what its headers rule out is refused before its body is
read, what is held of bodies is counted over all requests, and none of its bytes reach the log.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from aiohttp import hdrs, web

from devops_daemon.entrypoints.deliveries import HINTS, at_a_glance
from devops_daemon.inbox import Arrival, Receipt
from devops_daemon.ports import Clock, Inbox, UnavailableError

MEBIBYTE = 1024 * 1024
RETRY_SECONDS = 5
SIGNATURE, EVENT, DELIVERY = "X-Hub-Signature-256", "X-GitHub-Event", "X-GitHub-Delivery"
FORMS: Mapping[str, bool] = {"application/json": False, "application/x-www-form-urlencoded": True}
_SIGNATURE = re.compile(r"sha256=([0-9A-Fa-f]{64})", re.ASCII)
_EVENT = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
_DELIVERY = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_TAKEN: Mapping[Receipt, bytes] = {receipt: json.dumps({"status": receipt}).encode() for receipt in Receipt}
_LEVELS = logging.getLogger("intake")
log = structlog.get_logger("intake")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much, and how long."""

    body: int = 25 * MEBIBYTE
    """Bytes of one body: the forge sends none that has more."""
    held: int = 64 * MEBIBYTE
    """Bytes of bodies that nobody has vouched for yet, of all requests together."""
    reading: timedelta = timedelta(seconds=10)
    """For a whole body."""
    keeping: timedelta = timedelta(seconds=8)
    """The forge waits for ten seconds in all."""


class _RefusalError(Exception):
    """A delivery that is not taken: its status, a word for the figures, and a sentence for whoever set up the hook."""

    def __init__(self, status: int, outcome: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.outcome = outcome


def _unsigned() -> _RefusalError:
    return _RefusalError(401, "unsigned", f"{SIGNATURE} is missing or malformed: give the webhook its secret")


def _too_large(most: int) -> _RefusalError:
    return _RefusalError(413, "too_large", f"a delivery has {most} bytes at most")


class Intake:
    """Takes deliveries in; `outcomes` counts what became of each."""

    def __init__(
        self,
        inbox: Inbox,
        secrets: Sequence[bytes],
        now: Clock,
        arrived: Callable[[], None] = lambda: None,
        limits: Limits = Limits(),
        hint: Callable[[], None] = lambda: None,
    ) -> None:
        """`secrets` are the current one and, while it is rotated, the one before; `arrived` wakes whoever works.

        `hint` is called where one tells that something about pull requests may have changed.
        """
        self._inbox = inbox
        self._keyed = [hmac.new(secret, digestmod=hashlib.sha256) for secret in secrets if secret]
        self._now = now
        self._arrived = arrived
        self._hint = hint
        self._limits = limits
        self._keeping = limits.keeping.total_seconds()
        self._held = 0
        self.outcomes: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """Bytes of bodies that are held now, and that nobody has vouched for yet."""
        return self._held

    async def expected(self, request: web.Request) -> None:
        """Let whoever asks with `Expect: 100-continue` wait until the headers have been looked at."""

    async def deliver(self, request: web.Request) -> web.StreamResponse:
        """Take one delivery in."""
        if not self._keyed:
            raise web.HTTPNotFound(text="GITHUB_WEBHOOK_SECRET is not set: no webhook is taken.\n")
        try:
            receipt = await self._take(request)
        except _RefusalError as refused:
            return self._refuse(request, refused)
        except (OSError, web.RequestPayloadError):
            return self._refuse(request, _RefusalError(400, "broken_off", "the body broke off"))
        self.outcomes[receipt] += 1
        return web.Response(body=_TAKEN[receipt], status=202, content_type="application/json")

    def _refuse(self, request: web.Request, refused: _RefusalError) -> web.Response:
        self.outcomes[refused.outcome] += 1
        log.debug("webhook.refused", reason=refused.outcome)
        response = web.json_response({"error": str(refused)}, status=refused.status)
        if refused.status == 503:  # noqa: PLR2004 # HTTP
            response.headers["Retry-After"] = str(RETRY_SECONDS)
        if not request.content.is_eof():
            response.force_close()  # what is left of the body is not waited for
        return response

    async def _take(self, request: web.Request) -> Receipt:
        given = _one(request, SIGNATURE, _SIGNATURE)
        if given is None:
            raise _unsigned()
        form = _kind(request)
        if (request.content_length or 0) > self._limits.body:
            raise _too_large(self._limits.body)
        body = await self._verified(request, bytes.fromhex(given[1]))
        event, guid = _one(request, EVENT, _EVENT), _one(request, DELIVERY, _DELIVERY)
        if event is None or guid is None:
            raise _RefusalError(400, "unreadable", f"{EVENT} or {DELIVERY} is missing or is none")
        arrival = Arrival(guid[0], event[0], body, form, self._now())
        done = at_a_glance(arrival)
        receipt = await self._keep(arrival, done)
        if _LEVELS.isEnabledFor(logging.DEBUG):  # a line that is not written costs a tenth of a delivery otherwise
            log.debug("webhook.kept", delivery=guid[0], event_kind=event[0], receipt=receipt)
        if receipt is Receipt.ACCEPTED and done is None:
            self._arrived()
        if event[0] in HINTS:
            self._hint()
        return receipt

    async def _verified(self, request: web.Request, signature: bytes) -> bytes:
        """Read the body and compare its signature with that of every secret, so that the time tells nothing."""
        await _go_on(request)
        hashes = [keyed.copy() for keyed in self._keyed]
        with self._holding() as hold:
            if request.content.is_eof():  # it is there already, as most are
                body = await _read(request, hold, hashes)
            else:
                body = await self._in_time(_read(request, hold, hashes))
            matches = [hmac.compare_digest(each.digest(), signature) for each in hashes]
            if not any(matches):
                raise _RefusalError(401, "wrong_signature", f"{SIGNATURE} is not that of the secret which is set here")
            return bytes(body)

    async def _in_time(self, reading: Awaitable[bytes | bytearray]) -> bytes | bytearray:
        try:
            async with asyncio.timeout(self._limits.reading.total_seconds()):
                return await reading
        except TimeoutError:
            raise _RefusalError(408, "too_slow", "the body took too long") from None

    @contextmanager
    def _holding(self) -> Iterator[Callable[[int], None]]:
        """Count bytes of one request that are held; they are let go of at its end, whatever that is."""
        mine = 0

        def hold(size: int) -> None:
            nonlocal mine
            if mine + size > self._limits.body:
                raise _too_large(self._limits.body)
            if self._held + size > self._limits.held:
                raise _RefusalError(503, "busy", "too much is being delivered at once: try again")
            mine += size
            self._held += size

        try:
            yield hold
        finally:
            self._held -= mine

    async def _keep(self, arrival: Arrival, done: str | None) -> Receipt:
        try:
            async with asyncio.timeout(self._keeping):
                return await self._inbox.keep(arrival, done)
        except UnavailableError as error:
            raise _RefusalError(503, "not_kept", str(error)) from error
        except TimeoutError:
            raise _RefusalError(503, "not_kept", "the store takes too long") from None


def _one(request: web.Request, name: str, pattern: re.Pattern[str]) -> re.Match[str] | None:
    """Read a header that is there once and is what it should be."""
    values = request.headers.getall(name, ())
    return pattern.fullmatch(values[0]) if len(values) == 1 else None


def _kind(request: web.Request) -> bool:
    """Tell whether it is a form; raises where it is nothing that the forge sends."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise _RefusalError(400, "unreadable", "the body is compressed: the forge sends none such")
    form = FORMS.get(request.content_type)
    if form is None:
        raise _RefusalError(400, "unreadable", f"the content type is none of {', '.join(FORMS)}")
    return form


async def _go_on(request: web.Request) -> None:
    """Ask for the body where somebody waits to be asked."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.version >= (1, 1):
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0  # it is no part of the answer


async def _read(request: web.Request, hold: Callable[[int], None], hashes: Sequence[hmac.HMAC]) -> bytes | bytearray:
    """Read the body to its end, each piece counted and hashed as it comes."""
    body: bytes | bytearray = b""
    while piece := await request.content.readany():
        hold(len(piece))
        for each in hashes:
            each.update(piece)
        if not body:
            body = piece  # most come in one
        elif isinstance(body, bytearray):
            body += piece
        else:
            body = bytearray(body) + piece
    return body
