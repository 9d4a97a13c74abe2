"""Deliveries of webhooks, what people and agents asked for, switches and bookmarks."""

import sqlalchemy as sa
from alembic import op

from devops_daemon.adapters.store.schema import BIG, UtcTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "delivery",
        sa.Column("guid", sa.Text, primary_key=True),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("form", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("due_at", UtcTime, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("claimed_by", sa.Text),
        sa.Column("claimed_until", UtcTime),
        sa.Column("ended_at", UtcTime),
        sa.Column("note", sa.Text),
        sa.Index("delivery_due", "state", "due_at"),
        sa.Index("delivery_received_at", "received_at"),
        sa.Index(
            "delivery_claimed",
            "subject",
            unique=True,
            sqlite_where=sa.text("state = 'claimed'"),
            postgresql_where=sa.text("state = 'claimed'"),
        ),
    )
    op.create_table(
        "request",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("issue", BIG, nullable=False),
        sa.Column("comment_id", BIG, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("by_agent", sa.Boolean, nullable=False),
        sa.Column("hop", sa.Integer, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("asked_at", UtcTime, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reply_id", BIG, unique=True),
        sa.Column("act", sa.Text),
        sa.Column("target", sa.Text),
        sa.Column("acting_since", UtcTime),
        sa.Column("code", sa.Text),
        sa.Column("deployment_id", sa.Text),
        sa.Column("followed_until", UtcTime),
        sa.Column("counted", sa.Integer),
        sa.Column("headline", sa.Text),
        sa.Column("details", sa.Text),
        sa.Column("details_in_public", sa.Text),
        sa.Column("answered_at", UtcTime),
        sa.Column("outcome", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Index("request_author", "author", "asked_at"),
        sa.Index("request_issue", "issue", "asked_at"),
        sa.Index("request_target", "target", "acting_since"),
    )
    op.create_table(
        "switch",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("changed_at", UtcTime, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("last_said_at", UtcTime, nullable=False),
    )
    op.create_table(
        "bookmark",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", UtcTime, nullable=False),
    )
