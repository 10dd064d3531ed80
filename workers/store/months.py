"""The partitions of `bodies` on PostgreSQL, one a month: made ahead, and dropped whole once nothing in one is kept.

What belongs to no month that was made goes to `bodies_rest`, so that no delivery is ever refused. SQLite has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection, text

from workers.store.filters import lowest_id

#: months made beyond this one: so long may nobody look
_AHEAD = 3
#: bodies of a month that are moved out of the rest when it is made; more stay there
_FEW = 1_000
_TO = re.compile(r"TO \('([0-9a-f-]{36})'\)")
#: how long a statement waits for those that use the table; deliveries wait behind it meanwhile
_PATIENCE = text("SET LOCAL lock_timeout = '1s'")


@dataclass(frozen=True, slots=True)
class Month:
    """A partition, and the id below which all of it lies."""

    name: str
    end: UUID


def begin_of(now: datetime, months: int = 0) -> datetime:
    """The first instant of the month so many after that of `now`, in UTC."""
    number = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1 + months
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def missing(connection: Connection, now: datetime) -> list[datetime]:
    """The months from this one on that have no partition yet, by their beginnings; on SQLite none."""
    if connection.dialect.name == "sqlite":
        return []
    ends = {month.end for month in every(connection)}
    wanted = [begin_of(now, ahead) for ahead in range(_AHEAD + 1)]
    return [begin for begin in wanted if lowest_id(begin_of(begin, 1)) not in ends]


def make(connection: Connection, begin: datetime) -> bool:
    """Make the partition of a month; what of it is among the rest moves there. False where that is too much."""
    name, low, high = f"bodies_{begin:%Y_%m}", lowest_id(begin), lowest_id(begin_of(begin, 1))
    connection.execute(_PATIENCE)
    span = {"low": low, "high": high, "most": _FEW + 1}
    stray = text(
        "SELECT count(*) FROM (SELECT FROM bodies_rest WHERE receipt_id >= :low AND receipt_id < :high LIMIT :most) s"
    )
    if connection.execute(stray, span).scalar_one() > _FEW:
        return False
    connection.execute(text(f"CREATE TABLE {name} (LIKE bodies INCLUDING ALL)"))
    connection.execute(text(f"ALTER TABLE {name} SET (toast_tuple_target = 8160)"))
    moved = "DELETE FROM bodies_rest WHERE receipt_id >= :low AND receipt_id < :high RETURNING *"
    connection.execute(text(f"WITH stray AS ({moved}) INSERT INTO {name} SELECT * FROM stray"), span)  # noqa: S608 - ours
    connection.execute(text(f"ALTER TABLE bodies ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')"))
    return True


def every(connection: Connection) -> list[Month]:
    """The partitions there are, but the rest, the oldest first; on SQLite none."""
    if connection.dialect.name == "sqlite":
        return []
    rows = connection.execute(
        text(
            "SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_inherits i "
            "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('bodies')"
        )
    )
    ends = [(row.name, _TO.search(row.bound or "")) for row in rows]
    return sorted((Month(name, UUID(found[1])) for name, found in ends if found), key=lambda month: month.end)


def count(connection: Connection, month: Month) -> int:
    """How many bodies a partition has."""
    return int(connection.execute(text(f"SELECT count(*) FROM {month.name}")).scalar_one())  # noqa: S608 - our own


def hold(connection: Connection, month: Month) -> None:
    """Let nobody come to a partition until the transaction ends; what others did by now can be seen after this."""
    connection.execute(_PATIENCE)
    connection.execute(text(f"LOCK TABLE {month.name} IN ACCESS EXCLUSIVE MODE"))


def drop(connection: Connection, month: Month) -> None:
    """Drop a partition that is held."""
    connection.execute(text(f"DROP TABLE {month.name}"))
