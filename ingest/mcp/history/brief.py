"""Events, deliveries, runs as a model reads them: what matters, long texts cut. Pure: shapes in, JSON out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingest.brevity import cut, fit, size

#: characters of a title or name, of a reason, of notes
_TITLE, REASON, NOTES = 120, 300, 1_000
#: people that are named, actions of a run
_PEOPLE, _ACTIONS = 5, 20
#: bytes of an answer where nobody asked for more, and at most
USUAL, LARGEST = 20_000, 80_000


def event(told: Mapping[str, Any]) -> dict[str, Any]:
    """An event as a row. `told` is as `events.shape` gives it."""
    row = {
        name: told[name]
        for name in ("id", "trigger", "kind", "connection", "received_at", "occurred_at", "type", "status", "start")
    }
    more = len(told["attendees"]) - _PEOPLE
    return {
        **row,
        "trigger": cut(told["trigger"], _TITLE),
        "type": cut(told["type"], _TITLE),
        "status": cut(told["status"], _TITLE),
        "title": cut(told["title"], _TITLE),
        "booking": (told["booking"] or {}).get("uid"),
        "organizer": person(told["organizer"]),
        "attendees": people(told["attendees"]),
        **({"attendees_left_out": more} if more > 0 else {}),
    }


def people(told: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The first few."""
    return [each for each in map(person, told[:_PEOPLE]) if each is not None]


def person(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Name, address, and the id that tools want."""
    if told is None:
        return None
    named: dict[str, Any] = {"name": cut(told["name"], _TITLE), "email": cut(told["email"], _TITLE)}
    if told.get("id") is not None:
        named["id"] = told["id"]
    if told.get("no_show") is not None:
        named["no_show"] = told["no_show"]
    return named


def delivery(told: Mapping[str, Any]) -> dict[str, Any]:
    """A delivery. `told` is as `deliveries.shape` gives it."""
    return {name: told[name] for name in ("id", "webhook", "received_at", "verdict", "state", "bytes", "seen")}


def run(told: Mapping[str, Any], actions: Sequence[Mapping[str, Any]], *, room: int | None) -> dict[str, Any]:
    """A run and its actions, each request and answer in so many bytes; None: without. As `outcomes` gives both."""
    names = ("id", "rule", "act", "state", "created_at", "due_at", "ended_at")
    return {
        **{name: told[name] for name in names},
        "reason": cut(told["reason"], REASON),
        "actions": [action(each, room=room) for each in actions[:_ACTIONS]],
        **({"actions_left_out": len(actions) - _ACTIONS} if len(actions) > _ACTIONS else {}),
    }


def action(told: Mapping[str, Any], *, room: int | None) -> dict[str, Any]:
    """One step."""
    request = told["request"]
    named = request.get(told["kind"]) if isinstance(request, Mapping) else None
    shown = {
        **{name: told[name] for name in ("step", "kind", "state", "attempts", "ended_at")},
        "what": cut(named, _TITLE) if isinstance(named, str) else None,
        "reason": cut(told["reason"], REASON),
    }
    return shown if room is None else {**shown, "request": fit(request, room), "answer": fit(told["answer"], room)}


def within(rows: Sequence[Any], asked: Mapping[str, Any]) -> int:
    """How many of the rows fit in one answer, at least one; more where the asker says how many are wanted."""
    room = LARGEST if "limit" in asked else USUAL
    for number, row in enumerate(rows):
        room -= size(row) + 1
        if room < 0:
            return max(number, 1)
    return len(rows)
