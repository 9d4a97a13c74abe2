"""Whose turn it is: one merge at a time for a base, the next when what the last one deployed has been judged. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from devops_daemon.forge import Pull
from devops_daemon.landing import Decision, Landing, Stage, Verb
from devops_daemon.model import Incident

Decided = tuple[Pull, Decision]


def in_turn(
    decided: Sequence[Decided], landings: Sequence[Landing], incidents: Sequence[Incident], wait: timedelta
) -> list[Decided]:
    """Let one pull request of each base be merged, and the others wait and say for which.

    What mends an outage comes first, then what has been green the longest. `landings` are those of the last while.
    """
    under_way = {each.base: each for each in landings if each.stage is not Stage.ENDED}
    ready = [(pull, decision) for pull, decision in decided if decision.verb is Verb.MERGE]
    first: dict[str, Pull] = {}
    for pull, _ in sorted(ready, key=lambda each: (not _mends(each[0], incidents), _green(each[1]), each[0].number)):
        first.setdefault(pull.base, pull)

    def placed(pull: Pull, decision: Decision) -> Decision:
        if decision.verb is not Verb.MERGE:
            return decision
        if (ahead := under_way.get(pull.base)) is not None:
            return replace(decision, verb=Verb.WAIT, reason=_after(ahead, wait))
        if first[pull.base] is not pull:
            return replace(decision, verb=Verb.WAIT, reason=f"after #{first[pull.base].number}, which is merged first")
        return decision

    return [(pull, placed(pull, decision)) for pull, decision in decided]


def _mends(pull: Pull, incidents: Sequence[Incident]) -> bool:
    return any(each.issue is not None and pull.names(each.issue) for each in incidents)


def _green(decision: Decision) -> float:
    return decision.green_since.timestamp() if decision.green_since else 0.0


def _after(ahead: Landing, wait: timedelta) -> str:
    if ahead.merged_at is None:
        return f"after #{ahead.number}, which is being merged"
    until: datetime = ahead.merged_at + wait
    return f"after #{ahead.number}: what it deploys is judged first, until {until:%H:%M} UTC at the latest"
