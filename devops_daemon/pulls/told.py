"""What is written on a pull request: one comment, edited. Pure."""

from datetime import datetime

from devops_daemon.forge import Mark, Pull
from devops_daemon.landing import Came, Landing, PullRow
from devops_daemon.markdown import details, fenced, plain, shortened, shown, span
from devops_daemon.pulls.green import ago
from devops_daemon.untangling import Knot

KIND = "pull"
LONGEST_TITLE = 80
MOST_FILES = 5
_SIGNS = {Came.LIVE: "\u2705", Came.FAILED: "\u274c", Came.UNDEPLOYED: "\u274c"}


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
    if landing.came is not Came.LIVE and link:
        lines += ["", f"What is done about it: {link}"]
    return "\n".join([*lines, "", str(mark_of(landing.number, landing.head_sha))])


def superseded(pull: Pull, commit: str | None) -> str:
    """Say that a pull request is closed because its base has it."""
    by = f", by {commit}" if commit else ""
    return "\n".join(
        [
            f"Closed: `{pull.base}` has all of this already{by}. Its branch is left as it is.",
            "",
            str(mark_of(pull.number, pull.head_sha)),
        ]
    )


def mend(pull: Pull, knot: Knot) -> str:
    """Ask an agent to mend a conflict on the same branch."""
    what = f"Pull request #{pull.number} conflicts with {pull.base} in {_files(knot)}. Mend it on its own branch:"
    how = f"put {span(pull.branch)} upon {pull.base}, keep what both sides meant, and push there. Open no new one."
    return f"{what} {how}\n\n{details('What conflicts', fenced(shown(knot.hunks)))}"


def given_up(pull: Pull, knot: Knot, ref: str, issue: int) -> str:
    """Say that a pull request is closed, why, and where its work is kept."""
    why = f"Closed: it conflicts with `{pull.base}` in {_files(knot)}, and neither git nor the Code Agent mended it."
    kept = f"Nothing is lost: this head is kept as `{ref}` (`git fetch origin {ref}`), and the branch is left as it is."
    return f"{why} It is made anew for #{issue}.\n\n{kept}\n\n{mark_of(pull.number, pull.head_sha)}"


def recreate(pull: Pull, knot: Knot, ref: str) -> str:
    """Ask an agent to make a pull request anew."""
    show = span(f"git fetch origin {ref} && git diff {knot.base_sha[:12]}...FETCH_HEAD")
    parts = (
        f"Pull request #{pull.number} could not be put upon {pull.base} (conflicts in {_files(knot)}) and is closed.",
        f"Please make it anew, on a new branch from {pull.base}.",
        f"Its old head is kept as {span(ref)}: {show} shows what it changed.",
    )
    return f"{' '.join(parts)}\n\n{details('What conflicted', fenced(shown(knot.hunks)))}"


def undeployed(landing: Landing, last_words: str) -> str:
    """Ask an agent to mend what was merged and could not be deployed; `last_words` are the deployment's."""
    commit = (landing.commit or "")[:12]
    asked = (
        f"Pull request #{landing.number} is merged as {commit}, and {landing.text}: what served before serves on, and"
        f" nothing that is merged after it is deployed either. Find the cause (`devops-daemon logs --build` shows the"
        f" build), mend it, and open a pull request that names this issue."
    )
    return f"{asked}\n\n{details('What it said', fenced(shown(last_words)))}" if last_words else asked


def issue_title(pull: Pull) -> str:
    """Name the issue in which an agent is asked about a pull request that is for none."""
    return f"Pull request {pull.number} conflicts: {shortened(plain(pull.title), LONGEST_TITLE)}"


def issue_body(pull: Pull) -> str:
    """Say what the issue is for."""
    return f"#{pull.number} conflicts with `{pull.base}`, and names no issue. What is asked about it is asked here."


def _files(knot: Knot) -> str:
    shown = ", ".join(span(each) for each in knot.files[:MOST_FILES])
    if not knot.files:
        return "some of its files"
    return shown + (f" and {len(knot.files) - MOST_FILES} more" if len(knot.files) > MOST_FILES else "")
