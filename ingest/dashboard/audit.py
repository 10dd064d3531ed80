"""The pages of the audit log: who asked for what, and what came of it. What is written into it is `witness`'s."""

from __future__ import annotations

from typing import Any

from ingest.api import cursors
from ingest.api.parameters import AUDIT, CURSOR
from ingest.dashboard.look import pretty
from ingest.dashboard.page import Shown, Visit
from workers.errors import BadInput, NotFound
from workers.store import audit
from workers.store.audit import Filter, Outcome

_ROWS = 50
#: characters of arguments shown in the list; an entry's own page has all
_CUT = 400
_FIELDS = ("key", "what", "connection", "since", "outcome", "door")
DOORS = ("api", "dashboard", "mcp")


def every(visit: Visit) -> Shown:
    """One page, newest first."""
    try:
        asked = visit.read((*AUDIT, CURSOR))
    except BadInput as error:
        return _shown(visit, [], None, error)
    wanted = Filter(name=asked.get("key"), **{name: asked.get(name) for name in _FIELDS if name != "key"})
    with visit.store.read() as sql:
        rows = audit.page(sql, wanted, before=asked.get("cursor"), limit=_ROWS + 1)
    more = cursors.spell(rows[_ROWS - 1].id) if len(rows) > _ROWS else None
    return _shown(visit, [_told(audit.shape(row)) for row in rows[:_ROWS]], more)


def one(visit: Visit) -> Shown:
    """One entry with all its arguments."""
    with visit.store.read() as sql:
        row = audit.one(sql, visit.id("entry"))
    if row is None:
        raise NotFound("there is no entry with this id.")
    return Shown("audit-entry.html", "An entry of the audit log", {"entry": audit.shape(row)})


def _told(entry: dict[str, Any]) -> dict[str, Any]:
    text = pretty(entry["arguments"]) if entry["arguments"] else ""
    return {**entry, "text": f"{text[:_CUT]} …" if len(text) > _CUT else text, "whole": len(text) <= _CUT}


def _shown(visit: Visit, entries: list[dict[str, Any]], more: str | None, error: BadInput | None = None) -> Shown:
    told = {
        "entries": entries,
        "asked": {name: visit.asked(name) for name in _FIELDS},
        "outcomes": list(Outcome),
        "doors": DOORS,
        "first": visit.address("/audit", cursor=None) if visit.asked("cursor") else None,
        "next": visit.address("/audit", cursor=more) if more else None,
        "problem": error.message if error is not None else "",
    }
    return Shown("audit.html", "Audit", told, error=error)
