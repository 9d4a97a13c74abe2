"""Rows of deployments on both databases: whole, first moments kept, found again, forgotten."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import a_commit, a_record
from store.conftest import NOW

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.deployments import SHOWN, DeploymentRows
from devops_daemon.adapters.store.history import INCIDENT_MEMORY, INCIDENTS_KEPT, HistoryRows
from devops_daemon.hosting import Became, Commit, DeploymentRecord, Phase

INTERVAL = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
FULL = DeploymentRecord(
    id="d1",
    service_id="s1",
    service="backend",
    status="CRASHED",
    phase=Phase.CRASHED,
    became=Became.FAILED,
    created_at=NOW,
    seen_at=NOW + MINUTE,
    commit=Commit("a" * 40, "cart: quicker\n\nIt was slow: 3 s, now ½ s 🐢", "María", "main"),
    image="ghcr.io/acme/shop:1",
    patch_id="p1",
    live_at=NOW + 2 * MINUTE,
    well_at=NOW + 3 * MINUTE,
    ended_at=NOW + 4 * MINUTE,
)


async def read(store: Database, *identifiers: str) -> list[DeploymentRecord]:
    return sorted(await DeploymentRows(store).rows(identifiers), key=lambda row: row.id)


async def shown(store: Database, later: timedelta = MINUTE) -> list[DeploymentRecord]:
    """Read what the pages show."""
    return list((await HistoryRows(store, INTERVAL).overview(NOW + later)).deployments)


async def test_rows_come_back_as_they_were_kept(store: Database) -> None:
    bare = replace(FULL, commit=None, image=None, patch_id=None, live_at=None, well_at=None, ended_at=None)
    kinds = [
        FULL,
        bare,
        replace(FULL, commit=Commit("b" * 40), image=None),
        *(replace(FULL, phase=phase, status=phase.name) for phase in Phase),
        *(replace(FULL, became=became) for became in Became),
    ]
    rows = [replace(row, id=f"d{number:02}") for number, row in enumerate(kinds)]
    await DeploymentRows(store).keep(rows)
    assert await read(store, *(row.id for row in rows)) == rows


async def test_a_row_that_is_there_is_brought_up_to_date(store: Database) -> None:
    building = a_record(phase=Phase.BUILDING, became=Became.UNDER_WAY, created_at=NOW)
    failed = replace(building, phase=Phase.FAILED, status="FAILED", became=Became.FAILED, ended_at=NOW + MINUTE)
    rows = DeploymentRows(store)
    await rows.keep([building])
    await rows.keep([replace(failed, commit=a_commit("b"))])
    assert await read(store, "d1") == [replace(failed, commit=a_commit("b"))]


@pytest.mark.parametrize(
    "later",
    [
        replace(FULL, seen_at=NOW + DAY),
        replace(FULL, live_at=NOW + DAY),
        replace(FULL, well_at=NOW + DAY),
        replace(FULL, live_at=None, well_at=None),
    ],
    ids=["seen", "live", "well", "neither"],
)
async def test_a_moment_stays_as_it_was_first_seen_by_whichever_replica(
    store: Database, second: Database, later: DeploymentRecord
) -> None:
    await DeploymentRows(store).keep([FULL])
    await DeploymentRows(second).keep([later])
    assert await read(store, "d1") == [FULL]


async def test_a_moment_that_had_not_come_is_added(store: Database) -> None:
    rows = DeploymentRows(store)
    await rows.keep([replace(FULL, live_at=None, well_at=None, ended_at=None)])
    await rows.keep([FULL])
    assert await read(store, "d1") == [FULL]


async def test_the_end_of_what_runs_again_is_taken_back(store: Database) -> None:
    rows = DeploymentRows(store)
    await rows.keep([FULL])
    await rows.keep([replace(FULL, ended_at=None)])
    assert await read(store) == [replace(FULL, ended_at=None)]


async def test_what_has_not_ended_is_read_and_what_is_named(store: Database) -> None:
    ended = [a_record(name, ended_at=NOW, created_at=NOW) for name in ("d2", "d3")]
    going = a_record("d1", created_at=NOW)
    await DeploymentRows(store).keep([going, *ended])
    assert await read(store) == [going]
    assert await read(store, "d1", "d3", "d9") == [going, ended[1]]


async def test_rows_that_are_kept_at_once_are_all_there(store: Database, second: Database) -> None:
    records = [a_record(f"d{number:02}", created_at=NOW) for number in range(40)]
    await asyncio.gather(*(DeploymentRows(each).keep(records) for each in (store, second, store)))
    assert await read(store) == records


async def test_to_keep_nothing_is_no_harm(store: Database) -> None:
    await DeploymentRows(store).keep([])
    assert await read(store) == []


async def test_the_pages_show_deployments_newest_first(store: Database) -> None:
    records = [a_record(f"d{number}", created_at=NOW - number * MINUTE) for number in (2, 0, 1)]
    await DeploymentRows(store).keep(records)
    assert [row.id for row in await shown(store)] == ["d0", "d1", "d2"]


async def test_the_pages_show_the_last_ones_only(store: Database) -> None:
    await DeploymentRows(store).keep(
        [a_record(f"d{number:03}", created_at=NOW - number * MINUTE) for number in range(SHOWN + 5)]
    )
    assert [row.id for row in await shown(store)] == [f"d{number:03}" for number in range(SHOWN)]


async def test_the_pages_show_no_deployment_of_long_ago(store: Database) -> None:
    await DeploymentRows(store).keep([a_record(created_at=NOW)])
    assert [len(await shown(store, later)) for later in (INCIDENT_MEMORY, INCIDENT_MEMORY + MINUTE)] == [1, 0]


async def test_a_deployment_is_forgotten_after_four_hundred_days(store: Database) -> None:
    assert timedelta(days=400) == INCIDENTS_KEPT
    await DeploymentRows(store).keep([a_record("old", created_at=NOW), a_record("young", created_at=NOW + DAY)])
    history = HistoryRows(store, INTERVAL)
    assert await history.forget(NOW + 400 * DAY) == 0
    assert await history.forget(NOW + 400 * DAY + MINUTE) == 1
    assert [row.id for row in await read(store)] == ["young"]
