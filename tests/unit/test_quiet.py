"""When it is quiet: never without an end, never about another service, and nothing is forgotten when it ends."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest
from builders import START, a_member, a_remedy, an_incident, at
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.incidents.mitigation import Escalate, Hush, Mend, Rest, Rules, Verify, next_step
from devops_daemon.incidents.telling import wanted
from devops_daemon.mending import Came
from devops_daemon.model import Incident, ProbeKey
from devops_daemon.objectives import measure
from devops_daemon.quiet import Maintenance, Quiet, current, over

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NIGHTLY = Maintenance(frozenset({"backend"}), "the nightly import", cron="0 3 * * *", lasts=HOUR)
NIGHT = START.replace(hour=3, minute=0, second=0, microsecond=0)
UNTIL = at(3600)
QUIET = Quiet(frozenset({"backend"}), UNTIL, "we know", "ada")
ALL = Quiet(frozenset(), at(1800))
RULES = Rules()


def about(*services: str) -> Incident:
    """An incident with a failing probe of each service."""
    return an_incident(*(replace(a_member(), key=ProbeKey(name, name)) for name in services))


# When


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        (NIGHT - timedelta(microseconds=1), None),
        (NIGHT, NIGHT + HOUR),
        (NIGHT + HOUR - timedelta(microseconds=1), NIGHT + HOUR),
        (NIGHT + HOUR, None),
    ],
)
def test_what_comes_again_is_there_from_its_moment_for_as_long_as_it_lasts(
    moment: datetime, until: datetime | None
) -> None:
    found = NIGHTLY.now(moment)
    assert (found.until if found else None) == until


def test_what_comes_once_is_there_between_its_two_moments() -> None:
    once = Maintenance(starts=at(60), ends=at(120))
    assert [once.now(at(seconds)) is not None for seconds in (59, 60, 119, 120)] == [False, True, True, False]


def test_a_silence_ends_by_itself() -> None:
    assert current([], [QUIET], UNTIL - MINUTE) == [QUIET]
    assert current([], [QUIET], UNTIL) == []


@given(st.integers(0, 365 * 86400), st.integers(1, 24 * 60), st.integers(0, 59))
def test_whatever_comes_again_ends_when_it_says(seconds: int, minutes: int, minute: int) -> None:
    now, lasts = at(seconds), timedelta(minutes=minutes)
    found = Maintenance(cron=f"{minute} */2 * * *", lasts=lasts).now(now)
    if found:
        assert now < found.until <= now + lasts
    else:
        assert lasts < 2 * HOUR


# About what


def test_an_outage_of_another_service_is_never_hidden() -> None:
    assert over(about("backend"), [QUIET]) == QUIET
    assert over(about("frontend"), [QUIET]) is None
    assert over(about("backend", "frontend"), [QUIET]) is None
    assert over(about("backend", "frontend"), [QUIET, ALL]) == ALL, "until the first of them has ended"
    assert over(about("backend"), [QUIET, ALL]) == QUIET
    assert over(about("backend"), []) is None


def test_what_is_well_again_does_not_count_while_something_fails() -> None:
    mixed = about("backend", "frontend")
    well = replace(mixed.members[1], recovered_at=at(30))
    assert over(replace(mixed, members=(mixed.members[0], well)), [QUIET]) == QUIET
    ended = tuple(replace(member, recovered_at=at(30)) for member in mixed.members)
    assert over(replace(mixed, members=ended), [QUIET]) is None


SERVICES = st.frozensets(st.sampled_from(["backend", "frontend", "worker"]), max_size=3)
QUIETS = st.builds(Quiet, SERVICES, st.integers(1, 9999).map(at))


@given(SERVICES.filter(bool), st.lists(QUIETS, max_size=4))
def test_it_is_quiet_only_while_every_service_that_fails_is_covered(
    failing: frozenset[str], quiets: list[Quiet]
) -> None:
    found = over(about(*failing), quiets)
    covered = {name for name, quiet in product(failing, quiets) if quiet.covers(name)}
    assert (found is not None) == (covered == failing)
    if found:
        left = [quiet for quiet in quiets if quiet.until >= found.until]
        assert all(any(quiet.covers(name) for quiet in left) for name in failing)


# What is done then


def test_while_it_is_quiet_nothing_is_done_but_to_see_what_was_begun_to_its_end() -> None:
    assert next_step(about("backend"), [], [], RULES, at(60), QUIET) == Hush(QUIET)
    assert next_step(about("backend"), [], [], RULES, at(9999), QUIET) == Hush(QUIET), "nobody is called either"
    under_way = a_remedy(came=None)
    assert next_step(about("backend"), [under_way], [], RULES, at(60), QUIET) == Verify(under_way)
    ended = replace(about("backend"), resolved_at=at(50))
    assert next_step(ended, [], [], RULES, at(60), QUIET) == Rest(None)


def test_when_it_ends_the_time_counts_from_there() -> None:
    hushed = replace(about("backend"), quiet_until=UNTIL, held=QUIET.text)
    assert next_step(hushed, [], [], RULES, UNTIL) == Mend()
    assert next_step(hushed, [], [], RULES, UNTIL + RULES.respond_within - MINUTE) == Mend()
    assert isinstance(next_step(hushed, [], [], RULES, UNTIL + RULES.respond_within), Escalate)


def test_while_it_is_quiet_nothing_is_told_but_an_issue_that_is_there_is_kept_current() -> None:
    failed = [a_remedy(came=Came.NO_HELP)]
    assert wanted(about("backend"), failed, [], 2, calls=True, quiet=True) == []
    there = replace(about("backend"), issue=7)
    assert [each.name for each in wanted(there, failed, [], 2, calls=True, quiet=True)] == ["issue"]
    assert len(wanted(about("backend"), failed, [], 2, calls=True)) > 1, "it is not forgotten"


def test_what_began_and_ended_while_it_was_quiet_leaves_no_issue() -> None:
    ended = replace(about("backend"), quiet_until=UNTIL, resolved_at=UNTIL - MINUTE)
    assert wanted(ended, [], [], 1, calls=True) == []
    later, told, done = replace(ended, resolved_at=UNTIL + MINUTE), replace(ended, issue=7), at(30)
    for incident in (later, told, replace(ended, addressed_at=done)):
        assert "comment:resolved" in [each.name for each in wanted(incident, [], [], 1, calls=True)]


def test_the_promises_are_not_measured_by_what_was_quiet() -> None:
    late = replace(about("backend"), resolved_at=at(7200), resolved_by="ada")
    named = {each.name: each.actual for each in measure([late], at(7300))}
    hushed = {each.name: each.actual for each in measure([replace(late, quiet_until=UNTIL)], at(7300))}
    assert (named["auto_recovery"], hushed["auto_recovery"]) == (0.0, None)


def test_it_says_what_and_until_when_and_by_whom() -> None:
    assert QUIET.text == f"silenced by ada until {UNTIL:%Y-%m-%d %H:%M} UTC: we know"
    assert ALL.text == f"maintenance until {ALL.until:%Y-%m-%d %H:%M} UTC"
