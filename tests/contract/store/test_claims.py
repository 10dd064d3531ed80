from __future__ import annotations

import contextlib
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite

from tests.contract.store.planning import NOW, claim, end, keys, plan, planned
from workers.store import claims, runs
from workers.store.engine import Store, open_store
from workers.store.quick import enter
from workers.store.runs import Filter, RunState


def renew(connection: Connection, run_id: UUID, holder: str, seconds: float) -> bool:
    return enter(connection, [claims.renewing(connection, run_id, holder, seconds)])


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
        failed = claims.postponing(early.id, "me", due_at=tomorrow, attempt=1, reason="503", failed=True)
        assert enter(connection, [failed])
    assert claim(store) == []

    (early,) = claim(store, at=tomorrow)
    with store.write() as connection:
        later = tomorrow + timedelta(days=1)
        waits = claims.postponing(early.id, "me", due_at=later, attempt=0, reason="waits", failed=False)
        assert enter(connection, [waits])
    assert keys(claim(store, at=tomorrow)) == ["late"]


def test_one_that_wakes_waits_for_the_one_in_hand(store: Store) -> None:
    plan(store, planned("early", at=NOW - timedelta(hours=1)), planned("late"))
    (early,) = claim(store)
    with store.write() as connection:
        waits = claims.postponing(early.id, "me", due_at=NOW, attempt=0, reason="waits", failed=False)
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
        assert claims.give_back(connection, "me") == 2

    assert keys(claim(store, "someone else")) == ["a", "b"]


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


def test_which_run_of_an_entity_comes_first_is_read_from_an_index(sqlite_database: str) -> None:
    """Else thousands of runs of one entity, planned newest first, take the square of their number to look through."""
    with contextlib.closing(open_store(sqlite_database)) as store, store.read() as connection:
        look = claims._look(sqlite=True)
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
            text = str(claims._look(sqlite=False).compile(dialect=connection.dialect))
            values = {"now": NOW, "window": 16, "most": 4, "param_1": 1, "hashtextextended_1": 0}
            (found,) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", values).one()

    assert _asked(found[0]["Plan"]) == {16}


def _asked(step: dict[str, Any]) -> set[int]:
    """How often each look-up of another run was made."""
    own = {step["Actual Loops"]} if step.get("Alias", "").startswith("other") else set()
    return own.union(*map(_asked, step.get("Plans", [])))
