"""What an event changed, next to the one before it."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.changed import Change, along, changes, length


def person(name: str, **said: Any) -> dict[str, Any]:
    return {"name": name, "email": f"{name.lower()}@a.example", **said}


def event(number: int = 0, *, seat: str | None = None, uid: str = "a", **said: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "kind": "booking",
        "received_at": f"2026-11-25T12:{number:02}:01.000Z",
        "occurred_at": f"2026-11-25T12:{number:02}:00.000Z",
        "title": "Intake call",
        "status": "ACCEPTED",
        "type": "intake",
        "start": "2026-12-03T15:00:00.000Z",
        "end": "2026-12-03T15:30:00.000Z",
        "organizer": person("Ada"),
        "hosts": [person("Ada")],
        "attendees": [person("Jon")],
        "booking": {"uid": uid, "lineage": "a", "seat": seat},
        **said,
    }


def test_an_event_that_says_the_same_changed_nothing() -> None:
    assert changes(event(), event(1)) == []


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ({"status": "CANCELLED"}, Change("status", "ACCEPTED", "CANCELLED")),
        ({"title": "Call"}, Change("title", "Intake call", "Call")),
        ({"type": "vip"}, Change("type", "intake", "vip")),
        ({"end": "2026-12-03T16:00:00.000Z"}, Change("length", "30 min", "1 h")),
        ({"uid": "b"}, Change("uid", "a", "b")),
        ({"attendees": [person("Jon"), person("Zoe")]}, Change("attendee", None, "Zoe")),
        ({"attendees": [person("Zoe")]}, Change("attendee", "Jon", "Zoe")),
        ({"hosts": [person("Ada"), person("Bo")]}, Change("host", None, "Bo")),
        ({"organizer": person("Bo"), "hosts": [person("Bo")]}, Change("organizer", "Ada", "Bo")),
        ({"attendees": [person("Jon", no_show=True)]}, Change("no-show", None, "Jon")),
    ],
)
def test_what_is_told_otherwise_is_what_changed(said: dict[str, Any], change: Change) -> None:
    assert changes(event(), event(1, **said)) == [change]


def test_a_booking_that_moved_says_from_when_to_when() -> None:
    moved = event(1, start="2026-12-04T15:00:00.000Z", end="2026-12-04T15:30:00.000Z")
    (change,) = changes(event(), moved)
    assert change == Change("time", "2026-12-03T15:00:00.000Z", "2026-12-04T15:00:00.000Z")
    assert change.words() == "time moved: 2026-12-03 15:00 -> 2026-12-04 15:00 UTC"


def test_a_location_is_compared_where_both_know_it() -> None:
    assert changes(event(location="a"), event(1, location="b")) == [Change("location", "a", "b")]
    assert changes(event(location="a"), event(1)) == []


def test_what_an_event_leaves_out_is_no_difference() -> None:
    bare = event(1, title=None, status=None, type=None, start=None, end=None, organizer=None, hosts=[], attendees=[])
    assert changes(event(), bare) == changes(bare, event()) == []


def test_an_address_in_other_letter_case_is_the_same_person() -> None:
    shouted = {"name": "Jon D.", "email": "JON@A.EXAMPLE"}
    assert changes(event(), event(1, attendees=[shouted])) == []


def test_several_who_come_and_go_are_told_one_by_one() -> None:
    found = changes(event(), event(1, attendees=[person("Zoe"), person("Kim")]))
    assert [change.words() for change in found] == ["attendee gone: Jon", "attendee added: Zoe", "attendee added: Kim"]


def test_someone_without_a_name_is_told_by_address() -> None:
    nameless = {"name": None, "email": "zoe@a.example"}
    assert changes(event(), event(1, attendees=[nameless]))[0].now == "zoe@a.example"


def test_events_are_held_against_what_happened_before_and_not_against_what_arrived_before() -> None:
    late = event(1, title="First", occurred_at="2026-11-25T11:00:00.000Z")
    found = along([event(0, title="Second"), late])
    assert found == {"1": [], "0": [Change("title", "First", "Second")]}


def test_what_one_event_leaves_out_the_next_is_held_against_the_one_before() -> None:
    found = along([event(), event(1, title=None), event(2, title="Call")])
    assert (found["1"], found["2"]) == ([], [Change("title", "Intake call", "Call")])


def test_a_meeting_that_began_changes_nothing_and_is_held_against_nothing() -> None:
    found = along([event(), event(1, kind="meeting", title="Other", status="accepted"), event(2)])
    assert found == {"0": [], "1": [], "2": []}


def test_a_seat_is_held_against_what_was_told_of_that_seat() -> None:
    told = [
        event(0, seat="s1", attendees=[person("Ada")]),
        event(1, seat="s2", attendees=[person("Jon")]),
        event(2, seat="ada@a.example", attendees=[person("Ada")], status="CANCELLED"),
        event(3, seat="s2", attendees=[person("Jon")], uid="b", start="2026-12-04T15:00:00.000Z", end=None),
    ]
    said = {key: [change.words() for change in found] for key, found in along(told).items()}
    assert said == {
        "0": ["seat taken by: Ada"],
        "1": ["seat taken by: Jon"],
        "2": ["seat given up by: Ada"],
        "3": ["uid: a -> b", "time moved: 2026-12-03 15:00 -> 2026-12-04 15:00 UTC"],
    }


def test_a_no_show_and_its_taking_back_are_told() -> None:
    absent = event(1, kind="no_show", attendees=[person("Jon", no_show=True)])
    there = event(2, kind="no_show", attendees=[person("Jon", no_show=False)])
    found = along([event(), absent, there])
    assert [found[key][0].words() for key in "12"] == ["did not come: Jon", "came after all: Jon"]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("2026-12-03T15:00:00Z", "0 min"),
        ("2026-12-03T16:30:00Z", "1 h 30 min"),
        ("2026-12-05T15:00:00Z", "2 d"),
        ("2026-12-03T14:30:00Z", "-30 min"),
        (None, None),
        ("later", None),
    ],
)
def test_a_length_is_said_in_the_units_people_use(end: str | None, said: str | None) -> None:
    assert length("2026-12-03T15:00:00Z", end) == said
