"""`/status.json`: the snapshot as data."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from builders import (
    START,
    a_deployment,
    a_hosted,
    a_hosting,
    a_member,
    a_probe,
    a_record,
    a_service,
    a_state,
    a_watchlist,
    an_incident,
    at,
    key,
    the_product,
)

from devops_daemon.entrypoints.status import (
    Facts,
    PlatformShown,
    ago,
    as_data,
    dossier_as_data,
    incident_as_data,
    moment,
    span,
    stamp,
)
from devops_daemon.hosting import Became, DeploymentRecord, Phase, PlatformNews
from devops_daemon.model import (
    EventKind,
    Incident,
    IncidentStatus,
    ProbeKey,
    ProbeKind,
    ProbeState,
    Service,
    Severity,
    Status,
    Symptom,
    TimelineEvent,
)
from devops_daemon.ports import Dossier, Overview, Punctuality
from devops_daemon.rollout.watch import PlatformView

INTEGRATIONS = {"github": "ok", "railway": "off", "backend": "ok", "feedback": "off"}


def an_overview(*states: ProbeState, incidents: Sequence[Incident] = ()) -> Overview:
    return Overview(
        states={state.key: state for state in states},
        days={},
        hours={},
        incidents=tuple(incidents),
        punctuality=Punctuality(due=288, run=287, worst_lateness=timedelta(seconds=1.23456)),
        references={},
    )


def snapshot(*states: ProbeState, services: Sequence[Service] = (), incidents: Sequence[Incident] = ()) -> Any:
    facts = Facts("1.2.3", a_watchlist(*services), integrations=INTEGRATIONS)
    return json.loads(json.dumps(as_data(facts, an_overview(*states, incidents=incidents), at(60))))


def probe_of(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        probe for service in data["services"] for probe in service["probes"] if probe["name"] == name
    )
    return found


def the_backend(*states: ProbeState) -> dict[str, Any]:
    found: dict[str, Any] = snapshot(*states)["services"][0]
    return found


# --- the contract's keys


def test_the_snapshot_has_the_keys_of_the_contract() -> None:
    assert set(snapshot()) == {
        "version",
        "now",
        "dry_run",
        "paused",
        "services",
        "incidents",
        "pull_requests",
        "inbox",
        "punctuality",
        "integrations",
        "objectives",
        *("platform", "quiet", "signals", "feedback", "audit"),  # beside the contract's
    }


def test_a_service_has_the_keys_of_the_contract() -> None:
    assert set(the_backend()) == {"name", "status", "flapping", "since", "probes"}


@pytest.mark.parametrize("states", [(), (a_state(),)], ids=["never looked at", "looked at"])
def test_a_probe_has_the_keys_of_the_contract(states: Sequence[ProbeState]) -> None:
    assert set(the_backend(*states)["probes"][0]) == {"name", "kind", "status", "latency_ms", "detail", "checked_at"}


BESIDE = {
    *("title", "cause", "detected_at", "held", "suspect", "escalated_at", "escalated_for", "acknowledged_by"),
    *("acknowledged_until", "rolled_back_from"),
}
"""What is told of an incident beside the contract's keys."""


def test_an_incident_has_the_keys_of_the_contract() -> None:
    assert set(snapshot(incidents=[an_incident()])["incidents"][0]) - BESIDE == {
        "id",
        "severity",
        "status",
        "services",
        "failed_probes",
        "opened_at",
        "resolved_at",
        "issue_url",
        "remediations",
    }


def test_an_objective_has_the_keys_of_the_contract_and_its_two_windows() -> None:
    objectives = snapshot()["objectives"]
    assert {frozenset(one) for one in objectives} == {
        frozenset({"name", "target", "actual", "met", "windows", "weeks", "worst_case"})
    }


def test_the_rest_is_as_the_contract_has_it() -> None:
    data = snapshot()
    assert {
        name: data[name] for name in ("version", "dry_run", "paused", "pull_requests", "inbox", "integrations")
    } == {
        "version": "1.2.3",
        "dry_run": False,
        "paused": False,
        "pull_requests": [],
        "inbox": {"pending": 0, "failed": 0, "oldest_pending_s": None},
        "integrations": INTEGRATIONS,
    }


def test_punctuality_is_told_in_seconds() -> None:
    assert snapshot()["punctuality"] == {"due": 288, "run": 287, "worst_lateness_s": 1.235}


def test_objectives_come_in_the_order_of_the_contract() -> None:
    names = [objective["name"] for objective in snapshot()["objectives"]]
    assert names == ["detection", "sev1_response", "auto_recovery", "pr_staleness", "diagnostic"]


def test_an_objective_tells_its_worst_value_and_the_share_met_over_a_week_and_a_month() -> None:
    assert snapshot(incidents=[an_incident()])["objectives"][0] == {
        "name": "detection",
        "target": 300.0,
        "actual": 10.0,
        "met": True,
        "windows": {"7d": {"worst": 10.0, "share_met": 1.0}, "30d": {"worst": 10.0, "share_met": 1.0}},
        "weeks": [*[{"worst": None, "share_met": None}] * 3, {"worst": 10.0, "share_met": 1.0}],
        "worst_case": {
            "about": "incident 260105-aaaa",
            "value": 10.0,
            "at": "2026-01-05T12:00:10.000Z",
            "url": "/incidents/260105-aaaa",
        },
    }


# --- times


def times(value: object) -> Iterator[str]:
    """Find all that stands under the name of a time."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in {"now", "since"} or name.endswith("_at"):
                yield inner
            else:
                yield from times(inner)
    if isinstance(value, list):
        for inner in value:
            yield from times(inner)


def test_every_time_is_iso_8601_and_ends_with_z() -> None:
    resolved = an_incident(status=IncidentStatus.RESOLVED, resolved_at=at(90))
    found = set(times(snapshot(a_state(), a_state("frontend"), incidents=[resolved]))) - {None}
    assert found == {f"2026-01-05T12:0{minute}.000Z" for minute in ("0:00", "0:10", "1:00", "1:30")}


def test_a_time_of_another_zone_is_told_in_utc() -> None:
    there = datetime(2026, 1, 5, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    assert stamp(there) == "2026-01-05T12:30:00.000Z"


def test_no_time_is_null() -> None:
    assert stamp(None) is None


# --- probes and services


def test_a_probe_that_was_looked_at_tells_what_was_found() -> None:
    state = replace(a_state(), latency=timedelta(microseconds=123_456), checked_at=at(30))
    assert probe_of(snapshot(state), "backend") == {
        "name": "backend",
        "kind": "http",
        "status": "up",
        "latency_ms": 123.5,
        "detail": "status 200",
        "checked_at": "2026-01-05T12:00:30.000Z",
    }


def test_a_probe_that_is_off_says_why_whatever_was_found_before() -> None:
    off = a_probe("backend/auth", kind=ProbeKind.SIGN_IN, off="needs CANARY_PASSWORD or DEVOPS_API_SECRET")
    service = a_service(probes=[a_probe(), off])
    data = snapshot(a_state(), a_state("backend/auth", Status.DOWN), services=[service])
    assert probe_of(data, "auth") == {
        "name": "auth",
        "kind": "sign_in",
        "status": "off",
        "latency_ms": None,
        "detail": "needs CANARY_PASSWORD or DEVOPS_API_SECRET",
        "checked_at": None,
    }


def test_a_probe_that_is_off_does_not_count_for_its_service() -> None:
    service = a_service(probes=[a_probe(), a_probe("backend/auth", off="switched off in devops.toml")])
    data = snapshot(a_state(), a_state("backend/auth", Status.DOWN), services=[service])
    assert data["services"][0]["status"] == "up"


@pytest.mark.parametrize("states", [(), (ProbeState(ProbeKey("backend", "backend")),)], ids=["no row", "an empty row"])
def test_a_probe_that_was_never_looked_at_is_unknown(states: Sequence[ProbeState]) -> None:
    assert probe_of(snapshot(*states), "backend") == {
        "name": "backend",
        "kind": "http",
        "status": "unknown",
        "latency_ms": None,
        "detail": "not looked at yet",
        "checked_at": None,
    }


def test_a_service_that_was_never_looked_at_is_unknown_since_no_time() -> None:
    backend = the_backend()
    assert (backend["status"], backend["since"]) == ("unknown", None)


def test_a_service_is_down_since_the_first_of_its_probes_is() -> None:
    states = [
        a_state("backend", Status.DOWN, since=at(20)),
        a_state("backend/database", Status.DOWN, since=at(10)),
        a_state("backend/auth", since=START),
    ]
    backend = the_backend(*states)
    assert (backend["status"], backend["since"]) == ("down", stamp(at(10)))


def test_a_service_that_cannot_be_measured_is_not_unknown_since_it_was_last_up() -> None:
    backend = the_backend(a_state(blind=True, since=START - timedelta(days=9)))
    assert (backend["status"], backend["since"]) == ("unknown", None)


def test_a_service_with_a_probe_that_flaps_says_so() -> None:
    backend = the_backend(a_state(flapping=True), a_state("backend/auth"))
    assert (backend["status"], backend["flapping"]) == ("degraded", True)


def test_services_and_probes_come_in_the_order_of_the_watchlist() -> None:
    told = [(service["name"], [probe["name"] for probe in service["probes"]]) for service in snapshot()["services"]]
    assert told == [(service.name, [probe.key.name for probe in service.probes]) for service in the_product()]


def test_rows_of_probes_that_are_watched_no_longer_are_not_shown() -> None:
    assert snapshot(a_state("backend/gone", Status.DOWN)) == snapshot()


# --- incidents


def test_an_incident_tells_which_services_and_probes_it_touches() -> None:
    outage = an_incident(a_member("backend"), a_member("backend/auth"), a_member("frontend"), named="260105-abcd")
    data = incident_as_data(outage)
    told = {name: data[name] for name in ("id", "severity", "status", "services", "failed_probes", "resolved_at")}
    assert told == {
        "id": "260105-abcd",
        "severity": "SEV1",
        "status": "open",
        "services": ["backend", "frontend"],
        "failed_probes": ["backend", "auth", "frontend"],
        "resolved_at": None,
    }


def test_incidents_come_in_the_order_of_the_ledger() -> None:
    both = [an_incident(named="new"), an_incident(a_member("frontend", Symptom.FLAPPING), named="old")]
    assert [incident["id"] for incident in snapshot(incidents=both)["incidents"]] == ["new", "old"]


def test_an_incident_by_itself_has_its_timeline() -> None:
    opened = TimelineEvent(at(10), EventKind.OPENED, "SEV2: frontend is down: refused")
    told = dossier_as_data(Dossier(an_incident(a_member("frontend"), severity=Severity.SEV2), [opened]))
    assert told["timeline"] == [{"at": stamp(at(10)), "kind": "opened", "text": "SEV2: frontend is down: refused"}]


def test_the_probe_of_another_service_is_told_with_its_service() -> None:
    assert incident_as_data(an_incident(a_member("backend/auth")))["cause"] == str(key("backend/auth"))


# --- words for people


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 d"),
        (864_000, "10 d"),
    ],
)
def test_a_span_is_told_in_the_largest_unit_of_which_there_are_two(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_how_long_ago_something_was_is_told_from_now() -> None:
    assert ago(stamp(START), stamp(at(180)) or "") == "3 min ago"
    assert ago(stamp(START), stamp(START) or "") == "just now"


def test_what_never_happened_was_never() -> None:
    assert (ago(None, "2026-01-05T12:00:00.000Z"), moment(None)) == ("never", "—")


def test_a_moment_is_told_to_the_second() -> None:
    assert moment("2026-01-05T12:03:04.500Z") == "2026-01-05 12:03:04"


# --- the hosting platform


def shown(view: PlatformView, *rows: DeploymentRecord, notes: tuple[str, ...] = ()) -> Any:
    overview = replace(an_overview(), deployments=rows)
    facts = Facts("1.2.3", a_watchlist(*the_product()), integrations=INTEGRATIONS)
    return json.loads(json.dumps(as_data(facts, overview, at(60), PlatformShown(view, notes))))


def test_without_a_platform_there_is_none_to_show() -> None:
    assert snapshot()["platform"] is None
    assert snapshot()["integrations"]["railway"] == "off"


def test_a_hosted_service_is_shown_with_what_serves_and_what_failed_beside_it() -> None:
    serving, failed = a_deployment("d1"), a_deployment("d2", Phase.FAILED, at(30), commit="b")
    data = shown(PlatformView(a_hosting(a_hosted("backend", serving, latest=failed))))
    assert data["integrations"]["railway"] == "ok"
    assert data["platform"]["services"] == [
        {
            "name": "backend",
            "watched_as": "backend",
            "serving": "up",
            "detail": "1 of 1 replicas run",
            "news": "bbbbbbb cart: quicker failed; the one before goes on",
            "deployment": {
                "id": "d1",
                "status": "SUCCESS",
                "commit": "a" * 40,
                "what": "aaaaaaa cart: quicker",
                "created_at": stamp(START),
            },
        }
    ]


def test_a_service_that_nobody_watches_is_shown_too() -> None:
    (service,) = shown(PlatformView(a_hosting(a_hosted("nightly"))))["platform"]["services"]
    assert (service["watched_as"], service["serving"], service["deployment"]) == (None, "empty", None)


def test_what_is_wrong_with_the_platform_is_said_where_the_integrations_stand() -> None:
    data = shown(PlatformView(problem="it does not answer"), notes=("a token is wrong",))
    assert data["integrations"]["railway"] == "it does not answer; a token is wrong"
    assert (data["platform"]["problem"], data["platform"]["services"]) == ("it does not answer", [])


def test_before_the_first_look_at_the_platform_nothing_is_claimed() -> None:
    assert shown(PlatformView())["integrations"]["railway"] == "not looked at yet"


@pytest.mark.parametrize(
    ("news", "incident"),
    [
        (None, None),
        (PlatformNews(stable=True, text="all is well"), None),
        (PlatformNews(stable=False, text="Deployments are delayed"), "Deployments are delayed"),
        (PlatformNews(stable=False), "Railway says that it is not stable"),
    ],
)
def test_trouble_of_the_platform_itself_is_told(news: PlatformNews | None, incident: str | None) -> None:
    assert shown(PlatformView(news=news))["platform"]["incident"] == incident


def test_a_deployment_is_shown_with_what_became_of_it() -> None:
    row = a_record("d1", Phase.LIVE, Became.WELL, live_at=at(10), well_at=at(20))
    assert shown(PlatformView(), row)["platform"]["deployments"] == [
        {
            "id": "d1",
            "service": "backend",
            "status": "SUCCESS",
            "became": "well",
            "commit": "a" * 40,
            "what": "aaaaaaa cart: quicker",
            "created_at": stamp(START),
            "live_at": stamp(at(10)),
            "well_at": stamp(at(20)),
            "ended_at": None,
        }
    ]
