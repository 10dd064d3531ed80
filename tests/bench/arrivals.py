"""Receipts as the door makes them of proved deliveries, for what is brought past it: into SQL or into a spool."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import datetime
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from workers.settings import Settings
from workers.store import webhooks
from workers.store.engine import open_store
from workers.store.receipts import Receipt, State
from workers.vault import open_vault

_HEADERS = msgspec.json.encode(
    [["content-type", "application/json"], ["x-cal-webhook-version", "2026-07-27"], ["user-agent", "node"]]
)


def webhook(settings: Settings) -> UUID:
    """The webhook that the bench's deliveries are for."""
    with contextlib.closing(open_store(settings.database, pool_size=1)) as store, store.read() as sql:
        return webhooks.every(sql, open_vault(settings))[0].id


def receipt(webhook_id: UUID, at: datetime, body: bytes) -> Receipt:
    """Of a delivery that came at that moment and is no event yet."""
    return Receipt(
        id=uuid7(nanoseconds=int(at.timestamp() * 1000) * 1_000_000),
        webhook_id=webhook_id,
        sha256=hashlib.sha256(body).digest(),
        window=0,
        received_at=at,
        verdict="signed",
        secret_id=None,
        state=State.RECEIVED.value,
        headers=_HEADERS,
        body=body,
    )
