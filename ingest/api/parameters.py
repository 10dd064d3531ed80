"""Query parameters: what each is called, may hold and means, once, for reading them and for the OpenAPI document."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ingest import moments
from ingest.api import cursors
from ingest.exported import Format
from ingest.live import ids
from ingest.signatures import Outcome
from workers.catalogue.event import Kind
from workers.errors import BadInput
from workers.store import audit, deliveries, history, keys, search
from workers.store.overview import Window
from workers.store.receipts import State
from workers.store.runs import RunState

#: characters in a value
_LONGEST = 1_000
#: rows in a page
DEFAULT_LIMIT, MOST = 50, 200


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter. `read(text, now)` gives its value or raises `BadInput`; `many`: it may come repeatedly;
    `required`: nothing is meant where it is left out."""

    name: str
    about: str
    schema: dict[str, Any]
    read: Callable[[str, datetime], Any]
    many: bool = False
    required: bool = False


def read(declared: Sequence[Parameter], query: Iterable[tuple[str, str]], now: datetime) -> dict[str, Any]:
    """The values of a query, by name; a `many` one is a tuple. What was not declared is refused, not ignored."""
    known = {parameter.name: parameter for parameter in declared}
    values: dict[str, Any] = {}
    for name, text in query:
        parameter = known.get(name)
        if parameter is None:
            raise BadInput(_unknown(name, list(known)))
        if not text.strip():
            raise BadInput(f"{name} is empty; leave it out, or give it a value.")
        if len(text) > _LONGEST:
            raise BadInput(f"{name} may have at most {_LONGEST} characters.")
        value = parameter.read(text, now)
        if parameter.many:
            values[name] = (*values.get(name, ()), value)
        elif name in values:
            raise BadInput(f"{name} may be given once.")
        else:
            values[name] = value
    missing = [parameter.name for parameter in declared if parameter.required and parameter.name not in values]
    if missing:
        raise BadInput(f"{missing[0]} is missing: {known[missing[0]].about}")
    return values


def _unknown(name: str, known: list[str]) -> str:
    shown = name if len(name) <= 40 else f"{name[:40]}…"
    if not known:
        return f"there is no parameter {shown!r}; this address takes none."
    near = difflib.get_close_matches(name[:40], known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}."
    return f"there is no parameter {shown!r}; {hint}"


def _text(text: str, _now: datetime) -> str:
    return text


def _typed(text: str, _now: datetime) -> str:
    search.words(text)  # refuses what no search takes, before anything is asked
    return text


def _one_of(name: str, kind: type[StrEnum]) -> Callable[[str, datetime], Any]:
    def choose(text: str, _now: datetime) -> StrEnum:
        try:
            return kind(text)
        except ValueError:
            raise BadInput(f"{name} must be one of {', '.join(kind)}.") from None

    return choose


def _id(name: str) -> Callable[[str, datetime], UUID]:
    def choose(text: str, _now: datetime) -> UUID:
        try:
            return UUID(text)
        except ValueError:
            raise BadInput(f"{name} must be an id, whole.") from None

    return choose


def _limit(text: str, _now: datetime) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= MOST):
        raise BadInput(f"limit must be a whole number from 1 to {MOST}.")
    return int(text)


def _boolean(name: str) -> Callable[[str, datetime], bool]:
    def choose(text: str, _now: datetime) -> bool:
        if text not in ("true", "false"):
            raise BadInput(f"{name} must be true or false.")
        return text == "true"

    return choose


def _choice(name: str, about: str, kind: type[StrEnum], *, many: bool = False) -> Parameter:
    return Parameter(name, about, {"type": "string", "enum": list(kind)}, _one_of(name, kind), many)


def flag(name: str, about: str) -> Parameter:
    """A parameter that is true or false, and false where it is left out."""
    return Parameter(name, about, {"type": "boolean", "default": False}, _boolean(name))


_STRING: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": _LONGEST, "pattern": r"\S"}
_MOMENT: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "format": "date"},
        {"type": "string", "format": "date-time"},
        {"type": "string", "pattern": "^[0-9]{1,5}[smhdw]$"},
    ]
}

CONNECTION = Parameter("connection", "Events of this connection (its PCID).", _STRING, _text)
SINCE = Parameter(
    "since",
    f"Received then or later: {moments.FORMS}.",
    _MOMENT,
    lambda text, now: moments.moment(text, now, name="since"),
)
UNTIL = Parameter(
    "until",
    f"Received before: {moments.FORMS}; a date is meant with the whole day.",
    _MOMENT,
    lambda text, now: moments.moment(text, now, name="until", until=True),
)
CURSOR = Parameter("cursor", "The `next` of the page before.", _STRING, lambda text, _now: cursors.read(text))
LIMIT = Parameter(
    "limit",
    "Rows in a page.",
    {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
    _limit,
)
UNMASKED = flag("unmasked", "Show passwords, tokens and links in payloads; takes the role operator.")
DRY_RUN = flag("dry_run", "Only count what would be replayed.")
FORMAT = replace(
    _choice(
        "format", "ndjson: one JSON object a line. csv: a table without payloads, harmless to spreadsheets.", Format
    ),
    schema={"type": "string", "enum": list(Format), "default": Format.NDJSON.value},
)
EVERYTHING = flag("all", "Where no filter is given: yes, every delivery is meant.")

#: what chooses events
EVENTS = (
    Parameter("trigger", "Events of this trigger; repeat it for several.", _STRING, _text, many=True),
    _choice("kind", "Events of this kind; repeat it for several.", Kind, many=True),
    Parameter(
        "booking", "Events of the booking with this uid, and of those it was rescheduled from or to.", _STRING, _text
    ),
    Parameter("email", "Events that a person with this address is part of.", _STRING, _text),
    SINCE,
    UNTIL,
    Parameter(
        "text", "Events with these words in title, names or notes; the last may be a beginning.", _STRING, _typed
    ),
    CONNECTION,
    Parameter("host", "Events that the person with this address hosts or organizes.", _STRING, _text),
    Parameter(
        "event_type", "Events of the event type with this slug or id; repeat it for several.", _STRING, _text, many=True
    ),
    Parameter(
        "status",
        "Events with this status (ACCEPTED, CANCELLED, …, in any case); repeat it for several.",
        _STRING,
        _text,
        many=True,
    ),
    _choice("verdict", "Events by deliveries whose signature was found to be this.", Outcome),
    Parameter("rule", "Events that the rule with this name has a run for.", _STRING, _text),
)

_OF_BOOKINGS = ("email", "host", "event_type", "status", "text", "connection", "since", "until")
_ABOUT_BOOKINGS = {
    "status": "Bookings that have this status now (ACCEPTED, CANCELLED, …, in any case); repeat it for several.",
    "since": f"Told of then or later: {moments.FORMS}.",
    "until": f"Told of before: {moments.FORMS}; a date is meant with the whole day.",
}
#: what chooses bookings: those that an event tells of which it fits
BOOKINGS = tuple(
    replace(each, about=_ABOUT_BOOKINGS.get(each.name, each.about.replace("Events", "Bookings with events", 1)))
    for name in _OF_BOOKINGS
    for each in EVENTS
    if each.name == name
)
#: what chooses events that are yet to come
COMING = tuple(each for each in EVENTS if each not in (SINCE, UNTIL))
_ID_OF_MESSAGE = {"type": "string", "pattern": ids.PATTERN, "maxLength": ids.LONGEST}
#: browsers send it by themselves when they come back
LAST_EVENT_ID = Parameter(
    "Last-Event-ID",
    "Go on after the message with this `id`; an empty one is none.",
    {**_ID_OF_MESSAGE, "pattern": f"^$|{ids.PATTERN}"},
    lambda text, _now: ids.read(text),
)
#: the same for who cannot set headers
LAST_EVENT = replace(
    LAST_EVENT_ID,
    name="last_event_id",
    about="The same as the header `Last-Event-ID`, which goes before it.",
    schema=_ID_OF_MESSAGE,
)
PAYLOAD = flag("payload", "Tell each event with its payload, passwords and the like hidden.")

_VERDICT = _choice("verdict", "Deliveries whose signature was found to be this.", Outcome)
_WEBHOOK = Parameter("webhook", "Deliveries of the webhook with this name.", _STRING, _text)
_TRIGGER = Parameter(
    "trigger", "Deliveries that became events of this trigger; repeat it for several.", _STRING, _text, many=True
)
#: what chooses deliveries to be replayed: only persisted ones are
REPLAYED = (
    _TRIGGER,
    _VERDICT,
    _WEBHOOK,
    SINCE,
    UNTIL,
    replace(CONNECTION, about="Deliveries for this connection (its PCID)."),
)
#: what chooses deliveries
DELIVERIES = (_choice("state", "Deliveries in this state.", State), *REPLAYED)

#: what chooses runs
RUNS = (
    _choice("state", "Runs in this state; repeat it for several.", RunState, many=True),
    Parameter("rule", "Runs of the rule with this name; repeat it for several.", _STRING, _text, many=True),
    Parameter("event", "Runs that the event with this id caused.", {"type": "string", "format": "uuid"}, _id("event")),
    Parameter(
        "booking", "Runs of the booking with this uid, and of those it was rescheduled from or to.", _STRING, _text
    ),
    replace(CONNECTION, about="Runs for this connection (its PCID)."),
    replace(SINCE, about=f"Planned then or later: {moments.FORMS}."),
    replace(UNTIL, about=f"Planned before: {moments.FORMS}; a date is meant with the whole day."),
)
#: what chooses entries of the audit log
AUDIT = (
    Parameter("key", "What the key with this name asked for.", _STRING, _text),
    Parameter("what", "Calls of this tool, or of this address of the API.", _STRING, _text),
    replace(CONNECTION, about="What was about this connection (its PCID)."),
    replace(SINCE, about=f"Asked then or later: {moments.FORMS}."),
    _choice("outcome", "What came to this.", audit.Outcome),
    Parameter("door", "What came by this door: api, dashboard or mcp.", _STRING, _text),
)
KEY_NAME = Parameter(
    "name",
    "What the key is for; no two live keys have one name.",
    {"type": "string", "minLength": 1, "maxLength": keys.LONGEST_NAME},
    lambda text, _now: keys.named(text),
    required=True,
)
KEY_ROLE = replace(_choice("role", "What the key may do.", keys.Role), required=True)
LOOK = flag("look", "Of a step whose end is unknown: look once more whether it was done, where that can be seen.")
DONE = Parameter("done", "Whether the step was done.", {"type": "boolean"}, _boolean("done"), required=True)
ON = Parameter(
    "on",
    "Whether the rule does nothing but write down what it would do; false: as its file says.",
    {"type": "boolean"},
    _boolean("on"),
    required=True,
)
STEP = Parameter(
    "step", "The step that this is said of; where it is another that is unknown, nothing is changed.", _STRING, _text
)


WINDOW = replace(
    _choice("window", "How far back the figures go; 24h where it is left out.", Window),
    schema={"type": "string", "enum": list(Window), "default": Window.DAY},
)
LOOKED_AT = replace(CONNECTION, about="The connection (its PCID) whose webhooks are looked at.", required=True)


def event_filter(values: dict[str, Any]) -> history.Filter:
    """The filter that the values of `EVENTS` are."""
    return history.Filter(
        triggers=values.get("trigger", ()),
        kinds=values.get("kind", ()),
        booking=values.get("booking"),
        email=values.get("email"),
        since=values.get("since"),
        until=values.get("until"),
        text=values.get("text"),
        connection=values.get("connection"),
        host=values.get("host"),
        event_types=values.get("event_type", ()),
        statuses=values.get("status", ()),
        verdict=values.get("verdict"),
        rule=values.get("rule"),
    )


def delivery_filter(values: dict[str, Any]) -> deliveries.Filter:
    """The filter that the values of `DELIVERIES` are."""
    return deliveries.Filter(
        state=values.get("state"),
        verdict=values.get("verdict"),
        webhook=values.get("webhook"),
        since=values.get("since"),
        until=values.get("until"),
        triggers=values.get("trigger", ()),
        connection=values.get("connection"),
    )
