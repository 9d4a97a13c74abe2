"""The daemon as a process: cold start, idle memory and processor time, `/status` with 90 days of history."""

import argparse
import asyncio
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.health import hour_of, insert
from devops_daemon.adapters.store.schema import hourly, result
from devops_daemon.connections import utc_now

PATIENCE = 20
DAYS = 90
FAILING = 0.01
PROBES = (("backend", "backend"), ("backend", "database"), ("backend", "auth"), ("frontend", "frontend"))


@contextmanager
def backend() -> Iterator[int]:
    """Run the little backend; gives its port."""
    command = [sys.executable, str(Path(__file__).parent / "server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout  # noqa: S101 # for mypy
        try:
            yield int(server.stdout.readline())
        finally:
            server.terminate()


@contextmanager
def daemon(folder: str, environment: Mapping[str, str], port: int) -> Iterator[tuple[int, float]]:
    """Run the daemon; gives its pid and the seconds until `/readyz`."""
    start = time.perf_counter()
    with Path(folder, "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "devops_daemon", "run"], cwd=folder, env=environment, stdout=log
        )
    try:
        while not _ready(port):
            if time.perf_counter() - start > PATIENCE:
                raise SystemExit("the daemon does not become ready")
            time.sleep(0.01)
        yield process.pid, time.perf_counter() - start
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def _ready(port: int) -> bool:
    try:
        return bool(_get(port, "/readyz"))
    except (urllib.error.URLError, ConnectionError):
        return False


def _get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:  # loopback
        body: bytes = answer.read()
    return body


def rss_mb(pid: int) -> float:
    """Read the resident memory of a process."""
    line = next(row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """Read the processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def fill(folder: str) -> None:
    """Write ninety days of hours and eight days of results, as a daemon of that age has them."""
    store = SqliteDatabase(Path(folder) / "data" / "devops-daemon.db")
    await store.open()
    now, chance = utc_now(), random.Random(7)  # noqa: S311 # a benchmark's data
    this_hour = hour_of(now)
    names = [{"service": service, "name": name} for service, name in PROBES]
    hours = [
        {
            **name,
            "hour": this_hour - back,
            "ok": 12 - (failed := int(chance.random() < FAILING)),
            "degraded": 0,
            "failed": failed,
            "unknown": 0,
            "timed": 12,
            "latency_ms": 12 * chance.uniform(20, 90),
            "worst_latency_ms": chance.uniform(90, 300),
        }
        for name in names
        for back in range(DAYS * 24)
    ]
    results = [
        {**name, "at": now - timedelta(minutes=5 * back), "outcome": "ok", "latency_ms": 42.0, "detail": "status 200"}
        for name in names
        for back in range(1, 8 * 288)
    ]

    def write(connection: sa.Connection) -> None:
        connection.execute(insert(connection, hourly).on_conflict_do_nothing(), hours)
        connection.execute(insert(connection, result).on_conflict_do_nothing(), results)

    await store.write(write)
    await store.close()


def timed(count: int, call: Callable[[], object]) -> list[float]:
    """Call it that often; gives milliseconds."""
    found = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        found.append(1000 * (time.perf_counter() - start))
    return found


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle", type=float, default=60, help="seconds of idling that are measured")
    idle = parser.parse_args().idle
    with tempfile.TemporaryDirectory() as folder, backend() as product, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        url = f"http://127.0.0.1:{product}"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "PORT": str(port),
            "PRODUCTION_BACKEND_URL": url,
            "PRODUCTION_FRONTEND_URL": url,
        }
        with daemon(folder, environment, port) as (_, seconds):
            print(f"first start to /readyz   {seconds:.2f} s")
        starts = []
        for _ in range(5):
            with daemon(folder, environment, port) as (_, seconds):
                starts.append(seconds)
        print(f"start to /readyz         {statistics.median(starts):.2f} s [{min(starts):.2f}-{max(starts):.2f}]")
        asyncio.run(fill(folder))
        with daemon(folder, environment, port) as (pid, _):
            time.sleep(2)
            before, start = cpu_seconds(pid), time.perf_counter()
            time.sleep(idle)
            share = (cpu_seconds(pid) - before) / (time.perf_counter() - start)
            print(f"idle over {idle:.0f} s           {rss_mb(pid):.0f} MB, {share:.2%} of a core")
            for path in ("/status", "/status.json", "/metrics"):
                _get(port, path)
                found = timed(50, lambda path=path: _get(port, path))  # type: ignore[misc] # a default binds it
                print(f"{path:<14} 90 days   {statistics.median(found):.1f} ms, at worst {max(found):.1f} ms")
            print(f"after these              {rss_mb(pid):.0f} MB")


if __name__ == "__main__":
    main()
