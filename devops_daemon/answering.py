"""Wires what answers on the forge: from a delivery in the inbox to the reply, and the sweep behind it."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from devops_daemon.adapters.backend import Backend
from devops_daemon.adapters.exchange import Exchange
from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.inbox import InboxRows
from devops_daemon.adapters.store.requests import RequestRows
from devops_daemon.adapters.store.switches import BookmarkRows, SwitchRows
from devops_daemon.adapters.store.ticks import TickRows
from devops_daemon.commands.converse import Converse
from devops_daemon.commands.followers import Followers
from devops_daemon.commands.means import Means
from devops_daemon.commands.orders import Orders
from devops_daemon.commands.undertake import Undertake
from devops_daemon.commands.voice import Manners, Voice
from devops_daemon.connections import public_url, utc_now
from devops_daemon.entrypoints.deliveries import receive
from devops_daemon.entrypoints.sweep import Sweep
from devops_daemon.entrypoints.worker import Worker
from devops_daemon.evidence.secrets import Secrets
from devops_daemon.inbox import Arrival
from devops_daemon.incidents.hushing import Hushing
from devops_daemon.incidents.people import People
from devops_daemon.model import Service, Watchlist
from devops_daemon.plans import Plans
from devops_daemon.ports import Forge, LockedOutError, Platform, Prober, PullActs, StatusLedger, UnavailableError
from devops_daemon.redaction import Redactor
from devops_daemon.rollout.matching import health_of_results
from devops_daemon.rollout.verdict import Health, Patience
from devops_daemon.settings import Settings

LOCALLY, ELSEWHERE = timedelta(milliseconds=200), timedelta(seconds=3)
"""How often what was begun is looked at: a platform on this machine need not be spared."""
NOT_CONFIGURED = "GitHub is not configured: set GITHUB_REPOSITORY and GITHUB_TOKEN, then replay this"
log = structlog.get_logger("answering")


@dataclass(frozen=True, slots=True)
class Grounds:
    """What answers rest on."""

    settings: Settings
    watchlist: Watchlist
    plans: Plans
    secrets: tuple[str, ...]
    """What must not be read anywhere."""
    store: Database
    ledger: StatusLedger
    prober: Prober
    exchange: Exchange
    owner: str | None
    """Names the holder of claims, where there is but one process."""

    def knowing(self, values: Iterable[str]) -> Redactor:
        """Make a redactor that knows these values beside the settings' own."""
        return Redactor([*self.secrets, *values])

    def upkeep(self) -> Backend | None:
        """Reach the product's DevOps API, where that is configured."""
        url, secret = self.settings.production_backend_url, self.settings.devops_api_secret
        if url is None or secret is None:
            return None
        redactor = self.knowing(())
        return Backend(self.exchange, url, secret.get_secret_value(), redactor, dry_run=self.settings.dry_run)


class Answering:
    """The conversation, its worker and its sweep; without a forge deliveries are kept, and fail visibly."""

    def __init__(
        self,
        grounds: Grounds,
        forge: Forge | None,
        platform: Platform | None,
        gentle: Callable[[], timedelta],
        pulls: PullActs | None,
        people: People,
        hushing: Hushing,
    ) -> None:
        """`gentle` tells how often the platform may be looked at for what is waited for.

        `pulls` does what people want done to pull requests; there is one where there is a forge.
        """
        settings = grounds.settings
        self._forge = forge
        self._alone = grounds.owner is not None
        self.inbox = InboxRows(grounds.store)
        self.switches = SwitchRows(grounds.store)
        self.means = _means(grounds, forge, platform, self.switches, pulls, people, hushing)
        talk = _conversation(grounds, forge, self.means, gentle)
        self._followers, self.orders, self._each = talk.followers, talk.orders, talk.undertake.rolling.through
        self.converse = talk.converse if forge else None
        self._repository = settings.github_repository
        self.worker = Worker(
            self.inbox,
            self._handle,
            repository=self._repository,
            owner=grounds.owner or f"replica {uuid.uuid4()}",
            now=utc_now,
        )
        self.sweep = (
            Sweep(
                forge,
                self.inbox,
                BookmarkRows(grounds.store),
                self._repository,
                utc_now,
                ticks=TickRows(grounds.store),
                interval=settings.sweep_interval,
            )
            if forge is not None and self._repository
            else None
        )

    @property
    def state(self) -> str:
        """Say how the forge is: `ok`, or what is wrong."""
        if self._forge is None:
            return "off"
        return self._forge.problem or "ok"

    async def start(self) -> None:
        """Work off what is there, and watch what was begun before."""
        await self.worker.start()
        try:
            await self._followers.take_up(self._each, everything=self._alone)
        except UnavailableError as error:
            log.warning("acts.not_resumed", reason=str(error))

    async def stop(self) -> None:
        """Put back what is in hand."""
        await self.worker.stop()
        await self.orders.stop()
        await self._followers.stop()

    async def look(self) -> None:
        """Sweep once, and take up what nobody watches."""
        if self.sweep is not None and await self.sweep.look():
            self.worker.arrived()
        with contextlib.suppress(UnavailableError):
            await self._followers.take_up(self._each)
        await self.orders.look()

    async def _handle(self, arrival: Arrival) -> str | None:
        if self.converse is None:
            raise LockedOutError(NOT_CONFIGURED)
        return await receive(arrival, self._repository, self.converse.hear)


def _means(  # each is a part of what is at hand
    grounds: Grounds,
    forge: Forge | None,
    platform: Platform | None,
    switches: SwitchRows,
    pulls: PullActs | None,
    people: People,
    hushing: Hushing,
) -> Means:
    async def look(service: Service) -> Health | None:
        probes = [probe for probe in service.probes if probe.off is None]
        return health_of_results(await asyncio.gather(*(grounds.prober.run(probe) for probe in probes)))

    return Means(
        watchlist=grounds.watchlist,
        prober=grounds.prober,
        ledger=grounds.ledger,
        switches=switches,
        people=people,
        hushing=hushing,
        secrets=Secrets(grounds.knowing, utc_now),
        now=utc_now,
        look=look,
        asked_forge=forge,
        asked_pulls=pulls,
        asked_platform=platform,
        asked_upkeep=grounds.upkeep(),
    )


@dataclass(frozen=True, slots=True)
class _Talk:
    """What answers comments and operators."""

    followers: Followers
    converse: Converse
    orders: Orders
    undertake: Undertake


def _conversation(grounds: Grounds, forge: Forge | None, means: Means, gentle: Callable[[], timedelta]) -> _Talk:
    settings = grounds.settings
    requests = RequestRows(grounds.store)
    manners = Manners(
        agents=frozenset(login.lower() for login in settings.agent_logins),
        public_logs=settings.public_logs,
        dry_run=settings.dry_run,
        link=public_url(settings),
    )
    voice = Voice(forge, requests, grounds.knowing(()), manners, utc_now)
    followers = Followers(means, requests, voice, gentle, Patience(settle=settings.remediation_pause))
    undertake = Undertake(means, requests, voice, followers, gentle)
    orders = Orders(means, requests, undertake, dry_run=settings.dry_run)
    return _Talk(followers, Converse(means, requests, voice, undertake, manners), orders, undertake)
