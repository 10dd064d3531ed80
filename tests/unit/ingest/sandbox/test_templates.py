"""Payload templates as the stand-in fills them in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sandbox.templates import FORM_TYPE, JSON_TYPE, rendered

BODY = json.dumps(
    {"triggerEvent": "T", "createdAt": "now", "payload": {"title": "a<b'c", "n": 5, "list": [True, None, {}]}}
).encode()


def filled(template: str, trigger: str = "BOOKING_CREATED") -> str:
    return rendered(trigger, BODY, template)[0].decode()


def test_no_template_leaves_the_body_alone() -> None:
    for template in (None, ""):
        assert rendered("BOOKING_CREATED", BODY, template) == (BODY, JSON_TYPE)


def test_a_meetings_body_never_uses_the_template() -> None:
    assert rendered("MEETING_ENDED", BODY, "x") == (BODY, JSON_TYPE)


def test_values_are_escaped_unless_in_three_braces() -> None:
    assert filled("{{title}} {{{title}}}") == "a&lt;b&#x27;c a<b'c"


def test_a_payload_is_flattened_for_bookings_and_kept_for_the_others() -> None:
    assert filled("{{title}}/{{payload.title}}/{{triggerEvent}}", "BOOKING_PAID").startswith("a&lt;b")
    assert filled("{{n}}/{{payload.n}}", "FORM_SUBMITTED") == "/5"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("list.0", "true"),
        ("list.1", ""),
        ("list.2", "[object Object]"),
        ("list", "true,,[object Object]"),
        ("list.9", ""),
        ("nothing.at.all", ""),
        ("n.x", ""),
    ],
)
def test_values_become_text_as_in_javascript(place: str, text: str) -> None:
    assert filled(f"{{{{{place}}}}}") == text


def test_a_json_template_is_written_again_and_anything_else_is_called_a_form() -> None:
    assert rendered("X", BODY, '{ "n": {{n}} }')[1] == FORM_TYPE  # its own text is no JSON
    assert rendered("X", BODY, '{ "n": "{{n}}" }') == (b'{"n":"5"}', JSON_TYPE)


def test_a_value_with_a_line_break_spoils_a_json_template() -> None:
    body = json.dumps({"payload": {"notes": "one\ntwo"}}).encode()

    assert rendered("BOOKING_CREATED", body, '{"n": "{{notes}}"}') == (b"false", JSON_TYPE)


@given(st.binary(), st.text())
def test_any_body_and_any_template_give_some_bytes(body: bytes, template: str) -> None:
    made, content_type = rendered("BOOKING_CREATED", body, template)

    assert isinstance(made, bytes)
    assert content_type in (JSON_TYPE, FORM_TYPE)
