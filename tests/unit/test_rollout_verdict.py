"""Whether what was started has come to its end: the platform's word and our probes' together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from builders import START, a_deployment, at, instances
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.hosting import Deployment, Phase
from devops_daemon.model import Status
from devops_daemon.rollout.verdict import (
    TURNING,
    Action,
    Failed,
    Going,
    Health,
    Patience,
    Rollout,
    Sight,
    Unproven,
    Verdict,
    Well,
    judge,
)

LIMITS = Patience()
MINUTE = 60
UP = Health(Status.UP, "backend: status 200")
DOWN = Health(Status.DOWN, "backend: wrong status: 500")
NEW = [action for action in Action if action is not Action.RESTART]


def started(action: Action = Action.DEPLOY, before: str = "") -> Rollout:
    """Start something at the beginning; `before` are the replicas that a restart must replace."""
    return Rollout(action, "d1", START, instances(before))


def seen(
    deployment: Deployment,
    seconds: float = 1,
    *,
    live_since: datetime | None = None,
    health: Health | None = None,
    action: Action = Action.DEPLOY,
    before: str = "",
) -> Verdict:
    """Judge one sight."""
    return judge(started(action, before), Sight(deployment, at(seconds), live_since, health), LIMITS)


# --- on its way


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.BUILDING, Phase.DEPLOYING, Phase.UNKNOWN])
@pytest.mark.parametrize("action", Action)
def test_what_is_under_way_goes_on(phase: Phase, action: Action) -> None:
    assert seen(a_deployment(phase=phase), 30 * MINUTE, action=action) == Going(phase.value)


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.BUILDING, Phase.DEPLOYING, Phase.UNKNOWN])
def test_what_is_under_way_after_half_an_hour_is_not_waited_for(phase: Phase) -> None:
    assert seen(a_deployment(phase=phase), 30 * MINUTE + 1) == Unproven(f"still {phase.value} after 30 min")


@pytest.mark.parametrize(
    ("phase", "verdict"),
    [
        (Phase.FAILED, Failed("the deployment failed; the one before goes on serving")),
        (Phase.CRASHED, Failed("the deployment crashed")),
        (
            Phase.SKIPPED,
            Failed("the deployment was skipped: its checks failed, or nothing that it watches had changed"),
        ),
        (Phase.ENDED, Failed("the deployment was replaced, removed or aborted")),
        (Phase.BLOCKED, Unproven("the deployment waits for a person's approval in the dashboard")),
        (Phase.SLEEPING, Well("deployed, and asleep until somebody calls")),
    ],
)
def test_a_phase_that_is_an_end_is_the_end(phase: Phase, verdict: Verdict) -> None:
    assert seen(a_deployment(phase=phase)) == verdict


# --- live


def test_a_deployment_whose_replica_runs_and_answers_is_well() -> None:
    assert seen(a_deployment(replicas="rr"), health=UP) == Well("live, 2 running, and it answers")


def test_where_nothing_probes_it_the_platforms_word_must_do() -> None:
    assert seen(a_deployment()) == Well("live, 1 running; nothing probes it")


@pytest.mark.parametrize("health", [DOWN, Health(Status.UNKNOWN, "backend: wrong status: 500")])
def test_a_live_deployment_that_does_not_answer_has_a_while_to_settle(health: Health) -> None:
    expected = Going("live, but backend: wrong status: 500")
    assert seen(a_deployment(), 189.9, live_since=at(100), health=health) == expected


def test_a_live_deployment_that_still_does_not_answer_has_failed() -> None:
    expected = Failed("live, but backend: wrong status: 500")
    assert seen(a_deployment(), 190, live_since=at(100), health=DOWN) == expected


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.OFF])
def test_what_cannot_be_probed_is_not_blamed(status: Status) -> None:
    expected = Unproven("live, but it can't be probed: refused")
    assert seen(a_deployment(), 190, live_since=at(100), health=Health(status, "refused")) == expected


def test_what_has_just_begun_to_answer_is_given_longer_and_not_for_ever() -> None:
    turning = replace(DOWN, detail="backend: status 200", turning=True)
    for seconds, verdict in ((100, Going), (270, Failed)):
        assert isinstance(seen(a_deployment(), seconds, live_since=START, health=turning), verdict)


def test_a_process_that_has_ended_by_itself_has_failed_at_once() -> None:
    assert seen(a_deployment(replicas="e"), live_since=START) == Failed("its process has ended by itself")


@pytest.mark.parametrize("replicas", ["", "s", "sx"])
def test_replicas_that_do_not_run_yet_are_waited_for(replicas: str) -> None:
    deployment = a_deployment(replicas=replicas)
    assert seen(deployment, 189, live_since=at(100)) == Going("success, no replica runs yet")
    assert seen(deployment, 190, live_since=at(100)) == Failed("no replica runs")


def test_a_scheduled_service_is_well_when_it_is_built() -> None:
    assert seen(replace(a_deployment(replicas=""), build_only=True)) == Well("built; it runs when its time comes")


def test_the_time_to_settle_counts_from_the_moment_it_was_live_not_from_the_start() -> None:
    assert isinstance(seen(a_deployment(), 3600, live_since=at(3590), health=DOWN), Going)


# --- restarts


def restarted(deployment: Deployment, seconds: float, before: str = "r", health: Health | None = UP) -> Verdict:
    return seen(deployment, seconds, live_since=at(1), health=health, action=Action.RESTART, before=before)


def test_the_replicas_of_before_the_restart_prove_nothing() -> None:
    assert restarted(a_deployment(), 10.9) == Going("restarting")


def test_new_replicas_prove_the_restart() -> None:
    new = replace(a_deployment(), instances=tuple(replace(each, id="new") for each in instances("r")))
    assert restarted(new, 1) == Well("live, 1 running, and it answers")


def test_a_restart_without_any_sign_is_believed_after_a_while() -> None:
    sure = "live, 1 running, and it answers; no sign of the restart itself was seen"
    assert restarted(a_deployment(), 11) == Well(sure)


def test_a_process_that_has_ended_is_not_well_whatever_its_replica_says() -> None:
    ended = replace(a_deployment(replicas="r"), stopped=True)
    assert restarted(ended, 11, before="x") == Failed("its process has ended by itself")


def test_a_crashed_deployment_that_is_restarted_is_not_given_up_before_it_could_start() -> None:
    crashed = a_deployment(phase=Phase.CRASHED, replicas="x")
    assert restarted(crashed, 5, before="x") == Going("restarting")
    assert restarted(crashed, 11, before="x") == Failed("its process has ended by itself")


def test_a_crashed_scheduled_service_is_not_well_because_it_was_restarted() -> None:
    crashed = replace(a_deployment(phase=Phase.CRASHED, replicas=""), build_only=True)
    assert restarted(crashed, 90, before="") == Going("crashed, no replica runs yet")
    assert restarted(crashed, 91, before="") == Failed("no replica runs")


@pytest.mark.parametrize("action", NEW)
def test_what_is_no_restart_may_run_with_any_replicas(action: Action) -> None:
    assert seen(a_deployment(), health=UP, action=action, before="r") == Well("live, 1 running, and it answers")


# --- whatever is seen


@dataclass(frozen=True, slots=True)
class Moment:
    """What is seen of a deployment some seconds after the sight before."""

    deployment: Deployment
    health: Health | None
    later: float


moments = st.builds(
    Moment,
    deployment=st.builds(
        replace,
        st.builds(a_deployment, phase=st.sampled_from(Phase), replicas=st.text("srexg", max_size=3)),
        build_only=st.booleans(),
        stopped=st.booleans(),
    ),
    health=st.none() | st.builds(Health, st.sampled_from(Status), st.just("status 500"), st.booleans()),
    later=st.floats(0, 900),
)
rollouts = st.builds(started, st.sampled_from(Action), st.text("rxs", max_size=3))


def watched(rollout: Rollout, story: Sequence[Moment]) -> list[tuple[Sight, Verdict]]:
    """Give each sight of a story with its verdict, up to the first that is an end."""
    found, seconds, live_since = [], 0.0, None
    for moment in story:
        seconds += moment.later
        if moment.deployment.phase in {Phase.LIVE, Phase.CRASHED}:
            live_since = live_since or at(seconds)
        sight = Sight(moment.deployment, at(seconds), live_since, moment.health)
        found.append((sight, judge(rollout, sight, LIMITS)))
        if not isinstance(found[-1][1], Going):
            break
    return found


@given(rollouts, st.lists(moments, max_size=12))
def test_nothing_is_well_that_is_not_live_with_a_running_replica(rollout: Rollout, story: Sequence[Moment]) -> None:
    """But for what sleeps or is only built; a restart may be quicker than the status of what had crashed."""
    for sight, verdict in watched(rollout, story):
        if isinstance(verdict, Well):
            deployment = sight.deployment
            live = deployment.phase is Phase.LIVE
            crashed = deployment.phase is Phase.CRASHED and rollout.action is Action.RESTART
            runs = deployment.running > 0 and (live or crashed)
            assert runs or deployment.phase is Phase.SLEEPING or (live and deployment.build_only)


@given(rollouts, st.lists(moments, max_size=12))
def test_nothing_that_runs_is_well_against_our_probes(rollout: Rollout, story: Sequence[Moment]) -> None:
    for sight, verdict in watched(rollout, story):
        excused = sight.deployment.build_only or sight.deployment.phase is Phase.SLEEPING
        if isinstance(verdict, Well) and not excused and sight.health is not None:
            assert sight.health.status is Status.UP


@given(rollouts, moments, st.floats(0, 100))
def test_no_rollout_goes_on_for_ever(rollout: Rollout, moment: Moment, beyond: float) -> None:
    now = START + LIMITS.build + TURNING * LIMITS.settle + LIMITS.restart + timedelta(seconds=1 + beyond)
    sight = Sight(moment.deployment, now, START + LIMITS.build, moment.health)
    assert not isinstance(judge(rollout, sight, LIMITS), Going)


@given(rollouts, st.lists(moments, max_size=12))
def test_every_verdict_has_a_text(rollout: Rollout, story: Sequence[Moment]) -> None:
    assert all(verdict.text for _, verdict in watched(rollout, story))
