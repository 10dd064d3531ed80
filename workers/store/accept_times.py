"""Statements about how long deliveries took to be answered: counts by minute and bucket, which all processes add to.

After two hours the minutes of a quarter of an hour become one, so that two days are soon added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from workers.histogram import BUCKETS
from workers.store.tables import accept_times

#: how long counts are kept, and how long those of each minute
KEPT, BY_MINUTE = timedelta(hours=48), timedelta(hours=2)
#: minutes that become one then; in an overview those that are as old are not told apart
QUARTER = 15


def minute(instant: datetime) -> int:
    """The Unix minute of an instant."""
    return int(instant.timestamp() // 60)


def add(connection: Connection, counts: Mapping[int, Sequence[int]]) -> None:
    """Add to what there is: for each Unix minute the number of each bucket."""
    rows = [
        {"minute": at, "bucket": bucket, "number": number}
        for at, numbers in sorted(counts.items())  # in one order: of two processes neither has what the other waits for
        for bucket, number in enumerate(numbers)
        if number
    ]
    if not rows:
        return
    new = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(accept_times)
    statement = new.on_conflict_do_update(
        index_elements=[accept_times.c.minute, accept_times.c.bucket],
        set_={"number": accept_times.c.number + new.excluded.number},
    )
    connection.execute(statement, rows)


def condense(connection: Connection, now: datetime) -> None:
    """Remove what is older than `KEPT`, and put together the quarters of an hour that are older than `BY_MINUTE`."""
    connection.execute(delete(accept_times).where(accept_times.c.minute < minute(now - KEPT)))
    older = accept_times.c.minute < minute(now - BY_MINUTE) // QUARTER * QUARTER
    apart = delete(accept_times).where(older, accept_times.c.minute % QUARTER != 0)
    together: dict[int, list[int]] = {}
    # Of two processes that do this at once each adds up only what it has removed itself.
    for at, bucket, number in connection.execute(apart.returning(*accept_times.c)):
        together.setdefault(at // QUARTER * QUARTER, [0] * BUCKETS)[bucket] += number
    add(connection, together)


def sums(connection: Connection, since: datetime, *, step: int) -> dict[int, list[int]]:
    """The number of each bucket since then, for every `step` minutes in which there was any; the key is the first Unix
    minute of those, a multiple of `step`."""
    begins = accept_times.c.minute - accept_times.c.minute % step
    query = select(begins, accept_times.c.bucket, func.sum(accept_times.c.number))
    query = query.where(accept_times.c.minute >= minute(since)).group_by(literal_column("1"), literal_column("2"))
    found: dict[int, list[int]] = {}
    for at, bucket, number in connection.execute(query):
        found.setdefault(int(at), [0] * BUCKETS)[bucket] += int(number)
    return dict(sorted(found.items()))
