"""Events, deliveries, runs as a model reads them: what matters, long texts cut. Pure: shapes in, JSON out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

#: characters of a title or name, of a reason, of notes
_TITLE, REASON, NOTES = 120, 300, 1_000
#: people that are named, actions of a run
_PEOPLE, _ACTIONS = 5, 20
#: characters of texts and members of lists and objects that are kept, ever fewer until it fits
_STEPS = ((500, 50), (200, 20), (100, 8), (40, 4))
#: levels of JSON that are kept
_DEEPEST = 8
#: a number beyond is told as text: few who read JSON keep it
_LARGEST_NUMBER = 2**63 - 1
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


def cut(text: str | None, most: int) -> str | None:
    """A text of at most about `most` characters; of what is cut the length is said."""
    if text is None:
        return None
    # Half a surrogate pair is no JSON in UTF-8, and a NUL no text of PostgreSQL's.
    whole = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return whole if len(whole) <= most else f"{whole[:most]}… ({len(whole)} characters)"


def fit(value: Any, room: int) -> Any:
    """JSON that is written in so many bytes: long texts, lists and depths of it are cut, and it is said."""
    for texts, members in _STEPS:
        cut_down = _cut(value, texts, members, 0)
        if size(cut_down) <= room:
            return cut_down
    return f"({size(value)} bytes of JSON: too long to be shown)"


def _cut(value: Any, texts: int, members: int, depth: int) -> Any:
    if isinstance(value, str):
        return cut(value, texts)
    if isinstance(value, int | float) and not abs(value) <= _LARGEST_NUMBER:  # nor is NaN
        return "(a number too large for JSON)"
    if not isinstance(value, Mapping | list | tuple) or not value:
        return value
    if depth == _DEEPEST:
        return f"({len(value)} members)"
    more = len(value) - members
    if isinstance(value, Mapping):
        kept = {
            cut(str(key), texts): _cut(inner, texts, members, depth + 1) for key, inner in [*value.items()][:members]
        }
        return {**kept, "…": f"({more} more members)"} if more > 0 else kept
    some = [_cut(inner, texts, members, depth + 1) for inner in value[:members]]
    return [*some, f"({more} more items)"] if more > 0 else some


def size(value: Any) -> int:
    """Bytes of JSON."""
    try:
        return len(msgspec.json.encode(value))
    except (UnicodeEncodeError, RecursionError, OverflowError):  # what `fit` is about to cut
        return LARGEST


def within(rows: Sequence[Any], asked: Mapping[str, Any]) -> int:
    """How many of the rows fit in one answer, at least one; more where the asker says how many are wanted."""
    room = LARGEST if "limit" in asked else USUAL
    for number, row in enumerate(rows):
        room -= size(row) + 1
        if room < 0:
            return max(number, 1)
    return len(rows)
