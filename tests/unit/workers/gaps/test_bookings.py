from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workers.gaps.bookings import Booking, booking, known, missing

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
HOST = {"id": 41, "email": "Maya@acme.example"}


def told(**more: Any) -> Booking:
    row = {
        "uid": "uid-1",
        "status": "accepted",
        "updatedAt": "2026-11-25T10:00:00Z",
        "createdAt": "2026-11-25T10:00:00Z",
    }
    made = booking({**row, "hosts": [HOST], **more})
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("before", "row", "lacks"),
    [
        ((), {}, "BOOKING_CREATED"),
        ((), {"status": "PENDING"}, "BOOKING_REQUESTED"),
        (("BOOKING_REQUESTED",), {}, "BOOKING_CREATED"),
        (("BOOKING_CREATED",), {}, None),
        (("BOOKING_CREATED",), {"status": "pending"}, None),
        (("BOOKING_CREATED",), {"status": "cancelled"}, "BOOKING_CANCELLED"),
        (("BOOKING_CREATED", "BOOKING_CANCELLED"), {"status": "cancelled"}, None),
        (("BOOKING_CREATED",), {"status": "cancelled", "rescheduledToUid": "uid-9"}, None),
        (("BOOKING_REQUESTED",), {"status": "rejected"}, "BOOKING_REJECTED"),
        ((), {"rescheduledFromUid": "uid-0"}, "BOOKING_RESCHEDULED"),
        (("BOOKING_RESCHEDULED",), {"rescheduledFromUid": "uid-0"}, None),
        (("BOOKING_PAYMENT_INITIATED",), {}, None),
        (("BOOKING_PAYMENT_INITIATED", "BOOKING_PAID"), {}, "BOOKING_CREATED"),
        (("BOOKING_CREATED",), {"hosts": [{"id": 42, "email": "sam@acme.example"}]}, "BOOKING_HOST_CHANGED"),
        (("BOOKING_CREATED",), {"hosts": [{"email": "sam@acme.example"}]}, "BOOKING_HOST_CHANGED"),
        (("BOOKING_CREATED",), {"hosts": [{"email": "maya@ACME.example"}]}, None),
        (("BOOKING_CREATED",), {"hosts": [{"id": 42}, {"id": 41}]}, None),
        (("BOOKING_CREATED",), {"hosts": []}, None),
        (("BOOKING_CREATED", "BOOKING_CANCELLED"), {"status": "cancelled", "hosts": [{"id": 42}]}, None),
        (("BOOKING_CREATED",), {"status": "dreamt of"}, None),
    ],
)
def test_what_the_history_lacks_of_a_booking(before: tuple[str, ...], row: dict[str, Any], lacks: str | None) -> None:
    seen = known([(trigger, {"id": 41, "email": "maya@acme.example"}) for trigger in before])

    assert missing(told(**row), seen, NOW) == lacks


def test_of_one_that_is_older_than_the_first_look_only_what_became_of_it_is_missing() -> None:
    began = NOW + timedelta(seconds=1)

    assert missing(told(), known([]), began) is None
    assert missing(told(createdAt=None), known([]), NOW) is None
    assert missing(told(status="cancelled"), known([]), began) == "BOOKING_CANCELLED"
    assert missing(told(), known([("BOOKING_REQUESTED", None)]), began) == "BOOKING_CREATED"


def test_the_host_is_whom_the_last_event_that_names_one_named() -> None:
    seen = known(
        [
            ("BOOKING_CREATED", {"id": 41, "email": "maya@acme.example"}),
            ("BOOKING_HOST_CHANGED", {"id": 42, "email": "sam@acme.example"}),
            ("BOOKING_NO_SHOW_UPDATED", {"id": 7, "email": "other@acme.example"}),
            ("MEETING_STARTED", None),
        ]
    )

    assert seen.host is not None
    assert seen.host.id == 42
