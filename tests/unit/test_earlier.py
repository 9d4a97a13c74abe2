"""What an earlier run left behind is known again by its mark and its title; nothing else is touched."""

import pytest
from builders import START, a_member, an_incident
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.forge import Account, Issue
from devops_daemon.incidents import report
from devops_daemon.incidents.earlier import left_behind
from devops_daemon.incidents.report import File, Manner
from devops_daemon.model import Incident

OURS, THEIRS = "https://ops.example.com", "https://staging.example.com"
INCIDENT = an_incident(a_member(), a_member("database"))


def issue_of(incident: Incident = INCIDENT, link: str | None = OURS) -> Issue:
    manner = Manner(str, public=False, link=link)
    body = report.body(File(incident, (), (), (), START), manner)
    return Issue(12, report.title(incident), body, Account("daemon"), open=True)


def test_the_issue_of_an_incident_is_known_again() -> None:
    left = left_behind(issue_of(), OURS)
    assert left is not None
    assert (left.incident, left.tried) == (INCIDENT.id, False)
    assert left.is_about(INCIDENT)
    assert left.is_about(an_incident(a_member("database"), named="260105-bbbb"))
    assert not left.is_about(an_incident(a_member("frontend")))


@pytest.mark.parametrize(("written", "ours", "known"), [(None, OURS, True), (OURS, None, True), (THEIRS, OURS, False)])
def test_that_of_another_daemon_is_left_alone(written: str | None, ours: str | None, known: bool) -> None:  # noqa: FBT001 # a table
    assert (left_behind(issue_of(link=written), ours) is not None) is known


@pytest.mark.parametrize(
    "body",
    [
        "",
        "It is down <!-- devops-daemon:incident:260105-aaaa --> they say",
        "<!-- devops-daemon:incident:260105-aaaa:resolved -->",
        "<!-- devops-daemon:audit:2026-01-05 -->",
    ],
)
def test_what_is_no_incident_of_ours_is_left_alone(body: str) -> None:
    assert left_behind(Issue(12, "t", body, Account("daemon"), open=True), OURS) is None


@given(st.lists(st.from_regex(r"\A[a-z][a-z0-9.-]{0,12}\Z"), min_size=1, max_size=6, unique=True))
def test_the_checks_are_read_from_the_title_that_names_them(names: list[str]) -> None:
    incident = an_incident(*(a_member(name) for name in names))
    assert report.checks_named(report.title(incident))
    if len(", ".join(names)) < 100:
        assert report.checks_named(report.title(incident)) == set(names)


@given(st.text(max_size=80))
def test_any_other_title_names_none(text: str) -> None:
    assert report.checks_named(text) == frozenset()
