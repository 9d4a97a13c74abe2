"""Look at the product: whole rounds, and sooner at what is to be confirmed."""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from devops_daemon.health import verdict
from devops_daemon.health.verdict import Thresholds
from devops_daemon.model import Outcome, Probe, ProbeKey, ProbeState, Reference, Result, Status, Trouble, Watchlist
from devops_daemon.ports import Clock, HealthLedger, Look, Prober, UnavailableError

AT_ONCE = 100
LONGEST_BACKLOG = 500
LEASE_MARGIN = timedelta(seconds=30)
BLIND_ROUNDS_TOLD = 3
_STALL_STEP = 0.1
log = structlog.get_logger("watch")


@dataclass(frozen=True, slots=True)
class Report:
    """What a look came to."""

    whole: bool
    looked_at: int
    states: Mapping[ProbeKey, ProbeState]
    troubles: tuple[Trouble, ...]
    well: Mapping[ProbeKey, datetime]
    """Since when each probe that is well has been so."""
    blind: str | None
    """Why nothing could be said about the product."""
    kept: bool
    """The results are in the store."""

    next_at: datetime | None
    """When something is to be looked at before the next round."""


class Watch:
    """Runs looks, one at a time. Its rows are the store's; while that cannot be used, it goes on from memory."""

    def __init__(
        self, watchlist: Watchlist, thresholds: Thresholds, prober: Prober, ledger: HealthLedger, now: Clock
    ) -> None:
        self._watchlist = watchlist
        self._probes = {probe.key: probe for probe in watchlist.probes if probe.off is None}
        self._thresholds = thresholds
        self._prober = prober
        self._ledger = ledger
        self._now = now
        self._memory: dict[ProbeKey, ProbeState] = {}
        self._backlog: list[Look] = []
        self._running: set[asyncio.Task[Result]] = set()
        self._blind_rounds = 0

    async def look(self, *, whole: bool) -> Report:
        """Look at all probes, or only at those that are due, and keep what was found."""
        states, now = await self._states(), self._now()
        stall = Stall()
        due = self._fit_for_a_round(states, now) if whole else self._to_confirm(states, now)
        async with stall:
            claimed = await self._claim(due, now)
            results, references = await self._look(claimed, whole=whole)
            blind = verdict.blindness(results, references, now)
            if blind and not whole:  # before the network is blamed, everything has had its chance to answer
                others = await self._claim(self._probes.keys() - due, now)
                results += await self._run(others)
                claimed |= others
                blind = verdict.blindness(results, references, now)
        spoilt = stall.spoilt(self._shortest_timeout)
        results = _without_doubtful(results, blind, spoilt)
        blind = blind or spoilt
        judged = self._judged(states, results)
        answered = tuple(reference.url for reference in references if reference.answers)
        kept = await self._keep(Look(tuple(results), tuple(judged.values()), answered, now, claimed))
        self._memory = {**states, **judged}
        if kept:  # another replica may have kept something in the meantime
            self._memory = await self._states()
        self._tell_blindness(blind, whole=whole)
        return self._report(results, blind, left=due - claimed, whole=whole, kept=kept)

    async def look_again(self, keys: Collection[ProbeKey]) -> list[Result]:
        """Look at some probes now, for whoever is about to act; nothing of it is kept, and nothing is judged by it."""
        stall = Stall()
        async with stall:
            results, references = await self._look(frozenset(keys) & self._probes.keys(), whole=False)
        blind = verdict.blindness(results, references, self._now())
        return _without_doubtful(results, blind, stall.spoilt(self._shortest_timeout))

    @property
    def latest(self) -> Mapping[ProbeKey, ProbeState]:
        """What is known now, whether it could be kept or not."""
        return self._memory

    def give_up(self) -> None:
        """End the look in hand: what has not answered yet is left, what has is kept."""
        for task in self._running:
            task.cancel()

    @property
    def _shortest_timeout(self) -> timedelta:
        return min((probe.timeout for probe in self._probes.values()), default=timedelta(seconds=10))

    async def _states(self) -> dict[ProbeKey, ProbeState]:
        rows = self._memory
        if not self._backlog:
            try:
                rows = {state.key: state for state in await self._ledger.states()}
            except UnavailableError:
                log.debug("watch.from_memory")
        return {key: rows.get(key, ProbeState(key)) for key in self._probes}

    async def _claim(self, keys: Collection[ProbeKey], now: datetime) -> frozenset[ProbeKey]:
        waves = -(-len(keys) // AT_ONCE)
        longest = max((self._probes[key].timeout for key in keys), default=timedelta())
        try:
            return await self._ledger.claim(sorted(keys), now, waves * longest + LEASE_MARGIN)
        except UnavailableError:
            return frozenset(keys)

    async def _run(self, keys: Collection[ProbeKey]) -> list[Result]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def run(probe: Probe) -> Result:
            async with gate:
                return await self._prober.run(probe)

        tasks = [asyncio.create_task(run(self._probes[key])) for key in sorted(keys)]
        self._running |= set(tasks)
        if tasks:
            await asyncio.wait(tasks)
        self._running -= set(tasks)
        return [self._result(key, task) for key, task in zip(sorted(keys), tasks, strict=True) if not task.cancelled()]

    def _result(self, key: ProbeKey, task: asyncio.Task[Result]) -> Result:
        """Take a probe's result; a probe that broke has measured nothing, and takes nothing else down."""
        error = task.exception()
        if error is None:
            return task.result()
        log.error("probe.broken", probe=str(key), exc_info=error)
        return Result(key, self._now(), Outcome.UNKNOWN, f"the probe itself failed: {type(error).__name__}")

    async def _look(self, keys: Collection[ProbeKey], *, whole: bool) -> tuple[list[Result], list[Reference]]:
        """Run probes; ask the references too in each round, and where none of the probes got an answer."""
        if whole:
            results, references = await asyncio.gather(self._run(keys), self._ask_references(whole=True))
            return results, references
        results = await self._run(keys)
        doubtful = bool(results) and not any(result.answered for result in results)
        return results, await self._ask_references(whole=False) if doubtful else []

    async def _ask_references(self, *, whole: bool) -> list[Reference]:
        """Ask all in a round, so that they are known when they are needed; else those that have answered lately."""
        try:
            known = await self._ledger.references()
        except UnavailableError:
            known = {}
        urls = [url for url in self._watchlist.references if whole or url in known]
        answers = await asyncio.gather(*(self._prober.answers(url) for url in urls))
        return [Reference(url, known.get(url), ok) for url, ok in zip(urls, answers, strict=True)]

    def _judged(self, states: Mapping[ProbeKey, ProbeState], results: Iterable[Result]) -> dict[ProbeKey, ProbeState]:
        judged = {
            result.key: verdict.judge(states[result.key], result, self._probes[result.key], self._thresholds)
            for result in results
        }
        statuses = self._statuses({**states, **judged})
        return {
            key: replace(verdict.pace(state, statuses[key.service]), version=states[key].version + 1)
            for key, state in judged.items()
        }

    def _statuses(self, states: Mapping[ProbeKey, ProbeState]) -> dict[str, Status]:
        return {
            service.name: verdict.service_status([states[p.key] for p in service.probes if p.key in states])
            for service in self._watchlist.services
        }

    def _to_confirm(self, states: Mapping[ProbeKey, ProbeState], now: datetime) -> frozenset[ProbeKey]:
        return frozenset(key for key, at in self._next_looks(states).items() if at <= now)

    def _next_looks(self, states: Mapping[ProbeKey, ProbeState]) -> dict[ProbeKey, datetime]:
        statuses = self._statuses(states)
        looks = {key: verdict.next_look(s, statuses[key.service], self._thresholds) for key, s in states.items()}
        return {key: at for key, at in looks.items() if at}

    def _fit_for_a_round(self, states: Mapping[ProbeKey, ProbeState], now: datetime) -> frozenset[ProbeKey]:
        """Choose all that was not looked at just now: two results of one moment do not confirm each other."""
        fresh = min(self._thresholds.confirm_interval, self._thresholds.check_interval) / 2
        return frozenset(
            key
            for key, state in states.items()
            if state.checked_at is None or not timedelta() <= now - state.checked_at < fresh
        )

    async def _keep(self, look: Look) -> bool:
        self._backlog.append(look)
        try:
            await self._ledger.keep(self._backlog)
        except UnavailableError:
            self._shorten_backlog()
            return False
        self._backlog.clear()
        return True

    def _shorten_backlog(self) -> None:
        if len(self._backlog) > LONGEST_BACKLOG:
            log.error("results.lost", looks=len(self._backlog) - LONGEST_BACKLOG, first=self._backlog[0].at)
            del self._backlog[:-LONGEST_BACKLOG]

    def _tell_blindness(self, blind: str | None, *, whole: bool) -> None:
        """Tell once after three blind rounds, and once when we see again."""
        if blind is None:
            if self._blind_rounds >= BLIND_ROUNDS_TOLD:
                log.info("watch.sees_again", blind_rounds=self._blind_rounds)
            self._blind_rounds = 0
        elif whole:
            self._blind_rounds += 1
            if self._blind_rounds == BLIND_ROUNDS_TOLD:
                log.error("watch.blind", reason=blind, rounds=self._blind_rounds)

    def _report(
        self, results: Sequence[Result], blind: str | None, *, left: frozenset[ProbeKey], whole: bool, kept: bool
    ) -> Report:
        """Sum up; what was left to another replica, which is looking at it, is asked for again after a while."""
        states = self._memory
        later = self._now() + self._thresholds.confirm_interval
        next_looks = {key: max(at, later) if key in left else at for key, at in self._next_looks(states).items()}
        wrong = {key: verdict.trouble(state, self._probes[key]) for key, state in states.items()}
        return Report(
            whole=whole,
            looked_at=len(results),
            states=states,
            troubles=tuple(trouble for trouble in wrong.values() if trouble),
            well={
                key: state.since
                for key, state in states.items()
                if wrong[key] is None and state.since and state.settled is not Status.UNKNOWN
            },
            blind=blind,
            kept=kept,
            next_at=min(next_looks.values(), default=None),
        )


def _without_doubtful(results: list[Result], blind: str | None, spoilt: str | None) -> list[Result]:
    """Turn failures into *unknown* where it is we who failed: all when blind, those without an answer when spoilt."""
    reason = blind or spoilt
    if reason is None:
        return results
    return [
        replace(result, outcome=Outcome.UNKNOWN, detail=f"{reason} ({result.detail})"[:300])
        if result.outcome is Outcome.FAILED and (blind or not result.answered)
        else result
        for result in results
    ]


class Stall:
    """Measures how long this process was held up while it looked: a stalled loop or a suspended machine."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._task: asyncio.Task[None] | None = None
        self._start = (0.0, 0.0)
        self._drift = 0.0

    async def __aenter__(self) -> None:
        self._start = (time.time(), time.monotonic())
        self._task = asyncio.create_task(self._measure())

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
        wall, steady = self._start
        self._drift = (time.time() - wall) - (time.monotonic() - steady)

    async def _measure(self) -> None:
        while True:
            start = time.monotonic()
            await asyncio.sleep(_STALL_STEP)
            self._longest = max(self._longest, time.monotonic() - start - _STALL_STEP)

    def spoilt(self, timeout: timedelta) -> str | None:
        """Say what spoilt the look, where it took more than half of a probe's time."""
        limit = timeout.total_seconds() / 2
        if self._longest > limit:
            return f"our own side: this process stood still for {self._longest:.1f} s"
        if self._drift > limit:
            return f"our own side: the machine was suspended for {self._drift:.0f} s"
        return None
