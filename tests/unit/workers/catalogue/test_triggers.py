"""The table of triggers against what Cal.com's API takes and what it sends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workers.catalogue.event import Kind
from workers.catalogue.triggers import TRIGGERS, WEBHOOK_VERSIONS, Place, kind_of

TESTS = Path(__file__).parents[3]
MANIFEST = json.loads((TESTS / "payloads" / "manifest.json").read_bytes())


def triggers_the_api_documents() -> set[str]:
    """The enum in the recorded tool descriptions; the live API has grown since."""
    text = (TESTS / "contract" / "calcom" / "tools.json").read_text(encoding="utf-8")
    found: set[str] = set()

    def look(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(enum := value.get("enum"), list) and "MEETING_STARTED" in enum:
                found.update(enum)
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(json.loads(text))
    return found


def test_there_are_28_triggers_to_subscribe_to_and_the_ping() -> None:
    assert len([trigger for trigger in TRIGGERS.values() if trigger.subscribable]) == 28
    assert [trigger.name for trigger in TRIGGERS.values() if not trigger.subscribable] == ["PING"]


def test_every_trigger_of_the_tools_is_in_the_table() -> None:
    documented = triggers_the_api_documents()
    assert len(documented) == 21
    assert documented <= set(TRIGGERS)


def test_every_recorded_trigger_is_in_the_table_and_all_but_one_of_the_table_are_recorded() -> None:
    recorded = {delivery["trigger"] for delivery in MANIFEST}
    assert set(TRIGGERS) - recorded == {"CALENDAR_ENTRY_REJECTED"}
    assert recorded <= set(TRIGGERS)


def test_the_versions_of_a_trigger_are_those_it_was_recorded_in() -> None:
    recorded: dict[str, set[str]] = {}
    for delivery in MANIFEST:
        version = delivery["headers"]["x-cal-webhook-version"]
        recorded.setdefault(delivery["trigger"], set()).add(version)
    assert {name: set(TRIGGERS[name].versions) for name in recorded} == recorded
    assert set().union(*recorded.values()) == set(WEBHOOK_VERSIONS)


@pytest.mark.parametrize("delivery", MANIFEST, ids=lambda delivery: str(delivery["name"]))
def test_a_payload_lies_where_the_table_says(delivery: dict[str, str]) -> None:
    document = json.loads((TESTS / "payloads" / delivery["body"]).read_bytes())
    place = Place.ENVELOPE if "payload" in document else Place.ROOT
    assert TRIGGERS[delivery["trigger"]].place is place


def test_every_trigger_has_a_sentence_for_people() -> None:
    sentences = [trigger.about for trigger in TRIGGERS.values()]
    assert len(set(sentences)) == len(sentences)
    assert all(sentence[0].isupper() and not sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize("trigger", [None, "", "SCHEDULE_UPDATED", "booking_created"])
def test_a_trigger_outside_the_table_is_of_unknown_kind(trigger: str | None) -> None:
    assert kind_of(trigger) is Kind.UNKNOWN


def test_the_refused_calendar_entry_is_about_a_booking() -> None:
    assert kind_of("CALENDAR_ENTRY_REJECTED") is Kind.BOOKING
