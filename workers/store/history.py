"""Questions to the history: pages of events newest first, one event, what came since, how many. It changes nothing.

An event's id is a UUIDv7, made as its delivery arrived: ordering by id is ordering by arrival, a page is continued by
the last id of the one before (no OFFSET: page 1,000 costs what page 1 costs), and a time is a bound on ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    UnaryExpression,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from workers.errors import BadInput
from workers.store import bookings, search
from workers.store.engine import Store
from workers.store.events import READ, payloads
from workers.store.position import Position
from workers.store.quick import Quick
from workers.store.tables import event_people, events

#: how far an id may lie from its `received_at`: a delivery that is not signed gets its id only after SQL was asked
#: whether quarantine has room, and clocks are set back at times
_SLACK = timedelta(seconds=60)
#: names of triggers, or of kinds, in one filter: Cal.com has 28 triggers, and each one is a part of the statement
MOST_NAMES = 50
#: events read by one statement: databases bound its parameters, at 32,766 the lowest
_PAGE = 5_000
#: events read at once by `export`, and bodies held in memory at once: a body may have megabytes
_EXPORT_PAGE = 500
_EXPORT_BODIES = 25


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are asked for. Conditions are ANDed, the values of one condition ORed; empty means any.

    `booking` is a uid and stands for its whole lineage; `email` is of any person in the event; `text` is words as
    typed, looked for in title, names and notes; `since` <= received_at < `until`. `BadInput` for too many names.
    """

    triggers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    booking: str | None = None
    email: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    connection: str | None = None

    def __post_init__(self) -> None:
        few("trigger", self.triggers)
        few("kind", self.kinds)


def few(name: str, given: Sequence[str]) -> None:
    """Raises BadInput for more names than a statement may have."""
    if len(given) > MOST_NAMES:
        raise BadInput(f"{name} may be given at most {MOST_NAMES} times; it was given {len(given)} times.")


def page(
    connection: Connection, wanted: Filter, *, before: UUID | None = None, limit: int, oldest_first: bool = False
) -> Sequence[Row[Any]]:
    """Up to `limit` events newest first, those older than the event `before`; rows of `events.READ`.

    `oldest_first`: the other way round, those newer than it.
    """
    rows: list[Row[Any]] = []
    while len(rows) < limit:
        size = min(limit - len(rows), _PAGE)
        ids = _ids(connection, wanted, beyond=before, limit=size, oldest_first=oldest_first)
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
    where = _where(connection, wanted, after=least)
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
    where = _where(connection, wanted, after=min(seqs) - 1)
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
    query = select(func.count()).select_from(events).where(*_where(connection, wanted))
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
    groups = select(*keys, func.count().label("n")).where(*_where(connection, wanted))
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


def lowest_id(instant: datetime) -> UUID:
    """The smallest UUIDv7 of a millisecond."""
    milliseconds = int(instant.astimezone(UTC).timestamp() * 1000)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)


def arrived(
    ids: ColumnElement[UUID], received_at: ColumnElement[datetime], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """`since` <= received_at < `until`, said as bounds on ids too, which have the index."""
    found: list[ColumnElement[bool]] = []
    if since is not None:
        found += [ids >= lowest_id(_shifted(since, -_SLACK)), received_at >= since]
    if until is not None:
        found += [ids < lowest_id(_shifted(until, _SLACK)), received_at < until]
    return found


def _read(connection: Connection, which: ColumnElement[bool], order: UnaryExpression[Any]) -> Sequence[Row[Any]]:
    return cast("Sequence[Row[Any]]", connection.execute(READ.where(which).order_by(order)).all())


def _shifted(instant: datetime, by: timedelta) -> datetime:
    try:
        return instant + by
    except OverflowError:  # the year 1 or 9999
        return instant


def _along(column: ColumnElement[UUID], *, oldest_first: bool) -> UnaryExpression[UUID]:
    return column.asc() if oldest_first else column.desc()


def _ids(connection: Connection, wanted: Filter, *, beyond: UUID | None, limit: int, oldest_first: bool) -> list[UUID]:
    if wanted.email is not None:
        # The walk is along this person's events, which are in order already.
        key: Any = event_people.c.event_id
        query = select(key.label("id")).join_from(event_people, events, events.c.id == key)
        query = query.where(event_people.c.email == search.plain(wanted.email).lower())
        where = _where(connection, wanted, but=("email",))
        queries = [query.where(*where)]
    else:
        key = events.c.id
        where = _where(connection, wanted, but=("names", "text"))
        match, few = search.matching(connection, wanted.text) if wanted.text is not None else (true(), False)
        # Few matches are all named, and in order soon; naming them in each branch would be too many.
        branches = [and_(true(), *_named(wanted))] if few else _branches(wanted)
        queries = [select(key.label("id")).where(*where, match, one) for one in branches]
    if beyond is not None:
        queries = [query.where(key > beyond if oldest_first else key < beyond) for query in queries]
    queries = [query.order_by(_along(key, oldest_first=oldest_first)).limit(limit) for query in queries]
    if len(queries) == 1:
        return list(connection.execute(queries[0]).scalars())
    parts = [select(query.subquery().c.id) for query in queries]
    merged = union_all(*parts).subquery()
    query = select(merged.c.id).order_by(_along(merged.c.id, oldest_first=oldest_first)).limit(limit)
    return list(connection.execute(query).scalars())


def _branches(wanted: Filter) -> list[ColumnElement[bool]]:
    """One condition for each trigger, to be merged: `trigger IN (…)` has no order, so it would sort all it finds."""
    if wanted.triggers:
        kinds = _among(events.c.kind, wanted.kinds)
        return [and_(events.c.trigger == name, *kinds) for name in _plain(wanted.triggers)]
    if wanted.kinds:
        return [events.c.kind == name for name in _plain(wanted.kinds)]
    return [true()]


def _where(
    connection: Connection, wanted: Filter, *, after: int = 0, but: tuple[str, ...] = ()
) -> list[search.Condition]:
    """The filter as conditions on `events`, those in `but` left out; `after` is a `seq` that all are above."""
    found: list[search.Condition] = [*_named(wanted)] if "names" not in but else []
    if wanted.booking is not None:
        found.append(_lineage(connection, search.plain(wanted.booking)))
    if wanted.email is not None and "email" not in but:
        email = search.plain(wanted.email).lower()
        found.append(events.c.id.in_(select(event_people.c.event_id).where(event_people.c.email == email)))
    if wanted.connection is not None:
        found.append(events.c.connection == search.plain(wanted.connection))
    found += arrived(events.c.id, events.c.received_at, wanted.since, wanted.until)
    if wanted.text is not None and "text" not in but:
        found.append(search.matching(connection, wanted.text, after=after)[0])
    return found


def _lineage(connection: Connection, uid: str) -> ColumnElement[bool]:
    uids: dict[str, list[str]] = {}
    for pcid, each in bookings.uids_with(connection, uid):
        uids.setdefault(pcid, []).append(each)
    if not uids:
        return events.c.booking_uid == uid
    # Said as an expression, the connection has no index: without statistics SQLite would prefer it to the uids'.
    mine = events.c.connection.concat("")
    chains = (and_(mine == pcid, events.c.booking_uid.in_(each)) for pcid, each in uids.items())
    return or_(events.c.booking_uid == uid, *chains)


def _named(wanted: Filter) -> list[ColumnElement[bool]]:
    return [*_among(events.c.trigger, wanted.triggers), *_among(events.c.kind, wanted.kinds)]


def _among(column: ColumnElement[Any], names: tuple[str, ...]) -> list[ColumnElement[bool]]:
    return [column.in_(_plain(names))] if names else []


def _plain(names: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(map(search.plain, names)))


def _most_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
