"""Statements that write the history, and the one shape in which an event is read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from workers.catalogue.event import Event, Person
from workers.catalogue.read import payload_of
from workers.store import bulk, search
from workers.store.bulk import Rows, insert_many
from workers.store.quick import Quick
from workers.store.receipts import Arrived
from workers.store.tables import bodies, bookings, event_people, events

#: the earliest uid known of the booking that an event is about
LINEAGE = func.coalesce(bookings.c.lineage, events.c.booking_uid).label("lineage")
#: what the history is read with: every column but those made for searching, and the lineage
READ = select(
    *(column for column in events.columns if column.name not in ("words", "previous_uid")),
    LINEAGE,
).outerjoin(
    bookings,
    (bookings.c.connection == events.c.connection) & (bookings.c.uid == events.c.booking_uid),
)


@dataclass(frozen=True, slots=True)
class Spelt:
    """Events as the database takes them: new ones, those read anew in place, and the people of both."""

    new: Rows
    again: list[dict[str, Any]]
    people: Rows


def spelt(found: Iterable[tuple[Arrived, Event]], *, sqlite: bool) -> Spelt:
    """The event of each receipt, ready to be written. A receipt that already has one is a replay."""
    new: list[tuple[Any, ...]] = []
    again: list[dict[str, Any]] = []
    people: list[tuple[str, UUID, bool]] = []
    for arrived, event in found:
        row = _row(arrived, event)
        if arrived.has_event:
            again.append(row)
        else:
            new.append(tuple(row.values()))
        people.extend((email, arrived.id, host) for email, host in _emails(event).items())
    return Spelt(
        bulk.spell(events, _WRITTEN, new, sqlite=sqlite),
        again,
        bulk.spell(event_people, ("email", "event_id", "host"), people, sqlite=sqlite),
    )


def write(connection: Connection, found: Spelt) -> None:
    """Write events; those that are there are read anew, in place."""
    insert_many(connection, found.new)
    for row in found.again:
        # The people it named before are found by their addresses: an index by event would be written for every
        # event and read for a replay alone.
        of = events.c.id == row["id"]
        organizer, hosts, attendees = connection.execute(
            select(events.c.organizer, events.c.hosts, events.c.attendees).where(of)
        ).one()
        named = {person["email"].lower() for person in (organizer, *hosts, *attendees) if person and person["email"]}
        connection.execute(
            delete(event_people).where(event_people.c.email.in_(named), event_people.c.event_id == row["id"])
        )
        connection.execute(update(events).where(of).values(row))
    insert_many(connection, found.people)


def write_own(connection: Connection, found: Iterable[tuple[Arrived, Event]]) -> None:
    """Write events that no delivery brought: their payload lies beside them, for there is no body to read it from."""
    for arrived, event in found:
        connection.execute(insert(events).values(**_row(arrived, event), payload=event.payload))
        people = [
            {"email": email, "event_id": arrived.id, "host": host} for email, host in sorted(_emails(event).items())
        ]
        if people:
            connection.execute(insert(event_people), people)


#: the columns that `_row` fills, in its order
_WRITTEN = tuple(column.name for column in events.columns if column.name not in ("seq", "caused_by", "payload"))


def _row(arrived: Arrived, event: Event) -> dict[str, Any]:
    row = _shown(arrived, event)
    people = [event.organizer, *event.hosts, *event.attendees]
    names = dict.fromkeys(person.name for person in people if person is not None)
    row["words"] = search.text_of((event.title, *names, event.notes))
    return row


def _shown(arrived: Arrived, event: Event) -> dict[str, Any]:
    """The columns that are not made for searching."""
    booking, event_type = event.booking, event.event_type
    return {
        "id": arrived.id,
        "delivery_id": arrived.id if arrived.delivered else None,
        "connection": arrived.connection,
        "webhook": arrived.webhook,
        "webhook_version": event.webhook_version,
        "trigger": event.trigger,
        "kind": event.kind.value,
        "received_at": arrived.received_at,
        "occurred_at": event.occurred_at or arrived.received_at,
        "title": event.title,
        "status": event.status,
        "type": event.type,
        "starts_at": event.start,
        "ends_at": event.end,
        "booking_uid": booking.uid if booking else None,
        "booking_id": booking.id if booking else None,
        "previous_uid": booking.previous_uid if booking else None,
        "seat": booking.seat if booking else None,
        "series": booking.series if booking else None,
        "event_type_id": event_type.id if event_type else None,
        "event_type_slug": event_type.slug if event_type else None,
        "organizer": _person(event.organizer) if event.organizer else None,
        "hosts": [_person(person) for person in event.hosts],
        "attendees": [_person(person) for person in event.attendees],
        "notes": event.notes,
    }


def _person(person: Person) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "time_zone": person.time_zone,
    }
    if person.username is not None:
        told["username"] = person.username
    if person.no_show is not None:
        told["no_show"] = person.no_show
    return told


def _emails(event: Event) -> dict[str, bool]:
    """The addresses of all people, each with whether it is the organizer's or a host's."""
    inviting = [event.organizer, *event.hosts]
    found = {person.email.lower(): False for person in event.attendees if person.email}
    return found | {person.email.lower(): True for person in inviting if person is not None and person.email}


def shape(row: Row[Any] | SimpleNamespace) -> dict[str, Any]:
    """An event as the command line and the API show it, without its payload. Instants are ISO text ending in Z."""
    booking = None
    if row.booking_uid is not None:
        booking = {
            "uid": row.booking_uid,
            "id": row.booking_id,
            "lineage": row.lineage,
            "seat": row.seat,
            "series": row.series,
        }
    event_type = None
    if row.event_type_id is not None or row.event_type_slug is not None:
        event_type = {"id": row.event_type_id, "slug": row.event_type_slug}
    return {
        "id": str(row.id),
        "trigger": row.trigger,
        "kind": row.kind,
        "connection": row.connection,
        "webhook": row.webhook or None,  # no delivery brought it
        "webhook_version": row.webhook_version,
        "delivery_id": str(row.delivery_id) if row.delivery_id else None,
        "received_at": spell(row.received_at),
        "occurred_at": spell(row.occurred_at),
        "caused_by": row.caused_by,
        "title": row.title,
        "status": row.status,
        "type": row.type,
        "start": spell(row.starts_at),
        "end": spell(row.ends_at),
        "booking": booking,
        "event_type": event_type,
        "organizer": row.organizer,
        "hosts": row.hosts,
        "attendees": row.attendees,
        "notes": row.notes,
    }


def spell(instant: datetime | None) -> str | None:
    """An instant as text: UTC, milliseconds, Z."""
    if instant is None:
        return None
    in_utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return in_utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def payloads(connection: Connection, rows: Sequence[Row[Any]]) -> dict[UUID, dict[str, Any]]:
    """The payload of each event: its own, else what its delivery's body says; {} where the body is gone."""
    held = {row.id: row.payload for row in rows if row.payload is not None}
    wanted = {row.delivery_id: row for row in rows if row.payload is None and row.delivery_id is not None}
    if wanted:
        query = select(bodies.c.receipt_id, bodies.c.body).where(bodies.c.receipt_id.in_(list(wanted)))
        for receipt_id, body in connection.execute(query):
            held[wanted[receipt_id].id] = payload_of(body)
    return {row.id: held.get(row.id, {}) for row in rows}


def whole(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    """An event with its payload: what rules are given."""
    return {**shape(row), "payload": payload(connection, row)}


def payload(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    """The payload of one event, by a statement made once."""
    if row.payload is not None or row.delivery_id is None:
        return row.payload or {}
    found = _BODY.one(connection, delivery=row.delivery_id)
    if found is None:
        return {}
    return payload_of(found.body)


_BODY = Quick(select(bodies.c.body).where(bodies.c.receipt_id == bindparam("delivery")))


def told(arrived: Arrived, event: Event) -> dict[str, Any]:
    """An event as the history will show it, with its payload, before anyone asks the history.

    Its booking is taken for its own lineage, as nearly all are; who knows better puts it right.
    """
    lineage = event.booking.uid if event.booking is not None else None
    shown = shape(SimpleNamespace(**_shown(arrived, event), lineage=lineage, caused_by=None))
    shown["payload"] = event.payload
    return shown


def said(arrived: Arrived, event: Event, field: str) -> Any:
    """What `told` says in a field that names no more than one object in it: `type`, `organizer.id`, `connection`."""
    if field == "connection":
        return arrived.connection
    if field == "webhook":
        return arrived.webhook or None
    outer, _, inner = field.partition(".")
    value = getattr(event, outer)
    return getattr(value, inner) if inner and value is not None else value


def mark_caused(connection: Connection, causes: Mapping[UUID, UUID]) -> None:
    """Say of events which of our actions caused them."""
    for event_id, action_id in causes.items():
        connection.execute(update(events).where(events.c.id == event_id).values(caused_by=str(action_id)))
