"""The last look at what Cal.com has registered, one for each connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete

from workers.store import drifts, removals
from workers.store.drifts import Look
from workers.store.engine import Store
from workers.store.tables import webhook_secrets, webhooks

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MISSING: dict[str, Any] = {"webhook": "org", "remote_id": None, "kind": "missing", "note": None, "fields": []}


def seen(store: Store) -> list[Look]:
    with store.read() as sql:
        return drifts.every(sql)


def test_a_connection_that_nobody_looked_at_says_so(store: Store, webhook_id: UUID) -> None:
    assert seen(store) == [Look("acme", None, [], None)]


def test_the_last_look_is_the_one_that_is_kept(store: Store, webhook_id: UUID) -> None:
    with store.write() as sql:
        drifts.keep(sql, "acme", [MISSING], None, AT)
    assert seen(store) == [Look("acme", AT, [MISSING], None)]
    with store.write() as sql:
        drifts.keep(sql, "acme", [], "It did not answer.", AT + timedelta(minutes=1))
    assert seen(store) == [Look("acme", AT + timedelta(minutes=1), [], "It did not answer.")]


def test_of_a_connection_that_is_gone_nothing_is_kept(store: Store, webhook_id: UUID) -> None:
    with store.write() as sql:
        drifts.keep(sql, "acme", [MISSING], None, AT)
        drifts.keep(sql, "nobody", [MISSING], None, AT)
    assert [one.connection for one in seen(store)] == ["acme"]
    with store.write() as sql:
        sql.execute(delete(webhook_secrets))
        sql.execute(delete(webhooks))
        removals.connection(sql, "acme")
    assert seen(store) == []
