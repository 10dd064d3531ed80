"""What is done by the clock, and what is told of until it is over.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

from workers.store.tables import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_jobs")),
    )
    op.create_table(
        "alerts",
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("told_at", Instant(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("away_since", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("trigger", "about", name=op.f("pk_alerts")),
    )
    op.create_table(
        "spools",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("aside", sa.Integer(), nullable=False),
        sa.Column("drained", sa.Integer(), nullable=False),
        sa.Column("drained_at", Instant(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_spools")),
    )


def downgrade() -> None:
    op.drop_table("spools")
    op.drop_table("alerts")
    op.drop_table("jobs")
