"""Incidents answered for: what a person says of them, what is done, what is told, what was seen."""

import sqlalchemy as sa
from alembic import op

from devops_daemon.adapters.store.schema import BIG, SCHEMA, UtcTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add columns to `incident`, and make the tables beside it."""
    columns = (
        sa.Column("reopened_at", UtcTime),
        sa.Column("resolved_by", sa.Text),
        sa.Column("severity_by", sa.Text),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("acknowledged_until", UtcTime),
        sa.Column("addressed_at", UtcTime),
        sa.Column("escalated_at", UtcTime),
        sa.Column("escalated_for", sa.Text, nullable=False, server_default=""),
        sa.Column("overdue_at", UtcTime),
        sa.Column("quiet_until", UtcTime),
        sa.Column("episode", sa.Integer, nullable=False, server_default="1"),
        sa.Column("held", sa.Text, nullable=False, server_default=""),
        sa.Column("suspect", sa.Text),
        sa.Column("suspect_told", sa.Text, nullable=False, server_default=""),
        sa.Column("failing_since", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("stands", sa.Text),
        sa.Column("issue", BIG),
        sa.Column("issue_url", sa.Text, nullable=False, server_default=""),
        sa.Column("continues", sa.Text, nullable=False, server_default=""),
    )
    # alembic's ALTER does not follow the connection's schema_translate_map, as its CREATE does
    schema = SCHEMA if op.get_bind().dialect.name == "postgresql" else None
    for column in columns:
        op.add_column("incident", column, schema=schema)
    op.create_table(
        "turn",
        sa.Column("incident", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("duty", sa.Text, primary_key=True),
        sa.Column("next_at", UtcTime),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("held_by", sa.Text),
        sa.Column("held_until", UtcTime),
    )
    op.create_table(
        "remedy",
        sa.Column("incident", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("service_id", sa.Text, nullable=False),
        sa.Column("watched", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("began_at", UtcTime, nullable=False),
        sa.Column("target_id", sa.Text),
        sa.Column("target_changed_at", UtcTime),
        sa.Column("code", sa.Text),
        sa.Column("leaves", sa.Text),
        sa.Column("down_before", sa.Integer, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("deployment_id", sa.Text),
        sa.Column("live_at", UtcTime),
        sa.Column("ended_at", UtcTime),
        sa.Column("came", sa.Text),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("dry", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Index("remedy_service", "service", "began_at"),
    )
    op.create_table(
        "gauge",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", UtcTime, primary_key=True),
        sa.Column("value", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "effect",
        sa.Column("incident", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("started_at", UtcTime, nullable=False),
        sa.Column("due_at", UtcTime, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("done_at", UtcTime),
        sa.Column("reference", sa.Text),
        sa.Column("digest", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "signal",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("severity", sa.Text),
        sa.Column("since", UtcTime),
        sa.Column("counted_from", UtcTime),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("known_at", UtcTime),
    )
    op.create_table(
        "silence",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("until", UtcTime, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("said_by", sa.Text, nullable=False),
    )
    op.create_table(
        "attempt",
        sa.Column("incident", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("pull", BIG, primary_key=True, autoincrement=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("merged_at", UtcTime, nullable=False),
        sa.Column("failed_at", UtcTime),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "evidence",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("incident", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("in_public", sa.Text, nullable=False),
        sa.Column("taken_at", UtcTime, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("out_of_memory", sa.Boolean, nullable=False),
    )
