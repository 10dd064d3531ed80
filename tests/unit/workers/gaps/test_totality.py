"""Any answer gives facts, events and names, or none; never an error."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.actions import echo
from workers.catalogue.own import FOUND
from workers.gaps import bookings, telling
from workers.gaps.compare import Change, Kind
from workers.gaps.parts import PARTS, Part, storable
from workers.gaps.telling import Looked

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
LOOKED = Looked(NOW - timedelta(hours=1), NOW)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "id", "userId", "toUserId", "name", "email", "username", "timeZone", "role", "accepted", "user", "attributes",
    "start", "end", "notes", "reason", "slug", "type", "enabled", "options", "subscriberUrl", "triggers", "active",
)  # fmt: skip
OF_BOOKING = (
    "id", "title", "hosts", "attendees", "eventType", "start", "end", "createdAt", "rescheduledFromUid", "metadata",
    "rescheduledToUid", "bookingFieldsResponses", "recurringBookingUid", "location", "cancellationReason",
)  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8), JSON)
def test_any_row_of_a_list(part: Part, row: dict[str, Any], more: Any) -> None:
    (kept,) = storable([{"id": 7, **row}])
    fact = part.fact(kept)
    if fact is None:
        return
    for kind in Kind:
        before, now = (None if kind is Kind.ADDED else fact.document), (None if kind is Kind.REMOVED else fact.document)
        event = telling.event(part, Change(kind, fact.key, before, now), lambda user: {"name": more}, LOOKED)
        json.dumps(event.payload)
        echo.of_event({"trigger": event.trigger, "kind": "synthetic", "connection": "acme", "payload": event.payload})
        assert event.trigger in FOUND or event.trigger == "OOO_CREATED"


@settings(max_examples=40)
@given(
    st.dictionaries(st.sampled_from(OF_BOOKING), JSON, max_size=8),
    st.sampled_from(["accepted", "cancelled", "PENDING"]),
)
def test_any_booking(row: dict[str, Any], status: str) -> None:
    (kept,) = storable([{**row, "uid": "uid-1", "status": status, "updatedAt": "2026-11-25T08:00:00Z"}])
    one = bookings.booking(kept)
    assert one is not None
    known = bookings.known([("BOOKING_CREATED", {"id": 41, "email": "a@b.example"})])
    for trigger in {bookings.missing(one, known, NOW), "BOOKING_CREATED"} - {None}:
        event = bookings.event(one, str(trigger), LOOKED)
        assert (event.trigger, event.booking and event.booking.uid) == (trigger, "uid-1")


@settings(max_examples=40)
@given(JSON)
def test_any_row_of_bookings(row: Any) -> None:
    bookings.booking(storable([row])[0])


@settings(max_examples=40)
@given(st.sampled_from(sorted(FOUND)), JSON, JSON)
def test_any_payload_of_what_was_found(trigger: str, one: Any, two: Any) -> None:
    for payload in (one, {"user": one, "membership": two, "oooEntry": one, "found": two, "attribute": {"id": two}}):
        event = {"trigger": trigger, "kind": "synthetic", "connection": "acme", "payload": payload}
        echo.of_event(event)
        echo.window(event)
