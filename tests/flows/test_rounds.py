"""Rounds on real clocks and a real store: none is dropped, none is doubled, and the last one is finished."""

import asyncio
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from structlog.testing import capture_logs

from devops_daemon.adapters.store.db import SqliteDatabase
from devops_daemon.adapters.store.schema import tick
from devops_daemon.adapters.store.ticks import TickRows
from devops_daemon.daemon import Daemon
from devops_daemon.entrypoints.rounds import FINISH_SECONDS, GIVE_UP_SECONDS, ROUND, Rounds
from devops_daemon.entrypoints.schedule import Clocks, slot
from devops_daemon.ports import TickLedger, UnavailableError

HOUR = timedelta(hours=1)
OFTEN = timedelta(seconds=0.2)
STEADILY = timedelta(seconds=0.5)
"""Longer than a write may take: two slots whose rows come at one moment are one round."""
PATIENCE = 8.0
HURRY = 5
"""How many times faster time passes in `HurriedLoop`."""


def utc_now() -> datetime:
    return datetime.now(UTC)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - nobody sets an event for onlookers
            await asyncio.sleep(0.005)


class Looks(Daemon):
    """A daemon whose looks do nothing but be counted, wait at a gate, and fail if told to."""

    def __init__(self) -> None:
        self.whole: list[bool] = []
        self.at: list[datetime] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.again_in: list[timedelta] = []
        self.failures: list[Exception] = []
        self.heeds_give_up = True
        self.given_up = 0
        self.in_hand = 0
        self.most_in_hand = 0

    async def look(self, *, whole: bool) -> datetime | None:
        self.whole.append(whole)
        self.at.append(utc_now())
        self.in_hand += 1
        self.most_in_hand = max(self.most_in_hand, self.in_hand)
        try:
            await self.gate.wait()
            if self.failures:
                raise self.failures.pop(0)
        finally:
            self.in_hand -= 1
        return utc_now() + self.again_in.pop(0) if self.again_in else None

    def give_up(self) -> None:
        self.given_up += 1
        if self.heeds_give_up:
            self.gate.set()

    async def come_to(self, count: int) -> None:
        await until(lambda: len(self.whole) >= count)


class TicksInMemory:
    """The port `TickLedger`, that forgets with the test; `broken` stands for a store that cannot be used."""

    def __init__(self, *, broken: bool = False) -> None:
        self.taken: dict[str, list[datetime]] = {}
        self.begun: dict[tuple[str, datetime], datetime] = {}
        self.asked = 0
        self.broken = broken

    async def take(self, job: str, slot: datetime, now: datetime) -> bool:
        assert now.tzinfo is not None
        self._ask()
        slots = self.taken.setdefault(job, [])
        if slot in slots:
            return False
        slots.append(slot)
        return True

    async def begin(self, job: str, slot: datetime, now: datetime) -> None:
        self._ask()
        self.begun[job, slot] = now

    async def last(self, job: str) -> datetime | None:
        self._ask()
        return max(self.taken.get(job, ()), default=None)

    def _ask(self) -> None:
        self.asked += 1
        if self.broken:
            raise UnavailableError("the store cannot be used: disk full")


@dataclass(frozen=True, slots=True)
class Running:
    """One replica at work."""

    looks: Looks
    clocks: Clocks
    rounds: Rounds


@asynccontextmanager
async def running(ticks: TickLedger, interval: timedelta = HOUR, looks: Looks | None = None) -> AsyncIterator[Running]:
    """A replica, started and stopped in the order of `app.running`."""
    daemon, clocks = looks or Looks(), Clocks(utc_now)
    rounds = Rounds(daemon, clocks, ticks, interval, utc_now)
    await rounds.start()
    await clocks.start()
    try:
        yield Running(daemon, clocks, rounds)
    finally:
        await clocks.stop()
        await rounds.stop()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "devops-daemon.db")
    await database.open()
    yield database
    await database.close()


async def rows(store: SqliteDatabase) -> list[tuple[datetime, datetime]]:
    """The slots that were taken, and when."""

    def read(connection: sa.Connection) -> list[tuple[datetime, datetime]]:
        found = connection.execute(sa.select(tick.c.slot, tick.c.taken_at).order_by(tick.c.slot))
        return [(row.slot, row.taken_at) for row in found]

    return await store.read(read)


async def rows_come_to(store: SqliteDatabase, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(await rows(store)) < count:  # noqa: ASYNC110 - a table sets no event
            await asyncio.sleep(0.01)


@pytest.fixture
def wall() -> Iterator[time_machine.Traveller]:
    """The wall clock at ten past one; it ticks, and can be set. The steady one is left alone."""
    with time_machine.travel(datetime(2026, 3, 1, 13, 10, tzinfo=UTC), tick=True) as traveller:
        yield traveller


# --- rounds


async def test_a_round_is_made_at_once_at_the_start(store: SqliteDatabase) -> None:
    async with running(TickRows(store)) as here:
        await here.looks.come_to(1)
    assert here.looks.whole == [True]


async def test_a_round_is_made_in_each_slot_and_its_row_is_kept(store: SqliteDatabase) -> None:
    async with running(TickRows(store), STEADILY) as here:
        await here.looks.come_to(4)
        await here.clocks.stop()
        taken = await rows(store)
        await here.looks.come_to(1 + len(taken))
    assert here.looks.whole == [True] * (1 + len(taken))
    assert here.looks.most_in_hand == 1
    assert all(timedelta() <= at - due < timedelta(seconds=PATIENCE) for due, at in taken)
    assert all(slot(due, STEADILY) == due for due, _ in taken)


async def test_slots_that_come_while_a_look_is_in_hand_make_exactly_one_more(store: SqliteDatabase) -> None:
    async with running(TickRows(store), OFTEN) as here:
        here.looks.gate.clear()
        await here.looks.come_to(1)
        await rows_come_to(store, 4)
        assert here.looks.whole == [True]
        await here.clocks.stop()
        here.looks.gate.set()
        await here.looks.come_to(2)
        await asyncio.sleep(0.05)  # for one too many
    assert here.looks.whole == [True, True]
    assert here.looks.most_in_hand == 1


async def test_two_replicas_on_one_store_make_each_round_once_together(store: SqliteDatabase) -> None:
    async with running(TickRows(store), STEADILY) as one, running(TickRows(store), STEADILY) as other:
        await rows_come_to(store, 3)
        await one.clocks.stop()
        await other.clocks.stop()
        taken = await rows(store)
        # each made one at its start besides
        await until(lambda: len(one.looks.whole) + len(other.looks.whole) >= 2 + len(taken))
    assert len(one.looks.whole) + len(other.looks.whole) == 2 + len(taken)


async def test_a_slot_that_another_replica_has_taken_is_left_to_it(
    store: SqliteDatabase, wall: time_machine.Traveller
) -> None:
    wall.move_to(datetime(2026, 3, 1, 12, 59, 59, 500_000, tzinfo=UTC))
    await TickRows(store).take(ROUND, datetime(2026, 3, 1, 13, tzinfo=UTC), utc_now())
    passed = asyncio.Event()

    async def pass_by() -> None:
        passed.set()

    async with running(TickRows(store)) as here:
        here.clocks.at("past one", datetime(2026, 3, 1, 13, 0, 0, 300_000, tzinfo=UTC), pass_by)
        async with asyncio.timeout(PATIENCE):
            await passed.wait()
    assert here.looks.whole == [True]


# --- slots missed, clocks set


async def test_slots_missed_while_down_are_one_late_row(store: SqliteDatabase, wall: time_machine.Traveller) -> None:
    long_ago = slot(utc_now(), timedelta(minutes=10)) - 5 * timedelta(minutes=10)
    await TickRows(store).take(ROUND, long_ago, long_ago)
    wall.move_to(datetime(2026, 3, 1, 13, 14, tzinfo=UTC))
    async with running(TickRows(store), timedelta(minutes=10)) as here:
        await here.looks.come_to(1)
    assert here.looks.whole == [True]
    (_, (due, at)) = await rows(store)
    assert due == datetime(2026, 3, 1, 13, 10, tzinfo=UTC)
    assert timedelta(minutes=4) <= at - due < timedelta(minutes=4, seconds=PATIENCE)


@pytest.mark.parametrize("ran_before", [True, False])
async def test_a_start_within_a_slot_that_was_not_missed_writes_no_row(
    store: SqliteDatabase, *, ran_before: bool
) -> None:
    if ran_before:
        await TickRows(store).take(ROUND, slot(utc_now(), HOUR), utc_now())
    before = await rows(store)
    async with running(TickRows(store)) as here:
        await here.looks.come_to(1)
        assert await rows(store) == before


async def test_a_clock_set_back_by_an_hour_stops_no_round(store: SqliteDatabase, wall: time_machine.Traveller) -> None:
    """The slots of that hour have their rows already: they are ours, not another replica's."""
    minute = timedelta(minutes=1)
    ticks = TickRows(store)
    for ago in range(62):
        await ticks.take(ROUND, slot(utc_now(), minute) - ago * minute, utc_now())
    with capture_logs():
        async with running(ticks, minute) as here:
            await here.looks.come_to(1)
            wall.shift(-HOUR)
            await here.looks.come_to(2)


async def test_a_clock_set_forward_by_an_hour_makes_one_round_soon(
    store: SqliteDatabase, wall: time_machine.Traveller
) -> None:
    with capture_logs():
        async with running(TickRows(store), timedelta(minutes=30)) as here:
            await here.looks.come_to(1)
            wall.shift(HOUR)
            await here.looks.come_to(2)
            await asyncio.sleep(1.2)  # the clock is looked at each second: for one too many
    assert here.looks.whole == [True, True]


def test_rounds_are_late_when_none_has_begun_for_more_than_two_intervals() -> None:
    start = datetime(2026, 3, 1, 13, tzinfo=UTC)
    rounds = Rounds(Looks(), Clocks(lambda: start), TicksInMemory(), timedelta(minutes=5), lambda: start)
    assert not rounds.late(start)
    assert not rounds.late(start + timedelta(minutes=10))
    assert rounds.late(start + timedelta(minutes=10, seconds=2))


async def test_a_replica_whose_rounds_another_one_runs_is_not_late() -> None:
    ticks, interval = TicksInMemory(), timedelta(seconds=0.05)
    ticks.taken[ROUND] = [slot(utc_now(), interval) + number * interval for number in range(2000)]
    async with running(ticks, interval) as here:
        await here.looks.come_to(1)
        first = here.rounds.last_round_at
        assert first is not None
        await until(lambda: (here.rounds.last_round_at or first) > first + 2 * interval)
    assert len(here.looks.whole) == 1


async def test_a_round_that_hangs_makes_the_rounds_late(wall: time_machine.Traveller) -> None:
    async with running(TicksInMemory()) as here:
        here.looks.gate.clear()
        await here.looks.come_to(1)
        assert not here.rounds.late(utc_now())
        with capture_logs():
            wall.shift(3 * HOUR)
            assert here.rounds.late(utc_now())
        here.looks.gate.set()


# --- looks between the rounds


async def test_a_look_to_confirm_comes_at_the_time_it_was_asked_for() -> None:
    looks = Looks()
    looks.again_in = [timedelta(seconds=0.2), timedelta(seconds=0.1)]
    async with running(TicksInMemory(), looks=looks):
        await looks.come_to(3)
        await asyncio.sleep(0.05)  # for one too many
    assert looks.whole == [True, False, False]
    assert looks.at[1] - looks.at[0] >= timedelta(seconds=0.2)
    assert looks.at[2] - looks.at[1] >= timedelta(seconds=0.1)


async def test_a_look_that_asks_for_none_calls_off_the_one_that_was_to_come(
    wall: time_machine.Traveller,
) -> None:
    wall.move_to(datetime(2026, 3, 1, 12, 59, 59, 800_000, tzinfo=UTC))
    looks = Looks()
    looks.again_in = [timedelta(seconds=1.2)]
    async with running(TicksInMemory(), looks=looks) as here:
        await looks.come_to(2)  # the round of one o'clock, after which nothing is to be confirmed
        passed = asyncio.Event()

        async def pass_by() -> None:
            passed.set()

        here.clocks.at("past it", looks.at[0] + timedelta(seconds=1.4), pass_by)
        async with asyncio.timeout(PATIENCE):
            await passed.wait()
    assert looks.whole == [True, True]


async def test_a_time_that_has_passed_is_confirmed_at_once() -> None:
    looks = Looks()
    looks.again_in = [timedelta(seconds=-5)]
    async with running(TicksInMemory(), looks=looks):
        await looks.come_to(2)
    assert looks.whole == [True, False]


async def test_a_round_that_comes_due_in_a_look_to_confirm_is_a_whole_one(store: SqliteDatabase) -> None:
    looks = Looks()
    looks.again_in = [timedelta(seconds=-1)]
    async with running(TickRows(store), timedelta(seconds=0.5), looks=looks) as here:
        await looks.come_to(1)
        looks.gate.clear()
        await looks.come_to(2)
        before = len(await rows(store))
        await rows_come_to(store, before + 1)
        await here.clocks.stop()
        looks.gate.set()
        await looks.come_to(3)
    assert looks.whole[-1] is True


# --- what breaks


async def test_a_look_that_raises_is_logged_and_the_next_comes(store: SqliteDatabase) -> None:
    looks = Looks()
    looks.failures = [RuntimeError("no such column"), RuntimeError("again")]
    with capture_logs() as logs:
        async with running(TickRows(store), OFTEN, looks=looks):
            await looks.come_to(4)
    told = [(line["event"], line["log_level"], line["exc_info"]) for line in logs]
    assert told == [("round.failed", "error", True)] * 2


async def test_after_a_look_that_raises_another_comes_before_the_next_round() -> None:
    """Ten seconds later: the clock that it reads is that much behind the one that wakes it."""
    looks = Looks()
    looks.failures = [RuntimeError("no such column")]
    clocks = Clocks(utc_now)
    rounds = Rounds(looks, clocks, TicksInMemory(), HOUR, lambda: utc_now() - timedelta(seconds=9.8))
    with capture_logs():
        await rounds.start()
        await clocks.start()
        await looks.come_to(2)
        await clocks.stop()
        await rounds.stop()


async def test_while_the_store_is_down_rounds_go_on() -> None:
    ticks = TicksInMemory(broken=True)
    with capture_logs() as logs:
        async with running(ticks, OFTEN) as here:
            await here.looks.come_to(4)
    assert set(here.looks.whole) == {True}
    assert {(line["event"], line["reason"]) for line in logs} == {
        ("tick.not_kept", "the store cannot be used: disk full")
    }


async def test_when_the_store_is_back_slots_are_kept_again() -> None:
    ticks = TicksInMemory(broken=True)
    with capture_logs():
        async with running(ticks, OFTEN) as here:
            await here.looks.come_to(3)
            ticks.broken = False
            await until(lambda: len(ticks.taken.get(ROUND, ())) >= 2)


# --- the end


class HurriedSelector(selectors.DefaultSelector):
    """Waits a fraction of what it is asked to."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / HURRY if timeout else timeout)


class HurriedLoop(asyncio.SelectorEventLoop):
    """A loop in which time passes faster: limits of seconds are met in a fraction of them."""

    def __init__(self) -> None:
        super().__init__(HurriedSelector())

    def time(self) -> float:
        return super().time() * HURRY


def hurry(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        runner.run(story())


async def stopped(here: Running) -> float:
    """Stop a replica as `app.running` does; how long that took by the loop's time."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    await here.clocks.stop()
    await here.rounds.stop()
    return loop.time() - start


def test_stopping_waits_for_the_look_in_hand() -> None:
    async def story() -> None:
        async with running(TicksInMemory()) as here:
            here.looks.gate.clear()
            await here.looks.come_to(1)
            asyncio.get_running_loop().call_later(FINISH_SECONDS / 2, here.looks.gate.set)
            took = await stopped(here)
            assert FINISH_SECONDS / 2 <= took < FINISH_SECONDS
            assert (here.looks.in_hand, here.looks.given_up) == (0, 0)

    hurry(story)


def test_a_look_that_does_not_finish_is_given_up_and_what_it_found_is_kept() -> None:
    async def story() -> None:
        async with running(TicksInMemory()) as here:
            here.looks.gate.clear()
            await here.looks.come_to(1)
            with capture_logs() as logs:
                took = await stopped(here)
            assert FINISH_SECONDS <= took < FINISH_SECONDS + GIVE_UP_SECONDS
            assert (here.looks.in_hand, here.looks.given_up) == (0, 1)
            assert [line["event"] for line in logs] == ["round.given_up"]

    hurry(story)


def test_a_look_that_cannot_be_given_up_holds_nobody_for_ten_seconds_and_leaves_no_task() -> None:
    async def story() -> None:
        before = asyncio.all_tasks()
        async with running(TicksInMemory()) as here:
            here.looks.gate.clear()
            here.looks.heeds_give_up = False
            await here.looks.come_to(1)
            with capture_logs():
                assert await stopped(here) < 10
            await until(lambda: asyncio.all_tasks() == before)
            assert here.looks.in_hand == 0

    hurry(story)


async def test_after_the_stop_no_look_comes_whatever_was_wanted() -> None:
    before = asyncio.all_tasks()
    looks = Looks()
    looks.again_in = [timedelta()] * 100
    async with running(TicksInMemory(), timedelta(seconds=0.05), looks=looks) as here:
        await looks.come_to(3)
        await stopped(here)
        seen = len(looks.whole)
        await asyncio.sleep(0.2)
    assert len(looks.whole) == seen
    assert asyncio.all_tasks() == before


async def test_rounds_that_never_started_can_be_stopped() -> None:
    await Rounds(Looks(), Clocks(utc_now), TicksInMemory(), HOUR, utc_now).stop()
