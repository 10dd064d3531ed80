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


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("https://zoom.us/s/846?zak=Zk.A-1", "Zk.A-1"),
        ("https://zoom.us/w/846?tk=Tk-1", "Tk-1"),
        ("https://meet.jit.si/room?jwt=jjj", "jjj"),
        ("https://acme.whereby.com/room?roomKey=rrr", "rrr"),
        ("https://acme.webex.com/acme/j.php?MTID=m0f1e", "m0f1e"),
        ("https://teams.microsoft.com/meet/2345?p=Pp1x", "Pp1x"),
        ("https://teams.live.com/meet/2345?a=b&p=Pp1x#top", "Pp1x"),
        ("https://meetco.daily.co/room?t=eyJhbGciOiJIUzI1NiJ9.sample.sig", "eyJ"),
        ("https://app.cal.com/video/x/eyJhbGciOiJIUzI1NiJ9.sample.sig", "eyJ"),
        ("https://app.cal.com/api/link?token=t0k&action=cancel", "t0k"),
        ("https://app.cal.com/cb#access_token=t0k", "t0k"),
        ("https://ann:s3cret@dav.example/x", "s3cret"),
        ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.sig", "e30"),
        ("key cal_live_0123456789abcdef0123456789abcdef was used", "0123456789abcdef"),
        ("Meeting ID: 846\nPasscode: 77aa88", "77aa88"),
        ("Meeting ID: 846\\nPassword: 77aa88\\nURL: x", "77aa88"),
        ("(password=77aa88)", "77aa88"),
        ("Dial in, PIN: 77188", "77188"),
    ],
)
def test_a_secret_inside_a_text_is_hidden_whatever_the_key(text: str, secret: str) -> None:
    shown = mask({"location": text})
    assert secret not in shown["location"]
    assert MASK in shown["location"]
    assert mask(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://app.cal.com/video/4hQ9sVtXwZbK2mNcR7yPeA",
        "https://app.cal.com/booking/4hQ9sVtXwZbK2mNcR7yPeA?cancel=true&changes=true",
        "https://acme.example/list?p=2&t=30&page=4#top",
        "SECRET_PROMOTION_FAILED",
        "Invalid grant: account has been disabled or password changed",
        "Shipping: 3 pins",
        "ann@acme.example: see https://acme.example/a:b",
        "eyJ is how they begin",
        "cal_live_ is how keys begin",
    ],
)
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert mask({"location": text}) == {"location": text}


@pytest.mark.parametrize(
    "key",
    [
        "pin", "accessCode", "start_url", "zak", "recordingLink", "transcriptLink", "downloadUrl", "serviceAccountKey",
        "private_key", "apiKey", "webhookSecret", "delegationAccessKey", "Authorization", "refresh_token",
    ],
)  # fmt: skip
def test_what_stands_under_a_secrets_key_is_hidden(key: str) -> None:
    assert mask({"a": [{key: {"b": "c"}}]}) == {"a": [{key: MASK}]}


def test_keys_that_only_sound_like_secrets_are_shown() -> None:
    payload = {"shipping": 1, "mapping": "a", "secretExpiresAt": "2026-12-02T00:00:00.000Z", "idempotencyKey": "k"}
    assert mask(payload) == payload


def test_a_long_text_of_beginnings_is_looked_through_once() -> None:
    for part in ("?token", "eyJ", "https://a:", "teams.live.com/meet/?", "&p=", "cal_", "password", ";a."):
        text = part * 40_000
        assert isinstance(mask({"a": text})["a"], str)


def test_a_token_folded_over_two_lines_of_a_calendar_file_is_hidden_whole() -> None:
    text = "BEGIN:VCALENDAR\r\nLOCATION:https://v.example/?token=first\r\n half\r\nEND:VCALENDAR"
    assert mask({"attendeeIcsContent": text}) == {
        "attendeeIcsContent": f"BEGIN:VCALENDAR\r\nLOCATION:https://v.example/?token={MASK}\r\nEND:VCALENDAR"
    }


def test_a_secret_that_is_not_there_is_shown_as_absent() -> None:
    payload = {"oneTimePassword": None, "password": "", "token": False}
    assert mask(payload) == payload


def test_a_secrets_key_is_known_however_long_it_is() -> None:
    key = "x" * 10_000 + "_token"
    assert mask({key: "s3cret"}) == {key: MASK}


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
