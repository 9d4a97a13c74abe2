"""A database in the open for as long as a program runs, and not a moment longer: whatever ends it."""

import asyncio
import signal
from collections.abc import Callable, Mapping

from devops_daemon.cli.connection import Connection
from devops_daemon.cli.output import UNREACHABLE, say
from devops_daemon.hosting import HostedService, Proxy
from devops_daemon.ports import RefusedError, UnavailableError

Call = tuple[str, Mapping[str, str]]
"""A program without arguments, and its environment."""
ENDING = (signal.SIGTERM, signal.SIGHUP)
_SIGNALLED = 128
_APPEARS_WITHIN, _CLOSES_WITHIN = 30.0, 40.0
_ENDS_WITHIN = 5.0


class Exposure:
    """Opens a public address, runs a program there, and closes the address that it opened."""

    def __init__(self, line: Connection, service: HostedService, call: Callable[[Proxy], Call]) -> None:
        self._line = line
        self._platform = line.platform
        self._service = service
        self._call = call
        self._signal = signal.SIGTERM
        self._work: asyncio.Task[int] | None = None
        self._running = False
        self._unsure = False
        """It was asked for, and did not come: it may still."""

    async def while_it_runs(self) -> int:
        """Give the program's exit code, or that of the signal that ended it."""
        before = {proxy.id for proxy in await self._platform.proxies(self._service)}
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, *ENDING):
            loop.add_signal_handler(number, self._heed, number)
        try:
            self._work = asyncio.ensure_future(self._open_and_run())
            code = await self._work
        except asyncio.CancelledError:
            code = _SIGNALLED + self._signal
        finally:
            self._work = None
            closed = await self._close(before)
        return code if closed else code or UNREACHABLE

    def _heed(self, number: signal.Signals) -> None:
        """End the work, but for Ctrl-C while the program runs: that is the program's own, which has got it too."""
        if self._work is None or (number == signal.SIGINT and self._running):
            return
        self._signal = number
        self._work.cancel()

    async def _open_and_run(self) -> int:
        say(f"Opening a public address for {self._line.plain(self._service.name)}; it is closed when psql ends")
        self._unsure = True
        try:
            proxy = await self._platform.open_proxy(self._service)
        except RefusedError:
            self._unsure = False
            raise
        self._unsure, self._running = False, True
        return await run(self._call(proxy))

    async def _close(self, before: set[str]) -> bool:
        """Close what was not there before; says loudly how to do it by hand where that fails."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while True:
            left = await self._left(before)
            waited = loop.time() - started
            if not left and not self._unsure:
                return True
            if not left and waited > _APPEARS_WITHIN:
                self._shout("it was asked for and has not appeared, but it still may")
                return False
            if left and waited > _CLOSES_WITHIN:
                self._shout(left)
                return False
            await asyncio.sleep(self._line.look_every.total_seconds())

    async def _left(self, before: set[str]) -> str:
        """Close what is there; says what is left to be done."""
        try:
            opened = [proxy for proxy in await self._platform.proxies(self._service) if proxy.id not in before]
            for proxy in opened:
                await self._platform.close_proxy(proxy)
        except (RefusedError, UnavailableError) as error:
            return str(error)  # it may still be opening, and Railway may be back in a moment
        self._unsure = self._unsure and not opened
        return "it is still there" if opened else ""

    def _shout(self, why: str) -> None:
        name = self._line.plain(self._service.name)
        say(
            f"WARNING: the public address of {name} COULD NOT BE CLOSED ({self._line.plain(why)}): the database may be"
            " in the open."
            f"\nClose it by hand: Railway's dashboard, service {name}, Settings, Networking, TCP Proxy, remove"
        )


async def run(call: Call) -> int:
    """Run a program on this terminal; gives its exit code. It is ended where this is cancelled."""
    program, environ = call
    process = await asyncio.create_subprocess_exec(program, env=dict(environ))
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise
    return code if code >= 0 else _SIGNALLED - code


async def _end(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    try:
        async with asyncio.timeout(_ENDS_WITHIN):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
