"""Kinds of steps that stand in for the real ones, and an event as history shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from workers.rules.fault import Fault
from workers.rules.kinds import UNKNOWN, Key, KindSpec, Problem
from workers.rules.load import read_text
from workers.rules.rule import Rule

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
TEXT: Mapping[str, Any] = {"type": "string"}
ENTRY = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "uuid": {"type": ["string", "null"]},
        "price": {"type": "number"},
        "days": {"type": "array", "items": {"type": "object", "properties": {"day": TEXT}}},
        "user": {"type": "object", "properties": {"name": TEXT}},
    },
}


@dataclass(frozen=True)
class Fake:
    """A kind whose tool `refused` is refused, and whose tool `entry` gives an ENTRY."""

    name: str
    keys: Mapping[str, Key] = field(default_factory=dict)
    duration: bool = False

    def problems(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        if values[self.name] == "refused":
            yield Problem((self.name,), "this tool is refused")
        if "wrong" in values.get("with", {}):
            yield Problem(("with", "wrong"), "wrong is no parameter")

    def output(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        assert values[self.name] is not UNKNOWN or self.name != "tool"
        return ENTRY if values[self.name] == "entry" else {}


KINDS: Mapping[str, KindSpec] = {
    kind.name: kind
    for kind in (
        Fake("tool", {"tool": Key(TEXT, required=True), "with": Key({"type": "object"})}),
        Fake(
            "http",
            {
                "http": Key(TEXT, required=True),
                "method": Key({"enum": ["POST", "PUT"]}),
                "headers": Key({"type": "object", "additionalProperties": TEXT}),
                "body": Key({}),
            },
        ),
        Fake("wait", {"wait": Key(TEXT, required=True)}, duration=True),
        Fake("stop", {"stop": Key(TEXT, required=True)}),
    )
}

EVENT: Mapping[str, Any] = {
    "id": "0195-event",
    "trigger": "BOOKING_CREATED",
    "kind": "booking",
    "connection": "acme",
    "webhook": "org",
    "webhook_version": "2026-07-27",
    "delivery_id": "d1",
    "received_at": "2027-01-01T00:00:00.000Z",
    "occurred_at": None,
    "caused_by": None,
    "title": "Time off",
    "status": "ACCEPTED",
    "type": "time-off",
    "start": "2027-01-02T09:00:00.500Z",
    "end": None,
    "booking": {"uid": "u1", "id": 1, "lineage": "l1", "seat": None, "series": None},
    "event_type": None,
    "organizer": {"id": 41, "name": "Ada", "email": "ada@acme.com", "time_zone": "Europe/Berlin"},
    "hosts": [{"id": 41, "name": "Ada", "email": "ada@acme.com", "time_zone": "Europe/Berlin"}],
    "attendees": [{"id": None, "name": "Bob", "email": "bob@b.org", "time_zone": None, "no_show": True}],
    "notes": None,
    "payload": {"price": 12.5, "count": 3, "tags": ["a", "b"], "deep": {"er": None}},
}


def rule(text: str) -> Rule:
    """The one rule of a file that has no faults."""
    rules, faults = read_text(text, "rule.yaml", KINDS)
    assert faults == []
    return rules[0]


def faults(text: str) -> list[Fault]:
    """What is wrong with a file."""
    return read_text(text, "rule.yaml", KINDS)[1]


def marked(text: str) -> list[tuple[str, str]]:
    """What is wrong with a file: for each fault what stands at its place, up to a blank, and its message."""
    lines = text.split("\n")
    return [(lines[fault.line - 1][fault.column - 1 :].partition(" ")[0], fault.message) for fault in faults(text)]
