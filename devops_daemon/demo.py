"""The daemon in a sandbox: a product, a Railway and a GitHub on loopback, watched and answered by the real thing.

It reads no environment, no `.env` and no `devops.toml`, keeps its data in a temporary folder, and reaches no address
that is not loopback.
"""

import asyncio
import contextlib
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from rich.markup import escape

from devops_daemon import app, logs, watchlist
from devops_daemon.adapters.exchange import loopback_only
from devops_daemon.config_file import Document
from devops_daemon.configuration import Configuration
from devops_daemon.sandbox.github.github import GitHub
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.sandbox.railway.seed import service_id
from devops_daemon.settings import read

HOST = "127.0.0.1"
REPOSITORY = "acme/shop"
WEBHOOK_SECRET = "sandbox-webhook-secret"  # noqa: S105 - of a GitHub that holds nothing
SOMEBODY, QUESTION = "ada", "@devops please check backend logs for authentication errors"
AGENT, FEEDBACK = "mender", "The cart is empty after I sign in"
TOUR_FAULT, BAD_COMMIT_BRINGS = "backend-503", "backend-500"
QUIET_SECONDS = 6.0
PRO_LIMIT = 10_000
"""Requests an hour, as Railway's Pro plan has: the demo looks often."""
Tell = Callable[[str], None]


async def demo(port: int, faults: Sequence[str], tell: Tell) -> None:
    """Run the daemon against the sandbox until it is stopped; without faults, one comes and goes by itself."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="devops-daemon-demo-"))
        product = await stack.enter_async_context(Product())
        railway = await stack.enter_async_context(Railway(product))
        railway.limits.hour_limit = PRO_LIMIT
        github = await stack.enter_async_context(GitHub(REPOSITORY))
        world = _World(product, railway, github)
        configuration = _configuration(world, folder, _free(port))
        redactor = app.start_log(configuration)
        logs.watch_loop(loop)
        chosen = await stack.enter_async_context(app.running(configuration, redactor, loopback_only))
        page = f"http://{HOST}:{chosen}/status"
        tell(f"The daemon watches a sandbox product. Open [bold]{page}[/bold]")
        await github.hook(f"http://{HOST}:{chosen}/webhooks/github", WEBHOOK_SECRET, events=("issue_comment",))
        story = asyncio.create_task(_story(world, faults, page, tell))
        stack.push_async_callback(_end, story)
        await stop.wait()
        tell("Stopping.")


@dataclass(frozen=True, slots=True)
class _World:
    """What there is in the sandbox."""

    product: Product
    railway: Railway
    github: GitHub


def _configuration(world: _World, folder: str, port: int) -> Configuration:
    product = world.product
    settings = read(
        {
            "HOST": HOST,
            "PORT": str(port),
            "DATA_DIR": folder,
            "LOG_FORMAT": "console",
            "PRODUCTION_BACKEND_URL": product.backend_url,
            "PRODUCTION_FRONTEND_URL": product.frontend_url,
            "DEVOPS_API_SECRET": "sandbox-devops-secret",
            "GITHUB_API_URL": world.github.api_url,
            "GITHUB_URL": world.github.git_url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": world.github.user_token,
            "GITHUB_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "PUBLIC_LOGS": "true",
            **_railway_settings(world.railway),
            "CHECK_INTERVAL": "5s",
            "CONFIRM_INTERVAL": "1s",
            "PROBE_TIMEOUT": "2s",
            "REMEDIATION_PAUSE": "15s",
            "PULLS_INTERVAL": "5s",
            "CHECKS_SETTLE": "3s",
            "FEEDBACK_INTERVAL": "5s",
            "FEEDBACK_PROCESSOR_SECRET": "sandbox-feedback-secret",
        }
    )
    return Configuration(settings, watchlist.plan(settings, Document()))


def _railway_settings(railway: Railway) -> dict[str, str]:
    return {
        "RAILWAY_API_URL": railway.api_url,
        "RAILWAY_TOKEN_SW_FACTORY": railway.project_token,
        "RAILWAY_WORKSPACE_TOKEN": railway.workspace_token,
        "RAILWAY_SERVICE_ID": service_id("devops-daemon"),
    }


def _free(port: int) -> int:
    """Give the port if it is free, else 0: any that is."""
    try:
        with socket.create_server((HOST, port)):
            return port
    except OSError:
        return 0


async def _story(world: _World, faults: Sequence[str], page: str, tell: Tell) -> None:
    product, railway = world.product, world.railway
    async with aiohttp.ClientSession() as session:
        await _until(session, page, lambda data: all(s["status"] == "up" for s in data["services"]))
        tell("Everything is up.")
        await asyncio.sleep(QUIET_SECONDS if not faults else 0)
        for fault in faults or (TOUR_FAULT,):
            await product.switch_on(fault)
            tell(f"The product breaks: [bold]{fault}[/bold].")
        if not faults:
            await _heals(session, world, page, tell)
            await _rolled_back(session, world, page, tell)
            await _merged(world, tell)
            await _heard(world, tell)
        await _conversation(world.github, tell)
    tell(f"Break it yourself: [bold]curl -X PUT {product.control_url}/faults/frontend-refused[/bold]")
    pushed = f"{railway.control_url}/railway/push/backend?brings=backend-500"
    tell(f"Deploy a commit that breaks it: [bold]curl -X POST '{pushed}'[/bold]")
    settings = _railway_settings(railway) | {
        "PRODUCTION_BACKEND_URL": product.backend_url,
        "PRODUCTION_FRONTEND_URL": product.frontend_url,
        "DEVOPS_DAEMON_URL": page.removesuffix("/status"),
    }
    tell("The command line on it, in another terminal:")
    tell(f"[bold]export {' '.join(f'{name}={value}' for name, value in settings.items())}[/bold]")
    tell("and then [bold]devops-daemon status[/bold], [bold]logs[/bold], [bold]rollback backend[/bold] …")
    tell(f"Mend it: [bold]curl -X DELETE {product.control_url}/faults[/bold]. Ctrl-C ends.")


async def _heals(session: aiohttp.ClientSession, world: _World, page: str, tell: Tell) -> None:
    """Watch the daemon restart what hangs."""
    await _until(session, page, _has_open_incident)
    tell("An incident is open; nobody needs to do anything.")
    await _until(session, page, lambda data: not _has_open_incident(data))
    tell(f"The incident is resolved: {_tried(world, await _incident(session, page))}.")


async def _rolled_back(session: aiohttp.ClientSession, world: _World, page: str, tell: Tell) -> None:
    """Watch the daemon roll a bad commit back, and wait for the one that mends it."""
    await asyncio.sleep(QUIET_SECONDS)
    world.railway.push("backend", brings=frozenset({BAD_COMMIT_BRINGS}))
    tell("Somebody deploys a commit that breaks the backend.")
    await _until(session, page, lambda data: any(each["rolled_back_from"] for each in data["incidents"]))
    await _until(session, page, _has_helped)
    tell(f"{_tried(world, await _incident(session, page))}; the Code Agent is called, and until it has mended the")
    tell("commit the incident stays open. It pushes its fix:")
    await asyncio.sleep(QUIET_SECONDS)
    world.railway.push("backend")
    await _until(session, page, lambda data: not _has_open_incident(data))
    tell("The fix is live and well: the incident is resolved. What its issue on GitHub says:")
    issue = max(world.github.world.issues.values(), key=lambda each: each.number)
    tell(escape(issue.body or ""))


async def _merged(world: _World, tell: Tell) -> None:
    """Watch the daemon merge an agent's pull request when its checks are green."""
    github = world.github
    github.add_account(AGENT, "write")
    sha = await github.push("fix/7-cart", {"cart.py": "items = []\n"}, "Keep the order of the cart", login=AGENT)
    issue = await github.open_pull(AGENT, "fix/7-cart", "Keep the order of the cart")
    tell(f"An agent opens pull request #{issue.number}; its CI runs, and passes.")
    await github.report_check(sha, "unit")
    commit = await _given(lambda: issue.pull.merge_commit_sha if issue.pull else None)
    world.railway.push("backend", sha=commit)
    tell(f"It is merged as {commit[:7]}, and what it deploys is watched to its end.")


async def _heard(world: _World, tell: Tell) -> None:
    """Let a user write something, and show the issue that it becomes."""
    row = world.product.add_feedback(FEEDBACK, feedback_type="bug", name="Maria", email="maria@example.com")
    tell(f"A user of the product writes: [bold]{FEEDBACK}[/bold]")
    await _given(lambda: world.product.database.feedback[row.id].github_issue_url)
    issue = max(world.github.world.issues.values(), key=lambda each: each.number)
    tell(f"It is issue #{issue.number}: {escape(issue.title)}")


async def _incident(session: aiohttp.ClientSession, page: str) -> dict[str, Any]:
    async with session.get(f"{page}.json") as answer:
        newest: dict[str, Any] = (await answer.json())["incidents"][0]
        return newest


def _tried(world: _World, incident: dict[str, Any]) -> str:
    """Say what was done, and where it can be read."""
    said = " and ".join(f"{each['action']} of {each['service']} {each['outcome']}" for each in incident["remediations"])
    return f"{said or 'by itself'} ({incident['issue_url'] or world.github.api_url})"


def _has_helped(data: dict[str, Any]) -> bool:
    newest = data["incidents"][0]
    return bool(newest["remediations"]) and newest["remediations"][-1]["outcome"] == "helped"


async def _conversation(github: GitHub, tell: Tell) -> None:
    """Let somebody ask the daemon something on the sandbox's GitHub, and show what it answers."""
    github.add_account(SOMEBODY, "write")
    issue = await github.open_issue(SOMEBODY, "Sign-in seems slow")
    tell(f"{SOMEBODY} asks on GitHub: [bold]{QUESTION}[/bold]")
    await github.comment(SOMEBODY, issue.number, QUESTION)
    comments_on, operator = github.world.comments_on, github.operator
    reply = await _given(lambda: next((c.body for c in comments_on(issue.number) if c.author.login == operator), None))
    tell("The daemon's reply:")
    tell(escape(reply))
    asking = f"{github.control_url}/github/issues/{issue.number}/comments"
    tell("Ask it yourself; the second line prints what was said:")
    tell(f"""[bold]curl -X POST {asking} -d '{{"body": "@devops help"}}'[/bold]""")
    listed = f"{github.api_url}/repos/{REPOSITORY}/issues/{issue.number}/comments"
    tell(f"[bold]curl -s -H 'Authorization: Bearer {github.user_token}' {listed}[/bold]")


def _has_open_incident(data: dict[str, Any]) -> bool:
    return any(incident["status"] != "resolved" for incident in data["incidents"])


async def _until(session: aiohttp.ClientSession, page: str, holds: Callable[[dict[str, Any]], bool]) -> None:
    """Read the daemon's own status, as anybody would, until it says so."""
    while True:
        async with session.get(f"{page}.json") as answer:
            if holds(await answer.json()):
                return
        await asyncio.sleep(0.25)


async def _given(find: Callable[[], str | None]) -> str:
    """Wait until something is there in the sandbox; gives it."""
    while True:
        if found := find():
            return found
        await asyncio.sleep(0.1)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
