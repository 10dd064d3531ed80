"""Seats, series and moves in words."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.cli import booking_told


def event(
    uid: str = "a", lineage: str = "a", previous: str | None = None, seat: str | None = None, **said: Any
) -> dict[str, Any]:
    return {
        "kind": "booking",
        "received_at": "2026-11-25T12:00:41.000Z",
        "occurred_at": "2026-11-25T12:00:40.731Z",
        "title": "Intake call",
        "status": "ACCEPTED",
        "start": "2026-12-03T15:00:00.000Z",
        "organizer": {"name": "Ada", "email": None},
        "attendees": [],
        "previous_uid": previous,
        "delivery": {"id": "0197", "verdict": "signed", "bytes": 3412, "seen": 1},
        "booking": {"uid": uid, "lineage": lineage, "seat": seat},
        "runs": [],
        **said,
    }


def seat(name: str | None, status: str = "ACCEPTED", moved_to: str | None = None) -> dict[str, Any]:
    person = {"name": name, "email": f"{name}@a.example"} if name else None
    return {"id": "s1", "attendee": person, "status": status, "moved_to": moved_to}


def timeline(*seats: dict[str, Any], series: dict[str, Any] | None = None, **state: Any) -> dict[str, Any]:
    stands = {"uid": "a", "status": "ACCEPTED", "start": "2026-12-03T15:00:00.000Z", "seats": list(seats), **state}
    return {"uid": "a", "uids": ["a"], "lineage": "a", "events": [event()], "state": stands, "series": series}


def series(by: str | None = None, others: int = 0, trigger: str = "BOOKING_CANCELLED") -> dict[str, Any]:
    ended = {"uid": by, "trigger": trigger, "as_of": "2026-11-25T12:00:40.731Z"} if by else None
    found = [{"uid": f"o{n}", "start": "2026-12-10T15:00:00.000Z" if n else None} for n in range(others)]
    return {"id": "9c0e", "occurrences": found, "ended": ended}


def test_a_plain_booking_needs_no_more_words() -> None:
    assert booking_told.beside(timeline()) == []


def test_seats_are_counted_and_named() -> None:
    told = timeline(seat("Ada"), seat(None), seat("Jon", "CANCELLED"), seat("Zoe", "MOVED", "b"))
    assert booking_told.beside(told) == ["Seats: 2 taken (Ada, seat s1), 1 given up (Jon), 1 moved (Zoe to booking b)."]
    assert booking_told.beside(timeline(seat("Jon", "REJECTED"))) == ["Seats: 0 taken, 1 given up (Jon)."]
    assert "and 18 more" in booking_told.beside(timeline(*[seat("Ada")] * 30))[0]


def test_a_booking_that_goes_on_elsewhere_says_where() -> None:
    told = {**timeline(uid="b"), "events": [event(), event("b", "b", "a", "s1")]}
    assert booking_told.beside(told)[0].startswith("Every seat moved away; it goes on as booking b,")
    chain = {**timeline(uid="b"), "events": [event(), event("b", "a", "a")]}
    assert booking_told.beside(chain) == []


def test_an_occurrence_knows_its_series_and_the_others() -> None:
    (alone,) = booking_told.beside(timeline(series=series()))
    assert alone.startswith("It is one occurrence of a recurring series 9c0e; each occurrence is a booking")
    assert alone.endswith("No event here tells which the others are.")
    first, *listed = booking_told.beside(timeline(series=series(others=14)))
    assert first.endswith("The others that are known, by their start (UTC):")
    assert listed[:2] == ["  no start          o0", "  2026-12-10 15:00  o1"]
    assert (len(listed), listed[-1]) == (13, "  and 2 more")


def test_the_event_that_ended_a_series_is_told_with_whose_it_was() -> None:
    (mine,) = booking_told.beside(timeline(series=series("a"), status="CANCELLED"))
    assert "At 2026-11-25 12:00 UTC all that were left were cancelled;" in mine
    assert "one event for them all, this booking's." in mine
    assert "most likely" not in mine


@pytest.mark.parametrize(
    ("state", "ending"),
    [
        ({}, "that of booking o1. So this one is most likely rejected too."),
        ({"start": None}, "So this one is most likely rejected too."),
        ({"start": "2026-11-20T10:00:00.000Z"}, "that of booking o1. This one had begun by then."),
        ({"status": "CANCELLED"}, "that of booking o1."),
    ],
)
def test_an_occurrence_may_be_over_though_no_event_of_its_own_says_so(state: dict[str, Any], ending: str) -> None:
    (said,) = booking_told.beside(timeline(series=series("o1", trigger="BOOKING_REJECTED"), **state))
    assert said.removesuffix(" No event here tells which the others are.").endswith(ending)


def said(event: dict[str, Any]) -> dict[str, str]:
    return {name: text for name, text, _ in booking_told.step(event)}


def test_a_step_goes_from_what_was_received_to_what_it_says() -> None:
    assert said(event()) == {
        "received": "delivery 0197, signed, 3,412 bytes",
        "event": "Intake call, ACCEPTED, starts 2026-12-03 15:00 UTC",
        "who": "Ada",
        "uid": "a",
    }


def test_a_step_of_which_little_is_known_is_told_too() -> None:
    bare = said(event(title=None, status=None, start=None, organizer=None, delivery=None))
    assert bare == {"received": "its delivery is no longer kept", "event": "booking", "uid": "a"}
    assert said(event(kind="synthetic", delivery=None))["received"] == "no delivery: found at Cal.com"


def test_a_delivery_that_came_again_or_late_says_so() -> None:
    late = said(event(received_at="2026-11-25T12:10:00.000Z", delivery={**event()["delivery"], "seen": 3}))
    assert late["received"].endswith("3,412 bytes, seen 3 times")
    assert late["happened"] == "2026-11-25 12:00:40 UTC"


def test_a_reschedule_says_what_it_moved() -> None:
    assert said(event("b", "a", "a"))["means"] == "this booking takes the place of a"
    seat = said(event("b", "b", "a", "s1"))
    assert (seat["means"], seat["uid"]) == ("one seat went from booking a to b", "b, seat s1")


def test_a_seat_that_is_cancelled_is_not_the_booking() -> None:
    assert said(event(seat="s1", status="CANCELLED"))["means"] == "one seat is given up, not the booking"
    assert "means" not in said(event(seat="s1"))
    assert "means" not in said(event(status="CANCELLED"))
