"""The list of events: the history newest first, with its filter, its exports and what is new as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from ingest.api import cursors, parameters
from ingest.api.parameters import CURSOR, EVENTS, Parameter
from ingest.brevity import cut
from ingest.dashboard import filtering
from ingest.dashboard.look import MEANING
from ingest.dashboard.page import Shown, Visit
from workers.catalogue.own import ABOUT
from workers.errors import BadInput
from workers.store import connections, history, ledger, rules
from workers.store.events import shape
from workers.store.ledger import Caused

#: events of a page; characters of a title, a name or an address, and people of a row
_ROWS = 40
_TITLE, _NAME, _PEOPLE = 100, 60, 2
#: characters of a trigger or a status: whatever a body says, it is one word of a row
_WORD = 60
#: the fields that are seen at once; the others are folded away
_FIRST = ("trigger", "booking", "email", "text", "since", "until")
#: the times that one tap asks for
_RANGES = (("1h", "Last hour"), ("24h", "Last day"), ("7d", "Last week"))
_API = "/api/v1/events"


def every(visit: Visit) -> Shown:
    """One page of the history; what in the filter cannot be meant is said above an empty one."""
    problem, rows, older = "", list[dict[str, Any]](), None
    with visit.store.read() as sql:
        pcids, names = list(connections.names(sql)), rules.names(sql, most=filtering.CHOICES + 1)
        try:
            asked = visit.read((*EVENTS, CURSOR))
            found = history.page(sql, parameters.event_filter(asked), before=asked.get("cursor"), limit=_ROWS + 1)
            rows = shown(sql, found[:_ROWS])
            if len(found) > _ROWS:
                older = visit.address("/events", cursor=cursors.spell(found[_ROWS - 1].id))
        except BadInput as error:
            problem = error.message
    fields = filtering.fields(visit, EVENTS, {"trigger": list(ABOUT), "connection": pcids, "rule": names})
    told = {
        "problem": problem,
        "rows": rows,
        "newest": visit.address("/events", cursor=None) if visit.asked("cursor") else None,
        "older": older,
        "first": [field for name in _FIRST for field in fields if field.name == name],
        "more": [field for field in fields if field.name not in _FIRST],
        "asked": filtering.asked(visit, "/events", EVENTS),
        "ranges": _ranges(visit),
        "exports": [
            ("CSV", filtering.export(f"{_API}/export", visit, EVENTS, format="csv")),
            ("NDJSON", filtering.export(f"{_API}/export", visit, EVENTS)),
        ],
        # what comes now is on no older page, and not before an end that has passed
        "live": "" if problem or visit.asked("cursor") or visit.asked("until") else _live(visit, EVENTS),
        "following": visit.asked("live") == "1",
        "anew": visit.address("/events"),
        "meanings": {status: MEANING[status] for status in ("ACCEPTED", "PENDING", "CANCELLED", "REJECTED")},
    }
    return Shown("events.html", "Events", told, 400 if problem else 200)


def shown(sql: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Events as rows of a table: texts cut, and of those that an action of ours caused, the run."""
    actions = [UUID(row.caused_by) for row in rows if row.caused_by]
    causes = {str(each.action_id): each for each in ledger.causes(sql, actions)}
    return [_row(shape(row), causes.get(row.caused_by)) for row in rows]


def person(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Somebody as a row has room for them."""
    if told is None:
        return None
    return {"name": cut(told["name"], _NAME), "email": cut(told["email"], _NAME)}


def _row(told: Mapping[str, Any], cause: Caused | None) -> dict[str, Any]:
    about = ABOUT.get(told["trigger"] or "")
    everyone = [one for one in (told["organizer"], *told["attendees"]) if one is not None]
    return {
        "id": told["id"],
        "received_at": told["received_at"],
        "trigger": cut(told["trigger"], _WORD) or told["kind"],
        "about": about or f"An event of kind {told['kind']}",
        "known": about is not None,
        "title": cut(told["title"], _TITLE),
        "status": cut(told["status"], _WORD),
        "people": [person(one) for one in everyone[:_PEOPLE]],
        "others": max(len(everyone) - _PEOPLE, 0),
        "booking": told["booking"]["uid"] if told["booking"] else None,
        "cause": cause,
    }


def _ranges(visit: Visit) -> list[tuple[str, str, bool]]:
    since, until = visit.asked("since"), visit.asked("until")
    anytime = ("Any time", visit.address("/events", since=None, until=None, cursor=None), not since and not until)
    return [
        anytime,
        *(
            (name, visit.address("/events", since=age, until=None, cursor=None), since == age and not until)
            for age, name in _RANGES
        ),
    ]


def _live(visit: Visit, declared: Sequence[Parameter]) -> str:
    """What a stream of the same filter is asked with; a time that has begun is no question to what is to come."""
    return filtering.export("", visit, [one for one in declared if one.name != "since"]) or "?"
