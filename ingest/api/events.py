"""The API's answers about events. What is asked of SQL is in `workers.store.history`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row
from starlette.responses import Response

from ingest import exported
from ingest.api import cursors, parameters
from ingest.api.endpoint import Ask, Opening, json, page, streamed
from ingest.live.listener import Wanted
from ingest.live.stream import stream
from workers.catalogue.mask import mask
from workers.store import deliveries, history
from workers.store.events import payloads, shape


def every(ask: Ask) -> Response:
    """One page, newest first."""
    whole = ask.unmasked()
    limit = ask.query.get("limit", parameters.DEFAULT_LIMIT)
    wanted = parameters.event_filter(ask.query)
    with ask.store.read() as connection:
        rows = history.page(connection, wanted, before=ask.query.get("cursor"), limit=limit + 1)
        data = _shown(connection, rows[:limit], whole=whole)
    return page(data, cursors.spell(rows[limit - 1].id) if len(rows) > limit else None)


def one(ask: Ask) -> Response:
    """One event."""
    whole = ask.unmasked()
    event_id = ask.id("event")
    with ask.store.read() as connection:
        row = history.one(connection, event_id)
        if row is None:
            raise ask.no_such("event")
        return json(_shown(connection, [row], whole=whole)[0])


def statistics(ask: Ask) -> Response:
    """Counts within the filter, and of the deliveries of that time."""
    wanted = parameters.event_filter(ask.query)
    with ask.store.read() as connection:
        counted = history.stats(connection, wanted)
        of_deliveries = deliveries.stats(connection, deliveries.Filter(since=wanted.since, until=wanted.until))
    return json({**counted, "deliveries": of_deliveries})


def export(ask: Ask) -> Response:
    """Every event of the filter, newest first."""
    whole = ask.unmasked()
    wanted = parameters.event_filter(ask.query)

    def told() -> Iterator[dict[str, Any]]:
        for row, payload in history.export(ask.store, wanted):
            yield {**shape(row), "payload": payload if whole else mask(payload)}

    return streamed(ask, "events", told(), exported.event)


def live(ask: Ask) -> Opening:
    """Events of the filter as they are written, from now on or from a message on."""
    wanted = Wanted(parameters.event_filter(ask.query), payload=ask.query.get("payload", False))
    last = ask.headers.get("Last-Event-ID") or ask.query.get("last_event_id")
    return lambda allowed: stream(ask.source.feed, wanted, last, allowed)


def _shown(connection: Connection, rows: Sequence[Row[Any]], *, whole: bool) -> list[dict[str, Any]]:
    held = payloads(connection, rows)
    return [{**shape(row), "payload": held[row.id] if whole else mask(held[row.id])} for row in rows]
