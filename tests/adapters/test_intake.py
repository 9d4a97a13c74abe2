"""Webhooks over real sockets: what is signed is on disk before it is acknowledged; strangers cost next to nothing."""

import asyncio
import gzip
import hashlib
import hmac
import json
import logging
import sqlite3
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from adapters.servers import LOOPBACK
from builders import a_watchlist
from structlog.testing import capture_logs

from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.inbox import InboxRows
from devops_daemon.entrypoints.access import Tokens
from devops_daemon.entrypoints.intake import MEBIBYTE, Intake, Limits
from devops_daemon.entrypoints.status import Facts
from devops_daemon.entrypoints.web import Server, Site, listening_socket
from devops_daemon.inbox import Arrival, DeliveryState, Receipt, Sorted

SECRET, PREVIOUS = b"It's a Secret to Everybody", "früher ½".encode()
BODY = '{"action": "created", "comment": {"body": "@devops status 🐢"}}'.encode()
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
QUICK = Limits(body=1000, held=2500, reading=timedelta(seconds=0.3), keeping=timedelta(seconds=0.3))
ARABIC_ZERO = "\N{ARABIC-INDIC DIGIT ZERO}"
"""A digit to Python, and to no other."""
VECTOR = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def signature(body: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def headers_of(body: bytes, **changed: str | None) -> dict[str, str]:
    """What GitHub sends; `X_GitHub_Event=None` leaves that one out."""
    headers: dict[str, str | None] = {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Event": "issue_comment",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature": "sha1=" + "0" * 40,
        "X-Hub-Signature-256": signature(body),
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in headers.items() if value is not None}


def head_of(headers: Mapping[str, str]) -> bytes:
    lines = ["POST /webhooks/github HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Line:
    """One connection to the daemon."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Told:
        """Read one answer; one that only asks to go on is passed over."""
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Told(int(first.split()[1]), headers, body)

    async def is_closed(self, within: float = 3) -> bool:
        """Tell whether nothing more comes."""
        try:
            async with asyncio.timeout(within):
                return await self.reader.read(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False


@dataclass
class Door:
    """A daemon's door for webhooks, with a store behind it."""

    port: int
    intake: Intake
    rows: InboxRows
    woken: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        try:
            yield Line(reader, writer)
        finally:
            writer.close()

    async def deliver(self, body: bytes = BODY, **changed: str | None) -> Told:
        async with self.line() as line:
            await line.say(head_of(headers_of(body, **changed)) + body)
            return await line.answer()

    async def kept(self) -> list[Arrival]:
        return await self.rows.unread(1000)


@asynccontextmanager
async def door(
    folder: Path, secrets: Iterable[bytes] = (SECRET, PREVIOUS), limits: Limits | None = None
) -> AsyncIterator[Door]:
    store = SqliteDatabase(folder / "store.db")
    await store.open()
    woken: list[str] = []
    rows = InboxRows(store)
    intake = Intake(rows, tuple(secrets), lambda: NOW, lambda: woken.append("woken"), limits or Limits())
    history = HistoryRows(store, timedelta(minutes=5))
    site = Site(
        Facts("1", a_watchlist()), history, lambda _: False, Tokens("v" * 16, "o" * 16), lambda: NOW, intake=intake
    )
    server = Server(site, listening_socket(LOOPBACK, 0))
    await server.start()
    try:
        yield Door(server.port, intake, rows, woken)
    finally:
        await server.stop()
        await store.close()


def an_arrival(body: bytes = BODY, *, form: bool = False) -> Arrival:
    return Arrival("72d3162e-cc78-11e3-81ab-4c9367dc0958", "issue_comment", body, form, NOW)


# What is taken


async def test_a_signed_delivery_is_accepted_kept_as_it_came_and_told_of(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        told = await here.deliver()
        assert (told.status, told.json) == (202, {"status": "accepted"})
        assert await here.kept() == [an_arrival()]
        assert here.woken == ["woken"]
    assert told.headers["content-type"].startswith("application/json")
    assert told.headers["x-content-type-options"] == "nosniff"


async def test_it_is_on_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        for number in range(10):
            await here.deliver(X_GitHub_Delivery=f"g-{number}")
            with sqlite3.connect(tmp_path / "store.db") as other:
                assert other.execute("select count(*) from delivery").fetchone() == (number + 1,)
            other.close()


async def test_the_example_of_the_documentation_is_accepted(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        told = await here.deliver(b"Hello, World!", X_Hub_Signature_256=f"sha256={VECTOR}")
    assert told.status == 202


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe is no text",
        b"[" * 100_000,
        b"{}",
        b"x" * (3 * MEBIBYTE),
    ],
    ids=["empty", "no-utf8", "deep", "object", "large"],
)
@pytest.mark.parametrize("name", [b"devops", b"DevOps"])
async def test_no_body_is_parsed_here_whatever_it_holds(tmp_path: Path, body: bytes, name: bytes) -> None:
    async with door(tmp_path) as here:
        assert (await here.deliver(body + name)).status == 202
        assert await here.kept() == [an_arrival(body + name)]
        assert (here.woken, here.intake.outcomes) == (["woken"], {"accepted": 1})


@pytest.mark.parametrize(
    ("changed", "body", "note"),
    [
        ({}, b"", "the comment does not speak to us"),
        ({}, b'{"action": "created", "comment": {"body": "thanks"}}', "the comment does not speak to us"),
        ({"X_GitHub_Event": "star"}, BODY, "nothing waits for star"),
    ],
)
async def test_what_is_not_for_us_is_finished_at_once_without_its_body_and_wakes_nobody(
    tmp_path: Path, changed: dict[str, str], body: bytes, note: str
) -> None:
    async with door(tmp_path) as here:
        assert (await here.deliver(body, **changed)).json == {"status": "accepted"}
        [row] = await here.rows.listed(10)
        assert (row.state, row.note, row.ended_at) == (DeliveryState.DONE, note, NOW)
        assert (await here.kept(), here.woken) == ([], [])
        assert (await here.deliver(body, **changed)).json == {"status": "duplicate"}
    with sqlite3.connect(tmp_path / "store.db") as store:
        assert store.execute("select body from delivery").fetchall() == [(None,)]
    store.close()


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("application/json", False),
        ("application/json; charset=utf-8", False),
        ("Application/JSON", False),
        ("application/x-www-form-urlencoded", True),
        ("application/x-www-form-urlencoded;charset=UTF-8", True),
    ],
)
async def test_json_and_forms_are_accepted(tmp_path: Path, kind: str, *, form: bool) -> None:
    body = b"payload=" + quote(BODY).encode() if form else BODY
    async with door(tmp_path) as here:
        assert (await here.deliver(body, Content_Type=kind)).status == 202
        assert await here.kept() == [an_arrival(body, form=form)]


@pytest.mark.parametrize("secret", [SECRET, PREVIOUS])
async def test_the_secret_and_the_one_before_are_accepted(tmp_path: Path, secret: bytes) -> None:
    async with door(tmp_path) as here:
        told = await here.deliver(X_Hub_Signature_256=signature(BODY, secret))
    assert told.status == 202


async def test_a_signature_in_capitals_is_the_same(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        told = await here.deliver(X_Hub_Signature_256="sha256=" + signature(BODY)[7:].upper())
    assert told.status == 202


async def test_a_delivery_that_comes_again_is_accepted_until_it_is_finished_and_then_a_duplicate(
    tmp_path: Path,
) -> None:
    async with door(tmp_path) as here:
        told = [await here.deliver(), await here.deliver()]
        await here.rows.sort([Sorted(an_arrival().guid, DeliveryState.DONE)], NOW)
        told.append(await here.deliver())
        assert [answer.status for answer in told] == [202, 202, 202]
        assert [answer.json["status"] for answer in told] == ["accepted", "accepted", "duplicate"]
        assert here.intake.outcomes == {"accepted": 2, "duplicate": 1}
        assert len(here.woken) == 2


async def test_a_body_in_chunks_is_accepted(tmp_path: Path) -> None:
    async with door(tmp_path) as here, here.line() as line:
        await line.say(head_of(headers_of(BODY, Content_Length=None, Transfer_Encoding="chunked")))
        for start in range(0, len(BODY), 10):
            piece = BODY[start : start + 10]
            await line.say(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await asyncio.sleep(0.001)
        await line.say(b"0\r\n\r\n")
        assert (await line.answer()).status == 202
        assert await here.kept() == [an_arrival()]


async def test_many_on_one_connection_and_many_connections_are_all_kept(tmp_path: Path) -> None:
    async def deliver(here: Door, connection: int) -> None:
        async with here.line() as line:
            for number in range(20):
                body = f"devops-{connection}-{number}".encode()
                await line.say(head_of(headers_of(body, X_GitHub_Delivery=body.decode())) + body)
                assert (await line.answer()).json == {"status": "accepted"}

    async with door(tmp_path) as here:
        await asyncio.gather(*(deliver(here, connection) for connection in range(20)))
        assert {arrival.body for arrival in await here.kept()} == {
            f"devops-{connection}-{number}".encode() for connection in range(20) for number in range(20)
        }


# What is refused


MALFORMED = [
    None, "", "sha256=", f"sha1={'0' * 40}", signature(BODY)[:-1], signature(BODY) + "0", signature(BODY)[7:],
    "SHA256=" + signature(BODY)[7:], "sha256=" + "g" * 64, "sha256=" + "ÿ" * 64, "sha256=" + ARABIC_ZERO * 64,
]  # fmt: skip


async def test_without_a_well_formed_signature_the_body_is_not_waited_for(tmp_path: Path) -> None:
    async def refused(here: Door, given: str | None) -> None:
        async with here.line() as line:
            await line.say(head_of(headers_of(BODY, Content_Length="1000000", X_Hub_Signature_256=given)))
            told = await line.answer()
            assert (told.status, told.headers["connection"]) == (401, "close"), given
            assert "X-Hub-Signature-256" in told.json["error"]
            assert await line.is_closed()

    async with door(tmp_path) as here:
        await asyncio.gather(*(refused(here, given) for given in MALFORMED))
        assert here.intake.outcomes == {"unsigned": len(MALFORMED)}
        assert await here.kept() == []


async def test_two_signatures_are_none(tmp_path: Path) -> None:
    async with door(tmp_path) as here, here.line() as line:
        twice = head_of(headers_of(BODY))[:-2] + f"X-Hub-Signature-256: {signature(BODY)}\r\n\r\n".encode()
        await line.say(twice + BODY)
        assert (await line.answer()).status == 401


@pytest.mark.parametrize(
    ("secrets", "given"),
    [
        ((SECRET,), signature(BODY, PREVIOUS)),
        ((SECRET, PREVIOUS), signature(BODY, b"another")),
        ((SECRET, PREVIOUS), signature(BODY, b"")),
        ((SECRET, PREVIOUS), signature(BODY + b" ")),
        ((SECRET, b""), signature(BODY, b"")),
    ],
)
async def test_a_wrong_signature_is_refused(tmp_path: Path, secrets: tuple[bytes, ...], given: str) -> None:
    async with door(tmp_path, secrets) as here:
        told = await here.deliver(X_Hub_Signature_256=given)
        assert told.status == 401
        assert here.intake.outcomes == {"wrong_signature": 1}
        assert await here.kept() == []
        assert here.woken == []


@pytest.mark.parametrize("secrets", [(), (b"",)])
async def test_without_a_secret_there_is_no_such_route(tmp_path: Path, secrets: tuple[bytes, ...]) -> None:
    async with door(tmp_path, secrets) as here:
        assert (await here.deliver()).status == 404
        assert (await here.deliver(X_Hub_Signature_256=signature(BODY, b""))).status == 404


@pytest.mark.parametrize(
    "changed",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "multipart/form-data; boundary=x"},
        {"Content_Type": "application/jsonp"},
        {"Content_Type": "ÿþ"},
        {"Content_Type": ""},
        {"Content_Type": None},
        {"Content_Encoding": "gzip"},
        {"Content_Encoding": "br"},
        {"X_GitHub_Event": None},
        {"X_GitHub_Event": ""},
        {"X_GitHub_Event": "Issue"},
        {"X_GitHub_Event": "a" * 61},
        {"X_GitHub_Event": "issue\u00e9"},
        {"X_GitHub_Delivery": None},
        {"X_GitHub_Delivery": ""},
        {"X_GitHub_Delivery": "a" * 101},
        {"X_GitHub_Delivery": "../etc"},
        {"X_GitHub_Delivery": "a b"},
        {"X_GitHub_Delivery": ARABIC_ZERO},
    ],
    ids=str,
)
async def test_what_the_forge_never_sends_is_unreadable(tmp_path: Path, changed: dict[str, str | None]) -> None:
    async with door(tmp_path) as here:
        told = await here.deliver(BODY, **changed)
        assert (told.status, here.intake.outcomes) == (400, {"unreadable": 1})
        assert await here.kept() == []


async def test_a_compressed_body_is_not_inflated_even_where_it_is_signed(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(50 * MEBIBYTE))
    async with door(tmp_path) as here:
        assert (await here.deliver(bomb, Content_Encoding="gzip")).status == 400
        assert (await here.deliver(bomb, Content_Encoding="deflate", X_Hub_Signature_256=None)).status == 401
        assert (await here.deliver(zlib.compress(BODY), Content_Encoding="identity")).status == 202
        assert here.intake.held == 0


async def test_a_get_is_no_delivery(tmp_path: Path) -> None:
    async with door(tmp_path) as here, here.line() as line:
        await line.say(b"GET /webhooks/github HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await line.answer()).status == 405


async def test_a_head_that_is_too_long_is_refused(tmp_path: Path) -> None:
    async with door(tmp_path) as here, here.line() as line:
        await line.say(head_of(headers_of(BODY, X_Padding="x" * 100_000)))
        assert (await line.answer()).status == 400
        assert await here.kept() == []


@pytest.mark.parametrize("length", ["-1", "1e3", "10, 11", "0x10"])
async def test_a_length_that_is_no_number_is_refused(tmp_path: Path, length: str) -> None:
    async with door(tmp_path) as here, here.line() as line:
        await line.say(head_of(headers_of(BODY, Content_Length=length)) + BODY)
        assert (await line.answer()).status == 400
        assert await here.kept() == []


async def test_a_body_that_is_shorter_than_was_said_is_not_kept_and_costs_nothing(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        with capture_logs() as told:
            async with here.line() as line:
                await line.say(head_of(headers_of(BODY, Content_Length=str(len(BODY) + 1))) + BODY)
                await until(lambda: here.intake.held == len(BODY))
            await until(lambda: here.intake.held == 0)
            assert await here.kept() == []
        assert [entry["log_level"] for entry in told] == ["debug"]
        assert here.intake.outcomes == {"broken_off": 1}


async def test_a_chunk_that_is_none_ends_the_delivery(tmp_path: Path) -> None:
    async with door(tmp_path, limits=QUICK) as here, here.line() as line:
        await line.say(head_of(headers_of(BODY, Content_Length=None, Transfer_Encoding="chunked")) + b"5\r\nhello\r\n")
        await asyncio.sleep(0.05)
        await line.say(b"zz\r\n")
        assert (await line.answer()).status in {400, 408}
        assert here.intake.held == 0
        assert await here.kept() == []


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 # what the daemon holds tells nobody when it changes
            await asyncio.sleep(0.005)


# Too much, too slow


async def test_a_body_that_says_that_it_is_too_large_is_not_waited_for(tmp_path: Path) -> None:
    async with door(tmp_path) as here, here.line() as line:
        await line.say(head_of(headers_of(BODY, Content_Length=str(25 * MEBIBYTE + 1))))
        told = await line.answer()
        assert (told.status, told.headers["connection"]) == (413, "close")
        assert here.intake.outcomes == {"too_large": 1}


async def test_the_largest_that_the_forge_sends_is_kept(tmp_path: Path) -> None:
    body = b"{" + b" " * (25 * MEBIBYTE - 8) + b"devops}"
    async with door(tmp_path) as here:
        assert (await here.deliver(body)).status == 202
        assert await here.kept() == [an_arrival(body)]


async def test_a_client_that_sends_26_mib_reads_why_it_is_refused(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        assert (await here.deliver(bytes(26 * MEBIBYTE))).status == 413


async def test_chunks_are_counted_as_they_come(tmp_path: Path) -> None:
    async with door(tmp_path, limits=QUICK) as here, here.line() as line:
        await line.say(head_of(headers_of(BODY, Content_Length=None, Transfer_Encoding="chunked")))
        for _ in range(11):
            await line.say(b"64\r\n" + 100 * b"x" + b"\r\n")
        assert (await line.answer()).status == 413
        assert await line.is_closed()
        assert here.intake.held == 0


async def test_what_strangers_make_it_hold_is_bounded_over_all_and_let_go_of(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        lines = [await asyncio.open_connection(LOOPBACK, here.port) for _ in range(3)]
        size = 24 * MEBIBYTE
        for _, writer in lines[:2]:
            writer.write(head_of(headers_of(b"", Content_Length=str(size))) + bytes(size - 1))
        await until(lambda: here.intake.held == 2 * (size - 1))
        stranger = Line(*lines[2])
        await stranger.say(head_of(headers_of(b"", Content_Length=str(size))))
        with_body = asyncio.create_task(stranger.say(bytes(size - 1)))
        told = await stranger.answer()
        assert (told.status, told.headers["retry-after"]) == (503, "5")
        assert here.intake.outcomes == {"busy": 1}
        assert here.intake.held <= 64 * MEBIBYTE
        assert (await here.deliver()).status == 202, "what is small has room still"
        for _, writer in lines:
            writer.close()
        await asyncio.gather(with_body, return_exceptions=True)
        await until(lambda: here.intake.held == 0)
        assert (await here.deliver(bytes(20 * MEBIBYTE), X_GitHub_Delivery="after")).status == 202


@pytest.mark.parametrize("drip", [b"", b"x"])
async def test_a_body_that_stalls_or_drips_is_given_up_in_time(tmp_path: Path, drip: bytes) -> None:
    async with door(tmp_path, limits=QUICK) as here, here.line() as line:
        await line.say(head_of(headers_of(BODY, Content_Length="500")) + b"{")

        async def go_on() -> None:
            while drip:
                await asyncio.sleep(0.02)
                await line.say(drip)

        dripping = asyncio.create_task(go_on())
        told = await line.answer()
        assert (told.status, told.headers["connection"]) == (408, "close")
        assert await line.is_closed()
        assert (here.intake.held, here.intake.outcomes) == (0, {"too_slow": 1})
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


async def test_many_that_stall_hold_up_nobody(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        stalled = [await asyncio.open_connection(LOOPBACK, here.port) for _ in range(200)]
        for _, writer in stalled:
            writer.write(head_of(headers_of(BODY, Content_Length="100000")) + b"{")
        await until(lambda: here.intake.held == 200)
        async with asyncio.timeout(2):
            assert (await here.deliver()).status == 202
        for _, writer in stalled:
            writer.close()
        await until(lambda: here.intake.held == 0)


async def test_whoever_asks_before_sending_is_asked_to_go_on_only_where_the_headers_are_right(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        async with here.line() as line:
            await line.say(head_of(headers_of(BODY, Expect="100-continue")))
            assert (await line.answer()).status == 100
            await line.say(BODY)
            told = await line.answer()
            assert (told.status, told.json) == (202, {"status": "accepted"})
        async with here.line() as line:
            await line.say(head_of(headers_of(BODY, Expect="100-continue", X_Hub_Signature_256=None)))
            assert (await line.answer()).status == 401
            assert await line.is_closed()


# The store is away


async def test_where_the_store_cannot_keep_it_the_forge_is_told(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("begin immediate")
        told = await here.deliver()
        other.execute("rollback")
        other.close()
        assert (told.status, told.headers["retry-after"]) == (503, "5")
        assert (here.intake.outcomes, here.woken) == ({"not_kept": 1}, [])
        assert (await here.deliver()).json == {"status": "accepted"}


class StalledInbox(InboxRows):
    """An inbox whose store never answers."""

    async def keep(self, arrival: Arrival, done: str | None = None) -> Receipt:
        await asyncio.Event().wait()
        return await super().keep(arrival, done)


async def test_a_store_that_does_not_answer_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    intake = Intake(StalledInbox(SqliteDatabase(tmp_path / "a.db")), (SECRET,), lambda: NOW, limits=QUICK)
    history = HistoryRows(SqliteDatabase(tmp_path / "a.db"), timedelta(minutes=5))
    site = Site(Facts("1", a_watchlist()), history, lambda _: False, Tokens(), lambda: NOW, intake=intake)
    server = Server(site, listening_socket(LOOPBACK, 0))
    await server.start()
    told = await Door(server.port, intake, InboxRows(SqliteDatabase(tmp_path / "a.db"))).deliver()
    await server.stop()
    assert (told.status, told.json) == (503, {"error": "the store takes too long"})


# What is told of it


async def test_no_bytes_of_strangers_are_in_the_log_and_one_line_is_of_what_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "intake")
    async with door(tmp_path) as here:
        with capture_logs() as told:
            await here.deliver(b"EVIL", X_Hub_Signature_256=signature(b"x"), X_GitHub_Event="EVIL")
            await here.deliver(b"EVIL", X_Hub_Signature_256="EVIL", X_GitHub_Delivery="EVIL")
            await here.deliver(b"EVIL", Content_Type="EVIL/EVIL")
            await here.deliver()
        assert "EVIL" not in repr(told)
        assert [entry["event"] for entry in told] == 3 * ["webhook.refused"] + ["webhook.kept"]
        assert {entry["log_level"] for entry in told} == {"debug"}


async def test_metrics_count_deliveries_by_what_became_of_them(tmp_path: Path) -> None:
    async with door(tmp_path) as here, here.line() as line:
        await here.deliver()
        await here.deliver(X_Hub_Signature_256=None)
        await line.say(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + b"v" * 16 + b"\r\n\r\n")
        text = (await line.answer()).body.decode()
    assert 'devops_daemon_webhooks_total{outcome="accepted"} 1.0' in text
    assert 'devops_daemon_webhooks_total{outcome="unsigned"} 1.0' in text
    assert "devops_daemon_inbox_pending 1.0" in text


async def test_no_token_opens_or_closes_the_door(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        assert (await here.deliver(Authorization="Bearer wrong", Host="devops.example")).status == 202
        assert (await here.deliver(Authorization=f"Bearer {'o' * 16}", X_Hub_Signature_256=None)).status == 401
