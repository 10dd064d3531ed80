"""list_runs: what rules did, and what waits for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from ingest import ids
from ingest.api import cursors
from ingest.mcp.history import asked as values
from ingest.mcp.history import brief, schemas
from ingest.mcp.history.schemas import asks, flag, gives, of, several, some, text
from ingest.mcp.history.tool import Desk, Hide, Tool
from ingest.mcp.toolset import Offer
from workers.store import events, history, ledger, outcomes, runs
from workers.store.runs import RunState
from workers.store.timeline import MOST

#: bytes of a request, of an answer
_ROOM = 1_500
_SHOWN = ("trigger", "connection", "event_id", "key")


def _list(desk: Desk, asked: Mapping[str, Any], hide: Hide) -> dict[str, Any]:
    limit = values.limit(asked)
    with desk.store.read() as sql:
        wanted = runs.Filter(
            states=tuple(map(RunState, asked.get("state", ()))),
            rules=tuple(asked.get("rule", ())),
            event_id=values.id_of(sql, asked, "event") if "event" in asked else None,
            event_ids=_events(sql, asked["booking"]) if "booking" in asked else None,
            connection=asked.get("connection"),
            **values.span(asked),
        )
        rows = runs.page(sql, wanted, before=values.cursor(asked), limit=limit + 1)
        actions = ledger.of_runs(sql, [row.id for row in rows[:limit]])
        if asked.get("mask", False):  # keys and reasons may name whoever the events are about
            about = history.many(sql, [row.event_id for row in rows[:limit]])
            hide([events.shape(row) for row in about if row is not None])
    room = _ROOM if asked.get("details", False) else None
    found = [_row(outcomes.run(row), [outcomes.action(one) for one in actions[row.id]], room) for row in rows[:limit]]
    kept = brief.within(found, asked)
    return {"runs": found[:kept], "next": cursors.spell(rows[kept - 1].id) if len(rows) > kept else None}


def _events(sql: Connection, uid: str) -> tuple[UUID, ...]:
    """The events of the booking that the uid belongs to, the newest."""
    found = history.page(sql, history.Filter(booking=uid), limit=MOST)
    found = found or history.page(sql, history.Filter(booking=ids.uid(sql, uid, finds="search_events")), limit=MOST)
    return tuple(row.id for row in found)


def _row(told: Mapping[str, Any], actions: Sequence[Mapping[str, Any]], room: int | None) -> dict[str, Any]:
    return {**brief.run(told, actions, room=room), **{name: told[name] for name in _SHOWN}}


LIST = Tool(
    Offer(
        name="list_runs",
        title="List runs of rules",
        description="Runs, newest first: one rule meeting one event, with each action's state and reason. State `dead` "
        "waits for a person: the reason says at what to look. `skipped` did nothing on purpose; `failed` tries again "
        "by itself at due_at; an action whose state is `unknown` may have been done or not.",
        input_schema=asks(
            {
                "state": several("Runs in these states.", RunState),
                "rule": several("Runs of the rules with these names."),
                "event": text("Runs that this event caused: its id, or a beginning that only it has."),
                "booking": text("Runs of the booking with this uid, through all its reschedules."),
                "connection": schemas.CONNECTION,
                "since": {**schemas.SINCE, "description": schemas.SINCE["description"].replace("Received", "Planned")},
                "until": {**schemas.UNTIL, "description": schemas.UNTIL["description"].replace("Received", "Planned")},
                "details": flag("Show what each action was told and what it gave, secrets hidden."),
                "limit": schemas.LIMIT,
                "cursor": schemas.CURSOR,
                "mask": schemas.MASK,
            }
        ),
        output_schema=gives(
            {
                "runs": some(
                    of(
                        {
                            **schemas.RUN_PARTS,
                            "trigger": schemas.TEXT,
                            "connection": schemas.TEXT,
                            "event_id": schemas.ID,
                            "key": {**schemas.TEXT, "description": "what once_per gave: one run for each"},
                        },
                        "actions_left_out",
                    )
                ),
                "next": schemas.NEXT,
            }
        ),
    ),
    _list,
)
