"""search_events, get_event, event_stats: what Cal.com told, on both databases."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.contract.mcp.conftest import MAKES, Asked
from tests.contract.store.filled import START
from workers.catalogue.mask import MASK
from workers.errors import BadInput, NotFound

MINUTE = timedelta(minutes=1)
MARKS = ("Ada", "Berg", "ada@acme.example", "Jon", "Doe", "jon@client.example", "cake", "+49")


def test_events_are_found_newest_first_as_short_rows(asked: Asked) -> None:
    ids = [str(one) for one in asked.office.filled.events(3)]
    found = asked("search_events")
    assert [event["id"] for event in found["events"]] == ids[::-1]
    assert found["next"] is None
    assert found["events"][0] == {
        "id": ids[2],
        "trigger": "BOOKING_CREATED",
        "kind": "booking",
        "connection": "acme",
        "received_at": "2026-11-01T09:02:00.000Z",
        "occurred_at": "2026-11-01T09:02:00.000Z",
        "title": "Intro call",
        "type": "intro-call",
        "status": "ACCEPTED",
        "start": "2026-11-20T10:00:00.000Z",
        "booking": "uid-2",
        "organizer": {"name": "Ada Berg", "email": "Ada@Acme.example", "id": 41},
        "attendees": [{"name": "Jon Doe", "email": "jon@client.example"}],
    }


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ({"trigger": ["PING"]}, 1),
        ({"trigger": ["PING", "BOOKING_CREATED"]}, 3),
        ({"kind": ["booking"]}, 2),
        ({"booking": "uid-1"}, 1),
        ({"email": "JON@client.example"}, 3),
        ({"since": "2026-11-01T09:01:00Z"}, 2),
        ({"until": "2026-11-01T09:01:00Z"}, 1),
        ({"until": "2026-11-01"}, 3),
        ({"text": "intro ca"}, 2),
        ({"connection": "acme"}, 3),
        ({"connection": "eu"}, 0),
    ],
)
def test_each_filter_narrows_the_search_and_the_counts(asked: Asked, wanted: dict[str, Any], number: int) -> None:
    asked.office.filled.events(2)
    asked.office.filled.event(at=START + 2 * MINUTE, trigger="PING", title="Test", uid="other")
    assert len(asked("search_events", **wanted)["events"]) == number
    assert asked("event_stats", **wanted)["events"] == number


def test_pages_join_without_a_gap(asked: Asked) -> None:
    ids = [str(one) for one in asked.office.filled.events(5)]
    first = asked("search_events", limit=2)
    second = asked("search_events", limit=2, cursor=first["next"])
    third = asked("search_events", limit=2, cursor=second["next"])
    assert [event["id"] for page in (first, second, third) for event in page["events"]] == ids[::-1]
    assert third["next"] is None


def test_long_rows_end_a_page_early_and_the_cursor_goes_on_there(asked: Asked) -> None:
    crowd = [{"name": f"{n} {'x' * 300}", "email": f"{n}@{'client' * 30}.example"} for n in range(30)]
    asked.office.filled.events(20, title="t" * 5_000, attendees=crowd)
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    pages = 0
    while cursor.get("cursor", "") is not None:
        page = asked("search_events", **cursor)
        assert len(msgspec.json.encode(page)) < 21_000
        seen += [event["id"] for event in page["events"]]
        cursor = {"cursor": page["next"]}
        pages += 1
    assert (len(seen), len(set(seen))) == (20, 20)
    assert pages > 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"cursor": "AQ"},
        {"cursor": "\ud800"},
        {"since": "yesterday"},
        {"limit": 0},
        {"limit": 101},
        {"limit": "20"},
        {"trigger": "PING"},
        {"trigger": ["BOOKED"]},
        {"kind": []},
        {"text": "x" * 501},
        {"text": "word " * 40},
        {"text": " "},
        {"email": None},
        {"booking": "a\0b"},
        {"mask": "yes"},
        {"nothing": 1},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_by_the_parameters_name(asked: Asked, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=next(iter(wrong))):
        asked("search_events", **wrong)


def test_an_event_is_shown_with_its_delivery_its_runs_and_its_payload_without_secrets(asked: Asked) -> None:
    asked.office.rules(MAKES)
    mine = asked.office.comes(additionalNotes="bring cake", videoCallData={"type": "zoom", "password": "hunter2"})
    asked.office.work()
    told = asked("get_event", event=str(mine))
    assert told["event"]["notes"] == "bring cake"
    assert (told["delivery"]["verdict"], told["delivery"]["state"]) == ("signed", "persisted")
    assert told["delivery"]["headers"] == [["content-type", "application/json"]]
    assert [(run["rule"], run["state"]) for run in told["runs"]] == [("makes", "done")]
    assert told["payload"]["videoCallData"] == {"type": "zoom", "password": MASK}
    assert "hunter2" not in json.dumps(told)


def test_an_event_is_found_by_its_beginning_and_may_come_without_payload(asked: Asked) -> None:
    mine = str(asked.office.filled.event())
    told = asked("get_event", event=mine[:13], payload=False)
    assert told["event"]["id"] == mine
    assert "payload" not in told


@pytest.mark.parametrize("missing", ["01890000-0000-7000-8000-000000000000", "01890000"])
def test_an_event_that_there_is_not_is_said_with_what_finds_events(asked: Asked, missing: str) -> None:
    with pytest.raises(NotFound, match="search_events"):
        asked("get_event", event=missing)
    with pytest.raises(BadInput, match="search_events"):
        asked("get_event", event="last one")


def test_a_large_payload_is_cut_and_the_answer_stays_small(asked: Asked) -> None:
    big = {f"key {n}": ["value " * 100] * 60 for n in range(60)}
    mine = asked.office.filled.event(responses=big, additionalNotes="n" * 50_000)
    told = asked("get_event", event=str(mine))
    assert len(msgspec.json.encode(told)) < 20_000
    assert told["event"]["notes"].endswith("(10000 characters)")  # as many as are kept


def test_what_no_json_can_say_is_replaced(asked: Asked) -> None:
    mine = asked.office.filled.event(metadata={"half": "\ud83d", "much": 10**40})
    assert asked("get_event", event=str(mine))["payload"]["metadata"]["half"] == "\N{REPLACEMENT CHARACTER}"


def test_masked_an_event_tells_nobodys_name_address_number_or_words(asked: Asked) -> None:
    mine = asked.office.filled.event(
        title="Call of Ada Berg and Jon Doe",
        additionalNotes="bring cake",
        responses={"name": {"label": "your_name", "value": "Jon Doe"}, "phone": "+49 30 1234567"},
        location="+49 30 1234567",
    )
    for tool, arguments in (("get_event", {"event": str(mine)}), ("search_events", {})):
        plain, masked = json.dumps(asked(tool, **arguments)), json.dumps(asked(tool, **arguments, mask=True))
        assert "Jon Doe" in plain
        assert [mark for mark in MARKS if mark.lower() in masked.lower()] == []
        assert '{"name": "person-1", "email": "person-1", "id": 41}' in masked
        assert "uid-0" in masked


def test_events_are_counted_in_total_or_by_day_beside_the_deliveries(asked: Asked) -> None:
    asked.office.filled.events(2)
    asked.office.filled.event(at=START + timedelta(days=1), trigger="PING", uid="x")
    asked.office.filled.keep(b"{}", verdict="unsigned")
    told = asked("event_stats")
    assert (told["events"], told["triggers"]) == (3, {"BOOKING_CREATED": 2, "PING": 1})
    assert told["deliveries"]["states"] == {"persisted": 3, "quarantined": 1}
    assert "days" not in told
    assert asked("event_stats", by="day")["days"] == {"2026-11-01": 2, "2026-11-02": 1}
