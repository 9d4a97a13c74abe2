"""Hints of the platform, over real HTTP: the right address is heard, and nothing of what is sent is read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from adapters.servers import LOOPBACK
from builders import a_watchlist
from structlog.testing import capture_logs

from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.entrypoints.access import Tokens
from devops_daemon.entrypoints.hints import Hints
from devops_daemon.entrypoints.status import Facts
from devops_daemon.entrypoints.web import Server, Site, listening_socket

SECRET = "fr\u00fcher-9f8e7d6c"  # of a hook in a test
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@asynccontextmanager
async def door(folder: Path, secret: str | None = SECRET) -> AsyncIterator[tuple[str, list[str]]]:
    heard: list[str] = []
    hints = Hints(secret, lambda: heard.append("hint"))
    history = HistoryRows(SqliteDatabase(folder / "a.db"), timedelta(minutes=5))
    site = Site(Facts("1", a_watchlist()), history, lambda _: False, Tokens(), lambda: NOW, hints=hints)
    server = Server(site, listening_socket(LOOPBACK, 0))
    await server.start()
    try:
        yield f"http://{LOOPBACK}:{server.port}/webhooks/railway/", heard
    finally:
        await server.stop()


async def test_the_right_address_is_heard_whatever_is_sent(tmp_path: Path) -> None:
    async with door(tmp_path) as (url, heard), aiohttp.ClientSession() as session:
        for body in (b"", b"{}", b"\xff not JSON", b"x" * 300_000):
            async with session.post(url + SECRET, data=body) as answer:
                assert (answer.status, await answer.json()) == (202, {"status": "accepted"})
        assert heard == ["hint"] * 4


@pytest.mark.parametrize(("secret", "asked"), [(SECRET, "wrong"), (SECRET, SECRET + "x"), (None, SECRET), ("", "x")])
async def test_a_wrong_address_is_none_and_is_told_nowhere(tmp_path: Path, secret: str | None, asked: str) -> None:
    async with door(tmp_path, secret) as (url, heard), aiohttp.ClientSession() as session:
        with capture_logs() as logs:
            async with session.post(url + asked) as answer:
                assert answer.status == 404
                assert SECRET not in await answer.text()
        assert (heard, SECRET in str(logs)) == ([], False)


async def test_it_is_no_page(tmp_path: Path) -> None:
    async with door(tmp_path) as (url, heard), aiohttp.ClientSession() as session, session.get(url + SECRET) as answer:
        assert (answer.status, heard) == (405, [])


async def test_a_body_that_never_comes_is_not_waited_for(tmp_path: Path) -> None:
    async with door(tmp_path) as (url, heard):
        port = int(url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        path = "/webhooks/railway/fr%C3%BCher-9f8e7d6c"
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode())
        async with asyncio.timeout(2):
            assert (await reader.readline()).startswith(b"HTTP/1.1 202")
            await reader.read()
        writer.close()
        assert heard == ["hint"]
