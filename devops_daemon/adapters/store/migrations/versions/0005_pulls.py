"""What is decided about pull requests, and our merges."""

import sqlalchemy as sa
from alembic import op

from devops_daemon.adapters.store.schema import BIG, UtcTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables of pull requests."""
    op.create_table(
        "pull",
        sa.Column("number", BIG, primary_key=True, autoincrement=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("head_sha", sa.Text, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("covered", sa.Boolean, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("green_since", UtcTime),
        sa.Column("decided_at", UtcTime, nullable=False),
        sa.Column("ready_since", UtcTime),
        sa.Column("quiet_since", UtcTime),
        sa.Column("alarmed", sa.Text),
    )
    op.create_table(
        "check_seen",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_table(
        "landing",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("number", BIG, nullable=False),
        sa.Column("head_sha", sa.Text, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("began_at", UtcTime, nullable=False, index=True),
        sa.Column("ready_since", UtcTime),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("commit", sa.Text),
        sa.Column("merged_at", UtcTime),
        sa.Column("ended_at", UtcTime),
        sa.Column("came", sa.Text),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("note", BIG),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Index(
            "landing_under_way",
            "base",
            unique=True,
            sqlite_where=sa.text("stage != 'ended'"),
            postgresql_where=sa.text("stage != 'ended'"),
        ),
    )
    op.create_table(
        "knot",
        sa.Column("number", BIG, primary_key=True, autoincrement=False),
        sa.Column("head_sha", sa.Text, primary_key=True),
        sa.Column("base_sha", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("hunks", sa.Text, nullable=False),
        sa.Column("new_sha", sa.Text),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("called_at", UtcTime),
        sa.Column("version", sa.Integer, nullable=False),
    )
