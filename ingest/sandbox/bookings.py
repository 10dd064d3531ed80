"""The organization's bookings: not one of the tools, but what an event processor compares its history with.

A booking is as the last event of it says, whether that event's delivery arrived or was lost. Read with the API version
2024-08-13; a newer one is paged otherwise, and not here.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from ingest.sandbox.endpoint import Call, Endpoint
from ingest.sandbox.envelopes import iso, nest
from ingest.sandbox.state import Booking, World

#: how a booking stands after an event; of every other trigger it stays as it is
_STATUS = {
    "BOOKING_REQUESTED": "pending",
    "BOOKING_CREATED": "accepted",
    "BOOKING_RESCHEDULED": "accepted",
    "BOOKING_PAID": "accepted",
    "BOOKING_LOCATION_UPDATED": "accepted",
    "BOOKING_REASSIGNED": "accepted",
    "BOOKING_CANCELLED": "cancelled",
    "BOOKING_REJECTED": "rejected",
}
#: bookings that are remembered; of more the oldest are forgotten
_MOST = 10_000


def note(world: World, organization_id: int, body: bytes, now: datetime) -> None:
    """An event happened to a booking."""
    try:
        document = json.loads(body)
    except ValueError:
        return
    if not isinstance(document, dict) or document.get("triggerEvent") not in _STATUS:
        return
    said, trigger = document.get("payload"), document["triggerEvent"]
    if not isinstance(said, dict) or not isinstance(said.get("uid"), str):
        return
    if trigger == "BOOKING_CANCELLED" and said.get("seatsPerTimeSlot"):
        return  # a seat was given back; the booking lives on
    known = world.bookings.pop(said["uid"], None)
    made = known.created_at if known else now
    booking = Booking(said["uid"], organization_id, _STATUS[trigger], made, now, said)
    booking.rescheduled_from = known.rescheduled_from if known else None
    world.bookings[booking.uid] = booking
    if trigger == "BOOKING_RESCHEDULED" and isinstance(said.get("rescheduleUid"), str):
        booking.rescheduled_from = said["rescheduleUid"]
        if former := world.bookings.get(booking.rescheduled_from):
            former.status, former.rescheduled_to, former.updated_at = "cancelled", booking.uid, now
    while len(world.bookings) > _MOST:
        world.bookings.pop(next(iter(world.bookings)))


def _view(booking: Booking) -> dict[str, object]:
    said = booking.said
    organizer = said.get("organizer") or {}
    members = (said.get("team") or {}).get("members") or []
    return {
        "id": said.get("bookingId"),
        "uid": booking.uid,
        "title": said.get("title"),
        "description": said.get("description"),
        "hosts": [_host(each) for each in (organizer, *members) if isinstance(each, dict)],
        "status": booking.status,
        "cancellationReason": said.get("cancellationReason"),
        "cancelledByEmail": said.get("cancelledBy"),
        "rescheduledFromUid": booking.rescheduled_from,
        "rescheduledToUid": booking.rescheduled_to,
        "rescheduledByEmail": said.get("rescheduledBy"),
        "start": said.get("startTime"),
        "end": said.get("endTime"),
        "duration": said.get("length"),
        "eventTypeId": said.get("eventTypeId"),
        "eventType": {"id": said.get("eventTypeId"), "slug": said.get("type")},
        "location": said.get("location"),
        "absentHost": False,
        "createdAt": iso(booking.created_at),
        "updatedAt": iso(booking.updated_at),
        "metadata": said.get("metadata") or {},
        "icsUid": said.get("iCalUID"),
        "attendees": [_attendee(each) for each in said.get("attendees") or [] if isinstance(each, dict)],
        "bookingFieldsResponses": {
            name: each["value"]
            for name, each in (said.get("responses") or {}).items()
            if isinstance(each, dict) and "value" in each
        },
    }


def _host(person: dict[str, Any]) -> dict[str, object]:
    return {name: person.get(name) for name in ("id", "name", "email", "username", "timeZone")}


def _attendee(person: dict[str, Any]) -> dict[str, object]:
    language = (person.get("language") or {}).get("locale")
    return {
        "name": person.get("name"),
        "email": person.get("email"),
        "timeZone": person.get("timeZone"),
        "language": language,
        "absent": bool(person.get("noShow")),
    }


def _list(call: Call) -> object:
    own = [one for one in call.world.bookings.values() if one.organization_id == call.org.id]
    if (wanted := call.text("status")) is not None:
        own = [one for one in own if _falls_under(one, wanted.split(","), call.now)]
    if (after := call.text("afterUpdatedAt")) is not None:
        since = _instant(after)
        own = [one for one in own if one.updated_at >= since]
    order = call.choice("sortUpdatedAt", "asc", "desc")
    if order is not None:
        own.sort(key=lambda one: one.updated_at, reverse=order == "desc")
    page = call.page()
    if "take" not in call.query:
        page = slice(page.start, page.start + 100)
    return [_view(one) for one in own[page]]


def _falls_under(booking: Booking, wanted: list[str], now: datetime) -> bool:
    """Cal.com asks for bookings by where they are in time, too."""
    end = _instant(str(booking.said.get("endTime")))
    accepted = booking.status == "accepted"
    return any(
        {
            "upcoming": accepted and end >= now,
            "past": accepted and end < now,
            "cancelled": booking.status in ("cancelled", "rejected"),
            "unconfirmed": booking.status == "pending",
        }.get(one, False)
        for one in wanted
    )


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise nest(400, "afterUpdatedAt must be a valid ISO 8601 date string") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


ENDPOINTS = (Endpoint("GET", "/organizations/{orgId}/bookings", _list),)
