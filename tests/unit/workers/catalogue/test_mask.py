"""What may be shown of a payload, and that nothing else is lost on the way."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.catalogue.mask import MASK, mask

PAYLOADS = Path(__file__).parents[3] / "payloads"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def recorded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((PAYLOADS / name).read_bytes())
    payload: dict[str, Any] = document.get("payload", document)
    return payload


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("BOOKING_REQUESTED.body", "2f8c7d1e-0f54-4c0e-9f59-7a5f5c1a2b3c"),
        ("BOOKING_CREATED.body", "eyJhbGciOiJIUzI1NiJ9.sample.sig"),
        ("INSTANT_MEETING.body", "9be1c7a0d4f2"),
        ("RECORDING_READY.body", "eyJyZWNvcmRpbmdJZCI6IjlmMSJ9.1a2b"),
        ("RECORDING_TRANSCRIPTION_GENERATED.body", "X-Amz-Signature=00aa"),
        ("BOOKING_CREATED/collective.json", "SGFyYm91cg.1"),
    ],
)
def test_a_recorded_secret_is_hidden(name: str, secret: str) -> None:
    payload = recorded(name)
    assert secret in json.dumps(payload)
    shown = json.dumps(mask(payload))
    assert secret not in shown
    assert MASK in shown


def test_only_the_secrets_of_a_booking_are_hidden() -> None:
    payload = recorded("BOOKING_REQUESTED.body")
    assert mask(payload) == {**payload, "oneTimePassword": MASK}


def test_a_payload_without_secrets_is_shown_as_it_is() -> None:
    payload = recorded("BOOKING_CANCELLED.body")
    assert mask(payload) == payload


def test_a_token_inside_a_link_is_hidden_and_the_link_stays() -> None:
    shown = mask({"location": "https://zoom.example/j/84612?uname=Priya&pwd=SGFy.1#top"})
    assert shown == {"location": f"https://zoom.example/j/84612?uname=Priya&pwd={MASK}#top"}


def test_a_token_folded_over_two_lines_of_a_calendar_file_is_hidden_whole() -> None:
    text = "BEGIN:VCALENDAR\r\nLOCATION:https://v.example/?token=first\r\n half\r\nEND:VCALENDAR"
    assert mask({"attendeeIcsContent": text}) == {
        "attendeeIcsContent": f"BEGIN:VCALENDAR\r\nLOCATION:https://v.example/?token={MASK}\r\nEND:VCALENDAR"
    }


def test_a_secret_that_is_not_there_is_shown_as_absent() -> None:
    payload = {"oneTimePassword": None, "password": "", "token": False}
    assert mask(payload) == payload


def test_keys_are_known_in_any_spelling_and_a_secret_of_any_type_is_hidden() -> None:
    assert mask({"client_secret": "a", "Meeting-Password": 7, "downloadLinks": {"recording": "x"}}) == {
        "client_secret": MASK,
        "Meeting-Password": MASK,
        "downloadLinks": MASK,
    }


def test_the_payload_itself_is_left_alone() -> None:
    payload = recorded("BOOKING_CREATED.body")
    before = copy.deepcopy(payload)
    shown = mask(payload)
    shown["attendees"].clear()
    assert payload == before


def test_no_depth_of_nesting_is_too_much() -> None:
    payload: dict[str, Any] = {"password": "p"}
    for _ in range(50_000):
        payload = {"a": payload}
    shown = mask(payload)
    while "a" in shown:
        shown = shown["a"]
    assert shown == {"password": MASK}


@settings(max_examples=30)  # each is large
@given(st.dictionaries(st.text(), JSON))
def test_any_payload_has_a_mask_of_its_own_shape(payload: dict[str, Any]) -> None:
    shown = mask(payload)
    assert list(shown) == list(payload)
    assert mask(shown) == shown
    json.dumps(shown)
