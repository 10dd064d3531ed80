"""What a budget in SQL promises: one pace for all processes, and a halt that all of them keep."""

from __future__ import annotations

import multiprocessing
import threading
from datetime import UTC, datetime

import pytest

from workers.calcom.budget import BURST
from workers.errors import NotFound
from workers.store import connections, removals
from workers.store.budgets import LOOK, SqlBudget, Standing, YieldingBudget, standings
from workers.store.connections import Connection, Kind
from workers.store.engine import Store, open_store
from workers.vault import Vault

#: the fewest calls a minute that have a whole burst: the next is due in six seconds, not while a slow machine reserves
SLOW = BURST
#: one call a minute, no burst: each call has a minute of its own, however slow the machine is
ONE = 1


@pytest.fixture(autouse=True)
def _acme(store: Store, vault: Vault) -> None:
    with store.write() as sql:
        connections.add(sql, vault, Connection("acme", Kind.CALCOM, "http://c/v2", 1, SLOW, datetime.now(UTC)), "c")


def test_a_burst_goes_at_once_and_then_one_call_each_interval(store: Store) -> None:
    budget = SqlBudget(store, "acme", SLOW)

    waits = [budget.reserve() for _ in range(BURST + 3)]

    assert waits[:BURST] == [0.0] * BURST
    assert all(earlier < later for earlier, later in zip(waits[BURST - 1 :], waits[BURST:], strict=False))
    assert waits[-1] <= 3 * 60 / SLOW


def test_two_budgets_of_one_connection_share_what_is_left(store: Store) -> None:
    one, other = SqlBudget(store, "acme", ONE), SqlBudget(store, "acme", ONE)

    assert one.reserve() == 0
    assert other.reserve() > 0


def test_threads_never_get_the_same_place(store: Store) -> None:
    waits: list[float] = []
    threads = [
        threading.Thread(target=lambda: waits.extend(SqlBudget(store, "acme", ONE).reserve() for _ in range(5)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(round(wait / 60) for wait in waits) == list(range(20))


def _spend(url: str, calls: int, answers: multiprocessing.SimpleQueue[list[float]]) -> None:
    store = open_store(url, pool_size=1)
    budget = SqlBudget(store, "acme", ONE)
    answers.put([budget.reserve() for _ in range(calls)])
    store.close()


def test_two_processes_together_stay_within_one_budget(store: Store, database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.SimpleQueue[list[float]] = context.SimpleQueue()
    processes = [context.Process(target=_spend, args=(database_url, 15, answers)) for _ in range(2)]
    for process in processes:
        process.start()
    waits = answers.get() + answers.get()
    for process in processes:
        process.join()

    assert sorted(round(wait / 60) for wait in waits) == list(range(30))


def test_a_halt_is_kept_by_everyone(store: Store) -> None:
    SqlBudget(store, "acme", SLOW).halt(100)

    assert 90 < SqlBudget(store, "acme", SLOW).reserve() <= 100


def test_without_a_rate_of_our_own_a_halt_is_still_kept(store: Store) -> None:
    budget = SqlBudget(store, "acme", 0)

    assert [budget.reserve() for _ in range(50)] == [0.0] * 50
    budget.halt(100)
    assert 90 < budget.reserve() <= 100


def test_without_a_rate_sql_is_looked_at_only_now_and_then(store: Store) -> None:
    now = 0.0
    budget = SqlBudget(store, "acme", 0, clock=lambda: now)
    budget.reserve()
    SqlBudget(store, "acme", 0).halt(100)

    assert budget.reserve() == 0.0
    now += LOOK
    assert 90 < budget.reserve() <= 100


def test_without_a_rate_a_halt_that_was_seen_is_not_looked_for_again_until_it_ends(store: Store) -> None:
    now = 0.0
    SqlBudget(store, "acme", 0).halt(100)
    budget = SqlBudget(store, "acme", 0, clock=lambda: now)
    seen = budget.reserve()
    with store.write() as sql:
        removals.connection(sql, "acme")

    now += 60
    assert budget.reserve() == pytest.approx(seen - 60)
    now += 60
    with pytest.raises(NotFound, match="was removed"):
        budget.reserve()


def test_without_a_rate_a_halt_counts_even_where_it_cannot_be_written(store: Store) -> None:
    budget = SqlBudget(store, "acme", 0)
    budget.reserve()
    with store.write() as sql:
        removals.connection(sql, "acme")

    with pytest.raises(NotFound, match="was removed"):
        budget.halt(100)
    assert 90 < budget.reserve() <= 100


def test_a_small_budget_has_a_small_burst(store: Store) -> None:
    budget = SqlBudget(store, "acme", 2)

    assert [budget.reserve() for _ in range(2)] == [0.0, 0.0]
    assert budget.reserve() > 20


def test_a_removed_connection_says_so(store: Store) -> None:
    with store.write() as sql:
        removals.connection(sql, "acme")

    with pytest.raises(NotFound, match="was removed"):
        SqlBudget(store, "acme", SLOW).reserve()


class Waiting:
    """A clock and a sleep that remembers."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def budget(self, store: Store, *, patience: float, per_minute: int = SLOW) -> YieldingBudget:
        return YieldingBudget(store, "acme", per_minute, patience=patience, clock=lambda: self.now, sleep=self.sleep)


def test_who_gives_way_leaves_half_of_a_burst_to_the_actions(store: Store) -> None:
    waiting, action = Waiting(), SqlBudget(store, "acme", SLOW)
    budget = waiting.budget(store, patience=1.0)

    assert [budget.reserve() for _ in range(BURST // 2)] == [0.0] * (BURST // 2)
    assert budget.reserve() > 1.0
    assert [action.reserve() for _ in range(BURST // 2)] == [0.0] * (BURST // 2)


def test_who_gives_way_takes_nothing_while_it_waits(store: Store) -> None:
    waiting, action = Waiting(), SqlBudget(store, "acme", ONE)
    assert action.reserve() == 0

    assert waiting.budget(store, patience=5.0, per_minute=ONE).reserve() > 5.0
    assert round(action.reserve() / 60) == 1  # the next place, as if nobody had asked


def test_who_gives_way_looks_again_for_as_long_as_it_has_patience(store: Store) -> None:
    waiting = Waiting()
    budget = waiting.budget(store, patience=200.0, per_minute=ONE)
    assert budget.reserve() == 0

    assert budget.reserve() > 0  # the database's clock stands still beside the test's
    assert sum(waiting.slept) > 100


def test_who_gives_way_keeps_a_halt_where_there_is_no_rate(store: Store) -> None:
    waiting = Waiting()
    budget = waiting.budget(store, patience=5.0, per_minute=0)
    assert budget.reserve() == 0

    budget.halt(60)
    assert budget.reserve() > 5.0


def test_what_is_left_of_each_budget_is_told_without_taking_any(store: Store, vault: Vault) -> None:
    with store.write() as sql:
        connections.add(sql, vault, Connection("beta", Kind.CALCOM, "http://b/v2", 2, 0, datetime.now(UTC)), "c")
    untouched = [Standing("acme", SLOW, BURST, None), Standing("beta", 0, None, None)]
    with store.read() as sql:
        assert standings(sql) == untouched
        assert standings(sql) == untouched

    for _ in range(BURST):
        SqlBudget(store, "acme", SLOW).reserve()
    SqlBudget(store, "beta", 0).halt(600)
    with store.read() as sql:
        acme, beta = standings(sql)
    assert acme.left is not None
    assert acme.left < BURST
    assert acme.halted_until is None
    assert beta.left is None
    assert beta.halted_until is not None
    assert beta.halted_until > datetime.now(UTC)
