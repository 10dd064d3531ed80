"""Who has a seat after a booking's events."""

from __future__ import annotations

from typing import Any

import pytest

from workers.store import seats


def event(at: int, seat: str | None, who: str | None = None, status: str | None = "ACCEPTED", uid: str = "a") -> Any:
    """An event that happened at minute `at`, about the seat of a person with that name."""
    return {
        "occurred_at": f"2026-11-01T09:{at:02}:00.000Z",
        "received_at": f"2026-11-01T10:{at:02}:00.000Z",
        "status": status,
        "attendees": [{"name": who, "email": f"{who}@a.example"}] if who else [],
        "booking": {"uid": uid, "seat": seat},
    }


def stands(told: list[Any], moved: list[Any] | None = None) -> list[tuple[str | None, str | None]]:
    """Each seat's id and status."""
    return [(seat.id, seat.status) for seat in seats.after(told, moved or [])]


ADA, JON = event(1, "s1", "ada"), event(2, "s2", "jon")


def test_a_booking_without_seats_has_none() -> None:
    assert seats.after([event(1, None, "ada")]) == []


@pytest.mark.parametrize("seat", ["s1", "ada@a.example", "ADA@A.example"])
def test_a_seat_is_given_up_by_its_id_or_by_whose_it_was(seat: str) -> None:
    assert stands([ADA, JON, event(3, seat, "ada", "CANCELLED")]) == [("s1", "CANCELLED"), ("s2", "ACCEPTED")]


def test_a_seat_is_given_up_whatever_order_its_events_arrive_in() -> None:
    gone = event(3, "ada@a.example", "ada", "CANCELLED")
    assert stands([gone, JON, ADA]) == [("s1", "CANCELLED"), ("s2", "ACCEPTED")]


def test_who_comes_back_has_another_seat_and_gives_up_that_one() -> None:
    first, again = event(3, "ada@a.example", "ada", "CANCELLED"), event(4, "s3", "ada")
    assert stands([ADA, first, again]) == [("s1", "CANCELLED"), ("s3", "ACCEPTED")]
    second = event(5, "ada@a.example", "ada", "CANCELLED")
    assert stands([ADA, first, again, second]) == [("s1", "CANCELLED"), ("s3", "CANCELLED")]


def test_a_removal_told_twice_removes_one_seat() -> None:
    told = [ADA, JON, *(event(at, "ada@a.example", "ada", "CANCELLED") for at in (3, 4))]
    assert stands(told) == [("s1", "CANCELLED"), ("s2", "ACCEPTED")]


def test_a_seat_told_of_by_its_person_first_gets_its_id_later() -> None:
    assert stands([event(1, "ada@a.example", "ada", "PENDING"), event(2, "s1", "ada")]) == [("s1", "ACCEPTED")]


def test_what_happens_to_the_whole_booking_happens_to_every_seat_that_is_taken() -> None:
    left = event(3, "ada@a.example", "ada", "REJECTED")
    assert stands([ADA, JON, left, event(4, None, status="CANCELLED")]) == [("s1", "REJECTED"), ("s2", "CANCELLED")]
    assert stands([ADA, event(2, None, status=None)]) == [("s1", "ACCEPTED")]


def test_a_seat_that_moved_is_known_by_where_it_went() -> None:
    to_b = event(3, "s1", "ada", uid="b")
    ada, jon = seats.after([ADA, JON], [to_b])
    assert (ada.status, ada.moved_to, ada.taken, ada.events) == (seats.MOVED, "b", False, [ADA])
    assert (jon.status, jon.moved_to, jon.taken) == ("ACCEPTED", None, True)


@pytest.mark.parametrize("seat", ["s9", "ada@a.example"])
def test_a_seat_that_gets_a_new_id_on_its_way_is_known_by_its_person(seat: str) -> None:
    assert stands([ADA, JON], [event(3, seat, "ada", uid="b")]) == [("s1", "MOVED"), ("s2", "ACCEPTED")]


def test_a_seat_that_comes_back_is_taken_again() -> None:
    ada, _ = seats.after([ADA, JON, event(4, "s1", "ada")], [event(3, "s1", "ada", uid="b")])
    assert (ada.status, ada.moved_to) == ("ACCEPTED", None)


def test_a_seat_of_nobody_in_particular_is_a_seat() -> None:
    crowd = {**ADA, "attendees": [{"name": "ada", "email": None}, {"name": "jon", "email": None}]}
    (seat,) = seats.after([crowd])
    assert seat.shown() == {
        "id": "s1",
        "attendee": None,
        "status": "ACCEPTED",
        "moved_to": None,
        "as_of": "2026-11-01T09:01:00.000Z",
    }
