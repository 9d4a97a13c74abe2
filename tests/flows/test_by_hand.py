"""What an operator asks the running daemon over HTTP and at the terminal: the same as a comment gets."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from flows.incident_world import OPERATOR, World, open_world
from structlog.testing import capture_logs
from typer.testing import CliRunner

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
