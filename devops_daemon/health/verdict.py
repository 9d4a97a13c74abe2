"""Decide how a probe stands, from its results: thresholds, confirmation, flapping, and what cannot be known.

Everything here is pure: results and rows in, rows out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from devops_daemon.model import Outcome, Probe, ProbeState, Reference, Result, Status, Symptom, Trouble

HISTORY = 21
"""Results that flapping is judged by (Nagios' number), hence twenty pairs of neighbours."""
QUICK_REPEATS = 5
LONGEST_REPEAT = timedelta(seconds=60)
REFERENCE_MEMORY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When results become a verdict, and how soon the next look comes."""

    failures: int
    successes: int
    check_interval: timedelta
    confirm_interval: timedelta


def judge(state: ProbeState, result: Result, probe: Probe, thresholds: Thresholds) -> ProbeState:
    """Give the row after `result`."""
    outcome = _settle_unproven(result.outcome, state, probe)
    seen = replace(
        state,
        detail=result.detail,
        latency=result.latency,
        checked_at=result.at,
        blind=outcome is Outcome.UNKNOWN,
    )
    if outcome is Outcome.UNKNOWN:
        return seen
    fresh = _forget_old_streak(seen, state.checked_at, result.at, thresholds)
    return _settle(_count(fresh, outcome, result, probe, thresholds), result, thresholds, flapped=state.flapping)


def _settle_unproven(outcome: Outcome, state: ProbeState, probe: Probe) -> Outcome:
    if outcome is not Outcome.UNPROVEN:
        return outcome
    return Outcome.FAILED if state.proven == probe.fingerprint else Outcome.UNKNOWN


def _forget_old_streak(state: ProbeState, last: datetime | None, now: datetime, thresholds: Thresholds) -> ProbeState:
    """Results further apart than two rounds do not confirm each other: the daemon was away in between."""
    if last is None or now - last <= 2 * thresholds.check_interval + LONGEST_REPEAT:
        return state
    return replace(state, failures=0, successes=0, passes=0, slow=0, failing_since=None, history="")


def flapping_above(thresholds: Thresholds) -> int:
    """Give the most changed pairs that confirmed outages can bring about, however often they come and go.

    Each has a run of `failures` at least, and so has its end of `successes`: two changes in so many results. With both
    two, half of the pairs. More is a fault that answers by turns; half of that, and it has settled.
    """
    outages, rest = divmod(HISTORY - 1, thresholds.failures + thresholds.successes)
    return 2 * outages + min(2, rest)


def _count(state: ProbeState, outcome: Outcome, result: Result, probe: Probe, thresholds: Thresholds) -> ProbeState:
    failed, slow = outcome is Outcome.FAILED, outcome is Outcome.DEGRADED
    history = (state.history + ("x" if failed else "."))[-HISTORY:]
    changes = sum(one != other for one, other in pairwise(history))
    most = flapping_above(thresholds)
    same_streak = (failed and state.failures) or (slow and state.slow)
    turned = failed is not bool(state.failures)  # what has just turned is confirmed quickly, bad news and good
    return replace(
        state,
        failures=state.failures + 1 if failed else 0,
        successes=0 if failed else state.successes + 1,
        passes=0 if failed or slow else state.passes + 1,
        slow=state.slow + 1 if slow else 0,
        failing_since=(state.failing_since if same_streak else result.at) if failed or slow else None,
        repeats=0 if turned else state.repeats,
        proven=state.proven if failed else probe.fingerprint,
        history=history,
        flapping=changes > (most // 2 if state.flapping else most),
    )


def _settle(state: ProbeState, result: Result, thresholds: Thresholds, *, flapped: bool) -> ProbeState:
    """Say how it stands, and since when; what flapped is up only since it has settled."""
    settled = _status(state, thresholds)
    calmed = flapped and not state.flapping and settled is Status.UP
    if settled is state.settled and not calmed:
        return state
    worse = settled in {Status.DOWN, Status.DEGRADED}
    return replace(state, settled=settled, since=(state.failing_since or result.at) if worse else result.at)


def _status(state: ProbeState, thresholds: Thresholds) -> Status:
    if state.failures >= thresholds.failures:
        return Status.DOWN
    if state.failures:
        return state.settled
    recovering = state.settled is Status.DOWN
    if recovering and state.successes < thresholds.successes:
        return Status.DOWN
    if state.slow >= thresholds.failures:
        return Status.DEGRADED
    if state.settled is Status.DEGRADED and state.passes < thresholds.successes:
        return Status.DEGRADED
    return Status.UP


def service_status(states: Sequence[ProbeState]) -> Status:
    """Sum up a service: as bad as its worst probe that could be measured, unknown if none could.

    One that answers by turns is degraded, whatever its last results were.
    """
    found = {state.status for state in states}
    if Status.DOWN in found:
        return Status.DOWN
    if Status.DEGRADED in found or any(state.flapping for state in states):
        return Status.DEGRADED
    return Status.UP if Status.UP in found else Status.UNKNOWN


def is_fine(state: ProbeState, service: Status) -> bool:
    """Tell whether the next round is soon enough: it passed in full, and its service is up."""
    return state.checked_at is None or (not state.failures and not state.slow and service is Status.UP)


def pace(state: ProbeState, service: Status) -> ProbeState:
    """Count the looks that found it or its service not well."""
    return replace(state, repeats=0 if is_fine(state, service) else state.repeats + 1)


def next_look(state: ProbeState, service: Status, thresholds: Thresholds) -> datetime | None:
    """Say when a probe is to be looked at before the next round; None where that is soon enough."""
    if is_fine(state, service) or state.checked_at is None:
        return None
    doublings = min(max(0, state.repeats - QUICK_REPEATS), 16)
    wait: timedelta = thresholds.confirm_interval * (1 << doublings)
    return state.checked_at + min(wait, max(LONGEST_REPEAT, thresholds.confirm_interval))


def blindness(results: Sequence[Result], references: Sequence[Reference], now: datetime) -> str | None:
    """Say why nothing can be said about the product now, or None where something can.

    Blind only if no probe got any HTTP answer and every reference that answered within the last hour fails now too.
    With no such reference the product is down: a total outage must not hide behind a doubt.
    """
    if not results or any(result.answered for result in results):
        return None
    known = [r for r in references if r.answered_at and now - r.answered_at <= REFERENCE_MEMORY]
    if not known or any(reference.answers for reference in known):
        return None
    return f"our own network: no probe and none of {len(known)} references got an answer"


def trouble(state: ProbeState, probe: Probe) -> Trouble | None:
    """Say what is wrong with a probe, in the words of incidents; None where it is well or was never measured."""
    symptom = _symptom(state)
    if symptom is None or state.checked_at is None:
        return None
    worse = state.settled in {Status.DOWN, Status.DEGRADED}
    since = (state.since if worse else state.failing_since) or state.checked_at
    return Trouble(state.key, symptom, probe.severity, since, state.detail)


def _symptom(state: ProbeState) -> Symptom | None:
    if state.settled is Status.DOWN:
        return Symptom.DOWN
    if state.flapping:
        return Symptom.FLAPPING
    return Symptom.DEGRADED if state.settled is Status.DEGRADED else None
