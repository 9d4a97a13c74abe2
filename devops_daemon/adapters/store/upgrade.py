"""Bring the tables up to date at start; a store that is newer than the program is left alone."""

from pathlib import Path

import sqlalchemy as sa

from devops_daemon.adapters.store.schema import REVISION, SCHEMA

_LOCK = 0x64_65_76_6F_70_73  # "devops": replicas that start together upgrade one after the other


class NewerStoreError(Exception):
    """The store was written by a newer version than this one."""


def to_newest(connection: sa.Connection) -> None:
    """Run what revisions are missing; raises NewerStoreError where the store knows one that this program does not."""
    schema = SCHEMA if connection.dialect.name == "postgresql" else None
    if schema:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    revision = _current(connection, schema)
    if revision == REVISION:
        return
    if revision is not None and revision > REVISION:
        raise NewerStoreError(
            f"the store is at revision {revision}, this version knows {REVISION}: run the newer version, or a new store"
        )
    _run_alembic(connection)


def _current(connection: sa.Connection, schema: str | None) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version", schema=schema):
        return None
    table = sa.table("alembic_version", sa.column("version_num"), schema=schema)
    revision: str | None = connection.execute(sa.select(table.c.version_num)).scalar()
    return revision


def _run_alembic(connection: sa.Connection) -> None:
    # alembic costs 0.2 s and 9 MB, needed only where the store is new or behind.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
