"""Whose turn it is to be merged, what became of a merge, and what is kept and told of pull requests."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import START, a_member, a_pull, a_record, an_incident, at
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.forge import Check, Mark
from devops_daemon.hosting import Became, DeploymentRecord
from devops_daemon.landing import Came, Decision, Landing, PullRow, Stage, Verb
from devops_daemon.pulls.following import STUCK_AFTER, changed, followed, is_stuck, seen_in
from devops_daemon.pulls.told import landed, stuck
from devops_daemon.pulls.turn import in_turn
from devops_daemon.pulls.verdict import Patience, Verdict, judged

MINUTE, WAIT = timedelta(minutes=1), timedelta(minutes=10)
NOW = START + timedelta(hours=1)
SHA = "c" * 40
MERGE = Decision(Verb.MERGE, "nothing holds it", covered=True, green_since=START)
LANDING = Landing(7, "a" * 40, "main", "Mend the cart", "https://x/7", "nothing holds it", START, id=1)
MERGED = replace(LANDING, stage=Stage.MERGED, commit=SHA, merged_at=START)
PATIENCE = Patience(WAIT, MINUTE, hosted=True, probed=frozenset({"s-backend", "s-frontend"}))


# --- whose turn it is


def test_one_of_each_base_is_merged_first_what_has_been_green_the_longest() -> None:
    early, late = a_pull(number=9), a_pull(number=8)
    placed = in_turn([(late, replace(MERGE, green_since=at(60))), (early, MERGE)], [], [], WAIT)
    assert [decision.verb for _, decision in placed] == [Verb.WAIT, Verb.MERGE]
    assert placed[0][1].reason == "after #9, which is merged first"


def test_what_mends_an_outage_comes_first() -> None:
    outage = replace(an_incident(a_member()), issue=3)
    early, mends = a_pull(number=8), a_pull(number=9, body="Fixes #3")
    placed = in_turn([(early, MERGE), (mends, replace(MERGE, green_since=at(60)))], [], [outage], WAIT)
    assert [decision.verb for _, decision in placed] == [Verb.WAIT, Verb.MERGE]


@pytest.mark.parametrize(
    ("landing", "reason"),
    [
        (LANDING, "after #7, which is being merged"),
        (MERGED, "after #7: what it deploys is judged first, until 12:10 UTC at the latest"),
    ],
)
def test_while_one_is_under_way_the_next_waits_and_says_for_which(landing: Landing, reason: str) -> None:
    [(_, decision)] = in_turn([(a_pull(number=9), MERGE)], [landing], [], WAIT)
    assert decision == replace(MERGE, verb=Verb.WAIT, reason=reason)


def test_another_base_and_what_has_ended_hold_up_nothing() -> None:
    ended = replace(MERGED, stage=Stage.ENDED)
    for landing in (ended, replace(MERGED, base="other")):
        assert in_turn([(a_pull(number=9), MERGE)], [landing], [], WAIT)[0][1] == MERGE


DECISIONS = st.lists(st.sampled_from([MERGE, Decision(Verb.WAIT, "w"), Decision(Verb.LEAVE, "l")]), max_size=6)


@given(DECISIONS, st.sampled_from([[], [MERGED]]))
def test_never_are_two_merged_into_one_base_and_nothing_is_decided_anew(
    decisions: Sequence[Decision], landings: Sequence[Landing]
) -> None:
    decided = [(a_pull(number=place + 1), decision) for place, decision in enumerate(decisions)]
    placed = in_turn(decided, landings, [], WAIT)
    merges = [each for _, each in placed if each.verb is Verb.MERGE]
    assert len(merges) == (0 if landings else min(1, decisions.count(MERGE)))
    assert [
        new for (_, old), (_, new) in zip(decided, placed, strict=True) if old is not MERGE and new is not old
    ] == []


# --- what became of it


def of(service: str, became: Became, status: str = "SUCCESS") -> DeploymentRecord:
    return replace(a_record(became=became), service=service, service_id=f"s-{service}", status=status)


WELL, ILL = of("backend", Became.WELL), replace(of("backend", Became.FAILED, "CRASHED"), live_at=START)
UNBUILT = of("backend", Became.FAILED, "FAILED")
LATE = "its deployment was not judged in time"


@pytest.mark.parametrize(
    ("deployed", "minutes", "verdict"),
    [
        ([], 1, None),
        ([], 10, Verdict(Came.MERGED, f"{LATE} (none was seen)")),
        ([of("backend", Became.UNDER_WAY)], 1, None),
        ([of("backend", Became.LIVE)], 1, None),
        (
            [of("backend", Became.LIVE)],
            11,
            Verdict(Came.MERGED, f"{LATE} (backend live)"),
        ),
        ([WELL], 1, Verdict(Came.LIVE, "live and healthy on backend")),
        ([WELL, of("frontend", Became.LIVE)], 1, None),
        ([WELL, of("nightly", Became.LIVE)], 1, Verdict(Came.LIVE, "live and healthy on backend")),
        ([WELL, of("frontend", Became.WELL)], 1, Verdict(Came.LIVE, "live and healthy on backend and frontend")),
        ([WELL, of("frontend", Became.SKIPPED)], 1, Verdict(Came.LIVE, "live and healthy on backend")),
        ([of("frontend", Became.SKIPPED)], 1, Verdict(Came.MERGED, "it deploys nothing")),
        ([ILL, of("frontend", Became.WELL)], 1, Verdict(Came.FAILED, "its deployment of backend crashed")),
        ([UNBUILT], 1, Verdict(Came.UNDEPLOYED, "its deployment of backend failed")),
    ],
)
def test_a_merge_is_judged_by_what_its_commit_deployed(
    deployed: Sequence[DeploymentRecord], minutes: int, verdict: Verdict | None
) -> None:
    assert judged(MERGED, deployed, [], PATIENCE, START + minutes * MINUTE) == verdict


def test_one_that_was_rolled_back_has_failed() -> None:
    outage = replace(an_incident(a_member(), named="260105-k3f9"), stands=SHA)
    ended = of("backend", Became.ENDED)
    assert judged(MERGED, [ended], [outage], PATIENCE, NOW) == Verdict(
        Came.FAILED, "it was rolled back in incident 260105-k3f9"
    )


def test_where_nothing_is_hosted_the_base_has_to_settle() -> None:
    nowhere = replace(PATIENCE, hosted=False)
    assert judged(MERGED, [], [], nowhere, at(59)) is None
    assert judged(MERGED, [], [], nowhere, at(60)) == Verdict(Came.MERGED, "no platform is looked at")


# --- what is kept


def row(now: float = 0, before: PullRow | None = None, decision: Decision = MERGE, **differs: object) -> PullRow:
    return followed(a_pull(**differs), decision, before, at(now))


def test_since_when_it_is_decided_so_is_kept_while_it_stays_so() -> None:
    first = row(100)
    assert row(200, first).decided_at == at(100)
    assert row(200, first, replace(MERGE, reason="another")).decided_at == at(200)
    assert row(200, first, head_sha="b" * 40).decided_at == at(200)


def test_it_is_waited_for_since_it_is_green_or_since_what_held_it_was_gone() -> None:
    assert row(100).ready_since == START, "green before we came"
    held = row(100, decision=replace(MERGE, held=True))
    assert held.ready_since is None
    freed = row(300, held)
    assert freed.ready_since == at(300)
    assert row(400, freed).ready_since == at(300)
    assert row(500, freed, head_sha="b" * 40).ready_since == START
    assert row(100, decision=replace(MERGE, covered=False)).ready_since is None


def test_nothing_moves_since_its_last_check_or_since_we_first_saw_it() -> None:
    assert row(2000).quiet_since == at(600)
    runs = Check("unit", passed=None, word="in_progress")
    assert row(2000, checks=(runs,)).quiet_since is None
    first = row(2000, checks=())
    assert (first.quiet_since, row(3000, first, checks=()).quiet_since) == (at(2000), at(2000))


def test_what_nothing_holds_and_nothing_moves_is_stuck_and_is_told_once() -> None:
    waits = replace(MERGE, verb=Verb.WAIT)
    late = at(600) + STUCK_AFTER
    assert is_stuck(row(decision=waits), late)
    assert not is_stuck(row(decision=waits), late - MINUTE)
    assert not is_stuck(replace(row(decision=waits), alarmed="a" * 40), late)
    assert is_stuck(replace(row(decision=waits), alarmed="b" * 40), late), "of an older head"
    for quiet in (replace(waits, held=True), replace(waits, covered=False), replace(waits, verb=Verb.LEAVE)):
        assert not is_stuck(row(decision=quiet), late)


def test_the_checks_that_have_reported_are_noted_with_the_last_time() -> None:
    later = Check("unit", passed=False, word="failure", ended_at=at(900))
    runs = Check("lint", passed=None, word="queued")
    assert seen_in([a_pull(), a_pull(checks=(later, runs))]) == {"unit": at(900)}


def test_only_what_is_decided_otherwise_than_before_is_a_change() -> None:
    first, other = row(), row(number=8)
    assert changed([first, other], {7: first}) == [other]
    assert changed([row(60, first)], {7: first}) == []
    assert changed([replace(first, decision=replace(MERGE, reason="another"))], {7: first}) != []


# --- what is told


def test_that_it_is_stuck_is_told_with_its_reason_and_its_mark() -> None:
    reason = "waiting for check `e2e`, required, never reported on aaaaaaa"
    text = stuck(row(decision=Decision(Verb.WAIT, reason, covered=True, green_since=START)), NOW)
    assert "Nothing has moved here for 50 min; its checks are green since 12:00 UTC." in text
    assert f"**Why it is not merged:** {reason}." in text
    assert Mark.at_end_of(text) == Mark("pull", f"7:{'a' * 40}")


def test_what_became_of_a_merge_is_told_where_it_is_known() -> None:
    live = replace(MERGED, stage=Stage.ENDED, came=Came.LIVE, text="live and healthy on backend", ended_at=at(90))
    mark = Mark("pull", f"7:{LANDING.head_sha}")
    told = f"\u2705 Merged as ccccccc: live and healthy on backend at 12:01 UTC.\n\n{mark}"
    assert landed(live, "https://x/status") == told
    failed = landed(replace(live, came=Came.FAILED, text="its deployment of backend crashed"), "https://x/status")
    assert failed is not None
    assert "What is done about it: https://x/status" in failed
    for quiet in (replace(live, came=Came.MERGED), replace(live, came=Came.REFUSED), LANDING):
        assert landed(quiet, None) is None
