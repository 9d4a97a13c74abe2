"""The product's feedback API, by a product in the sandbox and by one that answers as it likes."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from adapters.servers import AGENT, RawServer, Reply, answer, dead_port, document, hang_up, says
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.adapters.exchange import Exchange
from devops_daemon.adapters.feedback import BackendFeedback, feedback
from devops_daemon.feedback import Feedback, Pending
from devops_daemon.ports import GoneError, LockedOutError, RefusedError, UnavailableError
from devops_daemon.redaction import Redactor
from devops_daemon.sandbox.product import Product

SECRET = "sandbox-feedback-secret"  # of a product that holds nothing
URL = "https://github.com/acme/shop/issues/3"


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange(AGENT) as opened:
        yield opened


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with Product() as opened:
        yield opened


def box(exchange: Exchange, url: str, secret: str = SECRET, **how: bool) -> BackendFeedback:
    return BackendFeedback(exchange, url, secret, Redactor([SECRET]), **how)


@pytest.mark.parametrize("in_query", [False, True])
async def test_what_is_pending_is_read_and_told_to_be_processed(
    exchange: Exchange, product: Product, *, in_query: bool
) -> None:
    asked = box(exchange, product.backend_url, secret_in_query=in_query)
    row = product.add_feedback("The cart is empty", feedback_type="bug", name="Maria", email="maria@example.com")
    product.add_feedback("Later")
    page = await asked.pending(1)
    assert page == Pending(
        (Feedback("1", "bug", "The cart is empty", row.created_at, "Maria", "maria@example.com"),), 1
    )
    await asked.processed("1", URL)
    assert product.database.feedback[1].github_issue_url == URL
    assert [item.id for item in (await asked.pending(10)).items] == ["2"]


async def test_one_that_is_gone_is_told(exchange: Exchange, product: Product) -> None:
    with pytest.raises(GoneError, match="does not know feedback 99"):
        await box(exchange, product.backend_url).processed("99", URL)


async def test_a_wrong_secret_is_told_with_its_cure(exchange: Exchange, product: Product) -> None:
    with pytest.raises(LockedOutError, match="does not take FEEDBACK_PROCESSOR_SECRET") as caught:
        await box(exchange, product.backend_url, "another").pending(10)
    assert "FEEDBACK_SECRET_IN_QUERY" in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (says(answer(404)), RefusedError, "has no feedback API"),
        (says(answer(500)), UnavailableError, "status 500"),
        (says(answer(429)), UnavailableError, "status 429"),
        (says(answer(418)), RefusedError, "status 418"),
        (says(answer(302, Location="https://elsewhere.example.com/")), RefusedError, "status 302"),
        (says(answer(200, b"<html>Welcome</html>")), UnavailableError, "not JSON: <html>Welcome</html>"),
        (says(document([1])), UnavailableError, "no list of feedbacks"),
        (says(document({"feedbacks": {"id": 1}})), UnavailableError, "no list of feedbacks"),
        (hang_up, UnavailableError, "without an answer"),
    ],
)
async def test_an_odd_answer_is_told(exchange: Exchange, reply: Reply, kind: type[Exception], said: str) -> None:
    async with RawServer(reply) as server:
        with pytest.raises(kind, match=said):
            await box(exchange, server.url).pending(10)


async def test_a_product_that_is_not_there_is_told_and_the_secret_is_in_no_error(exchange: Exchange) -> None:
    with dead_port() as port, pytest.raises(UnavailableError) as caught:
        await box(exchange, f"http://127.0.0.1:{port}", secret_in_query=True).pending(10)
    assert SECRET not in str(caught.value)


async def test_a_page_of_large_ones_is_read(exchange: Exchange) -> None:
    rows = [{"id": number, "message": "x" * 1_000_000} for number in range(3)]
    async with RawServer(says(document({"feedbacks": rows}))) as server:
        page = await box(exchange, server.url).pending(10)
    assert [len(item.message) for item in page.items] == [1_000_000] * 3


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"message": "x"}, "without an id"),
        ({"id": None}, "without an id"),
        ({"id": True}, "without an id"),
        ({"id": ""}, "without an id"),
        ({"id": [1]}, "without an id"),
        ({"id": "../users/1"}, "whose id is none"),
        ({"id": "1 -->"}, "whose id is none"),
        ({"id": "x" * 65}, "whose id is none"),
        ("a text", "no object"),
    ],
)
async def test_one_that_cannot_be_read_holds_up_no_other(exchange: Exchange, row: Any, said: str) -> None:
    async with RawServer(says(document({"feedbacks": [row, {"id": "b-2"}]}))) as server:
        page = await box(exchange, server.url).pending(10)
    assert [item.id for item in page.items] == ["b-2"]
    assert (page.listed, len(page.unreadable)) == (2, 1)
    assert said in page.unreadable[0]


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2026-11-24T02:00:00Z", datetime(2026, 11, 24, 2, tzinfo=UTC)),
        ("2026-11-24T04:00:00+02:00", datetime(2026, 11, 24, 2, tzinfo=UTC)),
        ("2026-11-24T02:00:00", datetime(2026, 11, 24, 2, tzinfo=UTC)),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_when_it_was_written_is_read_where_it_can_be(told: str, at: datetime | None) -> None:
    assert feedback({"id": 1, "created_at": told}).created_at == at


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("id", "feedback_type", "message", "created_at", "name", "email", "user_agent")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_whatever_stands_there_it_is_a_feedback_or_is_told(row: dict[str, Any]) -> None:
    try:
        read = feedback(json.loads(json.dumps(row)))
    except ValueError:
        return
    assert str(row["id"]) == read.id
