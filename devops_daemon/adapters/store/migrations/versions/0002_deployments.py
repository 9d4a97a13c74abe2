"""Deployments of the hosting platform, and what became of each."""

import sqlalchemy as sa
from alembic import op

from devops_daemon.adapters.store.schema import UtcTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "deployment",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("service_id", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("became", sa.Text, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("seen_at", UtcTime, nullable=False),
        sa.Column("commit_sha", sa.Text),
        sa.Column("commit_message", sa.Text),
        sa.Column("commit_author", sa.Text),
        sa.Column("branch", sa.Text),
        sa.Column("image", sa.Text),
        sa.Column("patch_id", sa.Text),
        sa.Column("live_at", UtcTime),
        sa.Column("well_at", UtcTime),
        sa.Column("ended_at", UtcTime),
        sa.Index("deployment_of_service", "service_id", "created_at"),
    )
