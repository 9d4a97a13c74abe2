"""What an operator asks the running daemon over HTTP and at the terminal: the same as a comment gets."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from flows.incident_world import OPERATOR, RESTART, World, open_world, until
from structlog.testing import capture_logs
from typer.testing import CliRunner

from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.requests import RequestRows
from devops_daemon.asking import Request
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
            "Merged lately",
        ]
        assert [each for each in wanted if each not in titles] == []
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
