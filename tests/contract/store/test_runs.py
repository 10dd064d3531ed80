from __future__ import annotations

import contextlib
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite
from uuid_utils.compat import uuid7

from tests.conftest import PATIENCE
from workers.store import runs
from workers.store.engine import Store, open_store
from workers.store.quick import enter
from workers.store.runs import Claimed, Filter, Planned, RunState

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def planned(key: str, *, entity: str = "e", at: datetime = NOW, event_id: UUID | None = None, **more: str) -> Planned:
    return Planned(
        rule="rule",
        version_id=uuid7(),
        act="do",
        event_id=event_id or uuid7(),
        connection="acme",
        trigger="BOOKING_CREATED",
        entity=entity,
        once=f"do|rule|{key}",
        key=key,
        depth=0,
        happened_at=at,
        **more,
    )


def plan(store: Store, *wanted: Planned) -> int:
    with store.write() as connection:
        return runs.plan(connection, wanted, NOW)


def claim(store: Store, holder: str = "me", *, limit: int = 10, at: datetime = NOW) -> list[Claimed]:
    with store.write() as connection:
        return runs.claim(connection, holders=[holder] * limit, now=at, seconds=60)


def end(store: Store, run: Claimed, holder: str = "me", *, state: RunState = RunState.DONE) -> bool:
    with store.write() as connection:
        return enter(connection, [runs.finishing(run.id, holder, state=state, reason=None, now=NOW)])


def renew(connection: Connection, run_id: UUID, holder: str, seconds: float) -> bool:
    return enter(connection, [runs.renewing(connection, run_id, holder, seconds)])


def waiting_for_locks(store: Store, number: int) -> None:
    """Until so many transactions of PostgreSQL wait for others."""
    until = time.monotonic() + PATIENCE
    count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while time.monotonic() < until:
        with store.read() as connection:
            if connection.exec_driver_sql(count).scalar_one() >= number:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def keys(found: list[Claimed]) -> list[str]:
    return sorted(run.key for run in found)


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


def test_of_one_entity_one_run_is_in_hand_in_the_order_things_happened(store: Store) -> None:
    plan(store, planned("late", at=NOW), planned("early", at=NOW - timedelta(hours=1)), planned("x", entity="other"))

    found = claim(store)
    assert keys(found) == ["early", "x"]
    assert claim(store, "someone else") == []

    end(store, next(run for run in found if run.key == "early"))
    assert keys(claim(store, "someone else")) == ["late"]


def test_a_dead_run_does_not_stop_those_after_it(store: Store) -> None:
    plan(store, planned("early", at=NOW - timedelta(hours=1)), planned("late"))
    end(store, claim(store)[0], state=RunState.DEAD)

    assert keys(claim(store)) == ["late"]


def test_a_run_that_failed_is_waited_for_and_one_that_waits_for_its_time_is_not(store: Store) -> None:
    plan(store, planned("early", at=NOW - timedelta(hours=1)), planned("late"))
    (early,) = claim(store)
    tomorrow = NOW + timedelta(days=1)
    with store.write() as connection:
        failed = runs.postponing(early.id, "me", due_at=tomorrow, attempt=1, reason="503", failed=True)
        assert enter(connection, [failed])
    assert claim(store) == []

    (early,) = claim(store, at=tomorrow)
    with store.write() as connection:
        later = tomorrow + timedelta(days=1)
        waits = runs.postponing(early.id, "me", due_at=later, attempt=0, reason="waits", failed=False)
        assert enter(connection, [waits])
    assert keys(claim(store, at=tomorrow)) == ["late"]


def test_one_that_wakes_waits_for_the_one_in_hand(store: Store) -> None:
    plan(store, planned("early", at=NOW - timedelta(hours=1)), planned("late"))
    (early,) = claim(store)
    with store.write() as connection:
        waits = runs.postponing(early.id, "me", due_at=NOW, attempt=0, reason="waits", failed=False)
        assert enter(connection, [waits])
    (first,) = claim(store)

    assert claim(store) == []
    end(store, first)
    assert len(claim(store)) == 1


def test_only_the_holder_changes_a_run_and_only_while_the_lease_lasts(store: Store) -> None:
    plan(store, planned("a"))
    (run,) = claim(store)

    assert not end(store, run, "someone else")
    with store.write() as connection:
        assert not renew(connection, run.id, "someone else", 60)
        assert renew(connection, run.id, "me", -1)  # it has run out
    with store.write() as connection:
        assert not renew(connection, run.id, "me", 60)
    (again,) = claim(store, "someone else")
    assert not end(store, run)
    assert end(store, again, "someone else")


def test_what_a_stopping_process_gives_back_is_taken_at_once(store: Store) -> None:
    plan(store, planned("a"), planned("b", entity="other"))
    claim(store)
    with store.write() as connection:
        assert runs.give_back(connection, "me") == 2

    assert keys(claim(store, "someone else")) == ["a", "b"]


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
        assert enter(connection, [runs.advancing(connection, run.id, "me", 2, 60)])
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


def test_many_workers_never_hold_two_runs_of_one_entity(store: Store) -> None:
    plan(store, *(planned(f"{n}", entity=f"e{n % 3}", at=NOW + timedelta(seconds=n)) for n in range(60)))
    held: dict[str, str] = {}
    order: dict[str, list[int]] = {}
    wrong: list[str] = []
    guard = threading.Lock()

    def work(holder: str) -> None:
        try:
            while True:
                found = claim(store, holder, limit=2)
                if not found:
                    with store.read() as connection:
                        if runs.count(connection, Filter(states=(RunState.PLANNED, RunState.RUNNING))) == 0:
                            return
                    continue
                for run in found:
                    with guard:
                        if run.entity in held:
                            wrong.append(f"{holder} took {run.entity}, which {held[run.entity]} holds")
                        held[run.entity] = holder
                        order.setdefault(run.entity, []).append(int(run.key))
                for run in found:
                    with guard:
                        del held[run.entity]
                    end(store, run, holder)
        except Exception as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert all(taken == sorted(taken) for taken in order.values())
    assert sum(map(len, order.values())) == 60


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


def test_which_run_of_an_entity_comes_first_is_read_from_an_index(sqlite_database: str) -> None:
    """Else thousands of runs of one entity, planned newest first, take the square of their number to look through."""
    with contextlib.closing(open_store(sqlite_database)) as store, store.read() as connection:
        look = runs._look(sqlite=True)
        text = str(look.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}))
        values = (NOW.isoformat(), 16, 0, NOW.isoformat(), 1, 0, 4, 0)
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()

    told = " ".join(str(step.detail) for step in steps)
    assert "ix_runs_due" in told
    assert "ix_runs_held (entity=?)" in told
    assert "ix_runs_entity (entity=? AND happened_at<?)" in told


def test_a_run_is_found_behind_many_that_wait_for_one_of_theirs(store: Store) -> None:
    plan(store, *(planned(f"{n}", at=NOW + timedelta(seconds=n)) for n in range(400)))
    (first,) = claim(store)
    assert claim(store) == []
    plan(store, planned("another", entity="another"))

    assert keys(claim(store)) == ["another"]
    end(store, first)
    assert keys(claim(store)) == ["1"]


def test_not_every_run_that_is_due_is_asked_whether_it_waits_for_another(postgres_database: str) -> None:
    """PostgreSQL would, and sort what is left: with thousands due, taking one took the longer the more there were."""
    with contextlib.closing(open_store(postgres_database)) as store:
        plan(store, *(planned(f"{n}", entity=f"{n}") for n in range(500)))
        with store.read() as connection:
            text = str(runs._look(sqlite=False).compile(dialect=connection.dialect))
            values = {"now": NOW, "window": 16, "most": 4, "param_1": 1, "hashtextextended_1": 0}
            (found,) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", values).one()

    assert _asked(found[0]["Plan"]) == {16}


def _asked(step: dict[str, Any]) -> set[int]:
    """How often each look-up of another run was made."""
    own = {step["Actual Loops"]} if step.get("Alias", "").startswith("other") else set()
    return own.union(*map(_asked, step.get("Plans", [])))
