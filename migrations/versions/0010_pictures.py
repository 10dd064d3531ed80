"""What `daybook reconcile` saw at Cal.com at its last look.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

from workers.store.tables import Document, Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "looks",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("since", Instant(), nullable=True),
        sa.Column("at", Instant(), nullable=True),
        sa.Column("cursor", Instant(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection"], ["connections.pcid"], name=op.f("fk_looks_connection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection", "part", name=op.f("pk_looks")),
    )
    op.create_table(
        "pictures",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("document", Document, nullable=True),
        sa.Column("waits_since", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection"], ["connections.pcid"], name=op.f("fk_pictures_connection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection", "part", "key", name=op.f("pk_pictures")),
    )


def downgrade() -> None:
    op.drop_table("pictures")
    op.drop_table("looks")
