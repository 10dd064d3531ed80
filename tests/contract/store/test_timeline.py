"""The timeline of a booking, from deliveries in both databases: chains, seats and occurrences of a series."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.contract.store.filled import START, Filled
from workers.store import bookings, timeline
from workers.store.engine import Store
from workers.vault import Vault

MINUTE = timedelta(minutes=1)
SERIES = "9c0e1f4e-2f2c-4f0e-8f57-2c9a4d1e7b60"
WEEKLY = {"freq": 2, "count": 4, "interval": 1}
LATER = {"startTime": "2026-11-27T10:00:00Z", "endTime": "2026-11-27T10:30:00Z"}


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    return Filled(store, vault)


def told(filled: Filled, uid: str, *, pcid: str | None = None) -> dict[str, Any]:
    with filled.store.read() as connection:
        found = timeline.read(connection, uid, pcid=pcid)
    assert found is not None
    return found


def seat(filled: Filled, minute: int, who: str, seat_id: str | None, trigger: str = "CREATED", **said: Any) -> None:
    """An event of one seat."""
    name = {"attendeeSeatId": seat_id} if seat_id else {}
    person = {"name": who.title(), "email": f"{who}@client.example"}
    filled.event(
        at=START + minute * MINUTE,
        trigger=f"BOOKING_{trigger}",
        seatsPerTimeSlot=5,
        attendees=[person],
        **{"uid": "a", **name, **said},
    )


def move(filled: Filled, minute: int, who: str, seat_id: str, *, to: str, of: str = "a", **said: Any) -> None:
    """One seat goes to another booking."""
    seat(filled, minute, who, seat_id, "RESCHEDULED", uid=to, rescheduleUid=of, **{**LATER, **said})


def names(stands: dict[str, Any]) -> list[str]:
    return [person["name"] for person in stands["attendees"]]


def statuses(stands: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(one["attendee"]["name"], one["status"], one["moved_to"]) for one in stands["seats"]]


def test_a_seat_that_is_given_up_leaves_the_booking_to_the_others_until_none_is_left(filled: Filled) -> None:
    seat(filled, 0, "ada", "s1")
    seat(filled, 1, "jon", "s2")
    seat(filled, 2, "ada", None, "CANCELLED", status="CANCELLED")

    stands = told(filled, "a")["state"]
    assert (stands["status"], names(stands)) == ("ACCEPTED", ["Jon"])
    assert statuses(stands) == [("Ada", "CANCELLED", None), ("Jon", "ACCEPTED", None)]

    seat(filled, 3, "jon", None, "CANCELLED", status="CANCELLED")
    assert told(filled, "a")["state"]["status"] == "CANCELLED"


def test_a_seat_that_moves_leaves_both_bookings_what_they_were(filled: Filled) -> None:
    seat(filled, 0, "ada", "s1")
    seat(filled, 1, "jon", "s2")
    seat(filled, 2, "zoe", "s3", uid="b", **LATER)
    move(filled, 3, "ada", "s1", to="b")

    left, came = told(filled, "a"), told(filled, "b")

    assert (left["lineage"], left["state"]["uid"], left["state"]["status"]) == ("a", "a", "ACCEPTED")
    assert left["state"]["start"] == "2026-11-20T10:00:00.000Z"
    assert statuses(left["state"]) == [("Ada", "MOVED", "b"), ("Jon", "ACCEPTED", None)]
    assert (came["lineage"], came["state"]["uid"], came["state"]["start"]) == ("b", "b", "2026-11-27T10:00:00.000Z")
    assert names(came["state"]) == ["Zoe", "Ada"]
    assert [event["booking"]["uid"] for event in left["events"]] == ["a", "a", "b"]
    assert [event["previous_uid"] for event in left["events"]] == [None, None, "a"]
    assert [event["previous_uid"] for event in came["events"]] == [None, "a"]
    assert left["events"][2]["delivery"]["verdict"] == "signed"


def test_a_move_that_arrives_before_the_seat_itself_is_the_same_in_the_end(filled: Filled) -> None:
    move(filled, 3, "ada", "s1", to="b")
    seat(filled, 1, "jon", "s2")
    seat(filled, 0, "ada", "s1")

    assert statuses(told(filled, "a")["state"]) == [("Ada", "MOVED", "b"), ("Jon", "ACCEPTED", None)]


def test_a_booking_whose_every_seat_moved_stands_where_they_went(filled: Filled) -> None:
    seat(filled, 0, "ada", "s1")
    move(filled, 1, "ada", "s1", to="b")
    move(filled, 2, "ada", "s1", to="c", of="b")

    stands = told(filled, "a")["state"]

    assert (stands["uid"], stands["status"], stands["start"]) == ("c", "ACCEPTED", "2026-11-27T10:00:00.000Z")
    move(filled, 3, "ada", "s1", to="a", of="c")
    assert told(filled, "b")["state"]["uid"] == "a"


def test_seats_that_parted_or_are_nowhere_leave_the_booking_cancelled(filled: Filled) -> None:
    seat(filled, 0, "ada", "s1")
    seat(filled, 1, "jon", "s2")
    move(filled, 2, "ada", "s1", to="b")
    move(filled, 3, "jon", "s2", to="c")

    stands = told(filled, "a")["state"]

    assert (stands["uid"], stands["status"]) == ("a", "CANCELLED")
    assert statuses(stands) == [("Ada", "MOVED", "b"), ("Jon", "MOVED", "c")]


def test_a_host_who_moves_the_whole_booking_takes_its_seats_along(filled: Filled) -> None:
    seat(filled, 0, "ada", "s1")
    seat(filled, 1, "jon", "s2")
    whole: dict[str, Any] = {"uid": "b", "rescheduleUid": "a", "rescheduledBy": "Ada@Acme.example", **LATER}
    seat(filled, 2, "ada", None, "RESCHEDULED", **whole)

    for uid in "ab":
        found = told(filled, uid)
        assert (found["lineage"], found["state"]["uid"], names(found["state"])) == ("a", "b", ["Ada", "Jon"])


def test_seats_of_two_connections_are_not_mixed_up(filled: Filled) -> None:
    seat(filled, 0, "ada", "s1")
    seat(filled, 1, "ada", "s1", "RESCHEDULED", uid="b", rescheduleUid="a", webhook="eu", pcid="eu")

    assert statuses(told(filled, "a")["state"]) == [("Ada", "ACCEPTED", None)]


def test_the_connections_that_know_a_uid_are_told_in_order(filled: Filled) -> None:
    for pcid in ("eu", "acme"):
        filled.event(uid="both", webhook=pcid, pcid=pcid)
        filled.event(uid="both", webhook=pcid, pcid=pcid, trigger="BOOKING_PAID")
    with filled.store.read() as connection:
        assert bookings.pcids(connection, "both") == ["acme", "eu"]
        assert bookings.pcids(connection, "neither") == []


def occurrences(filled: Filled, number: int = 4, **said: Any) -> None:
    """A weekly series: one creation for each occurrence, seconds apart."""
    for week in range(number):
        start = f"2026-11-{2 + 7 * week:02}T10:00:00Z"
        filled.event(at=START + timedelta(seconds=week), uid=f"o{week}", startTime=start, recurringEvent=WEEKLY, **said)


def test_a_booking_that_is_no_occurrence_has_no_series(filled: Filled) -> None:
    filled.event(uid="a", recurringEvent=None)
    assert told(filled, "a")["series"] is None


def test_the_occurrences_that_were_made_together_know_each_other(filled: Filled) -> None:
    occurrences(filled)
    filled.event(at=START + MINUTE, uid="once")
    filled.event(at=START + MINUTE, uid="other", eventTypeId=8, recurringEvent=WEEKLY)
    filled.event(at=START + MINUTE, uid="daily", recurringEvent={**WEEKLY, "freq": 3})
    filled.event(at=START + 60 * MINUTE, uid="later", recurringEvent=WEEKLY)
    filled.event(at=START, uid="eu", webhook="eu", pcid="eu", recurringEvent=WEEKLY)
    filled.event(at=START, uid="zoe", attendees=[{"name": "Zoe", "email": "zoe@b.example"}], recurringEvent=WEEKLY)

    series = told(filled, "o1", pcid="acme")["series"]

    assert series == {
        "id": None,
        "occurrences": [
            {"uid": "o0", "start": "2026-11-02T10:00:00.000Z"},
            {"uid": "o2", "start": "2026-11-16T10:00:00.000Z"},
            {"uid": "o3", "start": "2026-11-23T10:00:00.000Z"},
        ],
        "ended": None,
    }


@pytest.mark.parametrize("trigger", ["BOOKING_CANCELLED", "BOOKING_REJECTED"])
def test_all_occurrences_know_of_the_one_event_that_ended_the_series(filled: Filled, trigger: str) -> None:
    occurrences(filled)
    status = trigger.removeprefix("BOOKING_")
    names_it: dict[str, Any] = {"recurringEvent": WEEKLY, "existingRecurringEvent": {"recurringEventId": SERIES}}
    filled.event(at=START + 9 * MINUTE, trigger=trigger, status=status, uid="o1", **names_it)

    one, other = told(filled, "o1"), told(filled, "o3")

    ended = {"uid": "o1", "trigger": trigger, "status": status, "as_of": "2026-11-01T09:09:00.000Z"}
    assert (one["series"]["id"], one["series"]["ended"], other["series"]["ended"]) == (SERIES, ended, ended)
    assert [each["uid"] for each in one["series"]["occurrences"]] == ["o0", "o2", "o3"]
    assert (one["state"]["status"], other["state"]["status"]) == (status, "ACCEPTED")


def test_a_series_that_is_booked_anew_was_not_ended_with_the_one_before(filled: Filled) -> None:
    occurrences(filled, 2)
    said: dict[str, Any] = {"trigger": "BOOKING_CANCELLED", "status": "CANCELLED", "recurringEvent": WEEKLY}
    filled.event(at=START + MINUTE, uid="o0", **said)
    filled.event(at=START + 2 * MINUTE, uid="n0", recurringEvent=WEEKLY)

    assert told(filled, "o1")["series"]["ended"]["uid"] == "o0"
    assert told(filled, "n0")["series"]["ended"] is None


def test_one_occurrence_that_is_cancelled_alone_ends_nothing(filled: Filled) -> None:
    occurrences(filled)
    filled.event(at=START + 9 * MINUTE, trigger="BOOKING_CANCELLED", status="CANCELLED", uid="o1")

    assert told(filled, "o1")["series"]["ended"] is None
    assert told(filled, "o2")["series"]["ended"] is None


def test_occurrences_that_name_the_same_series_know_each_other_however_far_apart(filled: Filled) -> None:
    for week, uid in enumerate(("o0", "o1")):
        filled.event(at=START + timedelta(weeks=week), uid=uid, recurringEventId=SERIES)

    assert [each["uid"] for each in told(filled, "o0")["series"]["occurrences"]] == ["o1"]
    assert told(filled, "o1")["series"]["id"] == SERIES
