"""Log lines of a service in trouble, fetched, masked and clustered: CPU seconds of each, where 60 secrets are known."""

import argparse
import asyncio
import itertools
import json
import random
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from devops_daemon.adapters.railway.asked import Asked
from devops_daemon.adapters.railway.platform import Railway as Adapter
from devops_daemon.adapters.railway.platform import connected
from devops_daemon.clusters import cluster
from devops_daemon.connections import utc_now
from devops_daemon.hosting import LogLine, LogQuery
from devops_daemon.redaction import Redactor
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.sandbox.railway.seed import service_id

RUNS = 7
STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)
PATHS = ("/api/status", "/api/orders/{n}", "/users/{u}/avatar", "/assets/index-{h}.js", "/callback?token={h}&state=4")
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "curl/8.5.0", "kube-probe/1.31")
PLAIN = (
    "{t} INFO  [pool-{s}] app.db: connection to 10.0.{s}.{s}:5432 took {n}ms, 12 of 20 in use, none waiting for long",
    "{t} ERROR [worker-{s}] app.jobs: job {u} failed after {n} ms: connect ECONNREFUSED 10.0.{s}.{s}:6379",
    "{t} WARN  [main] app.mail: could not reach smtp://mailer:{h}@mail.example:587 for dev{s}@example.com: once more",
    "{t} INFO  [main] app.http: Authorization: Bearer {h} sent to https://api.example.com/v1/items/{n}?limit=10",
    "{t} DEBUG [cache] app.cache: miss for key user:{n}:profile, loaded from the database in {n}ms and kept for 300s",
    "{t} INFO  [main] app.boot: settings of replica {s}: pool=20 of {k}, log level debug, three workers",
)
TRACEBACK = """Traceback (most recent call last):
  File "/app/app/db.py", line {s}, in acquire
    return await self._pool.acquire(timeout={s})
  File "/app/.venv/lib/python3.12/site-packages/asyncpg/pool.py", line 206, in acquire
    raise exceptions.TooManyConnectionsError("sorry, too many clients already")
asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already ({n} of {n})"""


def secrets(count: int, chance: random.Random) -> list[str]:
    """Make the values of a service's variables: keys, addresses with passwords, words."""

    def made(number: int) -> str:
        few, many = f"{chance.getrandbits(64):016x}", f"{chance.getrandbits(160):040x}"
        kinds = (
            many,
            f"postgresql://app:{few}@db-{number}.internal:5432/app",
            f"sk_live_{many}",
            str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            f"correct horse, {few} & staple!",
            f"{few}+/{few.upper()}==",
        )
        return kinds[number % len(kinds)]

    return [made(number) for number in range(count)]


def messages(known: Sequence[str], chance: random.Random) -> Iterator[str]:
    """Give messages for ever, some with a known secret: access logs, plain and JSON lines, tracebacks."""

    def filled(text: str) -> str:
        number = chance.randrange(10, 90_000)
        values = {
            "t": (STARTED_AT + timedelta(milliseconds=number)).isoformat(timespec="milliseconds"),
            "n": str(number),
            "s": str(chance.randrange(1, 255)),
            "h": f"{chance.getrandbits(160):040x}",
            "u": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "k": chance.choice(known or ("nothing",)),
        }
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    while True:
        kind = chance.random()
        path = chance.choice(PATHS)
        if kind < 0.35:  # noqa: PLR2004 # the mix
            request = f'"GET {path} HTTP/1.1" {chance.choice((200, 304, 404, 502))} {{n}}'
            yield filled(f'10.1.{{s}}.{{s}} - - [01/Jan/2026:00:00:07 +0000] {request} "{chance.choice(AGENTS)}"')
        elif kind < 0.7:  # noqa: PLR2004 # the mix
            yield filled(chance.choice(PLAIN))
        elif kind < 0.97:  # noqa: PLR2004 # the mix
            said = chance.choice(("upstream timed out", "order {n} kept"))
            fields = {"level": "error", "time": "{t}", "msg": said, "id": "{u}", "ms": 12.5, "path": path}
            yield filled(json.dumps(fields))
        else:
            yield filled(TRACEBACK)


def log_lines(count: int, known: Sequence[str], chance: random.Random) -> list[LogLine]:
    """Make the lines, a second apart."""
    return [
        LogLine(STARTED_AT + timedelta(seconds=second), message, "error")
        for second, message in enumerate(itertools.islice(messages(known, chance), count))
    ]


def redact(lines: Sequence[LogLine], redactor: Redactor) -> list[LogLine]:
    """Mask what the service has said."""
    return [LogLine(line.at, redactor.text(line.message), line.level) for line in lines]


@contextmanager
def railway(lines: Sequence[LogLine]) -> Iterator[str]:
    """Run the sandbox's Railway with these lines in a process of its own; gives the address of its API."""
    command = [sys.executable, str(Path(__file__).parent / "railway.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin  # noqa: S101 # for mypy
        assert server.stdout  # noqa: S101 # the same
        server.stdin.write(json.dumps([line.message for line in lines]) + "\n")
        server.stdin.flush()
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


async def fetched(url: str, count: int) -> tuple[list[LogLine], float]:
    """Fetch the lines over HTTP; gives the CPU seconds of this process for it."""
    asked = Asked(url, project_token=SecretStr(Railway.project_token))
    async with connected(asked, "devops-daemon/benchmark", Redactor(), utc_now) as api:
        platform = Adapter(api, utc_now)
        await platform.hosting()
        start = time.process_time()
        lines = await platform.logs(LogQuery(count, service_id=service_id("frontend")))
        return lines, time.process_time() - start


def measure(url: str, count: int, known: Sequence[str]) -> tuple[float, float, float, int]:
    """Fetch, mask and cluster once; gives the CPU seconds of each and the number of clusters."""
    lines, fetching = asyncio.run(fetched(url, count))
    start = time.process_time()
    masked = redact(lines, Redactor(known))
    redacted = time.process_time()
    clusters = cluster(masked)
    clustered = time.process_time()
    if len(lines) != count or sum(one.count for one in clusters) != count:
        raise SystemExit("lines were lost")
    return fetching, redacted - start, clustered - redacted, len(clusters)


def figure(seconds: Sequence[float]) -> str:
    """Write median [min-max]."""
    return f"{statistics.median(seconds):.2f} [{min(seconds):.2f}-{max(seconds):.2f}]"


def main() -> None:
    """Print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--secrets", type=int, default=60)
    asked = parser.parse_args()
    chance = random.Random(1)  # noqa: S311 # the same lines each time
    known = secrets(asked.secrets, chance)
    lines = log_lines(asked.lines, known, chance)
    length = statistics.mean(len(line.message) for line in lines)
    with railway(lines) as url:
        runs = [measure(url, len(lines), known) for _ in range(RUNS)]
    steps = [[run[step] for run in runs] for step in range(3)]
    heads = ("fetch s", "redact s", "cluster s", "all s")
    figures = [figure(step) for step in steps] + [figure([sum(run[:3]) for run in runs])]
    print(f"{'lines':>6} {'letters':>8} {'secrets':>8} {'clusters':>9}", *(f"{head:>18}" for head in heads))
    print(f"{len(lines):>6} {length:>8.0f} {len(known):>8} {runs[0][3]:>9}", *(f"{each:>18}" for each in figures))


if __name__ == "__main__":
    main()
