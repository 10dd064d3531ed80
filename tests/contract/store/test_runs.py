from __future__ import annotations

import contextlib
import threading

from uuid_utils.compat import uuid7

from tests.conftest import PATIENCE
from tests.contract.store.planning import NOW, claim, end, plan, planned, waiting_for_locks
from workers.store import claims, runs
from workers.store.engine import Store, open_store
from workers.store.quick import enter
from workers.store.runs import Filter, RunState


def test_a_key_has_one_run_however_often_it_is_planned(store: Store) -> None:
    event_id = uuid7()
    assert plan(store, planned("a", event_id=event_id)) == 1
    assert plan(store, planned("a", event_id=event_id)) == 0

    with store.read() as connection:
        assert runs.count(connection, Filter()) == 1


def test_another_event_of_a_key_is_skipped_and_says_which_run_was_the_one(store: Store) -> None:
    plan(store, planned("a"))
    second = planned("a")
    plan(store, second)
    plan(store, second)  # its delivery is replayed

    with store.read() as connection:
        late, first = runs.page(connection, Filter(), limit=9)
    assert (late.state, late.reason) == (RunState.SKIPPED, f"once_per: run {first.id} was the one for this key")
    assert (late.due_at, late.event_id) == (None, second.event_id)


def test_what_is_skipped_from_the_start_is_written_down_and_never_taken(store: Store) -> None:
    plan(store, planned("a", skipped="an expression failed"))

    assert claim(store) == []
    with store.read() as connection:
        assert [(row.state, row.reason) for row in runs.page(connection, Filter(), limit=9)] == [
            (RunState.SKIPPED, "an expression failed")
        ]


def test_a_run_in_hand_is_not_cancelled_and_a_waiting_one_is(store: Store) -> None:
    plan(store, planned("a"), planned("b", entity="other"))
    (run,) = claim(store, limit=1)
    with store.write() as connection:
        assert not runs.cancel(connection, run.id, reason="by hand", now=NOW)
        (other,) = [row for row in runs.page(connection, Filter(), limit=9) if row.id != run.id]
        assert runs.cancel(connection, other.id, reason="by hand", now=NOW)
        assert not runs.cancel(connection, other.id, reason="by hand", now=NOW)

    assert claim(store) == []


def test_a_dead_run_is_tried_again_from_the_step_where_it_stopped(store: Store) -> None:
    plan(store, planned("a"))
    (run,) = claim(store)
    with store.write() as connection:
        assert enter(connection, [claims.advancing(connection, run.id, "me", 2, 60)])
    end(store, run, state=RunState.DEAD)
    with store.write() as connection:
        assert runs.retry(connection, run.id, now=NOW)

    (again,) = claim(store)
    assert (again.step, again.attempt) == (2, 0)
    end(store, again)
    with store.write() as connection:
        assert not runs.retry(connection, run.id, now=NOW)


def test_a_key_that_was_freed_may_have_a_run_again(store: Store) -> None:
    event_id = uuid7()
    plan(store, planned("a", event_id=event_id))
    end(store, claim(store)[0])
    with store.write() as connection:
        assert runs.free(connection, [event_id]) == 1

    assert plan(store, planned("a", event_id=event_id)) == 1
    with store.read() as connection:
        found = runs.of_key(connection, "rule", "a")
        assert found is not None
        assert found.state == RunState.PLANNED


def test_of_two_events_of_a_key_that_are_planned_together_the_first_has_the_run(store: Store) -> None:
    first, second = planned("a"), planned("a")
    assert plan(store, first, second) == 1
    assert plan(store, first, second) == 0  # both are replayed

    with store.read() as connection:
        late, early = runs.page(connection, Filter(), limit=9)
    assert (early.state, early.event_id) == (RunState.PLANNED, first.event_id)
    assert (late.state, late.event_id) == (RunState.SKIPPED, second.event_id)
    assert late.reason == f"once_per: run {early.id} was the one for this key"


def test_what_was_skipped_for_its_key_is_not_the_run_that_there_was_for_it_after_a_replay(store: Store) -> None:
    first, second = planned("a"), planned("a")
    plan(store, first)
    plan(store, second)
    end(store, claim(store)[0])
    with store.write() as connection:
        assert runs.free(connection, [second.event_id]) == 0
    plan(store, second)

    with store.read() as connection:
        found = runs.of_key(connection, "rule", "a")
        assert found is not None
        assert found.event_id == first.event_id
        assert runs.count(connection, Filter()) == 2


def test_processes_that_plan_the_same_runs_in_another_order_do_not_wait_for_each_other(postgres_database: str) -> None:
    """A booking's events come by several webhooks, and workers have them in batches of their own."""
    failed: list[Exception] = []

    def guarded(*names: str) -> None:
        try:
            plan(store, *map(planned, names))
        except Exception as error:
            failed.append(error)

    with contextlib.closing(open_store(postgres_database)) as store:
        with store.write() as connection:  # both have planned one run, and neither both
            runs.plan(connection, [planned("y"), planned("z")], NOW)
            threads = [threading.Thread(target=guarded, args=names) for names in ("bya", "azb")]
            for number, thread in enumerate(threads, 1):
                thread.start()
                waiting_for_locks(store, number)
        for thread in threads:
            thread.join(PATIENCE)

        assert failed == []
        with store.read() as connection:
            assert runs.count(connection, Filter(states=(RunState.PLANNED,))) == 4
