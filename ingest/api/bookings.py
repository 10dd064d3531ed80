"""The API's answer about one booking. How it stands is worked out in `workers.store.timeline`."""

from __future__ import annotations

from starlette.responses import Response

from ingest.api.endpoint import Ask, json
from workers.errors import NotFound
from workers.store import timeline


def one(ask: Ask) -> Response:
    """The timeline of a booking."""
    with ask.store.read() as connection:
        told = timeline.read(connection, ask.path["uid"], pcid=ask.query.get("connection"))
    if told is None:
        raise NotFound("no event told of a booking with this uid.")
    return json(told)
