"""What the store promises about connections, and about taking them and webhooks away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from workers.errors import Misconfigured, NotFound
from workers.store import connections, fates, receipts, removals, webhooks
from workers.store.budgets import SqlBudget
from workers.store.connections import Connection, Kind
from workers.store.engine import Store
from workers.store.receipts import Receipt
from workers.store.tables import budgets
from workers.store.tables import connections as table
from workers.vault import Vault

ACME = Connection("acme", Kind.CALCOM, "http://cal.acme/v2", 4821, 90, datetime(2027, 1, 4, 9, 30, tzinfo=UTC))


def test_a_connection_comes_back_with_its_credential(store: Store, vault: Vault) -> None:
    with store.write() as sql:
        connections.add(sql, vault, ACME, "the credential")

    with store.read() as sql:
        assert connections.get(sql, vault, "acme") == (ACME, "the credential")
        assert connections.every(sql) == [ACME]
        assert connections.names(sql) == ["acme"]


def test_the_credential_is_sealed_at_rest_and_for_its_own_connection(store: Store, vault: Vault) -> None:
    with store.write() as sql:
        connections.add(sql, vault, ACME, "the credential")
        connections.add(sql, vault, replace(ACME, pcid="other"), "another")
        kept = sql.execute(select(table.c.credential).where(table.c.pcid == "acme")).scalar_one()
        sql.execute(table.update().where(table.c.pcid == "other").values(credential=kept))

    assert "the credential" not in kept
    with store.read() as sql, pytest.raises(Misconfigured):
        connections.get(sql, vault, "other")
    with store.read() as sql, pytest.raises(Misconfigured):
        connections.get(sql, Vault([Fernet.generate_key().decode()]), "acme")


def test_a_pcid_is_taken_once(store: Store, vault: Vault) -> None:
    with store.write() as sql:
        connections.add(sql, vault, ACME, "first")

    with pytest.raises(IntegrityError), store.write() as sql:
        connections.add(sql, vault, ACME, "second")
    with store.read() as sql:
        assert connections.get(sql, vault, "acme")[1] == "first"


def test_replacing_changes_everything_but_the_day_it_was_made(store: Store, vault: Vault) -> None:
    later = replace(ACME, kind=Kind.MCP, base_url="http://new/v2", org_id=7, per_minute=0, created_at=datetime.now(UTC))
    with store.write() as sql:
        assert not connections.replace(sql, vault, later, "new")
        connections.add(sql, vault, ACME, "old")
        assert connections.replace(sql, vault, later, "new")

    with store.read() as sql:
        assert connections.get(sql, vault, "acme") == (replace(later, created_at=ACME.created_at), "new")


def test_an_unknown_connection_names_those_there_are(store: Store, vault: Vault) -> None:
    with store.read() as sql, pytest.raises(NotFound, match="none yet"):
        connections.get(sql, vault, "acme")
    with store.write() as sql:
        connections.add(sql, vault, ACME, "c")

    with store.read() as sql, pytest.raises(NotFound, match="there are: acme"):
        connections.get(sql, vault, "acne")


def test_a_connection_goes_with_its_budget(store: Store, vault: Vault) -> None:
    with store.write() as sql:
        connections.add(sql, vault, ACME, "c")
    SqlBudget(store, "acme", 90).reserve()

    with store.write() as sql:
        assert removals.connection(sql, "acme")
        assert not removals.connection(sql, "acme")

    with store.read() as sql:
        assert sql.execute(select(budgets)).all() == []


def test_a_connection_that_webhooks_use_stays(store: Store, webhook_id: UUID) -> None:
    with pytest.raises(IntegrityError), store.write() as sql:
        removals.connection(sql, "acme")

    with store.read() as sql:
        assert removals.users(sql, "acme") == ["org"]
        assert connections.names(sql) == ["acme"]


def test_a_webhook_without_deliveries_goes_with_its_secrets(store: Store, vault: Vault, webhook_id: UUID) -> None:
    with store.write() as sql:
        assert removals.webhook(sql, webhook_id)

    with store.read() as sql:
        assert webhooks.every(sql, vault) == []


def test_a_webhook_that_got_a_delivery_stays_whole(
    store: Store, vault: Vault, webhook_id: UUID, a_receipt: Callable[..., Receipt]
) -> None:
    receipts.keep(store, [a_receipt(b"{}")])

    with store.write() as sql:
        assert not removals.webhook(sql, webhook_id)

    with store.read() as sql:
        (left,) = webhooks.every(sql, vault)
    assert [secret.key for secret in left.secrets] == ["s1"]


def test_the_fate_of_a_delivery_is_found_by_its_bytes(
    store: Store, webhook_id: UUID, a_receipt: Callable[..., Receipt]
) -> None:
    receipt = a_receipt(b'{"a": 1}')
    receipts.keep(store, [receipt, a_receipt(b'{"a": 2}')])

    with store.read() as sql:
        found = fates.find(sql, webhook_id, receipt.sha256)
        nothing = fates.find(sql, webhook_id, b"no such digest")

    assert found is not None
    assert (found.delivery_id, found.state, found.event) == (receipt.id, "received", None)
    assert nothing is None
