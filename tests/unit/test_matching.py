"""Which hosted service is which watched one, and how it is by our probes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from builders import a_hosted, a_hosting, a_probe, a_result, a_service, a_state, at, the_product

from devops_daemon.hosting import HostedService
from devops_daemon.model import (
    HttpCheck,
    Outcome,
    Probe,
    ProbeKey,
    ProbeState,
    ReadinessCheck,
    Service,
    SignInCheck,
    Status,
)
from devops_daemon.rollout.matching import health_of_results, health_since, match, watched
from devops_daemon.rollout.verdict import Health

BACKEND, FRONTEND = the_product()
LIVE = at(100)
HOST = "Backend.example.com"


def asking(check: HttpCheck | ReadinessCheck | SignInCheck) -> Service:
    return a_service("shop", probes=[replace(a_probe("shop"), check=check)])


def found(service: Service, *hosted: HostedService) -> str | None:
    """Give the id of the hosted service that is a watched one."""
    return next((each.id for each in match([service], a_hosting(*hosted)).values()), None)


@pytest.mark.parametrize(
    "check",
    [
        HttpCheck(url=f"https://{HOST}/health"),
        ReadinessCheck(url=f"https://{HOST}:8443/ready", needs="database"),
        SignInCheck(backend=f"https://{HOST}", username="canary", password="right"),
    ],
    ids=lambda check: type(check).__name__,
)
def test_a_watched_service_is_found_by_the_host_that_its_probes_ask(
    check: HttpCheck | ReadinessCheck | SignInCheck,
) -> None:
    by_host = a_hosted("api", hosts=["backend.example.com"])
    assert found(asking(check), a_hosted("shop"), by_host) == "s-api"


def test_it_is_found_by_its_own_name_where_no_host_is_known() -> None:
    service = replace(BACKEND, railway="api")
    assert found(service, a_hosted("api"), a_hosted("Backend")) == "s-Backend"


def test_it_is_found_by_the_name_in_the_file_where_nothing_else_tells() -> None:
    assert found(replace(BACKEND, railway="API"), a_hosted("api"), a_hosted("frontend")) == "s-api"


@pytest.mark.parametrize("railway", [None, "", "elsewhere"])
def test_what_is_hosted_elsewhere_is_left_out(railway: str | None) -> None:
    assert match([replace(BACKEND, railway=railway)], a_hosting(a_hosted("api"))) == {}


def test_each_watched_service_is_found_by_itself() -> None:
    frontend, backend = a_hosted("frontend"), a_hosted("api", hosts=["backend.example.com"])
    assert match([BACKEND, FRONTEND], a_hosting(frontend, backend)) == {"backend": backend, "frontend": frontend}


def test_what_is_watched_of_a_hosted_service_is_found() -> None:
    frontend, api = a_hosted("frontend"), a_hosted("api", hosts=["backend.example.com"])
    hosting = a_hosting(frontend, api, a_hosted("Postgres"))
    both = [FRONTEND, BACKEND]
    assert [watched(both, hosting, each) for each in hosting.services] == [FRONTEND, BACKEND, None]


# --- health since a moment


def states(*rows: ProbeState) -> dict[ProbeKey, ProbeState]:
    return {row.key: row for row in rows}


def since(*rows: ProbeState, service: Service = BACKEND) -> Health | None:
    return health_since(service, states(*rows), LIVE)


def after(named: str, settled: Status = Status.UP) -> ProbeState:
    """Give the row of a probe that has looked after the moment."""
    return a_state(named, settled, checked_at=at(101))


ALL = [after("backend"), after("backend/database"), after("backend/auth")]


def test_a_service_is_up_when_all_its_probes_have_passed_since() -> None:
    assert since(*ALL) == Health(Status.UP, "backend: status 200")


@pytest.mark.parametrize("checked_at", [None, at(99), LIVE], ids=["never", "before", "at that moment"])
def test_nothing_is_known_until_every_probe_has_looked_after_the_moment(checked_at: datetime | None) -> None:
    late = replace(ALL[2], checked_at=checked_at)
    assert since(*ALL[:2], late) is None


def test_nothing_is_known_of_a_probe_without_a_row() -> None:
    assert since(*ALL[:2]) is None


def test_nothing_is_known_of_a_service_without_probes() -> None:
    assert health_since(Service("backend", ()), {}, LIVE) is None


def test_a_probe_that_is_off_is_not_waited_for() -> None:
    off: list[Probe] = [
        replace(probe, off="no canary" if probe.key.name == "auth" else None) for probe in BACKEND.probes
    ]
    assert since(*ALL[:2], service=replace(BACKEND, probes=tuple(off))) == Health(Status.UP, "backend: status 200")


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((Status.UP, Status.DEGRADED, Status.UP), Status.UP),
        ((Status.UP, Status.UNKNOWN, Status.DEGRADED), Status.UNKNOWN),
        ((Status.UNKNOWN, Status.DOWN, Status.UP), Status.DOWN),
        ((Status.DEGRADED, Status.DEGRADED, Status.DOWN), Status.DOWN),
    ],
)
def test_the_worst_probe_tells(statuses: Sequence[Status], expected: Status) -> None:
    rows = [replace(row, settled=status) for row, status in zip(ALL, statuses, strict=True)]
    health = since(*rows)
    assert health is not None
    assert health.status is expected


def test_a_failure_that_is_not_confirmed_yet_is_no_sign_of_health() -> None:
    doubtful = replace(ALL[1], failures=1, detail="status 500")
    assert since(ALL[0], doubtful, ALL[2]) == Health(Status.UNKNOWN, "backend/database: status 500")


def test_what_answers_again_and_is_not_confirmed_is_turning_unless_another_still_fails() -> None:
    again = replace(ALL[0], settled=Status.DOWN)
    assert since(again, *ALL[1:]) == Health(Status.DOWN, "backend: status 200", turning=True)
    failing = replace(ALL[2], settled=Status.DOWN, failures=2, detail="status 500")
    assert since(again, ALL[1], failing) == Health(Status.DOWN, "backend/auth: status 500")


def test_a_probe_that_could_not_measure_is_no_sign_of_health() -> None:
    assert since(*ALL[:2], replace(ALL[2], blind=True)) == Health(Status.UNKNOWN, "backend/auth: status 200")


# --- health by one look


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.OK, Outcome.OK], Health(Status.UP, "backend: ok")),
        ([Outcome.OK, Outcome.DEGRADED], Health(Status.UP, "backend: ok")),
        ([Outcome.UNKNOWN, Outcome.FAILED], Health(Status.DOWN, "backend/auth: failed")),
        ([Outcome.OK, Outcome.UNKNOWN], Health(Status.UNKNOWN, "backend/auth: unknown")),
        ([Outcome.OK, Outcome.UNPROVEN], Health(Status.UNKNOWN, "backend/auth: unproven")),
        ([], None),
    ],
)
def test_one_look_of_each_probe_tells_by_the_worst(outcomes: Sequence[Outcome], expected: Health | None) -> None:
    names = ("backend", "backend/auth")
    results = [a_result(name, outcome) for name, outcome in zip(names, outcomes, strict=False)]
    assert health_of_results(results) == expected
