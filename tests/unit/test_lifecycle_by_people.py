"""Incidents that come back, that a rollback keeps well, and what people say of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import START, a_member, a_service, a_trouble, an_incident, at, key, the_product

from devops_daemon.incidents.lifecycle import (
    ACKNOWLEDGED_FOR,
    REOPEN_WITHIN,
    NotYetError,
    Step,
    acknowledged,
    next_steps,
    resolved,
    set_severity,
)
from devops_daemon.incidents.telling import wanted
from devops_daemon.model import (
    EventKind,
    Incident,
    IncidentStatus,
    ProbeKey,
    Severity,
    Symptom,
    Trouble,
)

SERVICES = (
    *the_product(),
    a_service("blog"),
)
NOW = at(200)
ENDED = an_incident(a_member(recovered_at=at(100)), status=IncidentStatus.RESOLVED, resolved_at=at(100))


def look(
    incident: Incident, *troubles: Trouble, now: datetime = NOW, well: Mapping[ProbeKey, datetime] | None = None
) -> list[Step]:
    names = ("backend", "backend/database", "backend/auth", "frontend", "blog")
    rest = {key(name): now for name in names if key(name) not in {trouble.key for trouble in troubles}}
    return next_steps(troubles, [incident], SERVICES, rest if well is None else well, now)


# What comes back


def test_what_fails_again_soon_is_the_same_outage_with_all_that_was_tried() -> None:
    before = replace(ENDED, addressed_at=at(20), issue=7, escalated_at=at(30), escalated_for="why", overdue_at=at(40))
    [step] = look(before, a_trouble(since=at(150)))
    assert [event.kind for event in step.events] == [EventKind.REOPENED, EventKind.RELAPSED]
    anew = {"episode": 2, "escalated_at": None, "escalated_for": "", "overdue_at": None}
    again = {"status": IncidentStatus.MITIGATING, "resolved_at": None, "reopened_at": at(150), "members": (a_member(),)}
    assert step.incident == replace(before, **again, **anew)  # type: ignore[arg-type] # of several kinds


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (ENDED, IncidentStatus.OPEN),
        (replace(ENDED, addressed_at=at(20)), IncidentStatus.MITIGATING),
        (replace(ENDED, addressed_at=at(20), escalated_at=at(30)), IncidentStatus.MITIGATING),
    ],
)
def test_it_goes_on_where_it_stood(before: Incident, status: IncidentStatus) -> None:
    [step] = look(before, a_trouble())
    assert step.incident.status is status


def test_others_may_join_it_again() -> None:
    [step] = look(ENDED, a_trouble(), a_trouble("frontend"))
    assert [str(member.key) for member in step.incident.members] == ["backend", "frontend"]


def test_later_or_elsewhere_it_is_a_new_one() -> None:
    late = look(ENDED, a_trouble(), now=at(100) + REOPEN_WITHIN + timedelta(seconds=1))
    elsewhere = look(ENDED, a_trouble("blog"))
    slow = look(ENDED, a_trouble(symptom=Symptom.DEGRADED))
    assert [[each.incident.id for each in found] for found in (late, elsewhere, slow)] == [[""], [""], [""]]


def test_what_has_ended_stays_so_while_all_is_well() -> None:
    assert look(ENDED) == []


# A rollback stands

STANDS = replace(an_incident(status=IncidentStatus.MITIGATING), stands="b" * 40, held="while it is told")


def test_what_only_a_rollback_keeps_well_does_not_end() -> None:
    [step] = look(STANDS)
    assert [event.kind for event in step.events] == [EventKind.RECOVERED, EventKind.STANDS]
    assert (step.incident.status, step.incident.resolved_at, step.incident.held) == (
        IncidentStatus.MITIGATING,
        None,
        "",
    )
    assert not step.incident.burning
    assert look(step.incident) == [], "it is told once"


def test_what_fails_again_meanwhile_is_the_same() -> None:
    [well] = look(replace(STANDS, suspect="d1", suspect_told="1a2b3c4", failing_since=True))
    [step] = look(well.incident, a_trouble())
    assert [event.kind for event in step.events] == [EventKind.RELAPSED]
    assert step.incident.burning
    assert step.incident.began_at == a_trouble().since
    assert (step.incident.suspect, step.incident.failing_since) == (None, False), "it may have another cause"


def test_a_later_deployment_or_a_person_ends_it() -> None:
    [well] = look(STANDS)
    step = resolved(well.incident, None, "1a2b3c4 is live and well", at(900))
    assert (step.incident.status, step.incident.resolved_at, step.incident.stands) == (
        IncidentStatus.RESOLVED,
        at(900),
        None,
    )
    assert step.events[-1].text == "1a2b3c4 is live and well, after 0:15:00"
    assert resolved(well.incident, "ada", "ada says so", at(900)).incident.resolved_by == "ada"


def test_what_still_fails_cannot_be_ended() -> None:
    with pytest.raises(NotYetError, match="backend still fails"):
        resolved(STANDS, "ada", "ada says so", at(900))
    with pytest.raises(NotYetError, match="ended at 12:01 UTC already"):
        resolved(ENDED, "ada", "ada says so", at(900))


# People


def test_who_sees_to_it_is_left_alone_for_half_an_hour() -> None:
    step = acknowledged(replace(an_incident(), held="Railway cannot be asked"), "ada", at(60))
    assert step.incident.acknowledged_by == "ada"
    assert step.incident.acknowledged_until == at(60) + ACKNOWLEDGED_FOR
    assert step.incident.held == ""
    assert step.events[0].text == "ada sees to it; until 12:31 UTC nothing is done about it by itself"


def test_a_severity_that_a_person_set_is_not_raised_by_itself() -> None:
    step = set_severity(an_incident(), Severity.SEV3, "ada", at(60))
    assert step.events[0].text == "SEV1 is now SEV3: ada says so"
    assert look(step.incident, a_trouble()) == []
    [joined] = look(replace(step.incident, severity=Severity.SEV2), a_trouble(), a_trouble("frontend"))
    assert (joined.incident.severity, joined.incident.severity_by) == (Severity.SEV2, "ada")


def test_what_a_person_said_of_it_hides_nothing_worse_that_joins() -> None:
    minor = replace(an_incident(a_member("backend/auth"), severity=Severity.SEV3), severity_by="ada")
    [step] = look(minor, a_trouble("backend/auth", if_down=Severity.SEV2), a_trouble())
    assert (step.incident.severity, step.incident.severity_by) == (Severity.SEV1, None)


def test_what_becomes_a_sev1_is_told_and_answered_for_anew() -> None:
    sign_in = a_member("backend/auth")
    escalated = replace(
        an_incident(sign_in, severity=Severity.SEV2, status=IncidentStatus.ESCALATED),
        addressed_at=at(10),
        escalated_at=at(30),
        escalated_for="why",
        overdue_at=at(900),
    )
    [step] = look(escalated, a_trouble("backend/auth", if_down=Severity.SEV2), a_trouble(), now=at(9000))
    worse = step.incident
    assert (worse.severity, worse.status, worse.episode) == (Severity.SEV1, IncidentStatus.MITIGATING, 2)
    assert (worse.escalated_at, worse.overdue_at) == (None, None)
    before = {each.name for each in wanted(escalated, [], [], 1, calls=False)}
    assert {each.name for each in wanted(worse, [], [], 1, calls=False)} - before == {"notice:opened:0:again-2"}


def test_what_has_ended_is_not_changed_by_people() -> None:
    with pytest.raises(NotYetError):
        acknowledged(ENDED, "ada", START)
    with pytest.raises(NotYetError):
        set_severity(ENDED, Severity.SEV2, "ada", START)
