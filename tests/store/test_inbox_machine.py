"""The inbox against a model of a few lines, by whatever a machine thinks of; on SQLite, and shorter on PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from store.conftest import NOW, connect

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.inbox import InboxRows
from devops_daemon.adapters.store.schema import delivery
from devops_daemon.inbox import Arrival, Claim, DeliveryState, InboxFigures, Receipt, Sorted
from devops_daemon.ports import LostRaceError

HELD, LAPSED, MINUTE = timedelta(days=1), timedelta(seconds=-1), timedelta(minutes=1)
GUIDS = st.sampled_from([f"g{number}" for number in range(6)])
ENDED = {DeliveryState.DONE, DeliveryState.FAILED}
MOST_KEPT = 2
"""Times that something is kept before something is claimed."""
COMES_TO = st.sampled_from([*6 * [DeliveryState.PENDING], *ENDED])


def some_are(*states: DeliveryState) -> Callable[[Any], bool]:
    return lambda machine: any(known.state in states for known in machine.model.values())


@dataclass
class Modelled:
    """What is known of a delivery."""

    state: DeliveryState = DeliveryState.RECEIVED
    subject: str = ""
    attempts: int = 0
    fence: int = 0
    waits: timedelta = timedelta()
    """Until when, after the beginning."""
    lapsed: bool = False
    owner: str = ""


class InboxMachine(RuleBasedStateMachine):
    """Does what webhooks, workers and people do, in any order, and looks at each step that the rows say the same."""

    def __init__(self, run: Callable[[Awaitable[Any]], Any], store: Database) -> None:
        super().__init__()
        self.run = run
        self.rows = InboxRows(store)
        self.model: dict[str, Modelled] = {}
        self.claims: list[Claim] = []
        self.passed = timedelta()
        self.kept = 0
        self.ended: set[str] = set()
        run(store.write(lambda connection: connection.execute(delivery.delete())))

    @initialize(guids=st.lists(GUIDS, min_size=3, max_size=6, unique=True), subjects=st.data())
    def begin(self, guids: list[str], subjects: st.DataObject) -> None:
        """Begin with work to do: by itself Hypothesis would keep deliveries and hardly ever claim one."""
        self.keep(guids)
        self.sort(6 * [DeliveryState.PENDING], subjects.draw(st.sampled_from("ab")))

    @precondition(lambda self: self.kept < MOST_KEPT)
    @rule(guids=st.lists(GUIDS, min_size=2, max_size=6))
    def keep(self, guids: list[str]) -> None:
        async def all_at_once() -> list[Receipt]:
            now = NOW + self.passed
            return await asyncio.gather(*(self.rows.keep(Arrival(g, "push", g.encode(), False, now)) for g in guids))  # noqa: FBT003 # not a form

        self.kept += 1
        before = {guid: self.model.get(guid) for guid in guids}
        for guid, receipt in zip(guids, self.run(all_at_once()), strict=True):
            known = before[guid]
            done = known is not None and known.state is DeliveryState.DONE
            assert receipt is (Receipt.DUPLICATE if done else Receipt.ACCEPTED)
            if known is None or known.state is DeliveryState.FAILED:
                self.model[guid] = Modelled(fence=known.fence if known else 0, waits=self.passed)

    @precondition(some_are(DeliveryState.RECEIVED))
    @rule(comes_to=st.lists(COMES_TO, min_size=4, max_size=6), subject=st.sampled_from("ab"))
    def sort(self, comes_to: list[DeliveryState], subject: str) -> None:
        read = self.run(self.rows.unread(len(comes_to)))
        expected = [guid for guid, known in self.model.items() if known.state is DeliveryState.RECEIVED]
        assert {arrival.guid for arrival in read} <= set(expected)
        assert len(read) == min(len(expected), len(comes_to))
        assert all(arrival.body == arrival.guid.encode() for arrival in read)
        sorted_to = [Sorted(arrival.guid, state, subject) for arrival, state in zip(read, comes_to, strict=False)]
        self.run(self.rows.sort(sorted_to, NOW + self.passed))
        for one in sorted_to:
            self.model[one.guid].state, self.model[one.guid].subject = one.state, subject

    def free(self) -> dict[str, Modelled]:
        held = {known.subject for known in self.model.values() if known.state is DeliveryState.CLAIMED}
        return {
            guid: known
            for guid, known in self.model.items()
            if (known.state is DeliveryState.CLAIMED and known.lapsed)
            or (known.state is DeliveryState.PENDING and known.subject not in held and known.waits <= self.passed)
        }

    @precondition(some_are(DeliveryState.PENDING, DeliveryState.CLAIMED))
    @rule(lease=st.sampled_from([HELD, HELD, LAPSED]), owner=st.sampled_from(["me", "you"]))
    def claim(self, lease: timedelta, owner: str) -> None:
        self.kept = 0
        free = self.free()
        claim = self.run(self.rows.claim(owner, lease, NOW + self.passed))
        if claim is None:
            assert free == {}
            return
        known = free[claim.arrival.guid]
        known.state, known.lapsed, known.owner = DeliveryState.CLAIMED, lease is LAPSED, owner
        known.attempts, known.fence = known.attempts + 1, known.fence + 1
        assert (claim.attempts, claim.fence, claim.subject) == (known.attempts, known.fence, known.subject)
        assert claim.arrival.body == claim.arrival.guid.encode()
        self.claims.append(claim)

    @precondition(lambda self: self.claims)
    @rule(
        which=st.integers(0, 5),
        end=st.sampled_from(["finish", "give_up", "put_back", "uncounted", "renew"]),
        minutes=st.sampled_from([0, 2]),
    )
    def end(self, which: int, end: str, minutes: int) -> None:
        """End a claim of late, be it held still or not."""
        claim = self.claims[-1 - which % len(self.claims)]
        known, now = self.model[claim.arrival.guid], NOW + self.passed
        due = now + minutes * MINUTE
        acts = {
            "finish": lambda: self.rows.finish(claim, None, now),
            "give_up": lambda: self.rows.give_up(claim, "no", now),
            "put_back": lambda: self.rows.put_back(claim, "again", due),
            "uncounted": lambda: self.rows.put_back(claim, "again", due, counted=False),
            "renew": lambda: self.rows.renew(claim, HELD, now),
        }
        if known.state is not DeliveryState.CLAIMED or known.fence != claim.fence:
            with pytest.raises(LostRaceError):
                self.run(acts[end]())
            return
        self.run(acts[end]())
        match end:
            case "finish":
                known.state = DeliveryState.DONE
            case "give_up":
                known.state = DeliveryState.FAILED
            case "renew":
                known.lapsed = False
            case _:
                known.state, known.waits = DeliveryState.PENDING, self.passed + minutes * MINUTE
                known.attempts -= end == "uncounted"

    @precondition(some_are(DeliveryState.CLAIMED))
    @rule(owner=st.sampled_from(["me", "you"]))
    def let_go(self, owner: str) -> None:
        self.run(self.rows.let_go(owner, NOW + self.passed))
        for known in self.model.values():
            if known.state is DeliveryState.CLAIMED and known.owner == owner:
                known.state = DeliveryState.PENDING

    @precondition(some_are(*ENDED))
    @rule(guid=GUIDS)
    def replay(self, guid: str) -> None:
        before = self.run(self.rows.replay(guid, NOW + self.passed))
        known = self.model.get(guid)
        assert (before and before.state) == (known and known.state)
        if known is not None and known.state is DeliveryState.FAILED:
            self.model[guid] = Modelled(fence=known.fence, waits=self.passed, subject=known.subject)

    @precondition(lambda self: any(known.waits > self.passed for known in self.model.values()))
    @rule()
    def time_passes(self) -> None:
        self.passed += MINUTE

    @invariant()
    def the_rows_say_the_same(self) -> None:
        rows = {row.guid: row for row in self.run(self.rows.listed(100))}
        seen = {guid: (row.state, row.attempts, row.ended_at is not None) for guid, row in rows.items()}
        assert seen == {g: (known.state, known.attempts, known.state in ENDED) for g, known in self.model.items()}

    @invariant()
    def what_is_finished_stays_finished(self) -> None:
        assert all(self.model[guid].state is DeliveryState.DONE for guid in self.ended)
        self.ended |= {guid for guid, known in self.model.items() if known.state is DeliveryState.DONE}

    @invariant()
    def one_of_a_subject_is_held_at_a_time(self) -> None:
        held = [known.subject for known in self.model.values() if known.state is DeliveryState.CLAIMED]
        assert len(held) == len(set(held))

    @invariant()
    def the_figures_and_the_next_time_say_the_same(self) -> None:
        now = NOW + self.passed
        figures: InboxFigures = self.run(self.rows.figures(now))
        waiting = [known for known in self.model.values() if known.state not in ENDED]
        failed = sum(known.state is DeliveryState.FAILED for known in self.model.values())
        assert (figures.pending, figures.failed) == (len(waiting), failed)
        assert (figures.oldest_pending is None) is (not waiting)
        due = self.run(self.rows.next_due())
        if self.free() and not any(known.lapsed for known in self.free().values()):
            assert due <= now


def machine_on(address: str, runner: asyncio.Runner, *, examples: int, steps: int) -> None:
    store = connect(address)
    runner.run(store.open())
    quiet = settings(max_examples=examples, stateful_step_count=steps)
    try:
        run_state_machine_as_test(lambda: InboxMachine(runner.run, store), settings=quiet)  # type: ignore[arg-type] # Hypothesis's own
    finally:
        runner.run(store.close())


@pytest.mark.chaos
def test_whatever_is_done_on_sqlite_nothing_is_lost_or_done_twice(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        machine_on(str(tmp_path / "a.db"), runner, examples=40, steps=30)


@pytest.mark.chaos
def test_whatever_is_done_on_postgres_nothing_is_lost_or_done_twice(new_postgres: Callable[[], str]) -> None:
    with asyncio.Runner() as runner:
        machine_on(new_postgres(), runner, examples=12, steps=25)
