"""When the stand-in sender tries again, and how it signs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.sandbox.attempts import next_wait, signature

PAYLOADS = Path(__file__).parents[3] / "payloads"
CAPTURED: list[dict[str, Any]] = json.loads((PAYLOADS / "manifest.json").read_text())


def test_the_waits_grow_by_half_and_luck_at_most_doubles_them() -> None:
    calm = [next_wait("BOOKING_CREATED", attempt, 503, luck=0) for attempt in (1, 2, 3, 4)]
    unlucky = [next_wait("BOOKING_CREATED", attempt, 503, luck=1) for attempt in (1, 2, 3, 4)]

    assert calm == [0, 10, 15, None]
    assert unlucky == [0, 20, 30, None]


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 404, 410, 413, 422, 501, 505])
def test_nothing_but_the_listed_answers_is_tried_again(status: int) -> None:
    assert next_wait("BOOKING_CREATED", 1, status, luck=0) is None


def test_no_answer_is_tried_again() -> None:
    assert next_wait("OOO_CREATED", 1, None, luck=0) == 0


@pytest.mark.parametrize("trigger", ["FORM_SUBMITTED", "BOOKING_PAID", "MEETING_ENDED", "INSTANT_MEETING"])
def test_some_triggers_are_sent_once_whatever_comes_back(trigger: str) -> None:
    assert next_wait(trigger, 1, None, luck=0) is None


def test_a_signature_is_the_hex_of_hmac_sha256_without_a_prefix() -> None:
    """The value of RFC 4231, test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert signature(b"what do ya want for nothing?", "Jefe") == expected
    assert signature(b"what do ya want for nothing?", "Jefe") != signature(b"what do ya want for nothing", "Jefe")
    assert signature(b"", None) == signature(b"", "") == "no-secret-provided"


@pytest.mark.parametrize("capture", CAPTURED, ids=lambda capture: capture["name"])
def test_the_captured_deliveries_are_signed_alike(capture: dict[str, Any]) -> None:
    body = (PAYLOADS / capture["body"]).read_bytes()

    assert signature(body, capture["secret"]) == capture["headers"]["x-cal-signature-256"]
