"""search_events, get_event, event_stats: what Cal.com told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from ingest import headers
from ingest.api import cursors
from ingest.brevity import cut, fit
from ingest.mcp.history import asked as values
from ingest.mcp.history import brief, schemas
from ingest.mcp.history.schemas import asks, flag, gives, of, one_of, or_null, some
from ingest.mcp.history.tool import Desk, Hide, Tool
from ingest.mcp.toolset import Offer
from workers.catalogue.mask import mask
from workers.errors import NotFound
from workers.store import deliveries, history, ledger, outcomes, runs
from workers.store.deliveries import Filter
from workers.store.events import payload, shape

#: bytes of a payload, headers of a delivery, runs of an event, days of statistics, and names in them
_PAYLOAD, _HEADERS, _RUNS, _DAYS = 10_000, 20, 20, 100
_NAMES = 100
#: characters of a header
_HEADER = 200


def _search(desk: Desk, asked: Mapping[str, Any], _hide: Hide) -> dict[str, Any]:
    limit = values.limit(asked)
    with desk.store.read() as sql:
        rows = history.page(sql, values.events(asked), before=values.cursor(asked), limit=limit + 1)
    found = [brief.event(shape(row)) for row in rows[:limit]]
    kept = brief.within(found, asked)
    return {"events": found[:kept], "next": cursors.spell(rows[kept - 1].id) if len(rows) > kept else None}


def _get(desk: Desk, asked: Mapping[str, Any], hide: Hide) -> dict[str, Any]:
    with desk.store.read() as sql:
        event_id = values.id_of(sql, asked, "event")
        row = history.one(sql, event_id)
        if row is None:
            raise NotFound("there is no event with this id; search_events finds those there are.")
        told = shape(row)
        hide(told)  # runs may name people beside those that are shown
        caused = runs.of_events(sql, [event_id])
        actions = ledger.of_runs(sql, [each.id for each in caused[:_RUNS]])
        told_runs = [
            brief.run(outcomes.run(each), [outcomes.action(one) for one in actions[each.id]], room=None)
            for each in caused[:_RUNS]
        ]
        kept = brief.within(told_runs, {})
        answer = {
            "event": {
                **brief.event(told),
                "end": told["end"],
                "hosts": brief.people(told["hosts"]),
                "lineage": (told["booking"] or {}).get("lineage"),
                "seat": (told["booking"] or {}).get("seat"),
                "series": (told["booking"] or {}).get("series"),
                "notes": cut(told["notes"], brief.NOTES),
                "caused_by": told["caused_by"],
                "webhook_version": told["webhook_version"],
            },
            "delivery": _delivery(sql, row),
            "runs": told_runs[:kept],
            **({"runs_left_out": len(caused) - kept} if len(caused) > kept else {}),
        }
        if asked.get("payload", True):
            answer["payload"] = fit(mask(payload(sql, row)), _PAYLOAD)
    return answer


def _delivery(sql: Connection, row: Row[Any]) -> dict[str, Any] | None:
    delivery_id: UUID | None = row.delivery_id
    found = deliveries.one(sql, delivery_id) if delivery_id is not None else None
    if found is None or delivery_id is None:
        return None
    sent = headers.shown(deliveries.headers(sql, delivery_id))[:_HEADERS]
    shown = [[cut(name, _HEADER), cut(value, _HEADER)] for name, value in sent]
    return {**brief.delivery(deliveries.shape(found)), "headers": shown}


def _stats(desk: Desk, asked: Mapping[str, Any], _hide: Hide) -> dict[str, Any]:
    wanted = values.events(asked)
    with desk.store.read() as sql:
        counted = history.stats(sql, wanted)
        came = deliveries.stats(sql, Filter(since=wanted.since, until=wanted.until))
    days = list(counted.pop("days").items())
    if asked.get("by") == "day":
        counted["days"] = dict(days[-_DAYS:])
        counted["days_left_out"] = max(len(days) - _DAYS, 0)
    for names in ("triggers", "kinds", "connections"):
        counted[names] = dict([*counted[names].items()][:_NAMES])
    return {**counted, "deliveries": came}


_WHOLE = {
    **schemas.EVENT_ROW_PARTS,
    "end": or_null(schemas.INSTANT),
    "hosts": some(schemas.PERSON),
    "lineage": {**schemas.WORDS, "description": "uid of the booking that it was first, before any reschedule"},
    "seat": schemas.WORDS,
    "series": schemas.WORDS,
    "notes": schemas.WORDS,
    "caused_by": {**schemas.WORDS, "description": "id of the action of ours that caused it"},
    "webhook_version": schemas.WORDS,
}

SEARCH = Tool(
    Offer(
        name="search_events",
        title="Search events",
        description="Events that Cal.com told of, newest first, as short rows. Conditions are ANDed, the values of one "
        "ORed. Begin here when you have a person, a time or words; then get_event for one of them, or "
        "explain_booking with its booking uid.",
        input_schema=asks(
            {**schemas.EVENTS, "limit": schemas.LIMIT, "cursor": schemas.CURSOR, "mask": schemas.MASK},
        ),
        output_schema=gives({"events": some(schemas.EVENT_ROW), "next": schemas.NEXT}),
    ),
    _search,
)
GET = Tool(
    Offer(
        name="get_event",
        title="Get one event",
        description="One event with the delivery it came by, what rules made of it in short, and the payload as "
        "Cal.com sent it: secrets hidden, long texts cut with their length said.",
        input_schema=asks(
            {
                "event": schemas.EVENT,
                "payload": flag("Whether to show the payload, which may be long.", default=True),
                "mask": schemas.MASK,
            },
            "event",
        ),
        output_schema=gives(
            {
                "event": of(_WHOLE, "attendees_left_out"),
                "delivery": {
                    "anyOf": [
                        of(
                            {
                                **schemas.DELIVERY_PARTS,
                                "headers": some({"type": "array", "items": schemas.TEXT, "minItems": 2, "maxItems": 2}),
                            }
                        ),
                        {"type": "null"},
                    ]
                },
                "runs": some(schemas.RUN),
                "runs_left_out": {**schemas.COUNT, "description": "list_runs has them"},
                "payload": schemas.ANY,
            },
            "runs_left_out",
            "payload",
        ),
    ),
    _get,
)
STATS = Tool(
    Offer(
        name="event_stats",
        title="Count events",
        description="How many events there are by trigger, kind and connection, in total or also by UTC day of "
        "arrival; and the deliveries of that time by state and verdict. Takes the filters of search_events.",
        input_schema=asks(
            {
                **schemas.EVENTS,
                "by": one_of("`day`: count each day too, the newest 100.", ("total", "day"), default="total"),
            }
        ),
        output_schema=gives(
            {
                "events": schemas.COUNT,
                "triggers": {**schemas.COUNTS, "description": "an event without a trigger counts under its kind"},
                "kinds": schemas.COUNTS,
                "connections": schemas.COUNTS,
                "days": schemas.COUNTS,
                "days_left_out": schemas.COUNT,
                "deliveries": of({"deliveries": schemas.COUNT, "states": schemas.COUNTS, "verdicts": schemas.COUNTS}),
            },
            "days",
            "days_left_out",
        ),
    ),
    _stats,
)
