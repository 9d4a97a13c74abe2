"""What was acknowledged is there after `kill -9`: webhooks into a daemon that dies while they come."""

import asyncio
import hashlib
import hmac
import sqlite3
from pathlib import Path

import aiohttp
import pytest
from e2e.conftest import DaemonProcess, RunDaemon

SECRET = "webhook-secret-0123456789"
BODY = b'{"zen": "Keep it logically awesome."}'
SIGNATURE = "sha256=" + hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()


async def deliver(daemon: DaemonProcess, guid: str, session: aiohttp.ClientSession) -> int:
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "ping",
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": SIGNATURE,
    }
    url = f"http://127.0.0.1:{daemon.port}/webhooks/github"
    async with session.post(url, data=BODY, headers=headers) as answer:
        return answer.status


async def deliver_until_it_dies(daemon: DaemonProcess, name: str, acknowledged: set[str]) -> None:
    """Deliver one after the other; note each that was acknowledged."""
    async with aiohttp.ClientSession() as session:
        for number in range(100_000):
            try:
                status = await deliver(daemon, f"{name}-{number}", session)
            except (aiohttp.ClientError, OSError):
                return
            if status == 202:
                acknowledged.add(f"{name}-{number}")


def kept(folder: Path) -> dict[str, str]:
    store = sqlite3.connect(folder / "data" / "devops-daemon.db")
    rows = dict(store.execute("select guid, state from delivery").fetchall())
    store.close()
    return rows


@pytest.mark.chaos
async def test_no_delivery_that_was_acknowledged_is_lost_by_a_kill(daemon_in: RunDaemon, tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    async with daemon_in(PRODUCTION_BACKEND_URL="http://127.0.0.1:9", GITHUB_WEBHOOK_SECRET=SECRET) as daemon:
        for life in range(3):
            if life:
                await daemon.start()
            at_once = [deliver_until_it_dies(daemon, f"{life}-{line}", acknowledged) for line in range(8)]
            delivering = asyncio.gather(*at_once)
            await asyncio.sleep(0.7)
            await daemon.kill()
            await delivering
            assert acknowledged <= set(kept(tmp_path)), "acknowledged, and not on disk"
        assert len(acknowledged) > 100
        await daemon.start()

        async def all_are_done() -> bool:
            data = await daemon.get("/status.json")
            return bool(data) and data["inbox"]["pending"] == 0

        await daemon.until(all_are_done)
        assert set(kept(tmp_path).values()) == {"done"}
        async with aiohttp.ClientSession() as session:
            assert await deliver(daemon, next(iter(acknowledged)), session) == 202
