"""The success criteria, measured from incidents."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import START, a_member, an_incident

from devops_daemon.asking import Wait
from devops_daemon.model import Incident, IncidentStatus, Severity, Symptom
from devops_daemon.objectives import Measured, Objective, measure

WEEK, MONTH = timedelta(days=7), timedelta(days=30)
SECOND = timedelta(seconds=1)

LASTED = timedelta(minutes=9), timedelta(minutes=30)


def objective(name: str, *incidents: Incident) -> Objective:
    return next(found for found in measure(incidents, START) if found.name == name)


def detected_after(seconds: float, *, ago: timedelta = timedelta(hours=1)) -> Incident:
    """Build an incident that was detected `ago`, so many seconds after it began."""
    return an_incident(opened_at=START - ago - timedelta(seconds=seconds), detected_at=START - ago)


def ended(ago: timedelta) -> Incident:
    return an_incident(
        opened_at=START - ago - timedelta(hours=1), resolved_at=START - ago, status=IncidentStatus.RESOLVED
    )


def test_each_promise_has_its_target() -> None:
    assert {found.name: found.target for found in measure([], START)} == {
        "detection": 300,
        "sev1_response": 600,
        "auto_recovery": 0.5,
        "pr_staleness": 3600,
        "diagnostic": 300,
    }


@pytest.mark.parametrize("found", measure([], START), ids=lambda found: found.name)
def test_without_data_no_promise_is_called_kept_or_broken(found: Objective) -> None:
    assert (found.actual, found.met) == (None, None)


def test_detection_is_the_longest_wait_and_the_share_that_kept_the_promise() -> None:
    measured = objective("detection", detected_after(10), detected_after(301), detected_after(300), detected_after(20))
    assert measured.windows == (Measured(WEEK, 301, 0.75), Measured(MONTH, 301, 0.75))


def test_detection_looks_back_a_week_and_a_month() -> None:
    measured = objective(
        "detection",
        detected_after(10, ago=WEEK - SECOND),
        detected_after(400, ago=WEEK),
        detected_after(20, ago=MONTH - SECOND),
        detected_after(900, ago=MONTH),
    )
    assert measured.windows == (Measured(WEEK, 10, 1), Measured(MONTH, 400, 2 / 3))


@pytest.mark.parametrize(("seconds", "met"), [(10, True), (300, True), (300.5, False)])
def test_detection_is_met_within_five_minutes(seconds: float, met: bool) -> None:  # noqa: FBT001 # a table
    assert objective("detection", detected_after(seconds)).met is met


def test_what_counts_now_is_the_worst_of_the_last_week() -> None:
    measured = objective("detection", detected_after(400, ago=timedelta(days=8)), detected_after(10))
    assert (measured.actual, measured.met) == (10, True)


def test_what_ended_without_a_person_is_counted() -> None:
    alone, old = ended(timedelta(hours=1)), ended(WEEK)
    by_people = [
        replace(alone, escalated_at=START - timedelta(hours=2)),
        replace(alone, acknowledged_by="ada"),
        replace(alone, resolved_by="ada"),
    ]
    minor = replace(alone, members=(a_member(symptom=Symptom.DEGRADED),))
    measured = objective("auto_recovery", alone, old, *by_people, minor, an_incident(opened_at=START))
    assert measured.windows == (Measured(WEEK, 0.25, 0.25), Measured(MONTH, 0.4, 0.4))


def test_a_sev1_is_answered_with_the_first_remedy_call_or_notice() -> None:
    def addressed(seconds: float) -> Incident:
        return replace(detected_after(10), addressed_at=detected_after(10).opened_at + timedelta(seconds=seconds))

    sev2 = replace(detected_after(10), severity=Severity.SEV2)
    measured = objective("sev1_response", addressed(30), addressed(900), addressed(600), sev2)
    assert measured.windows[0] == Measured(WEEK, 900, 2 / 3)
    assert objective("sev1_response", detected_after(5, ago=timedelta(minutes=5))).actual is None, "it may still be"
    assert objective("sev1_response", detected_after(0, ago=timedelta(minutes=11))).actual == 660
    short, long = (replace(detected_after(0), resolved_at=detected_after(0).opened_at + wait) for wait in LASTED)
    assert objective("sev1_response", short).actual is None, "it ended before anybody had to"
    assert objective("sev1_response", long).actual == 1800, "nobody answered, though it went away by itself"


@pytest.mark.parametrize(("share", "met"), [(0.51, True), (0.5, False), (0.0, False)])
def test_more_than_half_must_recover_by_themselves(share: float, met: bool) -> None:  # noqa: FBT001 # a table
    assert Objective("auto_recovery", 0.5, (Measured(WEEK, share, share),)).met is met


def test_incidents_of_the_future_do_not_break_the_measure() -> None:
    tomorrow: datetime = START + timedelta(days=1)
    assert objective("detection", an_incident(opened_at=tomorrow)).actual == 10


def diagnostic(*waits: Wait) -> Objective:
    return next(found for found in measure([], START, waits) if found.name == "diagnostic")


def answered_after(seconds: float, *, ago: timedelta = timedelta(hours=1)) -> Wait:
    """Build a question that was asked `ago`, and answered so many seconds later."""
    return Wait(START - ago, START - ago + timedelta(seconds=seconds))


def test_the_longest_wait_for_an_answer_is_told_and_the_share_that_was_in_time() -> None:
    measured = diagnostic(answered_after(2), answered_after(301), answered_after(300), answered_after(4))
    assert measured.windows[0] == Measured(WEEK, 301, 0.75)
    assert measured.met is False


def test_a_question_without_an_answer_counts_when_its_time_is_over() -> None:
    assert diagnostic(Wait(START - timedelta(seconds=299), None)).actual is None
    assert diagnostic(Wait(START - timedelta(seconds=301), None)).windows[0] == Measured(WEEK, 301, 0)


def test_questions_of_last_week_are_in_the_month() -> None:
    measured = diagnostic(answered_after(7, ago=WEEK), answered_after(5, ago=WEEK - SECOND))
    assert measured.windows == (Measured(WEEK, 5, 1), Measured(MONTH, 7, 1))
