"""How long deliveries took to be answered: counts that every process adds to."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from workers.histogram import BUCKETS
from workers.store import accept_times
from workers.store.accept_times import QUARTER, add, condense, minute, sums
from workers.store.engine import Store
from workers.store.tables import accept_times as table

#: a full hour
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
AT = minute(NOW)


def counts(**numbers: int) -> list[int]:
    """The number of each bucket named, as `b3=2`; 0 of the others."""
    return [numbers.get(f"b{place}", 0) for place in range(BUCKETS)]


def rows(store: Store) -> int:
    with store.read() as sql:
        return int(sql.execute(select(func.count()).select_from(table)).scalar_one())


def test_what_is_added_adds_up(store: Store) -> None:
    for _ in range(2):
        with store.write() as sql:
            add(sql, {AT: counts(b0=1, b12=5), AT + 1: counts(b0=2)})
    with store.write() as sql:
        add(sql, {})
    with store.read() as sql:
        assert sums(sql, NOW, step=1) == {AT: counts(b0=2, b12=10), AT + 1: counts(b0=4)}


def test_several_at_once_lose_nothing(store: Store) -> None:
    def work() -> None:
        for place in range(20):
            with store.write() as sql:
                add(sql, {AT + place % 3: counts(b1=1, b2=2)})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as sql:
        assert sums(sql, NOW, step=15) == {AT: counts(b1=80, b2=160)}


def test_minutes_are_put_together_by_steps_and_only_those_since(store: Store) -> None:
    with store.write() as sql:
        add(sql, {AT - 1: counts(b0=100), AT: counts(b0=1), AT + 14: counts(b0=2), AT + 15: counts(b1=3)})
    with store.read() as sql:
        assert sums(sql, NOW, step=15) == {AT: counts(b0=3), AT + 15: counts(b1=3)}
        assert sums(sql, NOW + timedelta(hours=1), step=15) == {}


def test_what_is_old_is_removed_and_what_is_older_than_hours_is_kept_by_quarters(store: Store) -> None:
    old, past = AT - 48 * 60, AT - 3 * 60
    with store.write() as sql:
        add(sql, {old - 1: counts(b0=100), **{past + place: counts(b0=1, b1=2) for place in range(2 * QUARTER)}})
        add(sql, {AT + place: counts(b0=1) for place in range(QUARTER)})
    for _ in range(2):
        with store.write() as sql:
            condense(sql, NOW)
        assert rows(store) == 4 + QUARTER
        with store.read() as sql:
            assert sums(sql, NOW - timedelta(days=9), step=QUARTER) == {
                past: counts(b0=15, b1=30),
                past + QUARTER: counts(b0=15, b1=30),
                AT: counts(b0=15),
            }


def test_what_comes_late_for_a_quarter_is_added_to_it(store: Store) -> None:
    past = AT - 3 * 60
    for _ in range(2):
        with store.write() as sql:
            add(sql, {past + 7: counts(b0=1)})
            condense(sql, NOW)
    with store.read() as sql:
        assert sums(sql, NOW - accept_times.KEPT, step=1) == {past: counts(b0=2)}
