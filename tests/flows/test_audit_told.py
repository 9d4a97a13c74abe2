"""An audit's issue, on GitHub over HTTP: one for each slot, whatever fails, and the one before is closed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from adapters.github_world import World as GitHubWorld
from adapters.github_world import open_world
from store.conftest import connect

from devops_daemon.adapters.store.audits import AuditRows
from devops_daemon.adapters.store.db import Database
from devops_daemon.audit.snapshot import Setup, Snapshot
from devops_daemon.audit.take import Parts, TakeAudit
from devops_daemon.audit.wording import Manner
from devops_daemon.auditing import Audit, Remark, Weight
from devops_daemon.ports import Overview, Punctuality, UnavailableError

SUNDAY = datetime(2026, 11, 22, 6, tzinfo=UTC)
WEEK = timedelta(days=7)


@dataclass
class World:
    """A GitHub, a store, and a snapshot that is the same each time."""

    github: GitHubWorld
    store: Database
    now: datetime = SUNDAY + timedelta(hours=1)
    setup: Setup = field(default_factory=lambda: Setup(notices=False))
    broken: bool = False

    async def snapshot(self) -> Snapshot:
        if self.broken:
            raise UnavailableError("the store is full")
        nothing = Overview({}, {}, {}, (), Punctuality(288, 288, timedelta()), {})
        return Snapshot(self.now, (), nothing, self.setup)

    async def manner(self) -> Manner:
        return Manner(str)

    def taking(self, *, dry_run: bool = False, forge: bool = True) -> TakeAudit:
        """A process that takes them."""
        told = self.github.forge if forge else None
        parts = Parts(AuditRows(self.store), told, self.snapshot, self.manner, dry_run)
        return TakeAudit(parts, lambda now: SUNDAY + (now - SUNDAY) // WEEK * WEEK, lambda: self.now)

    def issues(self) -> list[tuple[str, str]]:
        """Their days and states."""
        return [(issue.title.rpartition(" - ")[2], issue.state) for issue in self.github.github.world.issues.values()]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = connect(str(tmp_path / "store.db"))
    await store.open()
    async with open_world() as github:
        yield World(github, store)
    await store.close()


async def test_the_first_is_taken_when_the_first_week_is_over_and_each_closes_the_one_before(world: World) -> None:
    taking = world.taking()
    await taking.look()
    assert world.issues() == [], "it has just begun"
    world.now += WEEK
    await taking.look()
    await taking.look()
    assert world.issues() == [("2026-11-29", "open")]
    world.now += WEEK
    world.setup = Setup(heartbeat=False)
    await taking.look()
    assert world.issues() == [("2026-11-29", "closed"), ("2026-12-06", "open")]
    newest = world.github.github.world.issues[2].body or ""
    assert "The one before: #1." in newest
    assert newest.index("New since then") < newest.index("if the daemon itself stops")
    assert "- escalation/notices" in newest[newest.index("Mended since then") :]


async def test_one_that_was_missed_is_taken_at_the_start(world: World) -> None:
    await world.taking().look()
    world.now += 3 * WEEK
    await world.taking().look()
    assert world.issues() == [("2026-12-13", "open")]


@pytest.mark.parametrize("fault", ["bad-gateway", "bad-gateway-done", "lost-request", "lost-answer"])
async def test_a_forge_that_fails_makes_it_later_and_no_more(world: World, fault: str) -> None:
    taking = world.taking()
    await taking.look()
    world.now += WEEK
    world.github.github.faults.switch_on(fault, method="POST", route="*/issues", times=1)
    for _ in range(3):
        await taking.look()
        world.now += timedelta(minutes=6)
    assert world.issues() == [("2026-11-29", "open")]


async def test_two_at_once_open_one_issue(world: World) -> None:
    await world.taking().look()
    world.now += WEEK
    await asyncio.gather(*(world.taking().look() for _ in range(3)))
    world.now += timedelta(minutes=6)
    await world.taking().look()
    assert world.issues() == [("2026-11-29", "open")]


async def test_what_is_in_somebodys_hand_is_left_alone_for_a_while(world: World) -> None:
    rows, due = AuditRows(world.store), world.now + WEEK
    world.now = due + timedelta(minutes=1)
    remark = Remark("escalation", "notices", Weight.GAP, "nobody is told", "set NOTIFY_URLS")
    until = world.now + timedelta(minutes=4)
    await rows.keep(Audit(SUNDAY + WEEK, due, (remark,), in_hand_until=until))
    await world.taking().look()
    assert world.issues() == []
    world.now = until
    await world.taking().look()
    assert world.issues() == [("2026-11-29", "open")]


async def test_an_issue_of_before_the_store_was_lost_is_gone_on_with(world: World, tmp_path: Path) -> None:
    remark = Remark("escalation", "notices", Weight.GAP, "nobody is told", "set NOTIFY_URLS")
    world.now += WEEK
    await AuditRows(world.store).keep(Audit(SUNDAY + WEEK, world.now, (remark,)))
    await world.taking().look()
    world.store = connect(str(tmp_path / "another.db"))
    await world.store.open()
    kept = await AuditRows(world.store).keep(Audit(SUNDAY + WEEK, world.now, (remark,)))
    await world.taking().look()
    [told] = await AuditRows(world.store).latest()
    await world.store.close()
    assert (kept.issue, told.issue) == (None, 1)
    assert world.issues() == [("2026-11-29", "open")]


async def test_what_cannot_be_looked_at_now_is_looked_at_later(world: World) -> None:
    taking = world.taking()
    await taking.look()
    world.now, world.broken = world.now + WEEK, True
    await taking.look()
    assert world.issues() == []
    world.broken = False
    await taking.look()
    assert world.issues() == [("2026-11-29", "open")]


@pytest.mark.parametrize("how", ["dry", "without a forge"])
async def test_where_nothing_may_be_written_it_is_taken_all_the_same(world: World, how: str) -> None:
    taking = world.taking(dry_run=how == "dry", forge=how == "dry")
    await taking.look()
    world.now += WEEK
    await taking.look()
    [newest, _] = await AuditRows(world.store).latest()
    assert [each.key for each in newest.remarks if each.is_ill] == ["escalation/notices"]
    assert world.issues() == []


async def test_one_at_once_is_taken_and_nothing_of_it_is_kept(world: World) -> None:
    audit = await world.taking().now()
    assert [each.key for each in audit.remarks if each.is_ill] == ["escalation/notices"]
    assert await AuditRows(world.store).latest() == []
