"""Whether a service serves: what the platform says, and what it does not say."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import START, a_deployment, a_hosted, at
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.hosting import Deployment, HostedService, Phase
from devops_daemon.rollout.serving import Serving, State, state

NIGHTLY = "0 3 * * *"
REPLICAS = st.text("srexg", max_size=4)


def of(deployment: Deployment) -> State:
    """Say it of a service that has this deployment active."""
    return state(a_hosted("backend", deployment), START)


def latest(phase: Phase) -> State:
    """Say it of a service of which nothing is active, and whose latest deployment stands there."""
    return state(a_hosted(latest=a_deployment(phase=phase)), START)


def scheduled(phase: Phase = Phase.LIVE, next_run_at: datetime | None = None, replicas: str = "") -> HostedService:
    deployment = a_deployment(phase=phase, replicas=replicas)
    return a_hosted("nightly", deployment, cron=NIGHTLY, next_run_at=next_run_at)


def test_a_service_that_was_never_deployed_is_empty() -> None:
    assert state(a_hosted(), START) == State(Serving.EMPTY, "nothing is deployed")


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.WAITING, State(Serving.STARTING, "waiting, and nothing else serves meanwhile")),
        (Phase.BLOCKED, State(Serving.STARTING, "blocked, and nothing else serves meanwhile")),
        (Phase.BUILDING, State(Serving.STARTING, "building, and nothing else serves meanwhile")),
        (Phase.DEPLOYING, State(Serving.STARTING, "deploying, and nothing else serves meanwhile")),
        (Phase.UNKNOWN, State(Serving.STARTING, "unknown, and nothing else serves meanwhile")),
        (Phase.SLEEPING, State(Serving.ASLEEP, "asleep: the next call wakes it")),
        (Phase.FAILED, State(Serving.DOWN, "nothing runs: the latest deployment failed")),
        (Phase.SKIPPED, State(Serving.DOWN, "nothing runs: the latest deployment was skipped")),
        (Phase.ENDED, State(Serving.EMPTY, "nothing runs: its last deployment was removed")),
        (Phase.LIVE, State(Serving.UP, "1 of 1 replicas run")),
        (Phase.CRASHED, State(Serving.DOWN, "it crashed, and is not started again")),
    ],
)
def test_without_an_active_deployment_the_latest_tells(phase: Phase, expected: State) -> None:
    assert latest(phase) == expected


def test_every_phase_is_told_of() -> None:
    assert all(latest(phase).text for phase in Phase)


@pytest.mark.parametrize(
    ("phase", "replicas", "serving", "text"),
    [
        (Phase.LIVE, "r", Serving.UP, "1 of 1 replicas run"),
        (Phase.LIVE, "rrg", Serving.UP, "2 of 2 replicas run"),
        (Phase.LIVE, "rs", Serving.UP, "1 of 2 replicas run"),
        (Phase.LIVE, "rx", Serving.UP, "1 of 2 replicas run, 1 crashed"),
        (Phase.LIVE, "s", Serving.STARTING, "its replicas start"),
        (Phase.LIVE, "sx", Serving.STARTING, "its replicas start"),
        (Phase.LIVE, "", Serving.DOWN, "no replica runs, whatever its status (SUCCESS) says"),
        (Phase.CRASHED, "rx", Serving.UP, "1 of 2 replicas run, 1 crashed"),
        (Phase.CRASHED, "s", Serving.STARTING, "its replicas start"),
        (Phase.CRASHED, "", Serving.DOWN, "it crashed, and is not started again"),
    ],
)
def test_what_is_live_serves_by_its_replicas(phase: Phase, replicas: str, serving: Serving, text: str) -> None:
    assert of(a_deployment(phase=phase, replicas=replicas)) == State(serving, text)


def test_a_success_whose_process_has_exited_is_down() -> None:
    exited = a_deployment(replicas="e")
    assert (exited.status, exited.stopped) == ("SUCCESS", True)
    assert of(exited) == State(Serving.DOWN, "its process has ended by itself, whatever its status says")


def test_a_crash_of_one_of_two_replicas_is_not_an_outage() -> None:
    one_left = replace(a_deployment(phase=Phase.CRASHED, replicas="xr"), stopped=True)
    assert of(one_left).serving is Serving.UP


@given(phase=st.sampled_from([Phase.LIVE, Phase.CRASHED]), replicas=REPLICAS, stopped=st.booleans())
def test_it_is_up_if_a_replica_runs_and_it_has_not_ended(phase: Phase, replicas: str, *, stopped: bool) -> None:
    deployment = replace(a_deployment(phase=phase, replicas=replicas), stopped=stopped)
    over = stopped and phase is Phase.LIVE
    assert (of(deployment).serving is Serving.UP) is ("r" in replicas and not over)


@given(phase=st.sampled_from([phase for phase in Phase if phase not in {Phase.LIVE, Phase.CRASHED}]), replicas=REPLICAS)
def test_what_is_not_live_is_never_up(phase: Phase, replicas: str) -> None:
    assert of(a_deployment(phase=phase, replicas=replicas)).serving is not Serving.UP


# --- scheduled services


@pytest.mark.parametrize("phase", [Phase.LIVE, Phase.SLEEPING])
def test_nothing_of_a_scheduled_service_has_to_run(phase: Phase) -> None:
    tomorrow = scheduled(phase, START + timedelta(hours=15))
    assert state(tomorrow, START) == State(Serving.SCHEDULED, f"runs by {NIGHTLY}, next at 2026-01-06 03:00 UTC")


def test_a_scheduled_service_whose_next_run_is_not_told_is_well() -> None:
    assert state(scheduled(), START) == State(Serving.SCHEDULED, f"runs by {NIGHTLY}")


def test_a_schedule_that_has_not_moved_on_is_down() -> None:
    text = "its run was due at 2026-01-05 12:00 UTC, and the schedule has not moved on since"
    assert state(scheduled(next_run_at=START), at(1)) == State(Serving.DOWN, text)


def test_a_run_that_is_due_this_moment_is_not_late() -> None:
    assert state(scheduled(next_run_at=START), START).serving is Serving.SCHEDULED


@pytest.mark.parametrize(
    ("phase", "serving"),
    [(Phase.CRASHED, Serving.DOWN), (Phase.FAILED, Serving.DOWN), (Phase.BUILDING, Serving.STARTING)],
)
def test_a_scheduled_service_that_is_not_deployed_well_is_not_excused(phase: Phase, serving: Serving) -> None:
    assert state(scheduled(phase, START + timedelta(hours=15)), START).serving is serving


# --- what stands beside the one that serves


@pytest.mark.parametrize(
    ("phase", "news"),
    [
        (Phase.FAILED, "bbbbbbb cart: quicker failed; the one before goes on"),
        (Phase.CRASHED, "bbbbbbb cart: quicker crashed; the one before goes on"),
        (Phase.SKIPPED, "bbbbbbb cart: quicker skipped; the one before goes on"),
        (Phase.BUILDING, "bbbbbbb cart: quicker is building"),
        (Phase.DEPLOYING, "bbbbbbb cart: quicker is deploying"),
        (Phase.WAITING, "bbbbbbb cart: quicker is waiting"),
        (Phase.UNKNOWN, "bbbbbbb cart: quicker is unknown"),
        (Phase.BLOCKED, "bbbbbbb cart: quicker waits for a person's approval in the dashboard"),
        (Phase.ENDED, ""),
    ],
)
def test_a_newer_deployment_beside_the_serving_one_is_news(phase: Phase, news: str) -> None:
    newer = a_deployment("d2", phase, at(60), commit="b")
    service = a_hosted("backend", a_deployment("d1"), latest=newer)
    assert state(service, START) == State(Serving.UP, "1 of 1 replicas run", news)


def test_the_serving_deployment_is_no_news_of_itself() -> None:
    assert of(a_deployment(phase=Phase.CRASHED)).news == ""


def test_the_newest_of_two_active_deployments_tells() -> None:
    old, new = a_deployment("d1", replicas="r"), a_deployment("d2", created=at(60), replicas="s")
    assert state(a_hosted("backend", old, new, latest=new), START).serving is Serving.STARTING
