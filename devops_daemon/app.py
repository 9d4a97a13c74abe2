"""Build everything from the settings, run it, stop it in reverse: the only place that wires."""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

import structlog

from devops_daemon import logs
from devops_daemon.adapters.exchange import Exchange, SocketFactory
from devops_daemon.adapters.heartbeat import HttpHeartbeat
from devops_daemon.adapters.notices import AppriseNotices
from devops_daemon.adapters.probes import HttpProber
from devops_daemon.adapters.store.db import Database, StoreInUseError, database
from devops_daemon.adapters.store.deployments import DeploymentRows
from devops_daemon.adapters.store.health import HealthRows
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.incidents import IncidentRows
from devops_daemon.adapters.store.signals import SignalRows
from devops_daemon.adapters.store.ticks import PermitRows, TickRows
from devops_daemon.adapters.store.upgrade import NewerStoreError
from devops_daemon.answering import ELSEWHERE, LOCALLY, Answering, Grounds
from devops_daemon.caring import Caring, ephemeral
from devops_daemon.configuration import CannotStartError, Configuration, redactor_of, secrets_of
from devops_daemon.connections import asked_of_github, asked_of_railway, github, railway, user_agent, utc_now
from devops_daemon.daemon import Daemon
from devops_daemon.entrypoints.access import Tokens
from devops_daemon.entrypoints.desk import actions
from devops_daemon.entrypoints.hints import Hints
from devops_daemon.entrypoints.intake import Intake
from devops_daemon.entrypoints.looks import Looks
from devops_daemon.entrypoints.rounds import Rounds
from devops_daemon.entrypoints.schedule import Clocks
from devops_daemon.entrypoints.status import Facts, PlatformShown
from devops_daemon.entrypoints.web import Server, Site, listening_socket
from devops_daemon.health.signals import LEVELS, Level
from devops_daemon.health.verdict import Thresholds
from devops_daemon.health.watch import Watch
from devops_daemon.hearing import hearing
from devops_daemon.incidents.respond import Respond
from devops_daemon.model import Service
from devops_daemon.ports import Platform, UnavailableError
from devops_daemon.redaction import Redactor
from devops_daemon.response.signals import Signals, Standing
from devops_daemon.reviewing import AUDIT_LOOKED_AT, reviewing
from devops_daemon.rollout.matching import match
from devops_daemon.rollout.watch import PlatformWatch
from devops_daemon.settings import Settings
from devops_daemon.tending import tending

if TYPE_CHECKING:
    from devops_daemon.adapters.github.forge import GitHub
    from devops_daemon.adapters.railway.api import Api

FORGET_EVERY = timedelta(hours=1)
LOOK_EVERY = timedelta(seconds=30)
log = structlog.get_logger("app")


def start_log(configuration: Configuration) -> Redactor:
    """Set up the log, with every secret kept out of it."""
    settings, redactor = configuration.settings, redactor_of(configuration)
    json_lines = settings.log_format == "json" or (settings.log_format is None and not sys.stdout.isatty())
    logs.configure(level=settings.log_level, json_lines=json_lines, redactor=redactor)
    return redactor


def _thresholds(settings: Settings) -> Thresholds:
    return Thresholds(
        failures=settings.failure_threshold,
        successes=settings.success_threshold,
        check_interval=settings.check_interval,
        confirm_interval=settings.confirm_interval,
    )


def facts(configuration: Configuration) -> Facts:
    """Put together what `/status` says of the set-up."""
    settings, notes = configuration.settings, []
    repository = settings.github_repository
    if settings.ephemeral_store:
        notes.append(
            "The store is lost at each deployment: there is neither a volume nor DEVOPS_DATABASE_URL."
            " Attach a volume, or set DEVOPS_DATABASE_URL."
        )
    return Facts(
        version=version("devops-daemon"),
        watchlist=configuration.watchlist,
        dry_run=settings.dry_run,
        integrations=_integrations(settings),
        notes=tuple(notes),
        maintenance=configuration.plans.maintenance,
        repository_url=f"{settings.github_url}/{repository}" if repository else None,
    )


def _integrations(settings: Settings) -> dict[str, str]:
    """Say of each what it does; how Railway and GitHub are, the pages ask."""
    without_repository = (settings.github_token or settings.github_app_id) and not settings.github_repository
    return {
        "railway": "off",
        "github": "GITHUB_REPOSITORY is not set" if without_repository else "off",
        "backend": "ok" if settings.devops_api_secret and settings.production_backend_url else "off",
        "feedback": "GitHub is not configured" if settings.feedback_processor_secret else "off",
    }


@asynccontextmanager
async def running(  # noqa: PLR0915 # one line for each part
    configuration: Configuration,
    redactor: Redactor,
    socket_factory: SocketFactory | None = None,
    levels: Sequence[Level] = LEVELS,
) -> AsyncIterator[int]:
    """Run the daemon; gives the port it listens on. What was started last is stopped first.

    Raises CannotStartError where the store or the port cannot be had.
    """
    settings = configuration.settings
    async with contextlib.AsyncExitStack() as stack:
        listening = _listen(settings)
        stack.callback(listening.close)
        store = _database(settings)
        stack.push_async_callback(store.close)
        try:
            await store.open()
        except (StoreInUseError, NewerStoreError) as error:
            raise CannotStartError(str(error)) from None
        except UnavailableError as error:
            code = 1 if settings.database_url.startswith("sqlite:///") else 3
            raise CannotStartError(redactor.text(str(error)), code) from None
        exchange = await stack.enter_async_context(Exchange(user_agent(), socket_factory))
        prober = HttpProber(exchange, redactor, utc_now, None if settings.dry_run else PermitRows(store))
        watch = Watch(
            configuration.watchlist,
            _thresholds(settings),
            prober,
            HealthRows(store, _owner(settings)),
            utc_now,
        )
        heart_url = settings.heartbeat_url.get_secret_value() if settings.heartbeat_url else None
        clocks = Clocks(utc_now)
        history = HistoryRows(store, settings.check_interval)
        platform = await _platform(stack, configuration, redactor, DeploymentRows(store), socket_factory)
        grounds = Grounds(
            settings,
            configuration.watchlist,
            configuration.plans,
            secrets_of(configuration),
            store,
            history,
            prober,
            exchange,
            _owner(settings),
        )
        forge = await _forge(stack, settings, redactor, socket_factory)
        asked = platform.asked if platform else None
        probed = platform.probed if platform else _nothing_hosted
        tended = tending(grounds, forge, asked, probed, ephemeral(settings)) if forge else None
        by_hand = tended.by_hand if tended else None
        heard = hearing(grounds, forge, ephemeral(settings)) if forge else None
        notices = AppriseNotices(settings.notify_urls, dry_run=settings.dry_run) if settings.notify_urls else None
        caring = Caring(grounds, watch, forge, asked, notices, lambda: rounds.hint())  # noqa: PLW0108 # made below
        gentle = platform.gentle if platform else timedelta
        answering = Answering(grounds, forge, asked, gentle, by_hand, caring.people, caring.hushing)
        services, rows = configuration.watchlist.services, SignalRows(store)
        standing = Standing(rows, services)
        signals = Signals(platform.unasked, rows, standing, services, utc_now, levels) if platform else None
        daemon = Daemon(
            watch,
            Respond(IncidentRows(store), services),
            HttpHeartbeat(exchange, heart_url),
            utc_now,
            caring.changed,
            standing.current,
        )
        rounds = Rounds(daemon, clocks, TickRows(store), settings.check_interval, utc_now, settings.confirm_interval)
        pulls = Looks("pulls", tended.tend.look, tended.tend.pace, clocks, utc_now) if tended else None
        audits = reviewing(grounds, forge, platform.api if platform else None, platform.unasked if platform else None)
        secret = settings.railway_webhook_secret
        site = Site(
            facts(configuration),
            history,
            rounds.late,
            _tokens(settings),
            utc_now,
            latest=lambda: watch.latest,
            platform=platform.shown if platform else None,
            integrations=lambda: {
                **({"github": answering.state} if answering.sweep else {}),
                **({"feedback": heard.state} if heard else {}),
            },
            intake=Intake(
                answering.inbox,
                _webhook_secrets(settings),
                utc_now,
                answering.worker.arrived,
                hint=pulls.hint if pulls else lambda: None,
            ),
            inbox=answering.inbox,
            hints=Hints(secret.get_secret_value() if secret else None, rounds.hint),
            actions=actions(
                answering.inbox,
                audits.now,
                answering.means,
                answering.orders,
                answering.worker.arrived,
            ),
        )
        server = Server(site, listening)
        await _start(stack, server, rounds)
        if platform is not None:
            hints = [rounds.hint, *([pulls.hint] if pulls else [])]
            look = partial(_look_at, daemon, platform.watch, services, hints)
            await _start(stack, Looks("platform", look, platform.pace, clocks, utc_now))
        if platform is not None and signals is not None:
            pace = partial(platform.share, signals.requests, settings.check_interval)
            await _start(stack, Looks("signals", partial(_look_for, signals, rounds.hint), pace, clocks, utc_now))
        await _start(stack, answering)
        await _start(stack, Looks("sweep", answering.look, lambda: settings.sweep_interval, clocks, utc_now))
        if pulls is not None:
            await _start(stack, pulls)
        if heard is not None:
            await _start(stack, Looks("feedback", heard.look, heard.pace, clocks, utc_now))
        often = min(AUDIT_LOOKED_AT, settings.check_interval)
        await _start(stack, Looks("audit", audits.look, lambda: often, clocks, utc_now))
        if caring.earlier is not None:
            await _start(stack, Looks("earlier", caring.earlier.look, lambda: settings.check_interval, clocks, utc_now))
        clocks.every("sessions", settings.check_interval, caring.sample)
        clocks.every("forget", FORGET_EVERY, _forgetting(history))
        await _start(stack, caring.mending, caring.telling, clocks)
        yield server.port


class _Part(Protocol):
    """Something that runs beside others."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


async def _start(stack: contextlib.AsyncExitStack, *parts: _Part) -> None:
    """Start parts in their order; they are stopped in reverse."""
    for part in parts:
        await part.start()
        stack.push_async_callback(part.stop)


@dataclass(frozen=True, slots=True)
class _Platform:
    """The hosting platform, as the daemon looks at it by itself."""

    watch: PlatformWatch
    api: "Api"
    asked: Platform
    """For what people ask: it does not count against the daemon's own share of requests."""
    unasked: Platform
    """For what the daemon looks at by itself."""
    services: Sequence[Service]
    """Those that are watched."""
    longest: timedelta

    def pace(self) -> timedelta:
        """Say how often to look: some room within our share of the limit is left for what else is asked."""
        return max(self.longest, 1.5 * self.api.quota.pace)

    def share(self, requests: int, least: timedelta) -> timedelta:
        """Say how often so many requests may be made beside the looks: they take an eighth of our share at most."""
        return max(least, 8 * requests * self.api.quota.pace)

    def gentle(self) -> timedelta:
        """Say how often to look at what is waited for."""
        return max(LOCALLY if self.api.asked.is_local else ELSEWHERE, 2 * self.api.gentle)

    def probed(self) -> frozenset[str]:
        """Say which services are looked at by our probes, by the platform's ids."""
        hosting = self.watch.view.hosting
        return frozenset(each.id for each in match(self.services, hosting).values()) if hosting else frozenset()

    def shown(self) -> PlatformShown:
        """Give what the pages show."""
        return PlatformShown(self.watch.view, self.api.notes)


async def _platform(
    stack: contextlib.AsyncExitStack,
    configuration: Configuration,
    redactor: Redactor,
    ledger: DeploymentRows,
    socket_factory: SocketFactory | None,
) -> _Platform | None:
    asked = asked_of_railway(configuration.settings)
    if asked is None:
        return None
    # as above: only where there is a token
    from devops_daemon.adapters.railway.platform import Railway  # noqa: PLC0415

    api = await stack.enter_async_context(railway(asked, redactor, socket_factory))
    longest = min(LOOK_EVERY, configuration.settings.check_interval)
    unasked = Railway(api, utc_now, unasked=True)
    watch, services = PlatformWatch(unasked, ledger, utc_now), configuration.watchlist.services
    return _Platform(watch, api, Railway(api, utc_now), unasked, services, longest)


def _nothing_hosted() -> None:
    """No platform is looked at."""


async def _forge(
    stack: contextlib.AsyncExitStack, settings: Settings, redactor: Redactor, socket_factory: SocketFactory | None
) -> "GitHub | None":
    asked = asked_of_github(settings)
    return await stack.enter_async_context(github(asked, redactor, socket_factory)) if asked else None


async def _look_at(
    daemon: Daemon, platform: PlatformWatch, services: Sequence[Service], hints: Sequence[Callable[[], None]]
) -> None:
    if await daemon.look_at(platform, services):
        for hint in hints:
            hint()


async def _look_for(signals: Signals, hint: Callable[[], None]) -> None:
    if await signals.look():
        hint()


def _listen(settings: Settings) -> socket.socket:
    try:
        return listening_socket(settings.host, settings.port)
    except OSError as error:
        what = f"cannot listen on port {settings.port} of {settings.host}: {error.strerror}"
        raise CannotStartError(f"{what}; set PORT to a free one, or HOST to an address of this machine") from None


def _database(settings: Settings) -> Database:
    try:
        return database(settings.database_url)
    except ModuleNotFoundError as error:
        raise CannotStartError(
            f"DEVOPS_DATABASE_URL: PostgreSQL needs {error.name}: pip install 'devops-daemon[postgres]'"
        ) from None


def _owner(settings: Settings) -> str | None:
    """Name the holder of claims: a SQLite file has one process, which takes up what it claimed before it was killed."""
    return "the only process" if settings.database_url.startswith("sqlite:///") else None


def _tokens(settings: Settings) -> Tokens:
    viewer, operator = settings.viewer_token, settings.operator_token
    return Tokens(
        viewer=viewer.get_secret_value() if viewer else None,
        operator=operator.get_secret_value() if operator else None,
    )


def _webhook_secrets(settings: Settings) -> list[bytes]:
    """Give the current one and, while it is rotated, the one before; none where no webhook is taken."""
    secrets = (settings.github_webhook_secret, settings.github_webhook_secret_previous)
    return (
        [secret.get_secret_value().encode("utf-8", "surrogateescape") for secret in secrets if secret]
        if secrets[0]
        else []
    )


def _forgetting(history: HistoryRows) -> Callable[[], Awaitable[None]]:
    at_work = asyncio.Lock()

    async def forget() -> None:
        if at_work.locked():
            return
        async with at_work:
            with contextlib.suppress(UnavailableError):
                deleted = await history.forget(utc_now())
                log.debug("store.tidied", rows=deleted)

    return forget


async def run(configuration: Configuration) -> None:
    """Run the daemon until SIGTERM or SIGINT; raises CannotStartError."""
    redactor = start_log(configuration)
    loop = asyncio.get_running_loop()
    logs.watch_loop(loop)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    started = loop.time()
    async with running(configuration, redactor) as port:
        log.info(
            "daemon.started",
            version=version("devops-daemon"),
            port=port,
            seconds=round(loop.time() - started, 3),
            services=[service.name for service in configuration.watchlist.services],
            off=[f"{p.key}: {p.off}" for p in configuration.watchlist.probes if p.off],
            dry_run=configuration.settings.dry_run,
        )
        for note in facts(configuration).notes:
            log.warning("daemon.note", reason=note)
        _collect_less()
        await stop.wait()
        log.info("daemon.stopping")
    log.info("daemon.stopped")


def _collect_less() -> None:
    """Spare what was made at the start each search for garbage: that took a quarter of the time of a webhook."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
