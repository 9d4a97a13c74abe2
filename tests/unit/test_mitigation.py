"""What is to be done about an incident: one thing at a time, no more than may be, and never silence at the end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import START, a_member, a_remedy, an_incident, at, key
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from devops_daemon.incidents.mitigation import (
    Escalate,
    Lift,
    Mend,
    Overdue,
    Rest,
    Rules,
    Verify,
    forbidden,
    held_by_results,
    held_by_states,
    judged,
    next_step,
)
from devops_daemon.incidents.runbook import MOST_TRIES, RUNBOOK, Signs, recognise, untried
from devops_daemon.mending import Act, Came, Pattern, Remedy, Stage
from devops_daemon.model import Incident, Outcome, ProbeState, Result, Severity, Status, Symptom

PROPERTY = hypothesis_settings(max_examples=300)
RULES = Rules()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SOON = START + MINUTE


def step(incident: Incident, *remedies: Remedy, now: datetime = SOON, rules: Rules = RULES) -> object:
    return next_step(incident, remedies, [], rules, now)


# What is done when


def test_an_outage_is_mended_at_once() -> None:
    assert step(an_incident()) == Mend()


def test_what_was_begun_is_looked_at_before_anything_else() -> None:
    under_way = a_remedy(came=None)
    worst = replace(an_incident(), escalated_at=START, overdue_at=START, acknowledged_until=at(9999))
    assert step(worst, under_way, now=at(9000)) == Verify(under_way)
    assert step(an_incident(resolved_at=at(50)), under_way) == Verify(under_way), "what came of it is still kept"


def test_what_helped_is_given_time_until_all_is_seen_to_be_well() -> None:
    helped = [a_remedy(1), a_remedy(2, Act.REDEPLOY, Came.HELPED)]
    ended = START + MINUTE
    assert step(an_incident(), *helped, now=ended + RULES.settle - timedelta(seconds=1)) == Rest(ended + RULES.settle)
    assert isinstance(step(an_incident(), *helped, now=ended + RULES.settle), Escalate)


@pytest.mark.parametrize("came", [Came.NO_HELP, Came.FAILED, Came.UNCLEAR])
def test_after_the_first_a_second_is_tried(came: Came) -> None:
    assert step(an_incident(), a_remedy(came=came)) == Mend()


def test_after_the_second_a_person_is_called() -> None:
    found = step(an_incident(), a_remedy(1), a_remedy(2, Act.REDEPLOY, Came.FAILED))
    assert found == Escalate(
        "restart (did not help) and redeploy (failed): that is all that may be tried without a person"
    )


@pytest.mark.parametrize(("limit", "expected"), [(0, Escalate), (1, Mend), (5, Mend)])
def test_how_many_may_be_tried_is_a_setting(limit: int, expected: type) -> None:
    assert isinstance(step(an_incident(), rules=Rules(limit=limit)), expected)


def test_one_that_made_it_worse_is_the_last() -> None:
    found = step(an_incident(), a_remedy(came=Came.WORSE))
    assert found == Escalate("restart made it worse: it still fails")


def test_what_was_not_done_does_not_count() -> None:
    never = [a_remedy(number, came=Came.NOT_DONE) for number in (1, 2)]
    assert step(an_incident(), *never, now=START + 2 * MINUTE) == Mend()
    assert step(an_incident(), *(replace(each, dry=True) for each in never)) == Mend()


@pytest.mark.parametrize(("severity", "minutes"), [(Severity.SEV1, 10), (Severity.SEV2, 15)])
def test_where_nothing_could_be_done_in_time_a_person_is_called(severity: Severity, minutes: int) -> None:
    held = replace(an_incident(severity=severity), held="Railway cannot be asked")
    assert step(held, now=START + minutes * MINUTE - timedelta(seconds=1)) == Mend()
    found = step(held, now=START + minutes * MINUTE)
    assert found == Escalate(f"nothing could be done within 0:{minutes}:00: Railway cannot be asked")
    tried = a_remedy()  # it ended after a minute
    held = replace(held, overdue_at=START)
    assert step(held, tried, now=START + minutes * MINUTE) == Mend()
    found = step(held, tried, now=START + (minutes + 1) * MINUTE)
    assert found == Escalate(f"nothing more could be done within 0:{minutes}:00: Railway cannot be asked")


def test_that_it_takes_too_long_is_said_once() -> None:
    tried = a_remedy()
    late = START + 15 * MINUTE
    sev2 = an_incident(severity=Severity.SEV2)
    assert step(sev2, tried, now=late - timedelta(seconds=1)) == Mend()
    assert step(sev2, tried, now=late) == Overdue("not mended within 0:15:00")
    assert step(replace(sev2, overdue_at=late), tried, now=late) == Mend()
    assert step(replace(sev2, escalated_at=START), now=late) == Overdue("not mended within 0:15:00")


def test_once_people_are_called_nothing_more_is_tried() -> None:
    assert step(replace(an_incident(), escalated_at=START)) == Rest(None)


def test_while_a_person_sees_to_it_nothing_is_done_and_afterwards_it_goes_on() -> None:
    seen_to = replace(an_incident(), acknowledged_by="ada", acknowledged_until=at(600))
    assert step(seen_to, now=at(599)) == Rest(at(600))
    assert isinstance(step(seen_to, now=at(600)), Escalate), "its ten minutes are over"
    assert step(replace(seen_to, opened_at=at(300)), now=at(600)) == Mend()


def test_what_is_minor_or_no_outage_is_left_to_people() -> None:
    assert step(an_incident(severity=Severity.SEV3), now=at(99_999)) == Rest(None)
    slow = an_incident(a_member(symptom=Symptom.DEGRADED), severity=Severity.SEV2)
    assert step(slow, now=at(99_999)) == Rest(None)


def test_what_is_well_waits_for_its_end() -> None:
    well = an_incident(a_member(recovered_at=at(30)))
    assert step(well) == Lift()
    assert step(replace(well, resolved_at=at(30))) == Rest(None)


# Limits


def test_two_are_never_under_way_on_one_service() -> None:
    refusal = forbidden(a_remedy(2), [a_remedy(1, came=None)], RULES)
    assert refusal is not None
    assert (refusal.reason, refusal.final) == ("restart of backend is still under way", False)
    assert forbidden(a_remedy(2), [a_remedy(2, came=None)], RULES) is None, "its own row forbids nothing"


def test_the_limits_are_counted_by_incident_and_by_service_in_an_hour() -> None:
    mine = [a_remedy(1), a_remedy(2)]
    refusal = forbidden(a_remedy(3, began=at(9 * 3600)), mine, RULES)
    assert refusal is not None
    assert refusal.final
    others = [a_remedy(1, incident="other"), a_remedy(1, incident="another", began=at(60))]
    refusal = forbidden(a_remedy(began=at(3599)), others, RULES)
    assert refusal is not None
    assert (refusal.reason, refusal.final) == ("backend had 2 remedies within the hour, which is the limit", True)
    assert forbidden(a_remedy(began=at(3600)), others, RULES) is None
    assert forbidden(a_remedy(service="frontend", began=at(3599)), others, RULES) is None


remedies = st.lists(
    st.builds(
        lambda act, came, dry: a_remedy(act=act, came=Came.NOT_DONE if dry else came, dry=dry),
        st.sampled_from(Act),
        st.sampled_from(Came),
        st.booleans(),
    ),
    max_size=8,
).map(lambda found: [replace(remedy, number=number) for number, remedy in enumerate(found, 1)])


@PROPERTY
@given(tried=remedies, seconds=st.integers(0, 4000), limit=st.integers(0, 4), stop=st.sampled_from([*Stage, None]))
def test_it_ends_in_a_person_or_in_silence_by_right(
    tried: list[Remedy], seconds: int, limit: int, stop: Stage | None
) -> None:
    if tried and stop is not None and stop is not Stage.ENDED:
        tried[-1] = replace(tried[-1], stage=stop, came=None, ended_at=None)
    found = step(an_incident(), *tried, now=at(seconds), rules=Rules(limit=limit))
    if isinstance(found, Mend):
        assert sum(remedy.counts for remedy in tried) < limit
        assert all(remedy.stage is Stage.ENDED for remedy in tried)
        assert not (tried and tried[-1].came is Came.WORSE)
    healing = bool(tried) and tried[-1].came is Came.HELPED
    waits = isinstance(found, Rest) and found.until is not None and found.until <= at(4000) + HOUR
    assert healing or waits or not isinstance(found, Rest), "a SEV1 that burns is never left alone"


# What holds


def states(**changed: object) -> dict[object, ProbeState]:
    return {key("backend"): replace(ProbeState(key("backend"), settled=Status.DOWN), **changed)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"flapping": True}, "backend comes and goes"),
        ({"blind": True}, "backend cannot be measured now"),
    ],
)
def test_what_comes_and_goes_or_is_not_seen_is_not_acted_on(changed: dict[str, object], reason: str | None) -> None:
    assert held_by_states(an_incident(), states(**changed)) == reason  # type: ignore[arg-type]


def test_what_is_not_watched_is_not_acted_on() -> None:
    assert held_by_states(an_incident(), {}) == "backend is not watched any more"
    well = an_incident(a_member(), a_member("frontend", recovered_at=at(9)))
    assert held_by_states(well, states()) is None, "what is well again is not asked for"  # type: ignore[arg-type]


def looked(*outcomes: Outcome) -> Sequence[Result]:
    return [Result(key("backend"), START, outcome, "as seen") for outcome in outcomes]


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        (looked(Outcome.FAILED), None),
        (looked(Outcome.FAILED, Outcome.OK), None),
        (looked(), "nothing could be looked at"),
        (looked(Outcome.OK), "backend answers again"),
        (looked(Outcome.DEGRADED, Outcome.OK), "backend answers again"),
        (looked(Outcome.FAILED, Outcome.UNKNOWN), "backend cannot be measured now"),
        (looked(Outcome.UNPROVEN), "backend cannot be measured now"),
    ],
)
def test_only_what_fails_now_is_acted_on(results: Sequence[Result], reason: str | None) -> None:
    assert held_by_results(results) == reason


def test_more_that_fails_after_a_remedy_is_worse() -> None:
    one, two = an_incident(), an_incident(a_member(), a_member("frontend"))
    assert judged(a_remedy(), one, failed=False, text="live, but 500") == (Came.NO_HELP, "live, but 500")
    assert judged(a_remedy(), one, failed=True, text="the build failed") == (Came.FAILED, "the build failed")
    assert judged(a_remedy(), two, failed=False, text="live, but 500")[0] is Came.WORSE


# The runbook


@pytest.mark.parametrize(
    ("signs", "pattern"),
    [
        (Signs(), Pattern.HUNG),
        (Signs(crashed=True), Pattern.CRASHED),
        (Signs(crashed=True, out_of_memory=True), Pattern.MEMORY),
        (Signs(crashed=True, out_of_memory=True, failing_since=True), Pattern.DEPLOYMENT),
        (Signs(database=True), Pattern.DATABASE),
        (Signs(sign_in=True), Pattern.HUNG),
        (Signs(sign_in=True, sessions_piled=True), Pattern.SESSIONS),
        (Signs(sessions_piled=True), Pattern.HUNG),
    ],
)
def test_an_outage_is_known_by_its_signs(signs: Signs, pattern: Pattern) -> None:
    assert recognise(signs) is pattern


def test_every_kind_of_outage_has_its_row_and_the_database_is_never_touched() -> None:
    assert set(RUNBOOK) == set(Pattern)
    assert RUNBOOK[Pattern.DATABASE] == (Act.RESTART,)


def test_nothing_is_tried_twice_but_what_never_reached_the_platform() -> None:
    acts = RUNBOOK[Pattern.HUNG]
    assert untried(acts, [], "backend", "c1") == acts
    assert untried(acts, [a_remedy()], "backend", "c1") == (Act.REDEPLOY,)
    assert untried(acts, [a_remedy(came=Came.NOT_DONE)], "backend", "c1") == acts
    assert untried(acts, [a_remedy(came=Came.NOT_DONE, dry=True)], "backend", "c1") == (Act.REDEPLOY,)
    never = [a_remedy(number, came=Came.NOT_DONE) for number in range(1, MOST_TRIES + 1)]
    assert untried(acts, never, "backend", "c1") == (Act.REDEPLOY,)
    assert untried(acts, [a_remedy(), a_remedy(2, Act.REDEPLOY)], "backend", "c1") == ()


def test_what_was_tried_on_one_service_may_be_tried_on_another() -> None:
    assert untried([Act.RESTART], [a_remedy()], "frontend", None) == (Act.RESTART,)


def test_what_never_reached_the_platform_is_tried_again_later_and_later() -> None:
    ended = START + MINUTE
    for count, seconds in ((1, 15), (2, 30), (3, 60)):
        never = [a_remedy(number, came=Came.NOT_DONE) for number in range(1, count + 1)]
        due = ended + timedelta(seconds=seconds)
        assert step(an_incident(), *never, now=due - timedelta(microseconds=1)) == Rest(due)
        assert step(an_incident(), *never, now=due) == Mend()


def test_what_comes_to_no_end_is_said_and_is_a_person_s_in_the_end() -> None:
    under_way = a_remedy(came=None)
    late = START + RULES.mend_within
    assert step(an_incident(), under_way, now=late) == Overdue("not mended within 0:15:00")
    said = replace(an_incident(), overdue_at=late)
    assert step(said, under_way, now=late) == Verify(under_way)
    found = step(said, under_way, now=START + RULES.longest)
    assert isinstance(found, Escalate)
    assert "what came of it is not known" in found.reason
    assert step(replace(said, escalated_at=late), under_way, now=START + RULES.longest) == Verify(under_way)


def test_a_rollback_is_tried_again_only_against_other_code() -> None:
    back = replace(a_remedy(1, Act.ROLLBACK, Came.HELPED), leaves="c1")
    for code, left in (("c1", ()), ("c2", (Act.ROLLBACK,)), (None, ())):
        assert untried([Act.ROLLBACK], [back], "backend", code) == left
    assert untried([Act.ROLLBACK], [replace(back, leaves=None)], "backend", "c2") == ()
