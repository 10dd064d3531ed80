"""Events in words."""

from __future__ import annotations

from typing import Any

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
        "events": [{"trigger": trigger, "received_at": "2026-11-01T09:00:00.000Z"} for trigger in triggers],
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


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1"])
def test_a_formula_becomes_text(text: str) -> None:
    assert telling.harmless(text) == "'" + text


def test_other_text_stays() -> None:
    for text in ("", "Ada", "1=1", "a@b.example", "'"):
        assert telling.harmless(text) == text
