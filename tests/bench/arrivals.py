"""Receipts as the door makes them of proved deliveries, for what is brought past it: into SQL or into a spool. And such
as stay behind of those that were events long ago, whose bodies are forgotten."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from workers.settings import Settings
from workers.store import bulk, webhooks
from workers.store.engine import Store, open_store
from workers.store.receipts import Receipt, State
from workers.store.tables import receipts
from workers.vault import open_vault

_HEADERS = msgspec.json.encode(
    [["content-type", "application/json"], ["x-cal-webhook-version", "2026-07-27"], ["user-agent", "node"]]
)

_PAST = (
    "id", "webhook_id", "sha256", "era", "received_at", "bytes", "verdict", "state", "seen", "last_seen_at"
)  # fmt: skip


def webhook(settings: Settings) -> UUID:
    """The webhook that the bench's deliveries are for."""
    with contextlib.closing(open_store(settings.database, pool_size=1)) as store, store.read() as sql:
        return webhooks.every(sql, open_vault(settings))[0].id


def past(store: Store, webhook_id: UUID, times: Sequence[datetime]) -> None:
    """Write the receipts of deliveries that came at those moments and are events."""
    rows = (
        (_id(at), webhook_id, os.urandom(32), 0, at, 4_400, "signed", State.PERSISTED.value, 1, at) for at in times
    )  # fmt: skip
    spelt = bulk.spell(receipts, _PAST, rows, sqlite=store.sqlite)
    with store.write() as sql:
        bulk.insert_many(sql, spelt)


def receipt(webhook_id: UUID, at: datetime, body: bytes) -> Receipt:
    """Of a delivery that came at that moment and is no event yet."""
    return Receipt(
        id=_id(at),
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


def _id(at: datetime) -> UUID:
    """An id of that moment."""
    return uuid7(nanoseconds=int(at.timestamp() * 1000) * 1_000_000)
