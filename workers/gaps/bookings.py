"""What the history lacks of a booking that Cal.com has: which event, if any, and what it says. Pure.

The event is read from a body that is made like Cal.com's own, so that rules, pages and search find in it what they
find in a delivery; how the API tells the booking stands beside it in the payload, under `found.booking`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from workers.catalogue.event import Event, Person
from workers.catalogue.fields import address, identifier, label, mapping, number
from workers.catalogue.read import read
from workers.catalogue.times import instant
from workers.gaps.telling import Looked, found, spelt

#: characters that the API's own words of a booking may have in a payload
_WHOLE = 64_000
#: Cal.com's word in the API, and the trigger whose event says it
_SAYS = {
    "accepted": "BOOKING_CREATED",
    "pending": "BOOKING_REQUESTED",
    "cancelled": "BOOKING_CANCELLED",
    "rejected": "BOOKING_REJECTED",
}
_CREATED = frozenset({"BOOKING_CREATED", "BOOKING_RESCHEDULED", "INSTANT_MEETING_ACCEPTED"})
#: events each of which says as much as the trigger does
_AS_GOOD: Mapping[str, frozenset[str]] = {
    "BOOKING_CREATED": _CREATED,
    "BOOKING_RESCHEDULED": _CREATED,
    "BOOKING_REQUESTED": _CREATED | {"BOOKING_REQUESTED", "BOOKING_PAYMENT_INITIATED"},
    "BOOKING_CANCELLED": frozenset({"BOOKING_CANCELLED"}),
    "BOOKING_REJECTED": frozenset({"BOOKING_REJECTED"}),
}
HOST_CHANGED = "BOOKING_HOST_CHANGED"
#: events whose organizer is the booking's host at that time
NAME_A_HOST = frozenset(
    {
        *_CREATED,
        "BOOKING_REQUESTED",
        "BOOKING_PAYMENT_INITIATED",
        "BOOKING_PAID",
        "BOOKING_LOCATION_UPDATED",
        "BOOKING_REASSIGNED",
        HOST_CHANGED,
    }
)


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking as the API tells it. `row` is all of it."""

    uid: str
    status: str
    updated_at: datetime
    created_at: datetime | None
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What the history has of a booking: its triggers, and the host that was named last."""

    triggers: frozenset[str]
    host: Person | None = None


def known(events: Iterable[tuple[str | None, Mapping[str, Any] | None]]) -> Known:
    """What a booking's events tell, oldest first: of each the trigger, and the organizer as history shows one."""
    triggers, host = set(), None
    for trigger, organizer in events:
        if trigger is not None:
            triggers.add(trigger)
        if organizer is not None and trigger in NAME_A_HOST:
            host = Person(id=organizer.get("id"), email=organizer.get("email"))
    return Known(frozenset(triggers), host)


def booking(row: object) -> Booking | None:
    """The booking in a row of the list; None for one that says not which it is, how it stands or since when."""
    if not isinstance(row, dict):
        return None
    uid, status, updated = identifier(row.get("uid")), label(row.get("status")), instant(row.get("updatedAt"))
    if uid is None or status is None or updated is None:
        return None
    return Booking(uid, status.lower(), updated, instant(row.get("createdAt")), row)


def missing(one: Booking, known: Known, began: datetime) -> str | None:
    """The trigger of the event that the history lacks; None where it lacks none.

    Of a booking that is older than the first look, and of which no event ever came, nobody was told that it was made.
    A reschedule leaves the booking it came from cancelled, and sends nothing of that.
    """
    trigger = _SAYS.get(one.status)
    if trigger is None or (one.status == "cancelled" and identifier(one.row.get("rescheduledToUid")) is not None):
        return None
    if trigger == "BOOKING_CREATED" and identifier(one.row.get("rescheduledFromUid")) is not None:
        trigger = "BOOKING_RESCHEDULED"
    if not known.triggers & _AS_GOOD[trigger]:
        standing = one.status in ("accepted", "pending")
        if standing and not known.triggers and (one.created_at is None or one.created_at < began):
            return None
        unpaid = "BOOKING_PAYMENT_INITIATED" in known.triggers and "BOOKING_PAID" not in known.triggers
        return None if unpaid and trigger in _CREATED else trigger
    return HOST_CHANGED if one.status in ("accepted", "pending") and _elsewhere(one, known.host) else None


def _elsewhere(one: Booking, host: Person | None) -> bool:
    """Whether nobody of the booking's hosts is the one that the history has."""
    hosts = [mapping(each) for each in one.row["hosts"]] if isinstance(one.row.get("hosts"), list) else []
    ids = {number(each.get("id")) for each in hosts} - {None}
    emails = {(address(each.get("email")) or "").casefold() for each in hosts} - {""}
    if host is None or not hosts:
        return False
    if host.id is not None and ids:
        return host.id not in ids
    return host.email is not None and bool(emails) and host.email.casefold() not in emails


def event(one: Booking, trigger: str, looked: Looked) -> Event:
    """The event that was missed."""
    moment = one.created_at if trigger in ("BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_REQUESTED") else None
    moment = moment or one.updated_at
    # Of a trigger that is ours the catalogue knows no kind.
    asked = "BOOKING_REASSIGNED" if trigger == HOST_CHANGED else trigger
    body = {"triggerEvent": asked, "createdAt": spelt(moment), "payload": _as_sent(one)}
    event = read(json.dumps(body).encode(), content_type=None, version=None, received_at=looked.at)
    short = len(json.dumps(one.row)) <= _WHOLE
    payload = {
        **event.payload,
        "found": {**found("bookings", looked), "booking": dict(one.row) if short else None},
    }
    return replace(event, trigger=trigger, payload=payload)


def _as_sent(one: Booking) -> dict[str, Any]:
    """The payload that a delivery would have, as far as the API tells it."""
    row = one.row
    hosts = [_someone(each) for each in row["hosts"]] if isinstance(row.get("hosts"), list) else []
    guests = row["attendees"] if isinstance(row.get("attendees"), list) else []
    event_type = mapping(row.get("eventType"))
    answers = mapping(row.get("bookingFieldsResponses"))
    said: dict[str, Any] = {
        "uid": one.uid,
        "bookingId": row.get("id"),
        "title": row.get("title"),
        "type": event_type.get("slug"),
        "description": row.get("description"),
        "additionalNotes": answers.get("notes"),
        "startTime": row.get("start") or row.get("startTime"),
        "endTime": row.get("end") or row.get("endTime"),
        "length": row.get("duration"),
        "eventTypeId": event_type.get("id") or row.get("eventTypeId"),
        "organizer": hosts[0] if hosts else None,
        "team": {"members": hosts[1:]} if len(hosts) > 1 else None,
        "attendees": [
            {
                **_someone(each),
                "noShow": mapping(each).get("absent"),
                "language": {"locale": mapping(each).get("language")},
            }
            for each in guests
        ],
        "responses": {name: {"label": name, "value": value} for name, value in answers.items()},
        "location": row.get("location"),
        "status": one.status.upper(),
        "metadata": row.get("metadata"),
        "iCalUID": row.get("icsUid"),
        "cancellationReason": row.get("cancellationReason"),
        "cancelledBy": row.get("cancelledByEmail"),
        "rejectionReason": row.get("rejectionReason"),
        "rescheduleUid": row.get("rescheduledFromUid"),
        "rescheduledBy": row.get("rescheduledByEmail"),
        "recurringEvent": {"recurringEventId": row["recurringBookingUid"]} if row.get("recurringBookingUid") else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _someone(value: object) -> dict[str, Any]:
    said = mapping(value)
    return {name: said.get(name) for name in ("id", "name", "email", "username", "timeZone") if name in said}
