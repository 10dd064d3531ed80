"""The API's answers about how things go: the figures of the overview, and what needs a person."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import Response

from ingest.api.endpoint import Ask, json
from workers.store import overview
from workers.store.overview import Window


def figures(ask: Ask) -> Response:
    """The figures of a window."""
    window = ask.query.get("window", Window.DAY)
    with ask.store.read() as sql:
        return json(overview.overview(sql, window, datetime.now(UTC)))


def attention(ask: Ask) -> Response:
    """What needs a person."""
    with ask.store.read() as sql:
        return json({"data": overview.attention(sql, datetime.now(UTC))})
