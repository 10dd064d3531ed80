from __future__ import annotations

import time

from workers.store import leases
from workers.store.engine import Store


def take(store: Store, holder: str, seconds: float = 60) -> bool:
    with store.write() as connection:
        return leases.take(connection, "sweep", holder, seconds)


def test_one_holder_at_a_time_who_may_renew(store: Store) -> None:
    assert take(store, "a")
    assert not take(store, "b")
    assert take(store, "a")


def test_a_lease_that_ran_out_is_anyones(store: Store) -> None:
    assert take(store, "a", 0.05)
    time.sleep(0.1)

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
