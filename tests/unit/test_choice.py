"""Which deployment an act is about."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import START, a_deployment, a_hosted, at
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.hosting import UNDER_WAY, Deployment, Phase
from devops_daemon.rollout.choice import Choice, Chosen, NoneFits, to_cancel, to_redeploy, to_remove, to_roll_back

NOW = a_deployment("d9", Phase.LIVE, at(900), commit="f")
"""The one that serves."""
NONE_OLDER = NoneFits("backend: no earlier deployment of other code can be rolled back to (images are kept for days)")
NEVER = "backend was never deployed: there is nothing to"


def past(number: int, commit: str | None = "a", *, phase: Phase = Phase.ENDED, kept: bool = True) -> Deployment:
    """Give an earlier deployment; a higher number is a later one."""
    return a_deployment(f"d{number}", phase, at(100 * number), commit=commit, kept=kept)


def patch(number: int, phase: Phase = Phase.ENDED) -> Deployment:
    """Give a deployment that a change of variables has brought about, of the code that serves."""
    return a_deployment(f"d{number}", phase, at(100 * number), commit="f", patch=True)


def back(*deployments: Deployment, to: str | None = None) -> Choice:
    return to_roll_back(a_hosted("backend", NOW), (NOW, *deployments), to)


# --- redeploy


def test_what_serves_is_redeployed() -> None:
    failed = a_deployment("d10", Phase.FAILED, at(1000), commit="b")
    assert to_redeploy(a_hosted("backend", NOW, latest=failed)) == Chosen(NOW)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.ENDED])
def test_where_nothing_serves_the_latest_is_redeployed(phase: Phase) -> None:
    latest = a_deployment(phase=phase)
    assert to_redeploy(a_hosted(latest=latest)) == Chosen(latest)


@pytest.mark.parametrize(("commit", "cure"), [("a", f": deploy its commit {'a' * 40}"), (None, "")])
def test_what_was_removed_is_deployed_by_its_commit_instead(commit: str | None, cure: str) -> None:
    removed = a_deployment(phase=Phase.ENDED, commit=commit)
    reason = f"backend: what ran last was removed, and cannot be deployed again as it was{cure}"
    assert to_redeploy(a_hosted(latest=removed)) == NoneFits(reason)


def test_what_was_removed_is_redeployed_where_the_platform_can() -> None:
    removed = replace(a_deployment(phase=Phase.ENDED), can_redeploy=True)
    assert to_redeploy(a_hosted(latest=removed)) == Chosen(removed)


def test_what_was_never_deployed_cannot_be_redeployed() -> None:
    assert to_redeploy(a_hosted()) == NoneFits(f"{NEVER} deploy again")


# --- remove and cancel


def test_what_serves_is_removed() -> None:
    building = a_deployment("d10", Phase.BUILDING, at(1000))
    assert to_remove(a_hosted("backend", NOW, latest=building)) == Chosen(NOW)


@pytest.mark.parametrize("phase", list(Phase))
def test_where_nothing_serves_only_a_latest_that_was_live_can_be_removed(phase: Phase) -> None:
    latest = a_deployment(phase=phase)
    runs = phase in {Phase.LIVE, Phase.CRASHED, Phase.SLEEPING}
    assert to_remove(a_hosted(latest=latest)) == (Chosen(latest) if runs else NoneFits("backend: nothing of it runs"))


def test_of_a_service_without_deployments_nothing_can_be_removed() -> None:
    assert to_remove(a_hosted()) == NoneFits("backend: nothing of it runs")


@pytest.mark.parametrize("phase", list(Phase))
def test_only_a_latest_that_is_under_way_can_be_cancelled(phase: Phase) -> None:
    latest = a_deployment("d10", phase, at(1000))
    expected = Chosen(latest) if phase in UNDER_WAY else NoneFits("backend: no deployment is under way")
    assert to_cancel(a_hosted("backend", NOW, latest=latest)) == expected


def test_of_a_service_without_deployments_nothing_can_be_cancelled() -> None:
    assert to_cancel(a_hosted()) == NoneFits("backend: no deployment is under way")


# --- roll back


def test_the_newest_earlier_deployment_of_other_code_is_gone_back_to() -> None:
    assert back(past(1), past(3, "c"), past(2, "b")) == Chosen(past(3, "c"))


def test_the_code_that_serves_is_not_gone_back_to() -> None:
    assert back(past(3, "f"), past(2, "b")) == Chosen(past(2, "b"))


def test_what_differs_by_its_image_only_can_be_gone_back_to() -> None:
    now, same, other = (
        replace(each, image=image)
        for each, image in (
            (a_deployment("d9", created=at(900), commit=None), "redis:8.2"),
            (past(3, None), "redis:8.2"),
            (past(2, None), "redis:8.1"),
        )
    )
    assert to_roll_back(a_hosted("redis", now), (now, same, other)) == Chosen(other)


def test_one_whose_image_is_gone_is_passed_over() -> None:
    assert back(past(3, "c", kept=False), past(2, "b")) == Chosen(past(2, "b"))


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.CRASHED, Phase.SKIPPED, Phase.BUILDING, Phase.UNKNOWN])
def test_one_that_did_not_do_well_is_passed_over(phase: Phase) -> None:
    bad = replace(past(3, "c", phase=phase), can_rollback=True)
    assert back(bad, past(2, "b")) == Chosen(past(2, "b"))


def test_a_newer_deployment_is_nothing_to_go_back_to() -> None:
    newer = replace(a_deployment("d10", Phase.ENDED, at(1000), commit="b"), can_rollback=True)
    assert back(newer) == NONE_OLDER


def test_without_another_there_is_nothing_to_go_back_to() -> None:
    assert back() == NONE_OLDER


def test_what_was_never_deployed_cannot_go_back() -> None:
    assert to_roll_back(a_hosted(), ()) == NoneFits(f"{NEVER} go back to")


def test_where_nothing_serves_it_is_gone_back_from_the_latest() -> None:
    crashed = a_deployment("d9", Phase.FAILED, at(900), commit="f")
    service = a_hosted(latest=crashed)
    assert to_roll_back(service, (crashed, past(3, "f"), past(2, "b"))) == Chosen(past(2, "b"))


def test_one_that_is_named_by_the_beginning_of_its_id_is_meant() -> None:
    assert back(past(3, "c"), past(2, "b"), to="d2") == Chosen(past(2, "b"))


def test_one_of_the_code_that_serves_may_be_meant_by_name() -> None:
    assert back(past(3, "f"), past(2, "b"), to="d3") == Chosen(past(3, "f"))


@pytest.mark.parametrize(
    ("identifier", "reason"),
    [
        ("d", "backend has 2 earlier deployments d"),
        ("x", "backend has no earlier deployments x"),
        ("d9", "backend has no earlier deployments d9"),
    ],
    ids=["ambiguous", "unknown", "the one that serves"],
)
def test_a_name_that_does_not_mean_one_earlier_deployment_is_refused(identifier: str, reason: str) -> None:
    assert back(past(3, "c"), past(2, "b"), to=identifier) == NoneFits(reason)


def test_one_that_is_named_but_whose_image_is_gone_is_refused_and_no_other_is_taken() -> None:
    reason = "ccccccc cart: quicker: cannot be rolled back to: its image is kept no longer"
    assert back(past(3, "c", kept=False), past(2, "b"), to="d3") == NoneFits(reason)


@pytest.mark.parametrize("to", [None, "d2"])
def test_a_change_of_variables_since_is_warned_of(to: str | None) -> None:
    assert back(past(2, "b"), patch(4), patch(3), to=to) == Chosen(
        past(2, "b"),
        "variables or settings were changed since (2026-01-05 12:06, 2026-01-05 12:05 UTC): "
        "a rollback brings back the old ones",
    )


def test_a_change_of_variables_that_came_before_is_not_warned_of() -> None:
    earlier = replace(past(1, "c"), patch_id="p1")
    assert back(earlier, past(2, "b")) == Chosen(past(2, "b"))


def test_after_a_rollback_one_never_goes_back_to_what_was_left() -> None:
    good, bad = past(3, "f"), past(5, "b")
    assert isinstance(back(good, bad), NoneFits)
    assert back(past(1, "c"), good, bad) == Chosen(past(1, "c"))


def test_what_was_left_can_still_be_named() -> None:
    bad = past(5, "b")
    assert back(past(3, "f"), bad, to=bad.id) == Chosen(bad)


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.BUILDING])
def test_a_change_of_variables_whose_deployment_does_not_serve_is_warned_of_too(phase: Phase) -> None:
    chosen = back(past(2, "b"), patch(10, phase))
    assert isinstance(chosen, Chosen)
    assert "2026-01-05 12:16 UTC" in chosen.warning


histories = st.lists(
    st.builds(
        a_deployment,
        named=st.uuids().map(str),
        phase=st.sampled_from(Phase),
        created=st.integers(0, 2000).map(lambda minutes: START + timedelta(minutes=minutes)),
        commit=st.sampled_from(["a", "b", "f", None]),
        kept=st.booleans(),
        patch=st.booleans(),
    ),
    max_size=8,
)


@given(histories)
def test_a_rollback_leads_to_kept_other_code_of_before_and_to_the_newest_of_it(history: Sequence[Deployment]) -> None:
    choice = to_roll_back(a_hosted("backend", NOW), (NOW, *history))
    first = min(each.created_at for each in (NOW, *history) if each.commit in {None, NOW.commit})
    fitting = [
        each
        for each in history
        if each.can_rollback
        and each.created_at < first
        and each.phase in {Phase.ENDED, Phase.LIVE, Phase.SLEEPING}
        and each.commit != NOW.commit
        and each.commit
    ]
    if isinstance(choice, Chosen) and choice.deployment.commit:
        assert choice.deployment in fitting
        assert choice.deployment.created_at == max(each.created_at for each in fitting)
    if isinstance(choice, NoneFits):
        assert not fitting
