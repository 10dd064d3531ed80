"""What became of one delivery, looked up by the bytes that were sent. The history itself is `events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from workers.store import history
from workers.store.events import shape
from workers.store.tables import receipts


@dataclass(frozen=True, slots=True)
class Fate:
    """A delivery's id and state, and the event that came of it, shaped as it is shown; None: none yet."""

    delivery_id: UUID
    state: str
    event: dict[str, Any] | None


def find(connection: Connection, webhook_id: UUID, sha256: bytes) -> Fate | None:
    """The newest delivery of a webhook with a body of that digest."""
    query = (
        select(receipts.c.id, receipts.c.state)
        .where(receipts.c.webhook_id == webhook_id, receipts.c.sha256 == sha256)
        .order_by(receipts.c.id.desc())
        .limit(1)
    )
    receipt = connection.execute(query).one_or_none()
    if receipt is None:
        return None
    row = history.one(connection, receipt.id)
    return Fate(receipt.id, receipt.state, shape(row) if row is not None else None)
