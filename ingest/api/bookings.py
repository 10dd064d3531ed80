"""The API's answers about bookings. How one stands is worked out in `workers.store.timeline`."""

from __future__ import annotations

from starlette.responses import Response

from ingest.api import cursors, parameters
from ingest.api.endpoint import Ask, json, page
from workers.errors import NotFound
from workers.store import latest, timeline


def every(ask: Ask) -> Response:
    """One page, those told of last first."""
    wanted = parameters.event_filter(ask.query)
    limit = ask.query.get("limit", parameters.DEFAULT_LIMIT)
    with ask.store.read() as connection:
        found = latest.page(connection, wanted, before=ask.query.get("cursor"), limit=limit)
    return page(found.bookings, cursors.spell(found.next) if found.next is not None else None)


def one(ask: Ask) -> Response:
    """The timeline of a booking."""
    with ask.store.read() as connection:
        told = timeline.read(connection, ask.path["uid"], pcid=ask.query.get("connection"))
    if told is None:
        raise NotFound("no event told of a booking with this uid.")
    return json(told)
