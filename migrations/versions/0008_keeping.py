"""What is left of runs that are forgotten; on PostgreSQL bodies by month.

Bodies that are there become the partition of the past, as they are: none is moved. New months are made by
`workers/store/months.py`. Only `bodies` is parted: `events` and `receipts` have unique keys without a time in them,
which PostgreSQL cannot hold over partitions.

Revision: 0008, after 0007.
"""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from workers.store.tables import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "spent_keys",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_keys")),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name != "sqlite":
        _by_month(next_month(datetime.now(UTC)))


def next_month(now: datetime) -> UUID:
    """The smallest UUIDv7 of the month after."""
    begin = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    return UUID(int=int(begin.timestamp() * 1000) << 80)


def _by_month(end: UUID) -> None:
    op.execute("ALTER TABLE bodies RENAME TO bodies_past")
    op.execute("ALTER INDEX pk_bodies RENAME TO bodies_past_pkey")
    op.execute(
        "CREATE TABLE bodies (receipt_id uuid NOT NULL, headers bytea NOT NULL, body bytea NOT NULL, "
        "CONSTRAINT pk_bodies PRIMARY KEY (receipt_id)) PARTITION BY RANGE (receipt_id)"
    )
    op.execute("ALTER TABLE bodies ALTER COLUMN body SET STORAGE EXTERNAL")
    op.execute("CREATE TABLE bodies_rest PARTITION OF bodies DEFAULT")
    op.execute("ALTER TABLE bodies_rest SET (toast_tuple_target = 8160)")
    # Such as came by a clock that is ahead.
    op.execute(
        f"WITH ahead AS (DELETE FROM bodies_past WHERE receipt_id >= '{end}' RETURNING *) "  # noqa: S608 - our own
        "INSERT INTO bodies_rest SELECT * FROM ahead"
    )
    op.execute(f"ALTER TABLE bodies ATTACH PARTITION bodies_past FOR VALUES FROM (MINVALUE) TO ('{end}')")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute("CREATE TABLE whole (LIKE bodies INCLUDING STORAGE)")
        op.execute("ALTER TABLE whole SET (toast_tuple_target = 8160)")
        op.execute("INSERT INTO whole SELECT * FROM bodies")
        op.execute("DROP TABLE bodies")
        op.execute("ALTER TABLE whole RENAME TO bodies")
        op.execute("ALTER TABLE bodies ADD CONSTRAINT pk_bodies PRIMARY KEY (receipt_id)")
    op.drop_table("spent_keys")
