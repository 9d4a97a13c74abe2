"""The pages over real HTTP: who may see them, what they say, and that nothing in them can be made to act."""

import asyncio
import base64
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from adapters.servers import LOOPBACK
from builders import a_member, a_probe, a_service, a_state, a_watchlist, an_incident, at, key
from prometheus_client.parser import text_string_to_metric_families

from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.incidents import IncidentRows
from devops_daemon.auditing import Audit, Remark, Weight
from devops_daemon.entrypoints.access import Tokens
from devops_daemon.entrypoints.status import Facts
from devops_daemon.entrypoints.web import Server, Site, listening_socket
from devops_daemon.model import (
    EventKind,
    Incident,
    IncidentStatus,
    ProbeKey,
    ProbeState,
    Severity,
    Signal,
    Status,
    TimelineEvent,
)
from devops_daemon.ports import Day, Dossier, Hour, Overview, Punctuality, StatusLedger, UnavailableError

VIEWER, OPERATOR = "viewer-token-0123456789", "operator-token-0123456789"
INTERVAL = timedelta(minutes=5)
INCIDENT = an_incident(a_member("backend"), a_member("frontend"), named="260105-burn")
PAST = an_incident(named="260104-past", status=IncidentStatus.RESOLVED, resolved_at=at(50))
TIMELINE = [TimelineEvent(at(10), EventKind.OPENED, "SEV1: backend is down: connection refused")]
EMPTY = Overview({}, {}, {}, (), Punctuality(0, 0, timedelta()), {})


class LedgerInMemory:
    """The port `StatusLedger`, with what a test puts into it; `error` is raised by whoever reads."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self.error: Exception | None = None
        self.states = [a_state("backend", Status.DOWN), a_state("frontend")]
        self.incidents: list[Incident] = [INCIDENT, PAST]
        self.timeline = TIMELINE
        self.signals: list[Signal] = []
        self.audit: Audit | None = None

    async def overview(self, now: datetime) -> Overview:
        assert now.tzinfo is not None
        if self.error:
            raise self.error
        today = int(now.timestamp()) // 86400
        return replace(
            EMPTY,
            states={state.key: state for state in self.states},
            days={key("backend"): (Day(today - 1, 280, 3, 5, 0), Day(today, 100, 0, 0, 0))},
            hours={key("backend"): (Hour(int(now.timestamp()) // 3600, 41.5, 90.0, 0),)},
            incidents=tuple(self.incidents),
            punctuality=Punctuality(288, 287, timedelta(seconds=1.5)),
            signals=self.signals,
            audit=self.audit,
        )

    async def incident(self, identifier: str) -> Dossier | None:
        if self.error:
            raise self.error
        return next((Dossier(found, self.timeline) for found in self.incidents if found.id == identifier), None)


FACTS = Facts(
    version="1.2.3",
    watchlist=a_watchlist(a_service("backend"), a_service("frontend", depends_on=["backend"])),
    integrations={"github": "off", "railway": "off", "backend": "ok", "feedback": "off"},
)


@dataclass(frozen=True, slots=True)
class Got:
    """An answer, whole."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(slots=True)
class Visitor:
    """Asks a site that runs."""

    session: aiohttp.ClientSession
    port: int
    ledger: LedgerInMemory = field(default_factory=LedgerInMemory)

    async def ask(self, method: str, path: str, *, host: str = LOOPBACK, **headers: str) -> Got:
        """Ask by a method; `Accept_Language="de"` becomes a header of that name."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(
            method, f"http://{host}:{self.port}{path}", headers=named, allow_redirects=False
        ) as response:
            return Got(response.status, response.headers, await response.text())

    async def get(self, path: str, **headers: str) -> Got:
        return await self.ask("GET", path, **headers)

    async def say(self, request: bytes) -> bytes:
        """Say these bytes and read what comes until the end."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(5):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def site(
    tokens: Tokens | None = None,
    facts: Facts = FACTS,
    *,
    now: datetime | None = None,
    started: datetime | None = None,
    store: StatusLedger | None = None,
    host: str = LOOPBACK,
    seen: Mapping[ProbeKey, ProbeState] | None = None,
) -> AsyncIterator[Visitor]:
    """A site on a port of its own, and somebody who asks it; by default all is well and no token is set."""
    moment = now or at(60)
    ledger = LedgerInMemory()
    began = started or moment
    made = Site(
        facts,
        store or ledger,
        lambda now: now - began > 2 * INTERVAL,
        tokens or Tokens(),
        lambda: moment,
        latest=lambda: seen or {},
    )
    server = Server(made, listening_socket(host, 0))
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Visitor(session, server.port, ledger)
    finally:
        await server.stop()


PAGES = ["/status", "/audit", "/status.json", "/incidents/260105-burn", "/metrics", "/"]
"""What only those see who may."""
OPEN = ["/healthz", "/readyz"]
"""What everybody sees."""


# --- what the routes answer


async def test_healthz_says_that_the_loop_turns() -> None:
    async with site() as visitor:
        visitor.ledger.error = UnavailableError("disk full")
        visitor.ledger.problem = "disk full"
        got = await visitor.get("/healthz")
    assert (got.status, got.json) == (200, {"status": "ok"})


async def test_readyz_is_ready_where_nothing_is_wrong() -> None:
    async with site() as visitor:
        got = await visitor.get("/readyz")
    assert (got.status, got.json) == (200, {"status": "ready", "problems": []})


async def test_readyz_says_what_is_wrong_with_the_store() -> None:
    async with site() as visitor:
        visitor.ledger.problem = "database or disk is full"
        got = await visitor.get("/readyz")
    assert got.status == 503
    (problem,) = got.json["problems"]
    assert problem.startswith("store: database or disk is full")


async def test_readyz_says_that_the_clocks_are_late() -> None:
    async with site(started=at(0), now=at(0) + 2 * INTERVAL + timedelta(seconds=5)) as visitor:
        got = await visitor.get("/readyz")
    assert got.status == 503
    assert got.json["problems"] == ["clocks: no round has begun for more than two intervals"]


async def test_the_root_leads_to_the_page() -> None:
    async with site() as visitor:
        got = await visitor.get("/")
    assert (got.status, got.headers["Location"]) == (302, "/status")


async def test_the_page_shows_services_incidents_and_the_daemons_own_problems() -> None:
    async with site(facts=replace(FACTS, notes=("The store is lost at each deployment.",), dry_run=True)) as visitor:
        visitor.ledger.problem = "disk full"
        got = await visitor.get("/status")
    assert got.status == 200
    assert got.headers["Content-Type"] == "text/html; charset=utf-8"
    page = Page(got.text)
    for words in ("1 open", "260105-burn", "260104-past", "store: disk full", "at each deployment", "dry run", "down"):
        assert words in page.text
    assert page.title == "1 open · devops-daemon"


async def test_the_title_tells_of_no_incident_where_none_is_open() -> None:
    async with site() as visitor:
        visitor.ledger.incidents = [PAST]
        visitor.ledger.states = [a_state("backend"), a_state("frontend")]
        got = await visitor.get("/status")
    page = Page(got.text)
    assert page.title == "devops-daemon"
    assert "All is up" in page.text


async def test_a_service_that_flaps_was_measured() -> None:
    """It is degraded though each of its probes is up or down: it is so since the one that flaps last changed."""
    async with site() as visitor:
        visitor.ledger.states = [a_state("backend", Status.UP, flapping=True), a_state("frontend")]
        data = (await visitor.get("/status.json")).json["services"][0]
        page = Page((await visitor.get("/status")).text)
    assert (data["status"], data["flapping"], data["since"]) == ("degraded", True, "2026-01-05T12:00:00.000Z")
    assert "degraded, flapping" in page.text
    assert "not measured yet" not in page.text


async def test_signals_are_shown_with_their_service_how_they_stand_and_how_they_are_measured() -> None:
    too_high, unknown = ProbeKey("backend", "error rate"), ProbeKey("backend", "memory")
    async with site() as visitor:
        visitor.ledger.signals = [
            Signal(too_high, Severity.SEV1, at(0), at(0), "12.0% of 1,340 requests answered with a 5xx", at(60)),
            Signal(unknown),
        ]
        page = Page((await visitor.get("/status")).text)
        data = (await visitor.get("/status.json")).json["signals"]
        metrics = (await visitor.get("/metrics")).text
    for words in ("error rate signal SEV1", "12.0% of 1,340 requests", "too high since", "memory signal unknown"):
        assert words in " ".join(page.text.split())
    assert [(each["name"], each["severity"], each["since"]) for each in data] == [
        ("error rate", "SEV1", "2026-01-05T12:00:00.000Z"),
        ("memory", None, None),
    ]
    shown = {
        (sample.labels["service"], sample.labels["signal"], sample.labels["severity"]): sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "devops_daemon_signal_too_high"
    }
    assert shown == {("backend", "error rate", each): float(each == "SEV1") for each in ("SEV1", "SEV2", "SEV3")}


async def test_the_same_as_data_has_the_fields_of_the_contract() -> None:
    async with site() as visitor:
        got = await visitor.get("/status.json")
    assert got.headers["Content-Type"].startswith("application/json")
    assert set(got.json) == {
        "version", "now", "dry_run", "paused", "services", "incidents", "pull_requests", "inbox", "punctuality",
        "integrations", "feedback", "audit", "platform", "objectives", "signals", "quiet",
    }  # fmt: skip
    assert got.json["now"] == "2026-01-05T12:01:00.000Z"
    assert [service["status"] for service in got.json["services"]] == ["down", "up"]
    assert [incident["id"] for incident in got.json["incidents"]] == ["260105-burn", "260104-past"]


async def test_an_incident_is_a_page_with_its_timeline() -> None:
    async with site() as visitor:
        got = await visitor.get("/incidents/260105-burn", Accept="text/html,*/*")
    page = Page(got.text)
    assert page.title == "backend is down · 260105-burn"
    assert "SEV1: backend is down: connection refused" in page.text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("text/html, application/json", "text/html"),
        ("*/*", "text/html"),
    ],
)
async def test_an_incident_is_data_where_data_is_asked_for(accept: str, kind: str) -> None:
    async with site() as visitor:
        got = await visitor.get("/incidents/260105-burn", Accept=accept)
    assert got.headers["Content-Type"].startswith(kind)
    if kind == "application/json":
        assert got.json["timeline"] == [
            {"at": "2026-01-05T12:00:10.000Z", "kind": "opened", "text": "SEV1: backend is down: connection refused"}
        ]


NOWHERE = [
    "/incidents/none", "/incidents/", "/incidents/a/b", "/incidents/%00", "/incidents/%FF", "/incidents/..%2Fstatus",
    "/incidents/%3Cscript%3Ealert(1)%3C%2Fscript%3E", f"/incidents/{'x' * 3000}", "/nowhere", "/.env", "/status/",
]  # fmt: skip


async def test_what_is_not_there_is_not_found_and_not_repeated() -> None:
    async with site() as visitor:
        got = {path: await visitor.get(path) for path in NOWHERE}
    assert {path: answer.status for path, answer in got.items()} == dict.fromkeys(NOWHERE, 404)
    assert {answer.headers["Content-Type"] for answer in got.values()} == {"text/plain; charset=utf-8"}
    assert not any("script" in answer.text for answer in got.values())


async def test_metrics_are_what_prometheus_reads() -> None:
    async with site() as visitor:
        got = await visitor.get("/metrics")
    assert got.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(got.text)
        for sample in family.samples
    }
    assert all(name.startswith("devops_daemon_") for name, *_ in samples)
    assert samples["devops_daemon_ready",] == 1
    assert samples["devops_daemon_rounds_due",] == 288
    assert samples["devops_daemon_objective_target", "detection"] == 300
    assert samples["devops_daemon_objective_worst", "detection", "7d"] == 10
    assert samples["devops_daemon_objective_met_ratio", "detection", "30d"] == 1
    assert ("devops_daemon_objective_worst", "diagnostic", "7d") not in samples, "there is no data"
    assert samples["devops_daemon_round_lateness_seconds_max",] == 1.5
    assert samples["devops_daemon_probe_status", "backend", "backend", "down"] == 1
    assert samples["devops_daemon_probe_status", "backend", "backend", "up"] == 0
    assert samples["devops_daemon_probe_latency_seconds", "backend", "backend"] == 0.12
    assert samples["devops_daemon_service_status", "frontend", "up"] == 1
    assert samples["devops_daemon_incidents_open", "SEV1"] == 1


async def test_metrics_tell_that_the_daemon_is_not_ready() -> None:
    async with site() as visitor:
        visitor.ledger.problem = "disk full"
        got = await visitor.get("/metrics")
    assert "devops_daemon_ready 0.0" in got.text


async def test_head_answers_as_get_does_without_a_body() -> None:
    async with site() as visitor:
        for path in PAGES + OPEN:
            head, got = await visitor.ask("HEAD", path), await visitor.get(path)
            assert (head.status, head.text) == (got.status, "")
            assert head.headers["Content-Type"] == got.headers["Content-Type"]


async def test_no_page_takes_another_method() -> None:
    async with site() as visitor:
        asked = [(method, path) for method in ("POST", "PUT", "PATCH", "DELETE") for path in PAGES + OPEN]
        statuses = {one: (await visitor.ask(*one)).status for one in asked}
    assert statuses == dict.fromkeys(asked, 405)


# --- the store is away


@pytest.mark.parametrize("path", ["/status", "/incidents/260105-burn"])
async def test_without_the_store_a_page_says_so(path: str) -> None:
    async with site() as visitor:
        visitor.ledger.error = UnavailableError("the store cannot be read: disk full")
        got = await visitor.get(path)
    assert got.status == 503
    assert got.headers["Content-Type"].startswith("text/html")
    assert "the store cannot be read: disk full" in Page(got.text).text


@pytest.mark.parametrize(("path", "accept"), [("/status.json", "*/*"), ("/incidents/x", "application/json")])
async def test_without_the_store_data_says_so_as_data(path: str, accept: str) -> None:
    async with site() as visitor:
        visitor.ledger.error = UnavailableError("the store cannot be read: disk full")
        got = await visitor.get(path, Accept=accept)
    assert (got.status, got.json) == (503, {"error": "the store cannot be read: disk full"})


async def test_without_the_store_there_are_no_metrics() -> None:
    async with site() as visitor:
        visitor.ledger.error = UnavailableError("the store cannot be read")
        assert (await visitor.get("/metrics")).status == 503


async def test_a_fault_of_ours_is_answered_in_one_line_that_tells_nothing() -> None:
    async with site() as visitor:
        visitor.ledger.error = RuntimeError("password=hunter2hunter2")
        got = await visitor.get("/status")
    assert got.status == 500
    assert "hunter2" not in got.text
    assert "Traceback" not in got.text


# --- who may see


def basic(password: str, user: str = "anyone") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


SET = Tokens(viewer=VIEWER, operator=OPERATOR)


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {VIEWER}", f"bearer {VIEWER}", f"Bearer {OPERATOR}",
        basic(VIEWER), basic(OPERATOR, "ünï"), basic(VIEWER, ""),
    ],
)  # fmt: skip
async def test_a_token_opens_the_pages(authorization: str) -> None:
    async with site(SET) as visitor:
        statuses = {path: (await visitor.get(path, Authorization=authorization)).status for path in PAGES}
    assert statuses == dict.fromkeys(PAGES, 200) | {"/": 302}


@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {VIEWER}x", f"Bearer {VIEWER[:-1]}", VIEWER,
        f"Token {VIEWER}",
        "Basic", "Basic !!!", basic(""), basic("wrong"), "Basic " + base64.b64encode(VIEWER.encode()).decode(),
        "Basic ÿþ", "Bearer ÿþ",
    ],
)  # fmt: skip
async def test_whatever_is_no_token_is_asked_for_one(authorization: str | None) -> None:
    async with site(SET) as visitor:
        for path in PAGES:
            headers = {} if authorization is None else {"Authorization": authorization}
            got = await visitor.get(path, **headers)
            assert got.status == 401
            assert got.headers["WWW-Authenticate"].startswith('Basic realm="devops-daemon"')
            assert "backend" not in got.text


@pytest.mark.parametrize("scheme", [b"Bearer", b"Basic"])
async def test_bytes_that_are_no_text_are_no_token(scheme: bytes) -> None:
    async with site(SET) as visitor:
        request = b"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: %s \xff\xfe\r\n\r\n"
        said = await visitor.say(request % scheme)
    assert said.startswith(b"HTTP/1.1 401 ")


async def test_a_token_in_the_address_opens_nothing() -> None:
    async with site(SET) as visitor:
        assert (await visitor.get(f"/status?token={VIEWER}&access_token={VIEWER}")).status == 401


@pytest.mark.parametrize("tokens", [Tokens(viewer=VIEWER), Tokens(operator=OPERATOR)])
async def test_where_one_token_is_set_this_machine_needs_it_too(tokens: Tokens) -> None:
    async with site(tokens) as visitor:
        assert (await visitor.get("/status")).status == 401


@pytest.mark.parametrize("path", OPEN)
async def test_the_health_routes_are_open_to_all(path: str) -> None:
    async with site(SET) as visitor:
        assert (await visitor.get(path, Host="anything.example")).status == 200


@pytest.mark.parametrize("path", ["/healthz/", "/healthz/../status", "//healthz", "/HEALTHZ", "/readyz/x"])
async def test_what_only_looks_like_a_health_route_is_not_open(path: str) -> None:
    async with site(SET) as visitor:
        said = await visitor.say(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert said.split()[1] in {b"401", b"404"}
    assert b"backend" not in said


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:99", "127.0.0.2:8080", "[::1]:8080", "[::1]"])
async def test_without_tokens_this_machine_sees_the_pages(host: str) -> None:
    async with site() as visitor:
        assert (await visitor.get("/status", Host=host)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "devops.example", "127.0.0.1.example", "localhost.example", "192.0.2.7", "[2001:db8::1]", "0", "0.1.2.3",
        "127.0.0.1:80:80", "example:127.0.0.1",
    ],
)  # fmt: skip
async def test_without_tokens_no_other_name_sees_the_pages(host: str) -> None:
    """A page elsewhere can have its own name resolve to 127.0.0.1, but cannot make the browser send another `Host`."""
    async with site() as visitor:
        for path in PAGES:
            said = await visitor.say(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            assert said.split()[1] in {b"403", b"400"}
            assert b"260105-burn" not in said


async def test_without_tokens_a_name_in_the_request_line_counts_as_the_host() -> None:
    async with site() as visitor:
        said = await visitor.say(
            b"GET http://evil.example/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        )
    assert said.startswith(b"HTTP/1.1 403 ")


def own_address() -> str:
    """An address of this machine that is not loopback; skips where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probing:
        try:
            probing.connect(("192.0.2.99", 9))  # sends nothing: it only asks which way that would go
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address: str = probing.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    return address


async def test_without_tokens_another_machine_is_refused_whatever_it_says() -> None:
    address = own_address()
    async with site(host=address) as visitor:
        got = await visitor.ask("GET", "/status", host=address, Host="localhost", X_Forwarded_For="127.0.0.1")
        assert got.status == 403
        assert "VIEWER_TOKEN" in got.text
        assert (await visitor.ask("GET", "/healthz", host=address)).status == 200


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no sockets for IPv4 and IPv6 at once")
async def test_an_ipv4_address_within_ipv6_is_this_machines_too() -> None:
    async with site(host="::") as visitor:
        assert (await visitor.get("/status")).status == 200
        assert (await visitor.ask("GET", "/status", host="[::1]")).status == 200


# --- what goes with every answer


WANTED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
}
ANSWERS = [
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/status", 200),
    ("GET", "/status.json", 200),
    ("GET", "/incidents/260105-burn", 200),
    ("GET", "/audit", 200),
    ("GET", "/metrics", 200),
    ("HEAD", "/status", 200),
    ("GET", "/", 302),
    ("GET", "/incidents/none", 404),
    ("GET", "/nowhere", 404),
    ("POST", "/status", 405),
]


def careful(got: Got) -> dict[str, str | None]:
    return {name: got.headers.get(name) for name in WANTED}


async def test_every_answer_tells_the_browser_to_be_careful() -> None:
    async with site() as visitor:
        got = {(method, path): await visitor.ask(method, path) for method, path, _ in ANSWERS}
    assert {(*asked, answer.status) for asked, answer in got.items()} == set(ANSWERS)
    assert {asked: careful(answer) for asked, answer in got.items()} == dict.fromkeys(got, WANTED)


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
async def test_every_answer_forbids_scripts_and_whatever_comes_from_elsewhere(
    method: str, path: str, status: int
) -> None:
    async with site() as visitor:
        got = await visitor.ask(method, path)
    assert got.status == status
    assert_policy(got)


def assert_policy(got: Got) -> None:
    policy = got.headers.get("Content-Security-Policy", "none at all")
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    assert rules.get("default-src") == "'none'", policy
    assert "script-src" not in rules
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in policy


async def test_a_refusal_is_as_careful_as_a_page() -> None:
    async with site(SET) as visitor:
        asked = await visitor.get("/status")
    async with site() as visitor:
        closed = await visitor.get("/status", Host="devops.example")
    assert (asked.status, closed.status) == (401, 403)
    for got in (asked, closed):
        assert careful(got) == WANTED
        assert_policy(got)


async def test_an_answer_that_the_store_is_away_is_as_careful_as_a_page() -> None:
    async with site() as visitor:
        visitor.ledger.error = UnavailableError("disk full")
        for path in ("/status", "/status.json", "/metrics"):
            got = await visitor.get(path)
            assert (got.status, careful(got)) == (503, WANTED)
            assert_policy(got)


async def test_a_fault_of_ours_is_as_careful_as_a_page() -> None:
    async with site() as visitor:
        visitor.ledger.error = RuntimeError("a bug")
        got = await visitor.get("/status")
    assert (got.status, careful(got)) == (500, WANTED)
    assert_policy(got)


async def test_the_style_of_a_page_is_the_one_that_its_policy_lets_in() -> None:
    async with site() as visitor:
        visitor.ledger.error = UnavailableError("disk full")
        away = await visitor.get("/status")
        visitor.ledger.error = None
        pages = [away, await visitor.get("/status"), await visitor.get("/incidents/260105-burn")]
    for got in pages:
        assert Page(got.text).style_hashes == [hash_in(got.headers["Content-Security-Policy"])]


def hash_in(policy: str) -> str:
    return policy.partition("'sha256-")[2].partition("'")[0]


# --- hostile words


class Page(HTMLParser):
    """A page as a browser reads it: its text, its tags with the names of their attributes, its styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[tuple[str, ...]] = set()
        self.links: list[str] = []
        self.styles: list[str] = []
        self.title = ""
        self.text = ""
        self._inside: list[str] = []
        self.feed(html)
        self.close()

    @property
    def style_hashes(self) -> list[str]:
        return [base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in self.styles]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add((tag, *sorted(name for name, _ in attrs)))
        self.links += [value for name, value in attrs if name == "href" and value]
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        match self._inside[-1:]:
            case ["style"]:
                self.styles.append(data)
            case ["title"] if "svg" not in self._inside:
                self.title += data
            case _:
                self.text += data


HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "{{7*7}}{% include 'x' %}${7*7}",
    "&lt;b&gt; &amp;",
    "javascript:alert(1)",
    "\u202etxt.exe\u0000\x1b[31m",
]


def tampered(words: str) -> tuple[Facts, LedgerInMemory]:
    """Facts and a ledger into which a stranger wrote wherever there is room."""
    ledger = LedgerInMemory()
    named = ProbeKey("backend", words)
    ledger.states = [
        replace(a_state("backend", Status.DOWN), detail=words),
        ProbeState(named, settled=Status.DOWN, detail=words, since=at(0), checked_at=at(0)),
    ]
    ledger.incidents = [
        replace(an_incident(replace(a_member(), key=named), named="260105-burn"), title=words),
        replace(an_incident(named="260104-past", status=IncidentStatus.RESOLVED, resolved_at=at(50)), title=words),
    ]
    ledger.timeline = [TimelineEvent(at(10), EventKind.OPENED, words)]
    ledger.problem = words
    probes = (a_probe("backend"), replace(a_probe("backend"), key=named), a_probe("backend/off", off=words))
    another = a_service(words, probes=[replace(a_probe("backend"), key=ProbeKey(words, words))])
    facts = replace(
        FACTS,
        version=words,
        watchlist=a_watchlist(a_service("backend", probes=probes), another),
        integrations={words: words},
        notes=(words,),
    )
    return facts, ledger


@pytest.mark.parametrize("words", HOSTILE)
async def test_words_of_strangers_stay_words(words: str) -> None:
    pages = ("/status", "/incidents/260105-burn")
    shown = {}
    for said in ("plain", words):
        facts, ledger = tampered(said)
        async with site(facts=facts, store=ledger) as visitor:
            shown[said] = [Page((await visitor.get(path)).text) for path in pages]
    for page, harmless in zip(shown[words], shown["plain"], strict=True):
        assert page.tags == harmless.tags
        assert page.links == harmless.links
        assert page.text.count(words) == harmless.text.count("plain") > 0


@pytest.mark.parametrize("words", HOSTILE)
async def test_words_of_strangers_do_no_harm_to_data(words: str) -> None:
    facts, ledger = tampered(words)
    async with site(facts=facts, store=ledger) as visitor:
        data = (await visitor.get("/status.json")).json
        metrics = await visitor.get("/metrics")
    assert data["services"][0]["probes"][1]["name"] == words
    assert data["incidents"][0]["title"] == words
    labels = {sample.labels.get("probe") for f in text_string_to_metric_families(metrics.text) for sample in f.samples}
    assert words in labels


async def test_a_store_that_is_away_is_told_of_in_words_too() -> None:
    async with site() as visitor:
        visitor.ledger.error = UnavailableError("<script>alert(1)</script>")
        got = await visitor.get("/status")
    assert "<script>" not in got.text
    assert "<script>alert(1)</script>" in Page(got.text).text


# --- with a real store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "devops-daemon.db")
    await database.open()
    yield database
    await database.close()


async def test_every_route_answers_from_a_new_store(store: SqliteDatabase) -> None:
    async with site(store=HistoryRows(store, INTERVAL), now=datetime.now(UTC)) as visitor:
        for path in ("/status", "/status.json", "/metrics", "/readyz"):
            assert (await visitor.get(path)).status == 200
        assert (await visitor.get("/incidents/none")).status == 404


async def test_an_incident_of_the_store_is_on_the_page_and_has_its_own(store: SqliteDatabase) -> None:
    await IncidentRows(store).save(INCIDENT, TIMELINE)
    async with site(store=HistoryRows(store, INTERVAL)) as visitor:
        page = Page((await visitor.get("/status")).text)
        assert "/incidents/260105-burn" in page.links
        got = await visitor.get("/incidents/260105-burn", Accept="application/json")
    assert got.json["failed_probes"] == ["backend", "frontend"]
    assert [event["kind"] for event in got.json["timeline"]] == ["opened"]


async def test_a_store_that_was_closed_is_an_answer_and_no_fault(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "devops-daemon.db")
    await database.open()
    async with site(store=HistoryRows(database, INTERVAL)) as visitor:
        await database.close()
        assert (await visitor.get("/status")).status == 503
        assert (await visitor.get("/healthz")).status == 200


# --- the port


async def test_a_port_that_is_taken_cannot_be_listened_on() -> None:
    async with site() as visitor:
        with pytest.raises(OSError, match="in use"):
            listening_socket(LOOPBACK, visitor.port)


async def test_a_server_that_was_stopped_answers_no_more() -> None:
    async with site() as visitor:
        port = visitor.port
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(LOOPBACK, port)


async def test_while_the_store_fails_the_pages_show_what_was_seen_last() -> None:
    seen = {key("backend"): a_state("backend", Status.DOWN), key("frontend"): a_state("frontend", Status.DOWN)}
    async with site(seen=seen) as visitor:
        visitor.ledger.states = [a_state("backend"), a_state("frontend")]
        before = (await visitor.get("/status.json")).json["services"]
        visitor.ledger.problem = "disk full"
        after = (await visitor.get("/status.json")).json["services"]
        page = (await visitor.get("/status")).text
    assert [service["status"] for service in before] == ["up", "up"]
    assert [service["status"] for service in after] == ["down", "down"]
    assert "All is up" not in page


# --- the audit


async def test_before_the_first_audit_its_page_says_when_one_is_taken() -> None:
    async with site() as visitor:
        assert "it is taken when its time comes" in (await visitor.get("/audit")).text
        assert (await visitor.get("/audit", Accept="application/json")).json == {"audit": None}


def an_audit(words: str) -> Audit:
    remarks = (
        Remark("watched", "backend", Weight.OK, "is probed"),
        Remark("structured logs", "backend", Weight.GAP, f"2% {words}", "write JSON", (words,)),
        Remark("secrets in logs", "backend", Weight.CRITICAL, "3 lines", "do not log it"),
    )
    return Audit(at(0), at(60), remarks, issue=12, issue_url="https://x/12")


async def test_the_page_of_the_audit_shows_what_is_ill_first_with_its_cure() -> None:
    async with site() as visitor:
        visitor.ledger.audit = an_audit("plain")
        page = (await visitor.get("/audit")).text
        data = (await visitor.get("/audit", Accept="application/json")).json["audit"]
    places = [page.index(heading) for heading in ("<h2>Critical", "<h2>Gaps", "<h2>Well")]
    assert places == sorted(places)
    assert "\u2192 do not log it" in page
    assert 'href="https://x/12"' in page
    assert (data["critical"], data["gaps"], len(data["findings"])) == (1, 1, 3)


@pytest.mark.parametrize("words", HOSTILE)
async def test_what_strangers_wrote_into_logs_stays_words_on_the_page_of_the_audit(words: str) -> None:
    shown = {}
    for said in ("plain", words):
        async with site() as visitor:
            visitor.ledger.audit = an_audit(said)
            shown[said] = Page((await visitor.get("/audit")).text)
    assert shown[words].tags == shown["plain"].tags
    assert shown[words].links == shown["plain"].links
    assert shown[words].text.count(words) == shown["plain"].text.count("plain") > 0
