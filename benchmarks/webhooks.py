"""Webhooks: how many signed deliveries the daemon, on one core, takes in durably, and how long each waits for its 202.

The client has the other core. The comments are ordinary ones, or with `--named` such as name the daemon: their bodies
are kept, and read by its worker meanwhile. With `--intake-alone` there is no daemon around the route, so no worker.
With `--bare` nothing is kept at all: what aiohttp alone does on this machine.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SECRET = "benchmark-secret-0123456789"  # noqa: S105 # of a daemon that lives for seconds
BODY_BYTES = 10_000
WARM_UP = 500
PATIENCE = 20
SERVER_CORE, CLIENT_CORE = 0, 1
USER_LINKS = (
    "followers",
    "following",
    "gists",
    "starred",
    "subscriptions",
    "organizations",
    "repos",
    "received_events",
)
REPOSITORY_LINKS = (
    *("archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare", "contents"),
    *("contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs", "git_tags", "hooks"),
    *("issue_comment", "issue_events", "issues", "keys", "labels", "languages", "merges", "milestones", "pulls"),
    *("notifications", "releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams", "trees"),
)
WORDS = ("the", "cart", "waits", "for", "a", "lock", "that", "nobody", "holds", "since", "the", "deployment")


def user(login: str) -> dict[str, object]:
    """Write an account as GitHub does."""
    links = {f"{name}_url": f"https://api.github.com/users/{login}/{name}{{/other}}" for name in USER_LINKS}
    return {"login": login, "id": 21031067, "node_id": "MDQ6VXNlcjIxMDMxMDY3", "type": "User", **links}


def body_of(size: int, *, named: bool) -> bytes:
    """Write a comment as GitHub sends it: most of it is addresses. `%NUMBER%` stands where each has its own."""
    address = "https://api.github.com/repos/acme/shop"
    links = {f"{name}_url": f"{address}/{name}{{/sha}}" for name in REPOSITORY_LINKS}
    issue = {"number": 7, "title": "The cart is slow", "user": user("dev-2"), "url": f"{address}/issues/7"}
    comment = {"id": "%NUMBER%", "created_at": "2026-11-24T02:00:00Z", "user": user("dev-1"), "body": ""}
    repository = {"full_name": "acme/shop", "owner": user("acme"), "default_branch": "main", **links}
    payload = {
        "action": "created",
        "issue": issue,
        "comment": comment,
        "repository": repository,
        "organization": user("acme"),
        "sender": user("dev-1"),
        "installation": {"id": 1},
    }
    chance = random.Random(1)  # noqa: S311 # the same words each time
    text = "the devops team: " * named + " ".join(chance.choice(WORDS) for _ in range(size))
    comment["body"] = text[: max(size - len(json.dumps(payload)), 0)]
    return json.dumps(payload).replace('"%NUMBER%"', "%NUMBER%").encode()


def request_of(template: bytes, run: str, number: int) -> bytes:
    """Write one signed delivery, head and body."""
    body = template.replace(b"%NUMBER%", b"%09d" % number)
    signature = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()
    head = (
        "POST /webhooks/github HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: GitHub-Hookshot/044aadd\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nX-GitHub-Event: issue_comment\r\n"
        f"X-GitHub-Delivery: {run}-{number:09d}\r\nX-GitHub-Hook-ID: 292430182\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Client:
    """Delivers on so many connections, each as soon as the last answer is there."""

    body: bytes
    port: int
    run: str
    count: int
    sent: int = 0
    waits: list[float] = field(default_factory=list)
    refused: int = 0

    async def deliver(self, connections: int) -> float:
        """Deliver all; gives the seconds that took."""
        start = time.perf_counter()
        await asyncio.gather(*(self._connection() for _ in range(connections)))
        return time.perf_counter() - start

    async def _connection(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.create_connection(("127.0.0.1", self.port)) as line:
            line.setblocking(False)  # noqa: FBT003 # the socket's own
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self.sent < self.count:
                self.sent += 1
                request = request_of(self.body, self.run, self.sent)
                start = time.perf_counter()
                await loop.sock_sendall(line, request)
                answer = await loop.sock_recv(line, 65536)
                while b"}" not in answer:
                    answer += await loop.sock_recv(line, 65536)
                self.waits.append(time.perf_counter() - start)
                self.refused += not (answer.startswith(b"HTTP/1.1 202") and b"accepted" in answer)


@contextmanager
def server(folder: str, script: str | None) -> Iterator[tuple[int, int]]:
    """Run what takes deliveries in, on its core; gives its pid and its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": folder,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "GITHUB_WEBHOOK_SECRET": SECRET,
        "PRODUCTION_BACKEND_URL": "http://127.0.0.1:9",
    }
    command = [str(Path(__file__).parent / script)] if script else ["-m", "devops_daemon", "run"]
    with Path(folder, "log").open("ab") as log:
        process = subprocess.Popen([sys.executable, *command], cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        os.sched_setaffinity(process.pid, {SERVER_CORE})
        _await_port(port)
        for task in Path(f"/proc/{process.pid}/task").iterdir():  # each thread has an affinity of its own
            os.sched_setaffinity(int(task.name), {SERVER_CORE})
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(15)


def _await_port(port: int) -> None:
    deadline = time.perf_counter() + PATIENCE
    while time.perf_counter() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit("nobody listens")


def rss_mb(pid: int) -> float:
    """Read the resident memory of a process."""
    line = next(row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """Read the processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kept(folder: str) -> int:
    """Count what is in the store of a daemon that has ended."""
    with sqlite3.connect(next(Path(folder).rglob("devops-daemon.db"))) as store:
        count: int = store.execute("select count(*) from delivery").fetchone()[0]
    store.close()
    return count


def main() -> None:
    """Print a line for each round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--intake-alone", action="store_const", dest="script", const="intake.py")
    parser.add_argument("--bare", action="store_const", dest="script", const="bare.py", help="aiohttp, nothing kept")
    parser.add_argument("--named", action="store_true", help="each names the daemon: its body is kept and read")
    asked = parser.parse_args()
    body = body_of(BODY_BYTES, named=asked.named)
    os.sched_setaffinity(0, {CLIENT_CORE})
    print(f"{asked.deliveries} deliveries of {len(body)} bytes on {asked.connections} connections")
    print(f"{'202s/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'worst ms':>9} {'CPU us each':>12} {'RSS MB':>7}")
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        with server(folder, asked.script) as (pid, port):
            asyncio.run(Client(body, port, "warm", WARM_UP).deliver(asked.connections))
            for number in range(asked.rounds):
                client, before = Client(body, port, f"round-{number}", asked.deliveries), cpu_seconds(pid)
                seconds = asyncio.run(client.deliver(asked.connections))
                used = (cpu_seconds(pid) - before) / asked.deliveries * 1e6
                if client.refused:
                    raise SystemExit(f"{client.refused} were refused")
                hundredths = statistics.quantiles(client.waits, n=100)
                rates.append(asked.deliveries / seconds)
                waits = f"{1e3 * hundredths[49]:>8.1f} {1e3 * hundredths[98]:>8.1f} {1e3 * max(client.waits):>9.1f}"
                print(f"{rates[-1]:>8.0f} {waits} {used:>12.0f} {rss_mb(pid):>7.0f}", flush=True)
        wanted = WARM_UP + asked.rounds * asked.deliveries
        if asked.script != "bare.py" and kept(folder) != wanted:
            raise SystemExit(f"of {wanted} acknowledged deliveries {kept(folder)} are in the store")
    print(f"median {statistics.median(rates):.0f}/s [{min(rates):.0f}-{max(rates):.0f}]")


if __name__ == "__main__":
    main()
