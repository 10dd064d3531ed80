"""How a booking stands after its events."""

from __future__ import annotations

from typing import Any

from workers.store.timeline import state


def event(at: int, **said: Any) -> dict[str, Any]:
    """An event that happened at minute `at`, as it is shown."""
    uid, seat = said.pop("uid", "a"), said.pop("seat", None)
    return {
        "kind": "booking",
        "received_at": f"2026-11-01T10:{at:02}:00.000Z",
        "occurred_at": f"2026-11-01T09:{at:02}:00.000Z",
        "status": "ACCEPTED",
        "title": "Intro call",
        "start": "2026-11-20T10:00:00.000Z",
        "end": "2026-11-20T10:30:00.000Z",
        "organizer": {"name": "Ada"},
        "attendees": [{"name": "Jon"}],
        "booking": {"uid": uid, "id": 1, "lineage": "a", "seat": seat, "series": None},
        **said,
    }


def test_what_happened_last_decides_not_what_arrived_last() -> None:
    cancelled, created = event(2, status="CANCELLED"), event(1)
    assert state([cancelled, created])["status"] == "CANCELLED"
    assert state([cancelled, created])["as_of"] == "2026-11-01T09:02:00.000Z"


def test_a_rescheduled_booking_stands_at_its_new_time() -> None:
    moved = event(2, uid="b", start="2026-11-21T10:00:00.000Z")
    assert state([event(1), moved])["start"] == "2026-11-21T10:00:00.000Z"
    assert state([event(1), moved])["uid"] == "b"


def test_a_meeting_that_began_does_not_say_how_the_booking_stands() -> None:
    began = event(9, kind="meeting", status="CANCELLED")
    assert state([event(1), began])["status"] == "ACCEPTED"
    assert state([began])["status"] == "CANCELLED"


def test_what_the_last_event_leaves_out_is_known_from_before() -> None:
    bare = event(2, title=None, status=None, organizer=None, attendees=[])
    told = state([event(1), bare])
    assert (told["title"], told["status"], told["organizer"]) == ("Intro call", "ACCEPTED", {"name": "Ada"})
    assert told["attendees"] == [{"name": "Jon"}]
    assert state([event(1, uid="z"), bare])["title"] is None


def test_a_cancelled_seat_leaves_the_booking_to_the_other_seats() -> None:
    told = [event(1, seat="s1"), event(2, seat="s2"), event(3, seat="s1", status="CANCELLED")]
    assert state(told)["status"] == "ACCEPTED"
    assert state([*told, event(4, seat="s2", status="CANCELLED")])["status"] == "CANCELLED"
    assert state([*told, event(4, status="CANCELLED")])["status"] == "CANCELLED"


def person(name: str) -> dict[str, Any]:
    return {"name": name, "email": f"{name}@a.example"}


ADA = event(1, seat="s1", attendees=[person("ada")])
JON = event(2, seat="s2", attendees=[person("jon")])


def test_a_seat_given_up_without_its_id_is_the_attendees() -> None:
    told = [ADA, JON, event(3, seat="jon@a.example", attendees=[person("jon")], status="CANCELLED")]
    stands = state(told)
    assert (stands["status"], stands["attendees"]) == ("ACCEPTED", [person("ada")])
    assert [(seat["id"], seat["status"]) for seat in stands["seats"]] == [("s1", "ACCEPTED"), ("s2", "CANCELLED")]
    assert stands["as_of"] == told[2]["occurred_at"]
    last = event(4, seat="ada@a.example", attendees=[person("ada")], status="CANCELLED")
    assert state([*told, last])["status"] == "CANCELLED"


def test_the_attendees_of_a_booking_with_seats_are_all_who_have_one() -> None:
    assert state([ADA, JON])["attendees"] == [person("ada"), person("jon")]
    assert state([event(1)])["seats"] == []


def test_what_is_left_out_is_not_taken_from_a_seat_that_was_given_up() -> None:
    gone = event(3, seat="s1", attendees=[person("ada")], status="CANCELLED", title="Gone")
    bare = event(4, status=None, title=None)
    stands = state([ADA, JON, gone, bare])
    assert (stands["status"], stands["title"]) == ("ACCEPTED", "Intro call")


def test_a_seat_that_moves_leaves_the_others_where_they_were() -> None:
    moved = event(3, uid="b", seat="s1", attendees=[person("ada")], start="2026-11-27T10:00:00.000Z")
    stands = state([ADA, JON], [moved])
    assert (stands["uid"], stands["status"], stands["start"]) == ("a", "ACCEPTED", JON["start"])
    assert stands["attendees"] == [person("jon")]
    assert [seat["moved_to"] for seat in stands["seats"]] == ["b", None]
    assert stands["as_of"] == moved["occurred_at"]


def test_a_booking_whose_every_seat_moved_or_was_given_up_is_cancelled() -> None:
    moved = event(3, uid="b", seat="s1", attendees=[person("ada")])
    gone = event(4, seat="s2", attendees=[person("jon")], status="CANCELLED")
    assert state([ADA], [moved])["status"] == "CANCELLED"
    assert state([ADA, JON, gone], [moved])["status"] == "CANCELLED"
