"""The conversation on real parts: GitHub, Railway and a product in the sandbox, over HTTP; a real store."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters import railway_world
from adapters.github_world import Steady, github_at
from adapters.servers import AGENT, utc_now
from pydantic import SecretStr

from devops_daemon import watchlist
from devops_daemon.adapters.exchange import Exchange
from devops_daemon.adapters.github.asked import Asked
from devops_daemon.adapters.github.forge import GitHub as Forge
from devops_daemon.adapters.probes import HttpProber
from devops_daemon.adapters.store.db import Database, SqliteDatabase
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.incidents import IncidentRows
from devops_daemon.adapters.store.requests import RequestRows
from devops_daemon.adapters.store.schema import delivery
from devops_daemon.adapters.store.signals import SignalRows
from devops_daemon.adapters.store.silences import SilenceRows
from devops_daemon.adapters.store.ticks import PermitRows
from devops_daemon.answering import Answering, Grounds
from devops_daemon.asking import Request
from devops_daemon.config_file import Document
from devops_daemon.entrypoints.deliveries import swept
from devops_daemon.forge import Account, Comment
from devops_daemon.inbox import DeliveryState
from devops_daemon.incidents.hushing import Hushing
from devops_daemon.incidents.people import People
from devops_daemon.plans import Plans
from devops_daemon.redaction import Redactor
from devops_daemon.sandbox.github.github import GitHub
from devops_daemon.sandbox.github.issues import Comment as Said
from devops_daemon.settings import read
from devops_daemon.tending import tending

_DUE_NOW = delivery.update().where(delivery.c.state == "pending").values(due_at=datetime(2020, 1, 1, tzinfo=UTC))
PATIENCE = 15.0
OFTEN = timedelta(milliseconds=10)


async def until(holds: Callable[[], object | Awaitable[object]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        for pause in itertools.repeat(0.005):
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(pause)


@dataclass(slots=True)
class World:
    """Everything, and what a test says to it."""

    github: GitHub
    shop: railway_world.World
    forge: Forge
    store: Database
    answering: Answering
    make: Callable[[], Answering]
    issue: int

    @property
    def requests(self) -> RequestRows:
        return RequestRows(self.store)

    async def says(self, login: str, body: str, issue: int | None = None) -> Said:
        """Let somebody comment, and the delivery arrive."""
        said = await self.github.comment(login, issue or self.issue, body)
        await self.deliver(said)
        return said

    async def deliver(self, said: Said, guid: str | None = None) -> None:
        """Let the comment come; by another delivery where one of another id is named."""
        arrival = swept(self.as_heard(said), self.github.repository, utc_now())
        arrival = replace(arrival, guid=f"{arrival.guid}-{guid}") if guid else arrival
        await self.answering.inbox.keep(arrival)
        self.answering.worker.arrived()

    def as_heard(self, said: Said) -> Comment:
        account = said.author
        return Comment(
            said.id, said.issue, Account(account.login, account.kind == "Bot"), said.body, said.created_at, ""
        )

    def as_request(self, said: Said) -> Request:
        """The row that a comment of a person's makes, as it is before anything was done."""
        return Request(
            id=f"comment:{said.id}",
            issue=said.issue,
            comment_id=said.id,
            author=said.author.login,
            by_agent=False,
            hop=0,
            words=said.body.removeprefix("@devops "),
            asked_at=said.created_at,
        )

    async def retried_until_ended(self, said: Said) -> Request:
        """Wait until a comment is answered, with what waits for its next attempt tried again at once."""

        async def look() -> bool:
            await self.store.write(lambda connection: connection.execute(_DUE_NOW).rowcount)
            self.answering.worker.arrived()
            lately = await self.requests.on(said.issue, said.created_at - timedelta(days=1))
            return any(each.comment_id == said.id and each.state == "answered" for each in lately)

        await until(look)
        return await self.ended(said)

    async def ended(self, said: Said) -> Request:
        """Wait until a comment is answered; gives its request."""
        found: list[Request] = []

        async def look() -> bool:
            found[:] = [
                each
                for each in await self.requests.on(said.issue, said.created_at - timedelta(days=1))
                if each.comment_id == said.id
            ]
            return bool(found) and found[0].state == "answered"

        await until(look)
        return found[0]

    async def settled(self, said: Said) -> None:
        """Wait until a comment's delivery has ended, whatever came of it."""

        async def look() -> bool:
            rows = [row for row in await self.answering.inbox.listed(1000) if str(said.id) in row.guid]
            return bool(rows) and all(row.state in {DeliveryState.DONE, DeliveryState.FAILED} for row in rows)

        await until(look)

    async def answer(self, login: str, body: str) -> str:
        """Say something and wait for its reply; gives the reply's text."""
        said = await self.says(login, body)
        request = await self.ended(said)
        return self.text_of(request)

    def text_of(self, request: Request) -> str:
        assert request.reply_id is not None
        return str(self.github.world.comments[request.reply_id].body)

    def replies(self, issue: int | None = None) -> list[Said]:
        """What the daemon has written."""
        return [
            each
            for each in self.github.world.comments_on(issue or self.issue)
            if each.author.login == self.github.operator
        ]

    def reactions(self, said: Said) -> list[str]:
        """How the daemon has reacted, in order."""
        return [each.content for each in self.github.world.comments[said.id].reactions]

    async def restarted(self) -> None:
        """Stop the conversation, and begin another on the same store."""
        await self.answering.stop()
        self.answering = self.make()
        await self.answering.start()


@asynccontextmanager
async def open_conversation(
    folder: Path, *, private: bool = True, stores: Sequence[Database] = (), **settings: str
) -> AsyncIterator[World]:
    """Begin a conversation, on a private repository unless told otherwise; with several stores, a replica on each."""
    async with (
        railway_world.open_world() as shop,
        GitHub("acme/shop") as github,
        Exchange(AGENT) as exchange,
        github_at(
            Asked(
                github.api_url,
                github.repository,
                token=SecretStr(github.user_token),
                dry_run=settings.get("DRY_RUN") == "true",
            ),
            steady=Steady(),
        ) as forge,
    ):
        github.world.options.private = private
        for login, role in (("ada", "write"), ("tom", "triage"), ("max", "admin"), ("rita", "read"), ("eve", "none")):
            github.add_account(login, role)
        for bot in ("claude[bot]", "spam[bot]"):
            github.add_account(bot, "none", bot=True)
        known = read(
            {
                "DATA_DIR": str(folder),
                "PRODUCTION_BACKEND_URL": shop.product.backend_url,
                "PRODUCTION_FRONTEND_URL": shop.product.frontend_url,
                "DEVOPS_API_SECRET": "sandbox-devops-secret",
                "GITHUB_REPOSITORY": github.repository,
                "AGENT_LOGINS": "claude[bot]",
                "PUBLIC_URL": "https://devops.example.com",
                "REMEDIATION_PAUSE": "500ms",
            }
            | settings
        )
        databases = stores or (SqliteDatabase(folder / "store.db"),)
        for database in databases:
            await database.open()
        store = databases[0]
        watched = watchlist.plan(known, Document())
        prober = HttpProber(exchange, Redactor(known.secrets), utc_now, PermitRows(store))

        def make(store: Database = store) -> Answering:
            grounds = Grounds(
                settings=known,
                watchlist=watched,
                plans=Plans(),
                secrets=tuple(known.secrets),
                store=store,
                ledger=HistoryRows(store, known.check_interval),
                prober=prober,
                exchange=exchange,
                owner=None if stores else "the only process",
            )
            by_hand = tending(grounds, forge, None, lambda: None, None).by_hand
            said = (IncidentRows(store), grounds.ledger, SignalRows(store), watched.services, utc_now)
            hushing = Hushing(SilenceRows(store), watched.names, utc_now)
            return Answering(grounds, forge, shop.platform, lambda: OFTEN, by_hand, People(*said), hushing)

        issue = await github.open_issue("ada", "checkout is slow")
        world = World(github, shop, forge, store, make(), make, issue.number)
        others = [make(database) for database in databases[1:]]
        for answering in (world.answering, *others):
            await answering.start()
        yield world
        for answering in (world.answering, *others):
            await answering.stop()
        for database in databases:
            await database.close()
