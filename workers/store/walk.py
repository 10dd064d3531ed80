"""In which order events are found: along the one index that leads to those of a filter soonest, never sorting them all.

Every index here ends in an event's id, so that what it leads to is in the order of arrival already; a page goes on
where the one before ended. Each other condition is asked of the events the walk comes by. Where several indexes could
lead, each is asked whether it leads to few: those are all named, and sorting them is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, UnaryExpression, func, select, true, union

from workers.store import filters, search
from workers.store.filters import SIGNED, USUAL, Filter
from workers.store.tables import events, runs

#: events from which on an index does not lead to few
_COMMON = 2_000


@dataclass(frozen=True, slots=True)
class _Way:
    """The part of an index that holds the ids of events that meet a condition, in order."""

    key: ColumnElement[UUID]
    conditions: tuple[search.Condition, ...]


@dataclass(frozen=True, slots=True)
class _Walk:
    """The ways that together lead to the events that meet one field of a filter."""

    field: str
    ways: tuple[_Way, ...]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Which piece of a walk is wanted."""

    wanted: Filter
    beyond: UUID | None
    limit: int
    oldest_first: bool


def ids(
    connection: Connection,
    wanted: Filter,
    *,
    beyond: UUID | None,
    limit: int,
    oldest_first: bool = False,
    also: ColumnElement[bool] | None = None,
) -> list[UUID]:
    """Up to `limit` ids of events of the filter in order, those on the other side of the event `beyond`; `also` is one
    more condition on `events`, which no index need know."""
    stretch = _Stretch(wanted, beyond, limit, oldest_first)
    if wanted.text is not None and (first := _first_looked_at(connection, stretch, also)) is not None:
        return first
    match, few = search.matching(connection, wanted.text) if wanted.text is not None else (true(), False)
    asked: list[search.Condition] = [match] if also is None else [match, also]
    # Few matches are all named, as a booking's events are, and in order soon.
    walks = [] if few or wanted.booking is not None else _walks(wanted)
    if not walks:
        where = filters.where(connection, wanted, but=("text",), aside=True)
        return _found(connection, [_Way(events.c.id, ())], [*asked, *where], stretch)
    walk = walks[0]
    if len(walks) > 1:
        for each in walks:
            some = _Stretch(wanted, beyond, _COMMON, oldest_first)
            known = _merged(each.ways, None, some).subquery()
            if connection.execute(select(func.count()).select_from(known)).scalar_one() < _COMMON:
                return _among(connection, each, _found(connection, each.ways, None, some), asked, stretch)
    where = filters.where(connection, wanted, but=(walk.field, "text"), aside=True)
    return _found(connection, walk.ways, [*asked, *where], stretch)


def _first_looked_at(connection: Connection, stretch: _Stretch, also: ColumnElement[bool] | None) -> list[UUID] | None:
    """A common word is in some of the first events that a walk comes by, which are looked at before anything is asked
    about all that have it. None where that is not enough to know what is wanted."""
    wanted = stretch.wanted
    walks = _walks(wanted)
    if wanted.text is None or wanted.booking is not None or len(walks) > 1 or stretch.limit > _COMMON:
        return None
    field, ways = (walks[0].field, walks[0].ways) if walks else ("", (_Way(events.c.id, ()),))
    where = [*filters.where(connection, wanted, but=(field, "text"), aside=True), *([] if also is None else [also])]
    for size in (min(4 * stretch.limit, _COMMON), _COMMON):
        came_by = _found(connection, ways, where, _Stretch(wanted, stretch.beyond, size, stretch.oldest_first))
        has = search.having(connection, wanted.text, came_by)
        found = [one for one in came_by if one in has]
        if len(found) >= stretch.limit or len(came_by) < size:
            return found[: stretch.limit]
        if len(found) * 10 < stretch.limit:
            break  # not in ten times as many either, most likely
    return None


def _among(
    connection: Connection, walk: _Walk, named: Sequence[UUID], asked: Sequence[search.Condition], stretch: _Stretch
) -> list[UUID]:
    """Those of the events that are `named`, in their order, that meet the rest of the filter."""
    where = [*asked, *filters.where(connection, stretch.wanted, but=(walk.field, "text"), aside=True)]
    found: list[UUID] = []
    start, size = 0, 4 * stretch.limit  # most often nearly all of the first few fit
    while start < len(named) and len(found) < stretch.limit:
        way = _Way(events.c.id, (events.c.id.in_(named[start : start + size]),))
        found += _found(connection, [way], where, stretch)
        start, size = start + size, _COMMON
    return found[: stretch.limit]


def _walks(wanted: Filter) -> list[_Walk]:
    """Every index that could lead to the events of a filter, the one most likely to lead to few first."""
    elsewhere = [
        _Walk(field, (_Way(key, tuple(filters.elsewhere(wanted, field))),))
        for field, key in filters.KEYS.items()
        if getattr(wanted, field) is not None and not (field == "verdict" and wanted.verdict == SIGNED)
    ]
    found = [walk for walk in elsewhere if walk.field != "rule"]
    if wanted.event_types:
        types = [one for name in filters.plain(wanted.event_types) for one in filters.of_type(name)]
        found.append(_of("event_types", types))
    statuses = filters.statuses(wanted.statuses)
    if statuses and USUAL not in statuses:
        found.append(_of("statuses", [filters.of_status(name) for name in statuses]))
    found += [walk for walk in elsewhere if walk.field == "rule"]
    # One way for each name, to be merged: `trigger IN (…)` has no order, so it would sort all it finds.
    if wanted.triggers:
        found.append(_of("triggers", [events.c.trigger == name for name in filters.plain(wanted.triggers)]))
    if wanted.kinds:
        found.append(_of("kinds", [events.c.kind == name for name in filters.plain(wanted.kinds)]))
    if wanted.connection is not None:
        found.append(_of("connection", [events.c.connection == search.plain(wanted.connection)]))
    return found


def _of(field: str, conditions: Sequence[ColumnElement[bool]]) -> _Walk:
    return _Walk(field, tuple(_Way(events.c.id, (each,)) for each in conditions))


def _found(
    connection: Connection, ways: Sequence[_Way], where: Sequence[search.Condition] | None, stretch: _Stretch
) -> list[UUID]:
    return list(connection.execute(_merged(ways, where, stretch)).scalars())


def _merged(ways: Sequence[_Way], where: Sequence[search.Condition] | None, stretch: _Stretch) -> Select[Any]:
    """The ids along these ways, merged, of events that meet `where`; None: whether they do is not asked, nor whether
    there is such an event."""
    queries = [_along(way, where, stretch) for way in ways]
    if len(queries) == 1:
        return queries[0]
    # An event may be on two ways, and each has as many as are wanted of them all.
    merged = union(*(select(query.subquery().c.id) for query in queries)).subquery()
    return select(merged.c.id).order_by(_order(merged.c.id, stretch)).limit(stretch.limit)


def _along(way: _Way, where: Sequence[search.Condition] | None, stretch: _Stretch) -> Select[Any]:
    key = way.key
    query = select(key.label("id")).where(*way.conditions, *_within(key, stretch))
    if key is runs.c.event_id:  # a rule may have several runs for one event
        query = query.distinct()
    if where is not None:
        if key is not events.c.id:
            # Said of both sides: PostgreSQL may merge two indexes, and would go through all newer events to begin.
            query = query.join(events, events.c.id == key).where(*_within(events.c.id, stretch))
        query = query.where(*where)
    return query.order_by(_order(key, stretch)).limit(stretch.limit)


def _within(key: ColumnElement[UUID], stretch: _Stretch) -> list[ColumnElement[bool]]:
    """Between the bounds of a stretch."""
    within = filters.around(key, stretch.wanted.since, stretch.wanted.until)
    if stretch.beyond is None:
        return within
    return [*within, key > stretch.beyond if stretch.oldest_first else key < stretch.beyond]


def _order(column: ColumnElement[UUID], stretch: _Stretch) -> UnaryExpression[UUID]:
    return column.asc() if stretch.oldest_first else column.desc()
