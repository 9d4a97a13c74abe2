"""What the pages show, read in one go; and what is forgotten, and when."""

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import sqlalchemy as sa

from devops_daemon.adapters.store import (
    audits,
    deployments,
    inbox,
    incidents,
    mending,
    pulls,
    requests,
    signals,
    silences,
    switches,
)
from devops_daemon.adapters.store import feedback as feedbacks
from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import hour_of, read_references, read_states
from devops_daemon.adapters.store.schema import (
    audit,
    check_seen,
    deployment,
    feedback,
    gauge,
    hourly,
    incident,
    knot,
    landing,
    probe,
    request,
    result,
    tick,
)
from devops_daemon.model import ProbeKey
from devops_daemon.ports import PAUSED, Day, Dossier, Hour, Overview, OwnWeek, Punctuality

HOURS_PER_DAY = 24
SHOWN_DAYS = 90
SHOWN_HOURS = 48
INCIDENT_MEMORY = timedelta(days=30)
PUNCTUALITY_WINDOW = timedelta(days=1)
WEEK = timedelta(days=7)

RESULTS_KEPT = timedelta(days=8)
"""Raw results: as long as the weekly audit looks back, and a day."""
HISTORY_KEPT = timedelta(days=90)
INCIDENTS_KEPT = timedelta(days=400)
REQUESTS_KEPT = timedelta(days=400)
BATCH = 1000


def read_overview(connection: sa.Connection, now: datetime, interval: timedelta) -> Overview:
    """Read all that `/status` shows."""
    lately = tuple(incidents.read_since(connection, now - INCIDENT_MEMORY))  # all: the promises are measured on them
    return Overview(
        states={state.key: state for state in read_states(connection)},
        days=_days(connection, now),
        hours=_hours(connection, now),
        incidents=lately,
        remedies=mending.read_all(connection, [each.id for each in lately]),
        punctuality=_punctuality(connection, now, interval),
        references=read_references(connection),
        deployments=tuple(deployments.read_recent(connection, now - INCIDENT_MEMORY)),
        waits=tuple(requests.read_waits(connection, now - INCIDENT_MEMORY)),
        inbox=inbox.read_figures(connection, now),
        paused=switches.read_switch(connection, PAUSED),
        silences=silences.read_silences(connection, now),
        signals=signals.read_signals(connection),
        pulls=pulls.read_pulls(connection),
        ready=pulls.read_ready(connection, now - INCIDENT_MEMORY),
        feedback=feedbacks.read_figures(connection),
        audit=next((each for each in audits.read_latest(connection) if each.remarks), None),
    )


def read_dossier(connection: sa.Connection, identifier: str) -> Dossier | None:
    """Read one incident with all that belongs to it."""
    found = incidents.read_one(connection, identifier)
    if found is None:
        return None
    remedies, seen = mending.read_remedies(connection, identifier), mending.read_evidence(connection, identifier)
    return Dossier(*found, remedies, seen)


def _days(connection: sa.Connection, now: datetime) -> dict[ProbeKey, tuple[Day, ...]]:
    """Sum the hours up to days since 1970, for the last ninety."""
    day = (hourly.c.hour - hourly.c.hour % HOURS_PER_DAY) / HOURS_PER_DAY
    sums = [sa.func.sum(hourly.c[name]) for name in ("ok", "degraded", "failed", "unknown")]
    first = (hour_of(now) // HOURS_PER_DAY - SHOWN_DAYS + 1) * HOURS_PER_DAY
    rows = connection.execute(
        sa.select(hourly.c.service, hourly.c.name, day, *sums)
        .where(hourly.c.hour >= first)
        .group_by(hourly.c.service, hourly.c.name, day)
        .order_by(day)
    )
    found: dict[ProbeKey, list[Day]] = defaultdict(list)
    for service, name, number, *counts in rows:
        found[ProbeKey(service, name)].append(Day(int(number), *map(int, counts)))
    return {key: tuple(days) for key, days in found.items()}


def _hours(connection: sa.Connection, now: datetime) -> dict[ProbeKey, tuple[Hour, ...]]:
    rows = connection.execute(
        sa.select(hourly).where(hourly.c.hour > hour_of(now) - SHOWN_HOURS).order_by(hourly.c.hour)
    )
    found: dict[ProbeKey, list[Hour]] = defaultdict(list)
    for row in rows:
        mean = row.latency_ms / row.timed if row.timed else None
        found[ProbeKey(row.service, row.name)].append(Hour(row.hour, mean, row.worst_latency_ms, row.failed))
    return {key: tuple(hours) for key, hours in found.items()}


def _punctuality(
    connection: sa.Connection, now: datetime, interval: timedelta, window: timedelta = PUNCTUALITY_WINDOW
) -> Punctuality:
    """Compare the slots of a window with those that ran; a slot missed while the daemon was down is a miss."""
    where = (tick.c.job == "round", tick.c.slot > now - window)
    taken = connection.execute(sa.select(tick.c.slot, tick.c.began_at).where(*where).order_by(tick.c.slot)).all()
    if not taken:
        return Punctuality(due=0, run=0, worst_lateness=timedelta())
    begun = [row for row in taken if row.began_at]
    due = (now - taken[0].slot) // interval + 1
    moments = [*(row.began_at for row in begun), now]
    return Punctuality(
        due=max(due, len(taken)),
        run=len(begun),
        worst_lateness=max((row.began_at - row.slot for row in begun), default=timedelta()),
        longest_gap=max((later - earlier for earlier, later in pairwise(moments)), default=timedelta()),
    )


def read_own_week(connection: sa.Connection, now: datetime, interval: timedelta) -> OwnWeek:
    """Read how the daemon has done its own work."""
    return OwnWeek(
        punctuality=_punctuality(connection, now, interval, WEEK),
        untold=mending.read_untold(connection, now - WEEK),
        notice_at=mending.read_last_notice(connection),
    )


def forget(connection: sa.Connection, now: datetime) -> int:
    """Delete one batch of what has been kept long enough; gives how many rows that were."""
    oldest_hour = hour_of(now - HISTORY_KEPT)
    return sum(
        (
            _delete_results(connection, now - RESULTS_KEPT),
            _delete(connection, hourly, hourly.c.hour < oldest_hour),
            _delete(connection, tick, tick.c.slot < now - HISTORY_KEPT),
            _delete(connection, probe, probe.c.checked_at < now - HISTORY_KEPT),
            _delete(connection, incident, incident.c.resolved_at < now - INCIDENTS_KEPT),
            _delete(connection, deployment, deployment.c.created_at < now - INCIDENTS_KEPT),
            _delete(connection, gauge, gauge.c.at < now - HISTORY_KEPT),
            _delete(connection, check_seen, check_seen.c.at < now - HISTORY_KEPT),
            _delete(connection, knot, knot.c.at < now - HISTORY_KEPT),
            _delete(connection, landing, landing.c.ended_at < now - INCIDENTS_KEPT),
            _delete(connection, audit, audit.c.slot < now - INCIDENTS_KEPT),
            _delete(connection, feedback, feedback.c.done_at < now - INCIDENTS_KEPT),
            inbox.forget(connection, now),
            _delete(connection, request, request.c.asked_at < now - REQUESTS_KEPT),
        )
    )


def _delete_results(connection: sa.Connection, before: datetime) -> int:
    """Delete old results of one probe that has some, by the order in which they are stored."""
    for service, name in connection.execute(sa.select(probe.c.service, probe.c.name)).all():
        mine = sa.and_(result.c.service == service, result.c.name == name, result.c.at < before)
        if deleted := _delete(connection, result, mine):
            return deleted
    return 0


def _delete(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    keys = list(table.primary_key.columns)
    batch = connection.execute(sa.select(*keys).where(where).limit(BATCH)).all()
    if not batch:
        return 0
    connection.execute(sa.delete(table).where(sa.tuple_(*keys).in_([tuple(row) for row in batch])))
    return len(batch)


class HistoryRows:
    """The port `StatusLedger` on a database, and its upkeep."""

    def __init__(self, database: Database, interval: timedelta) -> None:
        self._db = database
        self._interval = interval

    @property
    def problem(self) -> str | None:
        """What is wrong with the store now."""
        return self._db.problem

    async def overview(self, now: datetime) -> Overview:
        """Read all that `/status` shows."""
        return await self._db.read(lambda connection: read_overview(connection, now, self._interval))

    async def own_week(self, now: datetime) -> OwnWeek:
        """Read how the daemon has done its own work."""
        return await self._db.read(lambda connection: read_own_week(connection, now, self._interval))

    async def incident(self, identifier: str) -> Dossier | None:
        """Read one incident with all that belongs to it."""
        return await self._db.read(lambda connection: read_dossier(connection, identifier))

    async def forget(self, now: datetime) -> int:
        """Delete what has been kept long enough, in batches that hold nobody up; gives how many rows."""
        deleted = 0
        while batch := await self._db.write(lambda connection: forget(connection, now)):
            deleted += batch
        await self._db.tidy()
        return deleted
