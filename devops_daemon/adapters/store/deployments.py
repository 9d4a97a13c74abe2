"""Rows of deployments."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.health import insert
from devops_daemon.adapters.store.schema import deployment
from devops_daemon.hosting import Became, Commit, DeploymentRecord, Phase

SHOWN = 40
LAST = 100
_FIRST = (deployment.c.live_at, deployment.c.well_at, deployment.c.seen_at)
"""Moments that are kept as they were first seen, by whichever replica saw them."""


def keep(connection: sa.Connection, records: Sequence[DeploymentRecord]) -> None:
    """Write rows, or bring those that are there up to date."""
    for record in records:
        values = _values(record)
        statement = insert(connection, deployment).values(values)
        changed = {name: statement.excluded[name] for name in values if name != "id"}
        first = {column.name: sa.func.coalesce(column, statement.excluded[column.name]) for column in _FIRST}
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed | first))


def read_rows(connection: sa.Connection, identifiers: Sequence[str]) -> list[DeploymentRecord]:
    """Read those that have not ended, and those that are named."""
    wanted = sa.or_(deployment.c.ended_at.is_(None), deployment.c.id.in_(identifiers))
    return [_record(row) for row in connection.execute(sa.select(deployment).where(wanted))]


def read_recent(connection: sa.Connection, since: datetime) -> list[DeploymentRecord]:
    """Read the latest, newest first."""
    newest = sa.select(deployment).where(deployment.c.created_at >= since).order_by(deployment.c.created_at.desc())
    return [_record(row) for row in connection.execute(newest.limit(SHOWN))]


def read_of_service(connection: sa.Connection, service_id: str) -> list[DeploymentRecord]:
    """Read those of a service, newest first."""
    mine = sa.select(deployment).where(deployment.c.service_id == service_id)
    return [_record(row) for row in connection.execute(mine.order_by(deployment.c.created_at.desc()).limit(LAST))]


def read_of_commit(connection: sa.Connection, sha: str) -> list[DeploymentRecord]:
    """Read those of a commit, newest first."""
    mine = sa.select(deployment).where(deployment.c.commit_sha == sha)
    return [_record(row) for row in connection.execute(mine.order_by(deployment.c.created_at.desc()).limit(LAST))]


def _values(record: DeploymentRecord) -> dict[str, Any]:
    commit = record.commit
    return {
        "id": record.id,
        "service_id": record.service_id,
        "service": record.service,
        "status": record.status,
        "phase": record.phase,
        "became": record.became,
        "created_at": record.created_at,
        "seen_at": record.seen_at,
        "commit_sha": commit.sha if commit else None,
        "commit_message": commit.message if commit else None,
        "commit_author": commit.author if commit else None,
        "branch": commit.branch if commit else None,
        "image": record.image,
        "patch_id": record.patch_id,
        "live_at": record.live_at,
        "well_at": record.well_at,
        "ended_at": record.ended_at,
    }


def _record(row: sa.Row[Any]) -> DeploymentRecord:
    commit = Commit(row.commit_sha, row.commit_message, row.commit_author, row.branch) if row.commit_sha else None
    return DeploymentRecord(
        id=row.id,
        service_id=row.service_id,
        service=row.service,
        status=row.status,
        phase=Phase(row.phase),
        became=Became(row.became),
        created_at=row.created_at,
        seen_at=row.seen_at,
        commit=commit,
        image=row.image,
        patch_id=row.patch_id,
        live_at=row.live_at,
        well_at=row.well_at,
        ended_at=row.ended_at,
    )


class DeploymentRows:
    """The port `DeploymentLedger` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def rows(self, identifiers: Sequence[str]) -> list[DeploymentRecord]:
        """Read those that have not ended, and those that are named."""
        return await self._db.read(lambda connection: read_rows(connection, identifiers))

    async def of_service(self, service_id: str) -> list[DeploymentRecord]:
        """Read those of a service, newest first."""
        return await self._db.read(lambda connection: read_of_service(connection, service_id))

    async def of_commit(self, sha: str) -> list[DeploymentRecord]:
        """Read those of a commit, of whichever service, newest first."""
        return await self._db.read(lambda connection: read_of_commit(connection, sha))

    async def keep(self, records: Sequence[DeploymentRecord]) -> None:
        """Keep rows, all or none."""
        await self._db.write(lambda connection: keep(connection, records))
