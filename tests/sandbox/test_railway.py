"""The sandbox's Railway by its own API: what lives there, who may ask, how much, and every way in which it fails."""

import asyncio
import itertools
import json
import re
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from graphql import build_client_schema, get_introspection_query, validate

from devops_daemon.adapters.railway.documents import document, names
from devops_daemon.sandbox.faults import find
from devops_daemon.sandbox.product import Product
from devops_daemon.sandbox.railway.api_faults import API_FAULTS
from devops_daemon.sandbox.railway.complaints import Complaints
from devops_daemon.sandbox.railway.pace import Pace
from devops_daemon.sandbox.railway.railway import EDGE_LIMIT, Railway
from devops_daemon.sandbox.railway.seed import (
    OTHER_PROJECT_ID,
    OTHER_WORKSPACE_ID,
    PRODUCTION_ID,
    PROJECT_ID,
    STAGING_ID,
    WORKSPACE_ID,
    service_id,
)
from devops_daemon.sandbox.railway.variables import SHARED
from devops_daemon.sandbox.railway.weather import INCIDENT_URL

PATIENCE = 10
UNHURRIED = Pace(*(timedelta(milliseconds=each) for each in (40, 60, 60, 60)))
"""Slow enough for each status to be seen."""
WHO = "query Who { projectToken { environmentId projectId } }"
STATUS = "query Status($id: String!) { deployment(id: $id) { status } }"
PROXIES = """
query P($e: String!, $s: String!) {
  tcpProxies(environmentId: $e, serviceId: $s) { id proxyPort domain syncStatus applicationPort }
}"""
ONE = """
query One($id: String!) { deployment(id: $id) {
  id status deploymentStopped canRedeploy canRollback meta instances { id status } createdAt statusUpdatedAt
} }"""
PLACES = """
query Places($id: String!) { environment(id: $id) { unmergedChangesCount serviceInstances(first: 50) { edges { node {
  serviceId serviceName sleepApplication cronSchedule nextCronRunAt
  latestDeployment { id status } activeDeployments { id status }
} } } } }"""
HISTORY = """
query History($input: DeploymentListInput!, $first: Int, $after: String) {
  deployments(input: $input, first: $first, after: $after) {
    edges { node { id status canRollback canRedeploy meta } } pageInfo { hasNextPage endCursor }
  }
}"""
STEPS = """
query Steps($id: String!) { deploymentEvents(id: $id) { edges { node {
  step createdAt completedAt payload { error attempt maxAttempts skipped }
} } } }"""
LOGS = """
query Logs($id: String!, $limit: Int, $filter: String, $startDate: DateTime, $endDate: DateTime) {
  deploymentLogs(deploymentId: $id, limit: $limit, filter: $filter, startDate: $startDate, endDate: $endDate) {
    timestamp message severity attributes { key value } tags { serviceId deploymentId deploymentInstanceId }
  }
}"""
BUILD = "query Build($id: String!, $limit: Int) { buildLogs(deploymentId: $id, limit: $limit) { message severity } }"
EVERYTHING = """
query All($id: String!, $filter: String, $anchor: String, $before: Int, $after: Int) {
  environmentLogs(environmentId: $id, filter: $filter, anchorDate: $anchor, beforeLimit: $before, afterLimit: $after) {
    timestamp message tags { serviceId }
  }
}"""
HTTP_LOGS = """
query Http($id: String!, $filter: String, $limit: Int) {
  httpLogs(deploymentId: $id, filter: $filter, beforeLimit: $limit) {
    timestamp method path host httpStatus totalDuration responseDetails deploymentId
  }
}"""
VARIABLES = """
query V($e: String!, $p: String!, $s: String, $unrendered: Boolean) {
  variables(environmentId: $e, projectId: $p, serviceId: $s, unrendered: $unrendered)
}"""
DEPLOYED = """
query D($e: String!, $p: String!, $s: String!) {
  variablesForServiceDeployment(environmentId: $e, projectId: $p, serviceId: $s)
}"""
ROWS = """
query R($e: String!) { environment(id: $e) { variables(first: 100) { edges { node {
  name serviceId isSealed references
} } } } }"""
UPSERT = "mutation U($input: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $input) }"
TEMPLATE = "query T($code: String!) { template(code: $code) { id serializedConfig } }"
APPLY = "mutation A($input: TemplateDeployV2Input!) { templateDeployV2(input: $input) { workflowId } }"
WORKFLOW = "query W($id: String!) { workflowStatus(workflowId: $id) { status } }"
PATCH = (
    "mutation C($e: String!, $patch: EnvironmentConfig) { environmentPatchCommit(environmentId: $e, patch: $patch) }"
)
DEPLOY = """
mutation Deploy($e: String!, $s: String!, $sha: String) {
  serviceInstanceDeployV2(environmentId: $e, serviceId: $s, commitSha: $sha)
}"""
CREATE = "mutation N($input: ServiceCreateInput!) { serviceCreate(input: $input) { id name } }"
UNPROTECTED = "query Weather { platformStatus { isStable incident { message status url } } }"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def body(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.text)
        return read

    @property
    def error(self) -> dict[str, Any]:
        """The first error."""
        first: dict[str, Any] = self.body["errors"][0]
        return first

    @property
    def said(self) -> str:
        """The first error's message."""
        return str(self.error["message"])


class Visitor:
    """A client of the API that is no part of the daemon."""

    def __init__(self, railway: Railway, session: aiohttp.ClientSession, product: Product) -> None:
        self.railway = railway
        self.product = product
        self._session = session

    def headers(self, caller: str) -> dict[str, str]:
        railway = self.railway
        return {
            "project": {"Project-Access-Token": railway.project_token},
            "staging": {"Project-Access-Token": railway.staging_token},
            "workspace": {"Authorization": f"Bearer {railway.workspace_token}"},
            "other workspace": {"Authorization": f"Bearer {railway.other_workspace_token}"},
            "none": {},
            "empty": {"Authorization": "Bearer "},
            "dead project": {"Project-Access-Token": "revoked"},
            "dead bearer": {"Authorization": "Bearer revoked"},
            "project as bearer": {"Authorization": f"Bearer {railway.project_token}"},
            "workspace as project": {"Project-Access-Token": railway.workspace_token},
        }[caller]

    async def post(
        self, query: str, caller: str = "project", *, agent: str = "tests/1", tail: str = "?source=tests", **asked: Any
    ) -> Answer:
        """Ask once; what is asked for has these variables."""
        named = re.search(r"^\s*(?:query|mutation) (\w+)", query)
        body = {"query": query, "variables": asked, "operationName": named and named[1]}
        headers = {**self.headers(caller), "User-Agent": agent}
        async with self._session.post(f"{self.railway.api_url}{tail}", json=body, headers=headers) as response:
            return Answer(response.status, await response.text(), response.headers)

    async def ask(self, query: str, caller: str = "project", **asked: Any) -> Any:
        """Give what the one field of a query is."""
        answer = await self.post(query, caller, **asked)
        assert answer.status == 200, answer.text
        assert "errors" not in answer.body, answer.text
        (field,) = answer.body["data"].values()
        return field

    async def act(self, field: str, identifier: str, caller: str = "project") -> Answer:
        """Call one of the mutations that take an id."""
        chosen = " { id }" if field == "deploymentRedeploy" else ""
        return await self.post(f"mutation Act($id: String!) {{ {field}(id: $id){chosen} }}", caller, id=identifier)

    async def one(self, identifier: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask(ONE, id=identifier)
        return found

    async def status(self, identifier: str) -> str:
        return str((await self.ask(STATUS, id=identifier))["status"])

    async def place(self, name: str = "backend") -> dict[str, Any]:
        edges = (await self.ask(PLACES, id=PRODUCTION_ID))["serviceInstances"]["edges"]
        found: dict[str, Any] = next(edge["node"] for edge in edges if edge["node"]["serviceName"] == name)
        return found

    async def serving(self, name: str = "backend") -> str:
        return str((await self.place(name))["activeDeployments"][0]["id"])

    async def history(self, name: str = "backend", caller: str = "project", **more: Any) -> list[dict[str, Any]]:
        asked = {"environmentId": PRODUCTION_ID, "projectId": PROJECT_ID, "serviceId": service_id(name), **more}
        return [edge["node"] for edge in (await self.ask(HISTORY, caller, input=asked))["edges"]]

    async def life(self, identifier: str, *ends: str) -> list[str]:
        """Watch a deployment until it has come to one of these; the statuses that were seen on the way."""
        seen: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while not seen or seen[-1] not in ends:
                status = await self.status(identifier)
                if [status] != seen[-1:]:
                    seen.append(status)
        return seen

    async def answers(self, url: str | None = None) -> int | None:
        """Ask the product's backend how it is; None where nobody listens."""
        try:
            async with self._session.get(url or f"{self.product.backend_url}/health") as response:
                return response.status
        except aiohttp.ClientError:
            return None

    async def control(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        async with self._session.request(method, f"{self.railway.control_url}/railway{path}") as response:
            return response.status, await response.json()


@asynccontextmanager
async def opened(pace: Pace | None = None) -> AsyncIterator[Visitor]:
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        Product() as product,
        Railway(product, pace or Pace.quick()) as railway,
        aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
    ):
        railway.limits.second_limit = 10_000
        yield Visitor(railway, session, product)


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with opened() as visitor:
        yield visitor


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        for pause in itertools.repeat(0.003):
            if holds():
                return
            await asyncio.sleep(pause)


def scope(name: str | None = "backend", **more: Any) -> dict[str, Any]:
    return {"e": PRODUCTION_ID, "p": PROJECT_ID, "s": service_id(name) if name else None, **more}


# --- the life of a deployment


async def test_a_pushed_commit_goes_through_all_statuses_in_their_order() -> None:
    async with opened(UNHURRIED) as visitor:
        before = await visitor.serving()
        identifier = visitor.railway.push("backend")
        assert await visitor.life(identifier, "SUCCESS") == ["INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS"]
        assert await visitor.life(before, "REMOVED") == ["REMOVING", "REMOVED"]
        assert await visitor.serving() == identifier
        assert (await visitor.one(before))["canRollback"] is True


async def test_what_is_told_of_a_deployment_is_half_filled_while_it_is_built() -> None:
    async with opened(UNHURRIED) as visitor:
        identifier = visitor.railway.push("backend")
        early = (await visitor.one(identifier))["meta"]
        await visitor.life(identifier, "SUCCESS")
        late = (await visitor.one(identifier))["meta"]
    assert set(early) == {"repo", "branch", "commitHash"}
    assert set(late) > {*early, "commitMessage", "commitAuthor", "serviceManifest"}


async def test_the_one_before_serves_until_the_new_one_is_live() -> None:
    async with opened(UNHURRIED) as visitor:
        identifier = visitor.railway.push("backend")
        answers = []
        while await visitor.status(identifier) != "SUCCESS":
            answers.append(await visitor.answers())
        assert set(answers) == {200}


@pytest.mark.parametrize(
    ("fails_at", "lived", "step"),
    [
        ("build", ["INITIALIZING", "BUILDING", "FAILED"], "BUILD_IMAGE"),
        ("healthcheck", ["INITIALIZING", "BUILDING", "DEPLOYING", "FAILED"], "HEALTHCHECK"),
    ],
)
async def test_a_commit_may_fail_on_its_way_and_the_one_before_serves_on(
    fails_at: Any, lived: list[str], step: str
) -> None:
    async with opened(UNHURRIED) as visitor:
        before = await visitor.serving()
        identifier = visitor.railway.push("backend", fails_at=fails_at)
        assert await visitor.life(identifier, "FAILED") == lived
        steps = [edge["node"] for edge in (await visitor.ask(STEPS, id=identifier))["edges"]]
        assert (steps[-1]["step"], bool(steps[-1]["payload"]["error"])) == (step, True)
        place = await visitor.place()
        assert place["latestDeployment"] == {"id": identifier, "status": "FAILED"}
        assert place["activeDeployments"] == [{"id": before, "status": "SUCCESS"}]
        assert await visitor.answers() == 200


async def test_a_newer_push_takes_the_place_of_one_that_is_on_its_way() -> None:
    async with opened(UNHURRIED) as visitor:
        first, second = visitor.railway.push("backend"), visitor.railway.push("backend")
        assert await visitor.status(first) == "REMOVED"
        await visitor.life(second, "SUCCESS")
        assert await visitor.status(first) == "REMOVED"


async def test_a_scheduled_service_is_built_and_nothing_of_it_runs(visitor: Visitor) -> None:
    identifier = visitor.railway.push("nightly")
    await visitor.life(identifier, "SUCCESS")
    found = await visitor.one(identifier)
    assert (found["instances"], found["deploymentStopped"], found["meta"]["buildOnly"]) == ([], False, True)
    place = await visitor.place("nightly")
    assert datetime.fromisoformat(place["nextCronRunAt"]) > datetime.now(UTC)


async def test_a_service_that_sleeps_says_so(visitor: Visitor) -> None:
    place = await visitor.place("preview")
    assert place["sleepApplication"] is True
    assert [each["status"] for each in place["activeDeployments"]] == ["SLEEPING"]


async def test_the_way_of_a_deployment_is_told_step_by_step(visitor: Visitor) -> None:
    identifier = visitor.railway.push("backend")
    await visitor.life(identifier, "SUCCESS")
    steps = [edge["node"] for edge in (await visitor.ask(STEPS, id=identifier))["edges"]]
    assert [step["step"] for step in steps] == [
        "SNAPSHOT_CODE",
        "BUILD_IMAGE",
        "PUBLISH_IMAGE",
        "CREATE_CONTAINER",
        "CONFIGURE_NETWORK",
        "HEALTHCHECK",
    ]
    assert all(step["createdAt"] <= step["completedAt"] for step in steps)


# --- what is done to deployments, and what the product's visitors see


async def test_a_restart_mends_what_was_stuck_and_keeps_the_deployment(visitor: Visitor) -> None:
    await visitor.product.switch_on("backend-503")
    identifier = await visitor.serving()
    before = (await visitor.one(identifier))["instances"]
    assert (await visitor.act("deploymentRestart", identifier)).body == {"data": {"deploymentRestart": True}}
    restarting = await visitor.one(identifier)
    assert [each["status"] for each in restarting["instances"]] in (["RESTARTING"], ["RUNNING"])
    await until(lambda: visitor.railway.realm.world.deployment(identifier).is_running)
    after = await visitor.one(identifier)
    assert (after["status"], [each["status"] for each in after["instances"]]) == ("SUCCESS", ["RUNNING"])
    assert after["instances"] != before
    assert await visitor.answers() == 200


async def test_nobody_answers_while_it_restarts() -> None:
    async with opened(Pace(deploying=timedelta(hours=1))) as visitor:
        await visitor.act("deploymentRestart", await visitor.serving())
        assert await visitor.answers() is None


async def test_a_restart_does_not_mend_what_the_code_brings(visitor: Visitor) -> None:
    identifier = visitor.railway.push("backend", brings=frozenset({"backend-503"}))
    await visitor.life(identifier, "SUCCESS")
    await visitor.act("deploymentRestart", identifier)
    await until(lambda: visitor.railway.realm.world.deployment(identifier).is_running)
    assert await visitor.answers() == 503


async def test_a_crash_leaves_nobody_to_answer_until_it_is_restarted(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    await visitor.railway.crash("backend")
    crashed = await visitor.one(identifier)
    assert (crashed["status"], crashed["deploymentStopped"]) == ("CRASHED", True)
    assert [each["status"] for each in crashed["instances"]] == ["CRASHED"]
    assert await visitor.answers() is None
    await visitor.act("deploymentRestart", identifier)
    await visitor.life(identifier, "SUCCESS")
    assert await visitor.answers() == 200


async def test_a_quiet_exit_leaves_the_status_and_nobody_to_answer(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    place = visitor.railway.realm.world.place_named(PRODUCTION_ID, "backend")
    await visitor.railway.realm.operations.exit_quietly(place)
    gone = await visitor.one(identifier)
    assert (gone["status"], gone["deploymentStopped"]) == ("SUCCESS", True)
    assert [each["status"] for each in gone["instances"]] == ["EXITED"]
    assert await visitor.answers() is None


async def test_a_removal_leaves_the_service_with_nothing_running(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    assert (await visitor.act("deploymentRemove", identifier, "workspace")).body["data"] == {"deploymentRemove": True}
    assert await visitor.answers() is None
    await visitor.life(identifier, "REMOVED")
    place = await visitor.place()
    assert (place["latestDeployment"]["status"], place["activeDeployments"]) == ("REMOVED", [])
    assert await visitor.answers(visitor.product.frontend_url) == 200


async def test_a_rollback_brings_back_the_code_and_the_variables(visitor: Visitor) -> None:
    good = await visitor.serving()
    await visitor.ask(UPSERT, input={**_where(), "variables": {"NEW": "1", "LOG_LEVEL": "debug"}, "skipDeploys": True})
    bad = visitor.railway.push("backend", brings=frozenset({"backend-500"}))
    await visitor.life(bad, "SUCCESS")
    assert await visitor.answers() == 500
    await visitor.life(good, "REMOVED")
    assert (await visitor.act("deploymentRollback", good)).body == {"data": {"deploymentRollback": True}}
    new = (await visitor.history())[0]["id"]
    await visitor.life(new, "SUCCESS")
    assert await visitor.answers() == 200
    assert (await visitor.one(new))["meta"]["commitHash"] == (await visitor.one(good))["meta"]["commitHash"]
    values = await visitor.ask(VARIABLES, **scope(unrendered=True))
    assert (values["LOG_LEVEL"], "NEW" in values, values["SECRET_KEY"]) == ("info", False, None)


async def test_a_redeploy_is_a_new_deployment_of_the_same_code_without_a_build() -> None:
    async with opened(UNHURRIED) as visitor:
        before = await visitor.serving()
        new = (await visitor.act("deploymentRedeploy", before)).body["data"]["deploymentRedeploy"]["id"]
        assert await visitor.life(new, "SUCCESS") == ["INITIALIZING", "DEPLOYING", "SUCCESS"]
        assert (await visitor.one(new))["meta"]["commitHash"] == (await visitor.one(before))["meta"]["commitHash"]


async def test_a_commit_is_deployed_by_its_whole_sha_only(visitor: Visitor) -> None:
    sha = (await visitor.history())[-1]["meta"]["commitHash"]
    short = await visitor.post(DEPLOY, **_at("backend"), sha=sha[:7])
    assert short.said == "Commit not found"
    new = await visitor.ask(DEPLOY, **_at("backend"), sha=sha)
    assert (await visitor.one(new))["meta"]["commitHash"] == sha


async def test_a_deployment_under_way_can_be_cancelled(visitor: Visitor) -> None:
    before = await visitor.serving()
    identifier = visitor.railway.push("backend")
    assert (await visitor.act("deploymentCancel", identifier)).body == {"data": {"deploymentCancel": True}}
    assert await visitor.status(identifier) == "REMOVED"
    assert await visitor.serving() == before


@pytest.mark.parametrize(
    ("field", "status", "message"),
    [
        ("deploymentCancel", "SUCCESS", "Deployment cannot be cancelled"),
        ("deploymentRedeploy", "REMOVED", "Deployment cannot be redeployed"),
        ("deploymentRestart", "FAILED", "Deployment cannot be restarted: it is not active"),
        ("deploymentRollback", "SUCCESS", "Deployment cannot be rolled back"),
        ("deploymentRollback", "FAILED", "Deployment cannot be rolled back"),
    ],
)
async def test_what_does_not_fit_a_deployment_is_refused(
    visitor: Visitor, field: str, status: str, message: str
) -> None:
    deployment = next(each for each in await visitor.history() if each["status"] == status)
    answer = await visitor.act(field, deployment["id"])
    assert (answer.status, answer.said) == (200, message)
    assert answer.error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"


async def test_an_image_of_long_ago_is_kept_no_longer(visitor: Visitor) -> None:
    *_, oldest = removed = [each for each in await visitor.history() if each["status"] == "REMOVED"]
    assert [each["canRollback"] for each in removed] == [True, True, False]
    assert (await visitor.act("deploymentRollback", oldest["id"])).said == "Deployment cannot be rolled back"


async def test_deployments_are_listed_newest_first_page_by_page(visitor: Visitor) -> None:
    listed = [each["id"] for each in await visitor.history()]
    found, after = [], None
    while True:
        asked = {"environmentId": PRODUCTION_ID, "serviceId": service_id("backend")}
        page = await visitor.ask(HISTORY, input=asked, first=2, after=after)
        found += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == listed
    assert listed[0] == await visitor.serving()


async def test_deployments_are_listed_by_status(visitor: Visitor) -> None:
    chosen = await visitor.history(status={"in": ["FAILED", "SUCCESS"]})
    others = await visitor.history(status={"notIn": ["FAILED", "SUCCESS"]})
    assert [each["status"] for each in chosen] == ["SUCCESS", "FAILED"]
    assert {each["status"] for each in others} == {"REMOVED"}


# --- what ends an outage, and what does not


async def do(visitor: Visitor, field: str) -> str:
    """Restart or redeploy what the backend serves, and wait until it runs anew; gives its deployment."""
    identifier = await visitor.serving()
    world = visitor.railway.realm.world
    before = world.deployment(identifier).replicas
    answer = await visitor.act(field, identifier)
    if field == "deploymentRedeploy":
        identifier = answer.body["data"][field]["id"]
    await until(lambda: world.deployment(identifier).is_running and world.deployment(identifier).replicas != before)
    await until(lambda: world.deployment(identifier).status == "SUCCESS")
    return identifier


async def roll_back(visitor: Visitor, identifier: str) -> str:
    """Go back to a deployment that was replaced, and wait until it serves; gives the new one."""
    await visitor.life(identifier, "REMOVED")
    await visitor.act("deploymentRollback", identifier)
    new = str((await visitor.history())[0]["id"])
    await visitor.life(new, "SUCCESS")
    return new


@pytest.mark.parametrize(
    ("fault", "field", "status"),
    [
        ("backend-503", "deploymentRestart", 200),
        ("backend-503", "deploymentRedeploy", 200),
        ("backend-corrupt", "deploymentRestart", 500),
        ("backend-corrupt", "deploymentRedeploy", 200),
        ("backend-500", "deploymentRestart", 500),
        ("backend-500", "deploymentRedeploy", 500),
    ],
)
async def test_a_restart_and_a_redeploy_end_what_lay_in_what_they_replace(
    visitor: Visitor, fault: str, field: str, status: int
) -> None:
    await visitor.product.switch_on(fault)
    await do(visitor, field)
    assert await visitor.answers() == status


async def test_a_broken_disk_is_left_behind_by_any_new_container(visitor: Visitor) -> None:
    before = await visitor.serving()
    for deploy in (
        lambda: visitor.life(visitor.railway.push("backend"), "SUCCESS"),
        lambda: roll_back(visitor, before),
    ):
        await visitor.product.switch_on("backend-corrupt")
        assert await visitor.answers() == 500
        await deploy()
        assert await visitor.answers() == 200


async def test_a_bad_commit_is_bad_wherever_it_runs_and_what_was_before_is_well(visitor: Visitor) -> None:
    good = await visitor.serving()
    bad = visitor.railway.push("backend", brings=frozenset({"backend-500"}))
    await visitor.life(bad, "SUCCESS")
    for field in ("deploymentRestart", "deploymentRedeploy"):
        bad = await do(visitor, field)
        assert await visitor.answers() == 500
    await roll_back(visitor, good)
    assert (await visitor.answers(), visitor.product.active) == (200, frozenset())
    await roll_back(visitor, bad)
    assert await visitor.answers() == 500


async def test_a_commit_that_mends_it_ends_what_a_bad_one_brought(visitor: Visitor) -> None:
    for brings, status in ((frozenset({"backend-500"}), 500), (frozenset[str](), 200)):
        await visitor.life(visitor.railway.push("backend", brings=brings), "SUCCESS")
        assert await visitor.answers() == status


async def test_what_a_bad_commit_writes_stands_in_its_own_log(visitor: Visitor) -> None:
    good = await visitor.serving()
    bad = visitor.railway.push("backend", brings=frozenset({"backend-500"}))
    await visitor.life(bad, "SUCCESS")
    assert await lines(visitor, good, filter="@level:error") == []
    told = [line["message"] for line in await lines(visitor, bad, filter="@level:error")]
    assert (told[0], told[1]) == ("ERROR request failed (backend-500)", "Traceback (most recent call last):")


async def test_a_commit_that_dies_at_its_start_does_so_again_until_it_is_left(visitor: Visitor) -> None:
    good = await visitor.serving()
    bad = visitor.railway.push("backend", brings=frozenset({"backend-crash"}))
    await visitor.life(bad, "CRASHED")
    first = (await visitor.one(bad))["instances"]
    await visitor.act("deploymentRestart", bad)
    await until(lambda: visitor.railway.realm.world.deployment(bad).replicas[0].id != first[0]["id"])
    assert ((await visitor.one(bad))["status"], await visitor.answers()) == ("CRASHED", None)
    await roll_back(visitor, good)
    assert await visitor.answers() == 200


DEATHS = [
    ("backend-crash", "Process exited with code 1"),
    ("backend-oom", "Out of memory: Killed process 7 (python) total-vm:9132048kB, anon-rss:8388104kB"),
]


@pytest.mark.parametrize(("fault", "last_word"), DEATHS)
async def test_a_process_that_dies_leaves_a_crashed_deployment_and_a_last_word(
    visitor: Visitor, fault: str, last_word: str
) -> None:
    identifier = await visitor.serving()
    url = f"{visitor.product.control_url}/faults/{fault}"
    async with aiohttp.ClientSession() as session, session.put(url) as response:
        assert (await response.json())["active"] == [fault]
    dead = await visitor.one(identifier)
    assert (dead["status"], dead["deploymentStopped"]) == ("CRASHED", True)
    assert [each["status"] for each in dead["instances"]] == ["CRASHED"]
    assert await visitor.answers() is None
    last = (await lines(visitor, identifier))[-1]
    assert (last["message"], last["severity"]) == (last_word, "error")


@pytest.mark.parametrize("fault", [fault for fault, _ in DEATHS])
@pytest.mark.parametrize("field", ["deploymentRestart", "deploymentRedeploy"])
async def test_a_process_that_has_died_is_started_anew(visitor: Visitor, fault: str, field: str) -> None:
    await visitor.product.switch_on(fault)
    await do(visitor, field)
    assert (await visitor.answers(), visitor.product.active) == (200, frozenset())


async def test_what_is_mended_by_hand_is_started_by_railway_itself(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    await visitor.product.switch_on("backend-oom")
    await visitor.product.mend()
    assert await visitor.life(identifier, "SUCCESS") in (["CRASHED", "SUCCESS"], ["SUCCESS"])
    assert ((await visitor.one(identifier))["deploymentStopped"], await visitor.answers()) == (False, 200)


async def test_memory_fills_up_before_it_runs_out_and_is_measured_until_then(visitor: Visitor) -> None:
    asked: dict[str, Any] = {
        "environmentId": PRODUCTION_ID,
        "serviceId": service_id("backend"),
        "startDate": (datetime.now(UTC) - timedelta(minutes=30)).isoformat(),
        "endDate": (datetime.now(UTC) + timedelta(minutes=5)).isoformat(),
        "measurements": ["MEMORY_USAGE_GB", "MEMORY_LIMIT_GB"],
        "sampleRateSeconds": 30,
    }
    await visitor.product.switch_on("backend-oom")
    died = datetime.now(UTC).timestamp()
    used, limit = [each["values"] for each in await visitor.ask(_document("Metrics"), **asked)]
    assert used[0]["value"] < 0.1 * limit[0]["value"]
    assert used[-1]["value"] > 0.95 * limit[-1]["value"]
    assert died - 31 < used[-1]["ts"] <= died
    await do(visitor, "deploymentRestart")
    used, _ = [each["values"] for each in await visitor.ask(_document("Metrics"), **asked)]
    assert used[-1]["value"] < 0.1 * limit[-1]["value"], "and a new process begins anew"


# --- tokens and rights


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("none", "Not Authorized"),
        ("dead project", "Project Token not found"),
        ("dead bearer", "Not Authorized"),
        ("project as bearer", "Not Authorized"),
        ("workspace as project", "Project Token not found"),
        ("workspace", "Not Authorized"),
    ],
)
async def test_a_token_in_the_wrong_place_is_as_good_as_dead(visitor: Visitor, token: str, said: str) -> None:
    answer = await visitor.post(WHO, token)
    assert (answer.status, answer.said, answer.body["data"]) == (200, said, None)


async def test_an_empty_bearer_token_is_refused_even_where_none_is_needed(visitor: Visitor) -> None:
    assert (await visitor.post(UNPROTECTED, "none")).status == 200
    answer = await visitor.post(UNPROTECTED, "empty")
    assert (answer.status, answer.error["extensions"]["code"]) == (400, "UNAUTHENTICATED")


@pytest.mark.parametrize(("token", "environment"), [("project", PRODUCTION_ID), ("staging", STAGING_ID)])
async def test_a_project_token_is_one_environments(visitor: Visitor, token: str, environment: str) -> None:
    assert await visitor.ask(WHO, token) == {"environmentId": environment, "projectId": PROJECT_ID}


async def test_a_workspace_token_tells_its_workspace(visitor: Visitor) -> None:
    query = "query Mine { apiToken { workspaces { id name } } }"
    assert await visitor.ask(query, "workspace") == {"workspaces": [{"id": WORKSPACE_ID, "name": "acme"}]}
    assert await visitor.ask(query, "other workspace") == {"workspaces": [{"id": OTHER_WORKSPACE_ID, "name": "other"}]}


PROJECTS = "query All($w: String) { projects(workspaceId: $w) { edges { node { id name deletedAt } } } }"


async def test_a_workspace_token_sees_its_own_projects_only(visitor: Visitor) -> None:
    for token, workspace, project in (
        ("workspace", WORKSPACE_ID, PROJECT_ID),
        ("other workspace", OTHER_WORKSPACE_ID, OTHER_PROJECT_ID),
    ):
        for asked in (workspace, None):
            edges = (await visitor.ask(PROJECTS, token, w=asked))["edges"]
            assert [edge["node"]["id"] for edge in edges] == [project]
    assert (await visitor.post(PROJECTS, "workspace", w=OTHER_WORKSPACE_ID)).said == "Not Authorized"


@pytest.mark.parametrize("token", ["staging", "other workspace"])
async def test_what_is_anothers_is_refused(visitor: Visitor, token: str) -> None:
    identifier = await visitor.serving()
    for answer in (
        await visitor.post(ONE, token, id=identifier),
        await visitor.post(PLACES, token, id=PRODUCTION_ID),
        await visitor.post(VARIABLES, token, **scope()),
        await visitor.post(LOGS, token, id=identifier),
        await visitor.act("deploymentRestart", identifier, token),
        await visitor.post(UPSERT, token, input={**_where(), "variables": {"A": "1"}}),
    ):
        assert (answer.status, answer.said) == (200, "Not Authorized")
    assert await visitor.answers() == 200


async def test_a_project_token_may_not_remove(visitor: Visitor) -> None:
    answer = await visitor.act("deploymentRemove", await visitor.serving())
    assert (answer.said, answer.error["path"]) == ("Not Authorized", ["deploymentRemove"])
    assert await visitor.answers() == 200


async def test_the_rights_of_tokens_can_be_set(visitor: Visitor) -> None:
    kinds = {str(kind): fields for kind, fields in visitor.railway.denied.items()}
    kinds["project"].add("deploymentRestart")
    kinds["project"].discard("deploymentRemove")
    identifier = await visitor.serving()
    assert (await visitor.act("deploymentRestart", identifier)).said == "Not Authorized"
    assert (await visitor.act("deploymentRemove", identifier)).body == {"data": {"deploymentRemove": True}}


@pytest.mark.parametrize(
    ("query", "asked", "said"),
    [
        (STATUS, {"id": "nobody"}, "Deployment not found"),
        (PLACES, {"id": "nobody"}, "Environment not found"),
        (PROXIES, {"e": PRODUCTION_ID, "s": "nobody"}, "ServiceInstance not found"),
        (TEMPLATE, {"code": "oracle"}, "Template not found"),
    ],
)
async def test_what_is_not_there_is_not_found(visitor: Visitor, query: str, asked: dict[str, Any], said: str) -> None:
    answer = await visitor.post(query, "workspace", **asked)
    assert (answer.status, answer.said, answer.error["extensions"]) == (200, said, {"code": "INTERNAL_SERVER_ERROR"})
    assert answer.error["traceId"]


async def test_each_request_is_heard(visitor: Visitor) -> None:
    await visitor.ask(WHO, "staging")
    heard = visitor.railway.heard[-1]
    assert (heard.operation, heard.token, heard.user_agent, heard.query_string) == (
        "Who",
        "staging",
        "tests/1",
        "source=tests",
    )
    assert visitor.railway.calls == {"Who": 1}


# --- limits


async def test_each_answer_tells_what_is_left_of_the_hour(visitor: Visitor) -> None:
    answers = [await visitor.post(WHO) for _ in range(3)]
    assert [answer.headers["X-RateLimit-Limit"] for answer in answers] == ["1000"] * 3
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["999", "998", "997"]
    reset = datetime.fromtimestamp(int(answers[0].headers["X-RateLimit-Reset"]), UTC)
    assert timedelta(minutes=59) < reset - datetime.now(UTC) <= timedelta(hours=1)


async def test_an_hour_that_is_used_up_is_told_with_the_wait(visitor: Visitor) -> None:
    visitor.railway.limits.hour_limit = 2
    *_, last = [await visitor.post(WHO) for _ in range(3)]
    assert (last.status, last.text) == (429, "Too Many Requests")
    assert last.headers["X-RateLimit-Remaining"] == "0"
    assert 3500 < float(last.headers["Retry-After"]) <= 3600


async def test_what_comes_too_quickly_waits_a_second_and_costs_nothing(visitor: Visitor) -> None:
    visitor.railway.limits.second_limit = 3
    answers = [await visitor.post(WHO) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "1.000"
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers[2:]] == ["997", "997"]


async def test_a_request_that_is_one_too_many_does_nothing(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    visitor.railway.limits.hour_limit = 1
    assert (await visitor.act("deploymentRestart", identifier)).status == 429
    assert visitor.railway.realm.world.deployment(identifier).is_running


# --- the edge


@pytest.mark.parametrize("agent", ["", "Python/3.11 aiohttp/3.14.0", "python-requests/2.32", "aiohttp/3"])
async def test_the_edge_turns_pythons_away_with_a_page(visitor: Visitor, agent: str) -> None:
    answer = await visitor.post(WHO, agent=agent)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (403, "text/html")
    assert "X-RateLimit-Limit" not in answer.headers
    assert not visitor.railway.heard, "it never came to the API"


@pytest.mark.parametrize(("tail", "last"), [("", 429), ("?source=tests", 200)])
async def test_the_edge_has_a_limit_of_its_own_where_there_is_no_query_string(
    visitor: Visitor, tail: str, last: int
) -> None:
    answers = await asyncio.gather(*(visitor.post(WHO, tail=tail) for _ in range(EDGE_LIMIT + 1)))
    assert sorted(answer.status for answer in answers) == [200] * EDGE_LIMIT + [last]
    refused = [answer for answer in answers if answer.status == 429]
    assert all(each.text == "error code: 1015" and "X-RateLimit-Limit" not in each.headers for each in refused)


async def test_the_clock_of_railway_may_be_wrong(visitor: Visitor) -> None:
    visitor.railway.clock_skew = timedelta(hours=-2)
    date = parsedate_to_datetime((await visitor.post(WHO)).headers["Date"])
    assert abs(datetime.now(UTC) - timedelta(hours=2) - date) < timedelta(seconds=5)


# --- the language


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("query {", "GRAPHQL_PARSE_FAILED"),
        ("query Old { deployments(input: {}) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query Old($id: String!) { deployment(id: $id, environmentId: $id) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query Me { me { id } }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_what_does_not_fit_the_schema_is_refused_with_400(visitor: Visitor, query: str, code: str) -> None:
    answer = await visitor.post(query, id="any")
    assert (answer.status, answer.error["extensions"]["code"]) == (400, code)


@pytest.mark.parametrize("token", ["project", "none"])
async def test_the_schema_can_be_asked_for_and_every_document_of_the_daemon_fits_it(
    visitor: Visitor, token: str
) -> None:
    answer = await visitor.post(get_introspection_query(), token)
    schema = build_client_schema(answer.body["data"])
    assert {name: validate(schema, document(name).document) for name in names()} == {name: [] for name in names()}


# --- faults of the API

Check = Callable[[Answer], object]
RIGHT = {"projectToken": {"environmentId": PRODUCTION_ID, "projectId": PROJECT_ID}}


def page(status: int) -> Check:
    return lambda answer: (
        answer.status == status and answer.headers["Content-Type"].startswith("text/html") and "<h1>" in answer.text
    )


def refusal(message: str) -> Check:
    return lambda answer: (
        (answer.status, answer.said, answer.body["data"]) == (200, message, None)
        and answer.error["extensions"] == {"code": "INTERNAL_SERVER_ERROR"}
        and answer.error["traceId"]
    )


ANSWERED: Mapping[str, Check] = {
    "edge-429": lambda a: (a.status, a.text, "X-RateLimit-Limit" in a.headers) == (429, "error code: 1015", False),
    "edge-403": page(403),
    "rate-limited": lambda a: (
        (a.status, a.headers["Retry-After"], a.headers["X-RateLimit-Remaining"]) == (429, "37.5", "0")
    ),
    "gateway-502": page(502),
    "gateway-504": page(504),
    "slow": page(504),
    "not-json": page(200),
    "problem-processing": lambda a: (
        (a.status, a.body["data"], set(a.error), a.said)
        == (200, None, {"message", "traceId"}, "Problem processing request")
    ),
    "not-authorized": refusal("Not Authorized"),
    "token-dead": refusal("Project Token not found"),
    "two-factor": refusal("Two Factor Authentication Required"),
    "throttled-deploy": refusal("Service deployment rate limit exceeded"),
    "throttled-create": refusal("You are creating services too quickly. Please try again in 25 seconds."),
    "schema-drift": lambda a: (a.status, a.error["extensions"]["code"]) == (400, "GRAPHQL_VALIDATION_FAILED"),
    "partial": lambda a: a.body["data"] == RIGHT and a.error["path"] == ["environment", "serviceInstances", 0],
    "unknown-status": lambda a: a.body == {"data": RIGHT},
    "stuck-cursor": lambda a: a.body == {"data": RIGHT},
    "bare": lambda a: a.body == {"data": {"projectToken": {}}},
    "platform-incident": lambda a: a.body["data"]["platformStatus"]["isStable"] is False,
}
"""What an answer looks like under a fault."""
UNANSWERED = {"lost-answer", "lost-request", "hang"}
EFFECTIVE = {"gateway-504", "lost-answer", "slow", "partial", "unknown-status", "stuck-cursor", "bare"}
"""The faults under which what was asked for is done; `platform-incident` too, but it is about a query."""


def test_every_fault_of_the_api_is_tested_here() -> None:
    assert set(ANSWERED) | UNANSWERED == {fault.name for fault in API_FAULTS}
    assert {fault.name for fault in API_FAULTS if fault.takes_effect} == EFFECTIVE | {"platform-incident"}


@pytest.mark.parametrize("fault", ANSWERED)
async def test_a_fault_of_the_api_has_its_shape(visitor: Visitor, fault: str) -> None:
    visitor.railway.faults.switch_on(fault)
    answer = await visitor.post(WHO)
    assert ANSWERED[fault](answer), answer
    visitor.railway.faults.switch_off(fault)
    assert await visitor.ask(WHO) == RIGHT["projectToken"]


@pytest.mark.parametrize("fault", ["lost-answer", "lost-request"])
async def test_a_lost_connection_is_not_answered(visitor: Visitor, fault: str) -> None:
    visitor.railway.faults.switch_on(fault)
    with pytest.raises(aiohttp.ClientError):
        await visitor.post(WHO)


async def test_a_hanging_request_is_not_answered_while_its_client_waits(visitor: Visitor) -> None:
    visitor.railway.faults.switch_on("hang")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(visitor.post(WHO), 0.1)


@pytest.mark.parametrize("fault", [fault.name for fault in API_FAULTS if fault.name != "hang"])
async def test_what_was_asked_for_is_done_under_some_faults_only(visitor: Visitor, fault: str) -> None:
    identifier = await visitor.serving()
    visitor.railway.faults.switch_on(fault, operation="Act")
    try:
        await visitor.act("deploymentRedeploy", identifier)
    except aiohttp.ClientError:
        assert fault in UNANSWERED
    done = (await visitor.history())[0]["id"] != identifier
    assert done is (fault in EFFECTIVE | {"platform-incident"})


async def test_a_status_of_tomorrow_is_seen_wherever_a_deployment_is(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    visitor.railway.faults.switch_on("unknown-status")
    assert (await visitor.one(identifier))["status"] == "HIBERNATING"


async def test_a_stuck_cursor_never_ends(visitor: Visitor) -> None:
    visitor.railway.faults.switch_on("stuck-cursor")
    asked = {"environmentId": PRODUCTION_ID}
    pages = [await visitor.ask(HISTORY, input=asked, first=2, after=after) for after in (None, "here")]
    assert [page["pageInfo"] for page in pages] == [{"hasNextPage": True, "endCursor": "here"}] * 2


async def test_a_fault_may_be_about_one_operation_and_end_after_some_times(visitor: Visitor) -> None:
    visitor.railway.faults.switch_on("gateway-502", operation="Who", times=2)
    assert (await visitor.post(UNPROTECTED)).status == 200
    assert [(await visitor.post(WHO)).status for _ in range(3)] == [502, 502, 200]
    assert visitor.railway.faults.active == frozenset()


async def test_of_two_faults_the_first_that_was_switched_on_strikes(visitor: Visitor) -> None:
    visitor.railway.faults.switch_on("gateway-502", operation="Other")
    visitor.railway.faults.switch_on("gateway-504", times=1)
    visitor.railway.faults.switch_on("edge-403")
    assert [(await visitor.post(WHO)).status for _ in range(2)] == [504, 403]


async def test_railway_can_be_in_trouble(visitor: Visitor) -> None:
    assert await visitor.ask(UNPROTECTED, "none") == {"isStable": True, "incident": None}
    visitor.railway.realm.weather.incident = "Builds are slow"
    incident = {"message": "Builds are slow", "status": "INVESTIGATING", "url": INCIDENT_URL}
    assert await visitor.ask(UNPROTECTED, "none") == {"isStable": False, "incident": incident}


# --- the control port


async def test_faults_are_switched_over_http(visitor: Visitor) -> None:
    known = {fault.name: fault.sight for fault in API_FAULTS}
    assert await visitor.control("GET", "/faults") == (200, {"active": [], "known": known})
    assert (await visitor.control("PUT", "/faults/hang"))[1]["active"] == ["hang"]
    assert (await visitor.control("PUT", "/faults/bare"))[1]["active"] == ["bare", "hang"]
    assert (await visitor.control("DELETE", "/faults/hang"))[1]["active"] == ["bare"]
    assert (await visitor.control("DELETE", "/faults"))[1]["active"] == []


async def test_a_fault_is_switched_on_for_an_operation_and_some_times_over_http(visitor: Visitor) -> None:
    assert (await visitor.control("PUT", "/faults/gateway-502?operation=Who&times=1"))[0] == 200
    assert [(await visitor.post(query)).status for query in (UNPROTECTED, WHO, WHO)] == [200, 502, 200]


async def test_a_commit_is_pushed_over_http(visitor: Visitor) -> None:
    status, body = await visitor.control("POST", "/push/backend?brings=backend-500,auth-401")
    assert status == 200
    await visitor.life(body["deployment"], "SUCCESS")
    assert await visitor.answers() == 500
    assert visitor.product.active == {"backend-500", "auth-401"}


@pytest.mark.parametrize("stage", ["build", "healthcheck"])
async def test_a_commit_that_fails_is_pushed_over_http(visitor: Visitor, stage: str) -> None:
    _, body = await visitor.control("POST", f"/push/frontend?fails_at={stage}")
    assert (await visitor.life(body["deployment"], "SUCCESS", "FAILED"))[-1] == "FAILED"


async def test_a_service_is_crashed_over_http(visitor: Visitor) -> None:
    assert await visitor.control("POST", "/crash/backend") == (200, {"crashed": "backend"})
    assert await visitor.status(await visitor.serving()) == "CRASHED"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/faults/gateway-500"),
        ("PUT", "/faults/hang?times=never"),
        ("PUT", "/faults/hang?times=0"),
        ("DELETE", "/faults/gateway-500"),
        ("POST", "/crash/backends"),
        ("POST", "/push/backends"),
        ("POST", "/push/backend?brings=backend-sad"),
        ("POST", "/push/backend?fails_at=lunch"),
    ],
)
async def test_a_wrong_name_is_answered_with_404_and_changes_nothing(visitor: Visitor, method: str, path: str) -> None:
    before = await visitor.history()
    status, body = await visitor.control(method, path)
    assert status == 404
    assert str(body["detail"]).startswith("no such thing: ")
    assert (visitor.railway.faults.active, await visitor.history()) == (frozenset(), before)


async def test_what_runs_nowhere_cannot_be_crashed(visitor: Visitor) -> None:
    await visitor.act("deploymentRemove", await visitor.serving(), "workspace")
    assert (await visitor.control("POST", "/crash/backend"))[0] == 404


# --- logs


async def lines(visitor: Visitor, identifier: str, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await visitor.ask(LOGS, id=identifier, **asked)
    return found


def write(visitor: Visitor, identifier: str, *messages: str, severity: str = "info") -> None:
    for message in messages:
        visitor.railway.realm.world.log.write(visitor.railway.realm.world.deployment(identifier), message, severity)


async def test_a_limit_gives_the_last_lines_and_one_more(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    write(visitor, identifier, *(f"line {number}" for number in range(20)))
    found = await lines(visitor, identifier, limit=3)
    assert [line["message"] for line in found] == ["line 16", "line 17", "line 18", "line 19"]


async def test_a_line_tells_whose_it_is_and_its_time_to_the_nanosecond(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    write(visitor, identifier, "one\ntwo", severity="error")
    one, two = (await lines(visitor, identifier))[-2:]
    assert (one["message"], two["message"], two["severity"]) == ("one", "two", "error")
    assert one["attributes"] == [{"key": "level", "value": '"error"'}]
    assert (one["tags"]["deploymentId"], one["tags"]["serviceId"]) == (identifier, service_id("backend"))
    assert len(one["timestamp"].partition(".")[2]) == len("123456789Z")
    assert one["timestamp"] < two["timestamp"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("cart", ["Cart is empty", "cart of 3"]),
        ("-cart", ["slow answer"]),
        ('"is empty"', ["Cart is empty"]),
        ("@level:error", ["Cart is empty"]),
        ("cart -@level:error", ["cart of 3"]),
        ("cart AND 3", ["cart of 3"]),
        ("3 OR slow", ["cart of 3", "slow answer"]),
        ("cart (empty OR slow)", ["Cart is empty"]),
        ("-(3 OR slow)", ["Cart is empty"]),
        ("nothing", []),
    ],
)
async def test_lines_are_filtered(visitor: Visitor, wanted: str, found: list[str]) -> None:
    identifier = await visitor.serving()
    since = datetime.now(UTC)
    write(visitor, identifier, "Cart is empty", severity="error")
    write(visitor, identifier, "cart of 3", "slow answer")
    told = await lines(visitor, identifier, filter=wanted, startDate=since.isoformat())
    assert [line["message"] for line in told] == found


async def test_lines_are_read_between_two_times(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    log, deployment = visitor.railway.realm.world.log, visitor.railway.realm.world.deployment(identifier)
    now = datetime.now(UTC).replace(microsecond=0)
    for hours in (5, 4, 3, 2):
        log.write(deployment, f"{hours} hours ago", at=now - timedelta(hours=hours))
    start, end = (now - timedelta(hours=hours) for hours in (4, 3))
    told = await lines(visitor, identifier, startDate=start.isoformat(), endDate=end.isoformat())
    assert [line["message"] for line in told] == ["4 hours ago", "3 hours ago"]


async def test_lines_of_before_they_are_kept_cannot_be_served(visitor: Visitor) -> None:
    old = (datetime.now(UTC) - timedelta(days=8)).isoformat()
    answer = await visitor.post(LOGS, id=await visitor.serving(), startDate=old)
    assert (answer.status, answer.said) == (200, "Problem processing request")


async def test_the_lines_of_all_services_come_in_their_order_around_an_anchor(visitor: Visitor) -> None:
    for name in ("backend", "frontend"):
        write(visitor, await visitor.serving(name), f"{name}: before")
    anchor = datetime.now(UTC).isoformat()
    await until(lambda: datetime.now(UTC).isoformat() > anchor)
    write(visitor, await visitor.serving("backend"), "after")
    told = await visitor.ask(EVERYTHING, id=PRODUCTION_ID, anchor=anchor, before=1, after=5)
    assert [line["message"] for line in told] == ["backend: before", "frontend: before", "after"]
    one = await visitor.ask(EVERYTHING, id=PRODUCTION_ID, filter=f"@service:{service_id('frontend')}")
    assert {line["tags"]["serviceId"] for line in one} == {service_id("frontend")}


async def test_a_build_has_a_log_of_its_own(visitor: Visitor) -> None:
    identifier = visitor.railway.push("backend", fails_at="build")
    await visitor.life(identifier, "FAILED")
    assert await lines(visitor, identifier) == []
    built = await visitor.ask(BUILD, id=identifier)
    assert built[-1]["message"].startswith("Build Failed: ")
    assert built[-1]["severity"] == "error"


async def test_a_product_that_breaks_writes_a_traceback(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    await visitor.product.switch_on("database-down")
    told = await lines(visitor, identifier, filter="@level:error")
    assert told[-1]["message"] == "shop.store.StoreError: database-down"


async def test_each_container_writes_of_what_its_visitors_meet_but_not_at_each_visit(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    await visitor.product.switch_on("backend-corrupt")
    for _ in range(2):
        for _ in range(3):
            assert await visitor.answers() == 500
        await do(visitor, "deploymentRestart")
    told = await lines(visitor, identifier, filter="Errno")
    assert [line["message"] for line in told] == ["OSError: [Errno 5] Input/output error: '/app/var/catalogue.db'"] * 2
    assert len({line["tags"]["deploymentInstanceId"] for line in told}) == 2


async def test_a_container_repeats_itself_after_a_while(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    world = visitor.railway.realm.world
    complaints = Complaints(world.log)
    now = datetime.now(UTC)
    for seconds in (0, 4, 5, 9, 10):
        complaints.repeat(world.deployment(identifier), find("database-down"), now + timedelta(seconds=seconds))
    assert len(await lines(visitor, identifier, filter="StoreError")) == 3


async def test_who_is_refused_with_reason_is_no_trouble_to_be_logged(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    await visitor.product.switch_on("auth-401")
    await do(visitor, "deploymentRestart")
    before = await lines(visitor, identifier, filter="@level:error")
    url = f"{visitor.product.backend_url}/api/auth/login"
    async with aiohttp.ClientSession() as session, session.post(url, json={}) as response:
        assert response.status == 401
    assert await lines(visitor, identifier, filter="@level:error") == before


async def test_requests_to_the_product_are_logged_by_the_edge(visitor: Visitor) -> None:
    identifier = await visitor.serving()
    await visitor.answers()
    await visitor.product.switch_on("backend-reset")
    await visitor.answers()
    told = await visitor.ask(HTTP_LOGS, id=identifier)
    seen = [(line["method"], line["path"], line["httpStatus"], line["responseDetails"]) for line in told]
    lost = ("GET", "/health", 502, "Failed to forward request to upstream")
    assert seen[0] == ("GET", "/health", 200, "")
    assert set(seen[1:]) == {lost}, "the client may try again by itself"
    assert {line["deploymentId"] for line in told} == {identifier}
    bad = await visitor.ask(HTTP_LOGS, id=identifier, filter="@httpStatus:>=500")
    assert bad == told[1:]


async def test_the_requests_of_a_service_are_counted_by_status(visitor: Visitor) -> None:
    now = datetime.now(UTC)
    for _ in range(3):
        await visitor.answers()
    await visitor.answers(f"{visitor.product.backend_url}/nowhere")
    asked: dict[str, Any] = {
        "environmentId": PRODUCTION_ID,
        "serviceId": service_id("backend"),
        "startDate": (now - timedelta(minutes=1)).isoformat(),
        "endDate": (now + timedelta(minutes=1)).isoformat(),
        "stepSeconds": 3600,
    }
    read = _document("HttpStatusMetrics")
    by_status = {each["statusCode"]: each["samples"] for each in await visitor.ask(read, **asked)}
    assert {status: sum(sample["value"] for sample in samples) for status, samples in by_status.items()} == {
        200: 3,
        404: 1,
    }
    samples = (await visitor.ask(_document("HttpLatencyMetrics"), **asked))["samples"]
    assert all(0 < sample["p50"] <= sample["p95"] <= sample["p99"] for sample in samples)


async def test_what_runs_is_measured_and_what_does_not_is_not(visitor: Visitor) -> None:
    await visitor.act("deploymentRemove", await visitor.serving("frontend"), "workspace")
    now = datetime.now(UTC)
    asked: dict[str, Any] = {
        "environmentId": PRODUCTION_ID,
        "startDate": (now - timedelta(minutes=10)).isoformat(),
        "endDate": now.isoformat(),
        "measurements": ["CPU_USAGE", "MEMORY_USAGE_GB"],
        "sampleRateSeconds": 60,
    }
    series = await visitor.ask(_document("Metrics"), **asked)
    measured = {each["tags"]["serviceId"] for each in series}
    assert service_id("backend") in measured
    assert measured.isdisjoint({service_id("frontend"), service_id("nightly"), service_id("preview")})
    assert all(9 <= len(each["values"]) <= 11 for each in series)


# --- variables


async def test_variables_are_told_rendered_or_as_they_were_written(visitor: Visitor) -> None:
    written = await visitor.ask(VARIABLES, **scope(unrendered=True))
    rendered = await visitor.ask(VARIABLES, **scope())
    assert written["DATABASE_URL"] == "${{Postgres.DATABASE_URL}}"
    assert rendered["DATABASE_URL"] == (
        "postgresql://postgres:sandbox-postgres-password@postgres.railway.internal:5432/railway"
    )
    assert rendered["CORS_ORIGIN"] == "https://frontend-production.up.railway.app"
    assert set(rendered) == set(written)


async def test_a_sealed_variable_is_there_and_never_told(visitor: Visitor) -> None:
    for query in (VARIABLES, DEPLOYED):
        assert (await visitor.ask(query, **scope()))["SECRET_KEY"] is None
    assert (await rows(visitor))["backend", "SECRET_KEY"] == (True, [])


async def rows(visitor: Visitor) -> dict[tuple[str, str], tuple[bool, list[str]]]:
    """Read what there is of variables without values, by service and name."""
    places = {place.service_id: place.name for place in visitor.railway.realm.world.places_of(PRODUCTION_ID)}
    nodes = [edge["node"] for edge in (await visitor.ask(ROWS, e=PRODUCTION_ID))["variables"]["edges"]]
    return {
        (places.get(node["serviceId"], SHARED), node["name"]): (node["isSealed"], node["references"]) for node in nodes
    }


async def test_what_a_variable_refers_to_is_told(visitor: Visitor) -> None:
    found = await rows(visitor)
    assert found["backend", "SENTRY_DSN"] == (False, ["shared.SENTRY_DSN"])
    assert found["Postgres", "PGUSER"] == (False, ["POSTGRES_USER"])
    assert found[SHARED, "RELEASE_CHANNEL"] == (False, [])


async def test_a_container_gets_its_own_variables_and_those_that_railway_provides(visitor: Visitor) -> None:
    got = await visitor.ask(DEPLOYED, **scope())
    assert got["SENTRY_DSN"] == "https://key@sentry.invalid/1"
    assert got["RAILWAY_SERVICE_NAME"] == "backend"
    assert got["RAILWAY_DEPLOYMENT_ID"] == await visitor.serving()
    assert got["RAILWAY_PRIVATE_DOMAIN"] == "backend.railway.internal"


async def test_references_in_a_circle_come_to_an_end(visitor: Visitor) -> None:
    circle = {"A": "a${{B}}", "B": "b${{A}}", "LOST": "<${{Nobody.NAME}}>"}
    await visitor.ask(UPSERT, input={**_where(), "variables": circle, "skipDeploys": True})
    rendered = await visitor.ask(VARIABLES, **scope())
    assert rendered["A"].startswith("abab")
    assert rendered["LOST"] == "<>"


async def test_writing_variables_deploys_the_service_unless_it_is_told_not_to(visitor: Visitor) -> None:
    before = await visitor.serving()
    await visitor.ask(UPSERT, input={**_where(), "variables": {"A": "1"}, "skipDeploys": True})
    assert (await visitor.history())[0]["id"] == before
    await visitor.ask(UPSERT, input={**_where(), "variables": {"B": "2"}})
    new = (await visitor.history())[0]
    assert new["id"] != before
    assert new["meta"]["patchId"]
    values = await visitor.ask(VARIABLES, **scope(unrendered=True))
    assert (values["A"], values["B"], values["LOG_LEVEL"]) == ("1", "2", "info")


async def test_a_shared_variable_deploys_those_that_refer_to_it(visitor: Visitor) -> None:
    before = {name: await visitor.serving(name) for name in ("backend", "frontend")}
    shared = {"environmentId": PRODUCTION_ID, "projectId": PROJECT_ID, "variables": {"SENTRY_DSN": "https://new"}}
    await visitor.ask(UPSERT, input=shared)
    deployed = {name for name in before if (await visitor.history(name))[0]["id"] != before[name]}
    assert deployed == {"backend"}


async def test_replacing_variables_deletes_all_others(visitor: Visitor) -> None:
    await visitor.ask(UPSERT, input={**_where(), "variables": {"A": "1"}, "replace": True, "skipDeploys": True})
    assert await visitor.ask(VARIABLES, **scope(unrendered=True)) == {"A": "1"}


def _where(name: str = "backend") -> dict[str, Any]:
    return {"environmentId": PRODUCTION_ID, "projectId": PROJECT_ID, "serviceId": service_id(name)}


def _at(name: str) -> dict[str, Any]:
    return {"e": PRODUCTION_ID, "s": service_id(name)}


# --- services and databases


async def test_a_service_is_added_once_under_its_name(visitor: Visitor) -> None:
    wish = {"projectId": PROJECT_ID, "environmentId": PRODUCTION_ID, "name": "worker"}
    made = await visitor.ask(CREATE, input=wish)
    assert (await visitor.place("worker"))["serviceId"] == made["id"]
    again = await visitor.post(CREATE, input=wish)
    assert again.said == "A service named worker already exists in this project"


async def filled(visitor: Visitor, code: str = "redis") -> tuple[str, dict[str, Any]]:
    """Read a template, and put the default values in as a client has to."""
    template = await visitor.ask(TEMPLATE, "none", code=code)
    config: dict[str, Any] = template["serializedConfig"]
    for each in config["services"].values():
        for variable in filter(None, each["variables"].values()):
            variable["value"] = variable["defaultValue"]
    return template["id"], config


async def apply(visitor: Visitor, template_id: str, config: dict[str, Any]) -> Answer:
    wish = {
        "environmentId": PRODUCTION_ID,
        "projectId": PROJECT_ID,
        "workspaceId": WORKSPACE_ID,
        "templateId": template_id,
        "serializedConfig": config,
    }
    return await visitor.post(APPLY, "workspace", input=wish)


@pytest.mark.parametrize(("code", "name"), [("redis", "Redis"), ("mysql", "MySQL"), ("mongo", "MongoDB")])
async def test_a_database_is_made_from_its_template(visitor: Visitor, code: str, name: str) -> None:
    answer = await apply(visitor, *await filled(visitor, code))
    workflow = answer.body["data"]["templateDeployV2"]["workflowId"]
    async with asyncio.timeout(PATIENCE):
        while (await visitor.ask(WORKFLOW, "workspace", id=workflow))["status"] != "Complete":
            pass
    place = await visitor.place(name)
    await visitor.life(place["latestDeployment"]["id"], "SUCCESS")
    values = await visitor.ask(DEPLOYED, **(scope() | {"s": place["serviceId"]}))
    password = next(value for key, value in values.items() if key.endswith("PASSWORD"))
    assert len(password) == 32
    assert "${{" not in json.dumps(values)


async def test_a_second_database_of_a_kind_gets_another_name(visitor: Visitor) -> None:
    await apply(visitor, *await filled(visitor, "postgres"))
    world = visitor.railway.realm.world
    await until(lambda: sum(place.name.startswith("Postgres-") for place in world.places_of(PRODUCTION_ID)) == 1)


def drop_metadata(config: dict[str, Any]) -> None:
    del config["clusterMetadata"]


def drop_null(config: dict[str, Any]) -> None:
    for each in config["services"].values():
        del each["variables"]["RAILWAY_RUN_UID"]


def rename(config: dict[str, Any]) -> None:
    for each in config["services"].values():
        each["name"] = "Mine"


@pytest.mark.parametrize("change", [drop_metadata, drop_null, rename])
async def test_the_config_of_a_template_must_come_back_whole(
    visitor: Visitor, change: Callable[[dict[str, Any]], None]
) -> None:
    template_id, config = await filled(visitor)
    change(config)
    answer = await apply(visitor, template_id, config)
    assert answer.said == "Invalid template config: it differs from the template's"


async def test_a_template_wants_a_value_for_each_variable_that_is_needed(visitor: Visitor) -> None:
    template = await visitor.ask(TEMPLATE, "none", code="redis")
    answer = await apply(visitor, template["id"], template["serializedConfig"])
    assert answer.said.startswith("Missing required variable REDIS")


async def test_a_workflow_is_not_known_at_first(visitor: Visitor) -> None:
    assert await visitor.ask(WORKFLOW, "workspace", id="nobody") == {"status": "NotFound"}


# --- the public address of a database


PUBLIC: dict[str, Any] = {"services": {service_id("Postgres"): {"networking": {"tcpProxies": {"5432": {}}}}}}
"""A patch that gives Postgres a public address."""


async def proxies(visitor: Visitor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await visitor.ask(PROXIES, **_at("Postgres"))
    return found


async def open_proxy(visitor: Visitor) -> dict[str, Any]:
    """Give Postgres a public address, and wait until it is there."""
    await visitor.ask(PATCH, e=PRODUCTION_ID, patch=PUBLIC)
    async with asyncio.timeout(PATIENCE):
        while (await proxies(visitor))[0]["syncStatus"] != "ACTIVE":
            pass
    (proxy,) = await proxies(visitor)
    return proxy


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


async def reply(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read one message of the server's."""
    kind = await reader.readexactly(1)
    length = struct.unpack("!I", await reader.readexactly(4))[0]
    return kind, await reader.readexactly(length - 4)


async def sign_in(port: int, password: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, list[bytes]]:
    """Speak as psql does: ask for encryption, then sign in; gives the kinds of the server's answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(message(b"", struct.pack("!I", 80_877_103)))
    assert await reader.readexactly(1) == b"N"
    writer.write(message(b"", struct.pack("!I", 196_608) + b"user\0postgres\0database\0railway\0\0"))
    assert await reply(reader) == (b"R", struct.pack("!I", 3))
    writer.write(message(b"p", password.encode() + b"\0"))
    kinds: list[bytes] = []
    while not kinds or kinds[-1] not in {b"Z", b"E"}:
        kinds.append((await reply(reader))[0])
    return reader, writer, kinds


async def test_a_public_address_speaks_to_psql(visitor: Visitor) -> None:
    proxy = await open_proxy(visitor)
    assert proxy["applicationPort"] == 5432
    reader, writer, kinds = await sign_in(proxy["proxyPort"], "sandbox-postgres-password")
    assert (kinds[0], kinds[-1]) == (b"R", b"Z")
    writer.write(message(b"Q", b"select 1\0"))
    kind, text = await reply(reader)
    assert (kind, b"the sandbox holds no tables" in text) == (b"E", True)
    assert (await reply(reader))[0] == b"Z", "and the next query may come"
    writer.write(message(b"X", b""))
    assert await reader.read() == b""
    writer.close()


async def test_a_wrong_password_is_refused(visitor: Visitor) -> None:
    proxy = await open_proxy(visitor)
    reader, writer, kinds = await sign_in(proxy["proxyPort"], "guessed")
    assert kinds == [b"E"]
    assert await reader.read() == b""
    writer.close()


async def test_a_database_has_a_public_url_while_it_has_a_public_address(visitor: Visitor) -> None:
    assert "DATABASE_PUBLIC_URL" not in await visitor.ask(DEPLOYED, **scope("Postgres"))
    proxy = await open_proxy(visitor)
    public = (await visitor.ask(DEPLOYED, **scope("Postgres")))["DATABASE_PUBLIC_URL"]
    assert (urlsplit(public).hostname, urlsplit(public).port) == (proxy["domain"], proxy["proxyPort"])


async def test_a_service_has_one_public_address_at_most(visitor: Visitor) -> None:
    assert await open_proxy(visitor) == await open_proxy(visitor)


async def test_a_public_address_that_is_taken_away_is_gone(visitor: Visitor) -> None:
    proxy = await open_proxy(visitor)
    _, writer, _ = await sign_in(proxy["proxyPort"], "sandbox-postgres-password")
    query = "mutation X($id: String!) { tcpProxyDelete(id: $id) }"
    assert await visitor.ask(query, id=proxy["id"]) is True
    again = await visitor.post(query, id=proxy["id"])
    assert again.said in {"Cannot delete TCP proxy: an operation is already in progress", "TCPProxy not found"}
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", proxy["proxyPort"])
    writer.close()
    async with asyncio.timeout(PATIENCE):
        while await proxies(visitor):
            pass


# --- the end


async def test_leaving_ends_everything_that_was_under_way() -> None:
    before = asyncio.all_tasks()
    async with Product() as product, aiohttp.ClientSession() as session:
        async with Railway(product, Pace(*[timedelta(hours=1)] * 4)) as railway:
            visitor = Visitor(railway, session, product)
            railway.push("frontend")
            await visitor.act("deploymentRestart", await visitor.serving())
            await visitor.ask(PATCH, e=PRODUCTION_ID, patch=PUBLIC)
            ports = [urlsplit(url).port for url in (railway.api_url, railway.control_url)]
            ports.append((await proxies(visitor))[0]["proxyPort"])
            reader, writer = await asyncio.open_connection("127.0.0.1", ports[-1])
            railway.faults.switch_on("hang")
            waiting = asyncio.create_task(visitor.post(WHO))
            await until(lambda: railway.calls["Who"] == 1)
        with pytest.raises(aiohttp.ClientError):
            await waiting
        assert await reader.read() == b""
        writer.close()
        for port in ports:
            with pytest.raises(OSError, match="Connect call failed"):
                await asyncio.open_connection("127.0.0.1", port)
        assert product.witnesses == []
    await until(lambda: asyncio.all_tasks() <= before)


async def test_a_railway_without_a_product_works_all_the_same() -> None:
    async with Product() as product, Railway(pace=Pace.quick()) as railway, aiohttp.ClientSession() as session:
        visitor = Visitor(railway, session, product)
        identifier = railway.push("backend", brings=frozenset({"backend-500"}))
        await until(lambda: railway.realm.world.deployment(identifier).has_succeeded)
        assert await visitor.answers() == 200


async def test_two_railways_know_the_same_world_by_the_same_ids() -> None:
    async with opened() as one, opened() as other:
        assert await one.serving() == await other.serving()


def _document(name: str) -> str:
    """Give a document of the daemon's as text."""
    source = document(name).document.loc
    assert source is not None
    return source.source.body
