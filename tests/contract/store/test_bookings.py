from __future__ import annotations

import threading
from itertools import permutations

import pytest

from workers.store import bookings
from workers.store.engine import Store

#: A was rescheduled to B, B to C, C to D
LINKS = [("acme", "B", "A"), ("acme", "C", "B"), ("acme", "D", "C")]


@pytest.mark.parametrize("order", list(permutations(LINKS)), ids=lambda order: "".join(link[1] for link in order))
def test_a_reschedule_chain_is_one_booking_in_whatever_order_it_comes(
    store: Store, order: tuple[tuple[str, str, str], ...]
) -> None:
    for link in order:
        with store.write() as connection:
            bookings.tell(connection, [link], on_sqlite=store.sqlite)

    with store.read() as connection:
        assert set(bookings.lineages(connection, [("acme", uid) for uid in "ABCD"]).values()) == {"A"}
        assert bookings.uids_with(connection, "C") == [("acme", uid) for uid in "ABCD"]


def test_bookings_of_two_connections_stay_apart(store: Store) -> None:
    with store.write() as connection:
        bookings.tell(connection, [("acme", "B", "A"), ("other", "B", "Z")], on_sqlite=store.sqlite)

    with store.read() as connection:
        assert bookings.lineages(connection, [("acme", "B"), ("other", "B")]) == {
            ("acme", "B"): "A",
            ("other", "B"): "Z",
        }


def test_a_booking_that_claims_to_replace_itself_or_goes_round_in_a_ring_ends(store: Store) -> None:
    with store.write() as connection:
        bookings.tell(connection, [("acme", "A", "A"), ("acme", "B", "A"), ("acme", "A", "B")], on_sqlite=store.sqlite)

    with store.read() as connection:
        assert len(set(bookings.lineages(connection, [("acme", "A"), ("acme", "B")]).values())) == 1


def test_an_unknown_uid_has_no_company(store: Store) -> None:
    with store.read() as connection:
        assert bookings.uids_with(connection, "nobody") == []


def test_workers_that_join_many_bookings_at_once_never_wait_for_each_other(store: Store) -> None:
    chains = [("acme", f"u{n}", f"u{n - 1}") for n in range(200) if n % 5]
    failed: list[Exception] = []

    def work(offset: int) -> None:
        mine = chains[offset:] + chains[:offset]
        for start in range(0, len(mine), 25):
            try:
                with store.write() as connection:
                    bookings.tell(connection, mine[start : start + 25], on_sqlite=store.sqlite)
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in (0, 47, 96, 141)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    with store.read() as connection:
        assert set(bookings.lineages(connection, [("acme", f"u{n}") for n in range(5)]).values()) == {"u0"}
