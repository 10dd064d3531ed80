"""Deliveries that are shaped like Cal.com's, and less usual than the recorded ones; then hostile ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from workers.catalogue.event import Booking, Event, EventType, Kind, Person
from workers.catalogue.mask import MASK
from workers.catalogue.read import read

PAYLOADS = Path(__file__).parents[3] / "payloads"
RECEIVED = datetime(2027, 1, 1, 12, tzinfo=UTC)
SERIES = "9c0e1f4e-2f2c-4f0e-8f57-2c9a4d1e7b60"
PRIYA = Person(name="Priya Raman", email="priya.raman@example.net", time_zone="America/New_York")


def read_bytes(body: bytes, content_type: str | None = "application/json", version: str | None = None) -> Event:
    return read(body, content_type=content_type, version=version, received_at=RECEIVED)


def read_case(name: str) -> Event:
    """A file of tests/payloads/<trigger>/."""
    return read_bytes((PAYLOADS / name).read_bytes())


def read_object(**document: Any) -> Event:
    return read_bytes(json.dumps(document).encode())


def read_booking(**payload: Any) -> Event:
    return read_object(triggerEvent="BOOKING_CREATED", createdAt="2026-11-23T10:00:00Z", payload=payload)


# --- meetings ---------------------------------------------------------------------------------------------


def test_a_back_filled_meeting_takes_its_people_from_the_row_and_the_raw_responses() -> None:
    event = read_case("MEETING_STARTED/back_filled_row.json")
    assert event.kind is Kind.MEETING
    assert event.occurred_at == datetime(2026, 12, 3, 15, 0, tzinfo=UTC)
    assert event.booking == Booking(uid="4hQ9sVtXwZbK2mNcR7yPeA", id=3310457)
    maya = Person(id=90211, email="maya.okonkwo@harbourlight.example", no_show=False)
    assert event.organizer == maya
    assert event.hosts == (maya,)
    assert event.attendees == (
        Person(name="Priya Raman", email="priya.raman@example.net"),
        Person(email="omar.haddad@example.net"),
    )
    assert event.notes == "Please ring twice"


def test_a_meeting_of_a_series_names_the_series_and_the_booking_it_replaced() -> None:
    event = read_case("MEETING_ENDED/occurrence_of_a_series.json")
    assert event.booking == Booking(
        uid="sErIesOccurrence2uid456",
        id=3315002,
        previous_uid="oLdUidBeforeTheMove1234",
        series=SERIES,
    )
    assert event.organizer is not None
    assert event.organizer.no_show is True
    assert event.occurred_at == datetime(2026, 12, 3, 15, 30, tzinfo=UTC)


def test_a_meeting_without_a_usable_start_occurred_when_it_was_received() -> None:
    event = read_object(triggerEvent="MEETING_STARTED", uid="u", createdAt="2026-01-01T00:00:00Z", startTime=7)
    assert event.occurred_at == RECEIVED
    assert event.booking == Booking(uid="u")


def test_the_test_button_for_a_meeting_is_an_enveloped_meeting_without_booking() -> None:
    event = read_case("MEETING_STARTED/test_button.json")
    assert (event.kind, event.trigger, event.booking) == (Kind.MEETING, "MEETING_STARTED", None)
    assert event.occurred_at == datetime(2026, 11, 23, 10, 0, 0, 1000, tzinfo=UTC)
    assert event.title == "Test trigger event"


# --- bookings ---------------------------------------------------------------------------------------------


def test_a_seat_is_told_by_its_id() -> None:
    booking = read_case("BOOKING_CREATED/seat.json").booking
    assert booking is not None
    assert booking.seat == "3c5e9a70-6b4b-4a1c-b2a8-d0b9a3a1f6de"


def test_a_seat_removed_without_its_id_is_told_by_the_lone_attendee() -> None:
    booking = read_case("BOOKING_CANCELLED/seat_without_its_id.json").booking
    assert booking is not None
    assert booking.seat == "priya.raman@example.net"


@pytest.mark.parametrize(
    ("said", "seat", "replaces"),
    [
        ({"attendeeSeatId": "s1", "rescheduledBy": "maya@host.example"}, "s1", None),
        ({"rescheduledBy": "Priya.Raman@example.net"}, "priya.raman@example.net", None),
        ({"rescheduledBy": "maya@host.example"}, None, "old"),
        ({}, None, "old"),
    ],
    ids=["by its id", "by its attendee", "the host moves all", "nobody is named"],
)
def test_a_reschedule_is_of_one_seat_or_of_the_whole_booking(
    said: dict[str, Any], seat: str | None, replaces: str | None
) -> None:
    guest = [{"email": "priya.raman@example.net"}]
    booking = read_booking(uid="new", rescheduleUid="old", seatsPerTimeSlot=5, attendees=guest, **said).booking
    assert booking == Booking(uid="new", previous_uid="old", seat=seat)
    assert booking.replaces == replaces


def test_several_attendees_of_a_seated_booking_are_no_seat() -> None:
    guests = [{"email": "a@example.net"}, {"email": "b@example.net"}]
    assert read_booking(uid="u", seatsPerTimeSlot=5, attendees=guests).booking == Booking(uid="u")


def test_the_lone_attendee_of_an_unseated_booking_is_no_seat() -> None:
    assert read_booking(uid="u", seatsPerTimeSlot=None, attendees=[{"email": "a@b.c"}]).booking == Booking(uid="u")


def test_a_recurrence_without_the_series_id_invents_none() -> None:
    event = read_case("BOOKING_CREATED/recurring_by_count.json")
    assert event.booking == Booking(uid="sErIesOccurrence1uid123", id=3315001)


def test_the_cancelling_of_a_whole_series_names_the_series() -> None:
    event = read_case("BOOKING_CANCELLED/whole_series.json")
    assert event.booking == Booking(uid="sErIesOccurrence1uid123", id=3315001, series=SERIES)


def test_the_hosts_of_a_collective_booking_are_the_organizer_then_the_other_members() -> None:
    event = read_case("BOOKING_CREATED/collective.json")
    assert [host.email for host in event.hosts] == [
        "maya.okonkwo@harbourlight.example",
        "tomas.rivera@harbourlight.example",
    ]


def test_a_host_added_by_a_reassignment_is_a_host_by_id() -> None:
    event = read_booking(uid="u", organizer={"id": 1, "name": "A"}, addedHostUserIds=[1, 2, "3", None])
    assert event.hosts == (Person(id=1, name="A"), Person(id=2))


def test_a_booking_that_names_itself_as_the_one_before_has_none_before() -> None:
    assert read_booking(uid="u", rescheduleUid="u").booking == Booking(uid="u")


def test_the_test_button_for_a_booking_is_a_booking_event_without_booking() -> None:
    event = read_case("BOOKING_CREATED/test_button.json")
    assert (event.kind, event.booking, event.event_type) == (Kind.BOOKING, None, None)
    assert event.attendees[0].email == "jdoe@example.com"


def test_a_ping_stays_a_ping_whatever_its_type_says() -> None:
    event = read_object(triggerEvent="PING", payload={"type": "intake-call", "title": "t"})
    assert (event.kind, event.type, event.event_type, event.booking) == (Kind.PING, "intake-call", None, None)


def test_an_attendees_id_is_left_out_for_it_would_pass_for_a_users() -> None:
    event = read_booking(uid="u", attendees=[{"id": 7719930, "firstName": "Priya", "lastName": "", "email": "p@e.x"}])
    assert event.attendees == (Person(name="Priya", email="p@e.x"),)


def test_a_rescheduling_reason_is_a_note() -> None:
    event = read_booking(
        uid="u",
        description="Bring the letter",
        responses={
            "notes": "Bring the letter",
            "rescheduleReason": {"label": "reason", "value": "Train strike"},
        },
    )
    assert event.notes == "Bring the letter\nTrain strike"


def test_a_secret_never_becomes_a_note() -> None:
    event = read_booking(
        uid="u",
        oneTimePassword="secret-1",
        videoCallData={"password": "secret-2", "url": "https://v.example/?token=secret-3"},
        connectAndJoinUrl="https://v.example/?token=secret-4",
        downloadLink="https://v.example/?token=secret-5",
        additionalNotes="Ring twice",
    )
    assert event.notes == "Ring twice"


def test_what_is_hidden_in_a_payload_is_hidden_in_title_and_notes_too() -> None:
    said = {
        "title": "Call at https://meet.example/j/1?pwd=hunter2",
        "additionalNotes": "Passcode: hunter2",
        "responses": {"notes": {"value": "https://meet.example/j/1?token=hunter2"}},
    }
    event = read_booking(**said)
    assert event.title == f"Call at https://meet.example/j/1?pwd={MASK}"
    assert event.notes == f"Passcode: {MASK}\nhttps://meet.example/j/1?token={MASK}"
    assert event.payload == said


def test_the_calendars_refusal_is_read_like_a_booking() -> None:
    event = read_object(triggerEvent="CALENDAR_ENTRY_REJECTED", payload={"bookingUid": "u", "title": "Intake"})
    assert (event.kind, event.booking, event.title) == (Kind.BOOKING, Booking(uid="u"), "Intake")


# --- forms, absences, reports -----------------------------------------------------------------------------


def test_a_forms_answers_at_the_root_are_not_believed() -> None:
    event = read_case("FORM_SUBMITTED/hostile_root_keys.json")
    assert event.kind is Kind.FORM
    assert (event.booking, event.status, event.start, event.organizer) == (None, None, None, None)
    assert event.title == "Patient intake router"
    assert event.attendees == (Person(name="Priya Raman", email="priya.raman@example.net"),)
    assert set(event.payload) == {"formId", "formName", "teamId", "responses"}


def test_a_form_whose_payload_is_missing_its_object_says_nothing_else() -> None:
    event = read_object(triggerEvent="FORM_SUBMITTED", createdAt=5, payload=None, uid="u", title="t")
    assert (event.kind, event.booking, event.title, event.payload) == (Kind.FORM, None, None, {})
    assert event.occurred_at == RECEIVED


def test_two_addresses_in_a_form_are_two_people_without_names() -> None:
    event = read_case("FORM_SUBMITTED/two_addresses.json")
    assert event.attendees == (
        Person(email="priya.raman@example.net"),
        Person(email="gp.surgery@example.net"),
    )
    assert event.booking is None


def test_a_form_without_responses_names_nobody() -> None:
    event = read_case("ROUTING_FORM_FALLBACK_HIT/without_responses.json")
    assert (event.title, event.attendees) == ("Patient intake router", ())


def test_the_absent_host_is_the_one_the_delivery_is_about() -> None:
    event = read_case("AFTER_HOSTS_CAL_VIDEO_NO_SHOW/second_host.json")
    assert event.organizer == Person(email="tomas.rivera@harbourlight.example", no_show=True)


def test_an_absence_of_summer_is_in_utc_and_may_lack_reason_and_stand_in() -> None:
    event = read_case("OOO_CREATED/edited_without_reason.json")
    assert event.start == datetime(2026, 6, 30, 23, 0, tzinfo=UTC)
    assert event.end == datetime(2026, 7, 3, 22, 59, 59, tzinfo=UTC)
    assert (event.type, event.notes) == (None, None)
    assert [host.id for host in event.hosts] == [90211]


def test_a_report_in_the_documented_words_is_read_too() -> None:
    event = read_case("WRONG_ASSIGNMENT_REPORT/as_documented.json")
    assert event.notes == "Routed based on reason: New patient"
    assert (event.event_type, event.attendees, event.type) == (None, (), None)
    assert [host.name for host in event.hosts] == ["Maya Okonkwo", "Tomás Rivera"]


# --- templates and other shapes ---------------------------------------------------------------------------


def test_a_templated_body_is_of_unknown_kind_and_still_says_whose_booking_it_is() -> None:
    event = read_case("BOOKING_CREATED/templated.json")
    assert (event.kind, event.trigger) == (Kind.UNKNOWN, None)
    assert event.booking == Booking(uid="4hQ9sVtXwZbK2mNcR7yPeA")
    assert event.event_type == EventType(id=771203, slug="intake-call")
    assert (event.start, event.end) == (
        datetime(2026, 12, 3, 15, 0, tzinfo=UTC),
        datetime(2026, 12, 3, 15, 30, tzinfo=UTC),
    )
    assert event.attendees == (Person(email="priya.raman@example.net"),)
    assert event.payload["event"] == "new booking"
    assert event.occurred_at == RECEIVED


def test_a_template_that_keeps_the_envelope_without_trigger_is_read_and_kept_whole() -> None:
    event = read_object(event="x", createdAt="2026-11-23T10:00:00Z", payload={"uid": "u"})
    assert (event.kind, event.booking) == (Kind.UNKNOWN, Booking(uid="u"))
    assert event.payload == {"event": "x", "createdAt": "2026-11-23T10:00:00Z", "payload": {"uid": "u"}}


def test_a_templated_text_is_unparsed_and_named_by_its_content_type() -> None:
    body = (PAYLOADS / "BOOKING_CREATED/templated_as_text.body").read_bytes()
    event = read_bytes(body, "application/x-www-form-urlencoded; charset=utf-8")
    assert (event.kind, event.trigger, event.payload) == (Kind.UNPARSED, None, {})
    assert event.title == "application/x-www-form-urlencoded, 75 bytes"
    assert event.occurred_at == RECEIVED


@pytest.mark.parametrize(
    "body",
    [b"", b"false", b"null", b"[]", b"7", b'"BOOKING_CREATED"', b"{", b"\xff\xfe", b"{}{}", b"a=b&c=d"],
)
def test_what_is_no_json_object_is_unparsed(body: bytes) -> None:
    event = read_bytes(body, None)
    assert (event.kind, event.trigger, event.payload, event.occurred_at) == (
        Kind.UNPARSED,
        None,
        {},
        RECEIVED,
    )
    assert event.title == f"no content type, {len(body)} bytes"


def test_the_failed_template_of_five_bytes_is_unparsed() -> None:
    assert read_case("BOOKING_CREATED/failed_template.body").kind is Kind.UNPARSED


def test_json_under_a_form_content_type_is_parsed() -> None:
    body = (PAYLOADS / "BOOKING_CREATED.body").read_bytes()
    event = read_bytes(body, "application/x-www-form-urlencoded")
    assert (event.kind, event.attendees) == (Kind.BOOKING, (PRIYA,))


def test_an_unknown_trigger_is_kept_and_its_envelope_read() -> None:
    event = read_object(triggerEvent="SCHEDULE_UPDATED", createdAt="2026-11-23T10:00:00Z", payload={"uid": "u"})
    assert (event.kind, event.trigger) == (Kind.UNKNOWN, "SCHEDULE_UPDATED")
    assert event.booking == Booking(uid="u")
    assert event.payload == {"uid": "u"}
    assert event.occurred_at == datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize("trigger", [None, 7, "", "  ", ["BOOKING_CREATED"], {"a": 1}, True])
def test_a_trigger_that_is_no_text_is_none(trigger: object) -> None:
    event = read_object(triggerEvent=trigger, payload={"uid": "u"})
    assert (event.kind, event.trigger) == (Kind.UNKNOWN, None)


@pytest.mark.parametrize(
    ("payload", "kept"),
    [(None, {}), ("text", {"value": "text"}), ([1], {"value": [1]}), (False, {"value": False})],
)
def test_a_payload_that_is_no_object_is_kept_as_a_value(payload: object, kept: dict[str, Any]) -> None:
    event = read_object(triggerEvent="BOOKING_CREATED", payload=payload)
    assert (event.kind, event.payload, event.booking) == (Kind.BOOKING, kept, None)


# --- sizes and characters ---------------------------------------------------------------------------------


def test_identifiers_beyond_their_column_are_refused_and_labels_cut() -> None:
    event = read_booking(
        uid="u" * 256,
        bookingUid="v" * 255,
        title="t" * 10_001,
        status="s" * 256,
        description="d" * 10_001,
        organizer={"id": 2**63, "name": "n" * 256, "email": "e" * 309 + "@example.net"},
        attendees=[{"name": "a", "email": "e" * 308 + "@example.net"}],
    )
    assert event.booking == Booking(uid="v" * 255)
    assert event.title == "t" * 10_000
    assert event.status == "s" * 255
    assert event.notes == "d" * 10_000
    assert event.organizer == Person(name="n" * 255)
    assert event.attendees[0].email == "e" * 308 + "@example.net"


@pytest.mark.parametrize("id_", [2**63, -(2**63) - 1, 1.0, True, "7", None, 1e300])
def test_an_id_that_is_no_whole_number_of_64_bits_is_none(id_: object) -> None:
    assert read_booking(uid="u", bookingId=id_).booking == Booking(uid="u")


def test_a_long_trigger_is_cut() -> None:
    assert read_object(triggerEvent="T" * 1000).trigger == "T" * 255


def test_characters_that_cannot_be_stored_are_replaced_everywhere() -> None:
    event = read_bytes(rb'{"triggerEvent":"X\u0000","payload":{"uid":"a\u0000b","t\ud800":["\udfff"]}}')
    assert event.trigger == "X\ufffd"
    assert event.booking == Booking(uid="a\ufffdb")
    assert event.payload == {"uid": "a\ufffdb", "t\ufffd": ["\ufffd"]}


def test_no_more_than_a_thousand_people_are_taken_from_one_list() -> None:
    event = read_booking(uid="u", attendees=[{"email": f"{n}@example.net"} for n in range(1200)])
    assert len(event.attendees) == 1000
    assert len(event.payload["attendees"]) == 1200


# --- headers and clocks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "kept"),
    [
        ("2026-07-27", "2026-07-27"),
        (None, None),
        ("", None),
        (" \x00\xff2026\r\n", "2026"),
        ("v" * 9999, "v" * 255),
    ],
)
def test_the_version_is_the_headers_printable_text(version: str | None, kept: str | None) -> None:
    assert read_bytes(b"{}", version=version).webhook_version == kept
    assert read_bytes(b"", version=version).webhook_version == kept


def test_the_receipts_time_is_given_in_utc() -> None:
    received = datetime(2027, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    event = read(b"{}", content_type=None, version=None, received_at=received)
    assert event.occurred_at == received
    assert event.occurred_at is not None
    assert event.occurred_at.tzinfo is UTC
