"""Which booking and event type an event is about. Not the booking's lineage: that takes the history."""

from __future__ import annotations

from typing import Any

from workers.catalogue.event import Booking, EventType, Kind, Person
from workers.catalogue.fields import identifier, label, mapping, number


def booking(payload: dict[str, Any], attendees: tuple[Person, ...], *, flat: bool) -> Booking | None:
    """The booking, or None where no uid names one.

    The uid lies at `uid`, `bookingUid` or `booking.uid`, by trigger; the id at `bookingId`, `booking.id`
    or, in a meeting's flat row only, `id`.
    """
    inner = mapping(payload.get("booking"))
    uid = identifier(payload.get("uid")) or identifier(payload.get("bookingUid")) or identifier(inner.get("uid"))
    if uid is None:
        return None
    number_of = number(payload.get("bookingId"))
    if number_of is None:
        number_of = number(payload.get("id") if flat else inner.get("id"))
    previous = identifier(payload.get("rescheduleUid")) or identifier(payload.get("fromReschedule"))
    return Booking(
        uid=uid,
        id=number_of,
        previous_uid=previous if previous != uid else None,
        seat=_seat(payload, attendees),
        series=_series(payload),
    )


def event_type(payload: dict[str, Any], kind: Kind) -> EventType | None:
    """The event type, or None where nothing names one.

    `type` is its slug in bookings only: recordings put the title there, and the test button free text.
    """
    inner = mapping(mapping(payload.get("booking")).get("eventType")) or mapping(payload.get("eventType"))
    id_ = number(payload.get("eventTypeId"))
    if id_ is None:
        id_ = number(inner.get("id"))
    slug = label(inner.get("slug"))
    if slug is None and (kind is Kind.BOOKING or kind is Kind.UNKNOWN) and "eventTypeId" in payload:
        slug = label(payload.get("type"))
    return EventType(id=id_, slug=slug) if id_ is not None or slug is not None else None


def _seat(payload: dict[str, Any], attendees: tuple[Person, ...]) -> str | None:
    """Tells the seats of one uid apart.

    Seats share uid and id; the removal of a seat may come without `attendeeSeatId`, and then only the
    attendee, alone in the list, says whose it was. A reschedule without it is one seat's only if that
    attendee asked for it: a host moves the whole booking, of which the list may name one booker.
    """
    seat = identifier(payload.get("attendeeSeatId"))
    if seat is not None:
        return seat
    seats = payload.get("seatsPerTimeSlot")
    if type(seats) is not int or seats <= 0 or len(attendees) != 1:
        return None
    email = identifier(attendees[0].email)
    if payload.get("rescheduleUid") is not None and not _same(email, identifier(payload.get("rescheduledBy"))):
        return None
    return email


def _same(email: str | None, other: str | None) -> bool:
    return email is not None and other is not None and email.casefold() == other.casefold()


def _series(payload: dict[str, Any]) -> str | None:
    """The recurring series, where Cal.com names it: in a meeting's row, or in either recurring form of a
    booking.

    A `recurringEvent` of frequency and count alone says that there is a series, not which: `iCalUID` is
    made of each occurrence's own uid, and the rest (event type, booker, length) fits two series as well as
    one. So None.
    """
    for place in (
        payload,
        mapping(payload.get("existingRecurringEvent")),
        mapping(payload.get("recurringEvent")),
        mapping(payload.get("booking")),
    ):
        series = identifier(place.get("recurringEventId"))
        if series is not None:
            return series
    return None
