"""Incidents, end to end over HTTP: each fault heals or ends as its name says, and nothing is done or told twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from flows.incident_world import REDEPLOY, RESTART, ROLLBACK, World, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def test_what_a_restart_heals_calls_nobody(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.product.switch_on("backend-503")
        incident = await world.ended()
    assert world.acts() == {RESTART: 1}
    assert [(each["action"], each["service"], each["outcome"]) for each in incident["remediations"]] == [
        ("restart", "backend", "helped")
    ]
    assert world.told() == ["resolved"]
    [issue] = world.issues()
    assert issue.title == "\U0001f6a8 Production Incident: backend, database, auth failing"
    assert {label.name for label in issue.labels} == {"bug", "priority-high", "production-incident"}


async def test_what_only_a_new_container_heals_is_redeployed_after_the_restart(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.product.switch_on("backend-corrupt")
        incident = await world.ended()
    assert world.acts() == {RESTART: 1, REDEPLOY: 1}
    assert [(each["action"], each["outcome"]) for each in incident["remediations"]] == [
        ("restart", "did not help"),
        ("redeploy", "helped"),
    ]
    assert world.told() == ["agent-1", "resolved"]


async def test_a_bad_commit_is_rolled_back_and_stands_until_it_is_mended(world: World) -> None:
    async with world.daemon():
        await world.well()
        world.railway.push("backend", brings=frozenset({"backend-500"}))
        await world.remedied("helped")
        assert (await world.incident("mitigating"))["rolled_back_from"] is not None
        world.railway.push("backend")
        incident = await world.ended()
    assert world.acts() == {ROLLBACK: 1}
    assert [(each["action"], each["outcome"]) for each in incident["remediations"]] == [("rollback", "helped")]
    assert world.told() == ["agent-1", "resolved"]


async def test_piled_up_sessions_are_cleared(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.counted()
        await world.product.switch_on("sessions-piled")
        incident = await world.ended()
    assert world.acts() == {}
    assert [(each["action"], each["outcome"]) for each in incident["remediations"]] == [("clear-sessions", "helped")]


async def test_what_nothing_heals_gets_two_remedies_then_a_person(world: World) -> None:
    async with world.daemon(ESCALATION_MENTIONS="ada"):
        await world.well()
        await world.product.switch_on("backend-500")
        await world.incident("escalated")
        assert world.acts() == {RESTART: 1, REDEPLOY: 1}
        await world.product.mend()
        await world.ended()
    assert world.acts() == {RESTART: 1, REDEPLOY: 1}
    assert sorted(world.told()) == ["agent-1", "escalated", "resolved"]
    [issue] = world.issues()
    assert "needs-human" in {label.name for label in issue.labels}
