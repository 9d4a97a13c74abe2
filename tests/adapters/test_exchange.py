"""One HTTP exchange over real sockets: what came of it is told apart, and nothing is done that was not asked for."""

import asyncio
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from adapters.servers import (
    AGENT,
    LOOPBACK,
    Authority,
    RawServer,
    Reply,
    answer,
    dead_port,
    drips,
    hang_up,
    reset,
    routes,
    says,
    silence,
)

from devops_daemon.adapters.exchange import (
    BODY_LIMIT,
    MOST_REDIRECTS,
    Answer,
    Exchange,
    NoAnswerError,
    Trail,
    WrongAnswerError,
    loopback_only,
)

OK = answer(200, b"fine")
AUTHORITY = Authority()


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of a request that failed, and whether an HTTP answer had come."""

    text: str
    answered: bool


async def ask(
    url: str, *, method: str = "GET", seconds: float = 5, tls: ssl.SSLContext | None = None, **options: Any
) -> Answer | Told:
    """One request in a session of its own."""
    trail = Trail()
    async with Exchange(AGENT, tls=tls) as exchange:
        try:
            return await exchange.request(method, url, trail=trail, seconds=seconds, **options)
        except (NoAnswerError, WrongAnswerError) as error:
            return Told(str(error), trail.answered)


async def told(url: str, **options: Any) -> Told:
    """What is said of a request that has to fail."""
    found = await ask(url, **options)
    assert isinstance(found, Told), found
    return found


async def answered(url: str, **options: Any) -> Answer:
    """The answer of a request that has to succeed."""
    found = await ask(url, **options)
    assert isinstance(found, Answer), found
    return found


# --- each failure is told apart


WAYS: dict[str, tuple[Reply, str, bool]] = {
    "resets": (reset, "connection reset", False),
    "hangs up": (hang_up, "connection closed", False),
    "hangs up in its headers": (says(b"HTTP/1.1 200 OK\r\nContent-Le", hang_up=True), "connection closed", False),
    "hangs up in its body": (says(answer(200, b"half", Content_Length="90"), hang_up=True), "connection closed", True),
    "hangs up in a chunk": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf", hang_up=True),
        "connection closed",
        True,
    ),
    "greets like SSH": (says(b"SSH-2.0-OpenSSH_9.2p1\r\n", hang_up=True), "not HTTP", False),
    "sends a page without a status line": (
        says(b"<!doctype html><h1>hi</h1>\r\n\r\n", hang_up=True),
        "not HTTP",
        False,
    ),
    "sends a TLS alert": (says(b"\x15\x03\x01\x00\x02\x02\x28", hang_up=True), "not HTTP", False),
    "sends a status that is no number": (says(b"HTTP/1.1 fine OK\r\n\r\n", hang_up=True), "not HTTP", False),
    "says nothing": (silence, "timeout", False),
    "drips its headers": (drips(b"HTTP/1.1 200 OK\r\nX-Slow: "), "timeout", False),
    "drips its body": (drips(answer(200, b"x", Content_Length="100000")), "timeout", True),
    "drips its chunks": (
        drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        "timeout",
        True,
    ),
    "says go on for ever": (drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "timeout", False),
    "announces too much": (says(answer(200, b"x", Content_Length=str(BODY_LIMIT + 1))), "too much body", True),
    "sends too much": (
        says(b"HTTP/1.1 200 OK\r\n\r\n", *([b"x" * 65536] * 17), hang_up=True),
        "too much body",
        True,
    ),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_server_that_breaks_in_its_own_way_is_told_of_in_its_own_words(way: str) -> None:
    reply, words, heard = WAYS[way]
    async with RawServer(reply) as server:
        found = await told(server.url, seconds=0.4)
    assert words in found.text
    assert [other for other in {row[1] for row in WAYS.values()} if other in found.text] == [words]
    assert found.answered is heard


async def test_a_name_that_nobody_knows_is_a_dns_failure() -> None:
    found = await told("http://nowhere.invalid/")
    assert found.text.startswith("DNS failure: nowhere.invalid could not be resolved (")
    assert not found.answered


async def test_a_name_that_can_be_no_name_fails_without_breaking_the_caller() -> None:
    found = await told(f"http://{'a' * 70}.example/")
    assert not found.answered


async def test_a_port_without_a_listener_refuses() -> None:
    with dead_port() as port:
        assert await told(f"http://{LOOPBACK}:{port}/") == Told("connection refused", answered=False)


@pytest.mark.parametrize(
    ("context", "words"),
    [
        pytest.param(lambda: AUTHORITY.server("elsewhere.example"), "Hostname mismatch", id="of another host"),
        pytest.param(lambda: AUTHORITY.server(ends_in=timedelta(days=-1)), "certificate has expired", id="expired"),
        pytest.param(AUTHORITY.self_signed, "self-signed certificate", id="self-signed"),
        pytest.param(Authority().server, "unable to get local issuer certificate", id="of a stranger's authority"),
    ],
)
async def test_a_certificate_that_does_not_hold_is_a_tls_failure_and_says_why(
    context: Callable[[], ssl.SSLContext], words: str
) -> None:
    async with RawServer(says(OK), tls=context()) as server:
        found = await told(server.url, tls=AUTHORITY.client)
        assert server.requests == []
    assert found.text.startswith("TLS failure: certificate: ")
    assert words in found.text
    assert not found.answered


async def test_a_port_that_speaks_plain_http_is_a_tls_failure_where_tls_is_spoken() -> None:
    # the server's own 400 is what a web server sends to a TLS greeting
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer(400, b"speak plainly"))
        writer.close()

    async with await asyncio.start_server(refuse, LOOPBACK, 0) as server:
        found = await told(f"https://localhost:{server.sockets[0].getsockname()[1]}/", tls=AUTHORITY.client)
    assert found.text.startswith("TLS failure: ")
    assert not found.answered


async def test_a_server_that_speaks_tls_is_not_http_where_http_is_spoken() -> None:
    async with RawServer(says(OK), tls=AUTHORITY.server()) as server:
        found = await told(f"http://{LOOPBACK}:{server.port}/")
    assert found.text.startswith(("wrong answer: not HTTP", "connection closed", "connection reset"))
    assert not found.answered


async def test_a_trusted_certificate_is_let_in_and_its_end_is_noted() -> None:
    trail = Trail()
    context = AUTHORITY.server(ends_in=timedelta(days=9, hours=1))
    async with RawServer(says(OK), tls=context) as server, Exchange(AGENT, tls=AUTHORITY.client) as exchange:
        got = await exchange.request("GET", server.url, trail=trail, seconds=5)
        assert got.body == b"fine"
    assert trail.certificate_ends is not None
    assert trail.certificate_ends.tzinfo is not None


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_cannot_be_unpacked_is_not_called_a_broken_connection(encoding: str) -> None:
    async with RawServer(says(answer(200, b"this is not packed at all", Content_Encoding=encoding))) as server:
        found = await told(server.url)
    assert "connection" not in found.text
    assert found.answered


# --- limits


def bomb(wbits: int) -> bytes:
    """A hundred megabytes of nothing, packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    megabyte = b"\0" * 1024 * 1024
    return b"".join(packer.compress(megabyte) for _ in range(100)) + packer.flush()


@pytest.mark.parametrize(("encoding", "wbits"), [("gzip", 31), ("deflate", 15)])
async def test_a_small_body_that_grows_to_a_hundred_megabytes_does_not_cost_them(encoding: str, wbits: int) -> None:
    packed = bomb(wbits)
    assert len(packed) < BODY_LIMIT
    async with RawServer(says(answer(200, packed, Content_Encoding=encoding))) as server:
        tracemalloc.start()
        try:
            found = await told(server.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert found == Told("too much body: over 1024 KiB", answered=True)
    assert peak < 16 * BODY_LIMIT


@pytest.mark.parametrize("size", [0, 1, BODY_LIMIT])
async def test_a_body_up_to_the_limit_is_read_whole(size: int) -> None:
    async with RawServer(says(answer(200, b"x" * size))) as server:
        got = await answered(server.url)
    assert len(got.body) == size


async def test_the_length_that_head_tells_is_not_a_body() -> None:
    async with RawServer(says(answer(200, Content_Length=str(BODY_LIMIT * 9)))) as server:
        got = await answered(server.url, method="HEAD")
    assert (got.status, got.body) == (200, b"")


async def test_the_time_limit_holds_for_the_whole_request_however_the_bytes_trickle() -> None:
    async with RawServer(drips(answer(200, b"x", Content_Length="100000"), every=0.01)) as server:
        start = time.monotonic()
        found = await told(server.url, seconds=0.3)
        assert time.monotonic() - start >= 0.3
    assert found == Told("timeout: the body was not complete within 0.3 s", answered=True)


# --- redirects


async def test_a_redirect_is_an_answer_and_is_not_followed_unless_asked_for() -> None:
    async with (
        RawServer(says(OK)) as other,
        RawServer(says(answer(302, Location=other.url))) as server,
    ):
        got = await answered(server.url)
        assert (got.status, got.headers["Location"]) == (302, other.url)
        assert other.connections == 0
        assert (await answered(server.url, follow_redirects=True)).status == 200
        assert other.connections == 1


async def test_a_redirect_in_a_circle_ends() -> None:
    async with RawServer(says(answer(302, Location="/again"))) as server:
        found = await told(server.url, follow_redirects=True)
        assert len(server.requests) == MOST_REDIRECTS
    assert found == Told(f"wrong status: 302, more than {MOST_REDIRECTS} redirects", answered=True)


async def test_a_redirect_to_where_nobody_is_was_still_an_answer() -> None:
    with dead_port() as port:
        async with RawServer(says(answer(302, Location=f"http://{LOOPBACK}:{port}/"))) as server:
            found = await told(server.url, follow_redirects=True)
    assert found == Told("connection refused", answered=True)


@pytest.mark.parametrize("target", ["ftp://files.example/", "http://", "http://[::1", "javascript:alert(1)"])
async def test_a_redirect_to_what_is_no_web_address_fails_and_was_an_answer(target: str) -> None:
    async with RawServer(says(answer(302, Location=target))) as server:
        found = await told(server.url, follow_redirects=True)
    assert found.answered
    assert not found.text.startswith("connection")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_request_with_a_credential_never_follows_a_redirect(status: int) -> None:
    async with (
        RawServer(says(OK)) as other,
        RawServer(says(answer(status, Location=other.url))) as server,
    ):
        secret = {"Authorization": "Bearer s3cret"}
        assert (await answered(server.url, headers=secret)).status == status
        assert (await answered(server.url, method="POST", body={"password": "s3cret"})).status == status
        with pytest.raises(ValueError, match="follows no redirect"):
            await ask(server.url, headers=secret, follow_redirects=True)
        assert other.connections == 0


# --- every request stands alone


async def test_each_request_makes_a_connection_of_its_own() -> None:
    async with RawServer(says(OK)) as server, Exchange(AGENT) as exchange:
        for _ in range(3):
            await exchange.request("GET", server.url, trail=Trail(), seconds=5)
        assert (server.connections, len(server.requests)) == (3, 3)


async def test_a_cookie_that_was_set_is_not_carried_to_the_next_request() -> None:
    async with RawServer(says(answer(200, Set_Cookie="session=s3cret"))) as server, Exchange(AGENT) as exchange:
        for _ in range(2):
            await exchange.request("GET", server.url, trail=Trail(), seconds=5)
        assert [request.headers.get("cookie") for request in server.requests] == [None, None]


async def test_a_request_says_who_asks() -> None:
    async with RawServer(says(OK)) as server:
        await answered(server.url)
        assert server.requests[0].headers["user-agent"] == AGENT


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(says(answer(502))) as proxy, RawServer(says(OK)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert (await answered(server.url)).status == 200
        assert proxy.connections == 0


async def test_a_request_whose_server_hangs_holds_up_no_other() -> None:
    async with RawServer(routes({"GET /hang": silence, "GET /fine": OK})) as server, Exchange(AGENT) as exchange:
        hanging = [
            asyncio.create_task(exchange.request("GET", f"{server.url}/hang", trail=Trail(), seconds=30))
            for _ in range(120)
        ]
        got = await exchange.request("GET", f"{server.url}/fine", trail=Trail(), seconds=5)
        assert got.status == 200
        for task in hanging:
            task.cancel()
        await asyncio.wait(hanging)


async def test_an_exchange_kept_to_loopback_reaches_no_other_machine() -> None:
    async with Exchange(AGENT, loopback_only) as exchange, RawServer(says(OK)) as server:
        assert (await exchange.request("GET", server.url, trail=Trail(), seconds=5)).status == 200
        with pytest.raises(NoAnswerError, match=r"192\.0\.2\.1 is not a loopback address"):
            await exchange.request("GET", "http://192.0.2.1/", trail=Trail(), seconds=5)


async def test_an_exchange_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await Exchange(AGENT).request("GET", "http://127.0.0.1/", trail=Trail(), seconds=1)


# --- what an answer can be read as


def body(content: bytes, charset: str = "utf-8") -> Answer:
    return Answer(200, content, {}, charset)


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        ("café".encode(), "utf-8", "café"),
        ("café".encode("latin-1"), "latin-1", "café"),
        (b"caf\xe9", "utf-8", "caf�"),
        (b"plain", "no-such-charset", "plain"),
        (b"plain", "hex", "plain"),
        (b"plain", "", "plain"),
    ],
)
def test_text_is_read_whatever_charset_the_server_names(content: bytes, charset: str, text: str) -> None:
    assert body(content, charset).text == text


@pytest.mark.parametrize("charset", ["idna", "punycode", "undefined"])
def test_text_can_be_read_also_where_the_charset_can_replace_nothing(charset: str) -> None:
    """These are codecs to Python, and raise UnicodeError instead of replacing what they cannot read."""
    assert body(b"caf\xe9", charset).text


@pytest.mark.parametrize(
    "content",
    [b"", b"<<< not JSON >>>", b'{"status": "hea', b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000],
    ids=["empty", "words", "half", "bytes", "brackets", "braces", "a number of 5000 digits"],
)
def test_what_is_not_json_is_a_wrong_body(content: bytes) -> None:
    with pytest.raises(WrongAnswerError, match="wrong body: not JSON"):
        body(content).json()
