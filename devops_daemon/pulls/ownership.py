"""Whose a pull request is: an agent's may be merged, rebased and closed; a person's is left alone. Pure.

An agent's is one that its opener or its branch says is one, and on which nobody else has put a commit (contract,
`AUTOMERGE`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from devops_daemon.forge import Pull, PullCommit


@dataclass(frozen=True, slots=True)
class Agents:
    """How agents are known."""

    logins: Sequence[str]
    branches: Sequence[str]

    def has(self, login: str | None) -> bool:
        """Tell whether an account is an agent's; case makes no difference, as on GitHub."""
        return login is not None and login.casefold() in {each.casefold() for each in self.logins}


def why_a_persons(pull: Pull, agents: Agents, ours: Collection[str]) -> str | None:
    """Say why a pull request counts as a person's, None where it is an agent's; `ours` are commits that we pushed."""
    by_branch = not pull.fork and any(fnmatchcase(pull.branch, pattern) for pattern in agents.branches)
    if not by_branch and not agents.has(pull.author.login):
        return f"it is {pull.author.login}'s: neither AGENT_LOGINS nor AGENT_BRANCHES says that it is an agent's"
    first = pull.commits[0].email if pull.commits else ""
    strange = next((each for each in pull.commits if not _is_fellow(each, pull, agents, ours, first)), None)
    if strange is None:
        return None
    who = strange.login or f"somebody without an account ({strange.email or 'no e-mail'})"
    return f"commit {strange.sha[:7]} on it is by {who}: it counts as a person's"


def _is_fellow(commit: PullCommit, pull: Pull, agents: Agents, ours: Collection[str], first: str) -> bool:
    """Tell whether a commit is its opener's, an agent's or ours; one without an account by the e-mail it bears."""
    if commit.sha in ours or agents.has(commit.login):
        return True
    if commit.login is None:
        return bool(first) and commit.email.casefold() == first.casefold()
    return commit.login.casefold() == pull.author.login.casefold()
