"""explain_booking: why something happened or did not, from what was received to what rules did and were answered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from ingest import ids, mentions, standing
from ingest.api import cursors
from ingest.brevity import cut
from ingest.hearing import NOW, Hearing
from ingest.mcp.history import asked as values
from ingest.mcp.history import brief, schemas
from ingest.mcp.history.schemas import asks, gives, number, of, or_null, some, text
from ingest.mcp.history.tool import Desk, Hide, Tool
from ingest.mcp.toolset import Offer
from workers.errors import BadInput, NotFound
from workers.rules import allowance
from workers.store import history, rules, timeline
from workers.store.events import whole
from workers.store.rules import Version

#: steps of an answer, and rules told of an event
_USUAL, _MOST, _RULES = 10, 50, 25
#: bytes of what an action was told, and of what it gave
_ROOM = 600


def _explain(desk: Desk, asked: Mapping[str, Any], hide: Hide) -> dict[str, Any]:
    limit, after = values.limit(asked, _USUAL), values.cursor(asked)
    uid, pcid = asked["booking"], asked.get("connection")
    with desk.store.read() as sql:
        told = timeline.read(sql, uid, pcid=pcid) or _begun(sql, uid, pcid)
        known = told["events"] if told is not None else []
        aside = mentions.read(sql, told["uids"] if told is not None else [uid], {event["id"] for event in known}, pcid)
        live = rules.live(sql)
    if told is None and not aside:
        raise NotFound("no event told of a booking with this uid, nor did any delivery that became none; "
                       "search_events finds events by person, time or words.")  # fmt: skip
    told = hide(told)
    events = told["events"] if told is not None else []
    chosen = sorted([*events, *aside], key=_id)
    page = [one for one in chosen if after is None or UUID(_id(one)) > after]
    explained = _Rules(desk, live, asked.get("rule"), {run["rule"] for event in events for run in event["runs"]})
    with allowance.for_dear(allowance.LIVE):
        steps = [_settled(one) if "verdict" in one else explained.step(one) for one in page[:limit]]
    kept = brief.within(steps, asked)
    return {
        "summary": _summary(told, aside, uid, hidden="mask" in asked and asked["mask"]),
        "booking": _state(told) if told is not None else None,
        "rules": explained.note or NOW,
        "steps": steps[:kept],
        "next": cursors.spell(UUID(_id(page[kept - 1]))) if len(page) > kept else None,
    }


def _begun(sql: Connection, uid: str, pcid: str | None) -> dict[str, Any] | None:
    """The timeline of the booking whose uid begins so."""
    try:
        return timeline.read(sql, ids.uid(sql, uid, finds="search_events"), pcid=pcid)
    except NotFound:
        return None


def _id(one: Mapping[str, Any]) -> str:
    return str(one["id"])


def _settled(told: Mapping[str, Any]) -> dict[str, Any]:
    """A delivery that is no event."""
    return {
        "at": told["received_at"],
        "received": brief.delivery(told),
        "event": None,
        "note": mentions.note(told, deciding="`daybook deliveries release` or `discard`"),
        "rules": [],
        "runs": [],
    }


class _Rules:
    """What the live rules make of events. `name`: only of this one. `note`: why nothing can be told of them."""

    def __init__(self, desk: Desk, live: Sequence[Version], name: str | None, ran: Collection[str]) -> None:
        if name is not None and name not in {*ran, *(version.name for version in live)}:
            there = ", ".join(version.name for version in live[:_RULES]) or "none"
            raise BadInput(f"rule: no live rule has this name; there are: {there}.")
        self._desk = desk
        self._name = name
        self._hearing = Hearing(desk, live, name=name)
        self.note = self._hearing.note

    def step(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """An event of a timeline, with what rules made of it."""
        event_id = UUID(told["id"])
        with self._desk.store.read() as sql:
            row = history.one(sql, event_id)
            event = whole(sql, row) if row is not None else {}
        heard = self._hearing.lines(event, told["runs"]) if event else []
        lines = [
            {**{name: line[name] for name in _LINE}, "because": cut(line["because"], brief.REASON)} for line in heard
        ]
        most = len(lines) if self._name is not None else _RULES
        shown = [run for run in told["runs"] if self._name in (None, run["rule"])]
        return {
            "at": told["received_at"],
            "received": told["delivery"] and {name: told["delivery"][name] for name in _RECEIVED},
            "event": {
                **{name: told[name] for name in ("id", "trigger", "kind", "occurred_at", "status", "start")},
                "booking": told["booking"]["uid"],
                "previous": told["previous_uid"],
                "caused_by": told["caused_by"],
            },
            "rules": [{name: line[name] for name in _LINE} for line in lines[:most]],
            **({"rules_left_out": len(lines) - most} if len(lines) > most else {}),
            "runs": [brief.run(run, run["actions"], room=_ROOM) for run in shown],
        }


_LINE = ("rule", "act", "outcome", "because", "run")
_RECEIVED = ("id", "verdict", "state", "bytes", "seen")


def _summary(told: Mapping[str, Any] | None, aside: Sequence[Any], uid: str, *, hidden: bool) -> str:
    """What happened to the booking and what rules did, in a few plain sentences."""
    said = []
    if told is None:
        said.append(f"No event told of a booking {uid[:60]}.")
    else:
        state = {**told["state"], "title": None if hidden else cut(told["state"]["title"], 120)}
        said.append(standing.standing({**told, "state": state}))
        said.append(standing.done([run for event in told["events"] for run in event["runs"]]))
    if aside:
        said.append(mentions.counted(len(aside)))
    return " ".join(said)


def _state(told: Mapping[str, Any]) -> dict[str, Any]:
    state = told["state"]
    return {
        **{name: state[name] for name in ("uid", "status", "start", "end", "as_of")},
        "title": cut(state["title"], 120),
        "uids": told["uids"][:_MOST],
        "organizer": brief.person(state["organizer"]),
        "attendees": brief.people(state["attendees"]),
        "seats": len(state["seats"]),
        "occurrences": 1 + len(told["series"]["occurrences"]) if told["series"] else None,
    }


_STATE = of(
    {
        "uid": schemas.TEXT,
        "status": schemas.WORDS,
        "start": or_null(schemas.INSTANT),
        "end": or_null(schemas.INSTANT),
        "as_of": schemas.INSTANT,
        "title": schemas.WORDS,
        "uids": some(schemas.TEXT, "every uid that it had, through reschedules"),
        "organizer": {"anyOf": [schemas.PERSON, {"type": "null"}]},
        "attendees": some(schemas.PERSON),
        "seats": schemas.COUNT,
        "occurrences": {**or_null(schemas.COUNT), "description": "known ones of the series; null: it is in none"},
    }
)
_STEP = of(
    {
        "at": schemas.INSTANT,
        "received": {
            **of(schemas.DELIVERY_PARTS, "webhook", "received_at"),
            "type": ["object", "null"],
            "description": "the delivery it came by",
        },
        "event": {
            **of(
                {
                    "id": schemas.ID,
                    "trigger": schemas.WORDS,
                    "kind": schemas.TEXT,
                    "occurred_at": schemas.INSTANT,
                    "status": schemas.WORDS,
                    "start": or_null(schemas.INSTANT),
                    "booking": schemas.TEXT,
                    "previous": {**schemas.WORDS, "description": "the uid it was rescheduled from"},
                    "caused_by": {**schemas.WORDS, "description": "id of the action of ours that caused it"},
                }
            ),
            "type": ["object", "null"],
        },
        "note": schemas.TEXT,
        "rules": some(
            of(
                {
                    "rule": schemas.TEXT,
                    "act": {"type": "string", "enum": ["do", "undo"]},
                    "outcome": {"type": "string", "enum": ["run", "would match", "would be skipped", "no match"]},
                    "because": schemas.TEXT,
                    "run": or_null(schemas.ID),
                }
            ),
            "every live rule that hears the event's trigger",
        ),
        "rules_left_out": {**schemas.COUNT, "description": "ask with `rule` for one of them"},
        "runs": some(schemas.RUN),
    },
    "note",
    "rules_left_out",
)
EXPLAIN = Tool(
    Offer(
        name="explain_booking",
        title="Explain a booking",
        description="Why something did or did not happen to a booking: a plain summary, how it stands, then each step "
        "in order of time: the delivery that was received, the event made of it, every rule that hears it with why it "
        "matched or not, its runs with what each action was told and answered. Also deliveries in quarantine that "
        "mention it. `rule` asks about one rule alone.",
        input_schema=asks(
            {
                "booking": text(
                    "The booking's uid, one that it had before a reschedule, or a beginning that only it has."
                ),
                "connection": schemas.CONNECTION,
                "rule": text("Tell only of the live rule with this name."),
                "limit": number("Steps in the answer.", 1, _MOST, _USUAL),
                "cursor": schemas.CURSOR,
                "mask": schemas.MASK,
            },
            "booking",
        ),
        output_schema=gives(
            {
                "summary": schemas.TEXT,
                "booking": {"anyOf": [_STATE, {"type": "null"}]},
                "rules": {**schemas.TEXT, "description": "what to know of how rules were looked at"},
                "steps": some(_STEP),
                "next": schemas.NEXT,
            }
        ),
    ),
    _explain,
)
