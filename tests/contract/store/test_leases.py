from __future__ import annotations

from sqlalchemy import update

from workers.store import leases
from workers.store.engine import Store
from workers.store.tables import leases as table


def take(store: Store, holder: str, seconds: float = 60) -> bool:
    with store.write() as connection:
        return leases.take(connection, "sweep", holder, seconds)


def test_one_holder_at_a_time_who_may_renew(store: Store) -> None:
    assert take(store, "a")
    assert not take(store, "b")
    assert take(store, "a")


def test_a_lease_that_ran_out_is_anyones(store: Store) -> None:
    assert take(store, "a")
    with store.write() as connection:
        connection.execute(update(table).values(expires_at=table.c.expires_at - 61))  # a minute later

    assert take(store, "b")
    assert not take(store, "a")


def test_a_lease_given_up_is_free_at_once_and_only_by_its_holder(store: Store) -> None:
    take(store, "a")
    with store.write() as connection:
        leases.give_up(connection, "sweep", "b")
    assert not take(store, "b")
    with store.write() as connection:
        leases.give_up(connection, "sweep", "a")
    assert take(store, "b")
