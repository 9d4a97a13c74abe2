"""Drains the inbox: sorts what arrived, claims one subject at a time, and says how each delivery ended.

A delivery that breaks is one delivery: it is tried again later, then kept as failed for people, and holds up nobody
else. A claim is held by a lease that is renewed; whoever loses it stops at once.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from devops_daemon.entrypoints.deliveries import sort
from devops_daemon.entrypoints.retry import MOST_FAULTS, Again, GiveUp, after_fault, after_outage, after_race
from devops_daemon.inbox import Arrival, Claim
from devops_daemon.ports import Clock, Inbox, LockedOutError, LostRaceError, RefusedError, UnavailableError

Handle = Callable[[Arrival], Awaitable[str | None]]
"""Works on one delivery; gives a word on what came of it."""
AT_ONCE = 4
BATCH = 100
BREATH = timedelta(milliseconds=100)
"""Between two batches: many small ones cost more than few."""
LEASE = timedelta(minutes=1)
LONGEST_WORK = timedelta(minutes=10)
"""The platform may need more than seven to tell what became of an act: cut off before, it would be unclear for ever."""
LOOK_AT_LEAST = timedelta(seconds=15)
"""Without a sign: another replica may have died with claims of its own."""
PAUSE_AFTER_FAILURE = timedelta(seconds=2)
FINISH_SECONDS = 4.0
log = structlog.get_logger("inbox")


class _LostClaimError(Exception):
    """The delivery is another's by now."""


class Worker:
    """Owns the task that sorts and claims, and those that work."""

    def __init__(  # each by its name
        self,
        inbox: Inbox,
        handle: Handle,
        *,
        repository: str | None,
        owner: str,
        now: Clock,
        lease: timedelta = LEASE,
    ) -> None:
        self._inbox = inbox
        self._handle = handle
        self._repository = repository
        self._owner = owner
        self._now = now
        self._lease = lease
        self._wanted = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()
        self._in_hand: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    def arrived(self) -> None:
        """Look now: something may be there."""
        self._wanted.set()

    async def start(self) -> None:
        """Begin, with what was left by a process that died."""
        self._task = asyncio.create_task(self._run(), name="inbox")

    async def stop(self) -> None:
        """Claim no more; give what is in hand a moment, then put it back."""
        self._stop.set()
        self._wanted.set()
        if self._task is not None:
            await self._task
        if self._working:
            _, late = await asyncio.wait(self._working, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)

    async def _run(self) -> None:
        let_go = False
        while not self._stop.is_set():
            self._wanted.clear()
            wait = PAUSE_AFTER_FAILURE
            try:
                if not let_go:
                    await self._inbox.let_go(self._owner, self._now())
                    let_go = True
                came = await self._sort()
                await self._claim()
                if came:
                    await self._breathe()
                    continue
                wait = await self._until_next()
            except UnavailableError as error:
                log.debug("inbox.delayed", reason=str(error))
            except Exception:  # a fault of ours must not be the end of the inbox
                log.exception("inbox.failed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), wait.total_seconds())

    async def _sort(self) -> bool:
        """Sort a batch; tells whether there was any."""
        arrivals = await self._inbox.unread(BATCH)
        if arrivals:
            await self._inbox.sort([sort(arrival, self._repository) for arrival in arrivals], self._now())
        return bool(arrivals)

    async def _breathe(self) -> None:
        """Leave the processor to what is coming in: in a flood it is the 202 that has no time, not the reading."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), BREATH.total_seconds())

    async def _claim(self) -> None:
        while not self._stop.is_set() and len(self._working) < AT_ONCE:
            claim = await self._inbox.claim(self._owner, self._lease, self._now())
            if claim is None:
                return
            if claim.arrival.guid in self._in_hand:  # its lease ran out: whoever has it in hand is about to notice
                await self._inbox.put_back(claim, "it is still in hand", self._now() + self._lease, counted=False)
                continue
            self._in_hand.add(claim.arrival.guid)
            task = asyncio.create_task(self._work(claim), name=f"delivery {claim.arrival.guid}")
            self._working.add(task)
            task.add_done_callback(partial(self._worked, claim.arrival.guid))

    def _worked(self, guid: str, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(guid)
        self._working.discard(task)
        self._wanted.set()

    async def _until_next(self) -> timedelta:
        if len(self._working) >= AT_ONCE:
            return LOOK_AT_LEAST  # the first that ends wakes us
        due = await self._inbox.next_due()
        return LOOK_AT_LEAST if due is None else min(max(due - self._now(), timedelta()), LOOK_AT_LEAST)

    async def _work(self, claim: Claim) -> None:
        """Work on one delivery, and write down how it ended; what cannot be written is claimed anew after the lease."""
        try:
            await self._settle(claim)
        except (LostRaceError, _LostClaimError):
            log.warning("delivery.lost", delivery=claim.arrival.guid)
        except UnavailableError as error:
            log.warning("delivery.not_settled", delivery=claim.arrival.guid, reason=str(error))
        except asyncio.CancelledError:
            with contextlib.suppress(UnavailableError, LostRaceError):
                await self._inbox.put_back(claim, "the daemon was stopped", self._now(), counted=False)

    async def _settle(self, claim: Claim) -> None:
        guid, started = claim.arrival.guid, self._now()
        if claim.attempts > MOST_FAULTS:
            # whoever claimed it before did not live to say why
            await self._end_badly(claim, GiveUp(f"given up: it was begun {claim.attempts - 1} times and never ended"))
            return
        try:
            async with asyncio.timeout(LONGEST_WORK.total_seconds()):
                note = await self._held(claim)
        except _LostClaimError:
            raise
        except LostRaceError as error:
            text = str(error) or "what it is about has changed meanwhile"
            await self._end_badly(claim, after_race(text, claim.arrival.received_at, self._now()))
        except (UnavailableError, LockedOutError, TimeoutError) as error:
            text = str(error) or "it took too long"
            await self._end_badly(claim, after_outage(text, claim.arrival.received_at, self._now()))
        except RefusedError as error:
            await self._end_badly(claim, GiveUp(str(error)))
        except Exception as error:  # a delivery that breaks is one delivery
            log.exception("delivery.broke", delivery=guid, event_kind=claim.arrival.event)
            await self._end_badly(claim, after_fault(type(error).__name__, claim.attempts, self._now()))
        else:
            await self._inbox.finish(claim, note, self._now())
            seconds = round((self._now() - started).total_seconds(), 3)
            log.info("delivery.done", delivery=guid, subject=claim.subject, what=note, seconds=seconds)

    async def _held(self, claim: Claim) -> str | None:
        """Work while the lease is renewed; raises _LostClaimError as soon as it is another's."""
        work = asyncio.ensure_future(self._handle(claim.arrival))
        hold = asyncio.create_task(self._hold(claim))
        try:
            await asyncio.wait({work, hold}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                hold.result()
            return await work
        finally:
            for task in (work, hold):
                task.cancel()
            await asyncio.gather(work, hold, return_exceptions=True)

    async def _hold(self, claim: Claim) -> None:
        """Renew the lease until it is lost: to another, or because it has run out while the store could not be used."""
        loop, lease = asyncio.get_running_loop(), self._lease.total_seconds()
        held_since = loop.time()
        while True:
            await asyncio.sleep(lease / 3)
            asked_at = loop.time()
            try:
                await self._inbox.renew(claim, self._lease, self._now())
                held_since = asked_at
            except LostRaceError as error:
                raise _LostClaimError from error
            except UnavailableError as error:
                if loop.time() - held_since >= lease:
                    raise _LostClaimError from error
                log.debug("delivery.not_renewed", delivery=claim.arrival.guid, reason=str(error))

    async def _end_badly(self, claim: Claim, verdict: Again | GiveUp) -> None:
        guid = claim.arrival.guid
        match verdict:
            case Again(error, at, counted):
                await self._inbox.put_back(claim, error, at, counted=counted)
                log.info("delivery.put_back", delivery=guid, reason=error, again_at=at.isoformat())
            case GiveUp(reason):
                await self._inbox.give_up(claim, reason, self._now())
                log.error("delivery.failed", delivery=guid, event_kind=claim.arrival.event, reason=reason)
