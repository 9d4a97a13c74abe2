"""Deliveries on both databases: none lost, none worked on twice at once, none that ended begun again, no poison."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from store.conftest import NOW

from devops_daemon.adapters.store.arrivals import LARGEST_AT_ONCE, LARGEST_GROUP
from devops_daemon.adapters.store.db import Database, SqliteDatabase, T, Unit
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.inbox import BATCH, MOST_BYTES, InboxRows
from devops_daemon.adapters.store.schema import delivery
from devops_daemon.adapters.store.switches import SwitchRows
from devops_daemon.inbox import Arrival, Claim, DeliveryRow, DeliveryState, InboxFigures, Receipt, Sorted
from devops_daemon.ports import PAUSED, LostRaceError, UnavailableError

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
LEASE = timedelta(hours=1)
LAPSED = timedelta(seconds=-1)
"""A lease that has passed when it begins: that of somebody who died."""
End = Callable[[Claim, str, datetime], Awaitable[None]]
BODY = '{"action": "created", "comment": {"body": "@devops status ½ 🐢"}}'.encode()


def an_arrival(guid: str = "g1", *, at: datetime = NOW, body: bytes = BODY, form: bool = False) -> Arrival:
    return Arrival(guid, "issue_comment", body, form, at)


def as_pending(guid: str, subject: str | None = None) -> Sorted:
    return Sorted(guid, DeliveryState.PENDING, subject or f"issue:{guid}")


async def pending(rows: InboxRows, *guids: str, subject: str | None = None) -> None:
    """Keep and sort deliveries, a second apart."""
    for place, guid in enumerate(guids):
        await rows.keep(an_arrival(guid, at=NOW + place * SECOND))
    await rows.sort([as_pending(guid, subject) for guid in guids], NOW)


async def claimed(rows: InboxRows, *, lease: timedelta = LEASE, now: datetime = NOW + MINUTE) -> Claim:
    claim = await rows.claim("me", lease, now)
    assert claim is not None
    return claim


async def failed(rows: InboxRows, guid: str = "g1") -> None:
    await pending(rows, guid)
    await rows.give_up(await claimed(rows), "KeyError", NOW + MINUTE)


async def row_of(rows: InboxRows, guid: str = "g1") -> DeliveryRow:
    return next(row for row in await rows.listed(1000) if row.guid == guid)


async def bodies(store: Database) -> dict[str, bytes | None]:
    def read(connection: sa.Connection) -> dict[str, bytes | None]:
        return {row.guid: row.body for row in connection.execute(sa.select(delivery))}

    return await store.read(read)


# What comes is kept


@pytest.mark.parametrize(
    "arrival",
    [
        an_arrival(),
        an_arrival(body=b""),
        an_arrival(body=bytes(range(256)), form=True),
        an_arrival(body=b"x" * (LARGEST_AT_ONCE + 1)),
    ],
    ids=["json", "empty", "bytes", "large"],
)
async def test_a_delivery_is_read_as_it_came(store: Database, arrival: Arrival) -> None:
    rows = InboxRows(store)
    assert await rows.keep(arrival) is Receipt.ACCEPTED
    assert await rows.unread(10) == [arrival]
    assert await row_of(rows) == DeliveryRow("g1", "issue_comment", DeliveryState.RECEIVED, 0, NOW)


async def test_a_thousand_that_come_at_once_are_kept_by_few_transactions(store: Database, second: Database) -> None:
    counting = Counting(store)
    replicas = InboxRows(counting), InboxRows(second)
    many = [an_arrival(f"{number:04}", at=NOW + number * SECOND) for number in range(1000)]
    receipts = await asyncio.gather(*(replicas[number % 2].keep(one) for number, one in enumerate(many)))
    assert set(receipts) == {Receipt.ACCEPTED}
    assert await replicas[0].unread(2000) == many
    assert counting.writes <= 500 / LARGEST_GROUP + 2


async def test_what_comes_while_a_write_is_in_progress_goes_with_the_next(store: Database) -> None:
    counting = Counting(store)
    rows = InboxRows(counting)
    first = [asyncio.create_task(rows.keep(an_arrival(f"a{number}"))) for number in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [asyncio.create_task(rows.keep(an_arrival(f"b{number}"))) for number in range(10)]
    await asyncio.gather(*first, *later)
    assert counting.writes == 2
    assert len(await rows.unread(100)) == 20


async def test_the_same_delivery_at_once_by_two_hooks_is_kept_once(store: Database, second: Database) -> None:
    one, two = InboxRows(store), InboxRows(second)
    kept = [rows.keep(an_arrival(guid)) for rows in (one, two, one) for guid in ("g1", "g2", "g1")]
    assert set(await asyncio.gather(*kept)) == {Receipt.ACCEPTED}
    assert [arrival.guid for arrival in await one.unread(10)] == ["g1", "g2"]


async def test_two_replicas_that_get_the_same_in_other_order_do_not_wait_for_each_other(
    store: Database, second: Database
) -> None:
    guids = [f"{number:03}" for number in range(200)]
    for _ in range(3):
        one, two = InboxRows(store), InboxRows(second)
        await asyncio.gather(
            *(one.keep(an_arrival(guid)) for guid in guids), *(two.keep(an_arrival(guid)) for guid in reversed(guids))
        )
    assert [arrival.guid for arrival in await InboxRows(store).unread(1000)] == guids


async def test_one_that_is_still_to_be_done_is_accepted_and_stays_as_it_is(store: Database) -> None:
    rows = InboxRows(store)
    other = an_arrival(body=b"another body", at=NOW + DAY)
    await rows.keep(an_arrival())
    assert await rows.keep(other) is Receipt.ACCEPTED
    await rows.sort([as_pending("g1")], NOW)
    assert await rows.keep(other) is Receipt.ACCEPTED
    claim = await claimed(rows)
    assert await rows.keep(other) is Receipt.ACCEPTED
    assert claim.arrival == an_arrival()
    await rows.finish(claim, None, NOW)


async def test_one_that_is_finished_is_a_duplicate_and_is_not_begun_again(store: Database) -> None:
    rows = InboxRows(store)
    await pending(rows, "g1")
    await rows.finish(await claimed(rows), "answered", NOW + MINUTE)
    receipts = await asyncio.gather(*(rows.keep(an_arrival(guid)) for guid in ("new", "g1", "new-too")))
    assert receipts == [Receipt.ACCEPTED, Receipt.DUPLICATE, Receipt.ACCEPTED]
    assert [arrival.guid for arrival in await rows.unread(10)] == ["new", "new-too"]
    assert await rows.claim("me", LEASE, NOW + DAY) is None


async def test_one_that_had_nothing_to_do_is_a_duplicate_too(store: Database) -> None:
    rows = InboxRows(store)
    await rows.keep(an_arrival())
    await rows.sort([Sorted("g1", DeliveryState.DONE, note="nothing waits for it")], NOW)
    assert await rows.keep(an_arrival()) is Receipt.DUPLICATE


async def test_one_that_comes_with_nothing_to_do_is_finished_at_once_among_others_that_are_not(store: Database) -> None:
    rows = InboxRows(store)
    of_no_use = rows.keep(an_arrival("g2"), "nothing waits for it")
    receipts = await asyncio.gather(rows.keep(an_arrival("g1")), of_no_use, rows.keep(an_arrival("g3")))
    assert set(receipts) == {Receipt.ACCEPTED}
    assert [arrival.guid for arrival in await rows.unread(10)] == ["g1", "g3"]
    row = await row_of(rows, "g2")
    assert (row.state, row.note, row.ended_at) == (DeliveryState.DONE, "nothing waits for it", NOW)
    assert await rows.keep(an_arrival("g2"), "nothing waits for it") is Receipt.DUPLICATE


async def test_one_that_is_to_be_done_stays_so_whatever_it_comes_with_again(store: Database) -> None:
    rows = InboxRows(store)
    await rows.keep(an_arrival())
    assert await rows.keep(an_arrival(), "nothing waits for it") is Receipt.ACCEPTED
    assert await rows.unread(10) == [an_arrival()]


async def test_one_that_failed_is_received_anew_when_it_is_delivered_again(store: Database) -> None:
    rows = InboxRows(store)
    await failed(rows)
    again = an_arrival(at=NOW + DAY, form=True, body=b"payload=%7B%7D")
    assert await rows.keep(again) is Receipt.ACCEPTED
    assert await rows.unread(10) == [again]
    row = await row_of(rows)
    assert (row.state, row.attempts, row.ended_at, row.note) == (DeliveryState.RECEIVED, 0, None, None)


# The store fails


class Counting:
    """A store that counts what is written, and fails where a test wants it to."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self.problem: str | None = None
        self.writes = 0
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, unit: Unit[T]) -> T:
        self.writes += 1
        await self.gate.wait()
        if self.error:
            raise self.error
        return await self._store.write(unit)

    async def read(self, unit: Unit[T]) -> T:
        return await self._store.read(unit)

    async def open(self) -> None: ...

    async def tidy(self) -> None: ...

    async def close(self) -> None: ...


async def test_where_the_store_fails_all_of_the_group_are_told_and_the_next_are_kept(sqlite: Database) -> None:
    counting = Counting(sqlite)
    rows = InboxRows(counting)
    counting.error = UnavailableError("the store cannot be used: disk full")
    outcomes = await asyncio.gather(*(rows.keep(an_arrival(f"{n}")) for n in range(20)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == 20 * [UnavailableError]
    counting.error = None
    assert await rows.keep(an_arrival("after")) is Receipt.ACCEPTED
    assert [arrival.guid for arrival in await rows.unread(100)] == ["after"]


async def test_a_locked_file_is_told_to_all_who_deliver(tmp_path: Path) -> None:
    store = SqliteDatabase(tmp_path / "a.db")
    await store.open()
    rows = InboxRows(store)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("begin immediate")
    outcomes = await asyncio.gather(*(rows.keep(an_arrival(f"{n}")) for n in range(5)), return_exceptions=True)
    other.execute("rollback")
    other.close()
    assert [type(outcome) for outcome in outcomes] == 5 * [UnavailableError]
    assert await rows.keep(an_arrival()) is Receipt.ACCEPTED
    await store.close()
    with pytest.raises(UnavailableError, match="closed"):
        await rows.keep(an_arrival("late"))


async def test_who_waits_no_longer_holds_up_nobody_and_nothing_is_held_for_them(sqlite: Database) -> None:
    counting = Counting(sqlite)
    rows = InboxRows(counting)
    counting.gate.clear()
    stalled = asyncio.create_task(rows.keep(an_arrival("stalled")))
    await asyncio.sleep(0.01)
    waiting = [asyncio.create_task(rows.keep(an_arrival(guid))) for guid in ("gone", "stays")]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    stalled.cancel()
    await asyncio.sleep(0.01)
    counting.gate.set()
    assert await waiting[1] is Receipt.ACCEPTED
    assert {arrival.guid for arrival in await rows.unread(10)} == {"stalled", "stays"}


async def test_what_was_acknowledged_is_there_after_the_process_is_gone(tmp_path: Path) -> None:
    """Another connection sees it as soon as `keep` returns: it is committed, not only handed in."""
    store = SqliteDatabase(tmp_path / "a.db")
    await store.open()
    rows = InboxRows(store)
    for number in range(20):
        await rows.keep(an_arrival(f"{number:02}"))
        with sqlite3.connect(tmp_path / "a.db") as other:
            assert other.execute("select count(*) from delivery").fetchone() == (number + 1,)
        other.close()
    await store.close()


# What is read is sorted once


async def test_the_oldest_are_read_first_and_no_more_than_asked_for(store: Database) -> None:
    rows = InboxRows(store)
    for guid, late in (("c", 3), ("a", 1), ("b", 2)):
        await rows.keep(an_arrival(guid, at=NOW + late * SECOND))
    assert [arrival.guid for arrival in await rows.unread(2)] == ["a", "b"]


async def test_large_ones_are_read_a_few_at_a_time(store: Database) -> None:
    rows = InboxRows(store)
    for guid in "abcd":
        await rows.keep(an_arrival(guid, body=(MOST_BYTES * 2 // 5) * guid.encode()))
    assert [arrival.guid for arrival in await rows.unread(10)] == ["a", "b", "c"]


async def test_what_reading_comes_to_is_written(store: Database) -> None:
    rows = InboxRows(store)
    for guid in ("work", "none", "poor"):
        await rows.keep(an_arrival(guid))
    read = [
        Sorted("work", DeliveryState.PENDING, subject="issue:7"),
        Sorted("none", DeliveryState.DONE, note="nothing waits for ping"),
        Sorted("poor", DeliveryState.FAILED, note="the body is not JSON"),
    ]
    await rows.sort(read, NOW + MINUTE)
    assert await rows.unread(10) == []
    bare = DeliveryRow("", "issue_comment", DeliveryState.PENDING, 0, NOW)
    assert {row.guid: row for row in await rows.listed(10)} == {
        "work": replace(bare, guid="work", subject="issue:7"),
        "none": replace(
            bare, guid="none", state=DeliveryState.DONE, note="nothing waits for ping", ended_at=NOW + MINUTE
        ),
        "poor": replace(
            bare, guid="poor", state=DeliveryState.FAILED, note="the body is not JSON", ended_at=NOW + MINUTE
        ),
    }
    kept = await bodies(store)
    assert [kept[guid] is None for guid in ("work", "none", "poor")] == [False, True, False]


@pytest.mark.parametrize("state", [DeliveryState.PENDING, DeliveryState.DONE, DeliveryState.FAILED])
async def test_what_another_replica_has_sorted_stays_as_it_is(store: Database, state: DeliveryState) -> None:
    rows = InboxRows(store)
    await pending(rows, "g1", subject="issue:7")
    await rows.sort([Sorted("g1", state, subject="another", note="late")], NOW)
    assert await row_of(rows) == DeliveryRow("g1", "issue_comment", DeliveryState.PENDING, 0, NOW, subject="issue:7")


async def test_one_without_a_subject_is_a_subject_of_its_own(store: Database) -> None:
    rows = InboxRows(store)
    for guid in ("a", "b"):
        await rows.keep(an_arrival(guid))
    await rows.sort([Sorted(guid, DeliveryState.PENDING) for guid in ("a", "b")], NOW)
    assert [(await claimed(rows)).subject for _ in range(2)] == ["a", "b"]


@pytest.mark.parametrize("state", [DeliveryState.RECEIVED, DeliveryState.CLAIMED])
async def test_what_reading_cannot_come_to_is_refused(store: Database, state: DeliveryState) -> None:
    rows = InboxRows(store)
    await rows.keep(an_arrival())
    with pytest.raises(ValueError, match=state):
        await rows.sort([Sorted("g1", state)], NOW)


# A claim is one's alone


async def test_a_claim_brings_the_delivery_and_counts(store: Database) -> None:
    rows = InboxRows(store)
    await pending(rows, "g1", subject="issue:7")
    assert await rows.claim("me", LEASE, NOW + MINUTE) == Claim(an_arrival(), "issue:7", attempts=1, fence=1)
    assert (await row_of(rows)).state is DeliveryState.CLAIMED
    assert await rows.claim("you", LEASE, NOW + MINUTE) is None


async def test_what_nobody_has_sorted_or_is_not_due_is_not_claimed(store: Database) -> None:
    rows = InboxRows(store)
    await rows.keep(an_arrival())
    assert await rows.claim("me", LEASE, NOW + DAY) is None
    await rows.sort([as_pending("g1")], NOW)
    assert await rows.claim("me", LEASE, NOW - SECOND) is None
    assert await rows.claim("me", LEASE, NOW) is not None


async def test_what_has_been_due_for_longest_is_claimed_first(store: Database) -> None:
    rows = InboxRows(store)
    await pending(rows, "a", "b", "c")
    first = await claimed(rows)
    await rows.put_back(first, "timed out", NOW + 5 * SECOND)
    assert [(await claimed(rows)).arrival.guid for _ in range(3)] == ["b", "c", "a"]


async def test_one_of_a_subject_is_claimed_at_a_time_and_others_go_on(store: Database, second: Database) -> None:
    rows, other = InboxRows(store), InboxRows(second)
    await pending(rows, "a1", "a2", subject="issue:1")
    await pending(rows, "b1", subject="issue:2")
    taken = [await claimed(rows), await claimed(other)]
    assert {claim.subject for claim in taken} == {"issue:1", "issue:2"}
    assert await other.claim("you", LEASE, NOW + MINUTE) is None
    await rows.finish(next(claim for claim in taken if claim.subject == "issue:1"), None, NOW)
    assert (await claimed(other)).arrival.guid == "a2"


async def test_one_that_waits_for_its_next_attempt_holds_up_nobody(store: Database) -> None:
    rows = InboxRows(store)
    await pending(rows, "poison", "well", subject="issue:1")
    await rows.put_back(await claimed(rows), "KeyError", NOW + DAY)
    assert (await claimed(rows)).arrival.guid == "well"


async def test_one_that_kills_whoever_claims_it_holds_up_nobody_of_another_subject(store: Database) -> None:
    rows = InboxRows(store)
    await pending(rows, "poison", "a", "b")
    assert [(await claimed(rows)).arrival.guid for _ in range(3)] == ["poison", "a", "b"]


async def test_a_claim_whose_lease_has_passed_is_another_s(store: Database, second: Database) -> None:
    rows, other = InboxRows(store), InboxRows(second)
    await pending(rows, "g1", "g2", subject="issue:1")
    dead = await claimed(rows, lease=LAPSED)
    again = await claimed(other)
    assert (again.arrival, again.attempts, again.fence) == (dead.arrival, 2, 2)
    for late in (
        rows.renew(dead, LEASE, NOW),
        rows.finish(dead, None, NOW),
        rows.put_back(dead, "late", NOW),
        rows.give_up(dead, "late", NOW),
    ):
        with pytest.raises(LostRaceError):
            await late
    row = await row_of(rows)
    assert (row.state, row.note, row.attempts) == (DeliveryState.CLAIMED, None, 2)
    await other.finish(again, "done", NOW)


async def test_a_lease_that_is_renewed_goes_on(store: Database) -> None:
    rows = InboxRows(store)
    await pending(rows, "g1")
    claim = await claimed(rows, lease=LAPSED)
    await rows.renew(claim, LEASE, NOW + MINUTE)
    assert await rows.claim("you", LEASE, NOW + MINUTE) is None
    await rows.finish(claim, None, NOW)


async def test_a_lease_runs_by_the_database_s_clock_where_replicas_share_it(store: Database, second: Database) -> None:
    """A replica whose clock is a day ahead takes nothing from one that lives; SQLite has one process only."""
    rows, hasty = InboxRows(store), InboxRows(second)
    await pending(rows, "g1")
    await rows.claim("me", MINUTE, NOW)
    taken = await hasty.claim("you", MINUTE, NOW + DAY)
    assert (taken is None) is (not isinstance(store, SqliteDatabase))


@pytest.mark.parametrize("ending", ["finish", "give_up", "put_back"])
async def test_a_claim_ends_once(store: Database, ending: str) -> None:
    rows = InboxRows(store)
    await pending(rows, "g1")
    claim = await claimed(rows)
    ends: dict[str, End] = {"finish": rows.finish, "give_up": rows.give_up, "put_back": rows.put_back}
    await ends[ending](claim, "first", NOW)
    before = await row_of(rows)
    for end in ends.values():
        with pytest.raises(LostRaceError):
            await end(claim, "second", NOW + DAY)
    with pytest.raises(LostRaceError):
        await rows.renew(claim, LEASE, NOW)
    assert await row_of(rows) == before


async def test_an_end_is_written_and_the_body_goes_with_success_only(store: Database) -> None:
    rows = InboxRows(store)
    await pending(rows, "well", "ill")
    await rows.finish(await claimed(rows), "answered", NOW + MINUTE)
    await rows.give_up(await claimed(rows), "KeyError", NOW + 2 * MINUTE)
    row = DeliveryRow("well", "issue_comment", DeliveryState.DONE, 1, NOW, NOW + MINUTE, "issue:well", "answered")
    assert await row_of(rows, "well") == row
    row = DeliveryRow(
        "ill", "issue_comment", DeliveryState.FAILED, 1, NOW + SECOND, NOW + 2 * MINUTE, "issue:ill", "KeyError"
    )
    assert await row_of(rows, "ill") == row
    kept = await bodies(store)
    assert (kept["well"], kept["ill"] is None) == (None, False)


async def test_an_attempt_that_never_was_does_not_count(store: Database) -> None:
    rows = InboxRows(store)
    await pending(rows, "g1")
    await rows.put_back(await claimed(rows), "the daemon was stopped", NOW, counted=False)
    assert (await row_of(rows)).attempts == 0
    claim = await claimed(rows)
    assert (claim.attempts, claim.fence) == (1, 2)


async def test_what_the_dead_of_the_same_name_held_is_free_at_once(store: Database) -> None:
    rows = InboxRows(store)
    await pending(rows, "a", "b")
    dead = await rows.claim("me", LEASE, NOW + MINUTE)
    alive = await rows.claim("you", LEASE, NOW + MINUTE)
    assert dead is not None
    assert alive is not None
    await rows.let_go("me", NOW + MINUTE)
    again = await claimed(rows)
    assert (again.arrival, again.attempts) == (dead.arrival, 2)
    with pytest.raises(LostRaceError):
        await rows.finish(dead, None, NOW)
    await rows.finish(alive, None, NOW)


async def test_when_the_next_can_be_claimed_is_told(store: Database) -> None:
    rows = InboxRows(store)
    assert await rows.next_due() is None
    await pending(rows, "a", "b", subject="issue:1")
    assert await rows.next_due() == NOW
    claim = await claimed(rows)
    ends = await rows.next_due()
    assert ends is not None
    assert ends > NOW + MINUTE, "the other of its subject waits for its end, at the latest that of its lease"
    await rows.put_back(claim, "timed out", NOW + DAY)
    assert await rows.next_due() == NOW + SECOND


async def test_replicas_that_claim_at_once_never_hold_the_same_nor_two_of_a_subject(
    store: Database, second: Database
) -> None:
    replicas = InboxRows(store), InboxRows(second)
    guids = [f"{number:02}" for number in range(60)]
    await asyncio.gather(*(replicas[0].keep(an_arrival(guid)) for guid in guids))
    await replicas[0].sort([as_pending(guid, f"issue:{int(guid) % 7}") for guid in guids], NOW)
    held: dict[str, str] = {}
    worked: list[str] = []

    async def work(rows: InboxRows, owner: str) -> None:
        while len(worked) < len(guids):
            claim = await rows.claim(owner, LEASE, NOW + DAY)
            if claim is None:
                await asyncio.sleep(0.005)
                continue
            assert claim.subject not in held, "two of a subject at once"
            held[claim.subject] = claim.arrival.guid
            await asyncio.sleep(0)
            worked.append(claim.arrival.guid)
            del held[claim.subject]
            await rows.finish(claim, None, NOW)

    await asyncio.gather(*(work(rows, f"{place}") for rows in replicas for place in range(4)))
    assert sorted(worked) == guids, "each once"


# What people see and do


async def test_one_that_failed_is_received_anew_by_a_replay(store: Database) -> None:
    rows = InboxRows(store)
    await failed(rows)
    before = await row_of(rows)
    assert await rows.replay("g1", NOW + DAY) == before
    assert before.state is DeliveryState.FAILED
    after = await row_of(rows)
    assert (after.state, after.attempts, after.ended_at, after.note) == (DeliveryState.RECEIVED, 0, None, None)
    assert [arrival.body for arrival in await rows.unread(10)] == [BODY]
    await rows.sort([as_pending("g1")], NOW + DAY)
    assert (await claimed(rows, now=NOW + DAY)).fence == 2


async def test_nothing_else_is_replayed(store: Database) -> None:
    rows = InboxRows(store)
    assert await rows.replay("nowhere", NOW) is None
    await rows.keep(an_arrival())
    seen = [await rows.replay("g1", NOW)]
    await rows.sort([as_pending("g1")], NOW)
    seen.append(await rows.replay("g1", NOW))
    claim = await claimed(rows)
    seen.append(await rows.replay("g1", NOW))
    await rows.finish(claim, None, NOW)
    seen.append(await rows.replay("g1", NOW))
    assert [row.state for row in seen if row] == ["received", "pending", "claimed", "done"]
    assert (await row_of(rows)).state is DeliveryState.DONE


async def test_what_wants_somebody_is_listed_first_then_the_latest_others(store: Database) -> None:
    rows = InboxRows(store)
    await pending(rows, "failed", "done-1", "done-2", "done-3", "pending")
    for _ in range(4):
        claim = await claimed(rows)
        end = rows.give_up if claim.arrival.guid == "failed" else rows.finish
        await end(claim, "so", NOW)
    assert [row.guid for row in await rows.listed(4)] == ["pending", "failed", "done-3", "done-2"]
    assert [row.guid for row in await rows.listed(1)] == ["pending"]


async def test_figures_count_what_is_to_be_done_and_how_long_the_oldest_has_been_due(store: Database) -> None:
    rows = InboxRows(store)
    assert await rows.figures(NOW) == InboxFigures()
    await pending(rows, "waits", "ends", "fails", "held")
    await rows.keep(an_arrival("received", at=NOW + 5 * MINUTE))
    claims = {claim.arrival.guid: claim for claim in [await claimed(rows) for _ in range(4)]}
    await rows.finish(claims["ends"], None, NOW)
    await rows.give_up(claims["fails"], "KeyError", NOW)
    await rows.put_back(claims["waits"], "timed out", NOW + DAY)
    assert await rows.figures(NOW + 10 * MINUTE) == InboxFigures(3, 1, 10 * MINUTE - 3 * SECOND)
    await rows.finish(claims["held"], None, NOW)
    assert await rows.figures(NOW + 10 * MINUTE) == InboxFigures(2, 1, 5 * MINUTE)
    assert await rows.figures(NOW) == InboxFigures(2, 1, timedelta())


async def test_the_pages_read_the_figures_and_whether_it_is_paused(store: Database) -> None:
    history = HistoryRows(store, 5 * MINUTE)
    before = await history.overview(NOW)
    assert (before.inbox, before.paused) == (InboxFigures(), None)
    await InboxRows(store).keep(an_arrival())
    switch = await SwitchRows(store).turn_on(PAUSED, "maría", NOW)
    after = await history.overview(NOW + MINUTE)
    assert (after.inbox, after.paused) == (InboxFigures(1, 0, MINUTE), switch)


async def test_what_came_and_is_not_given_up_is_known(store: Database) -> None:
    rows = InboxRows(store)
    await failed(rows, "failed")
    await pending(rows, "done")
    await rows.finish(await claimed(rows), None, NOW)
    await rows.keep(an_arrival("received"))
    assert await rows.known(["failed", "done", "received", "nowhere"]) == {"done", "received"}
    assert await rows.known([]) == frozenset()


# What is forgotten


async def test_what_ended_long_ago_is_forgotten_and_nothing_else(store: Database) -> None:
    rows = InboxRows(store)
    await pending(rows, "done", "failed", "held", "waits")
    await rows.keep(an_arrival("received"))
    claims = {claim.arrival.guid: claim for claim in [await claimed(rows) for _ in range(4)]}
    await rows.finish(claims["done"], None, NOW + DAY)
    await rows.give_up(claims["failed"], "KeyError", NOW + DAY)
    await rows.put_back(claims["waits"], "timed out", NOW + DAY)
    left = {"done", "failed", "held", "waits", "received"}
    for days, gone in ((8, set[str]()), (10, {"done"}), (30, set[str]()), (32, {"failed"}), (4000, set[str]())):
        assert await rows.forget(NOW + days * DAY) == len(gone)
        left -= gone
        assert {row.guid for row in await rows.listed(10)} == left


async def test_much_is_forgotten_in_batches(sqlite: Database) -> None:
    counting, many = Counting(sqlite), [f"{number}" for number in range(2 * BATCH + 1)]
    rows = InboxRows(counting)
    await asyncio.gather(*(rows.keep(an_arrival(guid)) for guid in many))
    await rows.sort([Sorted(guid, DeliveryState.DONE) for guid in many], NOW)
    counting.writes = 0
    assert await rows.forget(NOW + 9 * DAY) == len(many)
    assert counting.writes == 4


async def test_the_upkeep_of_the_store_forgets_deliveries_too(store: Database) -> None:
    rows = InboxRows(store)
    await rows.keep(an_arrival())
    await rows.sort([Sorted("g1", DeliveryState.DONE)], NOW)
    assert await HistoryRows(store, 5 * MINUTE).forget(NOW + 9 * DAY) == 1
    assert await rows.listed(10) == []
