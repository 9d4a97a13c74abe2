"""Deployments watched to their end and kept by the clock: the sandbox's product on its Railway, over real HTTP."""

import asyncio
import itertools
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from builders import START, a_probe, a_service
from pydantic import SecretStr
from structlog.testing import capture_logs

from devops_daemon.adapters.railway.api import Api, Waits
from devops_daemon.adapters.railway.asked import Asked
from devops_daemon.adapters.railway.platform import Railway as Platform
from devops_daemon.adapters.railway.quota import Quota
from devops_daemon.adapters.railway.transport import HttpTransport
from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.deployments import DeploymentRows
from devops_daemon.hosting import Became, DeploymentRecord, HostedService, Phase
from devops_daemon.model import HttpCheck, Status
from devops_daemon.ports import DeploymentLedger, UnavailableError
from devops_daemon.probing import probing
from devops_daemon.redaction import Redactor
from devops_daemon.rollout.follow import Ended, Follow, Probe
from devops_daemon.rollout.verdict import Action, Failed, Health, Patience, Rollout, Unproven, Well
from devops_daemon.rollout.watch import NEWS_EVERY, PlatformWatch
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.deployments import Status as RailwayStatus
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.sandbox.railway.seed import PRODUCTION_ID, service_id

QUICK = Waits(retry=0.001, looks=(0.0, 0.01, 0.02), poll=0.005, patience=2.0)
OFTEN = timedelta(milliseconds=3)
LIMITS = Patience(build=timedelta(seconds=20), settle=timedelta(seconds=20))
HASTY = replace(LIMITS, settle=timedelta(milliseconds=100))
STAGES = ("initializing", "building", "deploying", "success, no replica runs yet")
ATTEMPTS = 3
"""How often the adapter asks before it says that Railway is unavailable."""
PATIENCE = 10
UP = Health(Status.UP, "backend: status 200")
DOWN = Health(Status.DOWN, "backend: wrong status: 500")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Shop:
    """The sandbox's product on the sandbox's Railway, looked after by the adapter."""

    product: Product
    railway: Railway
    platform: Platform
    look: Probe
    told: list[str] = field(default_factory=list)

    async def service(self, name: str = "backend") -> HostedService:
        return (await self.platform.hosting()).service(name)

    async def follow(
        self,
        identifier: str,
        *,
        limits: Patience = LIMITS,
        probe: Probe | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> Ended:
        """Watch a deployment to its end; what is told is kept."""

        def note(text: str) -> None:
            self.told.append(text)
            if tell:
                tell(text)

        rollout = Rollout(Action.DEPLOY, identifier, utc_now())
        follow = Follow(self.platform, utc_now, lambda: OFTEN)
        return await follow.to_its_end(rollout, probe or self.look, note, limits)

    async def until(self, identifier: str, *statuses: RailwayStatus) -> None:
        """Wait until a deployment has come to one of these."""
        await until(lambda: self.railway.realm.world.deployment(identifier).status in statuses)

    async def answers(self) -> int:
        """Ask the backend how it is, on a connection of its own."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.product.backend_url}/health") as response:
            return response.status


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        for pause in itertools.repeat(0.003):
            if holds():
                return
            await asyncio.sleep(pause)


async def no_probe() -> None:
    """Look at a service that nothing probes."""


@asynccontextmanager
async def opened(pace: Pace | None = None) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        product = await stack.enter_async_context(Product())
        railway = await stack.enter_async_context(Railway(product, pace or Pace.quick()))
        railway.limits.second_limit = 10_000
        # the limit of five requests a second is kept by a clock that runs a thousand times faster
        quota = Quota(utc_now, lambda: time.monotonic() * 1000)
        redactor = Redactor()
        asked = Asked(railway.api_url, SecretStr(railway.project_token), SecretStr(railway.workspace_token))
        transport = HttpTransport(asked.url, "devops-daemon/test", quota, redactor, utc_now)
        api = await stack.enter_async_context(Api(transport, quota, asked, QUICK))
        look = await stack.enter_async_context(probing(redactor))
        probed = replace(a_probe(timeout=timedelta(seconds=2)), check=HttpCheck(url=f"{product.backend_url}/health"))
        backend = a_service(probes=[probed])
        yield Shop(product, railway, Platform(api, utc_now), lambda: look(backend))


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with opened() as shop:
        yield shop


def is_in_order(told: Sequence[str], stages: Iterable[str]) -> bool:
    """Tell whether each was told once at most, in this order; what was over too soon may have been missed."""
    rest = iter(stages)
    return all(text in rest for text in told)


# --- followed to the end


async def test_a_redeploy_is_followed_until_the_product_answers(shop: Shop) -> None:
    serving = (await shop.service()).serving
    assert serving is not None
    new = await shop.platform.redeploy(serving)
    ended = await shop.follow(new.id)
    assert ended.verdict == Well("live, 1 running, and it answers")
    assert ended.deployment is not None
    assert (ended.deployment.id, ended.deployment.phase) == (new.id, Phase.LIVE)
    assert ended.steps == ()
    assert shop.product.calls["GET /health"] == 1
    assert is_in_order(shop.told, STAGES)


async def test_progress_is_told_once_for_each_change() -> None:
    async with opened(replace(Pace.quick(), building=timedelta(milliseconds=100))) as shop:
        await shop.follow(shop.railway.push("backend"))
        assert is_in_order(shop.told, STAGES)
        assert "building" in shop.told


async def test_where_nothing_probes_it_the_platforms_word_must_do(shop: Shop) -> None:
    ended = await shop.follow(shop.railway.push("backend"), probe=no_probe)
    assert ended.verdict == Well("live, 1 running; nothing probes it")


async def test_a_commit_that_breaks_the_product_fails_although_it_is_live(shop: Shop) -> None:
    ended = await shop.follow(shop.railway.push("backend", brings=frozenset({"backend-500"})), limits=HASTY)
    assert isinstance(ended.verdict, Failed)
    assert ended.verdict.text.startswith("live, but backend: ")
    assert "500" in ended.verdict.text
    assert ended.deployment is not None
    assert ended.deployment.status == "SUCCESS"


async def test_a_product_that_does_not_answer_at_once_has_a_while(shop: Shop) -> None:
    mending: list[asyncio.Task[None]] = []

    def mend(text: str) -> None:
        if text.startswith("live, but"):
            mending.append(asyncio.create_task(shop.product.mend()))

    ended = await shop.follow(shop.railway.push("backend", brings=frozenset({"backend-500"})), tell=mend)
    assert ended.verdict == Well("live, 1 running, and it answers")
    assert len(mending) == 1


async def test_a_failing_build_ends_with_its_steps_and_the_one_before_serves_on(shop: Shop) -> None:
    ended = await shop.follow(shop.railway.push("backend", fails_at="build"))
    assert ended.verdict == Failed("the deployment failed; the one before goes on serving")
    assert [step.name for step in ended.steps] == ["SNAPSHOT_CODE", "BUILD_IMAGE"]
    assert ended.steps[-1].error == "Failed to build an image. Please check the build logs for more details."
    assert await shop.answers() == 200


async def test_a_failing_health_check_ends_with_the_attempts_that_were_made(shop: Shop) -> None:
    ended = await shop.follow(shop.railway.push("backend", fails_at="healthcheck"))
    assert isinstance(ended.verdict, Failed)
    last = ended.steps[-1]
    assert (last.name, last.attempt, last.attempts) == ("HEALTHCHECK", 14, 14)
    assert "never became healthy" in (last.error or "")
    assert await shop.answers() == 200


async def test_steps_that_cannot_be_read_do_not_hide_the_failure(shop: Shop) -> None:
    shop.railway.faults.switch_on("schema-drift", operation="DeploymentSteps")
    ended = await shop.follow(shop.railway.push("backend", fails_at="build"))
    assert (ended.verdict, ended.steps) == (Failed("the deployment failed; the one before goes on serving"), ())


async def test_a_crash_while_it_settles_is_a_failure(shop: Shop) -> None:
    identifier = shop.railway.push("backend", brings=frozenset({"backend-500"}))
    crashing: list[asyncio.Task[None]] = []

    def crash(text: str) -> None:
        if text.startswith("live, but") and not crashing:
            crashing.append(asyncio.create_task(shop.railway.crash("backend")))

    ended = await shop.follow(identifier, tell=crash)
    assert ended.verdict == Failed("the deployment crashed")
    assert ended.steps


async def test_a_process_that_exits_quietly_is_a_failure_whatever_the_status_says(shop: Shop) -> None:
    world = shop.railway.realm.world
    identifier = shop.railway.push("backend")
    await shop.until(identifier, RailwayStatus.SUCCESS)
    await shop.railway.realm.operations.exit_quietly(world.place_named(PRODUCTION_ID, "backend"))
    ended = await shop.follow(identifier)
    assert ended.verdict == Failed("its process has ended by itself")
    assert ended.deployment is not None
    assert ended.deployment.status == "SUCCESS"


async def test_a_deployment_that_a_newer_one_replaces_has_failed() -> None:
    async with opened(replace(Pace.quick(), building=timedelta(hours=1))) as shop:
        identifier = shop.railway.push("backend")

        def push(text: str) -> None:
            if text == "building":
                shop.railway.push("backend")

        ended = await shop.follow(identifier, tell=push)
    assert ended.verdict == Failed("the deployment was replaced, removed or aborted")


async def test_a_scheduled_service_is_well_when_it_is_built(shop: Shop) -> None:
    ended = await shop.follow(shop.railway.push("nightly"), probe=no_probe)
    assert ended.verdict == Well("built; it runs when its time comes")


async def test_a_status_that_is_not_known_counts_as_under_way(shop: Shop) -> None:
    shop.railway.faults.switch_on("unknown-status", operation="Deployment", times=2)
    ended = await shop.follow(shop.railway.push("backend"))
    assert shop.told[0] == "hibernating"
    assert isinstance(ended.verdict, Well)


# --- restarts


async def test_a_hung_backend_that_is_restarted_answers_again(shop: Shop) -> None:
    await shop.product.switch_on("backend-hang")
    service = await shop.service()
    started = utc_now()
    before = await shop.platform.restart(service)
    rollout = Rollout(Action.RESTART, before.id, started, before.instances)
    ended = await Follow(shop.platform, utc_now, lambda: OFTEN).to_its_end(rollout, shop.look, shop.told.append, LIMITS)
    assert ended.verdict == Well("live, 1 running, and it answers")
    assert ended.deployment is not None
    assert ended.deployment.id == before.id
    assert {each.id for each in ended.deployment.instances}.isdisjoint(each.id for each in before.instances)
    assert (await shop.answers(), shop.product.active) == (200, frozenset())


async def test_a_crashed_backend_is_probed_after_its_restart_before_it_is_called_well(shop: Shop) -> None:
    await shop.railway.crash("backend")
    before = await shop.platform.restart(await shop.service())
    assert before.phase is Phase.CRASHED
    rollout = Rollout(Action.RESTART, before.id, utc_now(), before.instances)
    ended = await Follow(shop.platform, utc_now, lambda: OFTEN).to_its_end(rollout, shop.look, shop.told.append, LIMITS)
    assert ended.verdict == Well("live, 1 running, and it answers")


async def test_a_crash_that_one_replica_outlives_is_probed_too(shop: Shop) -> None:
    await shop.railway.crash("backend")
    world = shop.railway.realm.world
    crashed = (await shop.service()).serving
    assert crashed is not None
    running = world.deployment((await shop.service("frontend")).active[0].id).replicas
    world.change(crashed.id, replicas=running)
    rollout = Rollout(Action.RESTART, crashed.id, utc_now(), crashed.instances)
    ended = await Follow(shop.platform, utc_now, lambda: OFTEN).to_its_end(rollout, shop.look, shop.told.append, HASTY)
    assert isinstance(ended.verdict, Failed)
    assert ended.verdict.text.startswith("live, but backend: ")


# --- the API's own troubles


@pytest.mark.parametrize("fault", ["gateway-502", "lost-request", "not-json", "problem-processing", "bare"])
async def test_an_outage_of_the_api_only_delays(shop: Shop, fault: str) -> None:
    identifier = shop.railway.push("backend")
    await shop.platform.deployment(identifier)
    shop.railway.faults.switch_on(fault, operation="Deployment", times=2 * ATTEMPTS)
    ended = await shop.follow(identifier)
    assert ended.verdict == Well("live, 1 running, and it answers")
    assert shop.told[0] not in STAGES
    assert shop.railway.faults.active == frozenset()


async def test_an_outage_that_outlasts_the_patience_proves_nothing(shop: Shop) -> None:
    identifier = shop.railway.push("backend")
    await shop.platform.deployment(identifier)
    shop.railway.faults.switch_on("gateway-502")
    ended = await shop.follow(identifier, limits=replace(LIMITS, build=timedelta(milliseconds=100)))
    assert isinstance(ended.verdict, Unproven)
    assert ended.verdict.text.startswith("how it ended can't be told: ")
    assert ended.deployment is None


# --- by the clock


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, time: timedelta) -> None:
        self.now += time


class ShakyRows:
    """The port DeploymentLedger, on the real one: its calls fail or lose their answer when told to, and are counted."""

    def __init__(self, real: DeploymentLedger) -> None:
        self.real = real
        self.failing: set[str] = set()
        self.loses_answers = False
        self.kept: list[int] = []

    async def rows(self, identifiers: Sequence[str]) -> list[DeploymentRecord]:
        self._before("rows")
        return await self.real.rows(identifiers)

    async def keep(self, records: Sequence[DeploymentRecord]) -> None:
        self._before("keep")
        await self.real.keep(records)
        self.kept.append(len(records))
        if self.loses_answers:
            raise UnavailableError("the connection was lost")

    def _before(self, call: str) -> None:
        if call in self.failing:
            raise UnavailableError("the disk is full")


MINUTE = timedelta(minutes=1)
ALL = {"backend", "frontend", "Postgres", "nightly", "preview", "devops-daemon"}


class Tower:
    """A watch over the shop, its clock and its store."""

    def __init__(self, shop: Shop, store: SqliteDatabase) -> None:
        self.shop = shop
        self.railway = shop.railway
        self.clock = Hands()
        self.ledger = ShakyRows(DeploymentRows(store))
        self.health: dict[str, Health] = {}
        self.asked: list[tuple[str, datetime]] = []
        self.watch = self.begin()

    def begin(self) -> PlatformWatch:
        """Begin to watch anew, as a daemon that has been started again does."""
        self.watch = PlatformWatch(self.shop.platform, self.ledger, self.clock)
        return self.watch

    async def look(self, later: timedelta = MINUTE) -> None:
        self.clock.move(later)
        await self.watch.look(self._health_of)

    def _health_of(self, service: HostedService, since: datetime) -> Health | None:
        self.asked.append((service.name, since))
        return self.health.get(service.name)

    async def row(self, identifier: str) -> DeploymentRecord:
        """Read what the store keeps of one deployment."""
        return next(row for row in await self.ledger.real.rows([identifier]) if row.id == identifier)

    async def rows(self) -> list[DeploymentRecord]:
        return await self.ledger.real.rows([])

    async def serving(self, name: str = "backend") -> str:
        deployment = (await self.shop.service(name)).serving
        assert deployment is not None
        return deployment.id


@pytest.fixture(scope="module")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a store with its tables made, to copy from: to make them takes longer than most of these tests."""
    path = tmp_path_factory.mktemp("new") / "devops-daemon.db"

    async def make() -> None:
        store = SqliteDatabase(path)
        await store.open()
        await store.close()

    asyncio.run(make())
    return path


@pytest.fixture
async def tower(shop: Shop, tmp_path: Path, new_store: Path) -> AsyncIterator[Tower]:
    store = SqliteDatabase(Path(shutil.copy(new_store, tmp_path)))
    await store.open()
    yield Tower(shop, store)
    await store.close()


def events(logs: Iterable[object], *names: str) -> list[str]:
    found = [log["event"] for log in logs if isinstance(log, dict)]
    return [event for event in found if event in names]


async def test_every_deployment_that_is_there_is_kept(tower: Tower) -> None:
    await tower.look()
    rows = {row.service: row for row in await tower.rows()}
    assert set(rows) == ALL
    assert {row.became for row in rows.values()} == {Became.LIVE}
    serving = (await tower.shop.service()).serving
    assert serving is not None
    assert rows["backend"] == DeploymentRecord(
        id=serving.id,
        service_id=serving.service_id,
        service="backend",
        status="SUCCESS",
        phase=Phase.LIVE,
        became=Became.LIVE,
        created_at=serving.created_at,
        seen_at=tower.clock(),
        commit=serving.commit,
        live_at=tower.clock(),
    )


async def test_the_view_shows_what_was_read(tower: Tower) -> None:
    assert tower.watch.view.hosting is None
    await tower.look()
    view = tower.watch.view
    assert view.hosting is not None
    assert {service.name for service in view.hosting.services} == ALL
    assert (view.news and view.news.stable, view.problem) == (True, None)


async def test_what_does_not_change_is_written_once(tower: Tower) -> None:
    for _ in range(3):
        await tower.look()
    assert tower.ledger.kept == [len(ALL)]


async def test_a_push_of_somebody_is_kept_from_its_beginning_to_its_proof(tower: Tower) -> None:
    identifier = tower.railway.push("backend")
    await tower.look()
    assert (await tower.row(identifier)).became is Became.UNDER_WAY
    await tower.shop.until(identifier, RailwayStatus.SUCCESS)
    tower.health["backend"] = UP
    await tower.look()
    live_at = tower.clock()
    assert (await tower.row(identifier)).became is Became.LIVE
    await tower.look()
    row = await tower.row(identifier)
    assert (row.became, row.live_at, row.well_at) == (Became.WELL, live_at, tower.clock())
    assert row.commit is not None
    assert row.commit.author == "maria"
    assert ("backend", live_at) in tower.asked, "health counts from the moment it was live"


async def test_a_deployment_that_a_newer_one_replaces_has_ended(tower: Tower) -> None:
    before = await tower.serving()
    await tower.look()
    newer = tower.railway.push("backend")
    await tower.shop.until(newer, RailwayStatus.SUCCESS)
    await tower.shop.until(before, RailwayStatus.REMOVED)
    await tower.look()
    row = await tower.row(before)
    assert (row.became, row.phase, row.ended_at) == (Became.ENDED, Phase.ENDED, tower.clock())
    asked = tower.railway.calls["Deployment"]
    await tower.look()
    assert tower.railway.calls["Deployment"] == asked, "what has ended is not asked for again"


async def test_what_ended_while_the_daemon_was_down_is_found_to_have_ended(tower: Tower) -> None:
    before = await tower.serving()
    await tower.look()
    seen_at = tower.clock()
    await tower.shop.until(tower.railway.push("backend"), RailwayStatus.SUCCESS)
    await tower.shop.until(before, RailwayStatus.REMOVED)
    tower.begin()
    await tower.look()
    row = await tower.row(before)
    assert (row.became, row.seen_at, row.ended_at) == (Became.ENDED, seen_at, tower.clock())


async def test_a_failed_build_is_kept_beside_the_one_that_serves(tower: Tower) -> None:
    before = await tower.serving()
    identifier = tower.railway.push("backend", fails_at="build")
    await tower.shop.until(identifier, RailwayStatus.FAILED)
    for _ in range(3):
        await tower.look()
    assert (await tower.row(identifier)).became is Became.FAILED
    assert (await tower.row(before)).became is Became.LIVE
    assert tower.ledger.kept == [len(ALL) + 1], "a failed one stays the latest, and is written once"


async def test_a_crash_is_a_failure_until_it_runs_again(tower: Tower) -> None:
    identifier = await tower.serving()
    await tower.look()
    await tower.railway.crash("backend")
    await tower.look()
    assert (await tower.row(identifier)).became is Became.FAILED
    await tower.shop.platform.restart(await tower.shop.service())
    await tower.shop.until(identifier, RailwayStatus.SUCCESS)
    await tower.look()
    row = await tower.row(identifier)
    assert (row.became, row.ended_at) == (Became.LIVE, None)


async def test_a_deployment_that_is_not_proved_is_told_of_after_ten_minutes(tower: Tower) -> None:
    tower.health = {"backend": UP, "frontend": DOWN}
    await tower.look()
    await tower.look(10 * MINUTE)
    await tower.look()
    became = {row.service: row.became for row in await tower.rows()}
    assert (became["backend"], became["frontend"]) == (Became.WELL, Became.UNPROVEN)


async def test_each_change_of_outcome_is_told_once(tower: Tower) -> None:
    await tower.look()
    with capture_logs() as logs:
        identifier = tower.railway.push("backend", fails_at="build")
        await tower.shop.until(identifier, RailwayStatus.FAILED)
        await tower.look()
        await tower.look()
    seen = [log for log in logs if log["event"] == "deployment.seen"]
    assert [(log["service"], log["deployment"], log["became"]) for log in seen] == [("backend", identifier, "failed")]


async def test_a_change_that_is_none_of_outcome_is_kept_and_not_told(tower: Tower) -> None:
    identifier = await tower.serving()
    await tower.look()
    with capture_logs() as logs:
        tower.railway.realm.world.set_status(identifier, RailwayStatus.SLEEPING)
        await tower.look()
    row = await tower.row(identifier)
    assert (row.status, row.phase, row.became) == ("SLEEPING", Phase.SLEEPING, Became.LIVE)
    assert events(logs, "deployment.seen") == []


async def test_a_deployment_that_railway_no_longer_knows_has_ended_and_holds_up_no_other(tower: Tower) -> None:
    before = await tower.serving()
    await tower.look()
    newer = tower.railway.push("backend")
    await tower.shop.until(newer, RailwayStatus.SUCCESS)
    await tower.shop.until(before, RailwayStatus.REMOVED)
    del tower.railway.realm.world.deployments[before]
    await tower.look()
    rows = [await tower.row(each) for each in (before, newer)]
    assert [(row.became, row.ended_at) for row in rows] == [(Became.ENDED, tower.clock()), (Became.LIVE, None)]
    asked = tower.railway.calls["Deployment"]
    await tower.look()
    assert tower.railway.calls["Deployment"] == asked


async def test_the_deployments_of_a_service_that_is_deleted_have_ended(tower: Tower) -> None:
    identifier = await tower.serving("preview")
    await tower.look()
    world = tower.railway.realm.world
    del world.deployments[identifier], world.places[PRODUCTION_ID, service_id("preview")]
    await tower.look()
    row = await tower.row(identifier)
    assert (row.became, row.ended_at) == (Became.ENDED, tower.clock())


# --- outages


async def test_an_outage_of_the_api_is_told_once_and_the_last_view_stays(tower: Tower) -> None:
    await tower.look()
    before = tower.watch.view
    with capture_logs() as logs:
        tower.railway.faults.switch_on("gateway-502", operation="Services")
        for _ in range(3):
            await tower.look()
        during = tower.watch.view
        tower.railway.faults.mend()
        await tower.look()
        await tower.look()
    assert events(logs, "platform.broken", "platform.recovered") == ["platform.broken", "platform.recovered"]
    assert (during.hosting, during.news) == (before.hosting, before.news)
    assert "502" in (during.problem or "")
    assert tower.watch.view.problem is None


async def test_a_refusal_is_an_outage_too(tower: Tower) -> None:
    tower.railway.faults.switch_on("two-factor", operation="Services")
    await tower.look()
    assert tower.watch.view.hosting is None
    assert tower.watch.view.problem is not None


async def test_rows_are_not_touched_while_the_api_is_out(tower: Tower) -> None:
    await tower.look()
    rows = await tower.rows()
    tower.railway.faults.switch_on("gateway-502", operation="Services")
    await tower.look(20 * MINUTE)
    assert await tower.rows() == rows


async def test_while_all_is_well_railway_is_asked_for_news_every_five_minutes(tower: Tower) -> None:
    for later in (MINUTE, MINUTE, NEWS_EVERY - 2 * MINUTE, MINUTE, MINUTE):
        await tower.look(later)
    assert tower.railway.calls["PlatformStatus"] == 2


async def test_when_the_api_fails_railway_is_asked_for_news_at_once_but_once(tower: Tower) -> None:
    await tower.look()
    tower.railway.realm.weather.incident = "Deployments are delayed"
    tower.railway.faults.switch_on("gateway-502", operation="Services")
    with capture_logs() as logs:
        await tower.look()
        await tower.look()
    news = tower.watch.view.news
    assert news is not None
    assert (news.stable, news.text) == (False, "Deployments are delayed")
    assert tower.railway.calls["PlatformStatus"] == 2
    assert events(logs, "platform.news") == ["platform.news"]


async def test_news_that_cannot_be_read_leave_those_there_are(tower: Tower) -> None:
    await tower.look()
    before = tower.watch.view.news
    tower.railway.faults.switch_on("gateway-502", operation="PlatformStatus")
    await tower.look(NEWS_EVERY)
    assert (tower.watch.view.news, tower.watch.view.problem) == (before, None)


@pytest.mark.parametrize("call", ["rows", "keep"])
async def test_a_store_that_fails_keeps_the_rows_for_later(tower: Tower, call: str) -> None:
    tower.ledger.failing.add(call)
    with capture_logs() as logs:
        await tower.look()
    assert events(logs, "platform.rows_delayed", "deployment.seen") == ["platform.rows_delayed"]
    assert tower.watch.view.hosting is not None
    assert await tower.rows() == []
    tower.ledger.failing.clear()
    await tower.look()
    assert {row.service for row in await tower.rows()} == ALL


async def test_rows_that_were_kept_though_the_answer_was_lost_are_not_kept_again(tower: Tower) -> None:
    tower.ledger.loses_answers = True
    await tower.look()
    tower.ledger.loses_answers = False
    await tower.look()
    assert tower.ledger.kept == [len(ALL)]


async def test_a_store_that_fails_later_loses_no_moment_that_was_kept(tower: Tower) -> None:
    await tower.look()
    rows = await tower.rows()
    tower.ledger.failing.add("keep")
    tower.health["backend"] = UP
    await tower.look()
    tower.ledger.failing.clear()
    await tower.look()
    backend = await tower.row(await tower.serving())
    assert backend.well_at == tower.clock()
    assert {row.live_at for row in await tower.rows()} == {row.live_at for row in rows}


async def test_one_deployment_that_cannot_be_read_delays_no_other_and_is_asked_for_again(tower: Tower) -> None:
    before = await tower.serving()
    await tower.look()
    newer = tower.railway.push("backend")
    await tower.shop.until(newer, RailwayStatus.SUCCESS)
    await tower.shop.until(before, RailwayStatus.REMOVED)
    tower.railway.faults.switch_on("gateway-502", operation="Deployment", times=ATTEMPTS)
    await tower.look()
    assert (await tower.row(newer)).became is Became.LIVE, "it is not held up"
    assert (await tower.row(before)).ended_at is None, "what is not known is not claimed"
    await tower.look()
    assert [(await tower.row(each)).became for each in (before, newer)] == [Became.ENDED, Became.LIVE]
