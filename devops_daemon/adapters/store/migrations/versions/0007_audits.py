"""The weekly audits."""

import sqlalchemy as sa
from alembic import op

from devops_daemon.adapters.store.schema import BIG, UtcTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "audit",
        sa.Column("slot", UtcTime, primary_key=True, autoincrement=False),
        sa.Column("taken_at", UtcTime, nullable=False),
        sa.Column("remarks", sa.Text, nullable=False),
        sa.Column("issue", BIG),
        sa.Column("issue_url", sa.Text, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("in_hand_until", UtcTime),
        sa.Column("version", sa.Integer, nullable=False),
    )
