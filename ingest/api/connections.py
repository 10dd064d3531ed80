"""The API's answer about connections: which organizations Daybook acts for, without what it acts with."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response

from ingest.api.endpoint import Ask, json
from workers.store import connections
from workers.store.connections import Connection
from workers.store.events import spell


def every(ask: Ask) -> Response:
    """All of them, by PCID."""
    with ask.store.read() as sql:
        return json({"data": [_shape(one) for one in connections.every(sql)]})


def _shape(one: Connection) -> dict[str, Any]:
    return {
        "pcid": one.pcid,
        "kind": one.kind.value,
        "host": urlsplit(one.base_url).hostname,  # the URL of an MCP server may have a token in its path or query
        "org_id": one.org_id,
        "per_minute": one.per_minute,
        "created_at": spell(one.created_at),
    }
