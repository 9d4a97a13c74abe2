"""From a mention to its reply: signed webhook in, comment out, with 100 ms to GitHub and to Railway and back."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import urlsplit

from devops_daemon import app, watchlist
from devops_daemon.adapters.exchange import loopback_only
from devops_daemon.config_file import Document
from devops_daemon.configuration import Configuration
from devops_daemon.forge import Mark
from devops_daemon.sandbox.github.github import GitHub
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.settings import read

ONE_WAY = 0.05
SECRET = "benchmark-secret"  # noqa: S105 # of webhooks that never leave this machine
QUESTIONS = ("check backend logs for errors", "check database", "status", "health", "check logs", "metrics", "help")
TIMES = 3
PAUSE = 3.0
"""Between two questions: the bucket of writes fills again, as it does between people."""


@asynccontextmanager
async def far_away(url: str) -> AsyncIterator[str]:
    """Give an address from which a server is as far away as the other side of a continent."""
    place = urlsplit(url)

    async def carry(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(65_536):
                await asyncio.sleep(ONE_WAY)
                to.write(piece)
        to.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * ONE_WAY)  # the handshake
        there, back = await asyncio.open_connection(place.hostname, place.port)
        await asyncio.gather(carry(reader, back), carry(there, writer))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{place.path}"


async def main() -> None:
    """Print what was measured."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        product = await stack.enter_async_context(Product())
        railway = await stack.enter_async_context(Railway(product))
        github = await stack.enter_async_context(GitHub("acme/shop"))
        github.world.options.private = True
        github.add_account("ada", "write")
        settings = read(
            {
                "HOST": "127.0.0.1",
                "PORT": "0",
                "DATA_DIR": folder,
                "LOG_LEVEL": "error",
                "PRODUCTION_BACKEND_URL": product.backend_url,
                "PRODUCTION_FRONTEND_URL": product.frontend_url,
                "RAILWAY_API_URL": await stack.enter_async_context(far_away(railway.api_url)),
                "RAILWAY_TOKEN_SW_FACTORY": railway.project_token,
                "GITHUB_API_URL": await stack.enter_async_context(far_away(github.api_url)),
                "GITHUB_REPOSITORY": github.repository,
                "GITHUB_TOKEN": github.user_token,
                "GITHUB_WEBHOOK_SECRET": SECRET,
                "DEVOPS_API_SECRET": "sandbox-devops-secret",
            }
        )
        railway.limits.hour_limit = 100_000
        configuration = Configuration(settings, watchlist.plan(settings, Document()))
        redactor = app.start_log(configuration)
        port = await stack.enter_async_context(app.running(configuration, redactor, loopback_only))
        await github.hook(f"http://127.0.0.1:{port}/webhooks/github", SECRET, events=("issue_comment",))
        issue = await github.open_issue("ada", "checkout is slow")
        for question in QUESTIONS:
            found = []
            for _ in range(TIMES):
                await asyncio.sleep(PAUSE)
                start = time.perf_counter()
                said = await github.comment("ada", issue.number, f"@devops {question}")
                mark = Mark("reply", str(said.id))
                while not _is_there(github, issue.number, mark):  # noqa: ASYNC110 # nobody tells onlookers
                    await asyncio.sleep(0.002)  # as somebody who looks at the page
                found.append(time.perf_counter() - start)
            print(f"{question:<32} first {found[0]:.2f} s, then {statistics.median(found[1:]):.2f} s")


def _is_there(github: GitHub, issue: int, mark: Mark) -> bool:
    return any(Mark.at_end_of(each.body) == mark for each in github.world.comments_on(issue))


if __name__ == "__main__":
    asyncio.run(main())
