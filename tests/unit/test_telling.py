"""What is told of an incident: once, to whom it concerns, in the right order; and how the Code Agent is called."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import START, a_member, a_remedy, an_incident, at

from devops_daemon.calling import Means, Trigger, trigger
from devops_daemon.incidents.telling import GIVEN_UP_AFTER, LONGEST_PAUSE, again_at, next_due, wanted, why_call
from devops_daemon.mending import Came, Effect, EffectState, Remedy
from devops_daemon.model import Incident, Severity, Symptom

ENDED = an_incident(a_member(recovered_at=at(60)), resolved_at=at(60))
SUSPECTED = replace(an_incident(), suspect="d1", failing_since=True)
ESCALATED = replace(an_incident(), escalated_at=at(60))


def names(incident: Incident, *remedies: Remedy, places: int = 0, calls: bool = True) -> list[str]:
    return [each.name for each in wanted(incident, remedies, [], places, calls=calls)]


def test_an_outage_has_an_issue_and_tells_people_once() -> None:
    assert names(an_incident(), places=2) == [
        "notice:opened:0",
        "notice:opened:1",
        "issue",
        "issue",
        "state",
    ]


def test_what_the_first_remedy_heals_calls_nobody() -> None:
    for tried in ([], [a_remedy(came=None)], [a_remedy(came=Came.HELPED)], [a_remedy(came=Came.NOT_DONE)]):
        assert "agent:1" not in names(an_incident(), *tried)
        assert "agent:1" not in names(ENDED, *tried)


@pytest.mark.parametrize("came", [Came.NO_HELP, Came.FAILED, Came.UNCLEAR, Came.WORSE])
def test_when_the_first_remedy_did_not_help_the_agent_is_called(came: Came) -> None:
    assert "agent:1" in names(an_incident(), a_remedy(came=came))
    assert "agent:1" not in names(an_incident(), a_remedy(came=came), calls=False)
    assert "agent:1" not in names(an_incident(severity=Severity.SEV3), a_remedy(came=came))


def test_where_a_deployment_is_the_suspect_the_agent_is_called_at_once() -> None:
    assert why_call(SUSPECTED, [], []) == ["nothing was well since a deployment went live"]
    assert why_call(replace(SUSPECTED, failing_since=False), [], []) == [], "it is named, and no more"


def test_while_a_rollback_stands_its_code_is_to_be_mended() -> None:
    well = replace(an_incident(a_member(recovered_at=at(60))), stands="b" * 40)
    reason = "a deployment was rolled back, and its code is to be mended"
    assert why_call(well, [a_remedy(came=Came.HELPED)], []) == [reason]


def test_where_nothing_could_be_done_the_agent_is_called_as_well_as_people() -> None:
    assert names(ESCALATED, places=1) == [
        "notice:opened:0",
        "notice:escalated:0",
        "issue",
        "agent:1",
        "label:needs-human",
        "comment:escalated",
        "issue",
        "state",
    ]


def test_a_minor_one_is_an_issue_and_nothing_else() -> None:
    slow = an_incident(a_member(symptom=Symptom.DEGRADED), severity=Severity.SEV3)
    assert names(slow, places=1) == ["issue", "issue", "state"]
    assert names(an_incident(severity=Severity.SEV3), places=1) == ["issue", "issue", "state"]


def test_an_outage_has_three_comments_at_most() -> None:
    everything = replace(ESCALATED, overdue_at=at(900), resolved_at=at(999), stands=None)
    told = names(everything, a_remedy(), a_remedy(2), places=1)
    assert [name for name in told if name.startswith("comment")] == ["comment:escalated", "comment:resolved"]
    late = replace(an_incident(), overdue_at=at(900), resolved_at=at(999))
    assert [name for name in names(late) if name.startswith("comment")] == ["comment:overdue", "comment:resolved"]


def test_the_end_is_told_before_the_issue_is_closed() -> None:
    assert names(ENDED, places=1) == [
        "notice:opened:0",
        "notice:resolved:0",
        "issue",
        "comment:resolved",
        "issue",
        "state",
    ]


# Again


def an_effect(tries: int, state: EffectState = EffectState.STARTED) -> Effect:
    return Effect("260105-aaaa", "issue", state, START, at(5), tries=tries)


def test_what_fails_is_tried_less_and_less_often_for_a_day() -> None:
    pauses = [again_at(an_effect(tries), START) for tries in range(1, 60)]
    waits = [(at_ - START).total_seconds() for at_ in pauses if at_]
    assert waits[:4] == [10, 20, 40, 80]
    assert waits[-1] == LONGEST_PAUSE.total_seconds()
    assert again_at(an_effect(1), START + GIVEN_UP_AFTER - timedelta(seconds=1)) is not None
    assert again_at(an_effect(1), START + GIVEN_UP_AFTER) is None


def test_the_next_is_due_when_the_first_that_failed_is() -> None:
    done, late = an_effect(1, EffectState.DONE), replace(an_effect(1), due_at=at(60))
    assert next_due({}, START) is None
    assert next_due({"a": done}, START) is None
    assert next_due({"a": done, "b": late, "c": an_effect(2)}, START) == at(5)
    assert next_due({"c": an_effect(2)}, at(50)) == at(50)


# The call


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("@code {reason}", Trigger(Means.COMMENT, "@code {reason}")),
        ("@claude please", Trigger(Means.COMMENT, "@claude please")),
        ("label:ai-ready", Trigger(Means.LABEL, "ai-ready")),
        ("workflow: code.yml", Trigger(Means.WORKFLOW, "code.yml")),
        ("dispatch:incident", Trigger(Means.DISPATCH, "incident")),
        ("off", Trigger(Means.NOT)),
        ("opened", Trigger(Means.NOT)),
        ("note: {reason} @code", Trigger(Means.COMMENT, "note: {reason} @code")),
    ],
)
def test_how_the_agent_is_called_is_a_setting(setting: str, expected: Trigger) -> None:
    assert trigger(setting) == expected


def test_the_reason_stands_where_the_setting_has_it_else_at_the_end() -> None:
    assert trigger("@code {reason} now").comment("it is down") == "@code it is down now"
    assert trigger("@claude").comment("it is down") == "@claude it is down"
    assert trigger("@code {reason} {other}").comment("{x}") == "@code {x} {other}"
