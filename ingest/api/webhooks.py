"""The API's answers about webhooks: how each stands, here and at Cal.com. Secrets are in none of them, nor are URLs,
whose tokens let anyone post."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from ingest.api.endpoint import Ask, json
from workers.store import drifts, webhooks
from workers.store.drifts import Look
from workers.store.events import spell
from workers.store.webhooks import Standing


def every(ask: Ask) -> Response:
    """All of them, by name."""
    with ask.store.read() as sql:
        return json({"data": [_shape(one) for one in webhooks.standing(sql, now=datetime.now(UTC))]})


def drifts_seen(ask: Ask) -> Response:
    """The last look at each connection, by PCID. Cal.com is not asked."""
    with ask.store.read() as sql:
        return json({"data": [_seen(one) for one in drifts.every(sql)]})


def look(ask: Ask) -> Response:
    """Ask Cal.com now, for one connection, and keep what was seen."""
    from workers import drift  # Cal.com's client takes a while to load, and the web process starts without it

    source, pcid = ask.source, ask.query["connection"]
    drift.look_now(source.settings, source.store, source.vault, pcid)
    with ask.store.read() as sql:
        return json(next(_seen(one) for one in drifts.every(sql) if one.connection == pcid))


def _seen(one: Look) -> dict[str, Any]:
    return {
        "connection": one.connection,
        "at": spell(one.at),
        "problem": one.problem,
        "differences": one.differences,
    }


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
