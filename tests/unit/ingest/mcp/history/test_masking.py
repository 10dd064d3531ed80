"""Personal data out of answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mcp.history.masking import HIDDEN, Masker

ADA = {"name": "Ada Berg", "email": "Ada@Acme.example", "id": 41}
JON = {"name": "Jon Doe", "email": "jon@client.example"}


def test_people_become_numbers_in_the_order_they_are_met() -> None:
    assert Masker()({"organizer": ADA, "attendees": [JON]}) == {
        "organizer": {"name": "person-1", "email": "person-1", "id": 41},
        "attendees": [{"name": "person-2", "email": "person-2"}],
    }


def test_the_same_person_has_the_same_number_throughout() -> None:
    told = Masker()([ADA, JON, {"name": None, "email": "ADA@acme.example"}, {"name": "ada berg", "email": None}])
    assert [one["email"] or one["name"] for one in told] == ["person-1", "person-2", "person-1", "person-1"]
    assert told[2]["name"] is None


def test_two_of_one_name_are_two_people() -> None:
    told = Masker()([ADA, {"name": "Ada Berg", "email": "other@acme.example"}])
    assert [one["email"] for one in told] == ["person-1", "person-2"]
    assert told[1]["name"] == "person-2"


def test_whoever_is_named_in_a_sentence_has_a_number_there_too() -> None:
    told = Masker()({"who": [ADA, JON], "reason": "Ada wrote to jon@client.example, not to BERG or new@x.example"})
    assert told["reason"] == "person-1 wrote to person-2, not to person-1 or person-3"


def test_a_name_within_a_word_is_none() -> None:
    assert Masker()({"who": ADA, "reason": "in Adana, icebergs"})["reason"] == "in Adana, icebergs"


@pytest.mark.parametrize("number", ["+49 30 1234567", "0049 (30) 123-4567", "+15551234567"])
def test_a_phone_number_becomes_a_number_of_its_own(number: str) -> None:
    told = Masker()({"reason": f"call {number} or +1 555 000 1111, then {number}"})["reason"]
    assert told == "call phone-1 or phone-2, then phone-1"


@pytest.mark.parametrize(
    "kept",
    [
        "2026-11-20T10:00:00.000Z",
        "2026-11-20T10:00:00+00:00",
        "01a2124b-526a-77fa-a270-ddd60c31d72c",
        "00b2124b-526a-77fa-a270-004930123456",
        "sha 0049301234567890abcdef",
        "BOOKING_CREATED",
        "run 0 of 3 at 10:00",
    ],
)
def test_instants_ids_and_words_of_daybook_stay(kept: str) -> None:
    assert Masker()({"reason": kept}) == {"reason": kept}


def test_titles_and_notes_are_left_out() -> None:
    assert Masker()({"title": "Ada's illness", "notes": "bring cake", "next": None}) == {
        "title": HIDDEN,
        "notes": HIDDEN,
        "next": None,
    }
    assert Masker()({"title": None, "notes": ""}) == {"title": None, "notes": ""}


def test_of_foreign_json_only_what_is_known_to_be_harmless_stays() -> None:
    told = Masker()(
        {
            "payload": {
                "uid": "abc",
                "bookingId": 7,
                "startTime": "2026-11-20T10:00:00Z",
                "organizer": {"name": "Ada Berg", "email": "ada@acme.example", "timeZone": "Europe/Berlin"},
                "responses": {"illness": {"value": "flu"}, "flu": True},
                "location": "at the church",
                "list": ["jon@client.example", "Jon"],
            }
        }
    )
    assert told["payload"] == {
        "uid": "abc",
        "bookingId": 7,
        "startTime": "2026-11-20T10:00:00Z",
        "organizer": {"name": "person-1", "email": "person-1", "timeZone": HIDDEN},
        "responses": HIDDEN,
        "location": HIDDEN,
        "list": ["person-2", HIDDEN],
    }


def test_of_headers_only_those_that_every_delivery_has_are_shown() -> None:
    told = Masker()({"headers": [["Content-Type", "application/json"], ["X-Forwarded-For", "203.0.113.7"]]})
    assert told["headers"] == [["Content-Type", "application/json"], ["X-Forwarded-For", HIDDEN]]


def test_a_second_time_it_changes_nothing_and_gives_out_no_number_twice() -> None:
    masker = Masker()
    first = masker({"organizer": ADA, "title": "x", "payload": {"note": "y"}})
    assert masker({"told": first, "attendee": JON}) == {
        "told": first,
        "attendee": {"name": "person-2", "email": "person-2"},
    }


def test_a_text_of_megabytes_costs_no_time_and_is_left_out() -> None:
    huge = "a" * 2_000_000
    told = Masker()({"payload": {"type": huge, "note": huge}, "organizer": {"name": huge, "email": None}, "why": huge})
    assert told == {
        "payload": {"type": HIDDEN, "note": HIDDEN},
        "organizer": {"name": "person-1", "email": None},
        "why": HIDDEN,
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON, st.emails())
def test_it_is_total_and_leaves_no_address_of_a_person(value: Any, email: str) -> None:
    told = Masker()({"told": value, "organizer": {"name": "Zoltan Quux", "email": email}, "reason": f"of {email}."})
    assert told["organizer"] == {"name": "person-1", "email": "person-1"}
    assert "Zoltan" not in json.dumps(told["organizer"])
