"""See to every incident that is due: mend it a step further, and tell of it. One task, woken by any change."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from devops_daemon.model import Incident
from devops_daemon.ports import Clock, LostRaceError, Turns, UnavailableError
from devops_daemon.response.mend import Mending
from devops_daemon.response.tell import Tell

LEASE = timedelta(minutes=2)
LOOK_AT_LEAST = timedelta(seconds=15)
"""Without a sign: another replica may have died with incidents of its own in hand."""
MOST_STEPS = 5
"""Of one incident in one turn: then the others have theirs."""
LONGEST_TELLING = timedelta(seconds=10)
"""Of what is told before anything is done."""
PAUSE_AFTER_FAILURE = timedelta(seconds=2)
FINISH_SECONDS = 4.0
Prepare = Callable[[Incident], Awaitable[Incident]]
"""Finds out what can be known of an incident before anything is done about it; gives it as it is then."""
log = structlog.get_logger("incident")


class Care:
    """Owns the task in which incidents are answered for."""

    def __init__(self, turns: Turns, prepare: Prepare, mending: Mending, tell: Tell, owner: str, now: Clock) -> None:
        self._turns = turns
        self._prepare = prepare
        self._mending = mending
        self._tell = tell
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
        _, late = await asyncio.wait({self._task}, timeout=FINISH_SECONDS)
        for task in late:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while not self._stopping:
            self._wanted.clear()
            wait = PAUSE_AFTER_FAILURE
            try:
                await self.look()
                wait = await self._until_next()
            except UnavailableError as error:
                log.debug("incidents.not_seen_to", reason=str(error))
            except Exception:  # a fault of ours must not leave every outage to itself
                log.exception("incidents.failed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), wait.total_seconds())

    async def look(self) -> None:
        """See once to all that is due. Raises UnavailableError."""
        taken = await self._turns.take(self._owner, LEASE, self._now())
        await asyncio.gather(*(self._see_to(incident) for incident in taken))

    async def _until_next(self) -> timedelta:
        due = await self._turns.next_due()
        return LOOK_AT_LEAST if due is None else min(max(due - self._now(), timedelta()), LOOK_AT_LEAST)

    async def _see_to(self, incident: Incident) -> None:
        """Take an incident as far as it goes now; what breaks is tried again, and is this incident's alone."""
        next_at: datetime | None = self._now() + PAUSE_AFTER_FAILURE
        try:
            incident = await self._prepare(await self._tell_at_once(incident))
            incident, next_at = await self._steps(incident)
        except LostRaceError as error:
            log.debug("incident.changed", incident=incident.id, reason=str(error))
            next_at = self._now()
        except UnavailableError as error:
            log.debug("incident.delayed", incident=incident.id, reason=str(error))
        except Exception:  # an incident that breaks is one incident
            log.exception("incident.broke", incident=incident.id)
        with contextlib.suppress(UnavailableError):
            await self._turns.let_go(incident, self._owner, next_at)

    async def _tell_at_once(self, incident: Incident) -> Incident:
        """Tell before anything is done; a forge that hangs does not keep us from it: what was begun is looked up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_TELLING.total_seconds()):
                incident, _ = await self._tell.all_of(incident)
        return incident

    async def _steps(self, incident: Incident) -> tuple[Incident, datetime | None]:
        """Step until nothing is to be done now; what is told comes after each step, and holds up none."""
        at: datetime | None = None
        for _ in range(MOST_STEPS):
            incident, at = await self._mending.step(incident)
            if at is None or at > self._now():
                break
        incident, told_at = await self._tell.all_of(incident)
        return incident, min(filter(None, (at, told_at)), default=None)
