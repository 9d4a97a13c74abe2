"""The clocks. The only importer of APScheduler (3.11, memory store): it ticks, and knows nothing of the work.

Its traps, each handled here: a job late by more than a second is skipped by default; after a step of the clock
backwards it is silent until the clock has caught up; an interval job first runs one interval late; its shutdown cancels
the jobs that are running, so what it runs only starts a task of ours.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from devops_daemon.ports import Clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WATCH_SECONDS = 1.0
FINISH_SECONDS = 1.0
JUMP = timedelta(seconds=2)
"""The wall clock and the steady one may part by so much in a second before it is called a jump."""
Job = Callable[[], Awaitable[None]]
log = structlog.get_logger("clocks")


def slot(now: datetime, interval: timedelta) -> datetime:
    """Give the slot that is running: slots are whole intervals since 1970, the same for all replicas."""
    return EPOCH + (now - EPOCH) // interval * interval


class Clocks:
    """Calls jobs by the clock; each must return soon: it writes its tick, and wakes who does the work."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._intervals: dict[str, tuple[timedelta, Job]] = {}
        self._guard: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    def every(self, name: str, interval: timedelta, job: Job) -> None:
        """Call a job at each whole interval; `interval` is at least a millisecond."""
        self._intervals[name] = (interval, job)
        self._add(name, self._trigger(interval), job)

    def at(self, name: str, when: datetime, job: Job) -> None:
        """Call a job once, instead of what was to be called by that name; at once if `when` has passed."""
        self._add(name, DateTrigger(when), job)

    def cancel(self, name: str) -> None:
        """Forget a call that was to come."""
        if self._scheduler.get_job(name):
            self._scheduler.remove_job(name)

    async def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()
        self._guard = asyncio.create_task(self._watch_the_clock())

    async def stop(self) -> None:
        """Tick no more, and let jobs that are running finish."""
        if self._guard is not None:
            self._guard.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._guard
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()

    def _add(self, name: str, trigger: IntervalTrigger | DateTrigger, job: Job) -> None:
        async def begin() -> None:
            task = asyncio.create_task(_run(name, job), name=f"clock {name}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        self._scheduler.add_job(begin, trigger, id=name, name=name, replace_existing=True)

    def _trigger(self, interval: timedelta) -> IntervalTrigger:
        return IntervalTrigger(
            seconds=interval.total_seconds(), start_date=slot(self._now(), interval) + interval, timezone=UTC
        )

    async def _watch_the_clock(self) -> None:
        """Compare the wall clock with the steady one; after a jump, set each clock anew and call its job once."""
        wall, steady = self._now(), time.monotonic()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            jump = (self._now() - wall) - timedelta(seconds=time.monotonic() - steady)
            wall, steady = self._now(), time.monotonic()
            if abs(jump) > JUMP:
                log.warning("clock.jumped", seconds=round(jump.total_seconds(), 1))
                self._set_anew()

    def _set_anew(self) -> None:
        for job in self._scheduler.get_jobs():
            if isinstance(job.trigger, DateTrigger):
                job.modify(next_run_time=self._now())
        for name, (interval, work) in self._intervals.items():
            self.every(name, interval, work)
            self.at(f"{name} after a jump", self._now(), work)


async def _run(name: str, job: Job) -> None:
    try:
        await job()
    except Exception:  # a job that breaks must not stop its clock
        log.exception("clock.job_failed", job=name)
