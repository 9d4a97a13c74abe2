"""The ledgers on both databases: claims, results, ticks, permits, incidents, and what is forgotten."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from store.conftest import NOW

from devops_daemon.adapters.store import history
from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import HealthRows
from devops_daemon.adapters.store.history import HistoryRows
from devops_daemon.adapters.store.incidents import IncidentRows
from devops_daemon.adapters.store.mending import MendingRows
from devops_daemon.adapters.store.schema import UtcTime, hourly, result
from devops_daemon.adapters.store.ticks import PermitRows, TickRows
from devops_daemon.mending import Effect, EffectState
from devops_daemon.model import (
    EventKind,
    Incident,
    IncidentStatus,
    Member,
    Outcome,
    ProbeKey,
    ProbeState,
    Result,
    Severity,
    Status,
    Symptom,
    TimelineEvent,
)
from devops_daemon.ports import Day, Dossier, Hour, Look, LostRaceError, OwnWeek, Punctuality

KEY, OTHER = ProbeKey("backend", "backend"), ProbeKey("frontend", "frontend")
LEASE = timedelta(seconds=60)
MINUTE = timedelta(minutes=1)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
INTERVAL = timedelta(minutes=5)


def found(at: datetime, outcome: Outcome = Outcome.OK, key: ProbeKey = KEY, ms: float = 40) -> Result:
    return Result(key, at, outcome, "status 200", timedelta(milliseconds=ms), answered=True)


async def count(store: Database, table: sa.Table) -> int:
    return await store.read(lambda c: c.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


FULL = ProbeState(
    key=KEY,
    settled=Status.DOWN,
    blind=True,
    since=NOW,
    failures=3,
    successes=1,
    slow=2,
    failing_since=NOW - MINUTE,
    history=".x.x",
    flapping=True,
    proven="abcd",
    repeats=4,
    detail="wrong status: 500",
    latency=timedelta(milliseconds=12.5),
    checked_at=NOW,
    version=1,
)


async def test_a_row_comes_back_as_it_was_kept(store: Database) -> None:
    rows = HealthRows(store)
    await rows.claim([KEY], NOW, LEASE)
    await rows.keep([Look((), (FULL,))])
    assert await rows.states() == [FULL]


async def test_a_probe_is_claimed_by_one_replica_until_it_is_kept(store: Database, second: Database) -> None:
    one, two = HealthRows(store), HealthRows(second)
    assert await one.claim([KEY, OTHER], NOW, LEASE) == {KEY, OTHER}
    assert await two.claim([KEY], NOW + MINUTE / 2, LEASE) == frozenset()
    await one.keep([Look((), (ProbeState(KEY, checked_at=NOW, version=1),), claimed=frozenset({KEY}))])
    assert await two.claim([KEY, OTHER], NOW + MINUTE / 2, LEASE) == {KEY}


async def test_a_claim_ends_with_its_lease(store: Database, second: Database) -> None:
    await HealthRows(store).claim([KEY], NOW, LEASE)
    assert await HealthRows(second).claim([KEY], NOW + LEASE + MINUTE, LEASE) == {KEY}


async def test_two_replicas_that_claim_at_once_share_the_probes_without_overlap(
    store: Database, second: Database
) -> None:
    keys = [ProbeKey("many", f"{number:03}") for number in range(100)]
    taken = await asyncio.gather(*(HealthRows(s).claim(keys, NOW, LEASE) for s in (store, second, store, second)))
    assert sum(len(part) for part in taken) == len(frozenset().union(*taken))
    assert frozenset().union(*taken) == frozenset(keys)


async def test_a_row_that_another_has_changed_stays_as_it_is_but_the_result_is_kept(store: Database) -> None:
    rows = HealthRows(store)
    await rows.claim([KEY], NOW, LEASE)
    await rows.keep([Look((found(NOW),), (ProbeState(KEY, failures=1, checked_at=NOW, version=1),))])
    stale = ProbeState(KEY, failures=7, checked_at=NOW, version=1)
    await rows.keep([Look((found(NOW + MINUTE),), (stale,))])
    assert [state.failures for state in await rows.states()] == [1]
    assert await count(store, result) == 2


async def test_a_result_that_is_kept_twice_is_there_once(store: Database) -> None:
    rows = HealthRows(store)
    await rows.keep([Look((found(NOW),), ()), Look((found(NOW),), ())])
    assert await count(store, result) == 1


async def test_results_are_summed_up_by_the_hour_and_the_day(store: Database) -> None:
    outcomes = (Outcome.OK, Outcome.FAILED, Outcome.DEGRADED, Outcome.UNKNOWN, Outcome.UNPROVEN)
    looks = [
        Look((found(NOW + place * MINUTE, outcome, ms=10 * (place + 1)),), ()) for place, outcome in enumerate(outcomes)
    ]
    await HealthRows(store).keep(looks)
    overview = await HistoryRows(store, INTERVAL).overview(NOW + timedelta(hours=1))
    day, hour = int(NOW.timestamp()) // 86400, int(NOW.timestamp()) // 3600
    assert overview.days == {KEY: (Day(day, ok=1, degraded=1, failed=1, unknown=2),)}
    assert overview.hours == {KEY: (Hour(hour, mean_ms=20.0, worst_ms=30.0, failed=1),)}


async def test_a_reference_is_remembered_by_its_last_answer(store: Database) -> None:
    rows = HealthRows(store)
    await rows.keep([Look((), (), ("http://a", "http://b"), NOW), Look((), (), ("http://a",), NOW + MINUTE)])
    assert await rows.references() == {"http://a": NOW + MINUTE, "http://b": NOW}


async def test_a_slot_is_taken_once_by_whoever_is_first(store: Database, second: Database) -> None:
    taken = await asyncio.gather(
        *(TickRows(s).take("round", NOW, NOW) for s in (store, second, store, second, store, second))
    )
    assert sorted(taken) == [False] * 5 + [True]
    assert await TickRows(store).take("round", NOW + INTERVAL, NOW)
    assert await TickRows(second).last("round") == NOW + INTERVAL
    assert await TickRows(second).last("audit") is None


async def test_a_permit_is_given_once_for_ever(store: Database, second: Database) -> None:
    given = await asyncio.gather(*(PermitRows(s).take("register", NOW) for s in (store, second, store)))
    assert sorted(given) == [False, False, True]
    assert not await PermitRows(second).take("register", NOW + timedelta(days=1000))


def incident(identifier: str = "261124-aaaa", key: ProbeKey = KEY, symptom: Symptom = Symptom.DOWN) -> Incident:
    return Incident(
        id=identifier,
        severity=Severity.SEV1,
        status=IncidentStatus.OPEN,
        cause=key,
        title=f"{key} is down",
        members=(Member(key, symptom, NOW), Member(ProbeKey("backend", "auth"), symptom, NOW + MINUTE)),
        opened_at=NOW,
        detected_at=NOW + MINUTE,
        version=1,
    )


OPENED = TimelineEvent(NOW, EventKind.OPENED, "SEV1: backend is down")


async def test_an_incident_comes_back_as_it_was_saved_with_its_timeline(store: Database) -> None:
    rows = IncidentRows(store)
    await rows.save(incident(), [OPENED])
    assert await rows.current(NEVER) == [incident()]
    assert await HistoryRows(store, INTERVAL).incident("261124-aaaa") == Dossier(incident(), [OPENED], [], [])
    assert await HistoryRows(store, INTERVAL).incident("none") is None


async def test_an_incident_moves_by_compare_and_set(store: Database, second: Database) -> None:
    await IncidentRows(store).save(incident(), [OPENED])
    raised = replace(incident(), severity=Severity.SEV2, version=2)
    saves = [IncidentRows(s).save(raised, []) for s in (store, second)]
    outcomes = await asyncio.gather(*saves, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LostRaceError", "NoneType"]
    assert await IncidentRows(store).current(NEVER) == [raised]


async def test_a_probe_is_in_one_open_outage_only(store: Database, second: Database) -> None:
    saves = [
        IncidentRows(s).save(incident(f"261124-{letter * 4}"), [OPENED]) for s, letter in ((store, "a"), (second, "b"))
    ]
    outcomes = await asyncio.gather(*saves, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LostRaceError", "NoneType"]
    open_now = await IncidentRows(store).current(NEVER)
    assert len(open_now) == 1
    assert (await HistoryRows(store, INTERVAL).incident(open_now[0].id)) == Dossier(open_now[0], [OPENED], [], [])


async def test_a_lesser_incident_of_the_same_probe_may_be_open_beside_an_outage(store: Database) -> None:
    await IncidentRows(store).save(incident("261124-slow", symptom=Symptom.DEGRADED), [])
    await IncidentRows(store).save(incident("261124-down"), [])
    assert len(await IncidentRows(store).current(NEVER)) == 2


async def test_an_outage_that_another_replica_has_seen_to_its_end_is_not_opened_again(store: Database) -> None:
    rows = HealthRows(store)
    await rows.keep([Look((), (ProbeState(KEY, settled=Status.UP, checked_at=NOW, version=1),))])
    with pytest.raises(LostRaceError, match="well again"):
        await IncidentRows(store).save(incident(), [OPENED])
    assert await IncidentRows(store).current(NEVER) == []


async def test_a_new_outage_may_open_once_the_last_is_resolved(store: Database) -> None:
    rows = IncidentRows(store)
    await rows.save(incident("261124-aaaa"), [])
    with pytest.raises(LostRaceError):
        await rows.save(incident("261124-bbbb"), [])
    ended = replace(incident("261124-aaaa"), status=IncidentStatus.RESOLVED, resolved_at=NOW + INTERVAL, version=2)
    await rows.save(ended, [])
    await rows.save(incident("261124-bbbb"), [])
    overview = await HistoryRows(store, INTERVAL).overview(NOW + INTERVAL)
    assert {i.id: i.status for i in overview.incidents} == {
        "261124-aaaa": IncidentStatus.RESOLVED,
        "261124-bbbb": IncidentStatus.OPEN,
    }


async def test_punctuality_counts_slots_that_were_missed(store: Database) -> None:
    ticks = TickRows(store)
    for slot, late in ((0, 0.25), (1, 0.5), (4, 42.0)):
        await ticks.take("round", NOW + slot * INTERVAL, NOW + slot * INTERVAL + timedelta(seconds=late))
        await ticks.begin("round", NOW + slot * INTERVAL, NOW + slot * INTERVAL + timedelta(seconds=late))
    await ticks.take("round", NOW + 3 * INTERVAL, NOW + 3 * INTERVAL)  # taken, and never begun
    overview = await HistoryRows(store, INTERVAL).overview(NOW + 4 * INTERVAL + MINUTE)
    gap = 3 * INTERVAL + timedelta(seconds=41.5)
    assert overview.punctuality == Punctuality(5, 3, worst_lateness=timedelta(seconds=42), longest_gap=gap)


async def test_how_the_daemon_did_its_own_work_in_a_week_is_read(store: Database) -> None:
    rows, ticks, history = MendingRows(store), TickRows(store), HistoryRows(store, INTERVAL)
    assert await history.own_week(NOW) == OwnWeek(Punctuality(0, 0, timedelta()), untold=[])
    for days in (8, 6, 0):
        slot = NOW - timedelta(days=days)
        await ticks.take("round", slot, slot)
        await ticks.begin("round", slot, slot)
    await IncidentRows(store).save(incident(), [OPENED])
    told = Effect(incident().id, "notice:opened:0", EffectState.DONE, NOW, NOW, done_at=NOW - MINUTE)
    called = replace(told, name="comment:escalated", done_at=NOW)
    issue = replace(told, name="issue", done_at=NOW + MINUTE)
    failed = Effect(incident().id, "notice:opened:1", EffectState.GIVEN_UP, NOW, NOW, error="404")
    waiting = replace(failed, name="notice:opened:2", state=EffectState.STARTED, error=None)
    old = replace(failed, name="notice:opened:3", started_at=NOW - timedelta(days=8))
    for each in (told, called, issue, failed, waiting, old):
        await rows.tell(each)
    week = await history.own_week(NOW)
    assert (week.punctuality.due, week.punctuality.run) == (6 * 288 + 1, 2)
    assert week.punctuality.longest_gap == timedelta(days=6)
    assert [each.name for each in week.untold] == ["notice:opened:1"]
    assert week.notice_at == NOW


async def test_what_has_been_kept_long_enough_is_forgotten_and_the_rest_is_not(store: Database) -> None:
    now = NOW + timedelta(days=401)
    rows, ages = HealthRows(store), (401, 91, 89, 9, 7, 0)
    for age in ages:
        await rows.claim([KEY], now, LEASE)
        await rows.keep([Look((found(now - timedelta(days=age)),), ())])
        await TickRows(store).take("round", now - timedelta(days=age), now)
    await rows.claim([KEY], now + INTERVAL, LEASE)
    down = ProbeState(KEY, settled=Status.DOWN, checked_at=now, version=99)
    await rows.keep([Look((), (down,))])
    old = replace(incident(), status=IncidentStatus.RESOLVED, resolved_at=NOW, version=1)
    await IncidentRows(store).save(old, [OPENED])
    await IncidentRows(store).save(incident("261124-open"), [OPENED])
    deleted = await HistoryRows(store, INTERVAL).forget(now)
    assert [await count(store, result), await count(store, hourly)] == [2, 4]
    assert await HistoryRows(store, INTERVAL).incident("261124-aaaa") is None
    assert await HistoryRows(store, INTERVAL).incident("261124-open") is not None
    assert deleted == (len(ages) - 2) + (len(ages) - 4) + (len(ages) - 4) + 1
    assert await HistoryRows(store, INTERVAL).forget(now) == 0


async def test_much_is_forgotten_in_batches_and_the_file_shrinks(sqlite: Database) -> None:
    rows = HealthRows(sqlite)
    await rows.claim([KEY], NOW, LEASE)
    many = tuple(found(NOW + timedelta(seconds=second)) for second in range(5 * history.BATCH))
    await rows.keep([Look(many, (ProbeState(KEY, checked_at=NOW + timedelta(days=30), version=1),))])

    def pages(connection: sa.Connection) -> int:
        return int(connection.exec_driver_sql("pragma page_count").scalar_one())

    before = await sqlite.read(pages)
    assert await HistoryRows(sqlite, INTERVAL).forget(NOW + timedelta(days=30)) >= 5 * history.BATCH
    assert await sqlite.read(pages) < before * 0.6  # the empty tables have their pages too


@pytest.mark.parametrize("at", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 24, 23, 59, 59, 999999, UTC)])
def test_a_time_survives_sqlite_to_the_microsecond(at: datetime) -> None:
    engine = sa.create_engine("sqlite://")
    table = sa.Table("t", sa.MetaData(), sa.Column("at", UtcTime))
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(sa.insert(table), {"at": at})
        assert connection.execute(sa.select(table.c.at)).scalar() == at
    engine.dispose()


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        UtcTime().process_bind_param(datetime(2026, 1, 1), sa.create_engine("sqlite://").dialect)  # noqa: DTZ001 # the point
