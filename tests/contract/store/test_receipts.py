from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select
from uuid_utils.compat import uuid7

from tests.conftest import PATIENCE
from workers.store import receipts, repeats
from workers.store.engine import Store
from workers.store.receipts import Receipt, State
from workers.store.tables import bodies
from workers.store.tables import receipts as table

AReceipt = Callable[..., Receipt]

#: a whole number of windows since 1970
MOMENT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def row(store: Store, receipt_id: UUID) -> tuple[str, str, int]:
    with store.read() as connection:
        found = connection.execute(select(table).where(table.c.id == receipt_id)).one()
    return found.state, found.verdict, found.seen


def test_a_batch_is_kept_byte_for_byte(store: Store, a_receipt: AReceipt) -> None:
    batch = [a_receipt(bytes([n]) * 300) for n in range(256)]

    kept = receipts.keep(store, batch)

    assert [one.id for one in kept] == [one.id for one in batch]
    assert not any(one.repeated for one in kept)
    with store.read() as connection:
        held = {one.receipt_id: one.body for one in connection.execute(select(bodies))}
        arrived = receipts.arrived(connection, [batch[7].id])
    assert held == {one.id: one.body for one in batch}
    assert arrived[0].headers[0] == ("content-type", "application/json")
    assert (arrived[0].webhook, arrived[0].connection) == ("org", "acme")


@pytest.mark.parametrize("number", [1, 63, 64, 65, 129])
def test_a_batch_of_any_size_is_kept_whole(store: Store, a_receipt: AReceipt, number: int) -> None:
    batch = [a_receipt(b"%d" % n) for n in range(number)]

    receipts.keep(store, batch)

    with store.read() as connection:
        assert receipts.count_waiting(connection) == number
        assert {one.id: one.body for one in receipts.arrived(connection, [one.id for one in batch])} == {
            one.id: one.body for one in batch
        }


def test_an_identical_delivery_is_counted_not_repeated(store: Store, a_receipt: AReceipt) -> None:
    first = a_receipt(b"same")
    receipts.keep(store, [first])

    kept = receipts.keep(store, [a_receipt(b"other"), a_receipt(b"same"), a_receipt(b"same")])

    assert [one.repeated for one in kept] == [False, True, True]
    assert kept[1].id == kept[2].id == first.id
    assert row(store, first.id) == ("received", "signed", 3)


def test_two_of_one_batch_that_are_identical_are_one(store: Store, a_receipt: AReceipt) -> None:
    kept = receipts.keep(store, [a_receipt(b"twin"), a_receipt(b"twin")])

    assert [one.repeated for one in kept] == [False, True]
    assert row(store, kept[0].id)[2] == 2


@pytest.mark.parametrize("start", [0, 1, 299, 599])  # wherever the window begins
def test_an_undated_body_is_the_same_delivery_within_its_window_and_another_after_it(
    store: Store, a_receipt: AReceipt, start: int
) -> None:
    first, retry, later = (
        a_receipt(b"false", window=600, at=MOMENT + timedelta(seconds=start + after)) for after in (0, 599, 600)
    )
    receipts.keep(store, [first])

    kept = [receipts.keep(store, [one])[0] for one in (retry, later)]

    assert [one.repeated for one in kept] == [True, False]
    assert row(store, first.id) == ("received", "signed", 2)


def test_the_window_of_an_undated_body_is_not_made_longer_by_its_repeats(store: Store, a_receipt: AReceipt) -> None:
    several = [a_receipt(b"false", window=600, at=MOMENT + timedelta(seconds=400 * n)) for n in range(4)]

    kept = [receipts.keep(store, [one])[0] for one in several]

    assert [one.repeated for one in kept] == [False, True, False, True]
    assert kept[3].id == several[2].id


def test_an_undated_body_that_the_spool_held_back_is_the_same_as_its_retry(store: Store, a_receipt: AReceipt) -> None:
    retry = a_receipt(b"false", window=600, at=MOMENT + timedelta(seconds=60))
    receipts.keep(store, [retry])

    (kept,) = receipts.keep(store, [a_receipt(b"false", window=600, at=MOMENT)])

    assert (kept.id, kept.repeated) == (retry.id, True)


def test_undated_bodies_of_one_batch_are_told_apart_by_bytes_and_window(store: Store, a_receipt: AReceipt) -> None:
    at = [a_receipt(b"false", window=600, at=MOMENT + timedelta(seconds=n)) for n in (0, 30, 700)]
    batch = [a_receipt(b"dated"), at[0], at[1], a_receipt(b"other", window=600, at=MOMENT), at[2]]

    kept = receipts.keep(store, batch)

    assert [one.repeated for one in kept] == [False, False, True, False, False]
    assert kept[2].id == at[0].id
    assert not any(one.repeated for one in receipts.keep(store, [a_receipt(b"third", window=600), a_receipt(b"new")]))


def test_the_same_undated_body_of_another_webhook_is_another_delivery(store: Store, a_receipt: AReceipt) -> None:
    mine = a_receipt(b"false", window=600)
    theirs = msgspec.structs.replace(a_receipt(b"false", window=600), webhook_id=uuid7())

    kept = [*receipts.keep(store, [mine]), *receipts.keep(store, [theirs])]

    assert not any(one.repeated for one in kept)


def test_a_body_that_says_when_it_was_made_repeats_for_ever_and_others_for_the_window() -> None:
    assert repeats.window(b'{"triggerEvent":"PING","createdAt":"2026"}', 600) == 0
    assert repeats.window(b"false", 600) == 600


def test_a_signed_delivery_takes_the_place_of_its_forged_twin_in_quarantine(store: Store, a_receipt: AReceipt) -> None:
    forged = a_receipt(b"x", state="quarantined", verdict="mismatch")
    receipts.keep(store, [forged])

    (kept,) = receipts.keep(store, [a_receipt(b"x")])

    assert (kept.id, kept.waiting) == (forged.id, True)
    assert row(store, forged.id) == ("received", "signed", 2)


def test_a_forged_twin_does_not_touch_a_signed_delivery(store: Store, a_receipt: AReceipt) -> None:
    real = a_receipt(b"x")
    receipts.keep(store, [real])

    (kept,) = receipts.keep(store, [a_receipt(b"x", state="quarantined", verdict="mismatch")])

    assert kept.repeated
    assert row(store, real.id)[:2] == ("received", "signed")


def test_what_is_settled_is_nobody_elses(store: Store, a_receipt: AReceipt) -> None:
    receipt, held = a_receipt(b"x"), a_receipt(b"y", state="quarantined")
    receipts.keep(store, [receipt, held])

    with store.write() as connection:
        assert receipts.settle(connection, [receipt.id, held.id]) == {receipt.id}
    with store.write() as connection:
        assert receipts.settle(connection, [receipt.id]) == set()
        assert receipts.arrived(connection, [receipt.id, held.id]) == []


def test_only_what_waits_since_before_a_moment_is_waiting(store: Store, a_receipt: AReceipt) -> None:
    old, held = a_receipt(b"old"), a_receipt(b"held", state="quarantined")
    receipts.keep(store, [old, held])

    with store.read() as connection:
        later = datetime.now(UTC) + timedelta(seconds=1)
        assert receipts.waiting(connection, before=later, limit=10) == [old.id]
        assert receipts.waiting(connection, before=later - timedelta(minutes=1), limit=10) == []
        assert receipts.count_waiting(connection) == 1
        assert receipts.quarantined(connection, held.webhook_id) == (1, 4)


def test_a_state_moves_only_from_where_it_may(store: Store, a_receipt: AReceipt) -> None:
    held = a_receipt(b"held", state="quarantined")
    receipts.keep(store, [held])

    with store.write() as connection:
        source = [State.QUARANTINED]
        assert receipts.move(connection, [held.id], source=source, target=State.RECEIVED) == [held.id]
        assert receipts.move(connection, [held.id], source=source, target=State.RECEIVED) == []


def test_batches_that_repeat_each_other_at_once_lose_nothing(store: Store, a_receipt: AReceipt) -> None:
    found: list[receipts.Kept] = []

    def run() -> None:
        for start in range(0, 60, 20):
            found.extend(receipts.keep(store, [a_receipt(b"%d" % n) for n in range(start, start + 20)]))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.read() as connection:
        rows = connection.execute(select(table.c.seen)).scalars().all()
    assert len(found) == 240
    assert (len(rows), sum(rows)) == (60, 240)


def test_undated_bodies_that_processes_keep_at_once_are_one_delivery_each(store: Store, a_receipt: AReceipt) -> None:
    found: list[receipts.Kept] = []
    together = threading.Barrier(4)

    def run(number: int) -> None:
        numbers = list(range(24))
        for turn in range(3):
            random.Random(4 * turn + number).shuffle(numbers)
            batch = [a_receipt(b"%d" % n, window=600) for n in numbers] + [a_receipt(b"dated %d" % number)]
            together.wait(PATIENCE)
            found.extend(receipts.keep(store, batch))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.read() as connection:
        seen = connection.execute(select(table.c.seen)).scalars().all()
    assert len(found) == 300
    assert sorted(seen) == [3] * 4 + [12] * 24
