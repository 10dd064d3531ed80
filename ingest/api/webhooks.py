"""The API's answer about webhooks: how each stands, without its URL, whose token lets anyone post, and its secrets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from ingest.api.endpoint import Ask, json
from workers.store import webhooks
from workers.store.events import spell
from workers.store.webhooks import Standing


def every(ask: Ask) -> Response:
    """All of them, by name."""
    with ask.store.read() as sql:
        return json({"data": [_shape(one) for one in webhooks.standing(sql, now=datetime.now(UTC))]})


def _shape(one: Standing) -> dict[str, Any]:
    return {
        "name": one.name,
        "connection": one.connection,
        "origin": one.origin,
        "state": one.state,
        "remote_id": one.remote_id,
        "created_at": spell(one.created_at),
        "last_delivery": spell(one.last_delivery),
        "secrets": [{"created_at": spell(begun), "live_until": spell(ends)} for begun, ends in one.secrets],
    }
