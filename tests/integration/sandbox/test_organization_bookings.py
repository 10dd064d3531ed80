"""The organization's bookings at the sandbox: as the last event of each left it, delivered or not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.sandbox.conftest import Api


def bookings(api: Api, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.done("GET", "/bookings", params=query)
    return found


def test_a_booking_is_there_though_nobody_was_told_of_it(api: Api) -> None:
    (uid,) = api.control("emit", trigger="BOOKING_CREATED", wait=True)["uids"]

    (one,) = bookings(api)
    assert (one["uid"], one["status"], one["eventType"]["slug"]) == (uid, "accepted", "intake-call")
    assert [host["id"] for host in one["hosts"]] == [90211]
    assert one["attendees"][0]["email"] == "priya.raman@example.net"


def test_a_reschedule_leaves_the_booking_it_came_from_cancelled(api: Api) -> None:
    steps = ["BOOKING_REQUESTED", "BOOKING_CREATED", "BOOKING_RESCHEDULED"]
    api.control("story", steps=steps, wait=True)

    former, moved = sorted(bookings(api), key=lambda one: one["status"], reverse=True)
    assert (former["status"], former["rescheduledToUid"]) == ("cancelled", moved["uid"])
    assert (moved["status"], moved["rescheduledFromUid"]) == ("accepted", former["uid"])


def test_they_are_read_in_the_order_of_their_changes_from_an_instant_on_and_in_pages(api: Api) -> None:
    uids = []
    for _ in range(3):
        uids += api.control("emit", trigger="BOOKING_CREATED", wait=True)["uids"]
        api.clock.advance(minutes=1)
    api.control("emit", trigger="BOOKING_CANCELLED", changes={"uid": uids[0]}, wait=True)
    since = "2027-01-04T09:31:00.000Z"

    read = bookings(api, afterUpdatedAt=since, sortUpdatedAt="asc")
    assert [one["uid"] for one in read] == [uids[1], uids[2], uids[0]]
    assert [one["status"] for one in read] == ["accepted", "accepted", "cancelled"]
    page = bookings(api, sortUpdatedAt="desc", take=1, skip=1)
    assert [one["uid"] for one in page] == [uids[2]]
    assert api("GET", "/bookings", params={"afterUpdatedAt": "soon"}).status_code == 400


@pytest.mark.parametrize(
    ("status", "number"), [("upcoming", 1), ("past", 0), ("cancelled", 1), ("unconfirmed", 1), ("past,cancelled", 1)]
)
def test_they_are_asked_for_by_where_they_are_in_time(api: Api, status: str, number: int) -> None:
    for trigger in ("BOOKING_CREATED", "BOOKING_CANCELLED", "BOOKING_REQUESTED"):
        api.control("emit", trigger=trigger, wait=True)

    assert len(bookings(api, status=status)) == number


def test_a_members_key_may_not_read_them(api: Api) -> None:
    answer = api("GET", "/bookings", headers={"Authorization": "Bearer cal_sandbox_member"})

    assert answer.status_code == 403
