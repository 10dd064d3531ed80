"""How long deliveries take: counted by each web process, added up in SQL, and never a delivery's concern."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ingest.latency import MOST_MINUTES, Latency
from tests.integration.ingest.conftest import OpenDoor
from workers.errors import StoreUnavailable
from workers.store import accept_times
from workers.store.engine import Store, open_store

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=365)


class Away:
    """A store that can be taken away."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.gone = False

    @contextlib.contextmanager
    def write(self, *, durable: bool = True) -> Iterator[object]:
        if self.gone:
            raise StoreUnavailable
        with self.store.write(durable=durable) as sql:
            yield sql


def kept(store: Store, since: datetime = LONG_AGO) -> int:
    """How many deliveries SQL has counted."""
    with store.read() as sql:
        return sum(map(sum, accept_times.sums(sql, since, step=1).values()))


@pytest.fixture
def away(sqlite_database: str) -> Iterator[Away]:
    with contextlib.closing(open_store(sqlite_database)) as store:
        yield Away(store)


def test_a_delivery_is_counted_by_how_long_it_took(open_door: OpenDoor) -> None:
    door = open_door()
    assert door.post(b"{}").status_code == 202
    assert door.post(b"[]", secret="wrong").status_code == 401
    assert door.post(b"{}", token="stranger").status_code == 404
    door.client.__exit__(None, None, None)  # what it counted is added as it stops
    assert kept(door.store) == 1


async def test_what_is_counted_while_sql_is_away_is_added_when_it_is_back(away: Away) -> None:
    now = NOW
    latency = Latency(away, lambda: now)  # type: ignore[arg-type]  # as much of a store as it needs
    away.gone = True
    for _ in range(3):
        latency.note(time.monotonic())
        await latency.add()
        now += timedelta(minutes=1)
    assert kept(away.store) == 0
    away.gone = False
    await latency.add()
    await latency.add()
    with away.store.read() as sql:
        assert list(accept_times.sums(sql, NOW, step=1)) == [accept_times.minute(NOW) + place for place in range(3)]
    assert kept(away.store) == 3


async def test_while_sql_is_away_for_long_the_oldest_counts_go(away: Away) -> None:
    now = NOW
    latency = Latency(away, lambda: now)  # type: ignore[arg-type]
    away.gone = True
    for _ in range(MOST_MINUTES + 50):
        latency.note(time.monotonic())
        await latency.add()
        now += timedelta(minutes=1)
    away.gone = False
    await latency.add()
    assert kept(away.store) == MOST_MINUTES


async def test_several_processes_add_up(away: Away) -> None:
    processes = [Latency(away.store, lambda: NOW) for _ in range(3)]
    for number, latency in enumerate(processes, 1):
        for _ in range(number):
            latency.note(time.monotonic() - 0.015)
    await asyncio.gather(*(latency.add() for latency in processes))
    with away.store.read() as sql:
        (counts,) = accept_times.sums(sql, NOW, step=1).values()
    assert sum(counts) == 6
    assert sum(counts[:4]) == 0  # none took less than 10 ms


async def test_what_nobody_expected_is_logged_and_harms_nobody(away: Away) -> None:
    class Broken:
        def write(self, *, durable: bool) -> None:
            raise ZeroDivisionError

    latency = Latency(Broken())  # type: ignore[arg-type]
    latency.note(time.monotonic())
    await latency.add()
