from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from workers.store import keys
from workers.store.engine import Store
from workers.store.keys import Role
from workers.store.tables import keys as table

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def test_a_key_is_found_by_its_text_and_kept_only_as_a_hash(store: Store) -> None:
    with store.write() as connection:
        made, text = keys.create(connection, name="n8n", role=Role.OPERATOR, now=NOW)

    with store.read() as connection:
        assert keys.find(connection, text) == made
        assert keys.find(connection, text + "x") is None
        assert text.encode() not in connection.execute(select(table.c.digest)).scalar_one()


def test_a_revoked_key_is_worthless_and_still_listed(store: Store) -> None:
    with store.write() as connection:
        made, text = keys.create(connection, name="n8n", role=Role.VIEWER, now=NOW)
        assert keys.revoke(connection, made.id, now=NOW)
        assert not keys.revoke(connection, made.id, now=NOW)

    with store.read() as connection:
        assert keys.find(connection, text) is None
        assert keys.every(connection)[0].revoked_at == NOW
        assert keys.count(connection) == 1


def test_the_hash_of_a_key_is_told_while_it_lives(store: Store) -> None:
    with store.write() as connection:
        made, text = keys.create(connection, name="n8n", role=Role.VIEWER, now=NOW)
        assert keys.digest_of(connection, made.id) == keys.digest(text)
        keys.revoke(connection, made.id, now=NOW)
        assert keys.digest_of(connection, made.id) is None


def test_a_role_covers_itself_and_those_below() -> None:
    assert [role for role in Role if Role.OPERATOR.covers(role)] == [Role.VIEWER, Role.OPERATOR]
