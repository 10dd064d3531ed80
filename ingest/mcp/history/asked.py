"""Arguments as the store's filters take them. Raises BadInput, NotFound for what they cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from ingest import ids, moments
from ingest.api import cursors, parameters
from ingest.ids import Noun
from ingest.mcp.history.schemas import USUAL_LIMIT
from workers.errors import BadInput
from workers.store import history, search

#: which tool shows the ids of what
_SHOWS = {"event": "search_events", "delivery": "explain_booking or get_event", "run": "list_runs"}


def events(asked: Mapping[str, Any]) -> history.Filter:
    """The filter that the values of `schemas.EVENTS` are."""
    _say_something(asked)
    if "text" in asked:
        search.words(asked["text"])
    several = {name: tuple(asked[name]) for name in ("trigger", "kind", "event_type", "status") if name in asked}
    return parameters.event_filter({**asked, **several, **span(asked)})


def span(asked: Mapping[str, Any]) -> dict[str, datetime | None]:
    """`since` and `until` as instants."""
    return {name: _moment(asked, name) for name in ("since", "until")}


def _moment(asked: Mapping[str, Any], name: str) -> datetime | None:
    written = asked.get(name)
    if written is None:
        return None
    return moments.moment(written, datetime.now(UTC), name=name, until=name == "until")


def _say_something(asked: Mapping[str, Any]) -> None:
    for name, value in asked.items():
        if isinstance(value, str) and not value.strip():
            raise BadInput(f"{name} is empty; leave it out, or give it a value.")


def cursor(asked: Mapping[str, Any]) -> UUID | None:
    """Where the page begins."""
    return cursors.read(asked["cursor"]) if "cursor" in asked else None


def limit(asked: Mapping[str, Any], usual: int = USUAL_LIMIT) -> int:
    """Rows of a page."""
    return int(asked.get("limit", usual))


def id_of(sql: Connection, asked: Mapping[str, Any], noun: Noun, written: str | None = None) -> UUID:
    """The id that is meant by the parameter of that name, or by what is written."""
    return ids.meant(sql, written if written is not None else asked[noun], noun, shows=_SHOWS[noun])
