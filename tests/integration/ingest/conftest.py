"""A receiver in the test's own process: the real application on a real database, spoken to over ASGI."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Row, insert, select
from starlette.testclient import TestClient

from ingest.signatures import sign
from ingest.web import make_app
from workers.settings import load
from workers.store import webhooks
from workers.store.engine import Store, open_store
from workers.store.migrate import migrate
from workers.store.tables import bodies, connections, receipts
from workers.vault import Vault

SECRET = "whsec_harbourlight_7Qm2"


@dataclass
class Door:
    """The receiver, its database, and the webhook `org` with the token `tok`."""

    client: TestClient
    store: Store
    vault: Vault
    webhook_id: UUID

    def post(self, body: bytes, *, secret: str | None = SECRET, token: str = "tok", **headers: str) -> httpx2.Response:
        """Deliver `body` as Cal.com does; `secret` None leaves the signature out."""
        if secret is not None:
            headers["x-cal-signature-256"] = sign(body, secret.encode()).decode()
        return self.client.post(f"/in/{token}", content=body, headers={"content-type": "application/json", **headers})

    def receipts(self) -> list[Row[Any]]:
        """Everything kept, in order of arrival."""
        with self.store.read() as connection:
            query = select(receipts, bodies.c.headers, bodies.c.body).join(bodies, bodies.c.receipt_id == receipts.c.id)
            return [*connection.execute(query.order_by(receipts.c.id))]


OpenDoor = Callable[..., Door]


@pytest.fixture
def open_door(tmp_path: Path) -> Iterator[OpenDoor]:
    """Opens a receiver with the settings given; closed when the test ends."""
    with contextlib.ExitStack() as stack:

        def opener(**environ: str) -> Door:
            key = Fernet.generate_key().decode()
            values = {
                "DATA_DIR": str(tmp_path),
                "SECRET_KEY": key,
                "BROKER_URL": f"unix://{tmp_path}/none.sock",
                **environ,
            }
            settings = load({f"DAYBOOK_{name}": value for name, value in values.items()}, cwd=tmp_path)
            store = open_store(settings.database)
            stack.callback(store.close)
            migrate(store)
            vault = Vault([key])
            now = datetime.now(UTC)
            with store.write() as connection:
                connection.execute(
                    insert(connections).values(
                        pcid="acme", kind="calcom", base_url="", org_id=1, credential="", per_minute=90, created_at=now
                    )
                )
                webhook_id = webhooks.add(
                    connection, vault, name="org", pcid="acme", token="tok", secret=SECRET, origin="adopted", now=now
                )
            client = stack.enter_context(TestClient(make_app(settings), raise_server_exceptions=False))
            return Door(client, store, vault, webhook_id)

        yield opener
