"""What is left of runs that are forgotten; on PostgreSQL bodies by month.

Bodies that are there become the partition of the past, as they are: none is moved. New months are made by
`workers/store/months.py`. Only `bodies` is parted: `events` and `receipts` have unique keys without a time in them,
which PostgreSQL cannot hold over partitions.

Revision: 0008, after 0007.
"""

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from workers.store.tables import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

#: months that are made beyond this one
MONTHS = 3


def upgrade() -> None:
    op.create_table(
        "spent_keys",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_keys")),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name != "sqlite":
        now = datetime.now(UTC)
        _by_month([month(now, ahead) for ahead in range(1, MONTHS + 2)])


def month(now: datetime, ahead: int) -> datetime:
    """The first instant of the month so many after this one."""
    number = now.year * 12 + now.month - 1 + ahead
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def lowest(instant: datetime) -> UUID:
    """The smallest UUIDv7 of a millisecond."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)


def _by_month(bounds: list[datetime]) -> None:
    end = lowest(bounds[0])
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
    for begin, after in pairwise(bounds):
        name = f"bodies_{begin:%Y_%m}"
        op.execute(f"CREATE TABLE {name} (LIKE bodies INCLUDING ALL)")
        op.execute(f"ALTER TABLE {name} SET (toast_tuple_target = 8160)")
        low, high = lowest(begin), lowest(after)
        op.execute(
            f"WITH moved AS (DELETE FROM bodies_rest WHERE receipt_id >= '{low}' AND receipt_id < '{high}' "  # noqa: S608
            f"RETURNING *) INSERT INTO {name} SELECT * FROM moved"
        )
        op.execute(f"ALTER TABLE bodies ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute("CREATE TABLE whole (LIKE bodies INCLUDING STORAGE)")
        op.execute("ALTER TABLE whole SET (toast_tuple_target = 8160)")
        op.execute("INSERT INTO whole SELECT * FROM bodies")
        op.execute("DROP TABLE bodies")
        op.execute("ALTER TABLE whole RENAME TO bodies")
        op.execute("ALTER TABLE bodies ADD CONSTRAINT pk_bodies PRIMARY KEY (receipt_id)")
    op.drop_table("spent_keys")
