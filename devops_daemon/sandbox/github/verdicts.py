"""What the checks and reviews of a pull request come to."""

from collections.abc import Iterable
from dataclasses import dataclass

from devops_daemon.sandbox.github.accounts import Role
from devops_daemon.sandbox.github.checks import GREEN, CheckRun, CommitStatus
from devops_daemon.sandbox.github.pulls import PullPart
from devops_daemon.sandbox.github.world import World


@dataclass(frozen=True, slots=True)
class Reported:
    """The last word on a commit, of each check run and status by its name."""

    runs: tuple[CheckRun, ...]
    statuses: tuple[CommitStatus, ...]

    @property
    def words(self) -> dict[str, str]:
        """Say for each name: success, pending or failure; where a run and a status share one, the worse counts."""
        words: dict[str, str] = {}
        for name, word in self._all():
            worse = [words.get(name, word), word]
            words[name] = next(each for each in ("failure", "pending", "success") if each in worse)
        return words

    def _all(self) -> Iterable[tuple[str, str]]:
        for run in self.runs:
            yield run.name, _word(run)
        for status in self.statuses:
            yield status.context, "failure" if status.state == "error" else status.state


def reported(world: World, sha: str) -> Reported:
    """Collect what was reported of a commit."""
    runs = {run.name: run for run in world.check_runs if run.head_sha == sha}
    statuses = {status.context: status for status in world.statuses if status.sha == sha}
    return Reported(tuple(runs.values()), tuple(statuses.values()))


def missing(world: World, pull: PullPart) -> str | None:
    """Say which requirement does not hold, as GitHub words it; None where all do."""
    protection = world.protection(pull.base_ref)
    words = reported(world, pull.head_sha).words
    for name in sorted(protection.checks):
        if name not in words:
            return f'Required status check "{name}" is expected.'
        if words[name] != "success":
            told = "failing" if words[name] == "failure" else "pending"
            return f'Required status check "{name}" is {told}.'
    if decision(world, pull) in {"REVIEW_REQUIRED", "CHANGES_REQUESTED"}:
        return f"At least {max(1, protection.approvals)} approving review is required by reviewers with write access."
    return None


def decision(world: World, pull: PullPart) -> str | None:
    """Say what the reviewers decided, None where nobody needs to and nobody did."""
    last = {
        review.author.login: review.state
        for review in pull.reviews
        if review.state != "COMMENTED" and review.author.role >= Role.WRITE
    }
    if "CHANGES_REQUESTED" in last.values():
        return "CHANGES_REQUESTED"
    approvals = list(last.values()).count("APPROVED")
    wanted = world.protection(pull.base_ref).approvals
    if approvals < wanted:
        return "REVIEW_REQUIRED"
    return "APPROVED" if approvals else None


def _word(run: CheckRun) -> str:
    if run.conclusion is None:
        return "pending"
    return "success" if run.conclusion in GREEN else "failure"
