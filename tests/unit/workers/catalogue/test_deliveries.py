"""What each recorded delivery says, field by field. The expected values are written out, not computed."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workers.catalogue.event import Booking, Event, EventType, Kind, Person
from workers.catalogue.read import read

PAYLOADS = Path(__file__).parents[3] / "payloads"
DELIVERIES: list[dict[str, Any]] = json.loads((PAYLOADS / "manifest.json").read_bytes())
RECEIVED = datetime(2027, 1, 1, tzinfo=UTC)

MAYA = Person(
    id=90211,
    name="Maya Okonkwo",
    email="maya.okonkwo@harbourlight.example",
    time_zone="Europe/London",
    username="maya-harbourlight",
)
TOMAS = Person(
    id=90212,
    name="Tomás Rivera",
    email="tomas.rivera@harbourlight.example",
    time_zone="Europe/Madrid",
    username="tomas-harbourlight",
)
PRIYA = Person(name="Priya Raman", email="priya.raman@example.net", time_zone="America/New_York")
FORM_ID = "0d6a6a0c-6f6d-4b8f-a7ce-cc1c5b1f5a77"
UID = "4hQ9sVtXwZbK2mNcR7yPeA"


def at(text: str) -> datetime:
    """`12-03 15:00:00.5` of 2026, in UTC; the one shorthand of this table."""
    form = "%Y-%m-%d %H:%M:%S.%f" if "." in text else "%Y-%m-%d %H:%M:%S"
    return datetime.strptime(f"2026-{text}", form).replace(tzinfo=UTC)


INTAKE = Event(
    kind=Kind.BOOKING,
    trigger="BOOKING_CREATED",
    webhook_version="2021-10-20",
    occurred_at=at("11-23 10:04:34.512"),
    title="Intake call between Maya Okonkwo and Priya Raman",
    status="ACCEPTED",
    type="intake-call",
    start=at("12-03 15:00:00"),
    end=at("12-03 15:30:00"),
    booking=Booking(uid=UID, id=3310457),
    event_type=EventType(id=771203, slug="intake-call"),
    organizer=MAYA,
    hosts=(MAYA,),
    attendees=(PRIYA,),
    notes="First visit, please call from reception.",
)
CONSULT = replace(
    INTAKE,
    title="Paid consult between Maya Okonkwo and Priya Raman",
    type="consult-paid",
    start=at("12-10 10:00:00"),
    end=at("12-10 10:30:00"),
    booking=Booking(uid="bG5rUaHfCi6SjOwX9tDkEy", id=3312044),
    event_type=EventType(id=771288, slug="consult-paid"),
)
RESCHEDULED = replace(
    INTAKE,
    trigger="BOOKING_RESCHEDULED",
    occurred_at=at("11-24 08:30:02.099"),
    start=at("12-04 16:00:00"),
    end=at("12-04 16:30:00"),
    booking=Booking(uid="7pLd3WnEoYs8KvJxTq1MzC", id=3311902, previous_uid=UID),
)
CANCELLED = replace(
    INTAKE,
    trigger="BOOKING_CANCELLED",
    occurred_at=at("11-25 12:00:40.731"),
    status="CANCELLED",
    notes=(
        "First visit, please call from reception.\n"
        "30 minute intake with a coordinator\n"
        "Feeling better, no longer needed"
    ),
)
REASSIGNED = replace(
    INTAKE,
    trigger="BOOKING_REASSIGNED",
    occurred_at=at("11-24 09:05:00.120"),
    title="Intake call between Tomás Rivera and Priya Raman",
    organizer=TOMAS,
    hosts=(TOMAS,),
)
PAID = replace(CONSULT, trigger="BOOKING_PAID", occurred_at=at("11-23 13:02:55.480"), notes=None)
MEETING = replace(
    INTAKE,
    kind=Kind.MEETING,
    trigger="MEETING_STARTED",
    occurred_at=at("12-03 15:00:00"),
    type=None,
    event_type=EventType(id=771203),
    organizer=replace(MAYA, no_show=False),
    hosts=(replace(MAYA, no_show=False),),
    attendees=(replace(PRIYA, no_show=False),),
)
MAYA_OF_A_RECORDING = Person(name="Maya Okonkwo", email="maya.okonkwo@harbourlight.example", time_zone="Europe/London")
RECORDING = replace(
    INTAKE,
    kind=Kind.RECORDING,
    trigger="RECORDING_READY",
    occurred_at=at("12-03 15:41:09.675"),
    status=None,
    type=None,
    booking=Booking(uid=UID),
    event_type=None,
    organizer=MAYA_OF_A_RECORDING,
    hosts=(MAYA_OF_A_RECORDING,),
)
FORM = Event(
    kind=Kind.FORM,
    trigger="FORM_SUBMITTED",
    webhook_version="2021-10-20",
    occurred_at=at("11-23 09:30:00.010"),
    title="Patient intake router",
    type=FORM_ID,
    attendees=(Person(name="Priya Raman", email="priya.raman@example.net"),),
)
DELEGATION = Event(
    kind=Kind.DELEGATION,
    trigger="DELEGATION_CREDENTIAL_SECRET_ROTATED",
    webhook_version="2021-10-20",
    occurred_at=at("11-23 03:00:00"),
    title="harbourlight.example",
)
SOFIA = Person(id=90213, email="sofia.lindqvist@harbourlight.example")
ABSENT_MAYA = Person(email="maya.okonkwo@harbourlight.example", no_show=True)
REPORTED_MAYA = Person(name="Maya Okonkwo", email="maya.okonkwo@harbourlight.example")
CAL = Person(name="Cal", email="no-reply@cal.com", time_zone="Europe/London")

EXPECTED: dict[str, Event] = {
    "BOOKING_CREATED": INTAKE,
    "BOOKING_CREATED.v2026-07-27": replace(INTAKE, webhook_version="2026-07-27"),
    "BOOKING_REQUESTED": replace(INTAKE, trigger="BOOKING_REQUESTED", status="PENDING"),
    "BOOKING_RESCHEDULED": RESCHEDULED,
    "BOOKING_RESCHEDULED.v2026-07-27": replace(RESCHEDULED, webhook_version="2026-07-27"),
    "BOOKING_CANCELLED": CANCELLED,
    "BOOKING_CANCELLED.v2026-07-27": replace(CANCELLED, webhook_version="2026-07-27"),
    "BOOKING_REJECTED": replace(
        INTAKE,
        trigger="BOOKING_REJECTED",
        occurred_at=at("11-23 11:15:00.004"),
        status="REJECTED",
        notes="First visit, please call from reception.\nClinic closed that afternoon",
    ),
    "BOOKING_PAYMENT_INITIATED": replace(
        CONSULT, trigger="BOOKING_PAYMENT_INITIATED", occurred_at=at("11-23 13:00:10.100")
    ),
    "BOOKING_PAID": PAID,
    "BOOKING_PAID.v2026-07-27": replace(PAID, webhook_version="2026-07-27"),
    "BOOKING_NO_SHOW_UPDATED": Event(
        kind=Kind.NO_SHOW,
        trigger="BOOKING_NO_SHOW_UPDATED",
        webhook_version="2021-10-20",
        occurred_at=at("12-03 15:40:12.774"),
        title="priya.raman@example.net marked as no-show",
        booking=Booking(uid=UID, id=3310457),
        attendees=(Person(email="priya.raman@example.net", no_show=True),),
        notes="priya.raman@example.net marked as no-show",
    ),
    "BOOKING_LOCATION_UPDATED": replace(
        INTAKE, trigger="BOOKING_LOCATION_UPDATED", occurred_at=at("11-24 09:00:00.120")
    ),
    "BOOKING_REASSIGNED": REASSIGNED,
    "BOOKING_REASSIGNED.v2026-07-27": replace(REASSIGNED, webhook_version="2026-07-27"),
    "MEETING_STARTED": MEETING,
    "MEETING_ENDED": replace(MEETING, trigger="MEETING_ENDED", occurred_at=at("12-03 15:30:00")),
    "RECORDING_READY": RECORDING,
    "RECORDING_TRANSCRIPTION_GENERATED": replace(
        RECORDING, trigger="RECORDING_TRANSCRIPTION_GENERATED", occurred_at=at("12-03 15:44:57.101")
    ),
    "INSTANT_MEETING": Event(
        kind=Kind.INSTANT,
        trigger="INSTANT_MEETING",
        webhook_version="2021-10-20",
        occurred_at=at("11-23 14:00:00.002"),
        title="Instant triage",
        booking=Booking(uid="iNsT4ntUidQ2w3e4r5t6y7u"),
        event_type=EventType(id=771299),
        attendees=(Person(name="Priya Raman", email="priya.raman@example.net"),),
        notes="Need help now",
    ),
    "INSTANT_MEETING_ACCEPTED": Event(
        kind=Kind.INSTANT,
        trigger="INSTANT_MEETING_ACCEPTED",
        webhook_version="2021-10-20",
        occurred_at=at("11-23 14:00:41.900"),
        title="Instant triage between Tomás Rivera and Priya Raman",
        status="ACCEPTED",
        start=at("11-23 14:00:00"),
        end=at("11-23 14:30:00"),
        booking=Booking(uid="iNsT4ntUidQ2w3e4r5t6y7u", id=3312100),
        event_type=EventType(id=771299),
        organizer=TOMAS,
        hosts=(TOMAS,),
        attendees=(PRIYA,),
    ),
    "OOO_CREATED": Event(
        kind=Kind.OOO,
        trigger="OOO_CREATED",
        webhook_version="2021-10-20",
        occurred_at=at("11-23 09:00:00.250"),
        title="Out of office: Maya Okonkwo",
        type="ooo_reasons_vacation",
        start=at("12-21 00:00:00"),
        end=at("12-24 23:59:59"),
        organizer=MAYA,
        hosts=(MAYA, TOMAS),
        notes="Family leave",
    ),
    "FORM_SUBMITTED": FORM,
    "FORM_SUBMITTED_NO_EVENT": replace(FORM, trigger="FORM_SUBMITTED_NO_EVENT", occurred_at=at("11-23 09:45:03.870")),
    "ROUTING_FORM_FALLBACK_HIT": replace(
        FORM, trigger="ROUTING_FORM_FALLBACK_HIT", occurred_at=at("11-23 09:30:00.500")
    ),
    "AFTER_HOSTS_CAL_VIDEO_NO_SHOW": replace(
        INTAKE,
        kind=Kind.NO_SHOW,
        trigger="AFTER_HOSTS_CAL_VIDEO_NO_SHOW",
        occurred_at=at("12-03 15:05:31.320"),
        status=None,
        type=None,
        event_type=EventType(id=771203),
        organizer=ABSENT_MAYA,
        hosts=(ABSENT_MAYA,),
        attendees=(replace(PRIYA, no_show=False),),
        notes=(
            "Host with email maya.okonkwo@harbourlight.example didn't join the call"
            " or didn't join before 2026-12-03 15:05:00 +00:00"
        ),
    ),
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW": replace(
        INTAKE,
        kind=Kind.NO_SHOW,
        trigger="AFTER_GUESTS_CAL_VIDEO_NO_SHOW",
        occurred_at=at("12-03 15:05:31.323"),
        status=None,
        type=None,
        event_type=EventType(id=771203),
        organizer=None,
        hosts=(),
        attendees=(replace(PRIYA, no_show=True),),
        notes="Guest didn't join the call or didn't join before 2026-12-03 15:05:00 +00:00",
    ),
    "DELEGATION_CREDENTIAL_ERROR": Event(
        kind=Kind.DELEGATION,
        trigger="DELEGATION_CREDENTIAL_ERROR",
        webhook_version="2021-10-20",
        occurred_at=at("11-23 07:00:01.001"),
        title="CalendarAppDelegationCredentialInvalidGrantError",
        type="CalendarAppDelegationCredentialInvalidGrantError",
        organizer=SOFIA,
        hosts=(SOFIA,),
        notes="Invalid grant: account has been disabled or password changed",
    ),
    "DELEGATION_CREDENTIAL_SECRET_ROTATED": DELEGATION,
    "DELEGATION_CREDENTIAL_ROTATION_REQUIRED": replace(DELEGATION, trigger="DELEGATION_CREDENTIAL_ROTATION_REQUIRED"),
    "DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED": replace(
        DELEGATION,
        trigger="DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED",
        type="SECRET_PROMOTION_FAILED",
        notes="Failed to validate pending secret with workspace platform",
    ),
    "WRONG_ASSIGNMENT_REPORT": replace(
        INTAKE,
        kind=Kind.ASSIGNMENT,
        trigger="WRONG_ASSIGNMENT_REPORT",
        occurred_at=at("12-03 16:00:00.300"),
        organizer=REPORTED_MAYA,
        hosts=(
            REPORTED_MAYA,
            Person(id=90212, name="Tomás Rivera", email="tomas.rivera@harbourlight.example"),
            Person(email="sofia.lindqvist@harbourlight.example"),
        ),
        attendees=(Person(email="priya.raman@example.net"),),
        notes="York patients go to Sofia.\nRouted based on reason: New patient",
    ),
    "PING": Event(
        kind=Kind.PING,
        trigger="PING",
        webhook_version="2021-10-20",
        occurred_at=at("11-23 10:00:00.001"),
        title="Test trigger event",
        type="Test",
        start=at("11-23 10:00:00"),
        end=at("11-23 10:00:00"),
        organizer=CAL,
        hosts=(CAL,),
        attendees=(Person(name="John Doe", email="jdoe@example.com", time_zone="Europe/London"),),
    ),
}


def test_every_recorded_delivery_has_its_line_in_the_table() -> None:
    assert {delivery["name"] for delivery in DELIVERIES} == set(EXPECTED)
    assert len(DELIVERIES) == 33


@pytest.mark.parametrize("delivery", DELIVERIES, ids=lambda delivery: str(delivery["name"]))
def test_a_recorded_delivery_says_what_the_table_says(delivery: dict[str, Any]) -> None:
    body = (PAYLOADS / delivery["body"]).read_bytes()

    event = read(
        body,
        content_type=delivery["headers"]["content-type"],
        version=delivery["headers"]["x-cal-webhook-version"],
        received_at=RECEIVED,
    )

    expected = EXPECTED[delivery["name"]]
    for field in fields(Event):
        if field.name != "payload":
            assert getattr(event, field.name) == getattr(expected, field.name), field.name
    whole = json.loads(body)
    if expected.kind is Kind.MEETING:
        del whole["triggerEvent"]
        assert event.payload == whole
    else:
        assert event.payload == whole["payload"]


def test_the_calendar_files_of_the_newer_version_stay_in_the_payload() -> None:
    body = (PAYLOADS / "BOOKING_PAID.v2026-07-27.body").read_bytes()
    event = read(body, content_type=None, version="2026-07-27", received_at=RECEIVED)
    assert event.payload["attendeeIcsContent"].startswith("BEGIN:VCALENDAR\r\n")
    assert event.payload["organizerIcsContent"].startswith("BEGIN:VCALENDAR\r\n")
