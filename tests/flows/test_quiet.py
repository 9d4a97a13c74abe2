"""While it is quiet an outage is written down and nothing else; when it ends, the outage is answered for."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flows.incident_world import RESTART, World, open_world

from devops_daemon.plans import Plans
from devops_daemon.quiet import Maintenance

pytestmark = pytest.mark.chaos


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def test_under_a_silence_nothing_is_done_and_when_it_is_lifted_it_is(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.act("silence", service="Backend", duration="1h", description="we are moving it")
        await world.product.switch_on("backend-503")
        incident = await world.held("silenced by an operator until")
        assert incident["held"].endswith(": we are moving it")
        [quiet] = (await world.data())["quiet"]
        assert (quiet["services"], quiet["by"]) == (["backend"], "an operator")
        await world.looked_at("backend", after=await world.looked_at("backend"))
        assert (world.acts(), world.issues()) == ({}, [])
        await world.act("unsilence", service="backend")
        await world.ended()
        assert (await world.data())["quiet"] == []
    assert world.acts() == {RESTART: 1}
    assert world.told() == ["resolved"]


async def test_an_outage_of_another_service_is_answered_for_all_the_same(world: World) -> None:
    async with world.daemon():
        await world.well()
        await world.act("silence", service="backend", duration="1h")
        await world.product.switch_on("frontend-hang")
        await world.ended()
    assert world.acts() == {RESTART: 1}


async def test_what_begins_in_a_maintenance_and_lasts_longer_is_answered_for_when_that_ends(world: World) -> None:
    begins = datetime.now(UTC)
    ends = begins + timedelta(seconds=12)
    window = Maintenance(frozenset({"backend"}), "the move", begins, ends)
    async with world.daemon(Plans((window,))):
        await world.well()
        await world.product.switch_on("backend-503")
        incident = await world.held("maintenance until")
        assert incident["status"] == "open"
        incident = await world.ended()
    assert world.acts() == {RESTART: 1}
    assert datetime.fromisoformat(incident["remediations"][0]["at"]) >= ends


async def test_what_begins_and_ends_in_a_maintenance_leaves_no_issue(world: World) -> None:
    begins = datetime.now(UTC)
    window = Maintenance(starts=begins, ends=begins + timedelta(hours=1))
    async with world.daemon(Plans((window,))):
        await world.well()
        await world.product.switch_on("backend-503")
        await world.held("maintenance until")
        await world.product.mend()
        await world.incident("resolved")
        await world.settled()
    assert (world.acts(), world.issues()) == ({}, [])
