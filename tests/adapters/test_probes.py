"""The probes over real HTTP: what a product does becomes a result, and nothing worse."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from adapters.servers import (
    AGENT,
    PASSWORD,
    QUICK,
    USERNAME,
    Authority,
    PermitsInMemory,
    RawServer,
    Reply,
    Request,
    answer,
    canary,
    dead_port,
    document,
    look,
    probe,
    prober,
    routes,
    says,
    silence,
    utc_now,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devops_daemon.adapters.exchange import BODY_LIMIT, Exchange
from devops_daemon.adapters.probes import LONGEST_DETAIL, PROBES, HttpProber
from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.health import HealthRows
from devops_daemon.model import Check, HttpCheck, Outcome, Probe, ProbeKind, ReadinessCheck, Result
from devops_daemon.ports import Look
from devops_daemon.redaction import MASK, Redactor
from devops_daemon.sandbox.faults import FAULTS
from devops_daemon.sandbox.product import Product

TOKEN = "Zq7fW0pmBx4471LkVtR9"
AUTHORITY = Authority()
Found = tuple[Outcome, str]


def found(result: Result) -> Found:
    return result.outcome, result.detail


async def http(reply: bytes | Reply, **wanted: Any) -> Result:
    """Look at a server that replies so, with an `http` probe that wants this."""
    async with RawServer(says(reply) if isinstance(reply, bytes) else reply) as server:
        return await look(probe(HttpCheck(url=server.url, **wanted)))


async def readiness(reply: bytes, needs: str = "database") -> Result:
    async with RawServer(says(reply)) as server:
        return await look(probe(ReadinessCheck(url=f"{server.url}/health/ready", needs=needs)))


async def sign_in(replies: dict[str, bytes | Reply], permits: PermitsInMemory | None = None) -> Result:
    """Sign in at a backend that works, but for these routes."""
    async with RawServer(routes(BACKEND | replies)) as server:
        return await look(probe(canary(server.url)), permits=permits)


LOGIN, ME, REGISTER = "POST /api/auth/login", "GET /api/auth/me", "POST /api/auth/register"
BACKEND: dict[str, bytes | Reply] = {
    LOGIN: document({"access_token": TOKEN, "user": {"username": USERNAME}}),
    ME: document({"id": 1, "username": USERNAME}),
}


# --- any probe


def test_each_kind_of_probe_has_its_row() -> None:
    assert set(PROBES) == set(ProbeKind)


async def test_a_result_says_what_was_looked_at_when_and_how_long_it_took() -> None:
    before = utc_now()
    async with RawServer(says(answer(200, b"hi"))) as server:
        asked = probe(HttpCheck(url=server.url))
        result = await look(asked)
    assert result == Result(asked.key, result.at, Outcome.OK, "status 200", result.latency, answered=True)
    assert before <= result.at <= utc_now()
    assert result.latency is not None
    assert timedelta() < result.latency < asked.timeout


async def test_a_refused_connection_is_a_failure_without_an_answer() -> None:
    with dead_port() as port:
        result = await look(probe(HttpCheck(url=f"http://127.0.0.1:{port}/")))
    assert found(result) == (Outcome.FAILED, "connection refused")
    assert not result.answered
    assert result.latency is not None


@pytest.mark.parametrize("url", ["http://", "http://[::1", "nonsense", "http://127.0.0.1:99999/", "http://a b/"])
async def test_an_address_that_is_none_fails_and_breaks_nothing(url: str) -> None:
    result = await look(probe(HttpCheck(url=url)))
    assert result.outcome is Outcome.FAILED
    assert not result.answered


# --- http


@pytest.mark.parametrize(
    ("reply", "wanted", "expected"),
    [
        (answer(200), {}, (Outcome.OK, "status 200")),
        (answer(204), {"expect_status": frozenset({200, 204})}, (Outcome.OK, "status 204")),
        (answer(401), {"expect_status": frozenset({401})}, (Outcome.OK, "status 401")),
        (answer(500), {}, (Outcome.FAILED, "wrong status: 500, expected 200")),
        (
            answer(500),
            {"expect_status": frozenset({204, 200})},
            (Outcome.FAILED, "wrong status: 500, expected 200 or 204"),
        ),
        (
            answer(302, Location="https://login.example/"),
            {},
            (Outcome.FAILED, "wrong status: 302 (redirect to https://login.example/), expected 200"),
        ),
        (answer(200, b"a fine page"), {"contains": "fine"}, (Outcome.OK, "status 200")),
        (
            answer(200, b"under construction"),
            {"contains": "fine"},
            (Outcome.FAILED, "wrong body: no 'fine' in it: under construction"),
        ),
        (
            answer(200, b"caf\xe9", Content_Type="text/plain; charset=latin-1"),
            {"contains": "café"},
            (Outcome.OK, "status 200"),
        ),
        (
            answer(200, b"fine", Content_Type="text/plain; charset=nonsense"),
            {"contains": "fine"},
            (Outcome.OK, "status 200"),
        ),
        (answer(200, b" \r\n\t"), {"not_empty": True}, (Outcome.FAILED, "wrong body: empty")),
        (answer(200, b"."), {"not_empty": True}, (Outcome.OK, "status 200")),
        (answer(503, b"fine"), {"contains": "fine"}, (Outcome.FAILED, "wrong status: 503, expected 200")),
    ],
)
async def test_an_http_probe_compares_status_and_body(reply: bytes, wanted: dict[str, Any], expected: Found) -> None:
    result = await http(reply, **wanted)
    assert found(result) == expected
    assert result.answered


HEALTHY = ("status", ("healthy", "ok"))


@pytest.mark.parametrize(
    ("body", "fields", "expected"),
    [
        ({"status": "healthy"}, (HEALTHY,), (Outcome.OK, "status 200")),
        (
            {"status": "unhealthy"},
            (HEALTHY,),
            (Outcome.FAILED, "wrong body: status is 'unhealthy', expected healthy or ok"),
        ),
        ({"state": "ok"}, (HEALTHY,), (Outcome.FAILED, "wrong body: status is 'missing', expected healthy or ok")),
        ({"a": {"b": {"c": 1}}}, (("a.b.c", ("1",)),), (Outcome.OK, "status 200")),
        ({"a": {"b": 1}}, (("a.b.c", ("1",)),), (Outcome.FAILED, "wrong body: a.b.c is 'missing', expected 1")),
        ({"a": [{"b": 1}]}, (("a.b", ("1",)),), (Outcome.FAILED, "wrong body: a.b is 'missing', expected 1")),
        ({"up": True}, (("up", ("true",)),), (Outcome.OK, "status 200")),
        ({"up": False}, (("up", ("true",)),), (Outcome.FAILED, "wrong body: up is 'false', expected true")),
        ({"up": None}, (("up", ("true",)),), (Outcome.FAILED, "wrong body: up is 'missing', expected true")),
        ({"db": {"status": "ok"}}, (("db", ("ok",)),), (Outcome.OK, "status 200")),
        (
            {"status": "ok", "db": "lost"},
            (HEALTHY, ("db", ("ok",))),
            (Outcome.FAILED, "wrong body: db is 'lost', expected ok"),
        ),
        (["healthy"], (HEALTHY,), (Outcome.FAILED, "wrong body: status is 'missing', expected healthy or ok")),
        ("healthy", (HEALTHY,), (Outcome.FAILED, "wrong body: status is 'missing', expected healthy or ok")),
    ],
)
async def test_an_http_probe_compares_fields_of_json(body: object, fields: Any, expected: Found) -> None:
    assert found(await http(document(body), fields=fields)) == expected


@pytest.mark.parametrize(
    "body",
    [b"<<< not JSON >>>", b"", b'{"status": "hea', b"[" * 100_000, b'{"status":' * 90_000, b"\xff\xff"],
    ids=["words", "empty", "half", "brackets", "braces", "bytes"],
)
async def test_what_should_be_json_and_is_not_is_a_wrong_body(body: bytes) -> None:
    result = await http(answer(200, body), fields=(HEALTHY,))
    assert result.outcome is Outcome.FAILED
    assert result.detail.startswith("wrong body: not JSON")


@pytest.mark.parametrize("depth", [900, 1_000, 5_000, 90_000])
async def test_however_deep_a_field_lies_in_objects_it_is_only_a_wrong_body(depth: int) -> None:
    body = b'{"status":' * depth + b'"?"' + b"}" * depth
    result = await http(answer(200, body), fields=(HEALTHY,))
    assert result.outcome is Outcome.FAILED
    assert result.detail.startswith("wrong body: ")


@pytest.mark.parametrize("charset", ["idna", "punycode", "undefined", "hex", "rot13", "utf-7", "utf-16", "nonsense"])
async def test_whatever_charset_a_page_names_the_probe_gives_a_result(charset: str) -> None:
    reply = answer(200, b"caf\xe9", Content_Type=f"text/plain; charset={charset}")
    result = await http(reply, contains="fine")
    assert result.outcome is Outcome.FAILED
    assert result.detail.startswith("wrong body: no 'fine' in it")


async def test_more_body_than_the_limit_is_a_wrong_answer() -> None:
    result = await http(answer(200, b"x" * (BODY_LIMIT + 1)))
    assert found(result) == (Outcome.FAILED, "too much body: over 1024 KiB")
    assert result.answered


async def test_a_redirect_is_followed_where_the_probe_says_so() -> None:
    async with (
        RawServer(says(answer(200, b"the page"))) as other,
        RawServer(says(answer(301, Location=other.url))) as server,
    ):
        asked = HttpCheck(url=server.url, contains="the page", follow_redirects=True)
        assert found(await look(probe(asked))) == (Outcome.OK, "status 200")


async def test_a_method_is_used_as_it_is_given() -> None:
    async with RawServer(says(answer(200))) as server:
        await look(probe(HttpCheck(url=f"{server.url}/there?a=b", method="HEAD")))
        assert server.requests[0].route == "HEAD /there?a=b"


# --- time and certificates


async def test_what_passes_slowly_is_degraded() -> None:
    late = says(b"", answer(200), pause=0.35)
    async with RawServer(late) as server:
        result = await look(probe(HttpCheck(url=server.url), slow_after=timedelta(seconds=0.3)))
    assert result.outcome is Outcome.DEGRADED
    assert result.detail.startswith("slow: 0.")
    assert result.detail.endswith(" s, more than 0.3 s")


async def test_what_fails_slowly_has_failed() -> None:
    late = says(b"", answer(500), pause=0.15)
    async with RawServer(late) as server:
        result = await look(probe(HttpCheck(url=server.url), slow_after=timedelta(seconds=0.1)))
    assert found(result) == (Outcome.FAILED, "wrong status: 500, expected 200")


async def test_a_probe_has_its_timeout_for_everything_it_asks_however_it_trickles() -> None:
    trickle = says(*(bytes([byte]) for byte in BACKEND[LOGIN]), pause=0.05)  # type: ignore[union-attr]
    async with RawServer(routes(BACKEND | {LOGIN: trickle})) as server:
        start = time.monotonic()
        result = await look(probe(canary(server.url), timeout=QUICK))
        took = time.monotonic() - start
    assert result.outcome is Outcome.FAILED
    assert result.detail.startswith("timeout: ")
    assert QUICK.total_seconds() <= took < 4


async def test_requests_of_one_probe_share_its_timeout() -> None:
    async with RawServer(
        routes(
            {
                LOGIN: says(b"", document({"access_token": TOKEN}), pause=0.3),
                ME: says(b"", document({"username": USERNAME}), pause=0.3),
            }
        )
    ) as server:
        result = await look(probe(canary(server.url), timeout=QUICK))
    assert result.outcome is Outcome.FAILED
    assert result.detail.startswith("timeout: ")
    assert result.latency is not None
    assert result.latency >= QUICK


async def test_a_second_request_that_is_not_answered_is_told_as_such() -> None:
    async with RawServer(routes(BACKEND | {ME: silence})) as server:
        result = await look(probe(canary(server.url), timeout=QUICK))
    assert result.outcome is Outcome.FAILED
    assert result.detail.startswith("timeout: no answer within ")
    assert result.answered


@pytest.mark.parametrize(
    ("ends_in", "warned_at", "expected"),
    [
        (timedelta(days=60, hours=1), 14, (Outcome.OK, "status 200")),
        (timedelta(days=14, hours=1), 14, (Outcome.OK, "status 200")),
        (timedelta(days=9, hours=1), 14, (Outcome.DEGRADED, "certificate ends in 9 days")),
        (timedelta(hours=5), 14, (Outcome.DEGRADED, "certificate ends in 0 days")),
        (timedelta(days=9, hours=1), 7, (Outcome.OK, "status 200")),
    ],
)
async def test_a_certificate_that_ends_soon_degrades(ends_in: timedelta, warned_at: int, expected: Found) -> None:
    async with RawServer(says(answer(200)), tls=AUTHORITY.server(ends_in=ends_in)) as server:
        asked = probe(HttpCheck(url=server.url), certificate_days=warned_at)
        assert found(await look(asked, tls=AUTHORITY.client)) == expected


async def test_an_expired_certificate_is_a_failure_without_an_answer() -> None:
    async with RawServer(says(answer(200)), tls=AUTHORITY.server(ends_in=timedelta(hours=-1))) as server:
        result = await look(probe(HttpCheck(url=server.url)), tls=AUTHORITY.client)
    assert found(result) == (Outcome.FAILED, "TLS failure: certificate: certificate has expired")
    assert not result.answered


# --- readiness


def checks(status: str = "ready", /, **dependencies: object) -> dict[str, object]:
    return {"status": status, "checks": dependencies}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (document(checks(database="ok", redis="ok")), (Outcome.OK, "database ok, redis ok")),
        (document(checks(database="OK")), (Outcome.OK, "database OK")),
        (document(checks(database=True, redis=True)), (Outcome.OK, "database true, redis true")),
        (document(checks(database={"status": "up", "ms": 3})), (Outcome.OK, "database up")),
        (
            document(checks("degraded", database="ok", redis="error")),
            (Outcome.DEGRADED, "ready without all: redis error, database ok"),
        ),
        (
            document(checks("degraded", database="ok", redis={"status": "down"})),
            (Outcome.DEGRADED, "ready without all: redis down, database ok"),
        ),
        (document(checks(database="error")), (Outcome.FAILED, "not ready: database error (status 200)")),
        (document(checks(database=False)), (Outcome.FAILED, "not ready: database false (status 200)")),
        (document(checks(database={"ms": 3})), (Outcome.FAILED, "not ready: database ? (status 200)")),
        (document(checks(database=None)), (Outcome.FAILED, "not ready: database missing (status 200)")),
        (document(checks("degraded", database="ok"), 503), (Outcome.FAILED, "not ready: database ok (status 503)")),
        (
            document(checks("degraded", database="error: could not connect", redis="ok"), 503),
            (Outcome.FAILED, "not ready: database error: could not connect, redis ok (status 503)"),
        ),
        (answer(404), (Outcome.UNPROVEN, "no readiness route: status 404")),
        (answer(500), (Outcome.FAILED, "wrong status: 500, expected 200 or 503")),
        (
            document(checks(redis="ok")),
            (
                Outcome.FAILED,
                'wrong body: nothing about database in it: {"status": "ready", "checks": {"redis": "ok"}}',
            ),
        ),
        (
            document({"status": "ready"}),
            (Outcome.FAILED, 'wrong body: nothing about database in it: {"status": "ready"}'),
        ),
        (document(["ok"]), (Outcome.FAILED, 'wrong body: nothing about database in it: ["ok"]')),
        (
            document({"checks": ["database"]}),
            (Outcome.FAILED, 'wrong body: nothing about database in it: {"checks": ["database"]}'),
        ),
        (answer(200, b"OK"), (Outcome.FAILED, "wrong body: not JSON: OK")),
        (answer(503, b"<h1>503</h1>"), (Outcome.FAILED, "wrong body: not JSON: <h1>503</h1>")),
    ],
)
async def test_readiness_is_about_the_dependency_it_needs(reply: bytes, expected: Found) -> None:
    result = await readiness(reply)
    assert found(result) == expected
    assert result.answered


@pytest.mark.parametrize(
    "name",
    ["a\nb", "a\x1b[31mb", "a\ud800b", "a\u202eb", "n" * 5000],
    ids=["a new line", "a colour", "half a character", "writing backwards", "length"],
)
async def test_the_name_of_a_dependency_is_a_strangers_text_too(name: str) -> None:
    result = await readiness(document(checks(**{name: "ok", "database": "ok"})))
    assert result.outcome is Outcome.OK
    assert result.detail.isprintable()
    assert "database ok" in result.detail
    assert len(result.detail) <= LONGEST_DETAIL


async def test_what_a_stranger_says_can_be_kept(tmp_path: Path) -> None:
    """Half a character cannot be written by SQLite nor by PostgreSQL: a row that holds one blocks all that follow."""
    result = await readiness(document(checks(**{"\ud800": "\udfff", "database": "\ud800 ok"})))
    store = SqliteDatabase(tmp_path / "devops-daemon.db")
    await store.open()
    try:
        await HealthRows(store).keep([Look((result,), (), (), result.at)])
    finally:
        await store.close()


# --- sign-in


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with Product() as product:
        yield product


def register(product: Product, password: str = PASSWORD) -> None:
    product.database.register(USERNAME, "DevOps canary", password)


async def test_a_canary_that_exists_signs_in_and_is_not_registered(product: Product) -> None:
    register(product)
    result = await look(probe(canary(product.backend_url)), permits=PermitsInMemory())
    assert found(result) == (Outcome.OK, f"signed in as {USERNAME}")
    assert product.calls == {LOGIN: 1, ME: 1}


async def test_a_canary_that_does_not_exist_is_registered_and_signs_in(product: Product) -> None:
    result = await look(probe(canary(product.backend_url)), permits=PermitsInMemory())
    assert found(result) == (Outcome.OK, f"signed in as {USERNAME}")
    assert product.calls == {LOGIN: 2, REGISTER: 1, ME: 1}
    assert product.database.users[USERNAME].display_name == "DevOps canary"


async def test_the_canary_is_registered_once_in_the_daemons_life_whatever_restarts(product: Product) -> None:
    permits = PermitsInMemory()
    assert (await look(probe(canary(product.backend_url)), permits=permits)).outcome is Outcome.OK
    product.database.users.clear()
    product.database.sessions.clear()
    for _ in range(3):
        again = await look(probe(canary(product.backend_url)), permits=permits)
        assert (again.outcome, again.detail.endswith("its account is gone, or could not be made")) == (
            Outcome.UNPROVEN,
            True,
        )
    assert product.calls[REGISTER] == 1


async def test_a_registration_that_gets_no_answer_is_tried_again_and_not_for_ever() -> None:
    replies: dict[str, bytes | Reply] = {LOGIN: answer(401), REGISTER: silence}
    permits = PermitsInMemory()
    async with RawServer(routes(replies)) as server:
        asked = probe(canary(server.url), timeout=QUICK)
        for _ in range(3):
            lost = await look(asked, permits=permits)
            assert lost.outcome is Outcome.FAILED
            assert lost.detail.startswith("timeout: ")
        assert (await look(asked, permits=permits)).outcome is Outcome.UNPROVEN
        assert [request.route for request in server.requests].count(REGISTER) == 3


@pytest.mark.parametrize("status", [400, 409, 429, 500, 503])
async def test_a_registration_that_was_answered_is_never_tried_again(status: int) -> None:
    replies: dict[str, bytes | Reply] = {LOGIN: answer(401), REGISTER: answer(status)}
    permits = PermitsInMemory()
    async with RawServer(routes(replies)) as server:
        for _ in range(3):
            result = await look(probe(canary(server.url), timeout=QUICK), permits=permits)
            assert result.outcome is Outcome.UNPROVEN
        assert [request.route for request in server.requests].count(REGISTER) == 1


async def test_a_registration_whose_request_was_lost_is_made_by_the_next_look() -> None:
    lost, made = True, False

    async def register_(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal lost, made
        if lost:
            lost = False
            writer.close()
            return
        made = True
        await says(answer(201))(request, writer)

    async def log_in(request: Request, writer: asyncio.StreamWriter) -> None:
        await says(document({"access_token": "t"}) if made else answer(401))(request, writer)

    me = document({"username": USERNAME})
    permits = PermitsInMemory()
    async with RawServer(routes({LOGIN: log_in, REGISTER: register_, "GET /api/auth/me": me})) as server:
        asked = probe(canary(server.url), timeout=QUICK)
        assert (await look(asked, permits=permits)).outcome is Outcome.FAILED
        assert (await look(asked, permits=permits)).outcome is Outcome.OK


async def test_a_canary_that_exists_is_not_registered_when_its_account_is_lost(product: Product) -> None:
    register(product)
    permits = PermitsInMemory()
    assert (await look(probe(canary(product.backend_url)), permits=permits)).outcome is Outcome.OK
    product.database.users.clear()
    product.database.sessions.clear()
    assert (await look(probe(canary(product.backend_url)), permits=permits)).outcome is Outcome.UNPROVEN
    assert product.calls[REGISTER] == 0


async def test_a_dry_run_registers_nobody(product: Product) -> None:
    result = await look(probe(canary(product.backend_url)), permits=None)
    assert (result.outcome, result.detail.endswith("nobody is registered here")) == (Outcome.UNPROVEN, True)
    assert product.calls == {LOGIN: 1}


async def test_while_the_store_cannot_be_used_nobody_is_registered_and_nothing_is_said(product: Product) -> None:
    result = await look(probe(canary(product.backend_url)), permits=PermitsInMemory(broken=True))
    assert found(result) == (Outcome.UNKNOWN, "the store cannot be used: disk full")
    assert product.calls == {LOGIN: 1}


async def test_a_wrong_password_is_unproven_and_registers_over_nobody(product: Product) -> None:
    register(product, "another password")
    permits = PermitsInMemory()
    for why in ("Its registration was refused: status 409", "or its account is gone, or could not be made"):
        result = await look(probe(canary(product.backend_url)), permits=permits)
        assert found(result) == (
            Outcome.UNPROVEN,
            f"{USERNAME} may not sign in: status 401; wrong password? {why}",
        )
    assert product.calls[REGISTER] == 1
    assert product.database.users[USERNAME].password == "another password"


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({LOGIN: answer(500)}, (Outcome.FAILED, "wrong status: 500 from sign-in, expected 200")),
        ({LOGIN: answer(503)}, (Outcome.FAILED, "wrong status: 503 from sign-in, expected 200")),
        ({LOGIN: answer(429)}, (Outcome.UNKNOWN, "sign-in is rate-limited: status 429")),
        ({LOGIN: answer(404)}, (Outcome.UNPROVEN, "no sign-in route: status 404")),
        (
            {LOGIN: answer(401)},
            (
                Outcome.UNPROVEN,
                f"{USERNAME} may not sign in: status 401; wrong password? Its registration was refused: status 404",
            ),
        ),
        (
            {LOGIN: answer(401), REGISTER: answer(201)},
            (Outcome.FAILED, "wrong status: 401 from sign-in, expected 200"),
        ),
        ({LOGIN: answer(200, b"welcome")}, (Outcome.FAILED, "wrong body: not JSON: welcome")),
        ({LOGIN: document({})}, (Outcome.FAILED, "wrong body: sign-in gave no access_token")),
        ({LOGIN: document({"access_token": ""})}, (Outcome.FAILED, "wrong body: sign-in gave no access_token")),
        ({LOGIN: document({"access_token": 7})}, (Outcome.FAILED, "wrong body: sign-in gave no access_token")),
        (
            {LOGIN: document({"access_token": "a\r\nX-Evil: 1"})},
            (Outcome.FAILED, "wrong body: sign-in gave no access_token"),
        ),
        ({ME: answer(401)}, (Outcome.FAILED, "wrong status: 401 from /api/auth/me, expected 200")),
        ({ME: answer(500)}, (Outcome.FAILED, "wrong status: 500 from /api/auth/me, expected 200")),
        ({ME: document({"user": {"username": USERNAME}})}, (Outcome.OK, f"signed in as {USERNAME}")),
        (
            {ME: document({"username": "somebody-else"})},
            (Outcome.FAILED, f"wrong body: signed in as {USERNAME}, but the backend says 'somebody-else'"),
        ),
        (
            {ME: document([])},
            (Outcome.FAILED, f"wrong body: signed in as {USERNAME}, but the backend says 'missing'"),
        ),
    ],
)
async def test_each_way_of_signing_in_has_its_finding(replies: dict[str, bytes | Reply], expected: Found) -> None:
    result = await sign_in(replies, PermitsInMemory())
    assert found(result) == expected
    assert result.answered


async def test_the_canary_shows_its_token_as_a_bearer_and_its_password_in_the_body_only() -> None:
    async with RawServer(routes(BACKEND)) as server:
        await look(probe(canary(server.url)))
        login, me = server.requests
    assert json.loads(login.body) == {"username": USERNAME, "password": PASSWORD}
    assert me.headers["authorization"] == f"Bearer {TOKEN}"
    assert PASSWORD not in str((login.target, login.headers, me))


@pytest.mark.parametrize("status", [302, 307, 308])
async def test_the_canarys_password_and_token_go_to_nobody_else(status: int) -> None:
    async with RawServer(routes(BACKEND)) as other:
        away = answer(status, Location=f"{other.url}/api/auth/login")
        at_login = await sign_in({LOGIN: away})
        at_register = await sign_in({LOGIN: answer(401), REGISTER: away}, PermitsInMemory())
        at_me = await sign_in({ME: away})
        assert other.connections == 0
        assert at_login.detail.startswith(f"wrong status: {status} (redirect to {other.url}/")
    outcomes = (at_login.outcome, at_register.outcome, at_me.outcome)
    assert outcomes == (Outcome.FAILED, Outcome.UNPROVEN, Outcome.FAILED)


# --- secrets


def pieces(secret: str, size: int = 6) -> set[str]:
    return {secret[start : start + size] for start in range(len(secret) - size + 1)}


def shown_of(secret: str, text: str) -> set[str]:
    """The pieces of a secret that stand in a text: half a password is a password half guessed."""
    return {piece for piece in pieces(secret) if piece in text}


@pytest.mark.parametrize(
    "replies",
    [
        {LOGIN: answer(500, PASSWORD.encode())},
        {LOGIN: answer(200, f"no: {PASSWORD}".encode())},
        {LOGIN: document({"detail": PASSWORD}, 422)},
        {LOGIN: answer(302, Location=f"https://elsewhere.example/?p={PASSWORD}")},
        {ME: document({"username": PASSWORD})},
        {ME: answer(200, f"hello {PASSWORD}".encode())},
    ],
)
async def test_a_password_that_the_product_gives_back_is_masked(replies: dict[str, bytes | Reply]) -> None:
    result = await sign_in(replies)
    assert result.outcome is Outcome.FAILED
    assert not shown_of(PASSWORD, result.detail)


async def test_a_masked_password_leaves_its_mask() -> None:
    result = await sign_in({LOGIN: answer(200, f"no: {PASSWORD}".encode())})
    assert result.detail == f"wrong body: not JSON: no: {MASK}"


async def test_a_password_is_masked_wherever_a_snippet_ends() -> None:
    async def echo(request: Request, writer: asyncio.StreamWriter) -> None:
        before = request.target.count("/") * "."
        await says(answer(200, f"{before}{PASSWORD}{before}".encode()))(request, writer)

    async with RawServer(echo) as server, prober() as asking:
        results = [
            await asking.run(probe(HttpCheck(url=server.url + "/" * place, contains="fine"))) for place in range(1, 100)
        ]
    shown = [(place, result.detail) for place, result in enumerate(results, 1) if shown_of(PASSWORD, result.detail)]
    assert shown == []


@pytest.mark.parametrize(
    "password", ["two  spaces-in-it", "a\ttab-in-it-here", "a\"quote's-in-it", "ünïcödé-söméthing"]
)
async def test_a_password_is_masked_also_where_a_snippet_rewrites_it(password: str) -> None:
    async with (
        RawServer(says(answer(200, f"no: {password}".encode()))) as server,
        prober(secrets=[password]) as asking,
    ):
        result = await asking.run(probe(HttpCheck(url=server.url, contains="fine")))
    shown = " ".join(password.split())
    assert not shown_of(shown, result.detail)


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, f"no session: {TOKEN}".encode()),
        answer(302, Location=f"https://elsewhere.example/{TOKEN}"),
        document({"username": TOKEN}),
    ],
    ids=["in a page", "in a redirect", "as the user's name"],
)
async def test_a_token_that_the_product_gives_back_is_masked(reply: bytes) -> None:
    result = await sign_in({ME: reply})
    assert result.outcome is Outcome.FAILED
    assert not shown_of(TOKEN, result.detail)


async def longest_stall(done: asyncio.Event) -> float:
    """Measure how long the loop stood still at most, until something is done."""
    longest, step = 0.0, 0.01
    while not done.is_set():
        start = time.monotonic()
        await asyncio.sleep(step)
        longest = max(longest, time.monotonic() - start - step)
    return longest


@pytest.mark.parametrize("letters", ["a", "Ab1 %é\"'"], ids=["plain", "to be quoted"])
async def test_a_token_of_any_length_holds_up_nobody(letters: str) -> None:
    """Whatever is done with it, masking included: the health route has to answer in the meantime."""
    token = letters * (80_000 // len(letters))
    done = asyncio.Event()
    measuring = asyncio.create_task(longest_stall(done))
    result = await sign_in({LOGIN: document({"access_token": token})})
    done.set()
    assert result.outcome in {Outcome.OK, Outcome.FAILED}
    assert await measuring < 1


# --- references


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (says(answer(200)), True),
        (says(answer(404)), True),
        (says(answer(500)), True),
        (says(answer(302, Location="http://127.0.0.1:1/")), True),
        (says(answer(200, b"x", Content_Length=str(BODY_LIMIT * 2))), True),
        (says(answer(200, b"x", Content_Length="9"), hang_up=True), True),
        (says(b"SSH-2.0-OpenSSH\r\n", hang_up=True), False),
        (says(b"", hang_up=True), False),
    ],
)
async def test_a_reference_answers_if_it_gives_any_http_answer(reply: Reply, *, expected: bool) -> None:
    async with RawServer(reply) as server, prober() as asking:
        assert await asking.answers(server.url) is expected


async def test_a_reference_that_nobody_serves_does_not_answer() -> None:
    with dead_port() as port:
        async with prober() as asking:
            assert not await asking.answers(f"http://127.0.0.1:{port}/")
            assert not await asking.answers("http://[::1")


# --- every fault of the sandbox


_UNREAD = "wrong body: not JSON: <<< not JSON >>>"
FINDINGS: dict[str, tuple[str, Outcome, str]] = {
    "backend-crash": ("backend", Outcome.FAILED, "connection refused"),
    "backend-oom": ("backend", Outcome.FAILED, "connection refused"),
    "backend-corrupt": ("backend", Outcome.FAILED, "wrong status: 500, expected 200"),
    "backend-refused": ("backend", Outcome.FAILED, "connection refused"),
    "backend-slow": ("backend", Outcome.FAILED, "timeout: no answer within 0.5 s"),
    "backend-hang": ("backend", Outcome.FAILED, "timeout: no answer within 0.5 s"),
    "backend-reset": ("backend", Outcome.FAILED, "connection reset"),
    "backend-invalid-http": ("backend", Outcome.FAILED, "wrong answer: not HTTP ("),
    "backend-truncated": ("backend", Outcome.FAILED, "connection closed: the server hung up in the middle of the body"),
    "backend-drip": ("backend", Outcome.FAILED, "timeout: the body was not complete within 0.5 s"),
    "backend-huge": ("backend", Outcome.FAILED, "too much body: over 1024 KiB"),
    "backend-500": ("backend", Outcome.FAILED, "wrong status: 500, expected 200"),
    "backend-flapping": ("backend", Outcome.FAILED, "wrong status: 500, expected 200"),
    "backend-503": ("backend", Outcome.FAILED, "wrong status: 503, expected 200"),
    "backend-garbage": ("backend", Outcome.FAILED, _UNREAD),
    "backend-unhealthy": ("backend", Outcome.FAILED, "wrong body: status is 'unhealthy', expected healthy"),
    "backend-redirect": ("backend", Outcome.FAILED, "wrong status: 302 (redirect to http://127.0.0.1:"),
    "database-down": (
        "database",
        Outcome.FAILED,
        "not ready: database error: could not connect, redis ok (status 503)",
    ),
    "cache-down": ("database", Outcome.DEGRADED, "ready without all: redis error, database ok"),
    "auth-500": ("auth", Outcome.FAILED, "wrong status: 500 from sign-in, expected 200"),
    "auth-401": ("auth", Outcome.UNPROVEN, f"{USERNAME} may not sign in: status 401; wrong password?"),
    "auth-wrong-user": (
        "auth",
        Outcome.FAILED,
        f"wrong body: signed in as {USERNAME}, but the backend says 'somebody-else'",
    ),
    "sessions-piled": ("auth", Outcome.FAILED, "wrong status: 503 from sign-in, expected 200"),
    "frontend-refused": ("frontend", Outcome.FAILED, "connection refused"),
    "frontend-hang": ("frontend", Outcome.FAILED, "timeout: no answer within 0.5 s"),
    "frontend-500": ("frontend", Outcome.FAILED, "wrong status: 500, expected 200"),
    "frontend-blank": ("frontend", Outcome.FAILED, "wrong body: empty"),
}
"""For each fault the probe that is about it, and what it finds."""
UNSEEN = {"feedback-500", "feedback-slow"}
"""What no probe asks for: the signals beside the probes are about these."""
LATE = {name for name, (_, _, detail) in FINDINGS.items() if detail.startswith("timeout")}


def watched(name: str, product: Product, *, hurried: bool) -> Probe:
    probes: dict[str, Check] = {
        "backend": HttpCheck(url=f"{product.backend_url}/health", fields=(("status", ("healthy",)),)),
        "database": ReadinessCheck(url=f"{product.backend_url}/health/ready", needs="database"),
        "auth": canary(product.backend_url),
        "frontend": HttpCheck(url=f"{product.frontend_url}/", not_empty=True, follow_redirects=True),
    }
    return probe(probes[name], timeout=QUICK if hurried else timedelta(seconds=5))


def test_every_fault_of_the_sandbox_has_its_finding() -> None:
    assert set(FINDINGS) | UNSEEN == {fault.name for fault in FAULTS}


@pytest.mark.parametrize("fault", FINDINGS)
async def test_each_fault_of_the_product_is_found_and_so_is_its_end(fault: str, product: Product) -> None:
    name, outcome, detail = FINDINGS[fault]
    register(product)
    async with prober() as asking:
        assert (await asking.run(watched(name, product, hurried=False))).outcome is Outcome.OK
        await product.switch_on(fault)
        broken = await asking.run(watched(name, product, hurried=fault in LATE))
        assert broken.outcome is outcome
        assert broken.detail.startswith(detail)
        await product.mend()
        assert (await asking.run(watched(name, product, hurried=False))).outcome is Outcome.OK


async def test_a_product_that_answers_late_but_in_time_is_degraded() -> None:
    late = says(b"", document({"status": "healthy"}), pause=0.35)
    async with RawServer(late) as server:
        asked = probe(HttpCheck(url=server.url, fields=(HEALTHY,)), slow_after=timedelta(seconds=0.3))
        assert (await look(asked)).outcome is Outcome.DEGRADED


async def test_a_probe_that_is_cancelled_stops(product: Product) -> None:
    await product.switch_on("backend-hang")
    async with prober() as asking:
        task = asyncio.create_task(asking.run(probe(HttpCheck(url=product.backend_url))))
        while not product.calls:  # noqa: ASYNC110 - a server sets no event for its visitors
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# --- whatever a server sends


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=400),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=300), inside, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=300), json_values, max_size=3)
telling_json = st.one_of(
    json_values,
    st.builds(lambda status, rest: {"status": status, **rest}, json_values, objects),
    st.builds(lambda found: {"status": "ready", "checks": {"database": "ok", **found}}, objects),
    st.builds(lambda token, user: {"access_token": token, "username": user}, json_values, json_values),
)
bodies = st.one_of(st.binary(max_size=600), telling_json.map(lambda value: json.dumps(value).encode()))
charsets = st.sampled_from(["utf-8", "latin-1", "utf-16", "utf-7", "idna", "punycode", "undefined", "hex", "no-such"])
statuses = st.sampled_from([200, 200, 200, 200, 201, 204, 301, 302, 304, 401, 404, 429, 500, 503, 999])
header_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=100)


def whole(status: int, body: bytes, charset: str, location: str) -> bytes:
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\nLocation: {location}\r\n"
    return f"{head}Content-Type: text/html; charset={charset}\r\n\r\n".encode("latin-1") + body


answers = st.builds(whole, statuses, bodies, charsets, header_values)
cut = st.builds(lambda sent, at: sent[: at % (len(sent) + 1)], answers, st.integers(0, 10_000))
spoilt = st.builds(
    lambda sent, at, junk: sent[: at % (len(sent) + 1)] + junk + sent[at % (len(sent) + 1) :],
    answers,
    st.integers(0, 10_000),
    st.binary(min_size=1, max_size=8),
)
anything = st.one_of(answers, answers, cut, spoilt, st.binary(max_size=300))

ASKED: dict[ProbeKind, Any] = {
    ProbeKind.HTTP: lambda url: HttpCheck(
        url=url, contains="fine", expect_status=frozenset({200, 503}), follow_redirects=True
    ),
    ProbeKind.READINESS: lambda url: ReadinessCheck(url=url, needs="database"),
    ProbeKind.SIGN_IN: canary,
}


class Bench:
    """One server and one prober in a loop of their own, for many examples."""

    def __init__(self, runner: asyncio.Runner, kind: ProbeKind) -> None:
        self._runner = runner
        self._kind = kind
        self._server = RawServer(says(b""))
        self._exchange = Exchange(AGENT)

    def __enter__(self) -> Self:
        self._runner.run(self._server.__aenter__())
        self._runner.run(self._exchange.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._exchange.__aexit__(None, None, None))
        self._runner.run(self._server.__aexit__(None, None, None))

    def look(self, sent: bytes) -> Result:
        self._server.reply = says(sent, hang_up=True)
        asking = HttpProber(self._exchange, Redactor([PASSWORD]), utc_now, PermitsInMemory())
        return self._runner.run(asking.run(probe(ASKED[self._kind](self._server.url))))


@pytest.mark.parametrize("kind", ProbeKind)
def test_whatever_bytes_a_server_sends_a_probe_gives_a_result_of_one_line(kind: ProbeKind) -> None:
    with asyncio.Runner() as runner, Bench(runner, kind) as bench:

        @settings(
            max_examples=120,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(anything)
        def holds(sent: bytes) -> None:
            result = bench.look(sent)
            assert result.detail.isprintable()
            assert 0 < len(result.detail) <= LONGEST_DETAIL

        holds()
