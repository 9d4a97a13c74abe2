"""What is kept of a pull request from one look to the next: since when it is ready, since when nothing moves. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from devops_daemon.forge import Pull
from devops_daemon.landing import Decision, PullRow, Verb

STUCK_AFTER = timedelta(minutes=45)
"""A quarter of an hour before the promise of an hour is broken (specification, "Success Criteria")."""


def followed(pull: Pull, decision: Decision, before: PullRow | None, now: datetime) -> PullRow:
    """Give the row after a look."""
    same = before if before is not None and before.head_sha == pull.head_sha else None
    unchanged = same and (same.decision.verb, same.decision.reason) == (decision.verb, decision.reason)
    return PullRow(
        number=pull.number,
        title=pull.title,
        url=pull.url,
        author=pull.author.login,
        base=pull.base,
        head_sha=pull.head_sha,
        decision=decision,
        decided_at=same.decided_at if same and unchanged else now,
        ready_since=_ready_since(decision, same, now),
        quiet_since=_quiet_since(pull, same, now),
        alarmed=same.alarmed if same else None,
    )


def _ready_since(decision: Decision, same: PullRow | None, now: datetime) -> datetime | None:
    """Count from when it was green, or from when what held it was gone."""
    if decision.green_since is None or not decision.covered or decision.held:
        return None
    if same is None:
        return decision.green_since
    return same.ready_since or (now if same.decision.held else decision.green_since)


def _quiet_since(pull: Pull, same: PullRow | None, now: datetime) -> datetime | None:
    if any(each.passed is None for each in pull.checks):
        return None
    ended = [each.ended_at for each in pull.checks if each.ended_at]
    return max(ended) if ended else (same.quiet_since if same and same.quiet_since else now)


def is_stuck(row: PullRow, now: datetime) -> bool:
    """Tell whether it goes nowhere though nothing holds it, and nobody was told so."""
    waits = row.decision.covered and not row.decision.held and row.decision.verb is not Verb.LEAVE
    return (
        waits and row.alarmed != row.head_sha and row.quiet_since is not None and now - row.quiet_since >= STUCK_AFTER
    )


def seen_in(pulls: Iterable[Pull]) -> Mapping[str, datetime]:
    """Say when each check has last reported."""
    found: dict[str, datetime] = {}
    for check in (each for pull in pulls for each in pull.checks):
        if check.ended_at is not None:
            found[check.name] = max(found.get(check.name, check.ended_at), check.ended_at)
    return found


def changed(rows: Sequence[PullRow], before: Mapping[int, PullRow]) -> list[PullRow]:
    """Give those about which something else was decided than before."""
    return [
        row
        for row in rows
        if row.number not in before
        or before[row.number].decision.verb is not row.decision.verb
        or before[row.number].decision.reason != row.decision.reason
    ]
