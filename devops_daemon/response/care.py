"""See to every incident that is due, by one duty: each in a task of its own, woken by any change."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from devops_daemon.model import Incident
from devops_daemon.ports import Clock, LostRaceError, Turns, UnavailableError

LEASE = timedelta(minutes=2)
LOOK_AT_LEAST = timedelta(seconds=15)
"""Without a sign: another replica may have died with incidents of its own in hand."""
BESIDE = timedelta(seconds=1)
"""While something is in hand, which is due all that time, the others are looked for so often."""
PAUSE_AFTER_RACE = timedelta(seconds=0.2)
PAUSE_AFTER_FAILURE = timedelta(seconds=2)
FINISH_SECONDS = 4.0
Step = Callable[[Incident], Awaitable[tuple[Incident, datetime | None]]]
"""Takes an incident a step further; gives it as it is then, and when again: None is when it changes.

Raises LostRaceError where it has changed in the meantime, and UnavailableError.
"""
log = structlog.get_logger("incident")


class Care:
    """Owns the tasks in which incidents are answered for."""

    def __init__(self, turns: Turns, step: Step, owner: str, now: Clock) -> None:
        self._turns = turns
        self._step = step
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._owner = owner
        self._now = now
        self._wanted = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def changed(self) -> None:
        """Look now: an incident was opened, or has changed."""
        self._wanted.set()

    async def start(self) -> None:
        """Begin, with what was left by a process that died."""
        self._task = asyncio.create_task(self._run(), name="incidents")

    async def stop(self) -> None:
        """Take no more; give what is in hand a moment: what was begun is looked up by whoever comes next."""
        self._stopping = True
        self._wanted.set()
        if self._task is None:
            return
        _, late = await asyncio.wait({self._task, *self._in_hand.values()}, timeout=FINISH_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping:
            self._wanted.clear()
            wait = PAUSE_AFTER_FAILURE
            try:
                await self._look()
                wait = await self._until_next()
            except UnavailableError as error:
                log.debug("incidents.not_seen_to", reason=str(error))
            except Exception:  # a fault of ours must not leave every outage to itself
                log.exception("incidents.failed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), wait.total_seconds())

    async def _look(self) -> None:
        """Take up all that is due; what is in hand already goes on, and is held on to."""
        for incident in await self._turns.take(self._owner, LEASE, self._now()):
            if incident.id not in self._in_hand:
                task = asyncio.create_task(self._see_to(incident), name=f"incident {incident.id}")
                self._in_hand[incident.id] = task
                task.add_done_callback(partial(self._done, incident.id))

    def _done(self, identifier: str, _: "asyncio.Task[None]") -> None:
        del self._in_hand[identifier]
        self._wanted.set()

    async def _until_next(self) -> timedelta:
        due, least = await self._turns.next_due(self._owner), BESIDE if self._in_hand else timedelta()
        return LOOK_AT_LEAST if due is None else min(max(due - self._now(), least), LOOK_AT_LEAST)

    async def _see_to(self, incident: Incident) -> None:
        """Take an incident as far as it goes now; what breaks is tried again, and is this incident's alone."""
        next_at: datetime | None = self._now() + PAUSE_AFTER_FAILURE
        try:
            incident, next_at = await self._step(incident)
        except LostRaceError as error:
            log.debug("incident.changed", incident=incident.id, reason=str(error))
            next_at = self._now() + PAUSE_AFTER_RACE
        except UnavailableError as error:
            log.debug("incident.delayed", incident=incident.id, reason=str(error))
        except Exception:  # an incident that breaks is one incident
            log.exception("incident.broke", incident=incident.id)
        with contextlib.suppress(UnavailableError):
            await self._turns.let_go(incident, self._owner, next_at)
