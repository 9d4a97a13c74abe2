"""Rows of probes, their results by hour, references: what a look reads and writes."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

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


def claim(
    connection: sa.Connection, keys: Sequence[ProbeKey], owner: str, now: datetime, until: datetime
) -> frozenset[ProbeKey]:
    """Take probes for one look, until a time at which they are free again whatever becomes of the look."""
    known = {ProbeKey(*row) for row in connection.execute(sa.select(probe.c.service, probe.c.name))}
    missing = [_row(ProbeState(key)) for key in sorted(set(keys) - known)]
    if missing:
        connection.execute(insert(connection, probe).on_conflict_do_nothing(), missing)
    mine = sa.or_(probe.c.claimed_until.is_(None), probe.c.claimed_until < now, probe.c.claimed_by == owner)
    free = sa.select(probe.c.service, probe.c.name).where(mine)
    if connection.dialect.name == "postgresql":
        free = free.order_by(probe.c.service, probe.c.name).with_for_update(skip_locked=True)
    taken = {ProbeKey(*row) for row in connection.execute(free)} & set(keys)
    if taken:
        claimed = probe.update().where(_is_key()).values(claimed_by=owner, claimed_until=until)
        connection.execute(claimed, [_named(key) for key in sorted(taken)])
    return frozenset(taken)


def _release(connection: sa.Connection, keys: Iterable[ProbeKey], owner: str) -> None:
    named = [_named(key) for key in sorted(keys)]
    if named:
        free = probe.update().where(_is_key(), probe.c.claimed_by == owner)
        connection.execute(free.values(claimed_by=None, claimed_until=None), named)


def keep(connection: sa.Connection, looks: Sequence[Look], owner: str) -> None:
    """Keep looks, oldest first. A row that somebody else has changed in the meantime stays as it is.

    Looks that are kept already change nothing.
    """
    for look in looks:
        _keep_results(connection, look.results)
        _keep_states(connection, look.states)
        _keep_references(connection, look)
        _release(connection, look.claimed, owner)


def _keep_results(connection: sa.Connection, results: Sequence[Result]) -> None:
    if not results:
        return
    statement = insert(connection, result).on_conflict_do_nothing().returning(*result.primary_key)
    rows = [_result_row(found) for found in sorted(results, key=lambda found: found.key)]
    new_ones = {(ProbeKey(service, name), at) for service, name, at in connection.execute(statement, rows)}
    counted = [found for found in results if (found.key, found.at) in new_ones]
    if not counted:
        return
    upsert = insert(connection, hourly)
    new, old = upsert.excluded, hourly.c
    sums = {name: old[name] + new[name] for name in ("ok", "degraded", "failed", "unknown", "timed", "latency_ms")}
    worst = sa.case((new.worst_latency_ms > old.worst_latency_ms, new.worst_latency_ms), else_=old.worst_latency_ms)
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=["service", "name", "hour"], set_=sums | {"worst_latency_ms": worst}
        ),
        [_hour_row(found) for found in sorted(counted, key=lambda found: found.key)],
    )


def _result_row(found: Result) -> dict[str, Any]:
    return {
        "service": found.key.service,
        "name": found.key.name,
        "at": found.at,
        "outcome": _kept(found.outcome),
        "latency_ms": _ms(found.latency),
        "detail": found.detail,
    }


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
    upsert = insert(connection, probe)
    changed = {name: upsert.excluded[name] for name in _row(states[0]) if name not in {"service", "name"}}
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=["service", "name"], set_=changed, where=probe.c.version < upsert.excluded.version
        ),
        [_row(state) for state in sorted(states, key=lambda state: state.key)],
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


def _is_key() -> sa.ColumnElement[bool]:
    return sa.and_(probe.c.service == sa.bindparam("key_service"), probe.c.name == sa.bindparam("key_name"))


def _named(key: ProbeKey) -> dict[str, str]:
    return {"key_service": key.service, "key_name": key.name}


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
        "passes": state.passes,
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
        passes=row.passes,
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
    """The port `HealthLedger` on a database; `owner` tells this replica's claims from another's."""

    def __init__(self, database: Database, owner: str | None = None) -> None:
        self._db = database
        self._owner = owner or uuid4().hex

    async def states(self) -> list[ProbeState]:
        """Read the rows of all probes."""
        return await self._db.read(read_states)

    async def claim(self, keys: Sequence[ProbeKey], now: datetime, lease: timedelta) -> frozenset[ProbeKey]:
        """Take these probes for one look."""
        return await self._db.write(lambda connection: claim(connection, keys, self._owner, now, now + lease))

    async def keep(self, looks: Sequence[Look]) -> None:
        """Keep looks, all or none."""
        await self._db.write(lambda connection: keep(connection, looks, self._owner))

    async def references(self) -> dict[str, datetime]:
        """Tell when each reference last answered."""
        return await self._db.read(read_references)
