"""Rows of the weekly audits."""

import json
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from devops_daemon.adapters.store.db import Database
from devops_daemon.adapters.store.schema import audit
from devops_daemon.adapters.store.versions import keep_version
from devops_daemon.auditing import Audit, Remark, Weight

LAST = 3


def read_latest(connection: sa.Connection) -> list[Audit]:
    """Read the last of them, the newest first."""
    rows = connection.execute(sa.select(audit).order_by(audit.c.slot.desc()).limit(LAST))
    return [_audit(row) for row in rows]


def keep(connection: sa.Connection, one: Audit) -> Audit:
    """Write the version after the one that it was read as; raises LostRaceError."""
    following = replace(one, version=one.version + 1)
    keep_version(connection, audit, _values(following), f"the audit of {one.slot:%Y-%m-%d}")
    return following


def _values(one: Audit) -> dict[str, Any]:
    names = ("slot", "taken_at", "issue", "issue_url", "closed", "in_hand_until", "version")
    remarks = json.dumps([_remark(each) for each in one.remarks])
    return {"remarks": remarks, **{name: getattr(one, name) for name in names}}


def _remark(remark: Remark) -> dict[str, Any]:
    names = ("rule", "about", "text", "cure", "lines", "inside")
    return {"weight": remark.weight.value, **{name: getattr(remark, name) for name in names}}


def _audit(row: sa.Row[Any]) -> Audit:
    values = dict(row._mapping)  # noqa: SLF001 # SQLAlchemy's public name for it
    remarks = (
        Remark(**{**each, "weight": Weight(each["weight"]), "lines": tuple(each["lines"])})
        for each in json.loads(values["remarks"])
    )
    return Audit(**{**values, "remarks": tuple(remarks)})


class AuditRows:
    """The port `AuditLedger` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def latest(self) -> list[Audit]:
        """Read the last of them, the newest first."""
        return await self._db.read(read_latest)

    async def keep(self, one: Audit) -> Audit:
        """Write the version after the one that it was read as."""
        return await self._db.write(lambda connection: keep(connection, one))
