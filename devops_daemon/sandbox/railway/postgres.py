"""A PostgreSQL server that lets in who knows the password, and holds no tables.

Just enough of the protocol, version 3.0 (postgresql.org/docs/current/protocol-message-formats.html), for a client
to sign in and to be told politely that there is nothing to query.
"""

import asyncio
import hmac
import struct
from contextlib import suppress

NO_TABLES = "the sandbox holds no tables: there is nothing to query behind this proxy"
_CANCEL, _SSL, _GSS = 80_877_102, 80_877_103, 80_877_104
_PREFIX = 4
"""Bytes of a message's length, which counts itself."""
_LONGEST = 1_000_000
_IDLE = b"I"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, password: str) -> None:
    """Speak with one client until it leaves."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        if await _start(reader, writer) and await _sign_in(reader, writer, password):
            await _refuse_queries(reader, writer)


async def _start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Read the startup message; encryption, if asked for before, is declined."""
    while True:
        code = struct.unpack("!I", (await _body(reader))[:_PREFIX])[0]
        if code not in {_SSL, _GSS}:
            return bool(code != _CANCEL)
        writer.write(b"N")
        await writer.drain()


async def _sign_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, password: str) -> bool:
    _send(writer, b"R", struct.pack("!I", 3))
    await writer.drain()
    kind = await reader.readexactly(1)
    given = (await _body(reader)).removesuffix(b"\0")
    if kind != b"p" or not hmac.compare_digest(given, password.encode()):
        _refuse(writer, "FATAL", "28P01", "password authentication failed")
        await writer.drain()
        return False
    _send(writer, b"R", struct.pack("!I", 0))
    for name, value in {
        "server_version": "16.0",
        "client_encoding": "UTF8",
        "standard_conforming_strings": "on",
    }.items():
        _send(writer, b"S", f"{name}\0{value}\0".encode())
    _send(writer, b"K", struct.pack("!II", 0, 0))
    _send(writer, b"Z", _IDLE)
    await writer.drain()
    return True


async def _refuse_queries(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a simple query, and an extended one at its Sync, with the error; end at Terminate."""
    refused = False
    while True:
        kind = await reader.readexactly(1)
        await _body(reader)
        if kind == b"X":
            return
        if not refused and kind != b"S":
            _refuse(writer, "ERROR", "42P01", NO_TABLES)
            refused = True  # after an error a client's messages are passed over until its Sync
        if kind in {b"Q", b"S"}:
            _send(writer, b"Z", _IDLE)
            refused = False
        await writer.drain()


async def _body(reader: asyncio.StreamReader) -> bytes:
    length = struct.unpack("!I", await reader.readexactly(_PREFIX))[0]
    if not _PREFIX <= length <= _LONGEST:
        raise ConnectionAbortedError("no message of PostgreSQL's")
    return await reader.readexactly(length - _PREFIX)


def _send(writer: asyncio.StreamWriter, kind: bytes, body: bytes) -> None:
    writer.write(kind + struct.pack("!I", len(body) + _PREFIX) + body)


def _refuse(writer: asyncio.StreamWriter, severity: str, code: str, message: str) -> None:
    fields = {"S": severity, "V": severity, "C": code, "M": message}
    _send(writer, b"E", b"".join(f"{name}{value}\0".encode() for name, value in fields.items()) + b"\0")
