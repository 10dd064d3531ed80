"""Bookings as they stand, those first that were told of last. One booking with all its events is `timeline.py`'s.

Nothing is kept for this list: events are walked newest first, and a booking, with all it was rescheduled from and to,
is shown at the newest of its events that fit the filter. An older page leaves out what has such an event above it, so
that pages join: what is told of anew meanwhile moves to the top of the first page, and is on no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import Connection, Row, func, select

from workers.store import bookings, filters, timeline, walk
from workers.store.events import LINEAGE, READ, spell
from workers.store.filters import Filter
from workers.store.tables import events

#: events looked at by one statement, and by one page that finds too little
_CHUNK, _MOST = 200, 2_000
#: bookings read by one statement, uids of each, and events of each uid, the newest: there are a few of each
_BOOKINGS, _UIDS, _EVENTS = 50, 300, 200

#: a connection's PCID and the lineage of a booking there
_Key = tuple[str, str]
_T = TypeVar("_T")
_LOOK = READ.with_only_columns(events.c.id, events.c.connection, LINEAGE)


@dataclass(frozen=True, slots=True)
class Page:
    """Some bookings, and the event that the next page is `before`; None: there is none."""

    bookings: list[dict[str, Any]]
    next: UUID | None


def page(connection: Connection, wanted: Filter, *, before: UUID | None = None, limit: int) -> Page:
    """Up to `limit` bookings that an event of the filter tells of, the one told of last first.

    Each is `{"uid", "lineage", "connection", "title", "status", "start", "end", "organizer", "last_event": {"id",
    "trigger", "kind", "received_at", "occurred_at"}}`. With `statuses` it is those that have one of them now. Where
    many had it once and few have it now, a page may be shorter than `limit`, or empty, and still have a next one.
    """
    found: list[tuple[UUID, dict[str, Any]]] = []
    asked = frozenset(filters.statuses(wanted.statuses))
    for last, candidates in _candidates(connection, wanted, before):
        some = candidates
        while some:
            size = min(_BOOKINGS, limit + 1 - len(found))  # one more than is shown says that there is a next page
            few, some = some[:size], some[size:]
            told = _told(connection, [key for key, _ in few])
            fits = {key for key, booking in told.items() if not asked or booking["status"] in asked}
            fit = ((event, told[key]) for key, event in few if key in fits)
            found += fit
            if len(found) > limit:
                shown = found[:limit]
                return Page([booking for _, booking in shown], shown[-1][0])
        if last is not None:
            return Page([booking for _, booking in found], last)
    return Page([booking for _, booking in found], None)


def _candidates(
    connection: Connection, wanted: Filter, before: UUID | None
) -> Iterator[tuple[UUID | None, list[tuple[_Key, UUID]]]]:
    """Bookings with the newest event of each that fits, a chunk at a time; beside the last chunk that is looked at,
    though there may be more, the event that it ends with."""
    seen: set[_Key] = set()
    beyond, looked = before, 0
    while True:
        ids = walk.ids(connection, wanted, beyond=beyond, limit=_CHUNK, also=events.c.booking_uid.is_not(None))
        rows = connection.execute(_LOOK.where(events.c.id.in_(ids)).order_by(events.c.id.desc())).all() if ids else []
        some: dict[_Key, UUID] = {}
        for row in rows:
            key = (row.connection, row.lineage)
            if key not in seen:
                seen.add(key)
                some[key] = row.id
        if before is not None:
            for key in _above(connection, wanted, list(some), before):
                del some[key]
        looked += len(ids)
        ended = len(ids) < _CHUNK
        yield (ids[-1] if looked >= _MOST and not ended else None), list(some.items())
        if ended:
            return
        beyond = ids[-1]


def _above(connection: Connection, wanted: Filter, keys: Sequence[_Key], before: UUID) -> set[_Key]:
    """Those of these bookings that an earlier page had, or has now: an event of theirs fits and is not older."""
    found: set[_Key] = set()
    for some in _cut(keys):
        by_uid = _by_uid(connection, some)
        where = filters.where(connection, wanted, aside=True)
        query = select(events.c.connection, events.c.booking_uid).distinct()
        query = query.where(_of(by_uid), events.c.id >= before, *where)
        rows = connection.execute(query)
        found |= {by_uid[row.connection, row.booking_uid] for row in rows if tuple(row) in by_uid}
    return found


def _told(connection: Connection, keys: Sequence[_Key]) -> dict[_Key, dict[str, Any]]:
    """These bookings as they stand, without one that a reschedule made part of another since it was looked at."""
    by_uid = _by_uid(connection, keys)
    newest = func.row_number().over(
        partition_by=(events.c.connection, events.c.booking_uid), order_by=events.c.id.desc()
    )
    placed = select(events.c.id, newest.label("place")).where(_of(by_uid)).subquery()
    ids = select(placed.c.id).where(placed.c.place <= _EVENTS)
    rows: dict[_Key, list[Row[Any]]] = {}
    query = READ.where(events.c.id.in_(ids)).order_by(events.c.id)
    for row in cast("Sequence[Row[Any]]", connection.execute(query).all()):
        key = by_uid.get((row.connection, row.booking_uid))
        if key is not None:
            rows.setdefault(key, []).append(row)
    return {key: _shape(connection, key, rows[key]) for key in keys if key in rows}


def _shape(connection: Connection, key: _Key, rows: Sequence[Row[Any]]) -> dict[str, Any]:
    stands, last = timeline.stands(connection, rows), rows[-1]
    return {
        "uid": stands["uid"],
        "lineage": key[1],
        "connection": key[0],
        **{name: stands[name] for name in ("title", "status", "start", "end", "organizer")},
        "last_event": {
            "id": str(last.id),
            "trigger": last.trigger,
            "kind": last.kind,
            "received_at": spell(last.received_at),
            "occurred_at": spell(last.occurred_at),
        },
    }


def _by_uid(connection: Connection, keys: Sequence[_Key]) -> dict[tuple[str, str], _Key]:
    """Each (connection, uid) of these bookings, with the booking it belongs to."""
    found = bookings.uids_of(connection, keys)
    return {(key[0], uid): key for key, uids in found.items() for uid in uids[:_UIDS]}


def _of(by_uid: dict[tuple[str, str], _Key]) -> Any:
    return events.c.booking_uid.in_(sorted({uid for _, uid in by_uid}))


def _cut(all_: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (all_[start : start + _BOOKINGS] for start in range(0, len(all_), _BOOKINGS))
