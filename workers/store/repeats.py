"""Whether a body that does not say when it was made came before. One that does is told by the receipts' unique key.

Such a body (a short template; the body `false` of a template that broke) may say the same of two bookings, so it is
the same delivery only within a window of the first; Cal.com's own retries end within about a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Connection, bindparam, select, text

from workers.store.tables import receipts

if TYPE_CHECKING:
    from workers.store.receipts import Receipt

_HOLD = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS held (key)")
_NEAR = (
    select(receipts.c.id)
    .where(
        receipts.c.webhook_id.in_(bindparam("webhooks", expanding=True)),
        receipts.c.sha256.in_(bindparam("hashes", expanding=True)),
        receipts.c.era > bindparam("start"),
        receipts.c.era < bindparam("end"),
    )
    .order_by(receipts.c.id)
    .limit(1)
)


def window(body: bytes, seconds: int) -> int:
    """Within how many seconds the same bytes are the same delivery; 0: for ever, for the body is dated."""
    return 0 if b'"createdAt"' in body else seconds


def none(connection: Connection, undated: Sequence[Receipt]) -> bool:
    """Whether none of these came before, in SQL or in the batch. While the transaction lasts it stays so."""
    hold(connection, undated)
    different = {(receipt.webhook_id, receipt.sha256) for receipt in undated}
    return len(different) == len(undated) and near(connection, undated) is None


def hold(connection: Connection, undated: Sequence[Receipt]) -> None:
    """Let no other transaction keep the same bytes until this one ends: what it kept could not be seen from here.

    All are held before anything is written and in one order, so that two never wait for each other. SQLite has one
    writer at a time.
    """
    if undated and connection.dialect.name != "sqlite":
        keys = {(receipt.webhook_id.int ^ int.from_bytes(receipt.sha256)) % 2**63 for receipt in undated}
        connection.execute(_HOLD, {"keys": sorted(keys)})


def near(connection: Connection, undated: Sequence[Receipt]) -> UUID | None:
    """The first row with the same bytes that came within the window of these; for several, one that may have.

    The window is counted from the delivery that was kept, not from its last repeat: else bodies that come every now
    and then would be one delivery for as long as they come.
    """
    spans = [(receipt.era - receipt.window * 1000, receipt.era + receipt.window * 1000) for receipt in undated]
    wanted = {
        "webhooks": list({receipt.webhook_id for receipt in undated}),
        "hashes": [receipt.sha256 for receipt in undated],
        "start": min(start for start, _ in spans),
        "end": max(end for _, end in spans),
    }
    return connection.execute(_NEAR, wanted).scalar_one_or_none()
