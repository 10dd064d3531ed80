"""Samples: every trigger and version, fresh each time, in Cal.com's own spelling."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.samples import TRIGGERS_WITH_SAMPLES, Changes, Someone, changes_from, sample
from ingest.samples.samples import VERSIONS
from workers.errors import BadInput

NOW = datetime(2027, 7, 1, 12, 34, 56, 789_000, tzinfo=UTC)
PAYLOADS = Path(__file__).parents[3] / "payloads"
CAPTURED: list[dict[str, Any]] = json.loads((PAYLOADS / "manifest.json").read_text())


def made(trigger: str, **wanted: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sample(trigger, now=NOW, **wanted))
    return document


def shape(value: Any) -> Any:
    """Keys in their order, and types: what a receiver could trip over."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    return [shape(item) for item in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize("capture", CAPTURED, ids=lambda capture: capture["name"])
def test_a_sample_has_the_keys_order_and_types_of_the_captured_delivery(capture: dict[str, Any]) -> None:
    captured = json.loads((PAYLOADS / capture["body"]).read_bytes())
    version = capture["headers"]["x-cal-webhook-version"]

    assert shape(made(capture["trigger"], version=version)) == shape(captured)


def test_there_is_a_sample_of_every_captured_trigger_and_of_the_one_without_known_shape() -> None:
    captured = {capture["trigger"] for capture in CAPTURED}

    assert set(TRIGGERS_WITH_SAMPLES) == captured | {"CALENDAR_ENTRY_REJECTED"}


@pytest.mark.parametrize("trigger", TRIGGERS_WITH_SAMPLES)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_body_is_one_line_as_json_stringify_writes_it(trigger: str, version: str) -> None:
    body = sample(trigger, now=NOW, version=version)

    again = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()
    assert body == again
    assert b"\n" not in body


def test_non_ascii_names_are_not_escaped() -> None:
    assert "Tomás".encode() in sample("OOO_CREATED", now=NOW)


@pytest.mark.parametrize("trigger", [t for t in TRIGGERS_WITH_SAMPLES if not t.startswith("MEETING_")])
def test_an_event_was_created_just_now(trigger: str) -> None:
    assert made(trigger)["createdAt"] == "2027-07-01T12:34:56.789Z"


def test_a_meeting_that_started_began_within_the_last_quarter_of_an_hour_and_was_booked_before() -> None:
    body = made("MEETING_STARTED")

    start = datetime.fromisoformat(body["startTime"])
    assert timedelta(0) <= NOW - start < timedelta(minutes=15)
    assert datetime.fromisoformat(body["createdAt"]) < start
    assert "payload" not in body


def test_two_samples_are_two_bookings() -> None:
    one, other = made("BOOKING_CREATED")["payload"], made("BOOKING_CREATED")["payload"]

    assert one["uid"] != other["uid"]
    assert one["bookingId"] != other["bookingId"]
    assert re.fullmatch(r"[1-9A-HJ-NP-Za-km-z]{22}", one["uid"])


def test_one_uid_gives_one_booking_whatever_the_trigger_and_version() -> None:
    created = made("BOOKING_CREATED", uid="uid-1", version="2026-07-27")["payload"]
    cancelled = made("BOOKING_CANCELLED", uid="uid-1")["payload"]
    reported = made("WRONG_ASSIGNMENT_REPORT", uid="uid-1")["payload"]["booking"]
    started = made("MEETING_STARTED", uid="uid-1")

    assert {created["uid"], cancelled["uid"], reported["uid"], started["uid"]} == {"uid-1"}
    ids = {created["bookingId"], cancelled["bookingId"], reported["id"], started["id"]}
    assert len(ids) == 1


def test_nothing_of_the_captured_booking_is_left() -> None:
    for trigger in TRIGGERS_WITH_SAMPLES:
        body = sample(trigger, now=NOW, version=VERSIONS[-1])

        for old in (b"4hQ9sVtXwZbK2mNcR7yPeA", b"7pLd3WnEoYs8KvJxTq1MzC", b"3310457", b"2026-12-03", b"20261203"):
            assert old not in body, (trigger, old)


def test_each_path_keeps_its_own_spelling_of_instants() -> None:
    def start(trigger: str) -> str:
        return str(made(trigger, changes=Changes(start=NOW))["payload"]["startTime"])

    assert start("BOOKING_CREATED") == "2027-07-01T12:34:56Z"
    assert start("BOOKING_CANCELLED") == "2027-07-01T12:34:56+00:00"
    assert start("BOOKING_REJECTED") == "2027-07-01T12:34:56.789Z"


def test_the_calendar_file_says_the_same_times_as_the_booking() -> None:
    changes = Changes(start=NOW, end=NOW + timedelta(minutes=50))

    payload = made("BOOKING_CREATED", version="2026-07-27", changes=changes)["payload"]

    assert payload["length"] == 50
    assert "DTSTART:20270701T123456Z\r\nDURATION:PT50M" in payload["attendeeIcsContent"]


def test_a_version_without_a_form_of_its_own_gives_the_earlier_one() -> None:
    early, late = (sample("OOO_CREATED", now=NOW, uid="u", version=version) for version in VERSIONS)

    assert early == late


def test_people_are_replaced_wherever_they_are_named() -> None:
    organizer = Someone(id=7, name="Zoë Quill", email="zoe@quill.example", time_zone="Asia/Kolkata")
    attendee = Someone(name="Ann Ob Low", email="ann@low.example")

    body = sample("BOOKING_CREATED", now=NOW, changes=Changes(organizer=organizer, attendee=attendee))

    payload = json.loads(body)["payload"]
    assert payload["title"] == "Intake call between Zoë Quill and Ann Ob Low"
    assert (payload["organizer"]["id"], payload["organizer"]["utcOffset"]) == (7, 330)
    assert (payload["attendees"][0]["firstName"], payload["attendees"][0]["lastName"]) == ("Ann", "Ob Low")
    assert b"okonkwo" not in body.lower()
    assert b"priya" not in body.lower()


def test_offsets_are_those_of_the_day() -> None:
    assert made("BOOKING_CREATED")["payload"]["organizer"]["utcOffset"] == 60  # London in July


def test_a_slug_is_replaced_and_other_types_are_not() -> None:
    payload = made("BOOKING_CREATED", changes=Changes(type="time-off"))["payload"]

    assert payload["type"] == "time-off"
    assert payload["videoCallData"]["type"] == "daily_video"


def test_a_reschedule_names_the_booking_it_replaces() -> None:
    changes = Changes(uid="new", previous_uid="old", previous_start=NOW, previous_end=NOW + timedelta(hours=1))

    payload = made("BOOKING_RESCHEDULED", changes=changes)["payload"]

    assert (payload["uid"], payload["rescheduleUid"]) == ("new", "old")
    assert payload["rescheduleId"] == made("BOOKING_CREATED", uid="old")["payload"]["bookingId"]
    assert payload["rescheduleStartTime"] == "2027-07-01T12:34:56Z"


def test_started_and_ended_of_one_booking_share_the_idempotency_key() -> None:
    changes = Changes(uid="u", start=NOW, end=NOW + timedelta(minutes=30))
    started, ended = (made(t, changes=changes) for t in ("MEETING_STARTED", "MEETING_ENDED"))

    assert started["idempotencyKey"] == ended["idempotencyKey"]
    assert started["idempotencyKey"] != made("MEETING_STARTED")["idempotencyKey"]


def test_an_absence_keeps_its_midnights() -> None:
    entry = made("OOO_CREATED")["payload"]["oooEntry"]

    assert entry["start"].endswith("T00:00:00+00:00")
    assert entry["end"].endswith("T23:59:59+00:00")


def test_a_payload_is_laid_over_the_sample() -> None:
    over = {"cancellationReason": "ill", "organizer": {"timeZone": "UTC"}}

    payload = made("BOOKING_CANCELLED", changes=Changes(payload=over))["payload"]

    assert payload["cancellationReason"] == "ill"
    assert payload["organizer"]["timeZone"] == "UTC"
    assert payload["organizer"]["name"] == "Maya Okonkwo"
    assert made("MEETING_ENDED", changes=Changes(payload={"paid": True}))["paid"] is True


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"trigger": "BOOKING_CONFIRMED"}, "BOOKING_CREATED"),
        ({"trigger": "PING", "version": "2099-01-01"}, "2026-07-27"),
        ({"trigger": "PING", "changes": Changes(attendee=Someone(time_zone="../etc"))}, "IANA"),
        ({"trigger": "BOOKING_CREATED", "changes": Changes(start=datetime.max.replace(tzinfo=UTC))}, "9999"),
    ],
)
def test_what_there_is_no_sample_of_is_refused_with_what_there_is(wanted: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        sample(now=NOW, **wanted)


def test_changes_are_read_from_json_and_a_wrong_key_is_named() -> None:
    document = {"uid": "u", "start": "2027-01-01T00:00:00Z", "organizer": {"timeZone": "UTC"}}

    assert changes_from(document).organizer.time_zone == "UTC"
    for wrong, named in (({"uidd": 1}, "uidd"), ({"start": "2027-01-01T00:00:00"}, "start"), ([], "object")):
        with pytest.raises(BadInput, match=named):
            changes_from(wrong)
