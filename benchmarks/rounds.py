"""Rounds of 10, 100 and 1,000 probes on new connections, every result kept durably: probes a second, memory."""

import asyncio
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from devops_daemon.adapters.exchange import Exchange
from devops_daemon.adapters.probes import HttpProber
from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.health import HealthRows
from devops_daemon.connections import user_agent, utc_now
from devops_daemon.health.verdict import Thresholds
from devops_daemon.health.watch import Watch
from devops_daemon.model import HttpCheck, Probe, ProbeKey, ProbeKind, Service, Severity, Watchlist
from devops_daemon.redaction import Redactor

ROUNDS = 7
SIZES = (10, 100, 1000)


def watchlist(count: int, port: int) -> Watchlist:
    """Make a watchlist of many probes of one backend."""
    check = HttpCheck(f"http://127.0.0.1:{port}/health", fields=(("status", ("healthy",)),))
    probes = tuple(
        Probe(
            ProbeKey("backend", f"probe-{number}"),
            ProbeKind.HTTP,
            check,
            Severity.SEV1,
            timedelta(seconds=10),
            timedelta(seconds=3),
            14,
        )
        for number in range(count)
    )
    return Watchlist((Service("backend", probes),))


async def measure(count: int, port: int) -> list[float]:
    """Run rounds of that many probes; gives the seconds of each."""
    pause = timedelta(milliseconds=2)  # so short that each round looks at everything again
    thresholds = Thresholds(2, 2, pause, pause)
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteDatabase(Path(folder) / "bench.db")
        await store.open()
        async with Exchange(user_agent()) as exchange:
            prober = HttpProber(exchange, Redactor(), utc_now)
            watch = Watch(watchlist(count, port), thresholds, prober, HealthRows(store), utc_now)
            seconds = []
            for _ in range(ROUNDS):
                await asyncio.sleep(0.05)
                start = time.perf_counter()
                report = await watch.look(whole=True)
                seconds.append(time.perf_counter() - start)
                if report.looked_at != count or report.troubles or not report.kept:
                    raise SystemExit(f"a round went wrong: {report.looked_at} of {count}, {report.troubles[:3]}")
        await store.close()
    return seconds


def main() -> None:
    """Print a line for each size."""
    command = [sys.executable, str(Path(__file__).parent / "server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout  # noqa: S101 # for mypy
        port = int(server.stdout.readline())
        print(f"{'probes':>6} {'probes/s median':>16} {'[min-max]':>16} {'round ms':>9} {'peak RSS MB':>12}")
        for size in SIZES:
            rates = [size / second for second in asyncio.run(measure(size, port))]
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            median = statistics.median(rates)
            spread = f"[{min(rates):.0f}-{max(rates):.0f}]"
            print(f"{size:>6} {median:>16.0f} {spread:>16} {1000 * size / median:>9.0f} {peak:>12.0f}")
        server.terminate()


if __name__ == "__main__":
    main()
