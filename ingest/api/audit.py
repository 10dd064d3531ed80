"""The API's answer about the audit log: who asked for what. What is written into it is in `witness.py`."""

from __future__ import annotations

from starlette.responses import Response

from ingest.api import cursors, parameters
from ingest.api.endpoint import Ask, page
from workers.store import audit
from workers.store.audit import Filter


def every(ask: Ask) -> Response:
    """One page, newest first."""
    limit = ask.query.get("limit", parameters.DEFAULT_LIMIT)
    wanted = Filter(
        name=ask.query.get("key"),
        what=ask.query.get("what"),
        connection=ask.query.get("connection"),
        since=ask.query.get("since"),
        outcome=ask.query.get("outcome"),
        door=ask.query.get("door"),
    )
    with ask.store.read() as sql:
        rows = audit.page(sql, wanted, before=ask.query.get("cursor"), limit=limit + 1)
    shown = [audit.shape(row) for row in rows[:limit]]
    return page(shown, cursors.spell(rows[limit - 1].id) if len(rows) > limit else None)
