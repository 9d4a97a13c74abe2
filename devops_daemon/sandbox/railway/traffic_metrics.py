"""What the requests to a service amount to, in steps of time: how many of each status, and how long they took."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from devops_daemon.sandbox.railway.pages import Node
from devops_daemon.sandbox.railway.traffic import Passage

PERCENTILES = (50, 90, 95, 99)


def statuses(passages: Iterable[Passage], step: timedelta) -> list[Node]:
    """Count them, by status and step."""
    by_status: defaultdict[int, list[Passage]] = defaultdict(list)
    for passage in passages:
        by_status[passage.visit.status].append(passage)
    return [{"statusCode": status, "samples": _counts(found, step)} for status, found in sorted(by_status.items())]


def durations(passages: Iterable[Passage], step: timedelta) -> list[Node]:
    """Give the percentiles of how long they took, in milliseconds, by step."""
    return [
        {"ts": second, **_percentiles(sorted(passage.visit.took.total_seconds() * 1000 for passage in found))}
        for second, found in _steps(passages, step)
    ]


def _counts(passages: Iterable[Passage], step: timedelta) -> list[Node]:
    return [{"ts": second, "value": len(found)} for second, found in _steps(passages, step)]


def _steps(passages: Iterable[Passage], step: timedelta) -> list[tuple[int, list[Passage]]]:
    width = max(1, int(step.total_seconds()))
    found: defaultdict[int, list[Passage]] = defaultdict(list)
    for passage in passages:
        found[int(passage.at.timestamp()) // width * width].append(passage)
    return sorted(found.items(), key=lambda each: each[0])


def _percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    return {f"p{share}": milliseconds[math.ceil(share / 100 * len(milliseconds)) - 1] for share in PERCENTILES}
