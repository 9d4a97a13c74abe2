"""The daemon as a process, with a GitHub: a signed comment in, one reply out, whatever dies or is lost in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from e2e.conftest import DaemonProcess, RunDaemon
from e2e.test_cli import Stranger

from devops_daemon.forge import Mark
from devops_daemon.sandbox.github.github import GitHub
from devops_daemon.sandbox.github.hooks import Hook
from devops_daemon.sandbox.github.issues import Comment
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.sandbox.railway.seed import PRODUCTION_ID

SECRET = "It's a Secret to Everybody"  # of webhooks that never leave this machine
COMMENTS = "*/issues/{issue_number}/comments"
REACTIONS = "*/issues/comments/{comment_id}/reactions"
ROLE = "*/collaborators/{username}/permission"
pytestmark = pytest.mark.chaos


@dataclass(slots=True)
class Shop:
    """A product on a Railway, with a GitHub."""

    product: Product
    railway: Railway
    github: GitHub
    issue: int

    def settings(self, **others: str) -> dict[str, str]:
        return {
            "PRODUCTION_BACKEND_URL": self.product.backend_url,
            "PRODUCTION_FRONTEND_URL": self.product.frontend_url,
            "RAILWAY_API_URL": self.railway.api_url,
            "RAILWAY_TOKEN_SW_FACTORY": self.railway.project_token,
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_REPOSITORY": self.github.repository,
            "GITHUB_TOKEN": self.github.user_token,
            "GITHUB_WEBHOOK_SECRET": SECRET,
            "DEVOPS_API_SECRET": "sandbox-devops-secret",
            "CHECK_INTERVAL": "1h",
            "SWEEP_INTERVAL": "1h",
        } | others

    async def hook(self, daemon: DaemonProcess) -> Hook:
        """Let webhooks of comments lead to the daemon."""
        url = f"http://127.0.0.1:{daemon.port}/webhooks/github"
        return await self.github.hook(url, SECRET, events=("issue_comment",))

    async def says(self, body: str, login: str = "ada") -> Comment:
        return await self.github.comment(login, self.issue, body)

    def replies(self, said: Comment) -> list[str]:
        """The replies to a comment."""
        mine = (each for each in self.github.world.comments_on(self.issue) if each.author.login == self.github.operator)
        return [each.body for each in mine if Mark.at_end_of(each.body) == Mark("reply", str(said.id))]

    def reactions(self, said: Comment) -> list[str]:
        return [each.content for each in self.github.world.comments[said.id].reactions]

    async def answered(self, said: Comment, daemon: DaemonProcess) -> str:
        """Wait until a comment's answer is there in full; gives its one reply."""

        async def look() -> bool:
            return bool({"rocket", "confused"} & set(self.reactions(said)))

        await daemon.until(look)
        (reply,) = self.replies(said)
        return reply


@asynccontextmanager
async def open_shop() -> AsyncIterator[Shop]:
    async with Product() as product, Railway(product, Pace.quick()) as railway, GitHub("acme/shop") as github:
        railway.limits.hour_limit = 100_000
        github.world.options.private = True
        github.add_account("ada", "admin")
        issue = await github.open_issue("ada", "checkout is slow")
        yield Shop(product, railway, github, issue.number)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as opened:
        yield opened


async def test_a_signed_comment_in_is_one_reply_out(shop: Shop, daemon_in: RunDaemon) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings()) as daemon:
        hook = await shop.hook(daemon)
        said = await shop.says("@devops please check backend logs for authentication errors")
        reply = await shop.answered(said, daemon)
        assert "## \U0001f527 DevOps Diagnostic Results" in reply
        assert shop.reactions(said) == ["eyes", "rocket"]
        assert hook.deliveries[-1].status_code == 202
        data = await daemon.status(lambda data: data["integrations"]["github"] == "ok")
        assert data["inbox"]["failed"] == 0
        assert SECRET not in daemon.log()
        assert shop.github.user_token not in daemon.log()


async def test_a_delivery_that_is_not_ours_is_turned_away(shop: Shop, daemon_in: RunDaemon) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings()) as daemon:
        hook = await shop.hook(daemon)
        shop.github.delivery_faults.switch_on("forged", times=1)
        said = await shop.says("@devops restart backend")
        await shop.github.settled()
        assert hook.deliveries[-1].status_code == 401
        after = await shop.says("@devops status")
        await shop.answered(after, daemon)
        assert (shop.replies(said), shop.reactions(said)) == ([], [])


@pytest.mark.parametrize("fault", ["double", "late", "overtaken"])
async def test_deliveries_that_come_twice_late_or_in_another_order_are_answered_once_each(
    shop: Shop, daemon_in: RunDaemon, fault: str
) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings()) as daemon:
        await shop.hook(daemon)
        shop.github.delivery_faults.switch_on(fault, times=1)
        comments = [await shop.says("@devops status"), await shop.says("@devops health")]
        for said in comments:
            await shop.answered(said, daemon)
        await shop.github.settled()
        assert [len(shop.replies(said)) for said in comments] == [1, 1]


@pytest.mark.parametrize("fault", ["lose", "vanish"])
async def test_a_delivery_that_never_comes_is_found_by_the_sweep(shop: Shop, daemon_in: RunDaemon, fault: str) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings(SWEEP_INTERVAL="500ms")) as daemon:
        await shop.hook(daemon)
        await daemon.until(lambda: swept(shop))
        shop.github.delivery_faults.switch_on(fault, times=1)
        said = await shop.says("@devops status")
        await shop.answered(said, daemon)
        assert len(shop.replies(said)) == 1


async def swept(shop: Shop) -> bool:
    """Whether the daemon has swept twice: from then on what is new is no history."""
    return shop.github.calls["GET /repos/{owner}/{repo}/issues/comments"] >= 1


# kill -9

POINTS = {
    "once it was accepted": None,
    "while it looked up who asks": ("GET", ROLE, "hang"),
    "while it put the eyes": ("POST", REACTIONS, "hang"),
    "before the reply was written": ("POST", COMMENTS, "hang"),
    "after the reply was written": ("POST", COMMENTS, "hang-done"),
}


@pytest.mark.parametrize("point", POINTS)
async def test_a_daemon_that_is_killed_answers_once_when_it_is_back(
    shop: Shop, daemon_in: RunDaemon, point: str
) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings()) as daemon:
        hook = await shop.hook(daemon)
        held = POINTS[point]
        if held:
            method, route, fault = held
            shop.github.faults.switch_on(fault, method=method, route=route)
        said = await shop.says("@devops status")
        if held:
            await daemon.until(lambda: asked_for(shop, held[0], held[1]))
        else:
            await shop.github.settled()
        await daemon.kill()
        assert hook.deliveries[0].status_code == 202
        shop.github.faults.mend()
        await daemon.start()
        await shop.answered(said, daemon)
        await daemon.status(lambda data: data["inbox"] == {"pending": 0, "failed": 0, "oldest_pending_s": None})
        assert len(shop.replies(said)) == 1


async def asked_for(shop: Shop, method: str, route: str) -> bool:
    """Whether the daemon has asked for this, and waits for the answer."""
    wanted = route.removeprefix("*")
    return any(heard.method == method and heard.route.endswith(wanted) for heard in shop.github.heard)


@pytest.mark.parametrize("fault", ["hang", "slow"])
async def test_an_act_in_the_middle_of_which_it_is_killed_is_not_begun_again(
    shop: Shop, daemon_in: RunDaemon, fault: str
) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings()) as daemon:
        await shop.hook(daemon)
        shop.railway.faults.switch_on(fault, operation="RedeployDeployment")
        said = await shop.says("@devops redeploy backend")
        await daemon.until(lambda: begun(shop, done=fault == "slow"))
        await daemon.kill()
        shop.railway.faults.mend()
        await daemon.start()
        if fault == "slow":
            assert "Done: redeploy backend" in await shop.answered(said, daemon)
        else:  # it is looked for again for minutes before anything is said
            await daemon.until(lambda: told(daemon, "does not show yet"))
        assert shop.railway.calls["RedeployDeployment"] == 1


async def told(daemon: DaemonProcess, text: str) -> bool:
    return text in daemon.log()


async def begun(shop: Shop, *, done: bool) -> bool:
    """Whether the redeploy has reached Railway, and was done there."""
    world = shop.railway.realm.world
    newest = world.history(world.place_named(PRODUCTION_ID, "backend"))[0]
    new = datetime.now(UTC) - newest.created_at < timedelta(minutes=1)
    return shop.railway.calls["RedeployDeployment"] == 1 and new is done


async def test_a_follow_up_outlives_the_daemon(shop: Shop, daemon_in: RunDaemon) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings()) as daemon:
        await shop.hook(daemon)
        said = await shop.says("@devops redeploy backend")
        await daemon.until(lambda: told(daemon, "redeploy backend: followed"))
        await daemon.kill()
        await daemon.start()
        assert "Done: redeploy backend" in await shop.answered(said, daemon)
        assert shop.railway.calls["RedeployDeployment"] == 1


# What people see of it


async def test_a_poison_delivery_is_seen_and_replayed_from_the_command_line(
    shop: Shop, daemon_in: RunDaemon, stranger: Stranger
) -> None:
    daemon: DaemonProcess
    token = "an-operators-token-0123"  # of a daemon in a test
    async with daemon_in(**shop.settings(OPERATOR_TOKEN=token)) as daemon:
        await shop.hook(daemon)
        shop.github.faults.switch_on("forbidden", method="POST", route=COMMENTS)
        said = await shop.says("@devops status")
        ask = {"DEVOPS_DAEMON_URL": f"http://127.0.0.1:{daemon.port}", "OPERATOR_TOKEN": token}

        async def failed() -> dict[str, Any] | None:
            listed = await stranger.types("deliveries", "--json", **ask)
            return next((row for row in listed.rows if row["state"] == "failed"), None)

        row = await daemon.until(failed)
        shop.github.faults.mend()
        replayed = await stranger.types("deliveries", "replay", row["id"], **ask)
        assert replayed.code == 0, replayed.err
        await shop.answered(said, daemon)


@pytest.fixture
def stranger(tmp_path: Any) -> Stranger:
    return Stranger(tmp_path)


async def test_many_comments_at_once_are_all_answered(shop: Shop, daemon_in: RunDaemon) -> None:
    daemon: DaemonProcess
    async with daemon_in(**shop.settings()) as daemon:
        await shop.hook(daemon)
        comments = await asyncio.gather(*(shop.says("@devops help") for _ in range(4)))
        for said in comments:
            await shop.answered(said, daemon)
