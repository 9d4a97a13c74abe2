"""The port `Platform` by the real adapter, over HTTP: each of its operations, and the answer to each write lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from adapters.railway_world import (
    MUTATIONS,
    NEVER_BUILT,
    WAITS,
    Impatient,
    World,
    asked_of,
    connection,
    open_world,
    until,
)
from adapters.servers import AGENT, utc_now
from structlog.testing import capture_logs

from devops_daemon.adapters.railway.platform import Railway as Adapter
from devops_daemon.adapters.railway.platform import connected
from devops_daemon.adapters.railway.provisioning import filled_in
from devops_daemon.hosting import (
    Added,
    Commit,
    DatabaseAccess,
    Deployment,
    Engine,
    HostedService,
    Hosting,
    Instance,
    InstanceState,
    LogKind,
    LogLine,
    LogQuery,
    Measure,
    Phase,
    PlatformNews,
    Proxy,
    Traffic,
    Variable,
    Volume,
)
from devops_daemon.ports import Platform, RefusedError, UnavailableError, UnclearError
from devops_daemon.redaction import Redactor
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway import wording
from devops_daemon.sandbox.railway.access import TokenKind
from devops_daemon.sandbox.railway.deployments import Status
from devops_daemon.sandbox.railway.history import past_sha
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.sandbox.railway.seed import PRODUCTION_ID, service_id
from devops_daemon.sandbox.railway.templates import TEMPLATES, by_code

LIVE, EARLIER = "health: say when the cache is gone", "checkout: gift cards, and the types right"
TOO_OLD = "checkout: totals in cents"
DATABASES = {Engine.POSTGRES: 5432, Engine.REDIS: 6379, Engine.MYSQL: 3306, Engine.MONGO: 27017}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


def fits_the_port(platform: Platform) -> Platform:
    """What mypy sees here is that the adapter fits."""
    return platform


async def visit(world: World, *paths: str) -> None:
    """Ask the product for pages of its frontend."""
    async with aiohttp.ClientSession() as session:
        for path in paths:
            async with session.get(f"{world.product.frontend_url}{path}") as answer:
                await answer.read()
    await until(lambda: len(world.product.visits) >= len(paths))


# --- what runs


def test_the_adapter_has_every_operation_of_the_port() -> None:
    operations = {name for name, member in vars(Platform).items() if iscoroutinefunction(member)}
    assert operations <= {name for name in dir(Adapter) if iscoroutinefunction(getattr(Adapter, name))}


async def test_the_connection_of_production_speaks_to_the_sandbox_too() -> None:
    async with Product() as product, Railway(product, Pace.quick()) as railway:
        asked = asked_of(railway)
        async with connected(asked, AGENT, Redactor([]), utc_now, waits=WAITS) as api:
            hosting = await fits_the_port(Adapter(api, utc_now)).hosting()
    assert (hosting.project, hosting.environment) == ("shop", "production")


async def test_everything_that_runs_is_read_by_one_request(world: World) -> None:
    before = utc_now()
    hosting = await world.platform.hosting()
    assert hosting == Hosting("shop", "production", hosting.services, hosting.read_at, 0)
    assert before <= hosting.read_at <= utc_now()
    names = ["backend", "devops-daemon", "frontend", "nightly", "Postgres", "preview"]
    assert [service.name for service in hosting.services] == names
    assert world.railway.calls["Services"] == 1
    assert world.calls == 3, "the other two were to find out what the tokens are"


async def test_a_service_is_read_with_its_settings_and_what_serves(world: World) -> None:
    service, serving = await world.service("backend"), world.serving("backend")
    assert service.latest is not None
    assert service == HostedService(
        id=service_id("backend"),
        name="backend",
        latest=service.latest,
        active=(service.latest,),
        repository="acme/shop",
        hosts=("backend-production.up.railway.app",),
        healthcheck_path="/health",
        draining=timedelta(seconds=15),
    )
    assert (service.latest.id, service.latest.status, service.latest.phase) == (serving.id, "SUCCESS", Phase.LIVE)
    assert service.latest.commit == Commit(past_sha(LIVE), LIVE, "maria", "main")
    assert service.latest.instances == (Instance(serving.replicas[0].id, InstanceState.RUNNING),)
    assert (service.latest.can_redeploy, service.latest.can_rollback) == (True, False)


async def test_schedules_sleepers_and_databases_are_told_apart(world: World) -> None:
    hosting = await world.platform.hosting()
    nightly, preview, postgres = (hosting.service(name) for name in ("nightly", "preview", "Postgres"))
    assert (nightly.cron, nightly.latest and nightly.latest.build_only) == ("0 3 * * *", True)
    assert nightly.next_run_at is not None
    assert nightly.next_run_at > hosting.read_at
    assert (preview.sleeps, preview.latest and preview.latest.phase) == (True, Phase.SLEEPING)
    assert (postgres.engine, postgres.latest and postgres.latest.image) == (Engine.POSTGRES, by_code("postgres").image)


async def test_a_failed_build_does_not_hide_what_serves(world: World) -> None:
    serving = world.serving("backend")
    failed = await world.pushed("backend", fails_at="build")
    service = await world.service("backend")
    assert service.latest is not None
    assert (service.latest.id, service.latest.phase) == (failed.id, Phase.FAILED)
    assert service.serving is not None
    assert service.serving.id == serving.id


async def test_a_process_that_ended_by_itself_is_not_live_by_its_status_alone(world: World) -> None:
    await world.railway.realm.operations.exit_quietly(world.place("backend"))
    serving = (await world.service("backend")).serving
    assert serving is not None
    assert (serving.phase, serving.stopped, serving.running) == (Phase.LIVE, True, 0)


async def test_more_than_a_page_of_services_is_read_whole(world: World) -> None:
    environment = world.records.environment(PRODUCTION_ID)
    for number in range(230):
        world.railway.realm.provisioning.create(environment, f"worker-{number:03}")
    names = [service.name for service in (await world.platform.hosting()).services]
    assert len(names) == len(set(names)) == 236
    assert world.railway.calls["Services"] == 3


async def test_staged_changes_of_others_are_counted(world: World) -> None:
    world.records.unmerged_changes[PRODUCTION_ID] = 3
    assert (await world.platform.hosting()).staged_changes == 3


async def test_deployments_come_newest_first_and_no_more_than_asked_for(world: World) -> None:
    history = [each.id for each in world.history("backend")]
    found = await world.platform.deployments(service_id("backend"), 50)
    assert [each.id for each in found] == history
    assert [each.phase for each in found] == [Phase.LIVE, Phase.ENDED, Phase.FAILED, Phase.ENDED, Phase.ENDED]
    assert [each.can_rollback for each in found] == [False, True, False, True, False]
    assert [each.id for each in await world.platform.deployments(service_id("backend"), 2)] == history[:2]


async def test_one_deployment_is_read_by_its_id(world: World) -> None:
    serving = world.serving("frontend")
    found = await world.platform.deployment(serving.id)
    assert (found.id, found.service_id, found.phase) == (serving.id, service_id("frontend"), Phase.LIVE)


async def test_what_is_not_there_is_refused_in_railways_words(world: World) -> None:
    with pytest.raises(RefusedError, match=r"^Deployment not found \(traceId \d+\)$"):
        await world.platform.deployment("nothing")
    assert world.railway.calls["Deployment"] == 1


async def test_steps_tell_why_a_deployment_failed(world: World) -> None:
    failed = await world.pushed("backend", fails_at="healthcheck")
    steps = await world.platform.steps(failed.id)
    assert [step.started_at for step in steps] == sorted(step.started_at for step in steps)
    (wrong,) = [step for step in steps if step.error]
    assert (wrong.name, wrong.attempt, wrong.attempts) == ("HEALTHCHECK", 14, 14)
    assert wrong.error == "1/1 replicas never became healthy! Healthcheck failed at /health"


# --- logs


async def test_the_last_lines_of_all_services_come_oldest_first(world: World) -> None:
    lines = await world.platform.logs(LogQuery(last=4))
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert lines[-1].message == "backend: listening on [::]:8080"
    assert len(lines) == 4, "Railway gives one more than it was asked for"


async def test_the_lines_of_one_service_bear_what_wrote_them(world: World) -> None:
    serving = world.serving("frontend")
    *_, last = await world.platform.logs(LogQuery(last=10, service_id=service_id("frontend")))
    assert last == LogLine(
        at=last.at,
        message="frontend: listening on [::]:8080",
        level="info",
        service_id=service_id("frontend"),
        deployment_id=serving.id,
        instance_id=serving.replicas[0].id,
        attributes=(("level", "info"),),
    )


async def test_the_lines_of_one_deployment_are_its_own_only(world: World) -> None:
    earlier = world.history("backend")[1]
    lines = await world.platform.logs(LogQuery(last=100, deployment_id=earlier.id))
    assert [line.message for line in lines] == ["Starting Container", "backend: listening on [::]:8080"]
    assert {line.deployment_id for line in lines} == {earlier.id}


async def test_a_failed_build_has_its_own_log(world: World) -> None:
    failed = await world.pushed("backend", fails_at="build")
    lines = await world.platform.logs(LogQuery(last=2, deployment_id=failed.id, kind=LogKind.BUILD))
    assert [line.message for line in lines] == wording.BUILD_FAILURE.splitlines()[-2:]
    assert {line.level for line in lines} == {"error"}


@pytest.mark.parametrize(
    "query", [LogQuery(last=100, service_id=service_id("backend")), LogQuery(last=100)], ids=["service", "all"]
)
async def test_a_filter_is_railways_own(world: World, query: LogQuery) -> None:
    world.records.log.write(world.serving("backend"), "café is closed", "error")
    world.records.log.write(world.serving("backend"), "café is open")
    found = await world.platform.logs(replace(query, filter='"café is" @level:error'))
    assert [line.message for line in found] == ["café is closed"]


async def test_a_filter_of_one_service_finds_nothing_of_the_others(world: World) -> None:
    found = await world.platform.logs(LogQuery(last=100, service_id=service_id("backend"), filter="listening"))
    assert {line.service_id for line in found} == {service_id("backend")}


@pytest.mark.parametrize("of_deployment", [True, False], ids=["deployment", "service"])
async def test_only_lines_between_since_and_until_come(world: World, *, of_deployment: bool) -> None:
    serving, start = world.serving("backend"), utc_now().replace(microsecond=0) - timedelta(hours=1)
    for minute in range(10):
        world.records.log.write(serving, f"minute {minute}", at=start + timedelta(minutes=minute))
    query = LogQuery(
        last=100,
        service_id=serving.service_id,
        deployment_id=serving.id if of_deployment else None,
        since=start + timedelta(minutes=3),
        until=start + timedelta(minutes=6),
    )
    assert [line.message for line in await world.platform.logs(query)] == [f"minute {n}" for n in range(3, 7)]
    last_two = await world.platform.logs(replace(query, last=2))
    assert [line.message for line in last_two] == ["minute 5", "minute 6"]


@pytest.mark.parametrize("of_deployment", [True, False], ids=["deployment", "environment"])
async def test_five_thousand_lines_come_whole(world: World, *, of_deployment: bool) -> None:
    serving = world.serving("backend")
    for number in range(5_100):
        world.records.log.write(serving, f"line {number} of many, long enough to be sixty characters or so")
    query = LogQuery(last=100_000, deployment_id=serving.id if of_deployment else None)
    lines = await world.platform.logs(query)
    assert [int(line.message.split()[1]) for line in lines] == list(range(100, 5_100))


@pytest.mark.parametrize(
    ("asks", "query"),
    [(Adapter.logs, LogQuery(last=5, kind=LogKind.BUILD)), (Adapter.http_logs, LogQuery(last=5))],
    ids=["build", "http"],
)
async def test_a_log_that_is_one_deployments_is_refused_without_it(
    world: World, asks: Callable[[Adapter, LogQuery], Awaitable[object]], query: LogQuery
) -> None:
    with pytest.raises(RefusedError, match=r"say which"):
        await asks(world.platform, query)
    assert world.calls == 0


async def test_what_the_edge_passed_on_is_read_with_its_times(world: World) -> None:
    await visit(world, "/", "/nowhere")
    serving = world.serving("frontend")
    lines = await world.platform.http_logs(LogQuery(last=10, deployment_id=serving.id))
    assert [(line.method, line.path, line.status, line.detail) for line in lines] == [
        ("GET", "/", 200, ""),
        ("GET", "/nowhere", lines[1].status, ""),
    ]
    assert all(line.duration >= timedelta() and line.host and line.request_id for line in lines)
    assert {line.deployment_id for line in lines} == {serving.id}
    assert {line.instance_id for line in lines} == {serving.replicas[0].id}


async def test_what_the_edge_passed_on_can_be_filtered_and_cut(world: World) -> None:
    await visit(world, "/", "/nowhere", "/nowhere", "/nowhere")
    query = LogQuery(last=2, deployment_id=world.serving("frontend").id, filter="@path:/nowhere")
    assert [line.path for line in await world.platform.http_logs(query)] == ["/nowhere", "/nowhere"]
    assert await world.platform.http_logs(replace(query, until=utc_now() - timedelta(hours=1))) == []


# --- measures, traffic, news


async def test_all_services_are_measured_by_one_request(world: World) -> None:
    since = utc_now() - timedelta(minutes=59)
    series = await world.platform.metrics(None, since)
    running = {service_id(name) for name in ("backend", "frontend", "Postgres", "devops-daemon")}
    assert {each.service_id for each in series} == running
    assert {each.measure for each in series} == set(Measure)
    assert all(since <= at <= utc_now() for each in series for at, _ in each.points)
    assert all(len(each.points) in {118, 119} for each in series), "half a minute apart"
    assert world.railway.calls["Metrics"] == 1


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        (timedelta(minutes=5), 30),
        (timedelta(hours=3), 60),
        (timedelta(hours=20), 240),
        (timedelta(days=6), 3600),
        (timedelta(days=20), 14_400),
    ],
)
async def test_samples_are_the_coarser_the_longer_one_looks_back(world: World, span: timedelta, seconds: int) -> None:
    series = await world.platform.metrics(service_id("backend"), utc_now() - span)
    assert {each.service_id for each in series} == {service_id("backend")}
    first, second, *_ = series[0].points
    assert second[0] - first[0] == timedelta(seconds=seconds)


async def test_each_disk_tells_how_full_it_is(world: World) -> None:
    [disk] = await world.platform.volumes()
    assert disk == Volume(service_id("Postgres"), "/var/lib/postgresql/data", 1.3105, 5.0)


async def test_a_service_that_runs_nothing_measures_nothing(world: World) -> None:
    assert await world.platform.metrics(service_id("nightly"), utc_now() - timedelta(hours=1)) == []


async def test_traffic_is_summed_up_by_status(world: World) -> None:
    await visit(world, "/", "/", "/nowhere")
    lines = await world.platform.http_logs(LogQuery(last=10, deployment_id=world.serving("frontend").id))
    traffic = await world.platform.traffic(service_id("frontend"), utc_now() - timedelta(hours=1))
    statuses = sorted(line.status for line in lines)
    assert dict(traffic.by_status) == {status: statuses.count(status) for status in statuses}
    assert traffic.p50 is not None
    assert traffic.p95 is not None
    assert traffic.p99 is not None
    assert timedelta() < traffic.p50 <= traffic.p95 <= traffic.p99


async def test_nobody_calling_is_no_traffic(world: World) -> None:
    found = await world.platform.traffic(service_id("preview"), utc_now() - timedelta(hours=1))
    assert found == Traffic({}, None, None, None)


async def test_news_of_the_platform_need_no_token() -> None:
    async with open_world(project_token=None, workspace_token=None) as world:
        assert await world.platform.news() == PlatformNews(stable=True)
        world.railway.realm.weather.incident = "Deployments are delayed"
        told = await world.platform.news()
        assert (told.stable, told.text) == (False, "Deployments are delayed")
        assert told.url.startswith("https://status.railway.com/")
        assert {each.token for each in world.railway.heard} == {TokenKind.NONE}


async def test_an_incident_that_railway_tells_of_is_passed_on(world: World) -> None:
    world.railway.faults.switch_on("platform-incident")
    told = await world.platform.news()
    assert (told.stable, told.text) == (False, "Deployments are delayed in US West")


# --- deployments: restart, redeploy, deploy, roll back, remove, cancel


async def test_a_restart_gives_the_same_deployment_other_replicas(world: World) -> None:
    serving = world.serving("backend")
    before = await world.platform.restart(await world.service("backend"))
    assert (before.id, before.instances[0].id) == (serving.id, serving.replicas[0].id)
    await until(lambda: world.serving("backend").is_running)
    assert world.serving("backend").id == serving.id
    assert world.serving("backend").replicas[0].id != serving.replicas[0].id
    assert world.railway.calls["RestartDeployment"] == 1


async def test_what_has_crashed_can_be_restarted(world: World) -> None:
    await world.railway.crash("backend")
    before = await world.platform.restart(await world.service("backend"))
    assert (before.phase, before.running) == (Phase.CRASHED, 0)
    await until(lambda: world.serving("backend").status is Status.SUCCESS)
    assert world.serving("backend").is_running


async def test_what_was_never_deployed_cannot_be_restarted(world: World) -> None:
    added = await world.platform.add_service("empty")
    with pytest.raises(RefusedError, match=r"^empty: nothing of it is deployed that could be restarted; redeploy it$"):
        await world.platform.restart(await world.service(added.name))
    assert world.railway.calls["RestartDeployment"] == 0


async def test_a_redeploy_runs_the_same_code_in_a_new_deployment(world: World) -> None:
    serving = world.serving("backend")
    new = await world.platform.redeploy(await world.platform.deployment(serving.id))
    assert new.id == world.history("backend")[0].id != serving.id
    await world.settles(new.id)
    assert world.serving("backend").id == new.id
    assert world.serving("backend").commit == serving.commit


async def test_what_was_removed_cannot_be_redeployed(world: World) -> None:
    removed = await world.platform.deployment(world.history("backend")[1].id)
    with pytest.raises(RefusedError, match=rf"^deployment {removed.id} \(REMOVED\) cannot be deployed again now$"):
        await world.platform.redeploy(removed)
    assert world.railway.calls["RedeployDeployment"] == 0


async def test_whether_it_can_be_redeployed_is_asked_anew(world: World) -> None:
    stale = await world.platform.deployment(world.serving("backend").id)
    await world.pushed("backend")
    with pytest.raises(RefusedError, match=r"cannot be deployed again now"):
        await world.platform.redeploy(stale)


async def test_a_commit_is_deployed_by_its_whole_sha(world: World) -> None:
    sha = past_sha(EARLIER)
    new = await world.platform.deploy(await world.service("backend"), sha)
    assert (new.commit and new.commit.sha, new.phase) == (sha, new.phase)
    await world.settles(new.id)
    serving = world.serving("backend")
    assert (serving.id, serving.commit and serving.commit.sha) == (new.id, sha)


async def test_without_a_commit_the_current_one_is_deployed_with_the_variables_of_now(world: World) -> None:
    await world.platform.set_variables(service_id("backend"), {"LOG_LEVEL": "debug"}, deploy=False)
    new = await world.platform.deploy(await world.service("backend"))
    await world.settles(new.id)
    serving = world.serving("backend")
    assert serving.commit is not None
    assert (serving.commit.message, serving.variables["LOG_LEVEL"]) == (LIVE, "debug")


@pytest.mark.parametrize("commit", ["", "abc1234", "A" * 40, "g" * 40, "a" * 39, "a" * 41, "a" * 40 + "\n", "main"])
async def test_anything_but_a_whole_sha_is_refused_before_it_is_sent(world: World, commit: str) -> None:
    service = await world.service("backend")
    with pytest.raises(RefusedError, match=r"whole sha only, 40 hexadecimal digits"):
        await world.platform.deploy(service, commit)
    assert world.mutations == set()


async def test_a_commit_that_railway_does_not_know_is_refused(world: World) -> None:
    service, before = await world.service("backend"), world.history("backend")
    with pytest.raises(RefusedError, match=r"^Commit not found"):
        await world.platform.deploy(service, "a" * 40)
    assert world.history("backend") == before
    assert world.railway.calls["DeployService"] == 1


async def test_a_rollback_brings_back_code_and_variables_of_then(world: World) -> None:
    await world.platform.set_variables(service_id("backend"), {"NEW": "1"}, deploy=False)
    earlier = (await world.platform.deployments(service_id("backend"), 10))[1]
    assert earlier.can_rollback
    new = await world.platform.roll_back(earlier)
    assert new.id not in {earlier.id, world.serving("backend").id}
    await world.settles(new.id)
    serving = world.serving("backend")
    assert serving.commit is not None
    assert (serving.id, serving.commit.message) == (new.id, EARLIER)
    assert "NEW" not in world.values("backend")


@pytest.mark.parametrize("place", [0, 2, 4], ids=["it serves", "it failed", "its image is gone"])
async def test_only_what_has_its_image_still_can_be_rolled_back_to(world: World, place: int) -> None:
    deployment = (await world.platform.deployments(service_id("backend"), 10))[place]
    with pytest.raises(RefusedError, match=r"cannot be rolled back to: its image is gone"):
        await world.platform.roll_back(deployment)
    assert world.mutations == set()


async def test_a_removed_deployment_leaves_nothing_running(world: World) -> None:
    serving = await world.platform.deployment(world.serving("frontend").id)
    await world.platform.remove(serving)
    await world.settles(serving.id)
    assert world.records.active(world.place("frontend")) is None
    assert (await world.service("frontend")).active == ()


async def test_what_the_project_token_may_not_is_done_by_the_workspace_token(world: World) -> None:
    await world.platform.remove(await world.platform.deployment(world.serving("frontend").id))
    kinds = [each.token for each in world.railway.heard if each.operation == "RemoveDeployment"]
    assert kinds == [TokenKind.PROJECT, TokenKind.WORKSPACE]
    await world.platform.remove(await world.platform.deployment(world.serving("backend").id))
    kinds = [each.token for each in world.railway.heard if each.operation == "RemoveDeployment"]
    assert kinds[2:] == [TokenKind.WORKSPACE], "the missing right is remembered"


async def test_without_a_workspace_token_the_missing_right_is_said() -> None:
    async with open_world(workspace_token=None) as world:
        serving = await world.platform.deployment(world.serving("frontend").id)
        with pytest.raises(
            RefusedError,
            match=r"^RAILWAY_TOKEN_SW_FACTORY is a project token that works, but has no right to RemoveDeployment",
        ):
            await world.platform.remove(serving)
        assert world.serving("frontend").id == serving.id


async def test_a_deployment_under_way_is_aborted() -> None:
    async with open_world(NEVER_BUILT) as world:
        identifier = world.railway.push("backend")
        await world.platform.cancel(await world.platform.deployment(identifier))
        assert (await world.platform.deployment(identifier)).phase is Phase.ENDED
        assert world.serving("backend").commit == world.history("backend")[1].commit


async def test_what_is_live_cannot_be_aborted(world: World) -> None:
    serving = await world.platform.deployment(world.serving("backend").id)
    with pytest.raises(RefusedError, match=r"^Deployment cannot be cancelled"):
        await world.platform.cancel(serving)


# --- variables


async def test_names_of_variables_are_read_without_values(world: World) -> None:
    found = await world.platform.variables(service_id("backend"))
    own = service_id("backend")
    assert found == [
        Variable("CORS_ORIGIN", own, references=("frontend.RAILWAY_PUBLIC_DOMAIN",)),
        Variable("DATABASE_URL", own, references=("Postgres.DATABASE_URL",)),
        Variable("LOG_LEVEL", own),
        Variable("SECRET_KEY", own, sealed=True),
        Variable("SENTRY_DSN", own, references=("shared.SENTRY_DSN",)),
    ]
    assert world.railway.calls["Variables"] == 0, "which would have read all secrets"


async def test_shared_variables_are_those_of_no_service(world: World) -> None:
    found = await world.platform.variables(None)
    assert [(variable.name, variable.service_id) for variable in found] == [
        ("RELEASE_CHANNEL", None),
        ("SENTRY_DSN", None),
    ]


async def test_more_than_a_page_of_variables_is_read_whole(world: World) -> None:
    names = {f"NUMBER_{number}": "1" for number in range(150)}
    world.records.variables.write(PRODUCTION_ID, service_id("frontend"), names)
    found = [variable.name for variable in await world.platform.variables(service_id("frontend"))]
    assert sorted([*names, "API_URL"]) == found


async def test_values_are_read_as_they_are_written_and_sealed_ones_are_not_told(world: World) -> None:
    assert await world.platform.values(service_id("backend")) == {
        "DATABASE_URL": "${{Postgres.DATABASE_URL}}",
        "SENTRY_DSN": "${{shared.SENTRY_DSN}}",
        "CORS_ORIGIN": "https://${{frontend.RAILWAY_PUBLIC_DOMAIN}}",
        "LOG_LEVEL": "info",
        "SECRET_KEY": None,
    }
    assert (await world.platform.values(None))["RELEASE_CHANNEL"] == "stable"


async def test_several_variables_are_set_by_one_write_that_deploys_once(world: World) -> None:
    before = len(world.history("backend"))
    await world.platform.set_variables(service_id("backend"), {"LOG_LEVEL": "debug", "NEW": "1"}, deploy=True)
    assert world.values("backend") == {
        "DATABASE_URL": "${{Postgres.DATABASE_URL}}",
        "SENTRY_DSN": "${{shared.SENTRY_DSN}}",
        "CORS_ORIGIN": "https://${{frontend.RAILWAY_PUBLIC_DOMAIN}}",
        "LOG_LEVEL": "debug",
        "NEW": "1",
        "SECRET_KEY": None,
    }
    assert world.railway.calls["SetVariables"] == 1
    newest, *earlier = world.history("backend")
    assert (len(earlier), bool(newest.patch_id)) == (before, True)


async def test_without_deploy_variables_wait_for_the_next_deployment(world: World) -> None:
    before = world.history("backend")
    await world.platform.set_variables(service_id("backend"), {"LOG_LEVEL": "debug"}, deploy=False)
    assert world.values("backend")["LOG_LEVEL"] == "debug"
    assert world.history("backend") == before


async def test_what_is_not_named_is_never_replaced(world: World) -> None:
    await world.platform.set_variables(service_id("backend"), {"NEW": "1"}, deploy=False)
    (sent,) = [each.variables["input"] for each in world.railway.heard if each.operation == "SetVariables"]
    assert set(sent) == {"projectId", "environmentId", "serviceId", "variables", "skipDeploys"}
    rows = world.records.variables.of(PRODUCTION_ID, service_id("backend"))
    assert rows["SECRET_KEY"].is_sealed


async def test_shared_variables_are_set_without_a_service(world: World) -> None:
    await world.platform.set_variables(None, {"RELEASE_CHANNEL": "beta"}, deploy=False)
    assert world.values(None)["RELEASE_CHANNEL"] == "beta"
    assert "RELEASE_CHANNEL" not in world.values("backend")


async def test_every_wrong_variable_is_named_before_anything_is_written(world: World) -> None:
    wrong = {"1ST": "x", "RAILWAY_SERVICE_ID": "x", "EMPTY": "", "FINE": "yes"}
    with pytest.raises(RefusedError) as refused:
        await world.platform.set_variables(service_id("backend"), wrong, deploy=True)
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["'1ST'", "RAILWAY_SERVICE_ID", "'EMPTY'"]
    assert world.calls == 0


# --- services and databases


async def test_an_empty_service_is_added_and_deploys_nothing(world: World) -> None:
    added = await world.platform.add_service("worker")
    assert added == Added(world.place("worker").service_id, "worker", made=True)
    service = await world.service("worker")
    assert service == HostedService(added.service_id, "worker")


async def test_a_service_of_that_name_is_found_however_it_is_written(world: World) -> None:
    assert await world.platform.add_service("BACKEND") == Added(service_id("backend"), "backend", made=False)
    assert world.mutations == set()


@pytest.mark.parametrize("name", ["", "  ", "x" * 33])
async def test_a_name_that_railway_would_not_take_is_refused(world: World, name: str) -> None:
    with pytest.raises(RefusedError, match=r"1 to 32 characters"):
        await world.platform.add_service(name)
    assert world.calls == 0


@pytest.mark.parametrize("engine", Engine)
async def test_a_database_of_each_kind_is_added_with_its_variables(world: World, engine: Engine) -> None:
    added = await world.platform.add_database(engine, another=True)
    place = next(each for each in world.records.places_of(PRODUCTION_ID) if each.service_id == added.service_id)
    template = by_code(engine.value)
    assert (added.made, place.image) == (True, template.image)
    needed = {name for name, default in template.variables.items() if default}
    assert set(world.records.variables.snapshot(PRODUCTION_ID, place.service_id)) == needed
    assert (await world.service(added.service_id)).engine is engine


async def test_to_ask_for_a_database_twice_gives_the_one_that_is_there(world: World) -> None:
    first = await world.platform.add_database(Engine.REDIS)
    second = await world.platform.add_database(Engine.REDIS)
    assert (first.made, second) == (True, replace(first, made=False))
    assert world.railway.calls["DeployTemplate"] == 1


async def test_another_database_is_added_where_that_is_wanted(world: World) -> None:
    added = await world.platform.add_database(Engine.POSTGRES, another=True)
    assert added.service_id != service_id("Postgres")
    assert added.name.startswith("Postgres-"), "the name was taken: it is read, never assumed"
    assert len((await world.platform.hosting()).databases(Engine.POSTGRES)) == 2


async def test_a_database_is_found_even_where_its_workflow_may_not_be_asked_for() -> None:
    async with open_world(workspace_token=None) as world:
        assert (await world.platform.add_database(Engine.REDIS)).made
        assert world.railway.calls["Workflow"], "a project token is refused that"


async def test_the_template_is_asked_for_without_a_token_and_goes_back_whole(world: World) -> None:
    await world.platform.add_database(Engine.REDIS)
    asked = {each.operation: each for each in world.railway.heard}
    assert asked["Template"].token is TokenKind.NONE
    sent = asked["DeployTemplate"].variables["input"]["serializedConfig"]
    assert sent == filled_in(by_code("redis").config())


@pytest.mark.parametrize("write", ["add_database", "open_proxy"])
async def test_staged_changes_of_others_are_not_committed_along(world: World, write: str) -> None:
    world.records.unmerged_changes[PRODUCTION_ID] = 2
    acts: dict[str, Callable[[], Awaitable[object]]] = {
        "add_database": lambda: world.platform.add_database(Engine.REDIS),
        "open_proxy": lambda: _with_service(world, "Postgres", world.platform.open_proxy),
    }
    with pytest.raises(RefusedError, match=r"^2 staged changes of somebody wait in Railway's dashboard"):
        await acts[write]()
    assert world.mutations == set()


async def test_a_template_keeps_what_is_not_known_of_it_here() -> None:
    for template in TEMPLATES:
        config = template.config()
        filled = filled_in(json.dumps(config))
        for service in filled["services"].values():
            for variable in service["variables"].values():
                if variable is not None:
                    variable.pop("value", None)
        assert filled == config


def test_a_template_that_wants_what_has_no_default_is_refused() -> None:
    variables = {"KEY": {"defaultValue": "", "isOptional": False}, "MAYBE": {"isOptional": True}, "NONE": None}
    with pytest.raises(RefusedError, match=r"no default: KEY; add it by hand$"):
        filled_in({"services": {"a": {"variables": variables}}})


# --- the addresses of databases


async def _with_service(world: World, name: str, act: Callable[[HostedService], Awaitable[Any]]) -> Any:
    return await act(await world.service(name))


async def test_a_database_has_its_private_address_where_it_has_no_proxy(world: World) -> None:
    access = await world.platform.database_access(await world.service("Postgres"))
    assert access == DatabaseAccess(
        service="Postgres",
        engine=Engine.POSTGRES,
        host="postgres.railway.internal",
        port=5432,
        user="postgres",
        password="sandbox-postgres-password",
        database="railway",
        public=False,
    )
    assert "sandbox-postgres-password" not in repr(access)


@pytest.mark.parametrize("engine", Engine)
async def test_the_address_of_each_kind_of_database_is_known(world: World, engine: Engine) -> None:
    added = await world.platform.add_database(engine)
    access = await world.platform.database_access(await world.service(added.service_id))
    assert (access.engine, access.port, access.public) == (engine, DATABASES[engine], False)
    assert access.host == f"{added.name.lower()}.railway.internal"
    assert access.user
    assert access.password


async def test_what_is_no_database_has_no_address(world: World) -> None:
    backend = await world.service("backend")
    with pytest.raises(RefusedError, match=r"^backend is no database that is known here \(image: none\)$"):
        await world.platform.database_access(backend)
    with pytest.raises(RefusedError, match=r"^backend is no database: it gets no public address from here$"):
        await world.platform.open_proxy(backend)
    assert world.mutations == set()


async def test_a_database_whose_variables_are_gone_is_told_of(world: World) -> None:
    world.records.variables.keep_only(PRODUCTION_ID, service_id("Postgres"), frozenset())
    with pytest.raises(RefusedError, match=r"^Postgres has no variable DATABASE_URL: its address is not known$"):
        await world.platform.database_access(await world.service("Postgres"))


async def test_a_proxy_is_opened_waited_for_used_and_closed(world: World) -> None:
    postgres = await world.service("Postgres")
    assert await world.platform.proxies(postgres) == []
    proxy = await world.platform.open_proxy(postgres)
    assert proxy == Proxy(proxy.id, "127.0.0.1", proxy.port, 5432, ready=True)
    assert await world.platform.proxies(postgres) == [proxy]
    access = await world.platform.database_access(postgres)
    assert (access.host, access.port, access.public) == ("127.0.0.1", proxy.port, True)
    _, writer = await asyncio.open_connection(access.host, access.port)
    writer.close()
    await world.platform.close_proxy(proxy)
    assert await world.platform.proxies(postgres) == []
    assert not (await world.platform.database_access(postgres)).public


async def test_a_proxy_that_is_there_is_given_again(world: World) -> None:
    postgres = await world.service("Postgres")
    first = await world.platform.open_proxy(postgres)
    assert await world.platform.open_proxy(postgres) == first
    assert world.railway.calls["CommitPatch"] == 1


async def test_the_patch_for_a_proxy_holds_nothing_else(world: World) -> None:
    await world.platform.open_proxy(await world.service("Postgres"))
    (sent,) = [each.variables for each in world.railway.heard if each.operation == "CommitPatch"]
    assert sent["patch"] == {"services": {service_id("Postgres"): {"networking": {"tcpProxies": {"5432": {}}}}}}


async def test_a_password_is_never_sent_to_a_host_that_is_not_railways(world: World) -> None:
    postgres = await world.service("Postgres")
    await world.platform.open_proxy(postgres)
    proxies = world.railway.realm.proxies
    (proxy,) = proxies.of(world.place("Postgres"))
    object.__setattr__(proxy, "domain", "db.proxy.rlwy.net.evil.example")
    access = await world.platform.database_access(postgres)
    assert (access.host, access.public) == ("postgres.railway.internal", False)


# --- each write, its answer or its request lost


@dataclass(frozen=True, slots=True)
class Write:
    """A write of the port: its mutation, how it is done, and how often the sandbox has done it."""

    mutation: str
    act: Callable[[World], Awaitable[Callable[[], Awaitable[object]]]]
    """Prepares, and gives what writes."""
    done: Callable[[World], int]


def deployed(world: World) -> int:
    return len(world.history("backend"))


async def restart(world: World) -> Callable[[], Awaitable[object]]:
    service = await world.service("backend")
    return lambda: world.platform.restart(service)


async def redeploy(world: World) -> Callable[[], Awaitable[object]]:
    deployment = await world.platform.deployment(world.serving("backend").id)
    return lambda: world.platform.redeploy(deployment)


async def deploy(world: World) -> Callable[[], Awaitable[object]]:
    service = await world.service("backend")
    return lambda: world.platform.deploy(service, past_sha(EARLIER))


async def roll_back(world: World) -> Callable[[], Awaitable[object]]:
    deployment = await world.platform.deployment(world.history("backend")[1].id)
    return lambda: world.platform.roll_back(deployment)


async def remove(world: World) -> Callable[[], Awaitable[object]]:
    deployment = await world.platform.deployment(world.serving("frontend").id)
    return lambda: world.platform.remove(deployment)


async def cancel(world: World) -> Callable[[], Awaitable[object]]:
    deployment = await world.platform.deployment(world.railway.push("frontend"))
    return lambda: world.platform.cancel(deployment)


async def set_variables(world: World) -> Callable[[], Awaitable[object]]:
    await world.platform.hosting()
    return lambda: world.platform.set_variables(service_id("backend"), {"LOG_LEVEL": "debug"}, deploy=True)


async def add_service(world: World) -> Callable[[], Awaitable[object]]:
    await world.platform.hosting()
    return lambda: world.platform.add_service("worker")


async def add_database(world: World) -> Callable[[], Awaitable[object]]:
    await world.platform.hosting()
    return lambda: world.platform.add_database(Engine.POSTGRES, another=True)


async def open_proxy(world: World) -> Callable[[], Awaitable[object]]:
    service = await world.service("Postgres")
    return lambda: world.platform.open_proxy(service)


async def close_proxy(world: World) -> Callable[[], Awaitable[object]]:
    service = await world.service("Postgres")
    await world.railway.realm.proxies.open(world.place("Postgres"), 5432)
    await until(lambda: world.railway.realm.proxies.serving(world.place("Postgres")))
    (proxy,) = await world.platform.proxies(service)
    return lambda: world.platform.close_proxy(proxy)


def ended(world: World) -> int:
    return sum(each.status in {Status.REMOVING, Status.REMOVED} for each in world.history("frontend"))


def services(world: World) -> int:
    return len(world.records.places_of(PRODUCTION_ID))


def proxies(world: World) -> int:
    return sum(each.sync_status != "DELETING" for each in world.railway.realm.proxies.of(world.place("Postgres")))


WRITES = {
    "restart": Write("RestartDeployment", restart, lambda world: world.written(wording.STOPPING)),
    "redeploy": Write("RedeployDeployment", redeploy, deployed),
    "deploy": Write("DeployService", deploy, deployed),
    "roll_back": Write("RollBackDeployment", roll_back, deployed),
    "remove": Write("RemoveDeployment", remove, ended),
    "cancel": Write("CancelDeployment", cancel, ended),
    "set_variables": Write("SetVariables", set_variables, deployed),
    "add_service": Write("CreateService", add_service, services),
    "add_database": Write("DeployTemplate", add_database, services),
    "open_proxy": Write("CommitPatch", open_proxy, proxies),
    "close_proxy": Write("DeleteProxy", close_proxy, lambda world: 1 - proxies(world)),
}
each_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


def test_every_mutation_is_among_the_writes() -> None:
    assert {write.mutation for write in WRITES.values()} == MUTATIONS


def allow_everything(world: World) -> None:
    world.railway.denied[TokenKind.PROJECT].discard("deploymentRemove")


@each_write
@pytest.mark.parametrize("fault", ["lost-answer", "gateway-504", "slow", "bare"])
async def test_a_write_whose_answer_was_lost_is_looked_up_and_done_once(write: Write, fault: str) -> None:
    async with open_world(NEVER_BUILT, Impatient) as world:
        allow_everything(world)
        act = await write.act(world)
        before = write.done(world)
        world.railway.faults.switch_on(fault, operation=write.mutation)
        await act()
        assert world.railway.calls[write.mutation] == 1
        assert write.done(world) == before + 1


@each_write
async def test_a_write_that_was_lost_on_its_way_is_unclear_and_not_repeated(write: Write) -> None:
    async with open_world(NEVER_BUILT) as world:
        allow_everything(world)
        act = await write.act(world)
        before = write.done(world)
        world.railway.faults.switch_on("lost-request", operation=write.mutation)
        with pytest.raises(UnclearError, match=r"look again before it is repeated$"):
            await act()
        assert world.railway.calls[write.mutation] == 1
        assert write.done(world) == before


@each_write
async def test_a_lost_answer_is_found_even_where_the_first_look_fails(write: Write) -> None:
    async with open_world(NEVER_BUILT) as world:
        allow_everything(world)
        act = await write.act(world)
        before = write.done(world)
        world.railway.faults.switch_on("slow", operation=write.mutation)
        acting = asyncio.ensure_future(act())
        await until(lambda: world.railway.calls[write.mutation])
        world.railway.faults.switch_on("gateway-502", times=3)
        await acting
        assert world.railway.faults.active == {"slow"}, "three reads have failed"
        assert (world.railway.calls[write.mutation], write.done(world)) == (1, before + 1)


@each_write
async def test_a_look_that_is_refused_does_not_make_a_no_of_what_may_have_been_done(write: Write) -> None:
    async with open_world(NEVER_BUILT, Impatient) as world:
        allow_everything(world)
        act = await write.act(world)
        before = write.done(world)
        world.railway.faults.switch_on("slow", operation=write.mutation)
        acting = asyncio.ensure_future(act())
        await until(lambda: world.railway.calls[write.mutation])
        world.railway.faults.switch_on("two-factor")
        with pytest.raises(UnclearError, match=r"look again before it is repeated$"):
            await acting
        assert (world.railway.calls[write.mutation], write.done(world)) == (1, before + 1)


@pytest.mark.parametrize("name", ["redeploy", "deploy"])
async def test_what_railway_took_but_may_not_be_looked_at_is_unclear(name: str) -> None:
    write = WRITES[name]
    async with open_world(NEVER_BUILT) as world:
        act = await write.act(world)
        before = write.done(world)
        world.railway.faults.switch_on("two-factor", operation="Deployment")
        with pytest.raises(UnclearError, match="Railway took it, but a look at it was refused: Two Factor"):
            await act()
        assert write.done(world) == before + 1


@each_write
async def test_what_railway_refuses_before_it_does_anything_is_a_plain_no(write: Write) -> None:
    async with open_world(NEVER_BUILT) as world:
        allow_everything(world)
        act = await write.act(world)
        before = write.done(world)
        world.railway.faults.switch_on("two-factor", operation=write.mutation)
        with pytest.raises(RefusedError, match="Two Factor Authentication Required"):
            await act()
        assert write.done(world) == before


@each_write
async def test_under_dry_run_nothing_is_written(write: Write) -> None:
    async with open_world(NEVER_BUILT) as world:
        allow_everything(world)
        act = await write.act(world)
        before = write.done(world)
        async with connection(replace(world.api.asked, dry_run=True)) as api:
            world.platform = Adapter(api, utc_now)
            with pytest.raises(RefusedError, match=r"^DRY_RUN is set: nothing is written to Railway$"):
                await act()
        assert world.mutations == set()
        assert write.done(world) == before


@each_write
@pytest.mark.parametrize("fault", ["throttled-deploy", "problem-processing"])
async def test_a_write_that_failed_is_sent_once(write: Write, fault: str) -> None:
    async with open_world(NEVER_BUILT) as world:
        allow_everything(world)
        act = await write.act(world)
        before = write.done(world)
        world.railway.faults.switch_on(fault, operation=write.mutation)
        with pytest.raises(UnavailableError):
            await act()
        assert (world.railway.calls[write.mutation], write.done(world)) == (1, before)


async def test_a_redeploy_whose_answer_was_lost_is_found_by_its_sha_while_it_is_built() -> None:
    async with open_world(NEVER_BUILT) as world:
        failed = world.history("backend")[2]
        assert not failed.is_built
        world.railway.faults.switch_on("lost-answer", operation="RedeployDeployment")
        new = await world.platform.redeploy(await world.platform.deployment(failed.id))
        assert new.commit is not None
        assert failed.commit is not None
        assert (new.commit.sha, new.commit.message) == (failed.commit.sha, ""), "half of it is known only"


async def test_a_deployment_of_somebody_else_is_not_taken_for_ours() -> None:
    async with open_world(NEVER_BUILT) as world:
        service = await world.service("backend")
        world.railway.faults.switch_on("lost-request", operation="DeployService")
        deploying = asyncio.create_task(world.platform.deploy(service, past_sha(EARLIER)))
        await until(lambda: world.railway.calls["DeployService"])
        world.railway.push("backend")
        with pytest.raises(UnclearError):
            await deploying


# --- the daemon's own service

OWN_ACTS: Mapping[str, Callable[[Adapter, HostedService, Deployment], Awaitable[object]]] = {
    "restart": lambda platform, service, _: platform.restart(service),
    "redeploy": lambda platform, _, deployment: platform.redeploy(deployment),
    "deploy": lambda platform, service, _: platform.deploy(service),
    "deploy a commit": lambda platform, service, _: platform.deploy(service, past_sha(EARLIER)),
    "roll back": lambda platform, _, deployment: platform.roll_back(deployment),
    "remove": lambda platform, _, deployment: platform.remove(deployment),
    "cancel": lambda platform, _, deployment: platform.cancel(deployment),
}


@pytest.mark.parametrize("by", ["id", "host"])
@pytest.mark.parametrize("act", OWN_ACTS)
async def test_the_daemons_own_service_is_left_alone(act: str, by: str) -> None:
    own: dict[str, dict[str, Any]] = {
        "id": {"own_service_id": service_id("backend")},
        "host": {"own_hosts": frozenset({"backend-production.up.railway.app", "elsewhere.example"})},
    }
    async with open_world(**own[by]) as world:
        service = await world.service("backend")
        deployment = await world.platform.deployment(world.history("backend")[1].id)
        with pytest.raises(RefusedError, match=r"^this is the daemon's own service: it is never"):
            await OWN_ACTS[act](world.platform, service, deployment)
        assert world.mutations == set()


@pytest.mark.parametrize("act", OWN_ACTS)
async def test_where_nothing_tells_the_daemons_own_service_its_name_does(act: str) -> None:
    async with open_world() as world:
        service = await world.service("devops-daemon")
        deployment = await world.platform.deployment(world.serving("devops-daemon").id)
        with pytest.raises(RefusedError, match=r"^this is the daemon's own service: it is never"):
            await OWN_ACTS[act](world.platform, service, deployment)
        assert world.mutations == set()


async def test_other_services_are_not_taken_for_the_daemons_own() -> None:
    async with open_world(own_hosts=frozenset({urlsplit("https://daemon.example").hostname})) as world:
        await world.platform.restart(await world.service("backend"))
        await until(lambda: world.serving("backend").is_running)
        assert world.railway.calls["RestartDeployment"] == 1


# --- what is not known is not acted on


@pytest.mark.parametrize("act", ["add_service", "add_database", "open_proxy"])
async def test_where_railway_told_only_a_part_nothing_is_added(act: str) -> None:
    async with open_world() as world:
        service = await world.service("Postgres")
        world.railway.faults.switch_on("partial", operation="Services")
        acts: dict[str, Callable[[], Awaitable[object]]] = {
            "add_service": lambda: world.platform.add_service("worker"),
            "add_database": lambda: world.platform.add_database(Engine.REDIS),
            "open_proxy": lambda: world.platform.open_proxy(service),
        }
        with pytest.raises(UnavailableError, match="only a part"):
            await acts[act]()
        assert world.mutations == set()


async def test_a_part_is_good_enough_to_be_shown_and_is_logged_once(world: World) -> None:
    world.railway.faults.switch_on("partial", operation="Services")
    with capture_logs() as logs:
        first, second = await world.platform.hosting(), await world.platform.hosting()
    assert first.partial
    assert [each.name for each in first.services] == [each.name for each in second.services]
    assert [each["event"] for each in logs].count("railway.partial") == 1


async def test_a_lost_answer_about_a_sealed_variable_is_unclear_for_it_cannot_be_read(world: World) -> None:
    backend = await world.service("backend")
    world.railway.faults.switch_on("lost-answer", operation="SetVariables")
    with pytest.raises(UnclearError):
        await world.platform.set_variables(backend.id, {"SECRET_KEY": "a new one"}, deploy=False)
    assert world.railway.calls["SetVariables"] == 1
