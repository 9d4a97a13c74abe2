"""What is kept of a deployment: its moments, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from builders import START, a_commit, a_deployment, a_hosted, a_record, at
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.hosting import UNDER_WAY, Became, Deployment, DeploymentRecord, Phase
from devops_daemon.model import Status
from devops_daemon.rollout.record import PROVE_WITHIN, advance, gone
from devops_daemon.rollout.verdict import Health

BACKEND = a_hosted()
UP = Health(Status.UP, "backend: status 200")
DOWN = Health(Status.DOWN, "backend: status 500")
OVER = frozenset({Phase.ENDED, Phase.FAILED, Phase.CRASHED, Phase.SKIPPED})
TEN_MINUTES = PROVE_WITHIN.total_seconds()


def story(*sights: tuple[float, Phase, Health | None]) -> DeploymentRecord:
    """Give the row after these sights, each so many seconds after the deployment began."""
    row = None
    for seconds, phase, health in sights:
        row = advance(row, BACKEND, a_deployment(phase=phase), health, at(seconds))
    assert row is not None
    return row


def moments(row: DeploymentRecord) -> tuple[datetime | None, datetime | None, datetime | None]:
    return row.live_at, row.well_at, row.ended_at


def test_the_first_sight_is_a_whole_row() -> None:
    seen = a_deployment(phase=Phase.BUILDING)
    assert advance(None, BACKEND, seen, None, at(60)) == a_record(phase=Phase.BUILDING, became=Became.UNDER_WAY)


def test_a_deployment_that_says_no_service_is_its_services() -> None:
    seen = replace(a_deployment(), service_id="")
    assert advance(None, BACKEND, seen, None, at(60)).service_id == "s-backend"


@pytest.mark.parametrize(
    ("phase", "became"),
    [
        *((phase, Became.UNDER_WAY) for phase in sorted(UNDER_WAY)),
        (Phase.LIVE, Became.LIVE),
        (Phase.SLEEPING, Became.LIVE),
        (Phase.FAILED, Became.FAILED),
        (Phase.CRASHED, Became.FAILED),
        (Phase.SKIPPED, Became.SKIPPED),
        (Phase.ENDED, Became.ENDED),
    ],
)
def test_each_phase_has_an_outcome(phase: Phase, became: Became) -> None:
    assert story((0, phase, None)).became is became


def test_a_deployment_is_well_once_our_probes_have_passed_since_it_was_live() -> None:
    row = story((0, Phase.BUILDING, None), (60, Phase.LIVE, None), (70, Phase.LIVE, UP), (80, Phase.LIVE, UP))
    assert (row.became, moments(row)) == (Became.WELL, (at(60), at(70), None))


def test_health_that_was_found_before_it_was_seen_live_proves_nothing() -> None:
    row = story((0, Phase.BUILDING, UP), (60, Phase.LIVE, UP))
    assert (row.became, row.well_at) == (Became.LIVE, None)


@pytest.mark.parametrize("health", [None, DOWN, Health(Status.UNKNOWN)])
def test_a_deployment_that_is_not_proved_within_ten_minutes_is_unproven(health: Health | None) -> None:
    begun = (0, Phase.LIVE, None)
    assert story(begun, (TEN_MINUTES, Phase.LIVE, health)).became is Became.LIVE
    assert story(begun, (TEN_MINUTES + 1, Phase.LIVE, health)).became is Became.UNPROVEN


def test_what_is_proved_late_is_well_all_the_same() -> None:
    row = story((0, Phase.LIVE, None), (TEN_MINUTES + 1, Phase.LIVE, DOWN), (5000, Phase.LIVE, UP))
    assert (row.became, row.well_at) == (Became.WELL, at(5000))


def test_a_crash_after_it_was_well_is_a_failure_and_the_proof_stays() -> None:
    row = story((0, Phase.LIVE, None), (10, Phase.LIVE, UP), (20, Phase.CRASHED, DOWN))
    assert (row.became, moments(row)) == (Became.FAILED, (START, at(10), at(20)))


def test_what_crashed_and_runs_again_has_not_ended() -> None:
    row = story((0, Phase.LIVE, None), (20, Phase.CRASHED, None), (30, Phase.LIVE, None))
    assert (row.became, moments(row)) == (Became.LIVE, (START, None, None))


def test_what_was_well_and_is_replaced_was_well() -> None:
    row = story((0, Phase.LIVE, None), (10, Phase.LIVE, UP), (20, Phase.ENDED, None))
    assert (row.became, moments(row)) == (Became.WELL, (START, at(10), at(20)))


def test_what_is_replaced_before_it_was_well_has_ended() -> None:
    row = story((0, Phase.LIVE, None), (20, Phase.ENDED, None))
    assert (row.became, moments(row)) == (Became.ENDED, (START, None, at(20)))


def test_what_failed_was_never_live() -> None:
    row = story((0, Phase.BUILDING, None), (20, Phase.FAILED, None))
    assert (row.became, moments(row)) == (Became.FAILED, (None, None, at(20)))


@pytest.mark.parametrize("phase", sorted(OVER))
def test_an_end_is_when_it_was_first_seen(phase: Phase) -> None:
    assert story((0, Phase.LIVE, None), (20, phase, None), (30, phase, None)).ended_at == at(20)


def test_what_was_known_of_the_commit_is_kept_where_less_is_told() -> None:
    told = a_deployment(phase=Phase.BUILDING, patch=True)
    row = advance(None, BACKEND, told, None, START)
    later = advance(row, BACKEND, replace(told, commit=None, patch_id=None), None, at(10))
    assert (later.commit, later.patch_id) == (a_commit(), "p1")


def test_what_is_told_late_of_the_commit_is_taken_in() -> None:
    row = story((0, Phase.BUILDING, None))
    assert advance(row, BACKEND, a_deployment(commit="b"), None, at(10)).commit == a_commit("b")


def test_it_was_live_from_when_the_platform_says_it_changed() -> None:
    row = advance(None, BACKEND, replace(a_deployment(), changed_at=at(30)), None, at(60))
    assert (row.live_at, row.seen_at) == (at(30), at(60))


def test_a_clock_of_the_platforms_that_is_ahead_is_not_believed() -> None:
    assert advance(None, BACKEND, replace(a_deployment(), changed_at=at(90)), None, at(60)).live_at == at(60)


def test_what_was_live_before_it_was_first_seen_has_its_ten_minutes_from_then() -> None:
    seen = replace(a_deployment(), changed_at=START)
    first = advance(None, BACKEND, seen, None, at(3600))
    later = [advance(first, BACKEND, seen, None, at(3600 + seconds)) for seconds in (TEN_MINUTES, TEN_MINUTES + 1)]
    assert [row.became for row in (first, *later)] == [Became.LIVE, Became.LIVE, Became.UNPROVEN]


def test_what_nothing_probes_is_not_called_unproven() -> None:
    assert story((0, Phase.LIVE, None), (86_400, Phase.LIVE, Health(Status.OFF))).became is Became.LIVE


@pytest.mark.parametrize(("health", "became"), [(UP, Became.WELL), (DOWN, Became.ENDED)])
def test_what_the_platform_no_longer_knows_has_ended_and_what_was_proved_stays(health: Health, became: Became) -> None:
    row = story((0, Phase.LIVE, None), (10, Phase.LIVE, health))
    assert gone(row, at(20)) == replace(row, phase=Phase.ENDED, became=became, ended_at=at(20))


# --- whatever is seen


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen some seconds after the sight before."""

    deployment: Deployment
    health: Health | None
    later: float


sights = st.lists(
    st.builds(
        Seen,
        deployment=st.builds(
            replace,
            st.builds(a_deployment, phase=st.sampled_from(Phase), commit=st.sampled_from(["a", None])),
            changed_at=st.none() | st.floats(-1000, 20_000).map(at),
        ),
        health=st.none() | st.builds(Health, st.sampled_from(Status)),
        later=st.floats(0, 1000),
    ),
    min_size=1,
    max_size=10,
)


def rows(story: Sequence[Seen]) -> list[DeploymentRecord]:
    """Give the row after each sight; health is what was found after it was live, as the port says."""
    found: list[DeploymentRecord] = []
    now = START
    for seen in story:
        now += timedelta(seconds=seen.later)
        before = found[-1] if found else None
        health = seen.health if before and before.live_at else None
        found.append(advance(before, BACKEND, seen.deployment, health, now))
    return found


@given(sights)
def test_moments_are_kept_as_they_were_first_seen(story: Sequence[Seen]) -> None:
    for before, after in zip(rows(story), rows(story)[1:], strict=False):
        assert after.seen_at == before.seen_at
        assert before.live_at in {None, after.live_at}
        assert before.well_at in {None, after.well_at}


@given(sights)
def test_nothing_is_well_before_it_was_live(story: Sequence[Seen]) -> None:
    for row in rows(story):
        assert row.well_at is None or (row.live_at is not None and row.live_at <= row.well_at)


@given(sights)
def test_the_same_sight_at_the_same_moment_changes_nothing(story: Sequence[Seen]) -> None:
    before, row = [None, *rows(story)][-2:]
    assert row is not None
    last = story[-1]
    health = last.health if before and before.live_at else None
    now = START + sum((timedelta(seconds=seen.later) for seen in story), timedelta())
    assert advance(row, BACKEND, last.deployment, health, now) == row


@given(sights)
def test_a_row_has_ended_exactly_while_its_deployment_is_over(story: Sequence[Seen]) -> None:
    for row in rows(story):
        assert (row.ended_at is not None) is (row.phase in OVER)


@given(sights)
def test_only_what_was_proved_is_called_well(story: Sequence[Seen]) -> None:
    for row in rows(story):
        assert row.became is not Became.WELL or row.well_at is not None
