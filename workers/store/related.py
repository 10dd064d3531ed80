"""Statements about events of other bookings that one booking's timeline needs: where its seats went, and its series.

No index knows a previous uid or a series, and one would cost every delivery. These events share people, so the walk
is along those people's events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, select

from workers.store.events import READ
from workers.store.history import arrived
from workers.store.tables import event_people, events

#: people whose events are walked along
_PEOPLE = 1_000
#: events that are read, the oldest first
_MOST = 1_000


def previous_uids(connection: Connection, event_ids: Collection[UUID]) -> dict[UUID, str]:
    """The uid each of these events says its booking was rescheduled from."""
    rows = connection.execute(
        select(events.c.id, events.c.previous_uid).where(events.c.id.in_(event_ids), events.c.previous_uid.is_not(None))
    )
    return {row.id: row.previous_uid for row in rows}


def seats_moved_away(
    connection: Connection, pcid: str, uids: Collection[str], emails: Collection[str]
) -> Sequence[Row[Any]]:
    """The events that took one seat of the bookings `uids` to a booking that is none of them."""
    moved = [events.c.previous_uid.in_(uids), events.c.seat.is_not(None), events.c.booking_uid.not_in(uids)]
    return _of_people(connection, pcid, emails, moved)


def of_series(connection: Connection, pcid: str, series: str, emails: Collection[str]) -> Sequence[Row[Any]]:
    """The events of bookings that name this series."""
    return _of_people(connection, pcid, emails, [events.c.series == series, events.c.booking_uid.is_not(None)])


def made_between(
    connection: Connection, like: Row[Any], since: datetime, until: datetime, emails: Collection[str]
) -> Sequence[Row[Any]]:
    """The events of other bookings of the same event type, with the trigger of `like`, that came in that time."""
    same = [
        _aside(events.c.trigger) == like.trigger,
        events.c.event_type_id == like.event_type_id,
        events.c.booking_uid != like.booking_uid,
        *arrived(event_people.c.event_id, events.c.received_at, since, until),
    ]
    return _of_people(connection, like.connection, emails, same)


def endings(connection: Connection, pcid: str, uids: Collection[str], triggers: Collection[str]) -> Sequence[Row[Any]]:
    """The events of these bookings that have one of these triggers."""
    query = select(events.c.id).where(events.c.booking_uid.in_(uids), _aside(events.c.connection) == pcid)
    return _read(connection, connection.execute(query.where(_aside(events.c.trigger).in_(triggers))).scalars())


def _of_people(
    connection: Connection, pcid: str, emails: Collection[str], conditions: Sequence[ColumnElement[bool]]
) -> Sequence[Row[Any]]:
    known = sorted({email.lower() for email in emails})[:_PEOPLE]
    key = event_people.c.event_id
    query = select(key).join_from(event_people, events, events.c.id == key).where(event_people.c.email.in_(known))
    return _read(
        connection, connection.execute(query.where(_aside(events.c.connection) == pcid, *conditions)).scalars()
    )


def _read(connection: Connection, ids: Iterable[UUID]) -> Sequence[Row[Any]]:
    first = sorted(set(ids))[:_MOST]
    query = READ.where(events.c.id.in_(first)).order_by(events.c.id.asc())
    return cast("Sequence[Row[Any]]", connection.execute(query).all()) if first else []


def _aside(column: ColumnElement[str]) -> ColumnElement[str]:
    """A column without its index: SQLite, which has no statistics, would prefer that to the walk along people."""
    return column.concat("")
