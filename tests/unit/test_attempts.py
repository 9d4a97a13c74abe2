"""Whether what was merged to end an outage did: judged late rather than wrongly, and a person is called in the end."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import START, a_member, a_record, a_remedy, an_incident, at
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.forge import Merged
from devops_daemon.hosting import Commit, DeploymentRecord, Phase
from devops_daemon.incidents.attempts import MOST_CALLS, Patience, used_up, why_failed
from devops_daemon.incidents.mitigation import Escalate, Lift, Rest, Rules, next_step
from devops_daemon.incidents.telling import why_call
from devops_daemon.mending import Act, Attempt, Came
from devops_daemon.model import Incident

MERGED, OTHER = "c" * 40, "d" * 40
PATIENCE = Patience(deployed_within=timedelta(minutes=10), settle=timedelta(seconds=90))
ATTEMPT = Attempt("260105-aaaa", 7, MERGED, at(600))
FAILED = replace(ATTEMPT, failed_at=at(900), text="it did not help")
WELL = an_incident(a_member(recovered_at=at(60)))
BURNING = an_incident()


def deployed(phase: Phase = Phase.LIVE, live_at: datetime | None = None, sha: str = MERGED) -> DeploymentRecord:
    return replace(a_record(), commit=Commit(sha, "mend it", "agent", "main"), phase=phase, live_at=live_at)


def failed(
    incident: Incident = BURNING, *records: DeploymentRecord, now: datetime, rolled_back: str | None = None
) -> str | None:
    rollback = replace(a_remedy(1, Act.ROLLBACK, Came.HELPED), leaves=rolled_back)
    return why_failed(ATTEMPT, incident, [rollback] if rolled_back else [], records, PATIENCE, now)


def test_what_is_well_was_helped_or_is_not_known() -> None:
    assert failed(WELL, deployed(live_at=at(700)), now=at(9999)) is None
    assert failed(WELL, now=at(9999)) is None


def test_it_is_given_time_from_when_it_is_live() -> None:
    live = deployed(live_at=at(700))
    assert failed(BURNING, live, now=at(789)) is None
    text = failed(BURNING, live, now=at(790))
    assert text is not None
    assert text.startswith("pull request #7 was merged at ")
    assert text.endswith(", and backend still fails")


def test_where_nobody_tells_that_it_was_deployed_it_is_given_longer() -> None:
    assert failed(BURNING, now=at(600 + 689)) is None
    assert failed(BURNING, now=at(600 + 690)) is not None
    assert failed(BURNING, deployed(Phase.BUILDING), now=at(600 + 689)) is None


def test_what_had_to_be_rolled_back_did_not_help_though_all_is_well() -> None:
    assert failed(WELL, now=at(601), rolled_back=MERGED) is not None
    assert failed(WELL, now=at(9999), rolled_back=OTHER) is None


def test_a_deployment_that_failed_did_not_help() -> None:
    assert "deployment failed" in (failed(WELL, deployed(Phase.FAILED), now=at(601)) or "")


def test_the_agent_is_called_again_for_each_attempt_that_did_not_help_three_times_at_most() -> None:
    first = a_remedy(came=Came.NO_HELP)
    for count, calls in ((0, 1), (1, 2), (2, 3), (3, 3), (9, 3)):
        assert len(why_call(BURNING, [first], [FAILED] * count)) == calls
    assert why_call(BURNING, [first], [ATTEMPT]) == ["the first remedy (restart) did not help"]
    assert why_call(BURNING, [first], [FAILED])[1] == FAILED.text
    assert why_call(BURNING, [], [FAILED]) == [], "what was merged by chance calls nobody"


def test_what_a_person_was_called_for_calls_no_agent_again() -> None:
    escalated = replace(BURNING, escalated_at=at(700))
    assert len(why_call(escalated, [a_remedy(came=Came.NO_HELP)], [FAILED, FAILED])) == 1


def test_when_the_agent_was_called_in_vain_as_often_as_it_may_be_a_person_is() -> None:
    assert not used_up([FAILED] * (MOST_CALLS - 1) + [ATTEMPT])
    for incident in (BURNING, replace(WELL, stands=OTHER)):
        assert isinstance(next_step(incident, [], [FAILED] * MOST_CALLS, Rules(), at(60)), Escalate)
        assert not isinstance(next_step(incident, [], [FAILED, ATTEMPT], Rules(), at(60)), Escalate)
    called = replace(WELL, stands=OTHER, escalated_at=at(50))
    assert next_step(called, [], [FAILED] * MOST_CALLS, Rules(), at(60)) == Lift()
    ended = replace(WELL, resolved_at=at(70))
    assert next_step(ended, [], [FAILED] * MOST_CALLS, Rules(), at(80)) == Rest(None)


def merged(body: str, branch: str = "main") -> Merged:
    return Merged(7, body, branch, START, MERGED)


@pytest.mark.parametrize(
    ("body", "branch"),
    [
        ("Fixes #12", ""),
        ("Relates to #12.", ""),
        ("see (#12), and #120", ""),
        ("", "fix/12-checkout"),
        ("", "claude/mend-it-12"),
    ],
)
def test_what_names_an_issue(body: str, branch: str) -> None:
    assert merged(body, branch).names(12)


@pytest.mark.parametrize(
    ("body", "branch"),
    [
        ("Fixes #120", ""),
        ("other/shop#12", ""),
        ("&#12;", ""),
        ("12", "12"),
        ("", "fix/120-x"),
        ("", "fix/1-12"),
        ("", "people/12"),
        ("#" + "9" * 400, ""),
    ],
)
def test_what_does_not(body: str, branch: str) -> None:
    assert not merged(body, branch).names(12)


@given(st.text(max_size=200), st.text(max_size=60))
def test_whatever_is_written_is_read(body: str, branch: str) -> None:
    named = merged(body, branch).names(12)
    assert not named or "12" in body + branch or any(char.isdigit() for char in body + branch)
    assert merged(f"{body} #12 ", branch).names(12)
