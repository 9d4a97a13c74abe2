"""Alembic's entry: it runs on the connection that it is given, inside that one's transaction."""

from alembic import context

from devops_daemon.adapters.store.schema import SCHEMA, metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table_schema=SCHEMA if connection.dialect.name == "postgresql" else None,
    transactional_ddl=False,  # the unit of work that upgrades has begun the transaction, and ends it
)
context.run_migrations()
