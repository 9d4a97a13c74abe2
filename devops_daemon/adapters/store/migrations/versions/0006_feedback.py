"""What was done about the feedback of users."""

import sqlalchemy as sa
from alembic import op

from devops_daemon.adapters.store.schema import BIG, UtcTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "feedback",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("seen_at", UtcTime, nullable=False),
        sa.Column("due_at", UtcTime, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("aside", sa.Boolean, nullable=False),
        sa.Column("issue", BIG),
        sa.Column("issue_url", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("done_at", UtcTime, index=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
