"""What the daemon needs of GitHub, and for which duty: permissions and webhook events. To need more is to add a row.

Permissions by GitHub's names for Apps ("Permissions required for GitHub Apps"); those of an App are asked for by
`deploy/github-app.json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LEVELS = ("read", "write", "admin")


@dataclass(frozen=True, slots=True)
class Right:
    """One permission, and what it is for."""

    permission: str
    level: str
    words: str
    """Its name on GitHub's pages."""
    duty: str
    """What is not done without it."""
    tried_by: str | None = None
    """A harmless read of the repository that takes it; `{branch}` is the default branch."""
    essential: bool = False
    """Without it hardly anything is done."""
    for_app: bool = True

    @property
    def asked(self) -> str:
        """What to tick on GitHub's page."""
        return f"{self.words}: {'read and write' if self.level == 'write' else 'read'}"

    def is_within(self, held: str | None) -> bool:
        """Tell whether what is held is enough."""
        return held in LEVELS and LEVELS.index(held) >= LEVELS.index(self.level)


RIGHTS: tuple[Right, ...] = (
    Right(
        "metadata",
        "read",
        "Metadata",
        "see who may do what, and which rules a branch has",
        "/rules/branches/{branch}?per_page=1",
        essential=True,
    ),
    Right(
        "issues",
        "write",
        "Issues",
        "open incidents, answer comments, call agents",
        "/issues?per_page=1",
        essential=True,
    ),
    Right(
        "pull_requests",
        "write",
        "Pull requests",
        "comment on, update and close pull requests",
        "/pulls?per_page=1",
        essential=True,
    ),
    Right(
        "contents",
        "write",
        "Contents",
        "merge, rebase, keep backups of branches",
        "/commits?per_page=1",
        essential=True,
    ),
    Right(
        "checks",
        "read",
        "Checks",
        "see whether CI passed: nothing is merged",
        "/commits/{branch}/check-runs?per_page=1",
    ),
    Right(
        "statuses",
        "read",
        "Commit statuses",
        "see whether CI passed: nothing is merged",
        "/commits/{branch}/status?per_page=1",
    ),
    Right("actions", "write", "Actions", "start an agent's workflow, read why CI failed", "/actions/runs?per_page=1"),
    Right("workflows", "write", "Workflows", "merge or rebase what changes .github/workflows"),
    Right(
        "repository_hooks",
        "read",
        "Webhooks",
        "find deliveries that were lost",
        "/hooks?per_page=1",
        for_app=False,  # an App reads its own webhook's with its key
    ),
)

EVENTS: Mapping[str, str] = {
    "issue_comment": "questions and commands, on issues and pull requests",
    "issues": "an incident's issue is closed, labelled or reopened by a person",
    "label": "a label that holds or calls is renamed or removed",
    "pull_request": "a pull request comes, changes or goes",
    "pull_request_review": "an approval that was waited for",
    "push": "the base of pull requests moves on",
    "check_run": "one check has ended",
    "check_suite": "all checks of an App have ended",
    "status": "a check of the older kind has ended",
    "workflow_run": "a workflow has ended",
}
"""The webhook events that hasten something, and what; without one of them it is done by the sweeps, later."""

SCOPES: Mapping[str, str] = {
    "repo": "everything in the repository",
    "workflow": "merge or rebase what changes .github/workflows",
}
"""The scopes of a classic token, and what each is for; on a public repository `public_repo` is enough for `repo`."""
