"""The first tables: probes and their results, ticks, permits, references, incidents."""

import sqlalchemy as sa
from alembic import op

from devops_daemon.adapters.store.schema import BIG, UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "probe",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("settled", sa.Text, nullable=False),
        sa.Column("blind", sa.Boolean, nullable=False),
        sa.Column("since", UtcTime),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("successes", sa.Integer, nullable=False),
        sa.Column("passes", sa.Integer, nullable=False),
        sa.Column("slow", sa.Integer, nullable=False),
        sa.Column("failing_since", UtcTime),
        sa.Column("history", sa.Text, nullable=False),
        sa.Column("flapping", sa.Boolean, nullable=False),
        sa.Column("proven", sa.Text),
        sa.Column("repeats", sa.Integer, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("latency_ms", sa.Float),
        sa.Column("checked_at", UtcTime),
        sa.Column("claimed_by", sa.Text),
        sa.Column("claimed_until", UtcTime),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "result",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", UtcTime, primary_key=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("latency_ms", sa.Float),
        sa.Column("detail", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hourly",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ok", sa.Integer, nullable=False),
        sa.Column("degraded", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("unknown", sa.Integer, nullable=False),
        sa.Column("timed", sa.Integer, nullable=False),
        sa.Column("latency_ms", sa.Float, nullable=False),
        sa.Column("worst_latency_ms", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tick",
        sa.Column("job", sa.Text, primary_key=True),
        sa.Column("slot", UtcTime, primary_key=True),
        sa.Column("taken_at", UtcTime, nullable=False),
        sa.Column("began_at", UtcTime),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "permit",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("taken_at", UtcTime, nullable=False),
    )
    op.create_table(
        "reference",
        sa.Column("url", sa.Text, primary_key=True),
        sa.Column("answered_at", UtcTime, nullable=False),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("cause_service", sa.Text, nullable=False),
        sa.Column("cause_name", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("opened_at", UtcTime, nullable=False),
        sa.Column("detected_at", UtcTime, nullable=False),
        sa.Column("resolved_at", UtcTime),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Index("incident_opened_at", "opened_at"),
    )
    op.create_table(
        "incident_member",
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("symptom", sa.Text, nullable=False),
        sa.Column("since", UtcTime, nullable=False),
        sa.Column("recovered_at", UtcTime),
        sa.Column("outage", sa.Boolean, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Index(
            "incident_member_active",
            "service",
            "name",
            "outage",
            unique=True,
            sqlite_where=sa.text("active"),
            postgresql_where=sa.text("active"),
        ),
    )
    op.create_table(
        "incident_event",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
