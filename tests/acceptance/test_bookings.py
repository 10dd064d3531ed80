"""`daybook bookings show`: seats and series, from recorded deliveries through the running receiver."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ingest.signatures import sign
from tests.acceptance.conftest import Adopt, Daybook, Eventually, installed
from tests.conftest import PLAIN

PAYLOADS = Path(__file__).parents[1] / "payloads"
SECRET = b"whsec_harbourlight_7Qm2"
SERIES = "9c0e1f4e-2f2c-4f0e-8f57-2c9a4d1e7b60"
OMAR = {"name": "Omar Haddad", "email": "omar.haddad@example.net", "timeZone": "Europe/London"}
#: sends a recorded delivery with another creation time and some of its payload changed; returns when it is an event
Send = Callable[..., None]


@pytest.fixture(scope="module")
def house(adopt: Adopt) -> Iterator[tuple[Daybook, str]]:
    """A running installation, for all tests here: each has bookings of its own."""
    with installed() as daybook:
        url = adopt(daybook)
        daybook.start()
        yield daybook, url


@pytest.fixture
def running(house: tuple[Daybook, str], eventually: Eventually) -> tuple[Daybook, Send]:
    """A running installation, and what sends to it."""
    daybook, url = house

    def send(name: str, at: str, **said: Any) -> None:
        document = json.loads((PAYLOADS / name).read_bytes())
        document |= {"createdAt": f"2026-11-25T{at}:00.000Z", "payload": {**document["payload"], **said}}
        body = json.dumps(document).encode()
        header = {"X-Cal-Signature-256": sign(body, SECRET).decode()}
        before = daybook.events()
        assert httpx2.post(url, content=body, headers=header, **PLAIN).status_code == 202
        eventually(lambda: daybook.events() == before + 1, what="the event")

    return daybook, send


def shown(daybook: Daybook, uid: str) -> dict[str, Any]:
    (told,) = daybook.json("bookings", "show", uid)
    found: dict[str, Any] = told
    return found


def attendees(told: dict[str, Any]) -> list[str]:
    return [person["name"] for person in told["state"]["attendees"]]


def test_a_seat_removed_without_its_id_leaves_the_booking_to_the_others(running: tuple[Daybook, Send]) -> None:
    daybook, send = running
    send("BOOKING_CREATED/seat.json", "10:00", uid="seats")
    send("BOOKING_CREATED/seat.json", "10:01", uid="seats", attendees=[OMAR], attendeeSeatId="7b1f")
    send("BOOKING_CANCELLED/seat_without_its_id.json", "10:02", uid="seats")

    told = shown(daybook, "seats")
    assert (told["state"]["status"], attendees(told)) == ("ACCEPTED", ["Omar Haddad"])
    assert [seat["status"] for seat in told["state"]["seats"]] == ["CANCELLED", "ACCEPTED"]

    send("BOOKING_CANCELLED/seat_without_its_id.json", "10:03", uid="seats", attendees=[OMAR])
    assert shown(daybook, "seats")["state"]["status"] == "CANCELLED"


def test_a_rescheduled_seat_does_not_take_the_others_along(running: tuple[Daybook, Send]) -> None:
    daybook, send = running
    send("BOOKING_CREATED/seat.json", "10:00", uid="left")
    send("BOOKING_CREATED/seat.json", "10:01", uid="left", attendees=[OMAR], attendeeSeatId="7b1f")
    seat = {"seatsPerTimeSlot": 5, "attendeeSeatId": "3c5e9a70-6b4b-4a1c-b2a8-d0b9a3a1f6de"}
    send("BOOKING_RESCHEDULED.body", "10:02", uid="came", rescheduleUid="left", **seat)

    left, came = shown(daybook, "left"), shown(daybook, "came")

    assert (left["state"]["uid"], left["state"]["status"]) == ("left", "ACCEPTED")
    assert (left["state"]["start"], attendees(left)) == ("2026-12-03T15:00:00.000Z", ["Omar Haddad"])
    assert [event["trigger"] for event in left["events"]][2:] == ["BOOKING_RESCHEDULED"]
    assert (came["state"]["start"], attendees(came)) == ("2026-12-04T16:00:00.000Z", ["Priya Raman"])
    assert came["events"][0]["previous_uid"] == "left"


def test_a_series_cancelled_by_one_event_is_told_of_every_occurrence(running: tuple[Daybook, Send]) -> None:
    daybook, send = running
    send("BOOKING_CREATED/recurring_by_count.json", "10:00")
    send("BOOKING_CREATED/recurring_by_count.json", "10:01", uid="second", startTime="2026-12-10T15:00:00Z")
    send("BOOKING_CANCELLED/whole_series.json", "10:02")

    one, other = shown(daybook, "sErIesOccurrence1uid123"), shown(daybook, "second")

    assert one["series"]["id"] == SERIES
    assert one["series"]["occurrences"] == [{"uid": "second", "start": "2026-12-10T15:00:00.000Z"}]
    assert one["series"]["ended"]["uid"] == other["series"]["ended"]["uid"] == "sErIesOccurrence1uid123"
