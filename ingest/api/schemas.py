"""What the API's answers look like, as JSON Schema 2020-12 for the OpenAPI document. Tests hold answers to it."""

from __future__ import annotations

from typing import Any

from ingest.signatures import Outcome
from workers import attention
from workers.catalogue.event import Kind
from workers.store import audit, connections
from workers.store.keys import Role
from workers.store.ledger import ActionState
from workers.store.overview import Window
from workers.store.receipts import State
from workers.store.runs import RunState

Schema = dict[str, Any]


def _object(properties: dict[str, Schema], *, optional: tuple[str, ...] = (), closed: bool = True) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": not closed}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    """A schema of `SCHEMAS`, by name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _all(schema: Schema) -> Schema:
    """A list that is short, and so has no pages."""
    return _object({"data": _list(schema)})


def _page(schema: Schema) -> Schema:
    return _object({"data": _list(schema), "next": {**_or_null(_TEXT), "description": "the cursor of the next page"}})


_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_INSTANT: Schema = {"type": "string", "format": "date-time"}
_ID: Schema = {"type": "string", "format": "uuid"}
_COUNTS: Schema = {"type": "object", "additionalProperties": _COUNT}
_ROLE: Schema = {"type": "string", "enum": list(Role)}
_TEXT_OR_NULL, _INSTANT_OR_NULL, _NUMBER_OR_NULL = _or_null(_TEXT), _or_null(_INSTANT), _or_null(_NUMBER)

_RUN: dict[str, Schema] = {
    "id": _ID,
    "rule": _TEXT,
    "version_id": _ID,
    "act": {"type": "string", "enum": ["do", "undo"]},
    "event_id": _ID,
    "trigger": _TEXT,
    "connection": _TEXT,
    "entity": {**_TEXT, "description": "what runs keep their order for"},
    "key": {**_TEXT, "description": "what once_per gave"},
    "depth": _COUNT,
    "state": {"type": "string", "enum": list(RunState)},
    "reason": _TEXT_OR_NULL,
    "step": {**_COUNT, "description": "the place of the step that comes next"},
    "attempt": {**_COUNT, "description": "attempts of that step that failed"},
    "created_at": _INSTANT,
    "due_at": {**_INSTANT_OR_NULL, "description": "null: it is over"},
    "ended_at": _INSTANT_OR_NULL,
}

_EVENT: dict[str, Schema] = {
    "id": _ID,
    "trigger": _TEXT_OR_NULL,
    "kind": {"type": "string", "enum": list(Kind)},
    "connection": _TEXT,
    "webhook": {**_TEXT_OR_NULL, "description": "null: no delivery brought it, Daybook found or made it"},
    "webhook_version": _TEXT_OR_NULL,
    "delivery_id": _or_null(_ID),
    "received_at": _INSTANT,
    "occurred_at": _INSTANT,
    "caused_by": _TEXT_OR_NULL,
    "title": _TEXT_OR_NULL,
    "status": _TEXT_OR_NULL,
    "type": _TEXT_OR_NULL,
    "start": _INSTANT_OR_NULL,
    "end": _INSTANT_OR_NULL,
    "booking": _or_null(ref("BookingOfEvent")),
    "event_type": _or_null(_object({"id": _NUMBER_OR_NULL, "slug": _TEXT_OR_NULL})),
    "organizer": _or_null(ref("Person")),
    "hosts": _list(ref("Person")),
    "attendees": _list(ref("Person")),
    "notes": _TEXT_OR_NULL,
}
_PAYLOAD: Schema = {"type": "object", "description": "what Cal.com sent; secrets are masked"}
_DELIVERY: dict[str, Schema] = {
    "id": _ID,
    "webhook": _TEXT,
    "received_at": _INSTANT,
    "verdict": {"type": "string", "enum": list(Outcome)},
    "state": {"type": "string", "enum": list(State)},
    "bytes": _COUNT,
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "seen": {"type": "integer", "minimum": 1},
    "event_id": _or_null(_ID),
}
_RULE: dict[str, Schema] = {
    "name": _TEXT,
    "description": _TEXT,
    "on": {**_list(_TEXT), "description": "its triggers"},
    "undo_on": {**_list(_TEXT), "description": "those at which it takes back what it did"},
    "connection": _TEXT_OR_NULL,
    "version": {**_TEXT, "description": "the digest of the live version"},
    "file": _TEXT,
    "state": {"type": "string", "enum": ["live", "dry run", "unreadable"]},
    "dry_run": {"type": ["boolean", "null"], "description": "what its file says; null: it cannot be read"},
    "switch": {
        **_or_null(_object({"dry_run": {"type": "boolean"}, "set_by": _TEXT, "set_at": _INSTANT})),
        "description": "how a person switched it last, whatever its file says; null: never",
    },
    "runs": {**_COUNTS, "description": "how many are in each state"},
    "last_run": _INSTANT_OR_NULL,
}
_KEY: dict[str, Schema] = {
    "id": _ID,
    "name": _TEXT,
    "role": _ROLE,
    "created_at": _INSTANT,
    "revoked_at": _INSTANT_OR_NULL,
}

#: of `workers.differences.Kind` those in which something differs; it is not imported for that: Cal.com's client loads
_DRIFTED = ["missing", "edited", "switched_off", "extra", "by_hand", "adopted"]
_QUANTILES: dict[str, Schema] = {
    name: {"type": ["number", "null"], "minimum": 0, "description": "milliseconds; null: there were none"}
    for name in ("p50", "p95", "p99")
}
_VERDICTS: dict[str, Schema] = {outcome.value: _COUNT for outcome in Outcome}

SCHEMAS: dict[str, Schema] = {
    "Person": _object(
        {
            "id": _NUMBER_OR_NULL,
            "name": _TEXT_OR_NULL,
            "email": _TEXT_OR_NULL,
            "time_zone": _TEXT_OR_NULL,
            "username": _TEXT,
            "no_show": {"type": "boolean"},
        },
        optional=("username", "no_show"),
    ),
    "BookingOfEvent": _object(
        {"uid": _TEXT, "id": _NUMBER_OR_NULL, "lineage": _TEXT, "seat": _TEXT_OR_NULL, "series": _TEXT_OR_NULL}
    ),
    "Event": _object({**_EVENT, "payload": _PAYLOAD}),
    "EventPage": _page(ref("Event")),
    "LiveEvent": _object({**_EVENT, "payload": _PAYLOAD}, optional=("payload",)),
    "Gap": _object(
        {
            "since": {
                **_INSTANT_OR_NULL,
                "description": "when the last event before the gap was received; null: it is no longer known",
            }
        }
    ),
    "Statistics": _object(
        {
            "events": _COUNT,
            "triggers": {**_COUNTS, "description": "an event without a trigger counts under its kind"},
            "kinds": _COUNTS,
            "connections": _COUNTS,
            "days": {**_COUNTS, "description": "by UTC day of arrival"},
            "deliveries": _object({"deliveries": _COUNT, "states": _COUNTS, "verdicts": _COUNTS}),
        }
    ),
    "Delivery": _object(_DELIVERY),
    "DeliveryPage": _page(ref("Delivery")),
    "DeliveryWithHeaders": _object(
        {
            **_DELIVERY,
            "last_seen_at": _INSTANT,
            "headers": _list({**_list(_TEXT), "minItems": 2, "maxItems": 2}),
        }
    ),
    "Replayed": _object({"deliveries": _COUNT, "dry_run": {"type": "boolean"}}),
    "BookingNow": _object(
        {
            "uid": _TEXT,
            "lineage": _TEXT,
            "connection": _TEXT,
            "title": _TEXT_OR_NULL,
            "status": _TEXT_OR_NULL,
            "start": _INSTANT_OR_NULL,
            "end": _INSTANT_OR_NULL,
            "organizer": _or_null(ref("Person")),
            "last_event": _object(
                {name: _EVENT[name] for name in ("id", "trigger", "kind", "received_at", "occurred_at")}
            ),
        }
    ),
    "BookingPage": {
        **_page(ref("BookingNow")),
        "description": "with a status, it may be shorter than its limit and still have a next page",
    },
    "Timeline": _object(
        {
            "uid": _TEXT,
            "lineage": _TEXT,
            "uids": _list(_TEXT),
            "state": _object(
                {
                    "uid": _TEXT,
                    "status": _TEXT_OR_NULL,
                    "title": _TEXT_OR_NULL,
                    "start": _INSTANT_OR_NULL,
                    "end": _INSTANT_OR_NULL,
                    "organizer": _or_null(ref("Person")),
                    "attendees": _list(ref("Person")),
                    "seats": _list(ref("Seat")),
                    "as_of": _INSTANT,
                }
            ),
            "series": _or_null(ref("Series")),
            "events": _list(ref("EventOfTimeline")),
        }
    ),
    "Seat": _object(
        {
            "id": _TEXT_OR_NULL,
            "attendee": _or_null(ref("Person")),
            "status": {**_TEXT_OR_NULL, "description": "Cal.com's, or MOVED"},
            "moved_to": {**_TEXT_OR_NULL, "description": "the uid of the booking that the seat moved to"},
            "as_of": _INSTANT,
        }
    ),
    "Series": _object(
        {
            "id": _TEXT_OR_NULL,
            "occurrences": {
                **_list(_object({"uid": _TEXT, "start": _INSTANT_OR_NULL})),
                "description": "the others that are known: each is a booking with a uid of its own",
            },
            "ended": {
                **_or_null(
                    _object({"uid": _TEXT, "trigger": _TEXT, "status": _TEXT_OR_NULL, "as_of": _INSTANT}),
                ),
                "description": "the one event that cancelled or rejected all occurrences that were left",
            },
        }
    ),
    "EventOfTimeline": _object(
        {
            **_EVENT,
            "previous_uid": {**_TEXT_OR_NULL, "description": "the uid it was rescheduled from"},
            "delivery": _or_null(
                _object({name: _DELIVERY[name] for name in ("id", "verdict", "state", "bytes", "seen")})
            ),
            "runs": {**_list(ref("RunOfTimeline")), "description": "what rules made of it"},
        }
    ),
    "RunOfTimeline": _object({**_RUN, "actions": _list(ref("Action"))}),
    "Run": _object(_RUN),
    "RunPage": _page(ref("Run")),
    "RunWithActions": _object(
        {
            **_RUN,
            "event": _or_null(_object({"id": _ID, "trigger": _TEXT_OR_NULL, "title": _TEXT_OR_NULL})),
            "version": {
                **_or_null(_object({"id": _ID, "digest": _TEXT, "file": _TEXT, "live": {"type": "boolean"}})),
                "description": "the version of the rule that was live when it was planned",
            },
            "actions": _list(ref("Action")),
        }
    ),
    "Rule": _object(_RULE),
    "RuleList": _all(ref("Rule")),
    "RuleWithVersions": _object(
        {
            "name": _TEXT,
            "live": {**_or_null(ref("Rule")), "description": "null: it is no longer there"},
            "source": {**_TEXT_OR_NULL, "description": "the YAML of the live version"},
            "versions": {
                **_list(
                    _object(
                        {"id": _ID, "digest": _TEXT, "file": _TEXT, "created_at": _INSTANT, "live": {"type": "boolean"}}
                    )
                ),
                "description": "all that ever were live, the newest first",
            },
        }
    ),
    "AuditEntry": _object(
        {
            "id": _ID,
            "at": _INSTANT,
            "key": _object({"id": _or_null(_ID), "name": _TEXT, "role": _ROLE}),
            "door": {**_TEXT, "description": "by which it came: api, dashboard, mcp"},
            "what": {**_TEXT, "description": "the tool, or the method and address of the API"},
            "connection": _TEXT_OR_NULL,
            "arguments": {**_or_null({"type": "object"}), "description": "without secrets"},
            "outcome": {"type": "string", "enum": list(audit.Outcome)},
            "detail": _TEXT_OR_NULL,
            "ended_at": _INSTANT_OR_NULL,
        }
    ),
    "AuditPage": _page(ref("AuditEntry")),
    "Webhook": _object(
        {
            "name": _TEXT,
            "connection": _TEXT,
            "origin": _TEXT,
            "state": {"type": "string", "enum": ["registered", "adopted", "retired", "unregistered"]},
            "remote_id": {**_TEXT_OR_NULL, "description": "Cal.com's id of it"},
            "created_at": _INSTANT,
            "last_delivery": _INSTANT_OR_NULL,
            "secrets": {
                **_list(_object({"created_at": _INSTANT, "live_until": _INSTANT_OR_NULL})),
                "description": "the live ones, the newest first, without themselves",
            },
        }
    ),
    "WebhookList": _all(ref("Webhook")),
    "Drift": _object(
        {
            "connection": _TEXT,
            "at": {**_INSTANT_OR_NULL, "description": "null: nobody looked yet"},
            "problem": {**_TEXT_OR_NULL, "description": "why nothing could be seen; null: it could"},
            "differences": _list(
                _object(
                    {
                        "webhook": {**_TEXT_OR_NULL, "description": "null: it is not known here"},
                        "remote_id": {**_TEXT_OR_NULL, "description": "Cal.com's id of it"},
                        "kind": {"type": "string", "enum": _DRIFTED},
                        "note": _TEXT_OR_NULL,
                        "fields": {
                            **_list(_object({"field": _TEXT, "there": {}, "wanted": {}})),
                            "description": "what differs, without secrets; of a URL only where it leads",
                        },
                    }
                )
            ),
        }
    ),
    "DriftList": _all(ref("Drift")),
    "Overview": _object(
        {
            "window": {"type": "string", "enum": list(Window)},
            "since": _INSTANT,
            "until": _INSTANT,
            "minutes": {"type": "integer", "minimum": 1, "description": "how long a point is"},
            "points": {
                **_list(_object({"at": _INSTANT, **_VERDICTS, "accepted": _COUNT, **_QUANTILES})),
                "description": "deliveries that came, and how long those that were accepted took",
            },
            "deliveries": _object(_VERDICTS),
            "accepted": _object(
                {
                    "since": {**_INSTANT, "description": "how long deliveries took is known for 48 hours"},
                    "number": _COUNT,
                    **_QUANTILES,
                    "buckets": _list(
                        _object(
                            {
                                "up_to": {**_NUMBER_OR_NULL, "description": "milliseconds; null: beyond"},
                                "number": _COUNT,
                            }
                        )
                    ),
                }
            ),
            "events": {**_COUNTS, "description": "by trigger; an event without one counts under its kind"},
            "runs": {
                **_object(dict.fromkeys((*RunState, "unknown"), _COUNT)),
                "description": "done and skipped: planned in the window; the others: all there are. unknown: the dead "
                "ones that stopped at a step whose end is unknown",
            },
            "budgets": _list(
                _object(
                    {
                        "connection": _TEXT,
                        "per_minute": _COUNT,
                        "left": {
                            **_or_null(_COUNT),
                            "description": "calls that could be made at once; null: any number",
                        },
                        "halted_until": {**_INSTANT_OR_NULL, "description": "when Cal.com wants calls again"},
                    }
                )
            ),
        }
    ),
    "AttentionList": _all(
        _object(
            {
                "kind": {"type": "string", "enum": list(attention.Kind)},
                "about": {**_TEXT_OR_NULL, "description": "the connection or trigger it is about"},
                "count": {"type": "integer", "minimum": 1},
                "since": _INSTANT_OR_NULL,
                "says": _TEXT,
                "next": {**_TEXT, "description": "what to do about it"},
            }
        )
    ),
    "Connection": _object(
        {
            "pcid": _TEXT,
            "kind": {"type": "string", "enum": list(connections.Kind)},
            "host": {**_TEXT_OR_NULL, "description": "where it is asked; the whole URL may have a token in it"},
            "org_id": _NUMBER,
            "per_minute": {**_COUNT, "description": "calls a minute; 0: as many as come"},
            "created_at": _INSTANT,
        }
    ),
    "ConnectionList": _all(ref("Connection")),
    "Key": _object(_KEY),
    "KeyList": _all(ref("Key")),
    "KeyMade": _object({**_KEY, "key": {**_TEXT, "description": "this is the one time it is shown"}}),
    "Action": _object(
        {
            "id": _ID,
            "step": _TEXT,
            "kind": _TEXT,
            "state": {"type": "string", "enum": list(ActionState)},
            "attempts": _COUNT,
            "request": {"type": "object", "description": "what the step was told, secrets masked"},
            "answer": {"description": "what it gave, secrets masked"},
            "reason": _TEXT_OR_NULL,
            "caused": {**_or_null(_ID), "description": "the event that tells of its effect"},
            "begun_at": _INSTANT,
            "ended_at": _INSTANT_OR_NULL,
        }
    ),
    "Problem": _object(
        {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": _TEXT,
            "request_id": _TEXT,
        },
        optional=("request_id",),
    ),
}
