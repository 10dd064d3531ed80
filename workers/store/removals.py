"""Statements that take connections and webhooks away: only what nothing hangs on any more."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, delete, exists, select

from workers.store.tables import connections, receipts, webhook_secrets, webhooks


def connection(sql: Connection, pcid: str) -> bool:
    """Forget a connection and its budget; False where there is none. Webhooks that use it raise IntegrityError."""
    return sql.execute(delete(connections).where(connections.c.pcid == pcid)).rowcount == 1


def users(sql: Connection, pcid: str) -> list[str]:
    """The names of the webhooks that use a connection."""
    query = select(webhooks.c.name).where(webhooks.c.connection == pcid).order_by(webhooks.c.name)
    return list(sql.execute(query).scalars())


def webhook(sql: Connection, webhook_id: UUID) -> bool:
    """Forget a webhook, its URL and its secrets, unless a delivery ever came to it: then False, and it stays.

    The history names it, and what waits in quarantine still needs it.
    """
    unused = ~exists().where(receipts.c.webhook_id == webhook_id)
    sql.execute(delete(webhook_secrets).where(webhook_secrets.c.webhook_id == webhook_id, unused))
    return sql.execute(delete(webhooks).where(webhooks.c.id == webhook_id, unused)).rowcount == 1
