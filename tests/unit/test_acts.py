"""What an act that was interrupted had brought about."""

import pytest
from builders import a_deployment, at

from devops_daemon.hosting import Deployment
from devops_daemon.rollout.begun import CLOCKS_DIFFER, TAKEN_WITHIN, find_begun

CODE = "a" * 40
BEFORE, AFTER = -CLOCKS_DIFFER.total_seconds(), TAKEN_WITHIN.total_seconds()


def found(*deployments: Deployment) -> str | None:
    begun = find_begun(deployments, CODE, at(0))
    return begun.id if begun else None


def test_what_was_there_before_is_not_ours() -> None:
    assert found(a_deployment("old", created=at(-60))) is None


@pytest.mark.parametrize(("when", "ours"), [(BEFORE - 1, False), (BEFORE, True), (AFTER, True), (AFTER + 1, False)])
def test_what_is_of_its_code_and_of_its_time_is_ours(when: float, ours: bool) -> None:  # noqa: FBT001 # of the table
    assert found(a_deployment("it", created=at(when))) == ("it" if ours else None)


def test_a_push_of_other_code_is_not_ours() -> None:
    assert found(a_deployment("push", created=at(2), commit="b")) is None
    assert found(a_deployment("push", created=at(2), commit="b"), a_deployment("ours", created=at(3))) == "ours"


def test_where_two_may_be_meant_none_is() -> None:
    assert found(a_deployment("one", created=at(2)), a_deployment("other", created=at(3))) is None
