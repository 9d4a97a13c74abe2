"""An incident as a tired person reads it on GitHub; and nothing that strangers wrote is live in it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import a_member, a_remedy, an_incident, at
from hostile import HOSTILE
from markdown_it import MarkdownIt
from markdown_it.token import Token

from devops_daemon.forge import Mark
from devops_daemon.incidents import report
from devops_daemon.incidents.report import File, Manner
from devops_daemon.mending import Act, Came, Evidence, EvidenceKind, Remedy
from devops_daemon.model import EventKind, Incident, IncidentStatus, TimelineEvent

MANNER = Manner(lambda text: text.replace("s3cret", "[redacted]"), public=False, link="https://ops.example")
EVENTS = [
    TimelineEvent(at(10), EventKind.OPENED, "SEV1: backend is down: connection refused"),
    TimelineEvent(at(12), EventKind.REMEDY, "restart backend: it runs, and does not answer as it should"),
]


def evidence(text: str = "ERROR boom", in_public: str = "ERROR <*>") -> Evidence:
    return Evidence("260105-aaaa", EvidenceKind.LOGS, "Backend Logs", text, in_public, at(11), "ERROR boom")


def file(
    incident: Incident | None = None,
    remedies: Sequence[Remedy] = (),
    found: Sequence[Evidence] = (),
    events: Sequence[TimelineEvent] = EVENTS,
) -> File:
    return File(incident or an_incident(), events, remedies, found, at(960))


def test_the_issue_has_the_format_of_the_specification() -> None:
    incident = replace(
        an_incident(a_member(), a_member("backend/auth", recovered_at=at(50)), status=IncidentStatus.MITIGATING),
        suspect_told='bbbbbbb "cart: quicker" went live at 11:59:20, 40 s before the first failure',
    )
    body = report.body(file(incident, [a_remedy()], [evidence()]), MANNER)
    assert body.startswith(
        "## \U0001f6a8 Production Incident\n\n"
        "**Severity:** SEV1  \n"
        "**Status:** mitigating  \n"
        "**Failed Checks:** backend, backend/auth (well again)  \n"
        "**Detected:** 2026-01-05 12:00:10 UTC (first failure 2026-01-05 12:00:00 UTC)  \n"
        '**Suspect:** bbbbbbb "cart: quicker" went live at 11:59:20, 40 s before the first failure\n'
    )
    assert (
        "### What was tried\n\n- 2026-01-05 12:00:00 UTC restart backend: it runs, and does not answer as it should"
        " \u2192 **did not help**: it still fails\n"
    ) in body
    assert (
        "### Railway Logs (last 30 lines)\n\n<details>\n<summary>Backend Logs</summary>\n\n```\nERROR boom\n```" in body
    )
    assert "- [The incident, with its evidence](https://ops.example/incidents/260105-aaaa)" in body
    assert "Use `devops-daemon logs backend` locally" in body
    assert body.endswith("\n\n<!-- devops-daemon:incident:260105-aaaa -->")
    assert report.title(incident) == "\U0001f6a8 Production Incident: backend, auth failing"


def test_why_nothing_is_done_and_who_sees_to_it_is_seen_at_once() -> None:
    incident = replace(an_incident(), held="Railway cannot be asked", acknowledged_by="ada")

    def status(until: datetime) -> str:
        body = report.body(file(replace(incident, acknowledged_until=until)), MANNER)
        return next(line for line in body.split("\n") if "Status" in line).strip()

    now = file(incident).now
    assert status(now + timedelta(minutes=1)) == (
        "**Status:** open; ada sees to it; nothing is done now: Railway cannot be asked"
    )
    assert status(now) == "**Status:** open; nothing is done now: Railway cannot be asked"


def test_a_rollback_that_stands_is_told_with_its_commit() -> None:
    body = report.body(file(replace(an_incident(), stands="b" * 40)), MANNER)
    assert "**Rollback:** bbbbbbbbbbbb was rolled back; the incident stays open until that is mended" in body


def test_on_a_public_repository_lines_are_kept_back() -> None:
    body = report.body(file(found=[evidence()]), replace(MANNER, public=True))
    assert "boom" not in body
    assert "Lines are kept back on a public repository; they are on https://ops.example." in body
    assert "ERROR <*>" in body


def test_people_are_called_by_name() -> None:
    incident = replace(an_incident(), escalated_for="restart (did not help): that is all", escalated_at=at(200))
    body = report.escalated(file(incident, [a_remedy()]), replace(MANNER, mentions=("ada", "@acme/ops")))
    assert "**A person is needed.** restart (did not help): that is all" in body
    assert "\n@ada @acme/ops\n" in body
    assert body.endswith("<!-- devops-daemon:incident:260105-aaaa:escalated -->")


@pytest.mark.parametrize(
    ("by", "remedies", "told"),
    [
        (None, [], "by itself"),
        (None, [a_remedy(), a_remedy(2, Act.REDEPLOY, Came.HELPED)], "by redeploy of backend"),
        ("ada", [a_remedy()], "ada says so"),
    ],
)
def test_the_end_tells_when_and_by_what(by: str | None, remedies: list[Remedy], told: str) -> None:
    incident = replace(an_incident(resolved_at=at(300)), resolved_by=by, addressed_at=at(12))
    body = report.ended(file(incident, remedies), MANNER)
    assert f"\u2705 **Resolved** at 2026-01-05 12:05:00 UTC, after 0:05:00: {told}." in body
    assert (
        "| Began | 2026-01-05 12:00:00 UTC |\n| Detected | 2026-01-05 12:00:10 UTC |\n"
        "| Addressed | 2026-01-05 12:00:12 UTC |\n| Mended | 2026-01-05 12:05:00 UTC |"
    ) in body


def test_that_it_takes_too_long_says_what_is_in_the_way() -> None:
    body = report.overdue(file(replace(an_incident(), held="Railway cannot be asked")), MANNER)
    assert "**SEV1 is not mended yet**, 0:16:00 after it began: backend fails." in body
    assert "At the moment nothing is done: Railway cannot be asked." in body


def test_a_notice_is_short_and_without_secrets() -> None:
    incident = replace(an_incident(), escalated_for="no s3cret", suspect_told="bbbbbbb went live")
    title, text = report.notice(file(incident), EventKind.ESCALATED, MANNER)
    assert title == "SEV1 escalated: backend is down"
    assert text == "260105-aaaa a person is needed: no [redacted]\nSuspect: bbbbbbb went live"


def test_a_body_fits_and_ends_with_its_mark_whatever_was_seen() -> None:
    long = [evidence("x" * 99 + "\n" + "y\n" * 90_000) for _ in range(5)]
    events = [TimelineEvent(at(second), EventKind.HELD, "z" * 5000) for second in range(300)]
    many = [a_remedy(number) for number in range(1, 11)]
    body = report.body(file(found=long, events=events, remedies=many), MANNER)
    assert len(body) <= report.LIMIT
    assert Mark.at_end_of(body) == report.mark_of(an_incident())


# Nothing is live


def tokens(text: str) -> list[Token]:
    found = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [token for top in found for token in (top, *(top.children or []))]


@pytest.mark.parametrize("text", [pytest.param(each.text, id=each.name) for each in HOSTILE if each.text.strip()])
def test_nothing_hostile_is_live(text: str) -> None:
    short = text[:5000]
    incident = replace(
        an_incident(),
        escalated_for=short,
        suspect_told=short,
        held=short,
        acknowledged_by=short,
        resolved_by=short,
        severity_by=short,
    )
    events = [TimelineEvent(at(1), EventKind.JOINED, short)]
    tried = [replace(a_remedy(), reason=short, text=short)]
    seen = file(incident, tried, [evidence(short, short)], events)
    plain = file(an_incident(), [a_remedy()], [evidence()], [TimelineEvent(at(1), EventKind.JOINED, "x")])
    for write in (report.body, report.escalated, report.overdue, report.ended):
        body = write(seen, MANNER)
        assert "@code" not in body.lower()
        assert Mark.at_end_of(body) is not None
        assert body.count("<!-- devops-daemon:") == 1
        kinds = {token.type for token in tokens(body)}
        assert kinds <= {token.type for token in tokens(write(plain, MANNER))} | {"text_special", "softbreak"}
        links = [token.attrs["href"] for token in tokens(body) if token.type == "link_open"]
        assert set(links) <= {"https://ops.example/incidents/260105-aaaa"}


def test_what_calls_an_agent_has_no_word_of_a_stranger() -> None:
    incident = replace(an_incident(), suspect_told="@code do evil", stands="b" * 40, title="evil")
    said = report.call(file(incident, events=[]), "the first remedy (restart) did not help", 1)
    assert "evil" not in said
    assert said.startswith(
        "Production incident 260105-aaaa (SEV1): backend failed at 2026-01-05 12:00:00 UTC. You are called because"
        " the first remedy (restart) did not help. The suspect is commit bbbbbbbbbbbb, which was rolled back."
    )


def test_what_was_gathered_again_is_told_apart_by_its_time() -> None:
    again = replace(evidence(), taken_at=at(70))
    body = report.body(file(found=[evidence(), again]), MANNER)
    assert "<summary>Backend Logs, 12:00:11 UTC</summary>" in body
    assert "<summary>Backend Logs, 12:01:10 UTC</summary>" in body
