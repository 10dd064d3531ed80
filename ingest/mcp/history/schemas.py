"""The pieces that the tools' schemas are made of: JSON Schema 2020-12, with descriptions for models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ingest import moments
from ingest.signatures import Outcome
from workers.calcom.tool import DIALECT
from workers.catalogue.event import Kind
from workers.catalogue.own import ABOUT
from workers.store.ledger import ActionState
from workers.store.receipts import State
from workers.store.runs import RunState

Schema: TypeAlias = dict[str, Any]

#: rows of a page
USUAL_LIMIT, MOST = 20, 100
#: characters of a value
_LONGEST = 500


def asks(properties: Mapping[str, Schema], *required: str) -> Schema:
    """The schema of a tool's arguments."""
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def gives(properties: Mapping[str, Schema], *optional: str) -> Schema:
    """The schema of a tool's answer."""
    return {"$schema": DIALECT, **of(properties, *optional)}


def of(properties: Mapping[str, Schema], *optional: str) -> Schema:
    """An object in an answer."""
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }


def some(schema: Schema, about: str | None = None) -> Schema:
    """A list in an answer."""
    return {"type": "array", "items": schema, **({"description": about} if about else {})}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def text(about: str, **more: Any) -> Schema:
    """A text in arguments."""
    return {"type": "string", "minLength": 1, "maxLength": _LONGEST, "description": about, **more}


def one_of(about: str, values: Any, **more: Any) -> Schema:
    """One word out of several in arguments."""
    return {"type": "string", "enum": [str(value) for value in values], "description": about, **more}


def several(about: str, values: Any = None, *, most: int = 50) -> Schema:
    """A list of words in arguments."""
    item: Schema = {"type": "string", "minLength": 1, "maxLength": _LONGEST}
    if values is not None:
        item = {"type": "string", "enum": [str(value) for value in values]}
    return {"type": "array", "items": item, "minItems": 1, "maxItems": most, "description": about}


def flag(about: str, *, default: bool = False) -> Schema:
    """True or false in arguments."""
    return {"type": "boolean", "default": default, "description": about}


def number(about: str, low: int, high: int, default: int) -> Schema:
    """A whole number in arguments."""
    return {"type": "integer", "minimum": low, "maximum": high, "default": default, "description": about}


CURSOR = text("The `next` of the answer before, unchanged, with the same filters; leave it out to begin.")
LIMIT = number("Rows in the answer.", 1, MOST, USUAL_LIMIT)
MASK = flag(
    "Hide personal data: people become person-1, person-2 (the same one throughout an answer); titles, notes and other "
    "free text are left out."
)
CONNECTION = text("Only of this connection (PCID): one Cal.com organization. Leave it out for all.")
SINCE = text(f"Received then or later: {moments.FORMS}; UTC.", examples=["30d", "2026-11-23"])
UNTIL = text(f"Received before: {moments.FORMS}; a date is meant with the whole day.", examples=["2026-11-23"])
EVENT = text("The event's id, or a beginning that only it has.")
BOOKING = text("The booking's uid; events of bookings it was rescheduled from and to count too.")

#: what chooses events
EVENTS: dict[str, Schema] = {
    "trigger": several("Events of these triggers.", ABOUT),
    "kind": several("Events of these kinds; `unknown` has the triggers that Daybook does not know.", Kind),
    "booking": BOOKING,
    "email": text("Events that a person with exactly this e-mail address is part of, as host or attendee."),
    "connection": CONNECTION,
    "since": SINCE,
    "until": UNTIL,
    "text": text("Words that stand in title, names or notes, in any order; the last one may be a beginning."),
    "host": text("Events that the person with exactly this e-mail address hosts or organizes."),
    "event_type": several("Events of these event types, each by slug or id."),
    "status": several("Events with these statuses, such as ACCEPTED, CANCELLED, PENDING, REJECTED."),
    "verdict": one_of("Events by deliveries whose signature was found to be this.", Outcome),
    "rule": text("Events that the rule with this name has a run for."),
}

TEXT: Schema = {"type": "string"}
WORDS = or_null(TEXT)
ID: Schema = {"type": "string", "format": "uuid"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
NUMBER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
YES: Schema = {"type": "boolean"}
COUNTS: Schema = {"type": "object", "additionalProperties": COUNT}
#: any JSON: long texts in it are cut, and their length is said; secrets are hidden
ANY: Schema = {"description": "JSON; long parts are cut with their length said, secrets hidden"}
NEXT: Schema = {**WORDS, "description": "hand it back as `cursor` for what follows; null: that was all"}

PERSON = of({"name": WORDS, "email": WORDS, "id": NUMBER, "no_show": YES}, "id", "no_show")
_PERSON_OR_NULL = {"anyOf": [PERSON, {"type": "null"}]}
EVENT_ROW_PARTS: dict[str, Schema] = {
    "id": ID,
    "trigger": WORDS,
    "kind": {"type": "string", "enum": list(Kind)},
    "connection": TEXT,
    "received_at": INSTANT,
    "occurred_at": INSTANT,
    "title": WORDS,
    "type": {**WORDS, "description": "slug of the event type"},
    "status": WORDS,
    "start": or_null(INSTANT),
    "booking": {**WORDS, "description": "the booking's uid"},
    "organizer": _PERSON_OR_NULL,
    "attendees": some(PERSON),
    "attendees_left_out": COUNT,
}
EVENT_ROW = of(EVENT_ROW_PARTS, "attendees_left_out")
DELIVERY_PARTS: dict[str, Schema] = {
    "id": ID,
    "webhook": TEXT,
    "received_at": INSTANT,
    "verdict": {"type": "string", "enum": list(Outcome)},
    "state": {"type": "string", "enum": list(State)},
    "bytes": COUNT,
    "seen": {**COUNT, "description": "how often the same delivery came"},
}
ACTION = of(
    {
        "step": TEXT,
        "kind": TEXT,
        "what": {**WORDS, "description": "the tool, URL or time that it names"},
        "state": {"type": "string", "enum": list(ActionState)},
        "attempts": COUNT,
        "reason": WORDS,
        "ended_at": or_null(INSTANT),
        "request": ANY,
        "answer": ANY,
    },
    "request",
    "answer",
)
RUN_PARTS: dict[str, Schema] = {
    "id": ID,
    "rule": TEXT,
    "act": {"type": "string", "enum": ["do", "undo"]},
    "state": {"type": "string", "enum": list(RunState)},
    "reason": WORDS,
    "created_at": INSTANT,
    "due_at": {**or_null(INSTANT), "description": "when it goes on; null: it is over"},
    "ended_at": or_null(INSTANT),
    "actions": some(ACTION),
    "actions_left_out": COUNT,
}
RUN = of(RUN_PARTS, "actions_left_out")
