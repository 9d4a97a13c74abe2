"""What was acknowledged is there after `kill -9`: webhooks into a daemon that dies while they come."""

import asyncio
import hashlib
import hmac
import os
import sqlite3
from pathlib import Path

import aiohttp
import pytest
from e2e.conftest import DaemonProcess, RunDaemon

SECRET = "webhook-secret-0123456789"
BODY = b'{"zen": "Keep it logically awesome."}'
DATA = Path(os.environ.get("CONFORMANCE_DATA") or Path(__file__).parents[3] / "shared") / "facts/github"
PAYLOADS = sorted([*DATA.glob("payloads/*.json"), *DATA.glob("payloads-extra/*.json")])


async def deliver(
    daemon: DaemonProcess, guid: str, session: aiohttp.ClientSession, body: bytes = BODY, event: str = "ping"
) -> int:
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}",
    }
    url = f"http://127.0.0.1:{daemon.port}/webhooks/github"
    async with session.post(url, data=body, headers=headers) as answer:
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


@pytest.mark.chaos
@pytest.mark.skipif(not PAYLOADS, reason=f"real bodies are not here: {DATA} (or set CONFORMANCE_DATA)")
async def test_every_real_body_is_taken_in_and_none_stops_the_worker(daemon_in: RunDaemon) -> None:
    daemon: DaemonProcess
    async with (
        daemon_in(PRODUCTION_BACKEND_URL="http://127.0.0.1:9", GITHUB_WEBHOOK_SECRET=SECRET) as daemon,
        aiohttp.ClientSession() as session,
    ):
        for number, path in enumerate(PAYLOADS):
            name = path.name.partition(".")[0].replace("-", "_")
            event = "issue_comment" if "issue_comment" in name else name
            assert await deliver(daemon, f"real-{number}", session, path.read_bytes(), event) == 202
        data = await daemon.status(lambda data: data["inbox"]["pending"] == 0)
        assert data["inbox"]["failed"] == 0
        listed = (await daemon.get("/api/deliveries"))["deliveries"]
        assert {row["state"] for row in listed} == {"done"}
        assert len(listed) == len(PAYLOADS)
