"""A booking's facts from its timeline."""

from __future__ import annotations

from typing import Any

import pytest

from ingest import booking_facts


def event(number: int, uid: str, previous: str | None = None, **said: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "received_at": f"2026-11-25T12:{number:02}:01.000Z",
        "occurred_at": f"2026-11-25T12:{number:02}:00.000Z",
        "start": f"2026-12-{number + 1:02}T15:00:00.000Z",
        "hosts": [{"name": "Ada", "email": "ada@a.example"}, {"name": "Bo", "email": "bo@a.example"}],
        "attendees": [],
        "event_type": {"id": 7, "slug": "intake"},
        "type": "intake",
        "previous_uid": previous,
        "booking": {"uid": uid, "lineage": "a", "seat": None},
        **said,
    }


def timeline(*events: dict[str, Any], uids: str = "a", **state: Any) -> dict[str, Any]:
    stands = {
        "uid": uids[-1],
        "status": "ACCEPTED",
        "start": "2026-12-01T15:00:00.000Z",
        "end": "2026-12-01T15:30:00.000Z",
        "organizer": {"name": "Ada", "email": "Ada@a.example", "time_zone": "Europe/Berlin"},
        "attendees": [{"name": "Jon", "email": "jon@a.example", "time_zone": None}],
        "seats": [],
        **state,
    }
    return {"uid": uids[0], "lineage": "a", "uids": [*uids], "state": stands, "events": list(events), "series": None}


def test_a_booking_is_told_by_two_clocks_with_whoever_is_in_it() -> None:
    told = booking_facts.facts(timeline(event(0, "a")), "Room 5")
    assert (told["utc"], told["length"]) == ("Tue 01 Dec 2026, 15:00 to 15:30", "30 min")
    assert (told["there"], told["zone"]) == ("Tue 01 Dec 2026, 16:00 to 16:30", "Europe/Berlin")
    assert [each["name"] for each in told["hosts"]] == ["Bo"]
    assert (told["event_type"]["slug"], told["location"]) == ("intake", "Room 5")


def test_a_clock_that_nobody_knows_is_not_told() -> None:
    told = booking_facts.facts(
        timeline(event(0, "a"), organizer={"name": "A", "email": None, "time_zone": "Moon"}), None
    )
    assert (told["there"], told["zone"]) == (None, None)


def test_long_names_are_cut_and_who_did_not_come_is_marked() -> None:
    absent = event(1, "a", kind="no_show", attendees=[{"name": None, "email": "JON@a.example", "no_show": True}])
    people = [{"name": "J" * 9_999, "email": "jon@a.example", "time_zone": None}]
    (jon,) = booking_facts.facts(timeline(event(0, "a"), absent, attendees=people), None)["attendees"]
    assert jon["no_show"]
    assert len(jon["name"]) < 200


def test_uids_are_in_the_order_of_their_reschedules_whatever_arrived_first() -> None:
    told = timeline(event(2, "c", "b"), event(0, "a"), event(1, "b", "a"), uids="cab")
    found = booking_facts.uids(told)
    assert [(one["uid"], one["previous"]) for one in found] == [("a", None), ("b", "a"), ("c", "b")]
    assert found[1]["at"] == "2026-11-25T12:01:00.000Z"
    assert found[2]["start"] == "2026-12-03T15:00:00.000Z"


def test_uids_that_take_each_others_place_in_a_circle_are_told_once_each() -> None:
    found = booking_facts.uids(timeline(event(0, "a", "b"), event(1, "b", "a"), uids="ab"))
    assert [one["uid"] for one in found] == ["a", "b"]


def test_the_booking_that_a_seat_went_to_is_another() -> None:
    seat = event(1, "b", "a", booking={"uid": "b", "lineage": "b", "seat": "s1"})
    assert [one["uid"] for one in booking_facts.uids(timeline(event(0, "a"), seat, uids="ab"))] == ["a"]


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ({"location": "integrations:daily"}, "integrations:daily"),
        ({"location": "https://zoom.example/j/1?pwd=abc"}, "https://zoom.example/j/1?pwd=(hidden)"),
        ({"responses": {"location": {"value": {"optionValue": "Room 5", "value": "inPerson"}}}}, "Room 5"),
        ({"responses": {"location": {"value": {"optionValue": "", "value": "phone"}}}}, "phone"),
        ({"responses": {"location": {"value": "there"}}}, "there"),
        ({"location": " ", "responses": []}, None),
        ({"location": {"a": 1}, "responses": {"location": 5}}, None),
        ({}, None),
    ],
)
def test_a_location_is_read_wherever_it_is_and_lets_nobody_in(payload: dict[str, Any], place: str | None) -> None:
    assert booking_facts.location(payload) == place
