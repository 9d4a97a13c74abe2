"""The worker on a real store: each delivery ends once, one subject at a time, and a bad one is only one."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from builders import START

from devops_daemon.adapters.railway.api import READ_SECONDS, WRITE_SECONDS, Waits
from devops_daemon.adapters.store.db import Database, SqliteDatabase
from devops_daemon.adapters.store.inbox import InboxRows
from devops_daemon.entrypoints.retry import MOST_FAULTS
from devops_daemon.entrypoints.worker import AT_ONCE, LONGEST_WORK, Worker
from devops_daemon.inbox import Arrival, DeliveryRow, DeliveryState, Sorted
from devops_daemon.ports import LockedOutError, LostRaceError, RefusedError, UnavailableError

PATIENCE = 8.0
OWNER = "the only process"
REPOSITORY = "acme/shop"


class FakeTime:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Handler:
    """Works on deliveries as it is told: at once, behind a gate, or wrongly."""

    def __init__(self) -> None:
        self.handled: list[str] = []
        self.in_hand: set[str] = set()
        self.most_in_hand = 0
        self.errors: dict[str, Exception] = {}
        self.gates: dict[str, asyncio.Event] = {}

    async def __call__(self, arrival: Arrival) -> str:
        self.handled.append(arrival.guid)
        self.in_hand.add(arrival.guid)
        self.most_in_hand = max(self.most_in_hand, len(self.in_hand))
        try:
            if arrival.guid in self.gates:
                await self.gates[arrival.guid].wait()
            if arrival.guid in self.errors:
                raise self.errors[arrival.guid]
        finally:
            self.in_hand.discard(arrival.guid)
        return "well"


class World:
    """An inbox, a worker on it, and what it is told to do."""

    def __init__(self, store: Database) -> None:
        self.inbox = InboxRows(store)
        self.time = FakeTime()
        self.handler = Handler()
        self.worker = self.another()

    def another(self, lease: timedelta = timedelta(minutes=1)) -> Worker:
        return Worker(self.inbox, self.handler, repository=REPOSITORY, owner=OWNER, now=self.time, lease=lease)

    async def arrive(self, guid: str, issue: int = 1, text: str = "@devops help") -> None:
        payload = {
            "action": "created",
            "issue": {"number": issue},
            "comment": {"id": 1, "body": text, "created_at": "2026-01-05T12:00:00Z", "user": {"login": "maria"}},
        }
        await self.inbox.keep(
            Arrival(guid, "issue_comment", json.dumps(payload).encode(), form=False, received_at=self.time.now)
        )
        self.worker.arrived()

    async def row(self, guid: str) -> DeliveryRow:
        return next(row for row in await self.inbox.listed(100) if row.guid == guid)

    async def until(self, guid: str, state: DeliveryState, note: str | None = None) -> DeliveryRow:
        """Wait until a delivery stands so; of one that waits, `note` tells whether it was tried before."""

        async def holds() -> bool:
            row = await self.row(guid)
            return row.state is state and (note is None or row.note == note)

        await until(holds)
        return await self.row(guid)

    def move(self, seconds: float) -> None:
        self.time.now += timedelta(seconds=seconds)
        self.worker.arrived()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110 # nobody sets an event for onlookers
            await asyncio.sleep(0.005)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = SqliteDatabase(tmp_path / "store.db")
    await store.open()
    world = World(store)
    await world.worker.start()
    yield world
    for gate in world.handler.gates.values():
        gate.set()
    await world.worker.stop()
    await store.close()


async def test_a_delivery_is_worked_on_once_and_ends(world: World) -> None:
    await world.arrive("g1")
    row = await world.until("g1", DeliveryState.DONE)
    assert (row.note, row.attempts, world.handler.handled) == ("well", 1, ["g1"])


async def test_what_does_not_concern_us_ends_without_being_worked_on(world: World) -> None:
    await world.arrive("g1", text="thanks!")
    row = await world.until("g1", DeliveryState.DONE)
    assert (row.note, world.handler.handled) == ("the comment does not speak to us", [])


async def test_a_body_that_nobody_can_read_fails_and_holds_up_nobody(world: World) -> None:
    await world.inbox.keep(Arrival("bad", "issue_comment", b"@devops \xff", form=False, received_at=START))
    await world.arrive("good")
    await world.until("good", DeliveryState.DONE)
    assert (await world.until("bad", DeliveryState.FAILED)).note == "the body is not UTF-8 text"


async def test_one_delivery_of_an_issue_is_worked_on_at_a_time(world: World) -> None:
    world.handler.gates["g1"] = asyncio.Event()
    await world.arrive("g1", issue=7)
    await world.until("g1", DeliveryState.CLAIMED)
    await world.arrive("g2", issue=7)
    await world.arrive("other", issue=8)
    await world.until("other", DeliveryState.DONE)
    assert (await world.row("g2")).state is DeliveryState.PENDING
    world.handler.gates["g1"].set()
    await world.until("g2", DeliveryState.DONE)
    assert world.handler.handled == ["g1", "other", "g2"]


async def test_several_issues_are_worked_on_at_once_but_not_too_many(world: World) -> None:
    for number in range(2 * AT_ONCE):
        world.handler.gates[f"g{number}"] = asyncio.Event()
        await world.arrive(f"g{number}", issue=number + 1)

    async def full() -> bool:
        return len(world.handler.in_hand) == AT_ONCE

    await until(full)
    for gate in world.handler.gates.values():
        gate.set()
    for number in range(2 * AT_ONCE):
        await world.until(f"g{number}", DeliveryState.DONE)
    assert world.handler.most_in_hand == AT_ONCE


async def test_an_outage_is_waited_for_and_does_not_count(world: World) -> None:
    world.handler.errors["g1"] = UnavailableError("the forge does not answer")
    await world.arrive("g1")
    assert (await world.until("g1", DeliveryState.PENDING, "the forge does not answer")).attempts == 0
    del world.handler.errors["g1"]
    world.move(6)
    assert (await world.until("g1", DeliveryState.DONE)).attempts == 1


async def test_an_outage_of_a_day_is_for_people(world: World) -> None:
    world.handler.errors["g1"] = UnavailableError("the forge does not answer")
    await world.arrive("g1")
    await world.until("g1", DeliveryState.PENDING, "the forge does not answer")
    world.move(86_400)
    assert (await world.until("g1", DeliveryState.FAILED)).note == "given up after a day: the forge does not answer"


async def test_a_poison_delivery_is_tried_a_few_times_and_others_go_on(world: World) -> None:
    world.handler.errors["poison"] = KeyError("our own fault")
    await world.arrive("poison", issue=7)
    for attempt in range(1, MOST_FAULTS):
        await world.until("poison", DeliveryState.PENDING, "KeyError")
        await world.arrive(f"good{attempt}", issue=7)
        await world.until(f"good{attempt}", DeliveryState.DONE)
        world.move(600)
    row = await world.until("poison", DeliveryState.FAILED)
    assert (row.note, row.attempts) == (f"given up after {MOST_FAULTS} attempts: KeyError", MOST_FAULTS)


async def test_a_no_is_a_no_at_once(world: World) -> None:
    world.handler.errors["g1"] = RefusedError("the issue is locked")
    await world.arrive("g1")
    assert (await world.until("g1", DeliveryState.FAILED)).note == "the issue is locked"


async def test_a_token_of_ours_that_is_dead_is_waited_for_like_an_outage(world: World) -> None:
    world.handler.errors["g1"] = LockedOutError("GITHUB_TOKEN is not accepted: make a new one")
    await world.arrive("g1")
    row = await world.until("g1", DeliveryState.PENDING, "GITHUB_TOKEN is not accepted: make a new one")
    assert row.attempts == 0
    del world.handler.errors["g1"]
    world.move(3600)
    assert (await world.until("g1", DeliveryState.DONE)).note == "well"


async def test_a_token_that_nobody_mends_within_a_day_is_for_people(world: World) -> None:
    world.handler.errors["g1"] = LockedOutError("no token")
    await world.arrive("g1")
    await world.until("g1", DeliveryState.PENDING, "no token")
    world.move(86_400)
    assert (await world.until("g1", DeliveryState.FAILED)).note == "given up after a day: no token"


async def test_a_row_that_somebody_else_has_changed_is_read_again_in_a_moment(world: World) -> None:
    world.handler.errors["g1"] = LostRaceError("the request has changed")
    await world.arrive("g1")
    assert (await world.until("g1", DeliveryState.PENDING, "the request has changed")).attempts == 0
    del world.handler.errors["g1"]
    world.move(4)
    await world.arrive("other", issue=2)
    await world.until("other", DeliveryState.DONE)
    assert (await world.row("g1")).state is DeliveryState.PENDING
    world.move(1)
    await world.until("g1", DeliveryState.DONE)
    assert world.handler.handled == ["g1", "other", "g1"]


def test_work_may_take_as_long_as_the_platform_needs_to_tell_what_became_of_an_act() -> None:
    waits = Waits()
    looks = sum(waits.looks) + 2 * READ_SECONDS  # the last of them may hang
    assert timedelta(seconds=WRITE_SECONDS + looks + waits.patience) < LONGEST_WORK


async def test_one_that_failed_can_be_replayed(world: World) -> None:
    world.handler.errors["g1"] = RefusedError("no token")
    await world.arrive("g1")
    await world.until("g1", DeliveryState.FAILED)
    del world.handler.errors["g1"]
    await world.inbox.replay("g1", world.time.now)
    world.worker.arrived()
    await world.until("g1", DeliveryState.DONE)


async def test_what_is_in_hand_at_the_stop_is_put_back_and_does_not_count(world: World) -> None:
    world.handler.gates["g1"] = asyncio.Event()
    await world.arrive("g1")
    await world.until("g1", DeliveryState.CLAIMED)
    await world.worker.stop()
    row = await world.row("g1")
    assert (row.state, row.attempts, row.note) == (DeliveryState.PENDING, 0, "the daemon was stopped")


async def test_what_a_process_that_died_had_in_hand_is_taken_up_at_once(world: World) -> None:
    await world.worker.stop()
    await world.arrive("g1")
    await world.inbox.sort([Sorted("g1", DeliveryState.PENDING, "issue:1")], world.time.now)
    assert await world.inbox.claim(OWNER, timedelta(hours=1), world.time.now)
    successor = world.another()
    await successor.start()
    await world.until("g1", DeliveryState.DONE)
    assert world.handler.handled == ["g1"]
    await successor.stop()


async def test_whoever_has_lost_its_claim_stops(world: World) -> None:
    await world.worker.stop()
    slow = world.another(lease=timedelta(seconds=0.3))
    world.handler.gates["g1"] = asyncio.Event()
    await world.arrive("g1")
    await slow.start()
    await world.until("g1", DeliveryState.CLAIMED)
    world.time.now += timedelta(minutes=5)  # as if it had stood still for so long
    taken_over = await world.inbox.claim("another replica", timedelta(hours=1), world.time.now)
    assert taken_over

    async def stopped() -> bool:
        return not world.handler.in_hand

    await until(stopped)
    assert (await world.row("g1")).state is DeliveryState.CLAIMED
    await world.inbox.finish(taken_over, "by the other", world.time.now)
    await slow.stop()
    assert ((await world.row("g1")).note, world.handler.handled) == ("by the other", ["g1"])


async def test_a_delivery_that_kills_each_process_is_given_up(world: World) -> None:
    await world.worker.stop()
    await world.arrive("killer")
    await world.inbox.sort([Sorted("killer", DeliveryState.PENDING, "issue:1")], world.time.now)
    for _ in range(MOST_FAULTS):
        assert await world.inbox.claim(OWNER, timedelta(hours=1), world.time.now)
        await world.inbox.let_go(OWNER, world.time.now)
    last = world.another()
    await last.start()
    row = await world.until("killer", DeliveryState.FAILED)
    assert row.note == f"given up: it was begun {MOST_FAULTS} times and never ended"
    assert world.handler.handled == []
    await last.stop()
