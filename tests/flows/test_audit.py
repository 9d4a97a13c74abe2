"""The weekly audit over HTTP: what is planted is named, and nothing that is fine; the issue before is closed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from flows.incident_world import World, open_world, until

from devops_daemon.adapters.store.audits import AuditRows
from devops_daemon.auditing import Audit
from devops_daemon.forge import Mark
from devops_daemon.sandbox.github.issues import Issue
from devops_daemon.sandbox.railway.places import Place
from devops_daemon.sandbox.railway.seed import PRODUCTION_ID

pytestmark = pytest.mark.chaos
TOKEN = "ghp_" + "Kestrel58Quarry" * 2 + "Lantern"  # of nobody
SETTINGS = {"AUDIT_CRON": "* * * * *", "RAILWAY_SERVICE_ID": ""}
PLANTED = {
    "watched/preview",
    "healthcheck/preview",
    "draining/backend",
    "readiness/backend/queue",
    "secrets in logs/backend",
    "structured logs/backend",
    "recurring errors/backend: payment of order <NUM> failed",
    "variables/backend/PAYMENT_KEY",
    "variables/backend/CACHE_URL",
    "escalation/people",
    "escalation/notices",
    "own watch/heartbeat",
    "escalation/rehearsal",
    "variables/.env.example/STRIPE_KEY",
}

OF_THE_SANDBOX = {
    "check-up/GitHub: permission Actions",  # it has no runs that could be read
    "check-up/GitHub: webhook",  # there is none
    "check-up/Railway: draining",  # of the daemon itself
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, None, **SETTINGS) as opened:
        opened.github.world.options.private = True
        yield opened


def place(world: World, name: str, **differs: object) -> Place:
    """Find a service of production, and change how it is set up."""
    records = world.railway.realm.world
    found = replace(records.place_named(PRODUCTION_ID, name), **differs)  # type: ignore[arg-type] # fields of it
    records.places[found.environment_id, found.service_id] = found
    return found


def plant(world: World) -> None:
    """Let there be gaps."""
    records = world.railway.realm.world
    backend = place(world, "backend", draining_seconds=0)
    place(world, "preview", sleeps=False, healthcheck_path=None)
    names = {"PAYMENT_KEY": "", "CACHE_URL": "${{Redis.URL}}", "AMQP_URL": "amqp://queue.invalid"}
    records.variables.write(PRODUCTION_ID, backend.service_id, names)
    serving = records.active(backend)
    assert serving is not None
    for number in range(40):
        records.log.write(serving, f"GET /orders/{number} took {number} ms")
    for number in range(12):
        records.log.write(serving, f"payment of order {number} failed", "error")
    records.log.write(serving, f"calling GitHub with {TOKEN}")


async def audits(world: World, without: str = "") -> list[Audit]:
    """Wait until the newest was told, and does not find this; gives the last of them, the newest first."""
    found: list[Audit] = []

    async def told() -> bool:
        await world.data()
        found[:] = [each for each in await world.rows(lambda store: AuditRows(store).latest()) if each.remarks]
        return bool(found) and found[0].closed and without not in {each.key for each in found[0].remarks if each.is_ill}

    await until(told, lambda: found, 200)
    return found


def of_audits(world: World) -> list[Issue]:
    marks = [(issue, Mark.at_end_of(issue.body or "")) for issue in world.github.world.issues.values()]
    return [issue for issue, mark in marks if mark is not None and mark.kind == "audit"]


async def test_what_is_planted_is_named_and_nothing_that_is_fine_and_a_week_later_what_was_mended(world: World) -> None:
    plant(world)
    example = "# NEEDED_BY_NOBODY=\nDATABASE_URL=postgres://localhost/shop\nexport STRIPE_KEY=\n"
    await world.github.push("main", {".env.example": example}, login=world.github.operator)
    async with world.daemon():
        await world.well()
        first = (await audits(world))[-1]
        [issue] = of_audits(world)
        told = issue.body or ""
        place(world, "backend", draining_seconds=20)
        second, *_ = await audits(world, without="draining/backend")
    assert {each.key for each in first.remarks if each.is_ill} - OF_THE_SANDBOX == PLANTED
    assert issue.title == f"\U0001f4ca Weekly Monitoring Audit - {first.slot:%Y-%m-%d}"
    assert [label.name for label in issue.labels] == ["monitoring"]
    assert "**Status:** \u274c Critical Issues" in told
    assert TOKEN not in told
    assert [name for name in PLANTED if f"**{name.partition('/')[0]}**" not in told] == []
    assert (second.issue, issue.state) != (issue.number, "open")
