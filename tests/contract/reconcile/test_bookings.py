"""Bookings against the history: what Cal.com has and no delivery brought."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog
from uuid_utils.compat import uuid7

from tests.contract.reconcile.conftest import START, Office, booking
from workers import missed
from workers.calcom import bookings as api
from workers.catalogue.event import Booking, Event, Kind, Person
from workers.errors import Forbidden, RateLimited
from workers.store import connections, events, pictures
from workers.store.connections import Connection
from workers.store.engine import Store
from workers.store.receipts import Arrived

HOUR = timedelta(hours=1)


def deliver(store: Store, trigger: str, uid: str, host: int | None = 41) -> None:
    """An event of a booking comes by a delivery."""
    arrived = Arrived(
        id=uuid7(), received_at=START, headers=[], body=b"", webhook="org", connection="acme", has_event=False,
    )  # fmt: skip
    who = Person(id=host) if host is not None else None
    event = Event(kind=Kind.BOOKING, trigger=trigger, booking=Booking(uid), organizer=who)
    with store.write() as sql:
        events.write(sql, events.spelt([(arrived, event)], sqlite=store.sqlite))


def test_a_booking_that_nobody_was_told_of_is_told_once(office: Office, first: Callable[[], None]) -> None:
    first()
    office.rules("BOOKING_CREATED", when="event.type == 'intro'", once_per="${{ event.booking.uid }}")
    office.calcom.bookings = [booking("uid-1", office.now)]

    assert office.found() == ["BOOKING_CREATED"]
    assert office.found() == []
    (event,) = office.events()
    assert (event["kind"], event["status"], event["start"]) == ("synthetic", "ACCEPTED", "2026-12-01T10:00:00.000Z")
    assert (event["title"], event["booking"]["uid"], event["booking"]["id"]) == ("Intro", "uid-1", 7)
    assert event["event_type"] == {"id": 3, "slug": "intro"}
    assert event["organizer"]["email"] == "maya@acme.example"
    assert [one["email"] for one in event["attendees"]] == ["priya@example.net"]
    assert event["occurred_at"] == "2026-11-25T10:00:00.000Z"
    assert (event["payload"]["startTime"], event["payload"]["organizer"]["id"]) == ("2026-12-01T10:00:00.000Z", 41)
    assert event["payload"]["found"]["booking"]["status"] == "accepted"
    assert len(office.runs()) == 1


def test_what_deliveries_told_of_a_booking_is_not_missing_and_what_changed_since_is(
    office: Office, first: Callable[[], None]
) -> None:
    first()
    elsewhere = [{"id": 42, "email": "sam@acme.example"}]
    for uid in ("uid-1", "uid-2", "uid-3"):
        deliver(office.store, "BOOKING_CREATED", uid)
    office.calcom.bookings = [
        booking("uid-1", office.now),
        booking("uid-2", office.now, "cancelled"),
        booking("uid-3", office.now, hosts=elsewhere),
    ]

    assert office.found() == ["BOOKING_CANCELLED", "BOOKING_HOST_CHANGED"]
    for one in office.calcom.bookings:
        one["updatedAt"] = one["updatedAt"].replace("10:00", "10:30")
    assert office.found() == []


def test_a_reschedule_that_was_missed_continues_the_lineage(office: Office, first: Callable[[], None]) -> None:
    first()
    deliver(office.store, "BOOKING_CREATED", "uid-0")
    office.calcom.bookings = [booking("uid-1", office.now, rescheduledFromUid="uid-0")]
    office.look()

    assert office.events()[-1]["booking"]["lineage"] == "uid-0"


def test_one_whose_delivery_may_be_on_its_way_is_left_for_later(office: Office, first: Callable[[], None]) -> None:
    first()
    office.calcom.bookings = [booking("uid-1", office.now + timedelta(minutes=55))]

    assert office.found() == []
    deliver(office.store, "BOOKING_CREATED", "uid-1")
    assert office.found() == []
    assert len(office.events()) == 1


def test_bookings_from_before_the_first_look_are_nobodys_news(office: Office, first: Callable[[], None]) -> None:
    first()
    old = "2026-10-01T09:00:00.000Z"
    office.calcom.bookings = [
        booking("uid-1", office.now, createdAt=old),
        booking("uid-2", office.now, "cancelled", createdAt=old),
    ]

    assert office.found() == ["BOOKING_CANCELLED"]


def test_many_are_read_page_by_page_though_they_changed_in_one_moment(
    office: Office, first: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first()
    monkeypatch.setattr(api, "TAKE", 2)
    office.calcom.bookings = [booking(f"uid-{number}", office.now) for number in range(5)]
    office.calcom.bookings += [booking("uid-5", office.now + timedelta(seconds=1))]

    assert office.found() == ["BOOKING_CREATED"] * 6
    assert office.found() == []


def test_a_look_ends_after_so_many_pages_and_the_next_goes_on(
    office: Office, first: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first()
    monkeypatch.setattr(api, "TAKE", 2)
    monkeypatch.setattr(missed, "_MOST_PAGES", 2)
    office.calcom.bookings = [booking(f"uid-{n}", office.now + timedelta(seconds=n)) for n in range(6)]

    assert office.found() == ["BOOKING_CREATED"] * 3
    assert office.found() == ["BOOKING_CREATED"] * 2
    assert office.found() == ["BOOKING_CREATED"]


def test_a_crash_on_the_second_page_tells_the_first_once(
    office: Office, first: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first()
    monkeypatch.setattr(api, "TAKE", 2)
    office.calcom.bookings = [booking(f"uid-{n}", office.now + timedelta(seconds=n)) for n in range(4)]
    pages = []

    def crash() -> None:
        pages.append(1)
        if office.calcom.called.count("bookings") == 2:  # one of the first look, one of this
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        office.look(goes_on=crash)
    assert len(office.events()) == 2
    assert office.found() == ["BOOKING_CREATED"] * 2
    assert {event["booking"]["uid"] for event in office.events()} == {f"uid-{n}" for n in range(4)}


def test_without_budget_what_was_found_is_reported_and_the_next_look_goes_on(
    office: Office, first: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first()
    monkeypatch.setattr(api, "TAKE", 2)
    office.calcom.bookings = [booking(f"uid-{n}", office.now + timedelta(seconds=n)) for n in range(3)]

    def used_up() -> None:
        if office.events():
            office.calcom.broken = {"bookings": RateLimited("no budget", after=30)}

    report = office.look(goes_on=used_up)[-1]
    assert (len(report.events), report.later, report.problem) == (2, True, "no budget")
    office.calcom.broken = {}
    assert office.found() == ["BOOKING_CREATED"]


@pytest.mark.parametrize(
    "rows",
    [
        [
            None,
            7,
            "x",
            {},
            {"uid": 7},
            {"uid": "u", "status": "accepted"},
            {"uid": "u", "updatedAt": "x", "status": "a"},
        ],
        "nothing",
        {"a": 1},
    ],
)
def test_garbage_is_counted_and_not_stumbled_over(office: Office, first: Callable[[], None], rows: Any) -> None:
    first()
    office.calcom.broken = {"bookings": rows}

    report = office.look()[-1]
    assert report.events == ()
    assert report.skipped == len(rows) if isinstance(rows, list) else report.problem is not None


def test_any_shape_inside_a_booking_is_an_event(office: Office, first: Callable[[], None]) -> None:
    first()
    office.calcom.bookings = [
        booking("uid-1", office.now, hosts=7, attendees={"a": 1}, eventType=[], title="\ud800\x00", location=["x"]),
        booking("uid-2", office.now, hosts=[None], attendees=[None, 3], start=5, id="x" * 9_000, rating="y" * 70_000),
    ]  # fmt: skip

    assert office.found() == ["BOOKING_CREATED"] * 2
    assert office.events()[1]["payload"]["found"]["booking"] is None


def test_bookings_that_come_in_no_order_are_not_believed(office: Office, first: Callable[[], None]) -> None:
    first()
    later = [booking("uid-1", office.now), booking("uid-2", office.now - HOUR)]
    office.calcom.broken = {"bookings": later}

    assert "order" in str(office.look()[-1].problem)
    assert office.events() == []


def test_a_key_that_may_not_read_them_is_said_once_and_the_lists_go_on(office: Office) -> None:
    office.calcom.broken = {"bookings": Forbidden("too weak", status=403)}

    with structlog.testing.capture_logs() as logged:
        reports = [office.look(), office.look()]
    assert [line["part"] for line in logged if line["event"] == "reconcile.unreadable"] == ["bookings"]
    assert [len(each) for each in reports] == [6, 6]
    assert [report.problem for each in reports for report in each if report.part == "bookings"] == ["too weak"] * 2


def test_by_way_of_an_mcp_server_there_are_none(office: Office) -> None:
    with office.store.write() as sql:
        row = Connection("acme", connections.Kind.MCP, "https://tools.example", 4821, 0, office.now)
        connections.replace(sql, office.vault, row, "")

    assert "MCP" in str(office.look()[-1].problem)
    assert "bookings" not in office.calcom.called


def test_the_cursor_stays_where_a_page_could_not_be_read(office: Office, first: Callable[[], None]) -> None:
    first()
    with office.store.read() as sql:
        before = pictures.every(sql, "acme")["bookings"].cursor
    office.calcom.broken = {"bookings": Forbidden("not now", status=403)}
    office.look()
    with office.store.read() as sql:
        assert pictures.every(sql, "acme")["bookings"].cursor == before
