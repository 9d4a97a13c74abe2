"""A port on loopback whose visitors are all gone once it is closed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

LOOPBACK = "127.0.0.1"
_CHUNK = 65_536

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Speaks with one visitor until it leaves."""


class Port:
    """A free port, listened on until it is closed."""

    def __init__(self, talk: Talk) -> None:
        """Let each visitor be spoken to like this."""
        self._talk = talk
        self._visits: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen; gives the port."""
        self._server = await asyncio.start_server(self._welcome, LOOPBACK, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Listen no more, and hang up on whoever is there."""
        if self._server:
            self._server.close()
        visits = tuple(self._visits)
        for visit in visits:
            visit.cancel()
        await asyncio.gather(*visits, return_exceptions=True)

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.create_task(self._receive(reader, writer))
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def forward(host: str, port: int) -> Talk:
    """Pass each visitor on to this address."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(host, port)
        except OSError:
            return
        try:
            await asyncio.gather(_carry(reader, there_writer), _carry(there_reader, writer))
        finally:
            there_writer.close()

    return talk


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry what is said one way, and the end of it."""
    with suppress(ConnectionError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
