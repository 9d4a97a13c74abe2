"""What becomes of incidents: opened, joined, raised, recovered, resolved."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product

import pytest
from builders import START, a_member, a_probe, a_service, a_trouble, an_incident, at, key, the_product
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.incidents.lifecycle import Step, next_steps
from devops_daemon.model import (
    EventKind,
    Incident,
    IncidentStatus,
    Member,
    ProbeKey,
    Service,
    Severity,
    Symptom,
    TimelineEvent,
    Trouble,
)

PRODUCT = the_product()
APART = (a_service("shop"), a_service("blog"), a_service("wiki"))
SIBLINGS = (a_service("backend"), a_service("site", depends_on=["backend"]), a_service("admin", depends_on=["backend"]))
MEETING = (a_service("shop"), a_service("blog"), a_service("site", depends_on=["shop", "blog"]))
CHAIN = (
    a_service("database"),
    a_service("backend", depends_on=["database"]),
    a_service("site", depends_on=["backend"]),
)

DOWN, DEGRADED, FLAPPING = Symptom.DOWN, Symptom.DEGRADED, Symptom.FLAPPING
NOW = at(3600)
LESSER = [DEGRADED, FLAPPING]


class Story:
    """A ledger in memory, and the troubles that come and go before it."""

    def __init__(self, services: Sequence[Service] = PRODUCT, incidents: Iterable[Incident] = ()) -> None:
        self.services = services
        self.incidents = {incident.id: incident for incident in incidents}

    @property
    def open(self) -> list[Incident]:
        return [i for i in self.incidents.values() if i.status is not IncidentStatus.RESOLVED]

    @property
    def outages(self) -> list[Incident]:
        return [incident for incident in self.open if incident.is_outage]

    def look(
        self, *troubles: Trouble, well: Mapping[ProbeKey, datetime] | None = None, now: datetime = NOW
    ) -> list[Step]:
        """Ask what is to be done, and do it; where `well` is not given, what has no trouble is well since `now`."""
        everything = [probe.key for service in self.services for probe in service.probes]
        wrong = {trouble.key for trouble in troubles}
        rest = {name: now for name in everything if name not in wrong} if well is None else well
        steps = next_steps(troubles, self.open, self.services, rest, now)
        for step in steps:
            name = step.incident.id or f"i{len(self.incidents) + 1}"
            self.incidents[name] = replace(step.incident, id=name, version=step.incident.version + 1)
        return steps


def kinds(steps: Iterable[Step]) -> list[EventKind]:
    return [event.kind for step in steps for event in step.events]


def joined(incident: Incident) -> list[str]:
    return [str(member.key) for member in incident.members]


# --- opening


def test_where_nothing_is_wrong_nothing_is_done() -> None:
    assert Story().look() == []


def test_a_trouble_opens_an_incident() -> None:
    incident = Incident(
        id="",
        severity=Severity.SEV1,
        status=IncidentStatus.OPEN,
        cause=key("backend"),
        title="backend is down",
        members=(Member(key("backend"), DOWN, at(10)),),
        opened_at=at(10),
        detected_at=at(20),
    )
    opened = TimelineEvent(at(20), EventKind.OPENED, "SEV1: backend is down: refused")
    assert Story().look(a_trouble(since=at(10)), now=at(20)) == [Step(incident, (opened,))]


def test_an_incident_begins_with_the_first_failing_result_of_all() -> None:
    story = Story()
    story.look(a_trouble("backend", since=at(12)), a_trouble("frontend", since=at(9)), now=at(30))
    assert [incident.opened_at for incident in story.open] == [at(9)]


def test_what_fails_because_the_backend_is_down_is_one_sev1_caused_by_the_backend() -> None:
    story = Story()
    story.look(*(a_trouble(name) for name in ("frontend", "backend/auth", "backend/database", "backend")))
    assert [(i.severity, str(i.cause), joined(i)) for i in story.open] == [
        (Severity.SEV1, "backend", ["backend", "backend/database", "backend/auth", "frontend"])
    ]


def test_the_timeline_tells_of_each_probe_that_failed() -> None:
    (step,) = Story().look(a_trouble("frontend", detail="status 502"), a_trouble("backend"))
    assert [(event.kind, event.text) for event in step.events] == [
        (EventKind.OPENED, "SEV1: backend is down: refused"),
        (EventKind.JOINED, "frontend is down: status 502"),
    ]


@pytest.mark.parametrize(
    ("probe", "severity"),
    [
        ("backend", Severity.SEV1),
        ("backend/database", Severity.SEV1),
        ("backend/auth", Severity.SEV2),
        ("frontend", Severity.SEV2),
    ],
)
def test_alone_each_probe_is_as_bad_as_it_says(probe: str, severity: Severity) -> None:
    story = Story()
    story.look(a_trouble(probe))
    assert [(incident.severity, incident.cause) for incident in story.open] == [(severity, key(probe))]


def test_unrelated_services_are_incidents_of_their_own() -> None:
    story = Story(APART)
    story.look(a_trouble("shop"), a_trouble("blog"))
    assert [joined(incident) for incident in story.open] == [["shop"], ["blog"]]


@pytest.mark.parametrize("if_down", [Severity.SEV2, Severity.SEV3])
def test_everything_down_is_one_sev1_even_if_no_part_is(if_down: Severity) -> None:
    story = Story(APART)
    story.look(*(a_trouble(name, if_down=if_down) for name in ("shop", "blog", "wiki")))
    assert [(i.severity, joined(i)) for i in story.open] == [(Severity.SEV1, ["shop", "blog", "wiki"])]


def test_the_only_service_going_down_stays_as_bad_as_its_probe_says() -> None:
    story = Story([a_service("frontend")])
    story.look(a_trouble("frontend"))
    assert [incident.severity for incident in story.open] == [Severity.SEV2]


@pytest.mark.parametrize("symptom", LESSER)
def test_what_is_not_down_is_a_sev3(symptom: Symptom) -> None:
    story = Story()
    story.look(a_trouble("backend", symptom))
    assert [(i.severity, i.title) for i in story.open] == [(Severity.SEV3, f"backend is {symptom}")]


# --- joining and raising


def test_a_probe_that_fails_later_joins_the_incident_of_its_service() -> None:
    story = Story()
    story.look(a_trouble("backend"))
    steps = story.look(a_trouble("backend"), a_trouble("backend/auth"))
    assert (kinds(steps), [joined(i) for i in story.open]) == ([EventKind.JOINED], [["backend", "backend/auth"]])


def test_when_the_backend_follows_the_frontend_the_same_incident_is_raised_and_its_cause_changed() -> None:
    frontend = an_incident(a_member("frontend"), severity=Severity.SEV2)
    (step,) = Story(incidents=[frontend]).look(a_trouble("frontend"), a_trouble("backend", since=at(60)))
    raised = replace(
        frontend,
        severity=Severity.SEV1,
        cause=key("backend"),
        title="backend is down",
        members=(a_member("frontend"), a_member("backend", since=at(60))),
    )
    events = (
        TimelineEvent(NOW, EventKind.JOINED, "backend is down: refused"),
        TimelineEvent(NOW, EventKind.RAISED, "SEV2 is now SEV1: backend is down: refused"),
    )
    assert step == Step(raised, events)


def test_the_last_service_to_go_down_raises_a_lesser_outage_to_sev1() -> None:
    services = (a_service("shop"), a_service("blog"))
    story = Story(services)
    story.look(a_trouble("shop"))
    story.look(a_trouble("shop"), a_trouble("blog"))
    assert [(i.severity, joined(i)) for i in story.open] == [(Severity.SEV1, ["shop", "blog"])]


def test_a_severity_is_never_lowered_while_the_incident_is_open() -> None:
    story = Story()
    story.look(a_trouble("backend"), a_trouble("frontend"))
    story.look(a_trouble("frontend"))
    assert [incident.severity for incident in story.open] == [Severity.SEV1]


def test_an_incident_that_is_in_hand_is_joined_too() -> None:
    escalated = an_incident(severity=Severity.SEV1, status=IncidentStatus.ESCALATED)
    story = Story(incidents=[escalated])
    story.look(a_trouble("backend"), a_trouble("frontend"))
    assert [(i.status, joined(i)) for i in story.open] == [(IncidentStatus.ESCALATED, ["backend", "frontend"])]


def test_an_outage_that_joins_two_others_leaves_each_probe_in_one_incident() -> None:
    story = Story(SIBLINGS)
    story.look(a_trouble("site"))
    story.look(a_trouble("site"), a_trouble("admin"))
    story.look(a_trouble("site"), a_trouble("admin"), a_trouble("backend"))
    assert sorted(name for incident in story.open for name in joined(incident)) == ["admin", "backend", "site"]


def test_a_total_outage_of_services_that_failed_one_by_one_leaves_each_probe_in_one_incident() -> None:
    story = Story(APART)
    story.look(a_trouble("shop"))
    story.look(a_trouble("shop"), a_trouble("blog"))
    story.look(a_trouble("shop"), a_trouble("blog"), a_trouble("wiki"))
    assert sorted(name for incident in story.open for name in joined(incident)) == ["blog", "shop", "wiki"]


def test_a_total_outage_is_told_as_the_reason_where_no_part_is_a_sev1() -> None:
    story = Story((a_service("shop"), a_service("blog")))
    story.look(a_trouble("shop"))
    (step,) = story.look(a_trouble("shop"), a_trouble("blog"))
    assert step.events[-1].text == "SEV2 is now SEV1: all that is watched is down"


def test_what_goes_down_while_the_outage_of_its_dependency_flaps_joins_it() -> None:
    story = Story()
    story.look(a_trouble("backend"))
    story.look(a_trouble("backend", FLAPPING), a_trouble("frontend"))
    assert [joined(incident) for incident in story.outages] == [["backend", "frontend"]]


def test_an_outage_begins_with_its_first_failing_result_also_when_that_joins_late() -> None:
    story = Story(incidents=[an_incident(a_member("frontend", since=at(10)), opened_at=at(10))])
    story.look(a_trouble("frontend", since=at(10)), a_trouble("backend", since=at(5)))
    assert [incident.opened_at for incident in story.open] == [at(5)]


# --- what is only degraded or flapping


@pytest.mark.parametrize("symptom", LESSER)
def test_an_outage_covers_what_is_only_degraded_or_flapping_in_its_service(symptom: Symptom) -> None:
    story = Story()
    story.look(a_trouble("backend"), a_trouble("backend/auth", symptom))
    assert [(i.severity, joined(i)) for i in story.open] == [(Severity.SEV1, ["backend"])]


@pytest.mark.parametrize("symptom", LESSER)
def test_an_outage_does_not_cover_another_service(symptom: Symptom) -> None:
    story = Story()
    story.look(a_trouble("backend"), a_trouble("frontend", symptom))
    assert [(i.severity, joined(i)) for i in story.open] == [
        (Severity.SEV1, ["backend"]),
        (Severity.SEV3, ["frontend"]),
    ]


@pytest.mark.parametrize("symptom", LESSER)
def test_an_outage_does_not_join_a_lesser_incident(symptom: Symptom) -> None:
    story = Story()
    story.look(a_trouble("backend/auth", symptom))
    story.look(a_trouble("backend/auth", symptom), a_trouble("backend"))
    assert [(i.severity, joined(i)) for i in story.open] == [
        (Severity.SEV3, ["backend/auth"]),
        (Severity.SEV1, ["backend"]),
    ]


def test_lesser_troubles_of_one_service_are_one_incident() -> None:
    story = Story()
    story.look(a_trouble("backend", DEGRADED))
    story.look(a_trouble("backend", DEGRADED), a_trouble("backend/auth", FLAPPING))
    assert [joined(incident) for incident in story.open] == [["backend", "backend/auth"]]


def test_a_lesser_incident_is_named_after_its_most_upstream_probe() -> None:
    story = Story()
    story.look(a_trouble("backend/auth", FLAPPING))
    story.look(a_trouble("backend/auth", FLAPPING), a_trouble("backend", DEGRADED))
    assert [(i.title, i.cause) for i in story.open] == [("backend is degraded", key("backend"))]


def test_what_turns_slow_as_the_last_slow_probe_recovers_is_an_incident_of_its_own() -> None:
    story = Story()
    story.look(a_trouble("backend", DEGRADED))
    story.look(a_trouble("backend/auth", DEGRADED))
    assert [(joined(i), i.status) for i in story.incidents.values()] == [
        (["backend"], IncidentStatus.RESOLVED),
        (["backend/auth"], IncidentStatus.OPEN),
    ]


@pytest.mark.parametrize("symptom", LESSER)
def test_when_what_was_slow_goes_down_the_lesser_incident_ends_and_an_outage_opens(symptom: Symptom) -> None:
    story = Story()
    story.look(a_trouble("backend", symptom))
    steps = story.look(a_trouble("backend", since=at(60)))
    assert [(step.incident.severity, step.incident.status, [e.kind for e in step.events]) for step in steps] == [
        (Severity.SEV3, IncidentStatus.RESOLVED, [EventKind.RECOVERED, EventKind.RESOLVED]),
        (Severity.SEV1, IncidentStatus.OPEN, [EventKind.OPENED]),
    ]


def test_a_lesser_incident_that_became_an_outage_ends_now_and_says_so() -> None:
    story = Story()
    story.look(a_trouble("backend", DEGRADED))
    ended, _ = story.look(a_trouble("backend", since=at(60)))
    assert (ended.incident.resolved_at, ended.events[0]) == (
        NOW,
        TimelineEvent(NOW, EventKind.RECOVERED, "backend is down now: a worse incident goes on"),
    )


def test_a_slow_probe_that_begins_to_flap_keeps_its_incident() -> None:
    story = Story()
    story.look(a_trouble("backend", DEGRADED))
    assert story.look(a_trouble("backend", FLAPPING)) == []


def test_an_outage_that_ends_in_slowness_leaves_a_lesser_incident_at_once() -> None:
    story = Story()
    story.look(a_trouble("backend"))
    story.look(a_trouble("backend", DEGRADED, since=at(60)))
    assert [(i.severity, joined(i)) for i in story.open] == [(Severity.SEV3, ["backend"])]


def test_an_outage_that_ends_in_slowness_says_so() -> None:
    story = Story()
    story.look(a_trouble("backend"))
    ended, _ = story.look(a_trouble("backend", DEGRADED, since=at(60)))
    assert ended.events[0].text == "backend answers again, degraded"


# --- recovering


def test_an_incident_is_resolved_with_the_last_success_needed() -> None:
    outage = an_incident(a_member("backend"), a_member("frontend"))
    well = {key("backend"): at(60), key("frontend"): at(65)}
    (step,) = Story(incidents=[outage]).look(well=well, now=at(70))
    resolved = replace(
        outage,
        status=IncidentStatus.RESOLVED,
        members=(a_member("backend", recovered_at=at(60)), a_member("frontend", recovered_at=at(65))),
        resolved_at=at(65),
    )
    events = (
        TimelineEvent(at(60), EventKind.RECOVERED, "backend is well again"),
        TimelineEvent(at(65), EventKind.RECOVERED, "frontend is well again"),
        TimelineEvent(at(65), EventKind.RESOLVED, "after 0:01:05"),
    )
    assert step == Step(resolved, events)


def test_an_incident_stays_open_while_one_of_its_probes_is_down() -> None:
    outage = an_incident(a_member("backend"), a_member("frontend"))
    story = Story(incidents=[outage])
    story.look(a_trouble("frontend"), well={key("backend"): at(60)})
    assert story.open == [
        replace(outage, members=(a_member("backend", recovered_at=at(60)), a_member("frontend")), version=2)
    ]


def test_a_probe_that_fails_again_before_the_end_relapses_in_the_same_incident() -> None:
    outage = an_incident(a_member("backend", recovered_at=at(60)), a_member("frontend"))
    story = Story(incidents=[outage])
    steps = story.look(a_trouble("backend", since=at(90), detail="status 500"), a_trouble("frontend"))
    assert steps == [
        Step(
            replace(outage, members=(a_member("backend"), a_member("frontend"))),
            (TimelineEvent(NOW, EventKind.RELAPSED, "again: backend is down: status 500"),),
        )
    ]


def test_a_probe_relapses_in_its_own_incident_when_that_becomes_one_outage_with_an_older_one() -> None:
    admin = a_service("admin", probes=[a_probe("admin"), a_probe("admin/jobs")], depends_on=["backend"])
    site = an_incident(a_member("site"), named="old")
    other = an_incident(a_member("admin", recovered_at=at(60)), a_member("admin/jobs"), named="young")
    story = Story((SIBLINGS[0], SIBLINGS[1], admin), [site, other])
    story.look(*(a_trouble(name) for name in ("site", "admin", "admin/jobs", "backend")))
    assert [(joined(i), {member.recovered_at for member in i.members}) for i in story.open] == [
        (["site", "backend"], {None}),
        (["admin", "admin/jobs"], {None}),
    ]


def test_a_part_of_a_total_outage_relapses_in_the_same_incident_while_the_rest_is_down() -> None:
    story = Story(APART)
    story.look(*(a_trouble(name) for name in ("shop", "blog", "wiki")))
    story.look(a_trouble("blog"))
    story.look(a_trouble("blog"), a_trouble("shop"))
    assert [(str(m.key), m.recovered_at) for i in story.open for m in i.members] == [
        ("shop", None),
        ("blog", None),
        ("wiki", NOW),
    ]


def test_a_failure_after_the_end_is_a_new_incident() -> None:
    story = Story()
    story.look(a_trouble())
    story.look()
    story.look(a_trouble(since=at(600)))
    assert [incident.opened_at for incident in story.incidents.values()] == [START, at(600)]


def test_a_flapping_probe_keeps_its_outage_open() -> None:
    story = Story()
    story.look(a_trouble("backend"))
    assert story.look(a_trouble("backend", FLAPPING)) == []


def test_a_probe_that_is_watched_no_longer_holds_no_incident_open() -> None:
    story = Story(incidents=[an_incident(a_member("backend/gone"))])
    (step,) = story.look(now=at(90))
    assert (step.incident.resolved_at, step.events[0].text) == (at(90), "backend/gone is no longer watched")


def test_what_was_well_all_along_recovers_no_sooner_than_it_failed() -> None:
    story = Story(incidents=[an_incident(a_member(since=at(30)), opened_at=at(30))])
    (step,) = story.look(well={key("backend"): START})
    assert step.incident.resolved_at == at(30)


def test_an_outage_that_goes_on_needs_nothing() -> None:
    story = Story()
    story.look(a_trouble("backend"), a_trouble("frontend"))
    assert story.look(a_trouble("backend"), a_trouble("frontend")) == []


# --- properties over whole histories

WORLDS = {"product": PRODUCT, "apart": APART, "siblings": SIBLINGS, "meeting": MEETING, "chain": CHAIN}
WELL, GONE = "well", "gone"


@dataclass(frozen=True)
class Change:
    """How one probe stands from now on; and whether health looks now, or only after the next change."""

    probe: str
    how: str
    seen: bool


class Report:
    """What health hands to incidents after one look."""

    def __init__(self, look: Mapping[str, str], now: datetime) -> None:
        self.now = now
        self.well = {key(name): now for name, how in look.items() if how == WELL}
        self.troubles = [a_trouble(name, Symptom(how), now) for name, how in look.items() if how in set(Symptom)]
        self.down = sorted(trouble.key for trouble in self.troubles if trouble.symptom is DOWN)

    def to(self, story: Story) -> list[Step]:
        return story.look(*self.troubles, well=self.well, now=self.now)


def histories(data: st.DataObject, worlds: Sequence[str]) -> Iterator[tuple[Story, Report, list[Step]]]:
    """Draw what happens to a world; gives the ledger, what health reported and what was done, after each look."""
    services = WORLDS[data.draw(st.sampled_from(worlds))]
    look = {str(probe.key): WELL for service in services for probe in service.probes}
    hows = (DOWN, WELL, DOWN, DEGRADED, DOWN, FLAPPING, GONE)
    every = [Change(*each) for each in product(look, hows, (True, False))]
    story = Story(services)
    for minute, change in enumerate(data.draw(st.lists(st.sampled_from(every), max_size=12)), start=1):
        look[change.probe] = change.how
        if change.seen:
            report = Report(look, at(60 * minute))
            yield story, report, report.to(story)


whatever_happens = pytest.mark.parametrize(
    "worlds", [["product"], ["apart", "siblings", "meeting", "chain"]], ids=["the product", "other services"]
)


@whatever_happens
@given(data=st.data())
def test_no_probe_is_in_two_open_outages(worlds: list[str], data: st.DataObject) -> None:
    for story, _, _ in histories(data, worlds):
        members = [member.key for incident in story.outages for member in incident.members]
        assert sorted(members) == sorted(set(members))


@whatever_happens
@given(data=st.data())
def test_no_probe_is_in_two_open_incidents_that_are_no_outages(worlds: list[str], data: st.DataObject) -> None:
    for story, _, _ in histories(data, worlds):
        members = [member.key for incident in story.open if not incident.is_outage for member in incident.members]
        assert sorted(members) == sorted(set(members))


@whatever_happens
@given(data=st.data())
def test_whatever_is_down_burns_in_exactly_one_open_outage(worlds: list[str], data: st.DataObject) -> None:
    for story, report, _ in histories(data, worlds):
        burning = [m.key for incident in story.outages for m in incident.members if not m.recovered_at]
        assert sorted(name for name in burning if name in report.down) == report.down


@whatever_happens
@given(data=st.data())
def test_no_outage_is_resolved_while_one_of_its_probes_is_down(worlds: list[str], data: st.DataObject) -> None:
    for _, report, steps in histories(data, worlds):
        ended = [s.incident for s in steps if s.incident.status is IncidentStatus.RESOLVED and s.incident.is_outage]
        members = {member.key for incident in ended for member in incident.members}
        assert members.isdisjoint(report.down)


@whatever_happens
@given(data=st.data())
def test_whatever_is_wrong_is_told_by_an_open_incident_of_its_service(worlds: list[str], data: st.DataObject) -> None:
    for story, report, _ in histories(data, worlds):
        told = {name for incident in story.open for name in incident.services}
        assert {trouble.key.service for trouble in report.troubles} <= told


@whatever_happens
@given(data=st.data())
def test_while_every_service_is_down_a_sev1_is_open(worlds: list[str], data: st.DataObject) -> None:
    for story, report, _ in histories(data, worlds):
        services = {service.name for service in story.services}
        if len(services) > 1 and {name.service for name in report.down} == services:
            assert Severity.SEV1 in {incident.severity for incident in story.outages}


@whatever_happens
@given(data=st.data())
def test_an_open_incident_has_a_probe_that_has_not_recovered(worlds: list[str], data: st.DataObject) -> None:
    for story, _, _ in histories(data, worlds):
        assert all(any(not member.recovered_at for member in incident.members) for incident in story.open)


@whatever_happens
@given(data=st.data())
def test_an_incident_ends_with_the_last_of_its_recoveries(worlds: list[str], data: st.DataObject) -> None:
    for _, _, steps in histories(data, worlds):
        for incident in (step.incident for step in steps if step.incident.resolved_at):
            ends = [member.recovered_at for member in incident.members if member.recovered_at]
            assert (len(ends), incident.resolved_at) == (len(incident.members), max(ends))


@whatever_happens
@given(data=st.data())
def test_asking_again_after_the_steps_are_done_gives_none(worlds: list[str], data: st.DataObject) -> None:
    for story, report, _ in histories(data, worlds):
        assert report.to(story) == []
