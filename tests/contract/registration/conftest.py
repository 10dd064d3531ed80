"""A registry on a real database, and a Cal.com in memory."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.contract.registration.fake import FakeCalcom
from workers.register import Registry
from workers.store import connections
from workers.store.connections import Connection, Kind
from workers.store.engine import Store
from workers.vault import Vault

BASE = "http://127.0.0.1:8787"


@pytest.fixture
def calcom() -> FakeCalcom:
    """A Cal.com of the company's own, without webhooks."""
    return FakeCalcom()


@pytest.fixture
def registry(store: Store, vault: Vault, calcom: FakeCalcom) -> Registry:
    """The registry of the connection `acme`."""
    with store.write() as sql:
        row = Connection("acme", Kind.CALCOM, calcom.base_url, 4821, 0, datetime.now(UTC))
        connections.add(sql, vault, row, "")
    return Registry(store, vault, BASE, calcom.reached)
