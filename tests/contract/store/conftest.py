"""What every store suite begins with: a connection, a webhook, and receipts to keep."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import insert
from uuid_utils.compat import uuid7

from workers.store import webhooks
from workers.store.engine import Store
from workers.store.receipts import Receipt
from workers.store.tables import connections
from workers.vault import Vault


@pytest.fixture
def webhook_id(store: Store, vault: Vault) -> UUID:
    """The webhook `org` of the connection `acme`."""
    now = datetime.now(UTC)
    with store.write() as connection:
        connection.execute(
            insert(connections).values(
                pcid="acme", kind="calcom", base_url="", org_id=1, credential="", per_minute=90, created_at=now
            )
        )
        return webhooks.add(
            connection, vault, name="org", pcid="acme", token="tok", secret="s1", origin="adopted", now=now
        )


@pytest.fixture
def a_receipt(webhook_id: UUID) -> Callable[..., Receipt]:
    """Makes receipts of that webhook."""

    def make(
        body: bytes,
        *,
        state: str = "received",
        verdict: str = "signed",
        window: int = 0,
        at: datetime | None = None,
    ) -> Receipt:
        return Receipt(
            id=uuid7(),
            webhook_id=webhook_id,
            sha256=hashlib.sha256(body).digest(),
            window=window,
            received_at=at or datetime.now(UTC),
            verdict=verdict,
            secret_id=None,
            state=state,
            headers=b'[["content-type","application/json"],["x-cal-webhook-version","2021-10-20"]]',
            body=body,
        )

    return make
