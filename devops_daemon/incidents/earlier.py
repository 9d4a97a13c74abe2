"""Which open issues an earlier run has left behind, whose rows were lost. Pure; `response.earlier` looks."""

from dataclasses import dataclass

from devops_daemon.forge import Issue, Mark
from devops_daemon.incidents import report
from devops_daemon.model import Incident

_TRIED = f"\n### {report.TRIED}\n"


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """The issue of an incident that no row knows."""

    issue: Issue
    incident: str
    """The id that it had."""

    @property
    def tried(self) -> bool:
        """Tell whether something was done about it: how often, nobody knows any more."""
        return _TRIED in self.issue.body

    def is_about(self, incident: Incident) -> bool:
        """Tell whether it is about the same outage, by the checks that its title names."""
        return bool(report.checks_named(self.issue.title) & {member.key.name for member in incident.members})


def left_behind(issue: Issue, link: str | None) -> LeftBehind | None:
    """Read an open issue of ours; None where it is no incident's, or that of a daemon that people reach elsewhere."""
    mark = Mark.at_end_of(issue.body)
    if mark is None or mark.kind != report.MARK or ":" in mark.key:
        return None
    page = f"/incidents/{mark.key})"
    elsewhere = link is not None and page in issue.body and f"({link}{page}" not in issue.body
    return None if elsewhere else LeftBehind(issue, mark.key)
