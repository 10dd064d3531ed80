"""Events in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingest.cli import telling


def someone(name: str | None, email: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": 7, "name": name, "email": email, "time_zone": None, **more}


def timeline(status: str | None, *triggers: str, **state: Any) -> dict[str, Any]:
    return {
        "state": {
            "uid": "abc",
            "status": status,
            "title": "Intro call",
            "start": "2026-11-20T10:00:00.000Z",
            "organizer": someone("Ada"),
            "attendees": [someone("Jon")],
            **state,
        },
        "events": [
            {"trigger": trigger, "received_at": "2026-11-01T09:00:00.000Z", "booking": {"seat": None}}
            for trigger in triggers
        ],
    }


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("ACCEPTED", "is accepted; it begins at 2026-11-20 10:00 UTC."),
        ("PENDING", "waits for the host's confirmation; it begins at"),
        ("CANCELLED", "is cancelled; it was to begin at"),
        ("REJECTED", "was rejected; it was to begin at"),
        ("AWAITING_HOST", "is AWAITING_HOST; it begins at"),
        (None, "has no status; it begins at"),
    ],
)
def test_how_a_booking_stands_is_a_sentence(status: str | None, said: str) -> None:
    told = telling.standing(timeline(status, "BOOKING_CREATED"))
    assert told.startswith(f"Intro call with Ada, Jon {said}")
    assert told.endswith("1 event, the last received at 2026-11-01 09:00:00 UTC.")


@pytest.mark.parametrize(("moves", "said"), [(1, "once"), (2, "twice"), (3, "3 times")])
def test_reschedules_are_counted(moves: int, said: str) -> None:
    told = telling.standing(timeline("ACCEPTED", *["BOOKING_RESCHEDULED"] * moves))
    assert f"It was rescheduled {said}." in told


def test_a_seat_that_moved_is_no_reschedule_of_the_booking() -> None:
    told = timeline("ACCEPTED", "BOOKING_RESCHEDULED")
    told["events"][0]["booking"]["seat"] = "s1"
    assert "rescheduled" not in telling.standing(told)


def test_a_title_that_names_everyone_is_enough() -> None:
    told = telling.standing(timeline("ACCEPTED", "BOOKING_CREATED", title="Call between Ada and Jon"))
    assert told.startswith("Call between Ada and Jon is accepted")


def test_a_booking_of_which_little_is_known_is_told_too() -> None:
    bare = timeline(None, "MEETING_ENDED", title=None, start=None, organizer=None, attendees=[])
    assert telling.standing(bare).startswith("Booking abc has no status. 1 event")


def test_people_are_named_as_far_as_they_are_known() -> None:
    assert (
        telling.person(someone("Ada", "ada@a.example", time_zone="Europe/Rome")) == "Ada <ada@a.example>, Europe/Rome"
    )
    assert telling.person(someone(None, "ada@a.example")) == "ada@a.example"
    assert telling.person(someone("Ada", no_show=True)) == "Ada, did not show up"
    assert telling.person(someone(None)) == "user 7"
    assert telling.person(None) is None


def test_many_people_are_counted() -> None:
    crowd = {"organizer": someone("A"), "attendees": [someone(name) for name in ("B", None, "C", "D", "E")]}
    assert telling.who(crowd) == "A, B, C and 2 more"
    assert telling.who({"organizer": None, "attendees": []}) is None


def test_days_become_months() -> None:
    assert telling.by_month({"2026-10-31": 1, "2026-11-01": 2, "2026-11-30": 3}) == {"2026-10": 1, "2026-11": 5}


BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        ("2026-11-24T02:29:31.000Z", "24 Nov 03:29"),
        ("2026-07-01T22:30:00.000Z", "02 Jul 00:30"),
        ("2026-12-31T23:30:00.000Z", "01 Jan 2027"),
        ("2025-12-31T23:30:00.000Z", "01 Jan 00:30"),
        ("2024-02-29T12:00:00.000Z", "29 Feb 2024"),
    ],
)
def test_a_short_time_is_that_of_the_clocks_there(instant: str, said: str) -> None:
    assert telling.local(instant, NOW, BERLIN) == said


def test_ids_are_as_short_as_tells_them_apart() -> None:
    first, close, other = (
        "01a20b63-98f8-772d-bf9e-b74d993923b1",
        "01a20b63-98f8-7aaa-bf9e-b74d993923b1",
        "01a20b63-99c2-72ad-9218-dcbecbc2b0af",
    )
    assert telling.shortened([first, other]) == ["01a20b63-98f8", "01a20b63-99c2"]
    assert telling.shortened([first, close]) == ["01a20b63-98f8-772d", "01a20b63-98f8-7aaa"]
    assert telling.shortened([first, first[:-1] + "2"]) == [first, first[:-1] + "2"]
    assert telling.shortened([]) == []


def test_what_is_cut_ends_in_an_ellipsis() -> None:
    assert telling.short("Intro call", 10) == "Intro call"
    assert telling.short("Intro call with Ada", 11) == "Intro call…"
    assert telling.short(None, 5) is None


def event(**said: Any) -> dict[str, Any]:
    return {
        "id": "01a20b63-98f8-772d-bf9e-b74d993923b1",
        "received_at": "2026-11-24T02:29:31.000Z",
        "trigger": "BOOKING_CREATED",
        "kind": "booking",
        "title": "Intro call",
        "status": "ACCEPTED",
        "start": "2026-11-25T10:00:00.000Z",
        "booking": {"uid": "qkTrz5Jx8Rd3nLbWvYc2Pa"},
        "organizer": someone("Ada"),
        "attendees": [someone("Jon"), someone("Zoe")],
        **said,
    }


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (80, ["24 Nov 03:29", "BOOKING_CREATED", "Jon and 1 more · Intro call", "qkTrz5Jx…", "01a20b63-98f8"]),
        (119, ["24 Nov 03:29", "BOOKING_CREATED", "Jon and 1 more · Intro call", "qkTrz5Jx8Rd3nLbWvYc2Pa",
               "01a20b63-98f8"]),
        (None, ["2026-11-24 02:29", "BOOKING_CREATED", "Intro call", "Ada, Jon, Zoe", "2026-11-25 10:00", "ACCEPTED",
                "qkTrz5Jx8Rd3nLbWvYc2Pa", "01a20b63-98f8-772d-bf9e-b74d993923b1"]),
    ],
)  # fmt: skip
def test_a_row_has_what_its_width_has_room_for(width: int | None, row: list[str]) -> None:
    columns, rows = telling.table([event()], width, NOW, BERLIN)
    assert rows == [row]
    assert len(columns) == len(row)


def test_a_row_about_nobody_has_its_title_or_its_organizer() -> None:
    alone = event(attendees=[], booking=None, trigger=None)
    assert telling.table([alone], 80, NOW, BERLIN)[1] == [
        ["24 Nov 03:29", "booking", "Intro call", None, "01a20b63-98f8"]
    ]
    assert telling.table([{**alone, "title": None}], 80, NOW, BERLIN)[1][0][2] == "Ada"
