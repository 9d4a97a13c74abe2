"""What is written on a pull request: one comment, edited. Pure."""

from datetime import datetime

from devops_daemon.forge import Mark
from devops_daemon.landing import Came, Landing, PullRow
from devops_daemon.pulls.green import ago

KIND = "pull"
_SIGNS = {Came.LIVE: "\u2705", Came.FAILED: "\u274c"}


def mark_of(number: int, head_sha: str) -> Mark:
    """Name the comment on one head of a pull request."""
    return Mark(KIND, f"{number}:{head_sha}")


def stuck(row: PullRow, now: datetime) -> str:
    """Say that a pull request goes nowhere, and why."""
    still = f"Nothing has moved here for {ago(now - (row.quiet_since or now))}"
    green = f"; its checks are green since {row.decision.green_since:%H:%M} UTC" if row.decision.green_since else ""
    lines = (
        f"\u23f3 {still}{green}.",
        "",
        f"**Why it is not merged:** {row.decision.reason}.",
        "",
        "It is looked at again every minute, and merged as soon as nothing is in its way.",
        "",
        str(mark_of(row.number, row.head_sha)),
    )
    return "\n".join(lines)


def landed(landing: Landing, link: str | None) -> str | None:
    """Say what became of a merge of ours; None where there is nothing worth a comment."""
    if landing.came not in _SIGNS or landing.commit is None:
        return None
    at = f" at {landing.ended_at:%H:%M} UTC" if landing.ended_at else ""
    lines = [f"{_SIGNS[landing.came]} Merged as {landing.commit[:7]}: {landing.text}{at}."]
    if landing.came is Came.FAILED and link:
        lines += ["", f"What is done about it: {link}"]
    return "\n".join([*lines, "", str(mark_of(landing.number, landing.head_sha))])
