"""Reporting on commits: check runs of the CI's App, and statuses; each is told to the webhooks."""

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.bare import ZEROS
from devops_daemon.sandbox.github.checks import CheckRun, CommitStatus
from devops_daemon.sandbox.github.courier import Courier
from devops_daemon.sandbox.github.history import History
from devops_daemon.sandbox.github.landing import Landing
from devops_daemon.sandbox.github.moments import iso, now
from devops_daemon.sandbox.github.shown import checks as shown
from devops_daemon.sandbox.github.shown.commits import commit, pushed
from devops_daemon.sandbox.github.shown.view import View

COMPLETED = "completed"


class Checking:
    """The acts; where a pull request was waiting for it, it is merged then."""

    def __init__(self, view: View, history: History, courier: Courier, landing: Landing) -> None:
        """Act on this state."""
        self._view = view
        self._history = history
        self._courier = courier
        self._landing = landing
        self._suites: dict[str, int] = {}

    def suite(self, sha: str) -> int:
        """Give the id of the suite of a commit."""
        return self._suites.setdefault(sha, ids.fresh())

    async def begin(self, actor: Account, run: CheckRun) -> CheckRun:
        """Let a check run be there."""
        self._view.world.check_runs.append(run)
        await self._tell_run("created", actor, run)
        if run.status == COMPLETED:
            await self._ended(actor, run)
        return run

    async def end(self, actor: Account, run: CheckRun, conclusion: str) -> None:
        """Let a check run complete."""
        run.status, run.conclusion, run.completed_at = COMPLETED, conclusion, now()
        await self._ended(actor, run)

    async def report(self, status: CommitStatus) -> CommitStatus:
        """Take a status."""
        self._view.world.statuses.append(status)
        about = await self._history.commit(status.sha)
        payload = {
            "id": status.id,
            "sha": status.sha,
            "name": self._view.world.full_name,
            "avatar_url": None,
            "target_url": status.target_url,
            "context": status.context,
            "description": status.description,
            "state": status.state,
            "commit": commit(self._view, about),
            "branches": [],
            "created_at": iso(status.created_at),
            "updated_at": iso(status.created_at),
        }
        self._courier.tell("status", status.creator, payload)
        await self._landing.land_waiting(status.sha)
        return status

    async def _ended(self, actor: Account, run: CheckRun) -> None:
        await self._tell_run(COMPLETED, actor, run)
        runs = [each for each in self._view.world.check_runs if each.head_sha == run.head_sha]
        if all(each.status == COMPLETED for each in runs):
            await self._tell_suite(actor, run)
        await self._landing.land_waiting(run.head_sha)

    async def _tell_run(self, action: str, actor: Account, run: CheckRun) -> None:
        self._courier.tell("check_run", actor, {"action": action, "check_run": shown.check_run(self._view, run)})

    async def _tell_suite(self, actor: Account, run: CheckRun) -> None:
        head = pushed(self._view, await self._history.commit(run.head_sha))
        suite = shown.suite(self._view, run.suite_id, run.head_sha)
        named = {"head_commit": {name: head[name] for name in shown.OF_HEAD}, "before": ZEROS}
        self._courier.tell("check_suite", actor, {"action": COMPLETED, "check_suite": {**suite, **named}})
