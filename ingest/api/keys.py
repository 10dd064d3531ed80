"""The API's answers about keys: who may ask and command. A key is shown once, in the answer that it was made in."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import Response

from ingest.api.endpoint import Ask, json
from workers.store import keys


def every(ask: Ask) -> Response:
    """All of them, oldest first, revoked ones too."""
    with ask.store.read() as sql:
        return json({"data": [keys.shape(key) for key in keys.every(sql)]})


def create(ask: Ask) -> Response:
    """A new one."""
    with ask.store.write() as sql:
        made, text = keys.issue(sql, name=ask.query["name"], role=ask.query["role"], now=datetime.now(UTC))
    return json({**keys.shape(made), "key": text})


def revoke(ask: Ask) -> Response:
    """Worthless from now on."""
    key_id = ask.id("live key")
    with ask.store.write() as sql:
        if not keys.revoke(sql, key_id, now=datetime.now(UTC)):
            raise ask.no_such("live key")
        return json(next(keys.shape(key) for key in keys.every(sql) if key.id == key_id))
