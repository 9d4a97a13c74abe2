"""Signals beside the probes: over a level for the whole of its window, or not; what is not known changes nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import START, a_member, an_incident, at, the_product
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.health.signals import LEAST_REQUESTS, LEVELS, Disk, Name, Seen, judge, keys_of
from devops_daemon.hosting import Measure, Sample, Series, Volume
from devops_daemon.incidents.lifecycle import next_steps
from devops_daemon.incidents.mitigation import Escalate, Overdue, Rest, Rules, next_step
from devops_daemon.incidents.telling import wanted, why_call
from devops_daemon.model import EventKind, IncidentStatus, ProbeKey, Severity, Signal, Symptom, Trouble

MINUTE = timedelta(minutes=1)
NOW = at(7200)
ERRORS, LATENCY, MEMORY, DISK = (keys_of("backend")[name] for name in Name)
NEVER = Signal(ERRORS)
STRAINED = Trouble(ERRORS, Symptom.STRAINED, Severity.SEV2, START, "6.0% of 1340 requests answered with a 5xx")


def answered(
    minutes: int, share: float = 0.0, *, each: int = 100, ago: int = 0, p95: float | None = 0.2
) -> list[Sample]:
    """So many minutes of requests, of which so many fail, until so many minutes ago."""
    last = NOW - ago * MINUTE
    slow = None if p95 is None else timedelta(seconds=p95)
    return [Sample(last - place * MINUTE, each, round(each * share), slow) for place in range(minutes - 1, -1, -1)]


def errors(*parts: list[Sample], before: Signal = NEVER) -> Signal:
    return judge(before, Seen([sample for part in parts for sample in part], None, None, NOW))


def used(share: float, minutes: int = 12) -> list[Series]:
    moments = [NOW - place * MINUTE for place in range(minutes, -1, -1)]
    return [
        Series("s1", Measure.MEMORY, tuple((moment, share * 2) for moment in moments)),
        Series("s1", Measure.MEMORY_LIMIT, tuple((moment, 2.0) for moment in moments)),
    ]


# Levels


@pytest.mark.parametrize(
    ("share", "minutes", "severity"),
    [
        (0.12, 70, Severity.SEV1),
        (0.10, 70, Severity.SEV2),
        (0.06, 70, Severity.SEV2),
        (0.02, 70, Severity.SEV3),
        (0.01, 70, None),
        (0.0, 70, None),
    ],
)
def test_the_share_of_failed_requests_says_how_bad_it_is(share: float, minutes: int, severity: Severity | None) -> None:
    found = errors(answered(minutes, share))
    assert (found.severity, found.known_at) == (severity, NOW)


def test_a_level_needs_the_whole_of_its_window() -> None:
    assert errors(answered(3, 0.5)) == Signal(ERRORS), "of five minutes three are not enough"
    assert errors(answered(6, 0.5)).severity is Severity.SEV1
    assert errors(answered(7, 0.06)).severity is None
    assert errors(answered(11, 0.06)).severity is Severity.SEV2


def test_what_has_ended_is_over_though_the_window_still_counts_it() -> None:
    assert errors(answered(7, 0.5, ago=3), answered(3, 0.0)).severity is not Severity.SEV1


def test_what_lasts_a_moment_only_is_not_over_a_level() -> None:
    assert errors(answered(69, ago=1), answered(1, 1.0)).severity is None
    assert errors(answered(67, ago=3), answered(1, 1.0, ago=2), answered(2)).severity is None


def test_two_minutes_of_data_after_a_silence_are_not_the_whole_of_a_window() -> None:
    assert errors(answered(5, ago=70), answered(2, 1.0)) == NEVER


def test_of_few_requests_a_share_says_nothing() -> None:
    assert errors(answered(70, 1.0, each=0)) == Signal(ERRORS)
    few = answered(70, 1.0, each=LEAST_REQUESTS // 10)
    assert errors(few).severity is not Severity.SEV1


@pytest.mark.parametrize(("p95", "severity"), [(2.5, Severity.SEV2), (2.0, None), (0.1, None)])
def test_what_is_slow_all_the_time_is_too_slow(p95: float, severity: Severity | None) -> None:
    found = judge(Signal(LATENCY), Seen(answered(15, p95=p95), None, None, NOW))
    assert found.severity is severity
    for parts in ((11, 4), (4, 11)):
        for_a_while = [*answered(parts[0], p95=9.0, ago=parts[1]), *answered(parts[1], p95=0.1)]
        assert judge(Signal(LATENCY), Seen(for_a_while, None, None, NOW)).severity is None


def test_what_is_under_way_makes_nothing_quicker_for_only_the_quick_have_ended() -> None:
    under_way = [*answered(14, p95=3.0, ago=1), *answered(1, p95=0.1, each=5)]
    assert judge(Signal(LATENCY), Seen(under_way, None, None, NOW)).severity is Severity.SEV2


@pytest.mark.parametrize(("share", "severity"), [(0.95, Severity.SEV2), (0.90, None), (0.5, None)])
def test_memory_is_held_against_its_limit(share: float, severity: Severity | None) -> None:
    assert judge(Signal(MEMORY), Seen(None, used(share), None, NOW)).severity is severity


def test_without_a_limit_memory_is_not_known() -> None:
    assert judge(Signal(MEMORY), Seen(None, used(0.95)[:1], None, NOW)) == Signal(MEMORY)


# What is not known


@pytest.mark.parametrize("severity", [None, *Severity])
@pytest.mark.parametrize("key", [ERRORS, LATENCY, MEMORY, DISK])
def test_what_cannot_be_read_stays_as_it_was(key: ProbeKey, severity: Severity | None) -> None:
    before = Signal(key, severity, START, START, "as it was", START)
    short = Seen(answered(2, 0.5), used(0.99, 2), [], NOW)
    for seen in (Seen(None, None, None, NOW), Seen([], [], [], NOW), short):
        assert judge(before, seen) == before


def test_what_wavers_around_its_level_is_one_trouble() -> None:
    before = errors(answered(70, 0.11))
    assert before.severity is Severity.SEV1
    assert errors(answered(70, 0.09), before=before).since == before.since
    assert errors(answered(70, 0.09), before=before).severity is Severity.SEV1
    assert errors(answered(70, 0.06), before=before).severity is Severity.SEV2


def test_what_is_slow_or_full_ends_when_it_stays_below_its_level() -> None:
    slow = judge(Signal(LATENCY), Seen(answered(15, p95=2.5), None, None, NOW))
    for now_and_then in ([*answered(14, p95=2.5, ago=1), *answered(1, p95=0.1)], answered(15, p95=1.7)):
        assert judge(slow, Seen(now_and_then, None, None, NOW)).severity is Severity.SEV2
    assert judge(slow, Seen(answered(15, p95=1.5), None, None, NOW)).severity is None
    full = judge(Signal(MEMORY), Seen(None, used(0.95), None, NOW))
    assert judge(full, Seen(None, used(0.86), None, NOW)).severity is Severity.SEV2
    assert judge(full, Seen(None, used(0.85), None, NOW)).severity is None


def disks(*shares: float) -> Seen:
    """Give what is told of disks of five gigabytes."""
    volumes = [Volume(f"s-{place}", "/data", 5 * share, 5.0) for place, share in enumerate(shares)]
    return Seen(None, None, [Disk("Postgres", volume) for volume in volumes], NOW)


def test_the_fullest_disk_tells_and_is_well_again_when_there_is_room() -> None:
    assert judge(Signal(DISK), disks(0.2, 0.9)).severity is None
    full = judge(Signal(DISK), disks(0.2, 0.93, 0.5))
    assert (full.severity, full.detail) == (Severity.SEV2, "Postgres: 93% of 5.00 GB in use (/data)")
    assert judge(full, disks(0.88)).severity is Severity.SEV2
    assert judge(full, disks(0.87)).severity is None


def test_a_disk_without_a_size_is_not_known() -> None:
    nothing = Seen(None, None, [Disk("Postgres", Volume("s", "/data", 1.0, 0.0))], NOW)
    assert judge(Signal(DISK), nothing) == Signal(DISK)


def test_while_its_level_is_not_known_it_is_not_lowered_but_may_be_raised() -> None:
    before = Signal(ERRORS, Severity.SEV1, START, START, "as it was", START)
    fewer = [*answered(6, 0.5, ago=6), *answered(6, 1.0, each=2)]
    assert errors(fewer).severity is Severity.SEV2, "the window of ten minutes is known, that of five is not"
    assert errors(fewer, before=before) == before
    minor = replace(before, severity=Severity.SEV3)
    assert errors(fewer, before=minor).severity is Severity.SEV2


def test_what_was_over_a_level_that_is_no_more_is_judged_by_those_there_are() -> None:
    before = Signal(ERRORS, Severity.SEV3, START, START, "as it was", START)
    levels = [level for level in LEVELS if level.severity is not Severity.SEV3]
    assert judge(before, Seen(answered(70), None, None, NOW), levels).severity is None


SAMPLES = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 300), st.integers(0, 300)), max_size=90)


@given(SAMPLES, st.integers(0, 100), st.sampled_from([None, *Severity]))
def test_it_is_never_worse_with_fewer_failures(
    drawn: list[tuple[int, int, int]], less: int, stood: Severity | None
) -> None:
    before = Signal(ERRORS, stood, START, START, "as it was", START)
    samples = sorted(
        (Sample(NOW - ago * MINUTE, total, min(total, failed)) for ago, total, failed in drawn),
        key=lambda each: each.at,
    )
    better = [replace(each, failed=max(0, each.failed - less)) for each in samples]
    bad, good = errors(samples, before=before).severity, errors(better, before=before).severity
    assert bad is None or good is None or good >= bad
    assert bad is not None or good is None


@given(SAMPLES)
def test_whatever_is_told_each_signal_has_a_level_of_its_own_or_none(drawn: list[tuple[int, int, int]]) -> None:
    samples = [Sample(NOW - ago * MINUTE, total, min(total, failed)) for ago, total, failed in drawn]
    for key in keys_of("backend").values():
        found = judge(Signal(key), Seen(samples, used(0.97), None, NOW))
        own = {level.severity for level in LEVELS if level.name == key.name}
        assert found.severity is None or found.severity in own
        assert (found.trouble is None) == (found.severity is None)


# In incidents


def test_a_signal_that_is_too_high_is_an_incident_on_which_nothing_is_tried() -> None:
    [step] = next_steps([STRAINED], [], the_product(), {}, NOW)
    incident = replace(step.incident, id="260105-aaaa", version=1)
    assert (incident.severity, incident.is_outage, incident.title) == (
        Severity.SEV2,
        False,
        "backend/error rate is too high",
    )
    rules = Rules()
    assert next_step(incident, [], [], rules, START) == Rest(START + rules.mend_within)
    late = START + rules.mend_within
    assert next_step(incident, [], [], rules, late) == Overdue("not mended within 0:15:00")
    assert next_step(replace(incident, overdue_at=late), [], [], rules, late) == Rest(None)
    sev1 = replace(incident, severity=Severity.SEV1)
    assert isinstance(next_step(sev1, [], [], rules, START + rules.respond_within), Escalate)
    told = replace(sev1, addressed_at=START)
    assert next_step(told, [], [], rules, START + rules.respond_within) == Rest(START + rules.mend_within)


def test_people_and_the_agent_are_told_of_it_at_once_unless_it_is_minor() -> None:
    member = replace(a_member(symptom=Symptom.STRAINED), key=ERRORS)
    incident = an_incident(member, severity=Severity.SEV2)
    assert why_call(incident, [], []) == ["backend/error rate is too high, and no probe fails"]
    names = [each.name for each in wanted(incident, [], [], 1, calls=True)]
    assert names == ["notice:opened:0", "issue", "agent:1", "issue", "state"]
    minor = an_incident(member, severity=Severity.SEV3)
    assert [each.name for each in wanted(minor, [], [], 1, calls=True)] == ["issue", "issue", "state"]


def test_while_a_service_is_down_and_a_while_after_its_outage_explains_its_signals() -> None:
    outage = an_incident()
    down = Trouble(outage.members[0].key, Symptom.DOWN, Severity.SEV1, START, "500")
    assert next_steps([down, STRAINED], [outage], the_product(), {}, NOW) == []
    ended = an_incident(a_member(recovered_at=at(60)), status=IncidentStatus.RESOLVED, resolved_at=at(60))
    assert next_steps([replace(STRAINED, counted_from=at(59))], [ended], the_product(), {}, NOW) == []
    [step] = next_steps([replace(STRAINED, counted_from=at(61))], [ended], the_product(), {}, NOW)
    assert step.events[0].kind is EventKind.OPENED


def test_what_went_on_after_the_outage_is_not_explained_by_it_for_ever() -> None:
    ended = an_incident(a_member(recovered_at=at(60)), status=IncidentStatus.RESOLVED, resolved_at=at(60))
    long = replace(STRAINED, since=START, counted_from=at(61))
    [step] = next_steps([long], [ended], the_product(), {}, NOW)
    assert (step.incident.opened_at, step.events[0].kind) == (START, EventKind.OPENED)


def test_it_ends_when_it_is_known_to_be_well_and_not_before() -> None:
    member = replace(a_member(symptom=Symptom.STRAINED), key=ERRORS)
    incident = an_incident(member, severity=Severity.SEV2)
    assert next_steps([STRAINED], [incident], the_product(), {}, NOW) == []
    [step] = next_steps([], [incident], the_product(), {ERRORS: at(60)}, NOW)
    assert step.incident.resolved_at == at(60)
