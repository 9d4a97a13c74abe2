"""What is watched: the settings' own product, what `devops.toml` adds and changes, and what does not fit."""

import base64
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from devops_daemon.config_file import Document, read_document
from devops_daemon.model import (
    HttpCheck,
    Probe,
    ProbeKey,
    ProbeKind,
    ReadinessCheck,
    Service,
    Severity,
    SignInCheck,
    Watchlist,
)
from devops_daemon.settings import WrongSettingsError, read
from devops_daemon.watchlist import CERTIFICATE_DAYS, HEALTHY, SLOW_AFTER, canary_password, plan

BACKEND = {"PRODUCTION_BACKEND_URL": "https://api.example.com"}
FRONTEND = {"PRODUCTION_FRONTEND_URL": "https://www.example.com"}
PASSWORD = {"CANARY_PASSWORD": "canary-password"}
REFERENCES = ("https://api.github.com", "https://backboard.railway.com/graphql/v2")


def watched(folder: Path, text: str = "", environ: Mapping[str, str] | None = None) -> Watchlist:
    """What settings and a file say together; the file is right by itself."""
    file = folder / "devops.toml"
    file.write_text(text, encoding="utf-8")
    document, told = read_document(file, asked_for=True)
    assert told == []
    return plan(read(environ or {}), document)


def problems(folder: Path, text: str = "", environ: Mapping[str, str] | None = None) -> list[str]:
    """What does not fit, without the path before it."""
    with pytest.raises(WrongSettingsError) as wrong:
        watched(folder, text, environ)
    return [line.removeprefix(f"{folder}/") for line in wrong.value.problems]


def probe(watchlist: Watchlist, service: str, name: str | None = None) -> Probe:
    return next(found for found in watchlist.probes if found.key == (service, name or service))


def shape(watchlist: Watchlist) -> dict[str, list[str]]:
    """The services in their order, each with the names of its probes."""
    return {service.name: [found.key.name for found in service.probes] for service in watchlist.services}


# The settings alone


def test_a_backend_and_a_frontend_are_watched_by_four_probes() -> None:
    found = plan(read(BACKEND | FRONTEND | PASSWORD), Document())
    backend, frontend = (service.probes for service in found.services)
    assert found == Watchlist(
        services=(
            Service("backend", backend),
            Service("frontend", frontend, depends_on=frozenset({"backend"})),
        ),
        references=REFERENCES,
    )
    assert [(one.key, one.kind, one.check, one.severity) for one in found.probes] == [
        (
            ProbeKey("backend", "backend"),
            ProbeKind.HTTP,
            HttpCheck(url="https://api.example.com/health", fields=(("status", HEALTHY),)),
            Severity.SEV1,
        ),
        (
            ProbeKey("backend", "database"),
            ProbeKind.READINESS,
            ReadinessCheck(url="https://api.example.com/health/ready", needs="database"),
            Severity.SEV1,
        ),
        (
            ProbeKey("backend", "auth"),
            ProbeKind.SIGN_IN,
            SignInCheck("https://api.example.com", "devops-canary", "canary-password"),
            Severity.SEV2,
        ),
        (
            ProbeKey("frontend", "frontend"),
            ProbeKind.HTTP,
            HttpCheck(url="https://www.example.com/", not_empty=True, follow_redirects=True),
            Severity.SEV2,
        ),
    ]
    assert {(one.timeout, one.slow_after, one.certificate_days, one.off) for one in found.probes} == {
        (timedelta(seconds=10), SLOW_AFTER, CERTIFICATE_DAYS, None)
    }


def test_a_frontend_alone_depends_on_nothing_that_is_not_watched() -> None:
    assert plan(read(FRONTEND), Document()).services[0].depends_on == frozenset()


def test_references_are_githubs_and_railways_apis_and_those_of_the_settings_each_once() -> None:
    urls = {"REFERENCE_URLS": "https://one.example,https://api.github.com,https://one.example"}
    assert plan(read(BACKEND | urls), Document()).references == (*REFERENCES, "https://one.example")


def test_the_time_of_a_probe_is_the_settings() -> None:
    found = plan(read(BACKEND | {"PROBE_TIMEOUT": "3s"}), Document())
    assert {one.timeout for one in found.probes} == {timedelta(seconds=3)}


# The file with them


def test_the_file_adds_services(tmp_path: Path) -> None:
    text = """
    [services.worker]
    url = "https://worker.example.com"
    depends_on = ["backend"]
    railway = "worker-production"
    """
    found = watched(tmp_path, text, BACKEND)
    assert shape(found) == {"backend": ["backend", "database", "auth"], "worker": ["worker"]}
    worker = probe(found, "worker")
    assert found.services[1] == Service("worker", (worker,), frozenset({"backend"}), "worker-production")
    assert (worker.check, worker.severity) == (HttpCheck(url="https://worker.example.com/"), Severity.SEV2)


def test_the_file_alone_is_enough(tmp_path: Path) -> None:
    text = '[services.site]\nurl = "https://site.example"'
    assert shape(watched(tmp_path, text)) == {"site": ["site"]}


def test_a_backend_of_the_file_has_the_same_probes_as_one_of_the_settings(tmp_path: Path) -> None:
    text = '[services.backend]\nurl = "https://api.example.com"\n[services.frontend]\nurl = "https://www.example.com"'
    assert watched(tmp_path, text) == plan(read(BACKEND | FRONTEND), Document())


def test_the_environment_wins_over_a_url_of_the_file(tmp_path: Path) -> None:
    text = '[services.backend]\nurl = "https://other.example"\n[services.worker]\nurl = "https://worker.example"'
    found = watched(tmp_path, text, BACKEND)
    assert probe(found, "backend").check == HttpCheck(
        url="https://api.example.com/health", fields=(("status", HEALTHY),)
    )
    assert probe(found, "worker").check == HttpCheck(url="https://worker.example/")


def test_a_probe_of_the_file_changes_what_it_names_of_an_own_one_and_nothing_else(tmp_path: Path) -> None:
    text = '[services.backend.probes.backend]\npath = "/livez"\nseverity = "SEV2"'
    before, after = plan(read(BACKEND), Document()), watched(tmp_path, text, BACKEND)
    assert shape(after) == shape(before)
    changed = probe(after, "backend")
    assert changed.check == HttpCheck(url="https://api.example.com/livez", fields=(("status", HEALTHY),))
    assert changed.severity is Severity.SEV2
    assert probe(after, "backend", "database") == probe(before, "backend", "database")


def test_a_probe_of_the_file_stands_beside_the_own_ones(tmp_path: Path) -> None:
    text = '[services.backend.probes.cache]\nkind = "readiness"\nneeds = "redis"\nseverity = "SEV3"'
    found = watched(tmp_path, text, BACKEND)
    assert shape(found) == {"backend": ["backend", "database", "auth", "cache"]}
    assert probe(found, "backend", "cache").check == ReadinessCheck("https://api.example.com/health/ready", "redis")


def test_an_own_probe_may_become_one_of_another_kind(tmp_path: Path) -> None:
    text = '[services.backend.probes.backend]\nkind = "readiness"\nneeds = "redis"\npath = "/ready"'
    found = watched(tmp_path, text, BACKEND)
    assert probe(found, "backend").check == ReadinessCheck("https://api.example.com/ready", "redis")


def test_every_key_of_an_http_probe_is_heeded(tmp_path: Path) -> None:
    text = """
    [services.site]
    url = "https://site.example"
    [services.site.probes.api]
    kind = "http"
    path = "/api?x=1"
    method = "POST"
    expect_status = [200, 204]
    contains = "hello"
    fields = { "queue.depth" = [0, 1.5], ok = true }
    not_empty = true
    follow_redirects = true
    severity = "SEV1"
    timeout = "1m30s"
    slow_after = "250ms"
    certificate_days = 0
    """
    found = probe(watched(tmp_path, text), "site", "api")
    assert found == Probe(
        key=ProbeKey("site", "api"),
        kind=ProbeKind.HTTP,
        check=HttpCheck(
            url="https://site.example/api?x=1",
            method="POST",
            expect_status=frozenset({200, 204}),
            contains="hello",
            fields=(("queue.depth", ("0", "1.5")), ("ok", ("true",))),
            not_empty=True,
            follow_redirects=True,
        ),
        severity=Severity.SEV1,
        timeout=timedelta(seconds=90),
        slow_after=timedelta(milliseconds=250),
        certificate_days=0,
        fingerprint=found.fingerprint,
    )


@pytest.mark.parametrize("key", ["timeout", "slow_after"])
@pytest.mark.parametrize("name", ["backend", "mine"])
def test_a_duration_of_the_file_is_a_duration_of_the_probe(tmp_path: Path, key: str, name: str) -> None:
    kind = 'kind = "http"\n' if name == "mine" else ""
    text = f'[services.backend.probes.{name}]\n{kind}{key} = "5s"'
    assert getattr(probe(watched(tmp_path, text, BACKEND), "backend", name), key) == timedelta(seconds=5)


def test_a_probe_that_is_switched_off_says_so(tmp_path: Path) -> None:
    text = "[services.backend.probes.database]\noff = true"
    found = watched(tmp_path, text, BACKEND | PASSWORD)
    assert {str(one.key): one.off for one in found.probes} == {
        "backend": None,
        "backend/database": "switched off in devops.toml",
        "backend/auth": None,
    }


def test_what_an_own_service_depends_on_can_be_changed(tmp_path: Path) -> None:
    text = "[services.frontend]\ndepends_on = []"
    assert [service.depends_on for service in watched(tmp_path, text, BACKEND | FRONTEND).services] == [
        frozenset(),
        frozenset(),
    ]


def test_the_most_upstream_service_comes_first(tmp_path: Path) -> None:
    text = """
    [services.page]
    url = "https://page.example"
    depends_on = ["api"]
    [services.api]
    url = "https://api.example"
    depends_on = ["store"]
    [services.store]
    url = "https://store.example"
    """
    assert list(shape(watched(tmp_path, text))) == ["store", "api", "page"]


# What does not fit


def test_nothing_to_watch_is_told_with_what_to_set() -> None:
    with pytest.raises(WrongSettingsError) as wrong:
        plan(read({}), Document())
    assert len(wrong.value.problems) == 1
    assert wrong.value.problems[0].startswith("PRODUCTION_BACKEND_URL: ")
    assert "; for example: https://" in wrong.value.problems[0]


SITE = '[services.site]\nurl = "https://site.example"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[services.site]\nrailway = 'site'", ['1: services.site: needs a url; for example: url = "https://']),
        (
            SITE + 'depends_on = ["nobody"]',
            ["3: services.site.depends_on: there is no service 'nobody'; there are: backend, site"],
        ),
        (
            SITE + 'depends_on = [\n  "backend",\n  "site",\n]',
            ["6: services.site.depends_on: goes in a circle back to 'site'"],
        ),
        (
            SITE + "[services.site.probes.live]\npath = '/'",
            ["3: services.site.probes.live: needs a kind: http, readiness, sign_in"],
        ),
        (
            SITE + "[services.site.probes.live]\nkind = 'readiness'",
            ["3: services.site.probes.live: needs the dependency that it is about; for example: needs = "],
        ),
        (
            SITE + "[services.site.probes.live]\nkind = 'http'\nneeds = 'database'",
            ["5: services.site.probes.live.needs: is not for the kind http"],
        ),
        (
            SITE + "[services.site.probes.live]\nkind = 'readiness'\nneeds = 'x'\ncontains = 'x'\nusername = 'x'",
            [
                "6: services.site.probes.live.contains: is not for the kind readiness",
                "7: services.site.probes.live.username: is not for the kind readiness",
            ],
        ),
        (
            SITE + "[services.site.probes.live]\nkind = 'sign_in'\npath = '/login'\nnot_empty = false",
            [
                "6: services.site.probes.live.not_empty: is not for the kind sign_in",
                "5: services.site.probes.live.path: is not for the kind sign_in",
            ],
        ),
        (
            """[services.a]
            url = 'https://a.example'
            depends_on = ['b']
            [services.b]
            url = 'https://b.example'
            depends_on = ['a']""",
            [
                "3: services.a.depends_on: goes in a circle back to 'a'",
                "6: services.b.depends_on: goes in a circle back to 'b'",
            ],
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(tmp_path: Path, text: str, told: list[str]) -> None:
    found = problems(tmp_path, text, BACKEND)
    wanted = [f"devops.toml:{one}" for one in told]
    assert [line[: len(want)] for line, want in zip(found, wanted, strict=True)] == wanted


def test_who_only_depends_on_a_circle_is_not_blamed_for_it(tmp_path: Path) -> None:
    text = SITE + 'depends_on = ["a"]\n[services.a]\nurl = "https://a.example"\ndepends_on = ["a"]'
    assert [line.split(":")[1] for line in problems(tmp_path, text)] == ["6"]


def _goes_round(needs: list[list[int]]) -> bool:
    """Take away what needs nothing that is left, again and again: what stays goes round."""
    left = dict(enumerate(needs))
    while free := [number for number, others in left.items() if not left.keys() & set(others)]:
        for number in free:
            del left[number]
    return bool(left)


@given(st.lists(st.lists(st.integers(0, 5), max_size=3), min_size=1, max_size=6))
def test_services_are_in_an_order_in_which_each_follows_what_it_needs_or_a_circle_is_told(
    tmp_path_factory: pytest.TempPathFactory, needs: list[list[int]]
) -> None:
    text = "".join(
        f"[services.s{number}]\nurl = 'https://s{number}.example'\n"
        f"depends_on = {[f's{other}' for other in others if other < len(needs)]}\n"
        for number, others in enumerate(needs)
    )
    folder = tmp_path_factory.getbasetemp()
    if _goes_round(needs):
        assert all("goes in a circle" in line for line in problems(folder, text))
        return
    services = watched(folder, text).services
    order = [service.name for service in services]
    assert len(order) == len(needs)
    for service in services:
        assert all(order.index(other) < order.index(service.name) for other in service.depends_on)


# The canary


@pytest.mark.parametrize(
    ("environ", "off"),
    [
        ({}, "needs CANARY_PASSWORD or DEVOPS_API_SECRET"),
        (PASSWORD, None),
        ({"DEVOPS_API_SECRET": "s3cret"}, None),
    ],
)
def test_without_a_password_the_sign_in_probe_is_off_and_says_why(environ: dict[str, str], off: str | None) -> None:
    found = plan(read(BACKEND | environ), Document())
    assert {one.key.name: one.off for one in found.probes} == {"backend": None, "database": None, "auth": off}


def test_the_canary_of_a_probe_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    text = "[services.backend.probes.auth]\nusername = 'robin'"
    environ = BACKEND | {"DEVOPS_API_SECRET": "s3cret", "CANARY_USERNAME": "canary"}
    settings = read(environ)
    assert probe(watched(tmp_path, text, environ), "backend", "auth").check == SignInCheck(
        "https://api.example.com", "robin", canary_password(settings, "robin")
    )


def test_the_password_is_the_one_that_is_set() -> None:
    assert canary_password(read(PASSWORD | {"DEVOPS_API_SECRET": "s3cret"}), "canary") == "canary-password"


def test_a_derived_password_is_the_same_for_ever() -> None:
    """Another one would lock the canary out of every product that it is registered at."""
    password = canary_password(read({"DEVOPS_API_SECRET": "s3cret"}), "devops-canary")
    assert password == "Dc1!n4jHfAVVJX3h_vpINRjhFZd1g6OE"


SECRET_TEXTS = st.text().map(str.strip).filter(lambda text: len(text) >= 4)


@given(SECRET_TEXTS, st.text(min_size=1))
def test_a_derived_password_pleases_the_rules_for_passwords(secret: str, username: str) -> None:
    password = canary_password(read({"DEVOPS_API_SECRET": secret}), username)
    assert any(map(str.isupper, password))
    assert any(map(str.islower, password))
    assert any(map(str.isdigit, password))
    assert any(not sign.isalnum() for sign in password)
    assert 12 <= len(password) <= 72, "shorter than rules want, or longer than bcrypt takes"
    assert password.isascii()
    assert password.isprintable()


@given(SECRET_TEXTS, SECRET_TEXTS, st.text(), st.text())
def test_a_derived_password_is_of_one_secret_and_one_name(one: str, other: str, name: str, another: str) -> None:
    assume(one.strip() != other.strip() and name != another)
    first, second = read({"DEVOPS_API_SECRET": one}), read({"DEVOPS_API_SECRET": other})
    assert canary_password(first, name) == canary_password(first, name)
    assert len({canary_password(first, name), canary_password(second, name), canary_password(first, another)}) == 3


def test_no_text_of_a_probe_shows_the_password() -> None:
    found = probe(plan(read(BACKEND | PASSWORD), Document()), "backend", "auth")
    assert "canary-password" not in f"{found!r} {found} {found.check!r} {found.check}"


# Fingerprints


def fingerprint(**environ: str) -> str:
    return probe(plan(read(BACKEND | environ), Document()), "backend", "auth").fingerprint


def test_the_fingerprint_changes_with_what_is_asked_and_as_whom() -> None:
    seen = [
        fingerprint(CANARY_PASSWORD="one-password"),
        fingerprint(CANARY_PASSWORD="two-password"),
        fingerprint(CANARY_PASSWORD="one-password", CANARY_USERNAME="robin"),
        fingerprint(CANARY_PASSWORD="one-password", PRODUCTION_BACKEND_URL="https://other.example"),
        fingerprint(DEVOPS_API_SECRET="s3cret"),
    ]
    assert len(set(seen)) == len(seen)
    assert seen[0] == fingerprint(CANARY_PASSWORD="one-password", PROBE_TIMEOUT="1s", CHECK_INTERVAL="1h")


@given(st.text(st.characters(codec="ascii", exclude_categories=("C", "Z")), min_size=5, max_size=40))
def test_the_fingerprint_tells_nothing_of_the_password(password: str) -> None:
    found = fingerprint(CANARY_PASSWORD=password)
    assert len(found) == 4, "16 bits: many passwords have the same one"
    assert password not in found
    assert base64.b64encode(password.encode()).decode() not in found
