"""explain_booking: why something happened or did not, from what was received to what rules did and were answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from ingest import ids, standing
from ingest.api import cursors
from ingest.mcp.history import asked as values
from ingest.mcp.history import brief, schemas
from ingest.mcp.history.schemas import asks, gives, number, of, or_null, some, text
from ingest.mcp.history.tool import Desk, Hide, Tool
from ingest.mcp.toolset import Offer
from workers.errors import BadInput, Misconfigured, NotFound
from workers.rehearse import cause
from workers.rules import allowance
from workers.rules.explain import Explanation, explain
from workers.rules.rule import Rule
from workers.store import deliveries, history, rules, timeline
from workers.store.deliveries import Filter
from workers.store.events import whole
from workers.store.receipts import State
from workers.store.rules import Version

#: steps of an answer, and rules told of an event
_USUAL, _MOST, _RULES = 10, 50, 25
#: bytes of what an action was told, and of what it gave
_ROOM = 600
#: deliveries without an event that are looked into, of each state the newest; and bytes of one
_LOOKS, _LARGEST = 100, 256 * 1024
#: characters of a uid that are worth looking for in what is not proved to be Cal.com's
_SURE = 8
_UNSETTLED = {
    State.RECEIVED: "it waits for a worker to make an event of it",
    State.QUARANTINED: "it is in quarantine, so nothing was made of it; anybody may have sent it, and a person decides "
    "(`daybook deliveries release` or `discard`)",
    State.DISCARDED: "a person discarded it, so nothing is made of it",
}
_NOW = "Rules are looked at as they are live now, each with the time at which the event was received as `now`."


def _explain(desk: Desk, asked: Mapping[str, Any], hide: Hide) -> dict[str, Any]:
    limit, after = values.limit(asked, _USUAL), values.cursor(asked)
    uid, pcid = asked["booking"], asked.get("connection")
    with desk.store.read() as sql:
        told = timeline.read(sql, uid, pcid=pcid) or _begun(sql, uid, pcid)
        known = told["events"] if told is not None else []
        aside = _aside(sql, told["uids"] if told is not None else [uid], known, pcid)
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
        "rules": explained.note or _NOW,
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


def _aside(
    sql: Connection, uids: Sequence[str], events: Sequence[Mapping[str, Any]], pcid: str | None
) -> list[dict[str, Any]]:
    """Deliveries that mention the booking and are no event of it."""
    known = {event["id"] for event in events}
    rows: list[Row[Any]] = []
    for state in _UNSETTLED:
        rows += deliveries.page(sql, Filter(state=state), limit=_LOOKS)
    rows = [row for row in rows if pcid in (None, row.pcid) and str(row.id) not in known]
    some = [row.id for row in rows if row.bytes <= _LARGEST]
    found = {
        each for uid in uids[:_LOOKS] if len(uid) >= _SURE and some for each in deliveries.mentioning(sql, some, uid)
    }
    return [deliveries.shape(row) for row in rows if row.id in found]


def _settled(told: Mapping[str, Any]) -> dict[str, Any]:
    """A delivery that is no event."""
    return {
        "at": told["received_at"],
        "received": brief.delivery(told),
        "event": None,
        "note": f"This delivery mentions the booking; {_UNSETTLED[State(told['state'])]}.",
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
        self._rules: list[Rule] = []
        self.note: str | None = None
        wanted = [version for version in live if name in (None, version.name)]
        try:
            with desk.store.read() as sql:
                found = {version.name: desk.rule(sql, version) for version in wanted}
        except Misconfigured as error:
            self.note = f"No rule could be looked at: {error.message}"
            return
        self._rules = [rule for rule in found.values() if rule is not None]
        unread = [name for name, rule in found.items() if rule is None]
        if unread:
            self.note = f"{_NOW} These cannot be read any more: {', '.join(unread[:_RULES])}."

    def step(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """An event of a timeline, with what rules made of it."""
        event_id = UUID(told["id"])
        with self._desk.store.read() as sql:
            row = history.one(sql, event_id)
            event = whole(sql, row) if row is not None else {}
        lines = sorted(self._told(event, told["runs"]), key=lambda line: line["outcome"] == "no match") if event else []
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
            "rules": lines[:most],
            **({"rules_left_out": len(lines) - most} if len(lines) > most else {}),
            "runs": [brief.run(run, run["actions"], room=_ROOM) for run in shown],
        }

    def _told(self, event: Mapping[str, Any], caused: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        trigger, told_of = event["trigger"], set()
        of = cause(self._desk.store, event)
        at = datetime.fromisoformat(event["received_at"]).astimezone(UTC)
        for rule in self._rules:
            if trigger in rule.on or (rule.undo is not None and trigger in rule.undo.on):
                told_of.add(rule.name)
                mine = [run for run in caused if run["rule"] == rule.name]
                yield from map(_ran, mine) if mine else [_thought(explain(rule, event, now=at, caused_by=of))]
        for run in caused:
            if run["rule"] not in told_of and self._name in (None, run["rule"]):
                yield {**_ran(run), "because": f"{_ran(run)['because']}; as it is live now it does not hear {trigger}"}


def _ran(run: Mapping[str, Any]) -> dict[str, Any]:
    reason = f": {run['reason']}" if run["reason"] else ""
    because = brief.cut(f"it matched, and its run is {run['state']}{reason}", brief.REASON)
    return {"rule": run["rule"], "act": run["act"], "outcome": "run", "because": because, "run": run["id"]}


def _thought(told: Explanation) -> dict[str, Any]:
    """What a rule without a run makes of the event now."""
    failing = "; ".join(f"{part.name}: {' '.join(part.why.split())}" for part in told.parts if not part.holds)
    skipped = told.decision.skipped if told.decision is not None else None
    if told.matched:
        outcome, because = "would match", "it matches as it is now and has no run: it was not live like this then"
    elif skipped is not None:
        outcome, because = "would be skipped", skipped
    else:
        outcome, because = "no match", f"did not match: {failing}"
    return {
        "rule": told.rule.name,
        "act": told.act or "do",
        "outcome": outcome,
        "because": brief.cut(because, brief.REASON),
        "run": None,
    }


_RECEIVED = ("id", "verdict", "state", "bytes", "seen")


def _summary(told: Mapping[str, Any] | None, aside: Sequence[Any], uid: str, *, hidden: bool) -> str:
    """What happened to the booking and what rules did, in a few plain sentences."""
    said = []
    if told is None:
        said.append(f"No event told of a booking {uid[:60]}.")
    else:
        state = {**told["state"], "title": None if hidden else brief.cut(told["state"]["title"], 120)}
        said.append(standing.standing({**told, "state": state}))
        said.append(_done([run for event in told["events"] for run in event["runs"]]))
    if aside:
        number = len(aside)
        said.append(
            f"{number} deliver{'y that mentions it is' if number == 1 else 'ies that mention it are'} no event."
        )
    return " ".join(said)


def _done(caused: Sequence[Mapping[str, Any]]) -> str:
    if not caused:
        return "No rule acted on it."
    counts = Counter(run["state"] for run in caused)
    states = ", ".join(f"{number} {state}" for state, number in counts.most_common())
    said = f"Rules had {len(caused)} run{'' if len(caused) == 1 else 's'} for it: {states}."
    dead = [run for run in caused if run["state"] == "dead"]
    if dead:
        said += (
            f" A person has to look at run {dead[0]['id']} of {dead[0]['rule']}: {brief.cut(dead[0]['reason'], 200)}."
        )
    return said


def _state(told: Mapping[str, Any]) -> dict[str, Any]:
    state = told["state"]
    return {
        **{name: state[name] for name in ("uid", "status", "start", "end", "as_of")},
        "title": brief.cut(state["title"], 120),
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
