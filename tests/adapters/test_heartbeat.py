"""The sign of life over real HTTP: one GET, and few words about it."""

import asyncio
from collections.abc import MutableMapping, Sequence
from typing import Any

import pytest
from adapters.servers import (
    AGENT,
    LOOPBACK,
    RawServer,
    Reply,
    answer,
    dead_port,
    hang_up,
    reset,
    says,
    silence,
)
from structlog.testing import capture_logs

from devops_daemon.adapters.exchange import Exchange
from devops_daemon.adapters.heartbeat import HttpHeartbeat


def events(logs: Sequence[MutableMapping[str, Any]]) -> list[tuple[str, str]]:
    return [(line["log_level"], line["event"]) for line in logs]


BROKEN, RECOVERED = ("warning", "heartbeat.broken"), ("info", "heartbeat.recovered")


async def test_a_beat_is_one_get_of_the_address_and_nothing_is_said_of_it() -> None:
    async with RawServer(says(answer(200, b"OK"))) as server, Exchange(AGENT) as exchange:
        with capture_logs() as logs:
            await HttpHeartbeat(exchange, f"{server.url}/ping/1234?from=here").beat()
        assert [request.route for request in server.requests] == ["GET /ping/1234?from=here"]
        assert logs == []


async def test_without_an_address_nothing_is_sent() -> None:
    async with Exchange(AGENT) as exchange:
        with capture_logs() as logs:
            await HttpHeartbeat(exchange, None).beat()
    assert logs == []


async def test_a_failure_is_logged_once_and_so_is_the_recovery() -> None:
    async with RawServer(says(answer(503))) as server, Exchange(AGENT) as exchange:
        heart = HttpHeartbeat(exchange, server.url)
        with capture_logs() as logs:
            for status in (503, 500, 200, 200, 404, 404, 200):
                server.reply = says(answer(status))
                await heart.beat()
        assert events(logs) == [BROKEN, RECOVERED, BROKEN, RECOVERED]
        assert [line["reason"] for line in logs if "reason" in line] == ["status 503", "status 404"]
        assert len(server.requests) == 7


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (reset, "connection reset"),
        (hang_up, "connection closed: the server hung up without an answer"),
        (says(b"SSH-2.0-OpenSSH\r\n", hang_up=True), "wrong answer: not HTTP"),
        (says(answer(200, b"x" * 1_100_000)), "too much body: over 1024 KiB"),
        (says(answer(200, b"caf\xe9", Content_Type="text/plain; charset=idna")), None),
    ],
)
async def test_whatever_the_other_side_does_a_beat_never_raises(reply: Reply, reason: str | None) -> None:
    async with RawServer(reply) as server, Exchange(AGENT) as exchange:
        with capture_logs() as logs:
            await HttpHeartbeat(exchange, server.url).beat()
    assert [line["reason"].startswith(reason) for line in logs] == ([True] if reason else [])


async def test_a_beat_to_where_nobody_is_never_raises() -> None:
    with dead_port() as port:
        async with Exchange(AGENT) as exchange:
            with capture_logs() as logs:
                for url in (f"http://{LOOPBACK}:{port}/", "http://nowhere.invalid/", "http://[::1", "nonsense"):
                    await HttpHeartbeat(exchange, url).beat()
    assert events(logs) == [BROKEN] * 4


async def test_a_redirect_is_no_sign_of_life_unless_it_gets_there() -> None:
    """`http://` where the other side wants `https://` is answered with a redirect, and counts as no ping there."""
    async with (
        RawServer(says(answer(200))) as there,
        RawServer(says(answer(301, Location=there.url))) as server,
        Exchange(AGENT) as exchange,
    ):
        with capture_logs() as logs:
            await HttpHeartbeat(exchange, server.url).beat()
        arrived = len(there.requests)
    assert (arrived, events(logs)) in [(1, []), (0, [BROKEN])]


async def test_a_beat_can_be_cancelled() -> None:
    async with RawServer(silence) as server, Exchange(AGENT) as exchange:
        task = asyncio.create_task(HttpHeartbeat(exchange, server.url).beat())
        while not server.requests:  # noqa: ASYNC110 - a server sets no event for its visitors
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
