from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, event, select

from workers.store import webhooks
from workers.store.engine import Store
from workers.store.tables import webhook_secrets
from workers.store.tables import webhooks as table
from workers.vault import Vault

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def test_token_and_secret_are_sealed_at_rest(store: Store, vault: Vault, webhook_id: UUID) -> None:
    with store.read() as connection:
        row = connection.execute(select(table)).one()
        secret = connection.execute(select(webhook_secrets.c.secret)).scalar_one()
        (opened,) = webhooks.every(connection, vault)

    assert "tok" not in row.token
    assert secret != "s1"
    assert (opened.token, opened.secrets[0].key) == ("tok", "s1")
    assert opened.url("https://d.example") == "https://d.example/in/tok"
    assert "tok" not in repr(opened)


@pytest.mark.parametrize("days", [-6, -1, 1, 90])
def test_a_second_secret_lets_the_first_live_on_until_its_end(
    store: Store, vault: Vault, webhook_id: UUID, days: int
) -> None:
    end = NOW + timedelta(days=7)
    with store.write() as connection:
        new = webhooks.add_secret(connection, vault, webhook_id, "s2", now=NOW)
        webhooks.expire_secrets(connection, webhook_id, keep=new, at=end)
        webhooks.expire_secrets(connection, webhook_id, keep=new, at=end + timedelta(days=days))

    with store.read() as connection:
        found = webhooks.by_name(connection, vault, "org")
    assert found is not None
    assert [(one.key, one.expires_at) for one in found.secrets] == [("s2", None), ("s1", end)]


def test_a_secret_that_never_came_into_use_is_taken_back(store: Store, vault: Vault, webhook_id: UUID) -> None:
    with store.write() as connection:
        webhooks.drop_secret(connection, webhooks.add_secret(connection, vault, webhook_id, "s2", now=NOW))
        assert [one.key for one in webhooks.every(connection, vault)[0].secrets] == ["s1"]


def test_a_webhook_that_is_made_meanwhile_is_there_with_its_secret_or_not_at_all(
    store: Store, vault: Vault, webhook_id: UUID
) -> None:
    """Else its first deliveries would prove nothing, for as long as a web process goes by what it read."""

    def look(read: Callable[[Connection], Sequence[Any]], name: str) -> Sequence[Any]:
        waiting = [name]

        def meanwhile(*_: object) -> None:
            if waiting:
                new = waiting.pop()
                with store.write() as other:
                    webhooks.add(other, vault, name=new, pcid="acme", token=new, secret=new, origin="adopted", now=NOW)

        with store.read() as connection:
            event.listen(connection, "after_cursor_execute", meanwhile)
            return read(connection)

    assert all(one.secrets for one in look(lambda connection: webhooks.every(connection, vault), "second"))
    assert all(secrets for *_, secrets in look(lambda connection: webhooks.live(connection, vault), "third"))


def test_an_unknown_name_is_nobody(store: Store, vault: Vault) -> None:
    with store.read() as connection:
        assert webhooks.by_name(connection, vault, "nobody") is None
