"""The product's DevOps API, by a product in the sandbox and by one that answers as it likes."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from adapters.servers import AGENT, RawServer, answer, document, utc_now

from devops_daemon.adapters.backend import Backend
from devops_daemon.adapters.exchange import Exchange
from devops_daemon.ports import RefusedError, UnavailableError
from devops_daemon.redaction import Redactor
from devops_daemon.sandbox.product import Product

SECRET = "sandbox-devops-secret"  # of a product that holds nothing


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange(AGENT) as opened:
        yield opened


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with Product() as opened:
        yield opened


def backend(exchange: Exchange, url: str, secret: str = SECRET, *, dry_run: bool = False) -> Backend:
    return Backend(exchange, url, secret, Redactor([SECRET]), dry_run=dry_run)


async def test_tables_are_counted(exchange: Exchange, product: Product) -> None:
    counts = await backend(exchange, product.backend_url).counts()
    assert counts == product.database.counts()


async def test_old_sessions_are_deleted_and_new_ones_stay(exchange: Exchange, product: Product) -> None:
    product.database.register("maria", "Maria", "a password")
    product.database.open_session("maria", utc_now() - timedelta(hours=25))
    product.database.open_session("maria", utc_now())
    assert await backend(exchange, product.backend_url).clear_stale_sessions() == 1
    assert len(product.database.sessions) == 1


async def test_orphans_are_only_counted_until_it_is_meant(exchange: Exchange, product: Product) -> None:
    asked = backend(exchange, product.backend_url)
    counted = await asked.clear_orphans(dry_run=True)
    assert counted == await asked.clear_orphans(dry_run=False)
    assert sum((await asked.clear_orphans(dry_run=True)).values()) == 0


async def test_a_dry_run_deletes_nothing(exchange: Exchange, product: Product) -> None:
    asked = backend(exchange, product.backend_url, dry_run=True)
    for act in (asked.clear_stale_sessions(), asked.clear_orphans(dry_run=False)):
        with pytest.raises(RefusedError, match="DRY_RUN"):
            await act
    assert sum((await asked.clear_orphans(dry_run=True)).values()) > 0


async def test_a_wrong_secret_is_said_and_not_shown(exchange: Exchange, product: Product) -> None:
    with pytest.raises(RefusedError, match="DEVOPS_API_SECRET"):
        await backend(exchange, product.backend_url, "another-secret").counts()


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (answer(500), UnavailableError, "status 500"),
        (answer(503), UnavailableError, "status 503"),
        (answer(404), RefusedError, "no such route"),
        (answer(302, Location="/elsewhere"), RefusedError, "status 302"),
        (answer(200, b"<html>"), UnavailableError, "not JSON"),
        (document([1]), UnavailableError, "no JSON object"),
        (document({"deleted_count": "many"}), UnavailableError, "does not say how many"),
    ],
)
async def test_what_is_no_answer_is_said(exchange: Exchange, reply: bytes, error: type[Exception], said: str) -> None:
    async def say(_: object, writer: object) -> None:
        writer.write(reply)  # type: ignore[attr-defined] # a stream

    async with RawServer(say) as server:
        with pytest.raises(error, match=said):
            await backend(exchange, server.url).clear_stale_sessions()


async def test_a_backend_that_is_not_there_is_unavailable(exchange: Exchange) -> None:
    with pytest.raises(UnavailableError, match="connection refused"):
        await backend(exchange, "http://127.0.0.1:9").counts()
