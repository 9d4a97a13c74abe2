"""The daemon as a stranger runs it: a process of its own, spoken to over HTTP."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from free_ports import free_port

PATIENCE = 20.0
QUICK = {"CHECK_INTERVAL": "1s", "CONFIRM_INTERVAL": "200ms", "PROBE_TIMEOUT": "600ms", "LOG_LEVEL": "debug"}


@dataclass
class DaemonProcess:
    """`devops-daemon run` in a folder of its own, with an environment of its own."""

    folder: Path
    environment: Mapping[str, str]
    port: int
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        log = (self.folder / f"log-{self.port}").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "devops_daemon", "run", cwd=self.folder, env=self.environment, stdout=log, stderr=log
        )
        log.close()
        await self.until(lambda: self.get("/readyz"))

    async def get(self, path: str) -> Any:
        """The JSON of a page, None while nobody answers."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
                session.get(f"http://127.0.0.1:{self.port}{path}", headers={"Accept": "application/json"}) as answer,
            ):
                return await answer.json()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    async def status(self, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """`/status.json` as soon as it holds what is waited for."""

        async def look() -> dict[str, Any] | None:
            data: dict[str, Any] | None = await self.get("/status.json")
            return data if data and holds(data) else None

        found: dict[str, Any] = await self.until(look)
        return found

    async def until(self, look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := await look():
                return found
            await asyncio.sleep(0.05)
        pytest.fail(f"waited {PATIENCE} s in vain; last: {await self.get('/status.json')}\nlog: {self.log()[-3000:]}")

    def log(self) -> str:
        return (self.folder / f"log-{self.port}").read_text(encoding="utf-8")

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 12)


RunDaemon = Callable[..., Any]


@pytest.fixture
def daemon_in(tmp_path: Path) -> RunDaemon:
    """Start a daemon with settings; it is ended with the test."""

    @asynccontextmanager
    async def run(**settings: str) -> AsyncIterator[DaemonProcess]:
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PORT": str(port),
            "HOST": "127.0.0.1",
            "GITHUB_API_URL": "http://127.0.0.1:9",  # nobody there: no reference ever answers
            "RAILWAY_API_URL": "http://127.0.0.1:9",
            **QUICK,
            **settings,
        }
        daemon = DaemonProcess(tmp_path, environment, port)
        await daemon.start()
        try:
            yield daemon
        finally:
            if daemon.process is not None and daemon.process.returncode is None:
                await daemon.kill()

    return run


def probe(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One probe's entry of `/status.json`."""
    return next(p for service in data["services"] for p in service["probes"] if p["name"] == name)


def burning(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The incidents that are not resolved."""
    return [incident for incident in data["incidents"] if incident["status"] != "resolved"]
