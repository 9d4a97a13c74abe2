"""What an operator asks the running daemon over HTTP and at the terminal: the same as a comment gets."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from flows.incident_world import OPERATOR, RESTART, World, open_world, until
from structlog.testing import capture_logs
from typer.testing import CliRunner

from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.requests import RequestRows
from devops_daemon.asking import Request, RequestState
from devops_daemon.cli.main import cli

TOKEN = "ghp_" + "Kestrel58Quarry" * 2 + "Lantern"  # of nobody
pytestmark = pytest.mark.chaos


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def act(world: World, action: str, **body: Any) -> tuple[int, dict[str, Any]]:
    assert world.session is not None
    address = f"http://127.0.0.1:{world.port}/api/actions/{action}"
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    async with world.session.post(address, json=body, headers=headers) as answer:
        document: dict[str, Any] = await answer.json()
        return answer.status, document


def says(world: World, *lines: str) -> None:
    records = world.railway.realm.world
    serving = records.active(next(each for each in records.places.values() if each.name == "backend"))
    assert serving is not None
    for line in lines:
        records.log.write(serving, line)


async def test_logs_are_read_redacted_and_as_many_as_are_wanted(world: World) -> None:
    async with world.daemon():
        await world.up()
        says(world, *(f"line {number} of many" for number in range(30)), f"calling with {TOKEN}")
        status, document = await act(world, "view-logs", service="backend", lines=5)
        assert status == 200
        *_, last = document["result"]["sections"]
        assert last["title"] == "Recent backend logs"
        assert len(last["text"].splitlines()) == 5
        assert "calling with [redacted]" in last["text"]
        status, document = await act(world, "view-logs", service="backend", build=True)
        assert (status, document["result"]["text"]) == (200, "Build logs of backend.")
        status, document = await act(world, "view-logs", service="bakend")
        assert (status, document["field"]) == (422, "service")
        assert {"all", "backend", "frontend"} <= set(document["choices"])
        world.railway.faults.switch_on("gateway-502")
        assert (await act(world, "view-logs", service="backend"))[0] == 503


async def test_all_that_is_known_is_one_report_by_http_and_at_the_terminal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = await world.github.push("main", {"cart.txt": "x"}, login=world.github.operator, message="cart: an x")
    await world.github.report_check(sha, "e2e", "failure")
    async with world.daemon():
        await world.well()
        status, document = await act(world, "diagnose", service="backend")
        assert status == 200
        titles = [each["title"] for each in document["result"]["sections"]]
        wanted = [
            "Probes",
            "Open incidents",
            "Platform",
            "Deployments",
            "Metrics",
            "Recent backend logs",
            "Commits and checks",
            "Merged lately",
        ]
        assert [each for each in wanted if each not in titles] == []
        texts = {each["title"]: each["text"] for each in document["result"]["sections"]}
        newest = texts["Commits and checks"].splitlines()[0]
        assert newest.endswith(f"{sha[:7]} cart: an x ({world.github.operator}): failed: e2e")
        monkeypatch.setenv("DEVOPS_DAEMON_URL", f"http://127.0.0.1:{world.port}")
        monkeypatch.setenv("OPERATOR_TOKEN", OPERATOR)
        with capture_logs():
            told = await asyncio.to_thread(CliRunner().invoke, cli, ("diagnose", "backend"))
            data = await asyncio.to_thread(CliRunner().invoke, cli, ("diagnose", "backend", "--json"))
        assert told.exit_code == 0
        assert "\n=== Merged lately ===\nnothing in seven days\n" in told.output
        assert [each["title"] for each in json.loads(data.output)["sections"]] == titles
        status, document = await act(world, "diagnose", service="nowhere")
        assert (status, document["field"]) == (422, "service")


async def test_what_cannot_be_told_costs_only_itself(world: World) -> None:
    async with world.daemon(GITHUB_TOKEN="", GITHUB_REPOSITORY=""):
        await world.well()
        world.railway.faults.switch_on("not-authorized", operation="EnvironmentLogs")
        status, document = await act(world, "diagnose")
        assert status == 200
        untold = [each["text"] for each in document["result"]["sections"] if each["title"] == "Not told"]
        assert any("GitHub is not configured" in text for text in untold)
        assert "Probes" in [each["title"] for each in document["result"]["sections"]]


# A restart


async def followed(world: World, identifier: str) -> dict[str, Any]:
    """Wait until it has ended; gives how."""
    found: dict[str, Any] = {}

    async def ended() -> bool:
        status, document = await get(world, identifier)
        assert status == 200, document
        found.update(document)
        return bool(document["status"] != "running")

    await until(ended, lambda: found)
    return found


async def get(world: World, identifier: str) -> tuple[int, dict[str, Any]]:
    assert world.session is not None
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    for _ in range(600):  # while it is started anew nobody answers
        try:
            async with world.session.get(
                f"http://127.0.0.1:{world.port}/api/actions/{identifier}", headers=headers
            ) as answer:
                document: dict[str, Any] = await answer.json()
                return answer.status, document
        except aiohttp.ClientError:
            await asyncio.sleep(0.1)
    raise AssertionError("the daemon is not there")


def trail(world: World) -> list[str]:
    """What was told on the issue of actions."""
    [issue] = [each for each in world.github.world.issues.values() if each.title.endswith("DevOps actions")]
    return [comment.body for comment in world.github.world.comments_on(issue.number)]


async def is_told(world: World, times: int) -> None:
    async def told() -> bool:
        issues = [each for each in world.github.world.issues.values() if each.title.endswith("DevOps actions")]
        return bool(issues) and len(trail(world)) >= times

    await until(told, lambda: world.github.world.issues)


async def test_a_restart_is_followed_to_its_end_told_once_and_limited(world: World) -> None:
    async with world.daemon(SWEEP_INTERVAL="300ms"):
        await world.well()
        status, begun = await act(world, "restart-service", service="backend", description="it leaks @code")
        assert (status, begun["status"]) == (202, "running")
        ended = await followed(world, begun["id"])
        assert (ended["action"], ended["status"]) == ("restart-service", "done")
        assert ended["result"]["text"].startswith("Done: restart backend took ")
        await is_told(world, 1)
        status, begun = await act(world, "restart-service", service="backend")
        await followed(world, begun["id"])
        await is_told(world, 2)
        status, refused = await act(world, "restart-service", service="backend")
        assert status == 409
        assert "backend" in refused["error"]
        assert world.acts() == {RESTART: 2}
        await world.looked_at("backend", after=await world.looked_at("backend"))
        first, second = trail(world)
    assert first.startswith(
        "\u2705 an operator asked to restart backend (it leaks @\u200bcode): Done: restart backend took "
    )
    assert second != first


@pytest.mark.parametrize(
    ("service", "status", "said"),
    [
        ("nowhere", 422, "there is no service"),
        ("devops-daemon", 409, "the daemon's own service"),
        (None, 422, "service is missing"),
    ],
)
async def test_what_may_not_be_restarted_is_told_why(world: World, service: str | None, status: int, said: str) -> None:
    async with world.daemon():
        await world.well()
        got, document = await act(world, "restart-service", **({"service": service} if service else {}))
    assert got == status
    assert said in document["error"]
    assert world.acts() == {}


async def test_while_it_is_paused_nothing_is_restarted(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.act("pause")
        status, document = await act(world, "restart-service", service="backend")
    assert (status, "Paused by" in document["error"]) == (409, True)
    assert world.acts() == {}


async def test_without_github_it_is_done_all_the_same(world: World) -> None:
    async with world.daemon(GITHUB_TOKEN="", GITHUB_REPOSITORY="", SWEEP_INTERVAL="300ms"):
        await world.well()
        _, begun = await act(world, "restart-service", service="backend")
        assert (await followed(world, begun["id"]))["status"] == "done"
    assert world.acts() == {RESTART: 1}


async def test_what_was_told_just_before_a_crash_is_found_and_not_told_again(world: World) -> None:
    async with world.daemon(SWEEP_INTERVAL="300ms"):
        await world.well()
        _, begun = await act(world, "restart-service", service="backend")
        await followed(world, begun["id"])
        await is_told(world, 1)

    async def row() -> Request:
        found: Request = await world.rows(lambda store: RequestRows(store).get(f"action:{begun['id']}"))
        return found

    told = await row()
    store = SqliteDatabase(world.folder / "devops-daemon.db")
    await store.open()
    await RequestRows(store).save(replace(told, reply_id=None))
    await store.close()

    async def is_noted() -> bool:
        return (await row()).reply_id is not None

    async with world.daemon(SWEEP_INTERVAL="300ms"):
        await until(is_noted)
    assert (await row()).reply_id == told.reply_id
    assert len(trail(world)) == 1


async def test_a_daemon_that_dies_over_it_goes_on_to_its_end_and_does_it_once(world: World) -> None:
    async with world.process(SWEEP_INTERVAL="300ms") as kill:
        await world.well()
        _, begun = await act(world, "restart-service", service="backend")
        await kill()
        ended = await followed(world, begun["id"])
        await is_told(world, 1)
    assert ended["status"] == "done"
    assert world.acts() == {RESTART: 1}
    assert len(trail(world)) == 1


async def test_an_id_that_is_none_is_told(world: World) -> None:
    async with world.daemon():
        await world.up()
        assert (await get(world, "nonsense"))[0] == 404


# An incident that a person declares


async def declared(world: World) -> dict[str, Any]:
    status, document = await act(
        world, "incident-response", service="backend", severity="SEV2", description="checkout is slow for @everybody"
    )
    assert status == 200, document
    found: dict[str, Any] = document["result"]
    return found


async def test_what_an_operator_declares_is_answered_for_until_it_is_ended(world: World) -> None:
    async with world.daemon():
        await world.well()
        result = await declared(world)
        incident = await world.incident("open")
        assert (incident["id"], incident["severity"], incident["services"]) == (result["incident"], "SEV2", ["backend"])
        await world.has_told("agent-1")
        [issue] = world.issues()

        async def is_seen() -> bool:
            return "### Railway Logs" in (issue.body or "")

        await until(is_seen, lambda: issue.body)
        assert issue.title.endswith("Production Incident: backend failing")
        assert "checkout is slow for @\u200beverybody" in (issue.body or "")
        assert "everybody" not in next(each.body for each in world.comments() if "agent-1" in each.body)
        again = await declared(world)
        assert again["incident"] == result["incident"], "it is open already"
        await world.looked_at("backend", after=await world.looked_at("backend"))
        assert (await world.incident("open"))["resolved_at"] is None, "the probes are well, and it goes on"
        assert world.acts() == {}
        await world.act("resolve", incident=result["incident"])
        await world.ended()
        await world.looked_at("backend", after=await world.looked_at("backend"))
        assert len((await world.data())["incidents"]) == 1


async def test_what_the_probes_find_joins_what_was_declared_and_is_mended(world: World) -> None:
    async with world.daemon():
        await world.well()
        result = await declared(world)
        await world.product.switch_on("backend-hang")
        incident = await world.incident("mitigating")
        assert (incident["id"], incident["severity"]) == (result["incident"], "SEV1")
        await world.remedied("helped")
        await world.up()
        status, refused = await act(world, "resolve", incident=result["incident"])
        await world.ended()
    assert (status, refused["result"]["text"]) == (200, "it has ended")
    assert world.acts() == {RESTART: 1}
    assert len(world.issues()) == 1


async def test_what_is_declared_while_it_fails_joins_the_outage(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.product.switch_on("frontend-500")
        outage = await world.incident("open", "mitigating", "escalated")
        status, document = await act(world, "incident-response", service="frontend", severity="SEV1")
        assert (status, document["result"]["incident"]) == (200, outage["id"])
        assert (await world.incident("open", "mitigating", "escalated"))["severity"] == "SEV1"


async def test_a_word_outlives_the_daemon_and_needs_no_railway(world: World) -> None:
    async with world.process(RAILWAY_TOKEN_SW_FACTORY="") as kill:
        await world.up()
        result = await declared(world)
        await kill()
        await world.up()
        await world.looked_at("backend", after=await world.looked_at("backend"))
        assert (await world.incident("open", "escalated"))["id"] == result["incident"]
        await world.act("resolve", incident=result["incident"])
        await world.incident("resolved")


# Variables


async def test_variables_are_named_and_set_and_no_value_is_told_or_kept(world: World) -> None:
    secret = "s3cret-" + "Harbour9Lantern"
    async with world.daemon(SWEEP_INTERVAL="300ms"):
        await world.well()
        with capture_logs() as logged:
            status, begun = await act(
                world, "manage-variables", service="backend", set={"API_SECRET": secret, "LOG_LEVEL": "debug"}
            )
        assert (status, begun["status"]) == (202, "running"), begun
        ended = await followed(world, begun["id"])
        assert (ended["action"], ended["status"]) == ("manage-variables", "done"), ended
        assert ended["result"]["text"].startswith("Done: set variables backend took ")
        status, listed = await act(world, "manage-variables", service="backend")
        assert {"API_SECRET", "LOG_LEVEL"} <= {each["name"] for each in listed["result"]["variables"]}
        await is_told(world, 1)
    assert world.railway.calls["SetVariables"] == 1
    assert "asked to set variables backend: done" in trail(world)[0]
    assert "LOG" not in trail(world)[0], "in public no variable is named"
    assert any("SetVariables" in str(each) for each in logged), "the log was heard"
    assert secret not in json.dumps([ended, listed, *trail(world)]) + str(logged)
    kept = b"".join(file.read_bytes() for file in world.folder.iterdir() if file.is_file())
    assert b"LOG_LEVEL" in kept
    assert secret.encode() not in kept


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"service": "backend", "set": {"RAILWAY_SERVICE_ID": "x"}}, 422, "is provided by Railway itself"),
        ({"service": "backend", "set": {"A": ""}}, 422, "has no value"),
        ({"service": "backend", "set": {"A": 7}}, 422, "the value of A is to be a text"),
        ({"service": "backend", "set": {}}, 422, "no variable is given"),
        ({"service": "all", "set": {"A": "b"}}, 422, "say of which service"),
        ({"service": "devops-daemon", "set": {"A": "b"}}, 409, "the daemon's own service"),
    ],
)
async def test_what_may_not_be_set_is_told_why_and_nothing_is(
    world: World, body: dict[str, Any], status: int, said: str
) -> None:
    async with world.daemon():
        await world.well()
        got, document = await act(world, "manage-variables", **body)
    assert (got, said in document["error"]) == (status, True), document
    assert world.railway.calls["SetVariables"] == 0


# What is added


async def test_a_database_is_added_once_and_tracked_in_an_issue(world: World) -> None:
    body = {"kind": "database", "name": "redis", "description": "the cart needs a cache, says @max"}
    async with world.daemon(SWEEP_INTERVAL="300ms"):
        await world.well()
        _, document = await act(world, "provision-infrastructure", **body)
        ended = await followed(world, document["id"]) if "id" in document else document
        assert (ended["status"], "Redis was added" in ended["result"]["text"]) == ("done", True), ended
        status, again = await act(world, "provision-infrastructure", **body)
        assert (status, "is there already" in again["result"]["text"]) == (200, True), again
    assert world.railway.calls["DeployTemplate"] == 1
    issues = [each for each in world.github.world.issues.values() if "Provision" in each.title]
    assert [each.state for each in issues] == ["closed", "closed"]
    assert "the cart needs a cache, says @\u200bmax" in (issues[0].body or "")


async def test_what_could_not_be_added_is_told_and_its_issue_stays_open(world: World) -> None:
    async with world.daemon():
        await world.well()
        world.railway.faults.switch_on("not-authorized", operation="CreateService")
        body = {"kind": "service", "name": "worker", "description": "jobs"}
        status, document = await act(world, "provision-infrastructure", **body)
    assert status in {409, 503}, document
    [issue] = [each for each in world.github.world.issues.values() if "Provision" in each.title]
    [comment] = world.github.world.comments_on(issue.number)
    assert (issue.state, comment.body[0]) == ("open", "\u274c")


async def interrupted(world: World, target: str) -> str:
    """Keep what a daemon had been adding when it died ten minutes ago; gives its id."""
    store = SqliteDatabase(world.folder / "devops-daemon.db")
    await store.open()
    now = datetime.now(UTC)
    request = Request(
        id="action:abc",
        issue=0,
        comment_id=0,
        author="an operator",
        by_agent=False,
        hop=0,
        words=f"provision {target} because of jobs",
        asked_at=now - timedelta(minutes=10),
        state=RequestState.ACTING,
        act="provision",
        target=target,
        acting_since=now - timedelta(minutes=10),
    )
    await RequestRows(store).open(request)
    await store.close()
    return "abc"


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        ("database redis", "failed", "it is not begun again"),
        ("database postgres", "done", "It was interrupted; Postgres is there."),
        ("service Nightly", "done", "It was interrupted; nightly is there."),
    ],
)
async def test_what_was_being_added_when_it_died_is_looked_up_and_not_added_again(
    world: World, target: str, status: str, said: str
) -> None:
    identifier = await interrupted(world, target)
    async with world.daemon(SWEEP_INTERVAL="300ms"):
        ended = await followed(world, identifier)
    assert (ended["action"], ended["status"]) == ("provision-infrastructure", status)
    assert said in ended["result"]["text"]
    assert world.railway.calls["DeployTemplate"] == world.railway.calls["CreateService"] == 0


# All that is watched


async def test_all_are_restarted_one_after_the_other(world: World) -> None:
    async with world.daemon(SWEEP_INTERVAL="300ms"):
        await world.well()
        status, begun = await act(world, "restart-service", service="all", description="a new certificate")
        assert status == 202, begun
        ended = await followed(world, begun["id"])
        await is_told(world, 2)
    assert (ended["status"], ended["result"]["text"]) == ("done", "Done: restart backend, frontend.")
    assert world.acts() == {RESTART: 2}
    assert [words in told for words, told in zip(("backend", "frontend"), trail(world), strict=True)] == [True, True]


async def test_the_first_that_does_not_go_well_is_the_last(world: World) -> None:
    async with world.daemon():
        await world.well()
        world.railway.faults.switch_on("not-authorized", operation=RESTART)
        status, begun = await act(world, "restart-service", service="all")
        ended = await followed(world, begun["id"])
    assert (status, ended["status"]) == (202, "failed")
    assert "frontend: not begun, for that did not go well" in ended["result"]["details"]
    assert ended["result"]["details"].count("\n") == 2, "a heading and two lines"


async def test_a_daemon_that_dies_between_two_goes_on_and_does_each_once(world: World) -> None:
    async with world.process(SWEEP_INTERVAL="300ms") as kill:
        await world.well()
        _, begun = await act(world, "restart-service", service="all")

        async def first_begun() -> bool:
            return bool(world.acts())

        await until(first_begun)
        await kill()
        ended = await followed(world, begun["id"])
    assert ended["status"] == "done", ended
    assert world.acts() == {RESTART: 2}
