"""The sandbox's product: what it keeps, how it breaks, and that it mends."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from urllib.parse import urlsplit

import aiohttp
import pytest

from devops_daemon.sandbox.answers import HUGE
from devops_daemon.sandbox.database import PILE
from devops_daemon.sandbox.faults import FAULTS, Fault, Mend, Server, find
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.visits import Served

NAMES = [fault.name for fault in FAULTS]
CANARY = {"username": "canary", "display_name": "Canary", "password": "right"}
RIGHT = {"username": "canary", "password": "right"}
DEVOPS = {"X-DevOps-Secret": "sandbox-devops-secret"}
FEEDBACK = {"X-Feedback-Secret": "sandbox-feedback-secret"}
BACKEND_PAGES = ("health", "ready", "version", "nowhere", "me", "sign-in", "wrong sign-in", "feedback")
STRUCK = {
    "database-down": {"ready", "me", "sign-in", "wrong sign-in", "feedback"},
    "cache-down": {"ready"},
    "backend-flapping": {"health", "ready"},
    "auth-500": {"me", "sign-in", "wrong sign-in"},
    "auth-401": {"sign-in"},
    "auth-wrong-user": {"me"},
    "sessions-piled": {"sign-in", "wrong sign-in"},
    "feedback-500": {"feedback"},
    "feedback-slow": {"feedback"},
}
"""The pages that change under a fault which is not one of a whole server."""
_TOKEN = re.compile(r'(?<="access_token": ")[^"]+')
LATE = {"feedback-slow", "backend-hang", "backend-slow", "backend-drip", "frontend-hang"}
"""The faults that are seen by losing patience."""


class Visitor:
    """A real client of the product, with a session of its own."""

    def __init__(self, product: Product, session: aiohttp.ClientSession) -> None:
        self.product = product
        self.session = session

    async def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, object]:
        """Ask the backend; the status and the JSON of its answer."""
        url = self.product.backend_url + path
        async with self.session.request(method, url, json=body, headers=headers) as response:
            return response.status, await response.json()

    async def sign_in(self) -> dict[str, str]:
        """Register the canary and sign it in; the header of its session."""
        await self.ask("POST", "/api/auth/register", CANARY)
        async with self.session.post(f"{self.product.backend_url}/api/auth/login", json=RIGHT) as response:
            token = (await response.json())["access_token"]
        return {"Authorization": f"Bearer {token}"}

    async def look_round(self, signed_in: dict[str, str], patience: float = 5) -> dict[str, str]:
        """See what each page of the product looks like within so many seconds."""
        wrong = {**RIGHT, "password": "wrong"}
        backend = self.product.backend_url
        seen = await asyncio.gather(
            self._glance(patience, "GET", f"{self.product.frontend_url}/"),
            self._glance(patience, "GET", f"{backend}/health"),
            self._glance(patience, "GET", f"{backend}/health/ready"),
            self._glance(patience, "GET", f"{backend}/api/version"),
            self._glance(patience, "GET", f"{backend}/nowhere"),
            self._glance(patience, "GET", f"{backend}/api/auth/me", headers=signed_in),
            self._glance(patience, "POST", f"{backend}/api/auth/login", RIGHT),
            self._glance(patience, "POST", f"{backend}/api/auth/login", wrong),
            self._glance(patience, "GET", f"{backend}/api/feedback/pending"),
        )
        return dict(zip(("page", *BACKEND_PAGES), seen, strict=True))

    async def _glance(
        self, patience: float, method: str, url: str, body: object = None, headers: dict[str, str] | None = None
    ) -> str:
        """Say what is seen; a token, which is new each time, is left out."""
        timeout = aiohttp.ClientTimeout(total=patience)
        try:
            async with self.session.request(
                method, url, json=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return f"{response.status} {_TOKEN.sub('token', await _beginning(response))}"
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__


async def _beginning(response: aiohttp.ClientResponse) -> str:
    read = b""
    async for chunk in response.content.iter_any():
        read += chunk
        if len(read) > 10_000:
            break
    return read.decode()


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with Product() as product:
        yield product


@pytest.fixture
async def visitor(product: Product) -> AsyncIterator[Visitor]:
    async with aiohttp.ClientSession() as session:
        yield Visitor(product, session)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110 - a server sets no event for its visitors
            await asyncio.sleep(0.001)


async def get(url: str) -> tuple[int, str]:
    """Ask once, on a connection of its own."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def speak(url: str, request: bytes) -> bytes:
    """Send raw bytes and read what comes until the end."""
    port = urlsplit(url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


# --- the product in health


async def test_a_new_product_is_healthy_and_ready(visitor: Visitor) -> None:
    assert await visitor.ask("GET", "/health") == (200, {"status": "healthy"})
    assert await visitor.ask("GET", "/health/ready") == (
        200,
        {"status": "ready", "checks": {"database": "ok", "redis": "ok"}},
    )
    assert await visitor.ask("GET", "/api/version") == (
        200,
        {"version": "1.0.0", "name": "sandbox-product", "environment": "sandbox"},
    )


async def test_the_frontend_is_a_page_with_a_title(product: Product) -> None:
    status, page = await get(product.frontend_url)
    assert status == 200
    assert "<title>Sandbox Product</title>" in page


async def test_an_account_is_made_once(visitor: Visitor) -> None:
    made = {"id": 1, "username": "canary", "display_name": "Canary"}
    assert await visitor.ask("POST", "/api/auth/register", CANARY) == (201, made)
    status, _ = await visitor.ask("POST", "/api/auth/register", CANARY)
    assert status == 409
    assert visitor.product.calls == {"POST /api/auth/register": 2}


@pytest.mark.parametrize("body", [RIGHT, {**CANARY, "password": ""}, {**CANARY, "password": 1}, [], None])
async def test_an_account_without_all_its_fields_is_refused(visitor: Visitor, body: object) -> None:
    status, _ = await visitor.ask("POST", "/api/auth/register", body)
    assert (status, visitor.product.database.users) == (422, {})


async def test_whoever_has_signed_in_is_known_by_the_token(visitor: Visitor) -> None:
    canary = {"id": 1, "username": "canary", "display_name": "Canary"}
    assert await visitor.ask("GET", "/api/auth/me", headers=await visitor.sign_in()) == (200, canary)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer made-up"}, {"Authorization": "Basic eDp5"}])
async def test_nobody_is_known_without_a_session(visitor: Visitor, headers: dict[str, str]) -> None:
    assert await visitor.ask("GET", "/api/auth/me", headers=headers) == (401, {"detail": "Not authenticated"})


async def test_a_wrong_password_opens_no_session(visitor: Visitor) -> None:
    await visitor.ask("POST", "/api/auth/register", CANARY)
    status, _ = await visitor.ask("POST", "/api/auth/login", {**RIGHT, "password": "wrong"})
    assert (status, visitor.product.database.sessions) == (401, {})


async def test_an_unknown_route_is_a_404_in_json(visitor: Visitor) -> None:
    assert await visitor.ask("GET", "/nowhere") == (404, {"detail": "Not Found"})
    assert await visitor.ask("DELETE", "/health") == (405, {"detail": "Method Not Allowed"})


# --- the DevOps API


@pytest.mark.parametrize("headers", [{}, {"X-DevOps-Secret": "wrong"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "health"),
        ("GET", "stats"),
        ("DELETE", "cleanup/stale-sessions"),
        ("DELETE", "cleanup/orphans"),
    ],
)
async def test_the_devops_api_wants_its_secret(
    visitor: Visitor, method: str, path: str, headers: dict[str, str]
) -> None:
    status, _ = await visitor.ask(method, f"/api/devops/{path}", headers=headers)
    assert status == 403


async def test_the_devops_api_counts_rows(visitor: Visitor) -> None:
    await visitor.sign_in()
    assert await visitor.ask("GET", "/api/devops/health", headers=DEVOPS) == (200, {"status": "ok"})
    assert await visitor.ask("GET", "/api/devops/stats", headers=DEVOPS) == (
        200,
        {"users": 1, "sessions": 1, "feedback": 0, "messages": 3, "memberships": 1},
    )


async def test_only_stale_sessions_are_cleared_and_a_dry_run_clears_none(visitor: Visitor) -> None:
    fresh = await visitor.sign_in()
    database = visitor.product.database
    database.open_session("canary", datetime.now(UTC) - timedelta(hours=25))
    path = "/api/devops/cleanup/stale-sessions?older_than_hours=24"
    assert await visitor.ask("DELETE", f"{path}&dry_run=true", headers=DEVOPS) == (200, {"deleted_count": 1})
    assert len(database.sessions) == 2
    assert await visitor.ask("DELETE", path, headers=DEVOPS) == (200, {"deleted_count": 1})
    assert await visitor.ask("DELETE", path, headers=DEVOPS) == (200, {"deleted_count": 0})
    assert (await visitor.ask("GET", "/api/auth/me", headers=fresh))[0] == 200


@pytest.mark.parametrize("query", ["older_than_hours=0", "older_than_hours=many", "dry_run=perhaps"])
async def test_a_cleanup_that_is_not_understood_is_refused(visitor: Visitor, query: str) -> None:
    status, _ = await visitor.ask("DELETE", f"/api/devops/cleanup/stale-sessions?{query}", headers=DEVOPS)
    assert status == 422


async def test_orphans_are_cleared_once_and_a_dry_run_clears_none(visitor: Visitor) -> None:
    path = "/api/devops/cleanup/orphans"
    found = {"deleted": {"messages": 3, "memberships": 1}}
    assert await visitor.ask("DELETE", f"{path}?dry_run=true", headers=DEVOPS) == (200, found)
    assert await visitor.ask("DELETE", path, headers=DEVOPS) == (200, found)
    none_left = {"deleted": {"messages": 0, "memberships": 0}}
    assert await visitor.ask("DELETE", path, headers=DEVOPS) == (200, none_left)


# --- feedback


async def test_feedback_is_pending_until_it_has_an_issue(visitor: Visitor) -> None:
    row = visitor.product.add_feedback("It broke", email="ann@example.com")
    listed = {
        "id": 1,
        "feedback_type": "bug",
        "message": "It broke",
        "created_at": row.created_at.isoformat(),
        "email": "ann@example.com",
    }
    assert await visitor.ask("GET", "/api/feedback/pending?limit=10", headers=FEEDBACK) == (
        200,
        {"count": 1, "feedbacks": [listed]},
    )
    issue = {"github_issue_url": "https://github.com/o/r/issues/7"}
    assert await visitor.ask("PATCH", "/api/feedback/1/processed", issue, FEEDBACK) == (200, listed | issue)
    empty = {"count": 0, "feedbacks": []}
    assert await visitor.ask("GET", "/api/feedback/pending", headers=FEEDBACK) == (200, empty)
    assert visitor.product.calls["PATCH /api/feedback/{id}/processed"] == 1


async def test_a_visitor_gives_feedback_without_a_secret(visitor: Visitor) -> None:
    given = {"feedback_type": "feature", "message": "Make it blue", "name": "Bo"}
    headers = {"User-Agent": "Firefox"}
    status, _ = await visitor.ask("POST", "/api/feedback", given, headers)
    row = visitor.product.database.feedback[1]
    assert (status, row.feedback_type, row.message, row.name, row.user_agent) == (
        201,
        "feature",
        "Make it blue",
        "Bo",
        "Firefox",
    )


async def test_no_more_feedback_is_listed_than_asked_for_oldest_first(visitor: Visitor) -> None:
    for message in ("one", "two", "three"):
        visitor.product.add_feedback(message)
    url = f"{visitor.product.backend_url}/api/feedback/pending?limit=2&secret=sandbox-feedback-secret"
    status, body = await get(url)
    assert status == 200
    assert [row["message"] for row in json.loads(body)["feedbacks"]] == ["one", "two"]


async def test_feedback_is_shown_to_nobody_without_the_secret(visitor: Visitor) -> None:
    visitor.product.add_feedback("It broke")
    issue = {"github_issue_url": "https://github.com/o/r/issues/7"}
    wrong = {"X-Feedback-Secret": "wrong"}
    assert (await visitor.ask("GET", "/api/feedback/pending"))[0] == 403
    assert (await visitor.ask("GET", "/api/feedback/pending?secret=wrong"))[0] == 403
    assert (await visitor.ask("PATCH", "/api/feedback/1/processed", issue, wrong))[0] == 403


async def test_feedback_that_does_not_exist_is_not_processed(visitor: Visitor) -> None:
    issue = {"github_issue_url": "https://github.com/o/r/issues/7"}
    assert (await visitor.ask("PATCH", "/api/feedback/9/processed", issue, FEEDBACK))[0] == 404
    assert (await visitor.ask("PATCH", "/api/feedback/9/processed", {}, FEEDBACK))[0] == 422


# --- faults: all of them


def test_each_fault_has_a_name_of_its_own_and_a_sentence() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(fault.sight.endswith((".", "!")) for fault in FAULTS)


def struck(name: str) -> set[str]:
    if name.startswith("frontend-"):
        return {"page"}
    return STRUCK.get(name) or set(BACKEND_PAGES)


@pytest.mark.parametrize("name", NAMES)
async def test_each_fault_strikes_its_pages_while_it_is_on_and_none_when_it_is_off(visitor: Visitor, name: str) -> None:
    product = visitor.product
    signed_in = await visitor.sign_in()
    urls = product.backend_url, product.frontend_url, product.control_url
    healthy = await visitor.look_round(signed_in)

    await product.switch_on(name)
    assert product.active == {name}
    broken = await visitor.look_round(signed_in, patience=0.4 if name in LATE else 5)
    assert {page for page in healthy if broken[page] != healthy[page]} == struck(name)

    await product.switch_off(name)
    assert product.active == frozenset()
    assert await visitor.look_round(signed_in) == healthy
    assert (product.backend_url, product.frontend_url, product.control_url) == urls


async def test_a_fault_that_there_is_not_is_refused_with_those_that_there_are(product: Product) -> None:
    with pytest.raises(ValueError, match=r"unknown fault 'backend-sad'; known are backend-refused, .*frontend-blank"):
        await product.switch_on("backend-sad")
    with pytest.raises(ValueError, match="unknown fault"):
        await product.switch_off("backend-sad")


async def test_switching_twice_is_switching_once(product: Product) -> None:
    for _ in range(2):
        await product.switch_on("backend-refused")
        await product.switch_on("sessions-piled")
    assert len(product.database.sessions) == PILE
    for _ in range(2):
        await product.switch_off("backend-refused")
        await product.switch_off("sessions-piled")
    assert (await get(f"{product.backend_url}/health"))[0] == 200


async def test_all_faults_at_once_are_mended_at_once(visitor: Visitor) -> None:
    signed_in = await visitor.sign_in()
    healthy = await visitor.look_round(signed_in)
    await asyncio.gather(*(visitor.product.switch_on(name) for name in NAMES))
    assert visitor.product.active == frozenset(NAMES)
    await visitor.product.mend()
    assert visitor.product.active == frozenset()
    assert await visitor.look_round(signed_in) == healthy


async def test_of_several_faults_the_first_that_answers_is_seen(visitor: Visitor) -> None:
    await visitor.product.switch_on("backend-unhealthy")
    await visitor.product.switch_on("backend-500")
    assert await visitor.ask("GET", "/health") == (500, {"detail": "Internal Server Error"})
    await visitor.product.switch_off("backend-500")
    assert await visitor.ask("GET", "/health") == (200, {"status": "unhealthy"})


# --- faults: each as it is described


@pytest.mark.parametrize(
    ("fault", "path", "seen"),
    [
        ("backend-500", "/health", (500, {"detail": "Internal Server Error"})),
        ("backend-corrupt", "/health", (500, {"detail": "Internal Server Error"})),
        ("backend-503", "/health", (503, {"detail": "Service Unavailable"})),
        ("backend-unhealthy", "/health", (200, {"status": "unhealthy"})),
        ("database-down", "/health", (200, {"status": "healthy"})),
        (
            "database-down",
            "/health/ready",
            (503, {"status": "degraded", "checks": {"database": "error: could not connect", "redis": "ok"}}),
        ),
        (
            "cache-down",
            "/health/ready",
            (200, {"status": "degraded", "checks": {"database": "ok", "redis": "error"}}),
        ),
        (
            "auth-wrong-user",
            "/api/auth/me",
            (200, {"id": 4711, "username": "somebody-else", "display_name": "Somebody Else"}),
        ),
    ],
)
async def test_a_broken_backend_says_what_its_fault_says(
    visitor: Visitor, fault: str, path: str, seen: tuple[int, object]
) -> None:
    signed_in = await visitor.sign_in()
    await visitor.product.switch_on(fault)
    assert await visitor.ask("GET", path, headers=signed_in) == seen


@pytest.mark.parametrize(
    ("fault", "status"), [("database-down", 500), ("auth-500", 500), ("auth-401", 401), ("sessions-piled", 503)]
)
async def test_a_right_password_does_not_open_a_session(visitor: Visitor, fault: str, status: int) -> None:
    await visitor.ask("POST", "/api/auth/register", CANARY)
    await visitor.product.switch_on(fault)
    before = len(visitor.product.database.sessions)
    assert (await visitor.ask("POST", "/api/auth/login", RIGHT))[0] == status
    assert len(visitor.product.database.sessions) == before


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("backend-refused", aiohttp.ClientConnectorError),
        ("backend-crash", aiohttp.ClientConnectorError),
        ("backend-oom", aiohttp.ClientConnectorError),
        ("backend-invalid-http", aiohttp.ClientResponseError),
        ("backend-truncated", aiohttp.ClientPayloadError),
    ],
)
async def test_a_broken_connection_is_an_error_of_its_kind(
    product: Product, fault: str, error: type[Exception]
) -> None:
    await product.switch_on(fault)
    with pytest.raises(error):
        await get(f"{product.backend_url}/health")


async def test_a_reset_is_a_reset_and_not_an_end(product: Product) -> None:
    await product.switch_on("backend-reset")
    with pytest.raises(aiohttp.ClientOSError):
        await get(f"{product.backend_url}/health")
    with pytest.raises(ConnectionResetError):
        await speak(product.backend_url, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_bytes_that_are_not_http_are_not_http(product: Product) -> None:
    await product.switch_on("backend-invalid-http")
    seen = await speak(product.backend_url, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert seen == b"\x15\x03\x01 this is not HTTP\r\n\r\n"


async def test_garbage_says_that_it_is_json(product: Product) -> None:
    await product.switch_on("backend-garbage")
    async with aiohttp.ClientSession() as session, session.get(f"{product.backend_url}/health") as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        with pytest.raises(json.JSONDecodeError):
            await response.json()


async def test_a_redirect_leads_to_the_frontend(product: Product) -> None:
    await product.switch_on("backend-redirect")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{product.backend_url}/health", allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (302, f"{product.frontend_url}/")
    assert await get(f"{product.backend_url}/health") == await get(product.frontend_url)


async def test_a_broken_frontend_says_what_its_fault_says(product: Product) -> None:
    await product.switch_on("frontend-blank")
    assert await get(product.frontend_url) == (200, "")
    await product.switch_on("frontend-500")
    assert (await get(product.frontend_url))[0] == 500
    await product.switch_on("frontend-refused")
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(product.frontend_url)


async def test_a_slow_backend_answers_rightly_three_seconds_late(visitor: Visitor) -> None:
    await visitor.product.switch_on("backend-slow")
    started = monotonic()
    assert await visitor.ask("GET", "/health") == (200, {"status": "healthy"})
    assert 2.9 < monotonic() - started < 4


@pytest.mark.parametrize("fault", ["backend-hang", "backend-slow"])
async def test_whoever_hangs_is_answered_when_the_fault_is_over(visitor: Visitor, fault: str) -> None:
    await visitor.product.switch_on(fault)
    asked = asyncio.create_task(visitor.ask("GET", "/health"))
    await until(lambda: visitor.product.calls["GET /health"] == 1)
    assert not asked.done()
    await visitor.product.switch_off(fault)
    async with asyncio.timeout(1):
        assert await asked == (200, {"status": "healthy"})


async def test_a_dripping_backend_sends_a_byte_a_second_until_it_is_mended(product: Product) -> None:
    await product.switch_on("backend-drip")
    async with aiohttp.ClientSession() as session, session.get(f"{product.backend_url}/health") as response:
        assert response.status == 200
        started = monotonic()
        assert await response.content.readexactly(2) == b"  "
        assert 0.8 < monotonic() - started < 2
        await product.mend()
        assert await response.read() == b""


async def test_a_huge_body_is_64_mib_of_json_without_a_length(product: Product) -> None:
    await product.switch_on("backend-huge")
    async with aiohttp.ClientSession() as session, session.get(f"{product.backend_url}/health") as response:
        assert (response.status, response.content_length) == (200, None)
        seen = [(len(chunk), chunk[:10]) async for chunk in response.content.iter_any()]
    assert seen[0][1] == b'{"status":'
    assert HUGE < sum(length for length, _ in seen) < HUGE + 100


@pytest.mark.parametrize("fault", ["backend-huge", "backend-drip", "backend-truncated"])
async def test_a_question_for_the_head_alone_gets_no_body(product: Product, fault: str) -> None:
    await product.switch_on(fault)
    seen = await speak(product.backend_url, b"HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert seen.startswith(b"HTTP/1.1 200 OK\r\n")
    assert seen.endswith(b"\r\n\r\n")


async def test_piled_sessions_are_cleared_by_the_cleanup_and_by_nothing_less(visitor: Visitor) -> None:
    signed_in = await visitor.sign_in()
    await visitor.product.switch_on("sessions-piled")
    assert visitor.product.database.counts()["sessions"] == PILE + 1
    path = "/api/devops/cleanup/stale-sessions?older_than_hours="
    assert await visitor.ask("DELETE", f"{path}24&dry_run=true", headers=DEVOPS) == (200, {"deleted_count": PILE})
    assert await visitor.ask("DELETE", f"{path}72", headers=DEVOPS) == (200, {"deleted_count": 0})
    assert visitor.product.active == {"sessions-piled"}

    assert await visitor.ask("DELETE", f"{path}24", headers=DEVOPS) == (200, {"deleted_count": PILE})
    assert visitor.product.active == frozenset()
    assert (await visitor.ask("GET", "/api/auth/me", headers=signed_in))[0] == 200
    assert (await visitor.ask("POST", "/api/auth/login", RIGHT))[0] == 200


async def test_piled_sessions_can_pile_up_again(visitor: Visitor) -> None:
    for _ in range(2):
        await visitor.product.switch_on("sessions-piled")
        assert visitor.product.active == {"sessions-piled"}
        assert (await visitor.ask("DELETE", "/api/devops/cleanup/stale-sessions", headers=DEVOPS))[0] == 200
        assert visitor.product.active == frozenset()


# --- ports


async def test_a_refusing_backend_drops_the_connections_it_had(visitor: Visitor) -> None:
    await visitor.ask("GET", "/health")
    await visitor.product.switch_on("backend-refused")
    with pytest.raises(aiohttp.ClientConnectorError):
        await visitor.ask("GET", "/health")


async def test_a_refusing_backend_keeps_its_port_from_others(product: Product) -> None:
    await product.switch_on("backend-refused")
    port = urlsplit(product.backend_url).port
    assert port
    with socket.socket() as thief, pytest.raises(OSError, match="in use"):
        thief.bind(("127.0.0.1", port))


async def test_a_port_can_be_chosen_and_used_again_at_once() -> None:
    async with Product() as first:
        port = urlsplit(first.backend_url).port
        assert port
        await get(f"{first.backend_url}/health")
    async with Product(backend_port=port) as second:
        assert second.backend_url == f"http://127.0.0.1:{port}"
        assert (await get(f"{second.backend_url}/health"))[0] == 200


async def test_a_port_that_is_taken_stops_the_start_and_leaves_nothing_open(product: Product) -> None:
    taken = urlsplit(product.control_url).port
    assert taken
    unlucky = Product(control_port=taken)
    with pytest.raises(OSError, match="in use"):
        await unlucky.__aenter__()
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(unlucky.backend_url)


async def test_a_product_has_no_address_before_its_start() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        _ = Product().backend_url


async def test_a_product_may_start_broken() -> None:
    product = Product()
    await product.switch_on("backend-refused")
    async with product:
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(f"{product.backend_url}/health")
        assert (await get(product.frontend_url))[0] == 200


@pytest.mark.parametrize("fault", ["backend-hang", "backend-slow", "backend-drip", "backend-huge"])
async def test_a_product_stops_at_once_whoever_still_waits(fault: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with Product() as product:
            await product.switch_on(fault)
            waiting = asyncio.create_task(session.get(f"{product.backend_url}/health"))
            await until(lambda: product.calls["GET /health"] == 1)
            started = monotonic()
        assert monotonic() - started < 1
        with pytest.raises(aiohttp.ClientError):
            await (await waiting).read()


async def test_a_client_that_leaves_takes_its_handler_along(product: Product) -> None:
    await product.switch_on("backend-hang")
    before = asyncio.all_tasks()
    _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(product.backend_url).port)
    writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: product.calls["GET /health"] == 1)
    assert asyncio.all_tasks() > before
    writer.close()
    await until(lambda: asyncio.all_tasks() <= before)


# --- its processes


async def test_a_server_that_is_stopped_refuses_connections_until_it_is_started(product: Product) -> None:
    await product.stop(Server.BACKEND)
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(f"{product.backend_url}/health")
    assert (await get(product.frontend_url))[0] == 200
    await product.start(Server.BACKEND)
    assert (await get(f"{product.backend_url}/health"))[0] == 200


async def test_a_server_that_is_stopped_stays_so_whatever_is_switched(product: Product) -> None:
    await product.stop(Server.BACKEND)
    await product.switch_on("backend-refused")
    await product.mend()
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(f"{product.backend_url}/health")


async def test_a_server_that_is_started_again_has_the_faults_that_are_on(product: Product) -> None:
    await product.switch_on("backend-500")
    await product.stop(Server.BACKEND)
    await product.start(Server.BACKEND)
    assert (await get(f"{product.backend_url}/health"))[0] == 500


@pytest.mark.parametrize("server", Server)
@pytest.mark.parametrize("mend", Mend)
async def test_what_is_new_is_without_what_lay_in_the_old_one(product: Product, server: Server, mend: Mend) -> None:
    for name in NAMES:
        await product.switch_on(name)
    await product.renewed(server, mend)
    mended = {fault.name for fault in FAULTS if fault.server is server and fault.ends_with(mend)}
    assert mended
    assert product.active == set(NAMES) - mended


@pytest.mark.parametrize(
    ("name", "mend", "ends"),
    [
        ("backend-503", Mend.RESTART, True),
        ("backend-503", Mend.NEW_CONTAINER, True),
        ("backend-corrupt", Mend.RESTART, False),
        ("backend-corrupt", Mend.NEW_CONTAINER, True),
        ("backend-500", Mend.NEW_CONTAINER, False),
        ("database-down", Mend.NEW_CONTAINER, False),
        ("sessions-piled", Mend.NEW_CONTAINER, False),
    ],
)
def test_a_new_container_ends_what_a_new_process_ends_and_more(name: str, mend: Mend, *, ends: bool) -> None:
    assert find(name).ends_with(mend) is ends


async def test_what_new_code_is_without_ends_with_it(product: Product) -> None:
    for name in ("backend-500", "auth-401"):
        await product.switch_on(name)
    await product.renewed(Server.BACKEND, Mend.NEW_CONTAINER, {"backend-500"})
    assert product.active == {"auth-401"}


# --- its witnesses


class Bystander:
    """A witness that remembers."""

    def __init__(self) -> None:
        self.visits: list[Served] = []
        self.faults: list[str] = []
        self.ends: list[str] = []

    def served(self, visit: Served) -> None:
        self.visits.append(visit)

    def broken(self, fault: Fault) -> None:
        self.faults.append(fault.name)

    def mended(self, fault: Fault) -> None:
        self.ends.append(fault.name)


@pytest.fixture
def bystander(product: Product) -> Bystander:
    witness = Bystander()
    product.witnesses.append(witness)
    return witness


async def test_a_witness_is_told_of_each_request(product: Product, bystander: Bystander) -> None:
    before = datetime.now(UTC)
    await get(f"{product.backend_url}/health")
    await get(f"{product.backend_url}/nowhere")
    await get(product.frontend_url)
    told = [(visit.server, visit.method, visit.path, visit.status) for visit in bystander.visits]
    assert told == [
        (Server.BACKEND, "GET", "/health", 200),
        (Server.BACKEND, "GET", "/nowhere", 404),
        (Server.FRONTEND, "GET", "/", 200),
    ]
    assert all(before <= visit.at and timedelta() < visit.took < timedelta(seconds=5) for visit in bystander.visits)
    assert list(product.visits) == bystander.visits


async def test_a_connection_that_the_server_breaks_is_a_bad_gateway(product: Product, bystander: Bystander) -> None:
    await product.switch_on("backend-reset")
    with pytest.raises(aiohttp.ClientError):
        await get(f"{product.backend_url}/health")
    assert {visit.status for visit in bystander.visits} == {502}


async def test_a_client_that_loses_its_patience_is_noted_as_such(product: Product, bystander: Bystander) -> None:
    await product.switch_on("backend-hang")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(get(f"{product.backend_url}/health"), 0.05)
    await until(lambda: bystander.visits)
    assert [visit.status for visit in bystander.visits] == [499]


async def test_a_witness_is_told_what_has_been_broken(product: Product, bystander: Bystander) -> None:
    await product.switch_on("auth-401")
    await product.mend()
    await product.switch_on("frontend-500")
    assert bystander.faults == ["auth-401", "frontend-500"]


async def test_a_witness_is_told_once_of_what_was_mended_by_hand(product: Product, bystander: Bystander) -> None:
    for name in ("backend-crash", "auth-401", "backend-503"):
        await product.switch_on(name)
    await product.renewed(Server.BACKEND, Mend.RESTART)
    await product.switch_off("backend-crash")
    await product.switch_on("frontend-500")
    await product.switch_off("frontend-500")
    await product.mend()
    assert bystander.ends == ["frontend-500", "auth-401"]


async def test_a_witness_is_told_which_fault_a_request_has_met(product: Product, bystander: Bystander) -> None:
    await get(f"{product.backend_url}/health")
    await product.switch_on("backend-corrupt")
    await get(f"{product.backend_url}/health")
    assert [visit.met and visit.met.name for visit in bystander.visits] == [None, "backend-corrupt"]


# --- the control port


async def control(product: Product, method: str, path: str) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession() as session, session.request(method, product.control_url + path) as response:
        return response.status, await response.json()


async def test_the_control_port_shows_and_switches_faults(product: Product) -> None:
    known = {fault.name: fault.sight for fault in FAULTS}
    assert await control(product, "GET", "/faults") == (200, {"active": [], "known": known})
    assert await control(product, "PUT", "/faults/backend-refused") == (
        200,
        {"active": ["backend-refused"], "known": known},
    )
    await control(product, "PUT", "/faults/auth-401")
    assert product.active == {"backend-refused", "auth-401"}
    assert (await control(product, "DELETE", "/faults/backend-refused"))[1]["active"] == ["auth-401"]
    assert (await get(f"{product.backend_url}/health"))[0] == 200
    assert (await control(product, "DELETE", "/faults"))[1]["active"] == []


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_the_control_port_names_the_faults_when_it_knows_none_of_that_name(product: Product, method: str) -> None:
    status, body = await control(product, method, "/faults/backend-sad")
    assert status == 404
    assert body["known"] == {fault.name: fault.sight for fault in FAULTS}
    assert str(body["detail"]).startswith("unknown fault 'backend-sad'")


async def test_the_control_port_speaks_json_where_there_is_nothing(product: Product) -> None:
    assert await control(product, "GET", "/") == (404, {"detail": "Not Found"})
