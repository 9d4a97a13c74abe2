"""The clocks with the real APScheduler: slots are kept, whatever the loop or the wall clock does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from structlog.testing import capture_logs

from devops_daemon.entrypoints.schedule import EPOCH, Clocks, slot

HOUR = timedelta(hours=1)
PATIENCE = 8.0


def utc_now() -> datetime:
    return datetime.now(UTC)


class Calls:
    """A job that keeps when it was called, by both clocks."""

    def __init__(self) -> None:
        self.at: list[datetime] = []
        self.steady: list[float] = []

    async def __call__(self) -> None:
        self.at.append(utc_now())
        self.steady.append(time.monotonic())

    def slots(self, interval: timedelta, first: int = 0) -> int:
        """How many slots lie between the first of these calls and the last, both counted."""
        return (slot(self.at[-1], interval) - slot(self.at[first], interval)) // interval + 1

    async def come_to(self, count: int) -> None:
        await until(lambda: len(self.at) >= count)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - a clock sets no event for its onlookers
            await asyncio.sleep(0.005)


@asynccontextmanager
async def ticking(*jobs: tuple[str, timedelta, Calls]) -> AsyncIterator[Clocks]:
    """Clocks that run, with these jobs."""
    clocks = Clocks(utc_now)
    for name, interval, job in jobs:
        clocks.every(name, interval, job)
    await clocks.start()
    try:
        yield clocks
    finally:
        await clocks.stop()


async def settled(clocks: Clocks) -> None:
    """Wait until the clocks have begun to watch the wall clock: they have when they called for the first time."""
    calls = Calls()
    clocks.at("settled", utc_now(), calls)
    await calls.come_to(1)


@pytest.fixture
def wall() -> Iterator[time_machine.Traveller]:
    """The wall clock, a little before one o'clock; it ticks, and can be set. The steady one is left alone."""
    with time_machine.travel(datetime(2026, 3, 1, 12, 59, 59, 700_000, tzinfo=UTC), tick=True) as traveller:
        yield traveller


ONE = datetime(2026, 3, 1, 13, tzinfo=UTC)


# --- slots


@pytest.mark.parametrize(
    ("now", "interval", "expected"),
    [
        (ONE, HOUR, ONE),
        (ONE + timedelta(minutes=59, seconds=59), HOUR, ONE),
        (ONE - timedelta(microseconds=1), HOUR, ONE - HOUR),
        (ONE + timedelta(minutes=7), timedelta(minutes=5), ONE + timedelta(minutes=5)),
        (EPOCH, timedelta(seconds=90), EPOCH),
    ],
)
def test_slots_are_whole_intervals_since_1970(now: datetime, interval: timedelta, expected: datetime) -> None:
    assert slot(now, interval) == expected


async def test_the_first_call_comes_at_the_next_whole_interval(wall: time_machine.Traveller) -> None:
    assert wall is not None
    calls = Calls()
    async with ticking(("round", HOUR, calls)):
        await calls.come_to(1)
    assert ONE <= calls.at[0] < ONE + timedelta(seconds=PATIENCE)


async def test_a_job_is_called_once_in_each_slot() -> None:
    calls, interval = Calls(), timedelta(seconds=0.1)
    async with ticking(("round", interval, calls)):
        await calls.come_to(12)
    # the first call may have come late, into the next slot
    assert calls.slots(interval) >= 11


async def test_each_clock_keeps_its_own_interval(wall: time_machine.Traveller) -> None:
    assert wall is not None
    often, seldom = Calls(), Calls()
    async with ticking(("often", timedelta(seconds=0.1), often), ("seldom", HOUR, seldom)):
        await seldom.come_to(1)
        before = len(often.at)
        await often.come_to(before + 3)
    assert len(seldom.at) == 1


# --- a loop that stalls


async def test_a_slot_that_a_stalled_loop_missed_is_run_once_and_at_once(wall: time_machine.Traveller) -> None:
    assert wall is not None
    calls = Calls()
    async with ticking(("round", HOUR, calls)) as clocks:
        await asyncio.sleep(0)
        time.sleep(1.6)  # noqa: ASYNC251 - the stall itself: over one o'clock, and past APScheduler's second of grace
        assert calls.at == []
        went_on = time.monotonic()
        await calls.come_to(1)
        assert calls.steady[0] - went_on < 2
        later = Calls()
        clocks.at("later", utc_now() + timedelta(seconds=0.2), later)
        await later.come_to(1)
    assert len(calls.at) == 1


async def test_many_slots_that_a_stalled_loop_missed_are_one_call() -> None:
    calls, interval = Calls(), timedelta(seconds=0.2)
    async with ticking(("round", interval, calls)):
        await calls.come_to(1)
        before = len(calls.at)
        time.sleep(1.5)  # noqa: ASYNC251 - the stall itself
        await calls.come_to(before + 5)
    assert calls.slots(interval, before) >= 4


# --- a wall clock that jumps


async def test_a_clock_set_forward_by_an_hour_makes_one_call_soon(wall: time_machine.Traveller) -> None:
    wall.move_to(ONE + timedelta(minutes=10))
    calls = Calls()
    with capture_logs() as logs:
        async with ticking(("round", timedelta(minutes=30), calls)) as clocks:
            await settled(clocks)
            wall.shift(HOUR)
            moved = time.monotonic()
            await calls.come_to(1)
            assert calls.steady[0] - moved < 4
            later = Calls()
            clocks.at("later", utc_now() + timedelta(seconds=1.5), later)
            await later.come_to(1)
    assert len(calls.at) == 1
    assert [line["event"] for line in logs] == ["clock.jumped"]
    assert 3595 < logs[0]["seconds"] < 3605


async def test_a_clock_set_forward_keeps_its_slots_afterwards(wall: time_machine.Traveller) -> None:
    calls, interval = Calls(), timedelta(seconds=0.1)
    with capture_logs() as logs:
        async with ticking(("round", interval, calls)):
            await calls.come_to(1)
            wall.shift(HOUR)
            await until(lambda: logs)
            jumped = len(calls.at)
            await calls.come_to(jumped + 8)
    # and one call more for the jump
    assert calls.slots(interval, jumped) >= 6


async def test_a_clock_set_back_by_an_hour_goes_on_within_seconds(wall: time_machine.Traveller) -> None:
    calls = Calls()
    with capture_logs() as logs:
        async with ticking(("round", timedelta(seconds=0.5), calls)):
            await calls.come_to(1)
            wall.shift(-HOUR)
            moved, before = time.monotonic(), len(calls.at)
            await calls.come_to(before + 3)
            assert calls.steady[before] - moved < 3
            assert calls.at[before] < ONE
    assert [line["event"] for line in logs] == ["clock.jumped"]


async def test_a_call_that_was_to_come_once_still_comes_after_the_clock_was_set_back(
    wall: time_machine.Traveller,
) -> None:
    """A second look is asked for in ten seconds: not an hour later, because somebody set the clock."""
    calls = Calls()
    async with ticking() as clocks:
        await settled(clocks)
        clocks.at("confirm", utc_now() + timedelta(seconds=0.5), calls)
        wall.shift(-HOUR)
        await calls.come_to(1)


async def test_a_small_correction_of_the_clock_is_no_jump(wall: time_machine.Traveller) -> None:
    calls = Calls()
    with capture_logs() as logs:
        async with ticking(("round", HOUR, calls)) as clocks:
            await calls.come_to(1)
            wall.shift(timedelta(seconds=-1))
            later = Calls()
            clocks.at("later", utc_now() + timedelta(seconds=1.3), later)
            await later.come_to(1)
    assert logs == []


# --- jobs


class BrokenError(Exception):
    pass


async def test_a_job_that_raises_is_logged_and_called_again() -> None:
    calls = Calls()

    async def job() -> None:
        await calls()
        raise BrokenError("no such table")

    clocks = Clocks(utc_now)
    clocks.every("round", timedelta(seconds=0.1), job)
    with capture_logs() as logs:
        await clocks.start()
        await calls.come_to(2)
        await until(lambda: len(logs) >= 2)
        await clocks.stop()
    first = logs[0]
    assert (first["event"], first["job"], first["log_level"]) == ("clock.job_failed", "round", "error")
    assert first["exc_info"]


async def test_a_job_that_raises_holds_up_no_other() -> None:
    fine = Calls()

    async def job() -> None:
        raise BrokenError

    clocks = Clocks(utc_now)
    clocks.every("broken", timedelta(seconds=0.05), job)
    clocks.every("fine", timedelta(seconds=0.05), fine)
    with capture_logs():
        await clocks.start()
        await fine.come_to(3)
        await clocks.stop()


async def test_a_later_request_by_the_same_name_replaces_the_earlier() -> None:
    first, second = Calls(), Calls()
    async with ticking() as clocks:
        clocks.at("confirm", utc_now() + timedelta(seconds=0.05), first)
        clocks.at("confirm", utc_now() + timedelta(seconds=0.2), second)
        await second.come_to(1)
    assert first.at == []


async def test_what_is_asked_for_once_is_called_once_and_not_before_its_time() -> None:
    calls, after = Calls(), Calls()
    async with ticking() as clocks:
        when = utc_now() + timedelta(seconds=0.2)
        clocks.at("confirm", when, calls)
        await calls.come_to(1)
        clocks.at("after", utc_now() + timedelta(seconds=0.1), after)
        await after.come_to(1)
    assert len(calls.at) == 1
    assert calls.at[0] >= when


async def test_a_time_that_has_passed_is_now() -> None:
    calls = Calls()
    async with ticking() as clocks:
        clocks.at("confirm", utc_now() - HOUR, calls)
        await calls.come_to(1)


async def test_what_is_cancelled_does_not_come() -> None:
    calls, after = Calls(), Calls()
    async with ticking() as clocks:
        clocks.at("confirm", utc_now() + timedelta(seconds=0.1), calls)
        clocks.cancel("confirm")
        clocks.cancel("confirm")
        clocks.cancel("never asked for")
        clocks.at("after", utc_now() + timedelta(seconds=0.3), after)
        await after.come_to(1)
    assert calls.at == []


async def test_what_was_asked_for_before_the_start_comes_after_it() -> None:
    calls, clocks = Calls(), Clocks(utc_now)
    clocks.at("confirm", utc_now() - HOUR, calls)
    await asyncio.sleep(0)
    assert calls.at == []
    await clocks.start()
    await calls.come_to(1)
    await clocks.stop()


# --- the end


async def test_stopped_clocks_call_nobody_and_leave_no_task_behind() -> None:
    before = asyncio.all_tasks()
    calls, clocks = Calls(), Clocks(utc_now)
    clocks.every("round", timedelta(seconds=0.05), calls)
    await clocks.start()
    await calls.come_to(1)
    await clocks.stop()
    assert asyncio.all_tasks() == before
    seen = len(calls.at)
    await asyncio.sleep(0.15)  # three slots in which nothing is to come
    assert len(calls.at) == seen
    assert asyncio.all_tasks() == before


async def test_a_job_in_hand_may_finish_when_the_clocks_stop() -> None:
    begun, let_go, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def job() -> None:
        begun.set()
        await let_go.wait()
        finished.set()

    clocks = Clocks(utc_now)
    await clocks.start()
    clocks.at("long", utc_now(), job)
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
        stopping = asyncio.create_task(clocks.stop())
        await asyncio.sleep(0.05)
        assert not stopping.done()
        let_go.set()
        await stopping
    assert finished.is_set()


async def test_a_job_that_never_finishes_is_ended_with_the_clocks() -> None:
    before = asyncio.all_tasks()
    begun, ended = asyncio.Event(), asyncio.Event()

    async def job() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    clocks = Clocks(utc_now)
    await clocks.start()
    clocks.at("long", utc_now(), job)
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
        with capture_logs() as logs:
            await clocks.stop()
            await ended.wait()
    assert logs == []
    await until(lambda: asyncio.all_tasks() == before)


async def test_clocks_that_never_started_can_be_stopped_and_twice() -> None:
    clocks = Clocks(utc_now)
    await clocks.stop()
    await clocks.start()
    await clocks.stop()
    await clocks.stop()
