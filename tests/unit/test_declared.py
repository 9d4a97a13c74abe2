"""Incidents that a person declares, whatever the probes find."""

from dataclasses import replace
from datetime import datetime

import pytest
from builders import a_member, a_trouble, an_incident, at, the_product

from devops_daemon.incidents.lifecycle import NotYetError, declared, next_steps, resolved, set_severity
from devops_daemon.incidents.mitigation import Escalate, Mend, Rules, next_step
from devops_daemon.model import DECLARED, Incident, IncidentStatus, ProbeKey, Severity, Symptom, Trouble

NOW = at(200)
WORD = ProbeKey("backend", DECLARED)
OF_BACKEND = a_trouble("backend")
BURNING = an_incident()


def a_word(severity: Severity = Severity.SEV2, since: datetime = NOW, service: str = "backend") -> Trouble:
    return Trouble(ProbeKey(service, DECLARED), Symptom.DECLARED, severity, since, "ada declared it: it is slow")


def said(word: Trouble, *incidents: Incident) -> Incident:
    meant, step = declared(word, incidents, the_product(), NOW)
    assert step is not None
    return replace(meant, id=meant.id or "new")


def look(incident: Incident, *troubles: Trouble) -> Incident:
    """What becomes of an incident at a look, where the rest is well."""
    wrong = {trouble.key for trouble in troubles}
    well = {each.key: NOW for service in the_product() for each in service.probes if each.key not in wrong}
    steps = next_steps(troubles, [incident], the_product(), well, NOW)
    assert len(steps) <= 1
    return steps[0].incident if steps else incident


def test_what_a_person_declares_opens_an_incident_of_that_severity_that_is_no_outage() -> None:
    opened = said(a_word())
    assert (opened.severity, opened.is_outage, opened.declared, opened.down) == (Severity.SEV2, False, True, ())
    assert opened.title == "backend, declared by people"


def test_it_goes_on_while_the_word_stands_whatever_the_probes_find() -> None:
    opened = said(a_word())
    assert look(opened, a_word()) == opened


def test_what_is_declared_joins_the_outage_that_goes_on_and_raises_it_but_never_lowers_it() -> None:
    outage = replace(BURNING, severity=Severity.SEV2)
    joined = said(a_word(Severity.SEV1), outage)
    assert (joined.id, joined.severity, len(joined.members)) == (outage.id, Severity.SEV1, 2)
    assert said(a_word(Severity.SEV3), outage).severity is Severity.SEV2


def test_an_outage_joins_what_was_declared_and_is_mended_as_any_other() -> None:
    opened = said(a_word())
    joined = look(opened, a_word(), OF_BACKEND)
    assert (joined.id, joined.is_outage, [str(each.key) for each in joined.down]) == (opened.id, True, ["backend"])
    assert joined.severity is Severity.SEV1, "the backend is down"
    assert joined.cause == OF_BACKEND.key


def test_when_the_probes_are_well_again_it_goes_on_until_a_person_ends_it() -> None:
    well = look(look(said(a_word()), a_word(), OF_BACKEND), a_word())
    assert (well.down, well.declared, well.resolved_at) == ((), True, None)
    ended = resolved(well, "ada", "ada says so", NOW).incident
    assert (ended.burning, ended.resolved_by, ended.status) == ((), "ada", IncidentStatus.RESOLVED)


def test_a_person_does_not_end_what_a_probe_still_finds() -> None:
    with pytest.raises(NotYetError, match="backend still fails"):
        resolved(look(said(a_word()), a_word(), OF_BACKEND), "ada", "ada says so", NOW)


def test_a_word_that_was_ended_while_it_was_read_opens_nothing() -> None:
    ended = resolved(said(a_word(since=at(10))), "ada", "ada says so", at(20)).incident
    assert next_steps([a_word(since=at(10))], [ended], the_product(), {}, at(21)) == []
    [again] = next_steps([a_word(since=at(30))], [ended], the_product(), {}, at(31))
    assert not again.incident.id, "it was declared once more"


def test_a_word_taken_back_before_the_incident_was_written_ends_it() -> None:
    opened = said(a_word())
    [step] = next_steps([], [opened], the_product(), {WORD: NOW}, NOW)
    assert step.incident.status is IncidentStatus.RESOLVED


def test_what_was_slow_and_goes_down_within_a_declared_incident_is_an_outage() -> None:
    slow = look(said(a_word()), a_word(), a_trouble(symptom=Symptom.DEGRADED))
    assert (len(slow.members), slow.is_outage) == (2, False)
    down = look(slow, a_word(), OF_BACKEND)
    assert (len(down.members), down.is_outage) == (2, True)


def test_what_was_slow_and_well_again_and_goes_down_is_an_outage_too() -> None:
    slow = look(said(a_word()), a_word(), a_trouble(symptom=Symptom.DEGRADED))
    well = look(slow, a_word())
    assert look(well, a_word(), OF_BACKEND).is_outage


def test_nothing_is_tried_against_what_only_a_person_sees() -> None:
    step = next_step(said(a_word(Severity.SEV1)), (), (), Rules(), NOW)
    assert not isinstance(step, Mend | Escalate)
    well_again = look(look(said(a_word()), a_word(), OF_BACKEND), a_word())
    assert not isinstance(next_step(well_again, (), (), Rules(), NOW), Mend | Escalate)


def test_an_outage_that_joined_a_word_is_mended() -> None:
    joined = look(said(a_word()), a_word(), OF_BACKEND)
    assert next_step(joined, (), (), Rules(), NOW) == Mend()


def test_a_look_that_was_read_before_the_word_was_said_does_not_end_it() -> None:
    opened = said(a_word(since=at(20)))
    assert next_steps([], [opened], the_product(), {}, at(21)) == []
    assert next_steps([], [opened], the_product(), {WORD: at(10)}, at(21)) == [], "it was taken back once, before"


def test_an_outage_that_joins_a_word_long_after_it_is_answered_for_as_one_that_has_just_begun() -> None:
    opened = replace(said(a_word(since=at(0))), addressed_at=at(5), suspect="d-1", failing_since=True)
    late = a_trouble("backend", since=at(3600))
    [step] = next_steps([a_word(since=at(0)), late], [opened], the_product(), {}, at(3620))
    joined = step.incident
    assert (joined.began_at, joined.suspect, joined.failing_since) == (at(3600), None, False)
    assert next_step(joined, (), (), Rules(), at(3620)) == Mend()
    slow = look(said(a_word(since=at(0))), a_word(since=at(0)), a_trouble(symptom=Symptom.DEGRADED))
    [turned] = next_steps([a_word(since=at(0)), late], [slow], the_product(), {}, at(3620))
    assert turned.incident.began_at == at(3600)


def test_a_word_joins_the_outage_before_a_lesser_incident_and_disturbs_neither() -> None:
    slow = an_incident(a_member(symptom=Symptom.DEGRADED), named="260105-slow", severity=Severity.SEV3)
    meant, _ = declared(a_word(Severity.SEV3), [slow, BURNING], the_product(), NOW)
    assert meant.id == BURNING.id


def test_what_fails_joins_the_outage_and_not_a_lesser_incident_that_a_word_has_joined() -> None:
    slow = an_incident(a_member(symptom=Symptom.DEGRADED), named="260105-slow", severity=Severity.SEV3)
    lesser = said(a_word(Severity.SEV3), slow)
    troubles = [a_word(Severity.SEV3), OF_BACKEND, a_trouble("frontend")]
    steps = next_steps(troubles, [lesser, BURNING], the_product(), {}, NOW)
    after = {lesser.id: lesser, BURNING.id: BURNING} | {step.incident.id: step.incident for step in steps}
    assert len(after) == 2, "none is opened"
    assert [str(each.key) for each in after[BURNING.id].down] == ["backend", "frontend"]
    assert (after[lesser.id].is_outage, after[lesser.id].severity) == (False, Severity.SEV3)


def test_what_is_declared_worse_counts_whatever_was_said_of_it_before() -> None:
    lowered = set_severity(said(a_word(Severity.SEV2)), Severity.SEV3, "bob", NOW).incident
    assert look(lowered, a_word(Severity.SEV2)).severity is Severity.SEV3, "bob's word holds"
    assert said(a_word(Severity.SEV1), lowered).severity is Severity.SEV1
