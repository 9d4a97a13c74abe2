"""One run of git: in a group of its own, for a limited time, with limited output, and nothing of the surroundings.

No hook, filter, merge driver or submodule is ever run, whatever a tree says: what could start a program is defined by
configuration only, and the configuration is ours. The token goes by the environment, for one host.
"""

import asyncio
import base64
import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devops_daemon.ports import UnavailableError

LOCALLY, OVER_THE_NET = 60.0, 300.0
"""Seconds for a run."""
MOST = 64 * 1024 * 1024
"""Bytes of output."""
SAID = 2000
_CHUNK, _LAST_WORDS = 65_536, 5.0
CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.quotePath": "false",
    "gc.auto": "0",
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "protocol.http.allow": "always",
    "http.followRedirects": "false",
    "submodule.recurse": "false",
    "transfer.credentialsInUrl": "die",
    "user.name": "devops-daemon",
    "user.email": "devops-daemon@users.noreply.github.com",
}


class GitError(Exception):
    """Git said no; the text is what it said."""

    def __init__(self, command: str, code: int, said: str) -> None:
        super().__init__(f"git {command} ended with {code}: {said}")
        self.code = code
        self.said = said


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has ended by itself."""

    code: int
    out: bytes
    said: str


def authorization(url: str, token: str) -> Mapping[str, str]:
    """Configure a token for one host, as GitHub takes it over HTTP."""
    word = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {f"http.{url.rstrip('/')}/.extraHeader": f"Authorization: Basic {word}"}


async def run(
    *arguments: str,
    where: Path,
    told: bytes = b"",
    config: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = LOCALLY,
    most: int = MOST,
) -> Ended:
    """Run git to its end, whatever becomes of it; raises UnavailableError where it takes too long or says too much."""
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        cwd=where,
        env={**_environment(where, config or {}), **(env or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            out, said = await _spoken(process, told, most)
            code = await process.wait()
    except TimeoutError:
        raise UnavailableError(f"git {arguments[0]} took longer than {seconds:.0f} s") from None
    finally:
        await _end(process)
    return Ended(code, out, said.decode(errors="replace").strip()[-SAID:])


async def output(*arguments: str, where: Path, **how: object) -> bytes:
    """Run git and give what it printed; raises GitError where it said no."""
    ended = await run(*arguments, where=where, **how)  # type: ignore[arg-type] # as `run` has them
    if ended.code:
        raise GitError(arguments[0], ended.code, ended.said)
    return ended.out


def _environment(home: Path, config: Mapping[str, str]) -> dict[str, str]:
    pairs = {**CONFIG, **config}
    numbered: dict[str, str] = {}
    for place, (key, value) in enumerate(pairs.items()):
        numbered |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_CONFIG_COUNT": str(len(pairs)),
        **numbered,
    }


async def _spoken(process: asyncio.subprocess.Process, told: bytes, most: int) -> tuple[bytes, bytes]:
    """Tell it what it is to read, and take in what it says; what says too much is ended."""
    assert process.stdin is not None  # noqa: S101 # each is a pipe
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    reading = _read(process.stdout, most, process), _last_words(process.stderr)
    _, out, said = await asyncio.gather(_tell(process.stdin, told), *reading)
    if len(out) > most:
        raise UnavailableError(f"git printed more than {most} bytes")
    return out, said


async def _tell(stream: asyncio.StreamWriter, told: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stream.write(told)
        await stream.drain()
        stream.close()


async def _read(stream: asyncio.StreamReader, most: int, process: asyncio.subprocess.Process) -> bytes:
    """Read a stream to its end, which comes at once where it is longer than it may be."""
    found = bytearray()
    while chunk := await stream.read(_CHUNK):
        if len(found) <= most:
            found += chunk
        if len(found) > most:
            _kill(process)
    return bytes(found)


async def _last_words(stream: asyncio.StreamReader) -> bytes:
    """Read what was said to its end; the last of it is kept."""
    found = bytearray()
    while chunk := await stream.read(_CHUNK):
        found += chunk
        del found[: -2 * SAID]
    return bytes(found)


def _kill(process: asyncio.subprocess.Process) -> None:
    """End a process, and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: asyncio.subprocess.Process) -> None:
    """See to it that a run has ended: asyncio waits for the end of its pipes too, so that these are read out."""
    if process.returncode is not None:
        return
    _kill(process)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORDS):
            await asyncio.gather(*(_read_out(stream) for stream in (process.stdout, process.stderr) if stream))
            await process.wait()


async def _read_out(stream: asyncio.StreamReader) -> None:
    while await stream.read(_CHUNK):
        pass
