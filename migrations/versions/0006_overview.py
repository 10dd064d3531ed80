"""How long deliveries took to be answered, and the last look at what Cal.com has registered.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

from workers.store.tables import Document, Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accept_times",
        sa.Column("minute", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "bucket", name=op.f("pk_accept_times")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "drift",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("differences", Document, nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection"], ["connections.pcid"], name=op.f("fk_drift_connection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_drift")),
    )


def downgrade() -> None:
    op.drop_table("drift")
    op.drop_table("accept_times")
