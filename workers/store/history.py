"""Questions to the history: pages of events newest first, one event, what came since, how many. It changes nothing.

An event's id is a UUIDv7, made as its delivery arrived: ordering by id is ordering by arrival, a page is continued by
the last id of the one before (no OFFSET: page 1,000 costs what page 1 costs), and a time is a bound on ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, UnaryExpression, bindparam, func, literal_column, or_, select

from workers.store import filters, search, walk
from workers.store.engine import Store
from workers.store.events import READ, payloads
from workers.store.filters import MOST_NAMES, Filter, arrived, few, lowest_id
from workers.store.position import Position
from workers.store.quick import Quick
from workers.store.tables import events

#: events read by one statement: databases bound its parameters, at 32,766 the lowest
_PAGE = 5_000
#: events read at once by `export`, and bodies held in memory at once: a body may have megabytes
_EXPORT_PAGE = 500
_EXPORT_BODIES = 25


def page(
    connection: Connection, wanted: Filter, *, before: UUID | None = None, limit: int, oldest_first: bool = False
) -> Sequence[Row[Any]]:
    """Up to `limit` events newest first, those older than the event `before`; rows of `events.READ`.

    `oldest_first`: the other way round, those newer than it.
    """
    rows: list[Row[Any]] = []
    while len(rows) < limit:
        size = min(limit - len(rows), _PAGE)
        ids = walk.ids(connection, wanted, beyond=before, limit=size, oldest_first=oldest_first)
        if ids:
            rows += _read(connection, events.c.id.in_(ids), _along(events.c.id, oldest_first=oldest_first))
            before = ids[-1]
        if len(ids) < size:
            break
    return rows


def one(connection: Connection, event_id: UUID) -> Row[Any] | None:
    """One event."""
    return cast("Row[Any] | None", _ONE.one(connection, event=event_id))


def many(connection: Connection, event_ids: Sequence[UUID]) -> list[Row[Any] | None]:
    """So many events, in that order; None for one that there is not."""
    found = _ONE.many(connection, [{"event": event_id} for event_id in event_ids])
    return [rows[0] if rows else None for rows in found]


_ONE = Quick(READ.where(events.c.id == bindparam("event")))


def seqs_beyond(
    connection: Connection,
    wanted: Filter,
    position: Position,
    *,
    limit: int,
    after: int = 0,
    until: int | None = None,
) -> list[int]:
    """The `seq` of events beyond a position in the order they were written, of those above `after`, to `until`."""
    least = max(position.lowest, after)
    # What is new is little: each event of it is asked the rest.
    where = filters.where(connection, wanted, after=least, aside=True)
    where.append(events.c.seq > least)
    if position.open:
        where.append(or_(events.c.seq > position.highest, events.c.seq.in_(position.open)))
    if until is not None:
        where.append(events.c.seq <= until)
    query = select(events.c.seq).where(*where).order_by(events.c.seq).limit(limit)
    return list(connection.execute(query).scalars())


def among(connection: Connection, wanted: Filter, seqs: Sequence[int]) -> list[int]:
    """Those of the events with these `seq` that the filter chooses, in the order they were written."""
    if not seqs or wanted == Filter():
        return list(seqs)
    where = filters.where(connection, wanted, after=min(seqs) - 1, aside=True)
    query = select(events.c.seq).where(*where, events.c.seq.in_(seqs)).order_by(events.c.seq)
    return list(connection.execute(query).scalars())


def since_seq(connection: Connection, wanted: Filter, seq: int, *, limit: int) -> Sequence[Row[Any]]:
    """Up to `limit` events written after the one with `seq`, in the order they were written. See `tail.py`."""
    return by_seq(connection, seqs_beyond(connection, wanted, Position(seq), limit=limit))


def by_seq(connection: Connection, seqs: Sequence[int]) -> Sequence[Row[Any]]:
    """The events with these `seq`, in that order."""
    return _read(connection, events.c.seq.in_(seqs), events.c.seq.asc()) if seqs else []


def newest_seq(connection: Connection) -> int:
    """The `seq` of the event written last; 0 where there is none."""
    return int(connection.execute(select(func.coalesce(func.max(events.c.seq), 0))).scalar_one())


def count(connection: Connection, wanted: Filter) -> int:
    """How many events there are of these."""
    query = select(func.count()).select_from(events).where(*filters.where(connection, wanted))
    return int(connection.execute(query).scalar_one())


def stats(connection: Connection, wanted: Filter) -> dict[str, Any]:
    """Counts: `{"events": n, "triggers": {name: n}, "kinds": …, "connections": …, "days": {"2026-11-23": n}}`.

    Days are UTC and in order; the others begin with the most frequent. An event without a trigger counts under its
    kind, `unparsed` or `unknown`.
    """
    if connection.dialect.name == "sqlite":
        day: ColumnElement[str] = func.substr(events.c.received_at, 1, 10, type_=search.TEXT)
    else:
        day = func.to_char(func.timezone("UTC", events.c.received_at), "YYYY-MM-DD", type_=search.TEXT)
    keys = (events.c.trigger, events.c.kind, events.c.connection, day.label("day"))
    places = [str(number) for number in range(1, len(keys) + 1)]
    groups = select(*keys, func.count().label("n")).where(*filters.where(connection, wanted))
    found: list[dict[str, int]] = [{} for _ in keys]
    total = 0
    for trigger, kind, *rest, number in connection.execute(groups.group_by(*map(literal_column, places))):
        total += number
        for counts, value in zip(found, (trigger or kind, kind, *rest), strict=True):
            counts[value] = counts.get(value, 0) + number
    triggers, kinds, connections, days = found
    return {
        "events": total,
        "triggers": _most_first(triggers),
        "kinds": _most_first(kinds),
        "connections": _most_first(connections),
        "days": dict(sorted(days.items())),
    }


def export(
    store: Store, wanted: Filter, *, limit: int | None = None, oldest_first: bool = False
) -> Iterator[tuple[Row[Any], dict[str, Any]]]:
    """Every event of these newest first (or oldest first), each with its payload, at flat memory.

    One short transaction a page: a long one would hold back PostgreSQL's vacuum and SQLite's checkpoint for as long
    as the reader likes.
    """
    before: UUID | None = None
    left = limit
    while left is None or left > 0:
        size = _EXPORT_PAGE if left is None else min(_EXPORT_PAGE, left)
        with store.read() as connection:
            rows = page(connection, wanted, before=before, limit=size, oldest_first=oldest_first)
        for start in range(0, len(rows), _EXPORT_BODIES):
            some = rows[start : start + _EXPORT_BODIES]
            with store.read() as connection:
                held = payloads(connection, some)
            for row in some:
                yield row, held[row.id]
        if len(rows) < size:
            return
        before = rows[-1].id
        left = None if left is None else left - size


def _read(connection: Connection, which: ColumnElement[bool], order: UnaryExpression[Any]) -> Sequence[Row[Any]]:
    return cast("Sequence[Row[Any]]", connection.execute(READ.where(which).order_by(order)).all())


def _along(column: ColumnElement[UUID], *, oldest_first: bool) -> UnaryExpression[UUID]:
    return column.asc() if oldest_first else column.desc()


def _most_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


__all__ = [
    "MOST_NAMES",
    "Filter",
    "among",
    "arrived",
    "by_seq",
    "count",
    "export",
    "few",
    "lowest_id",
    "many",
    "newest_seq",
    "one",
    "page",
    "seqs_beyond",
    "since_seq",
    "stats",
]
