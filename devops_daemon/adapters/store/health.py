"""Rows of probes, their results by hour, references: what a look reads and writes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.schema import hourly, probe, reference, result
from devops_daemon.model import Outcome, ProbeKey, ProbeState, Result, Status
from devops_daemon.ports import Look

_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def insert(connection: sa.Connection, table: sa.Table) -> Any:  # noqa: ANN401 # one of two dialects' inserts
    """Give the dialect's own insert, which knows `on conflict`: both write it alike."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def hour_of(at: datetime) -> int:
    """Number the hours since 1970."""
    return (at - _EPOCH) // _HOUR


def read_states(connection: sa.Connection) -> list[ProbeState]:
    """Read the rows of all probes."""
    return [_state(row) for row in connection.execute(sa.select(probe))]


def claim(connection: sa.Connection, keys: Sequence[ProbeKey], now: datetime, until: datetime) -> frozenset[ProbeKey]:
    """Take probes for one look, until a time at which they are free again whatever becomes of the look."""
    known = {ProbeKey(*row) for row in connection.execute(sa.select(probe.c.service, probe.c.name))}
    missing = [_row(ProbeState(key)) | {"claimed_until": None} for key in sorted(set(keys) - known)]
    if missing:
        connection.execute(insert(connection, probe).on_conflict_do_nothing(), missing)
    free = sa.select(probe.c.service, probe.c.name).where(
        sa.or_(probe.c.claimed_until.is_(None), probe.c.claimed_until < now)
    )
    if connection.dialect.name == "postgresql":
        free = free.order_by(probe.c.service, probe.c.name).with_for_update(skip_locked=True)
    taken = {ProbeKey(*row) for row in connection.execute(free)} & set(keys)
    if taken:
        connection.execute(
            probe.update().where(_is_key()).values(claimed_until=until),
            [{"key_service": key.service, "key_name": key.name} for key in sorted(taken)],
        )
    return frozenset(taken)


def keep(connection: sa.Connection, looks: Sequence[Look]) -> None:
    """Keep looks, oldest first. A row that somebody else has changed in the meantime stays as it is."""
    for look in looks:
        _keep_results(connection, look.results)
        _keep_states(connection, look.states)
        _keep_references(connection, look)


def _keep_results(connection: sa.Connection, results: Sequence[Result]) -> None:
    if not results:
        return
    ordered = sorted(results, key=lambda found: found.key)
    connection.execute(
        insert(connection, result).on_conflict_do_nothing(),
        [
            {
                "service": found.key.service,
                "name": found.key.name,
                "at": found.at,
                "outcome": _kept(found.outcome),
                "latency_ms": _ms(found.latency),
                "detail": found.detail,
            }
            for found in ordered
        ],
    )
    upsert = insert(connection, hourly)
    new, old = upsert.excluded, hourly.c
    sums = {name: old[name] + new[name] for name in ("ok", "degraded", "failed", "unknown", "timed", "latency_ms")}
    worst = sa.case((new.worst_latency_ms > old.worst_latency_ms, new.worst_latency_ms), else_=old.worst_latency_ms)
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=["service", "name", "hour"], set_=sums | {"worst_latency_ms": worst}
        ),
        [_hour_row(found) for found in ordered],
    )


def _kept(outcome: Outcome) -> Outcome:
    return Outcome.UNKNOWN if outcome is Outcome.UNPROVEN else outcome


def _hour_row(found: Result) -> dict[str, Any]:
    kept, latency = _kept(found.outcome), _ms(found.latency)
    timed = latency is not None and kept in {Outcome.OK, Outcome.DEGRADED}
    return {
        "service": found.key.service,
        "name": found.key.name,
        "hour": hour_of(found.at),
        **{str(outcome): int(kept is outcome) for outcome in Outcome if outcome is not Outcome.UNPROVEN},
        "timed": int(timed),
        "latency_ms": (latency or 0.0) if timed else 0.0,
        "worst_latency_ms": (latency or 0.0) if timed else 0.0,
    }


def _keep_states(connection: sa.Connection, states: Sequence[ProbeState]) -> None:
    if not states:
        return
    connection.execute(
        probe.update()
        .where(_is_key(), probe.c.version == sa.bindparam("key_version"))
        .values({name: sa.bindparam(f"new_{name}") for name in _COLUMNS} | {"claimed_until": None}),
        [
            {"key_service": state.key.service, "key_name": state.key.name, "key_version": state.version - 1}
            | {f"new_{name}": value for name, value in _row(state).items() if name in _COLUMNS}
            for state in sorted(states, key=lambda state: state.key)
        ],
    )


def _keep_references(connection: sa.Connection, look: Look) -> None:
    if look.references and look.at:
        upsert = insert(connection, reference)
        connection.execute(
            upsert.on_conflict_do_update(index_elements=["url"], set_={"answered_at": upsert.excluded.answered_at}),
            [{"url": url, "answered_at": look.at} for url in sorted(look.references)],
        )


def read_references(connection: sa.Connection) -> dict[str, datetime]:
    """Tell when each reference last answered."""
    return {row.url: row.answered_at for row in connection.execute(sa.select(reference))}


_COLUMNS = frozenset(column.name for column in probe.columns) - {"service", "name", "claimed_until"}


def _is_key() -> sa.ColumnElement[bool]:
    return sa.and_(probe.c.service == sa.bindparam("key_service"), probe.c.name == sa.bindparam("key_name"))


def _ms(duration: timedelta | None) -> float | None:
    return None if duration is None else duration / timedelta(milliseconds=1)


def _row(state: ProbeState) -> dict[str, Any]:
    return {
        "service": state.key.service,
        "name": state.key.name,
        "settled": state.settled,
        "blind": state.blind,
        "since": state.since,
        "failures": state.failures,
        "successes": state.successes,
        "slow": state.slow,
        "failing_since": state.failing_since,
        "history": state.history,
        "flapping": state.flapping,
        "proven": state.proven,
        "repeats": state.repeats,
        "detail": state.detail,
        "latency_ms": _ms(state.latency),
        "checked_at": state.checked_at,
        "version": state.version,
    }


def _state(row: sa.Row[Any]) -> ProbeState:
    return ProbeState(
        key=ProbeKey(row.service, row.name),
        settled=Status(row.settled),
        blind=row.blind,
        since=row.since,
        failures=row.failures,
        successes=row.successes,
        slow=row.slow,
        failing_since=row.failing_since,
        history=row.history,
        flapping=row.flapping,
        proven=row.proven,
        repeats=row.repeats,
        detail=row.detail,
        latency=None if row.latency_ms is None else timedelta(milliseconds=row.latency_ms),
        checked_at=row.checked_at,
        version=row.version,
    )


class HealthRows:
    """The port `HealthLedger` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def states(self) -> list[ProbeState]:
        """Read the rows of all probes."""
        return await self._db.read(read_states)

    async def claim(self, keys: Sequence[ProbeKey], now: datetime, lease: timedelta) -> frozenset[ProbeKey]:
        """Take these probes for one look."""
        return await self._db.write(lambda connection: claim(connection, keys, now, now + lease))

    async def keep(self, looks: Sequence[Look]) -> None:
        """Keep looks, all or none."""
        await self._db.write(lambda connection: keep(connection, looks))

    async def references(self) -> dict[str, datetime]:
        """Tell when each reference last answered."""
        return await self._db.read(read_references)
