"""What is known, as lines; in public without what a product's answers say."""

from datetime import timedelta

import pytest
from aiohttp import ClientPayloadError, ServerDisconnectedError
from builders import a_deployment, a_hosted, a_record, a_result, a_service, a_state, at, key
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.adapters.exchange import told
from devops_daemon.commands.answer import Section
from devops_daemon.commands.showing import (
    deployment_lines,
    failed_steps,
    own_words,
    probe_section,
    timeline_section,
    watched_section,
)
from devops_daemon.hosting import Became, Phase, Step
from devops_daemon.model import EventKind, Outcome, TimelineEvent
from devops_daemon.ports import Overview, Punctuality
from devops_daemon.redaction import Redactor

STRANGE = "maria@example.com paid 7 with hunter2-kestrel"
REDACT = Redactor(["hunter2-kestrel"]).text


@pytest.mark.parametrize(
    ("detail", "ours"),
    [
        ("status 200", "status 200"),
        ("wrong status: 502, expected 200", "wrong status: 502"),
        (f"wrong status: 302 (redirect to {STRANGE}), expected 200", "wrong status: 302"),
        (f"wrong body: no 'ok' in it: {STRANGE}", "wrong body"),
        ("too much body: over 1024 KiB", "too much body"),
        (f"not ready: database {STRANGE} (status 503)", "not ready"),
        (f"ready without all: cache {STRANGE}", "ready without all"),
        ("no readiness route: status 404", "no readiness route: status 404"),
        ("no sign-in route: status 404", "no sign-in route: status 404"),
        ("sign-in is rate-limited: status 429", "sign-in is rate-limited: status 429"),
        ("slow: 4.2 s, more than 3 s", "slow: 4.2 s, more than 3 s"),
        ("certificate ends in 3 days", "certificate ends in 3 days"),
        ("timeout: no answer within 10 s", "timeout: no answer within 10 s"),
        ("timeout: the body was not complete within 2.5 s", "timeout: the body was not complete within 2.5 s"),
        (f"DNS failure: {STRANGE} could not be resolved", "DNS failure"),
        (f"TLS failure: certificate: {STRANGE}", "TLS failure: certificate"),
        (f"TLS failure: {STRANGE}", "TLS failure"),
        (f"wrong answer: not HTTP ({STRANGE})", "wrong answer: not HTTP"),
        (f"connection failed: {STRANGE}", "connection failed"),
        (f"database {STRANGE}", ""),
        (f"{STRANGE} may not sign in: status 401", ""),
        ("signed in as devops-canary", ""),
    ],
)
def test_our_own_words_are_told_from_what_is_quoted(detail: str, ours: str) -> None:
    assert own_words(detail) == ours


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(111, "x"), ConnectionResetError(), ServerDisconnectedError(), OSError(113, "x")]
)
def test_how_connections_fail_is_said_in_our_words(error: Exception) -> None:
    assert own_words(told(error)[0])
    assert own_words(told(ClientPayloadError())[0]) == "connection closed"


@given(st.text())
def test_our_own_words_are_the_beginning_of_a_text(text: str) -> None:
    assert text.startswith(own_words(text))


def test_what_probes_found_is_shown_masked_and_in_public_without_what_it_quotes() -> None:
    looked = [
        a_result(outcome=Outcome.FAILED, detail=f"wrong body: {STRANGE}"),
        a_result("backend/auth", detail=STRANGE),
    ]
    assert probe_section("Probes", looked, REDACT, off=["frontend/frontend: off, no URL"]) == Section(
        "Probes",
        "backend: failed, wrong body: maria@example.com paid 7 with [redacted]\n"
        "backend/auth: ok, maria@example.com paid 7 with [redacted], 120 ms\n"
        "frontend/frontend: off, no URL",
        newest_last=False,
        public="backend: failed, wrong body\nbackend/auth: ok, 120 ms\nfrontend/frontend: off, no URL",
    )


def test_that_nothing_is_probed_is_said() -> None:
    assert probe_section("Readiness", [], REDACT, none="nothing") == Section(
        "Readiness", "nothing", newest_last=False, public="nothing"
    )


def test_how_services_are_is_shown_in_public_without_what_it_quotes() -> None:
    overview = Overview({key("backend"): a_state()}, {}, {}, (), Punctuality(0, 0, timedelta()), {})
    section = watched_section("Service Status", [a_service()], overview, lambda text: f"<{text}>")
    assert section.text == "backend: up\n  backend: up, <status 200>, 120 ms, looked at 2026-01-05 12:00:00"
    assert section.public == "backend: up\n  backend: up, status 200, 120 ms, looked at 2026-01-05 12:00:00"


def test_an_incidents_story_is_told_in_public_without_what_was_found() -> None:
    events = [
        TimelineEvent(at(0), EventKind.OPENED, f"SEV1: backend/backend is down: {STRANGE}\nand more"),
        TimelineEvent(at(9), EventKind.RESOLVED, "after 9 s"),
    ]
    assert timeline_section(events, REDACT) == Section(
        "Timeline",
        "2026-01-05 12:00:00  opened  SEV1: backend/backend is down: maria@example.com paid 7 with [redacted]\n"
        "and more\n"
        "2026-01-05 12:00:09  resolved  after 9 s",
        public="2026-01-05 12:00:00  opened  SEV1: backend/backend is down\n2026-01-05 12:00:09  resolved  after 9 s",
    )


def test_a_step_that_failed_says_in_public_only_which_it_was() -> None:
    steps = [Step("build", at(0), error=f"exit 1: {STRANGE}"), Step("deploy", at(1))]
    assert failed_steps(steps, REDACT) == (
        Section(
            "Steps that failed",
            "build: exit 1: maria@example.com paid 7 with [redacted]",
            newest_last=False,
            public="build",
        ),
    )


def test_without_a_step_that_failed_there_is_nothing_to_show() -> None:
    assert failed_steps([Step("deploy", at(1))], REDACT) == ()


def test_a_deployment_that_was_never_followed_is_told_by_the_platforms_word() -> None:
    listed = [a_deployment("d2-of-this"), a_deployment("d1-of-this", Phase.ENDED)]
    rows = {"d2-of-this": a_record("d2-of-this", became=Became.WELL)}
    assert deployment_lines(a_hosted(), listed, rows) == [
        "2026-01-05 12:00:00  backend  well  aaaaaaa cart: quicker  (d2-of-th, success)",
        "2026-01-05 12:00:00  backend  ended  aaaaaaa cart: quicker  (d1-of-th, ended)",
    ]
