"""Any body and any headers give an event that can be stored: random bytes and JSON, real bodies broken."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.catalogue.event import Event, Kind, Person
from workers.catalogue.read import payload_of, read
from workers.catalogue.triggers import TRIGGERS

PAYLOADS = Path(__file__).parents[3] / "payloads"
BODIES = sorted([*PAYLOADS.glob("*.body"), *PAYLOADS.glob("*/*.json")])
DOCUMENTS = [json.loads(path.read_bytes()) for path in BODIES]
RECEIVED = datetime(2027, 1, 1, tzinfo=UTC)
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

HEADERS = st.none() | st.text(st.characters(max_codepoint=255))
#: what a key of Cal.com's may hold instead of what it should
TEXTS = st.text(st.characters(exclude_categories=[])) | st.sampled_from(
    [
        "",
        " ",
        "x" * 300,
        "a@b.c",
        "2026-12-03T15:00:00Z",
        "0000-00-00T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        *TRIGGERS,
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.integers(-(2**70), 2**70) | st.floats() | TEXTS
KEYS = st.text(max_size=5) | st.sampled_from(
    sorted({key for document in DOCUMENTS for key in [*document, *document.get("payload", {})]})
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)


def assert_storable(event: Event) -> None:
    """Every value fits its column, in PostgreSQL and in SQLite."""
    assert isinstance(event.kind, Kind)
    for moment in (event.occurred_at, event.start, event.end):
        assert moment is None or (moment.tzinfo is UTC and 1900 <= moment.year < 2200)
    assert event.occurred_at is not None
    labels = [event.trigger, event.webhook_version, event.status, event.type]
    ids: list[int | None] = []
    if event.booking is not None:
        assert event.booking.uid
        assert event.booking.previous_uid != event.booking.uid
        ids.append(event.booking.id)
        labels += [event.booking.uid, event.booking.previous_uid, event.booking.series]
        labels.append(event.booking.seat)
    if event.event_type is not None:
        ids.append(event.event_type.id)
        labels.append(event.event_type.slug)
    people = [*event.hosts, *event.attendees]
    if event.organizer is not None:
        assert event.hosts[0] == event.organizer
    for person in people:
        assert person != Person()
        ids.append(person.id)
        labels += [person.name, person.time_zone, person.username]
        assert_text(person.email, 320)
        assert person.no_show in (None, True, False)
    for text in labels:
        assert_text(text, 255)
    assert_text(event.title, 10_000)
    assert_text(event.notes, 10_000)
    assert all(number is None or (type(number) is int and -(2**63) <= number < 2**63) for number in ids)
    written = json.dumps(event.payload, allow_nan=False, ensure_ascii=False)
    assert UNSTORABLE.search(written) is None
    assert r"\u0000" not in written.replace(r"\\", "")


def assert_text(text: str | None, limit: int) -> None:
    assert text is None or (type(text) is str and 0 < len(text) <= limit and UNSTORABLE.search(text) is None)


def read_any(body: bytes, content_type: str | None = None, version: str | None = None) -> Event:
    event = read(body, content_type=content_type, version=version, received_at=RECEIVED)
    assert_storable(event)
    lean = read(body, content_type=content_type, version=version, received_at=RECEIVED, payload=False)
    assert lean == replace(event, payload={})
    assert payload_of(body) == event.payload
    return event


@given(st.binary(), HEADERS, HEADERS)
def test_any_bytes_under_any_headers_are_an_event(body: bytes, content_type: str | None, version: str | None) -> None:
    read_any(body, content_type, version)


@given(st.sampled_from(BODIES), st.data())
def test_a_real_body_with_broken_bytes_is_an_event(path: Path, data: st.DataObject) -> None:
    body = path.read_bytes()
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 40)))
    read_any(body[:start] + data.draw(st.binary(max_size=20)) + body[end:])


@settings(max_examples=100)
@given(JSON)
def test_any_json_is_an_event(value: Any) -> None:
    event = read_any(json.dumps(value).encode("utf-8", "surrogatepass"))
    assert (event.kind is Kind.UNPARSED) == (not isinstance(value, dict))


@settings(max_examples=100)
@given(st.sampled_from(sorted(TRIGGERS)) | st.text(), JSON, st.dictionaries(KEYS, JSON, max_size=4))
def test_any_payload_under_any_trigger_is_an_event_of_that_triggers_kind(
    trigger: str, payload: Any, beside: dict[str, Any]
) -> None:
    document = {**beside, "triggerEvent": trigger, "payload": payload}
    event = read_any(json.dumps(document).encode())
    known = TRIGGERS.get(trigger.strip())
    assert event.kind is (known.kind if known else Kind.UNKNOWN)


@settings(max_examples=150)
@given(st.sampled_from(DOCUMENTS), st.data())
def test_a_real_body_with_any_key_dropped_or_replaced_is_an_event(
    document: dict[str, Any], data: st.DataObject
) -> None:
    broken = json.loads(json.dumps(document))
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = broken
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and data.draw(st.booleans()):
                place = place[key]
                continue
            if data.draw(st.booleans()):
                del place[key]
            else:
                place[key] = data.draw(JSON)
            break
    event = read_any(json.dumps(broken).encode())
    assert event.kind is not Kind.UNPARSED


def test_an_event_has_no_field_these_checks_do_not_look_at() -> None:
    assert {field.name for field in fields(Event)} == {
        "kind", "trigger", "webhook_version", "occurred_at", "title", "status", "type", "start", "end",
        "booking", "event_type", "organizer", "hosts", "attendees", "notes", "payload",
    }  # fmt: skip
