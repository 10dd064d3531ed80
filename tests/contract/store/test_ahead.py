from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select
from uuid_utils.compat import uuid7

from tests.contract.store.planning import NOW, claim, plan, planned
from workers.store import ahead, runs
from workers.store.claims import Claimed, postponing
from workers.store.engine import Store
from workers.store.quick import enter
from workers.store.tables import actions

HOUR = timedelta(hours=1)


def put_down(store: Store, *, begun: datetime, until: datetime, failed: bool = True) -> Claimed:
    """A run that tried a step, and waits."""
    plan(store, planned("a"))
    (run,) = claim(store, at=NOW + timedelta(seconds=1))
    with store.write() as sql:
        sql.execute(
            insert(actions).values(
                id=uuid7(), run_id=run.id, step="one", place=0, kind="tool", state="failed", attempts=1, request={},
                ours=True, begun_at=begun,
            )
        )  # fmt: skip
        assert enter(sql, [postponing(run.id, "me", due_at=until, attempt=1, reason="x", failed=failed)])
    return run


def set_right(store: Store, now: datetime = NOW) -> int:
    with store.write() as sql:
        return ahead.set_right(sql, now)


@pytest.mark.parametrize("failed", [True, False], ids=["a retry", "a wait"])
def test_a_run_that_was_put_down_by_a_clock_an_hour_ahead_goes_on(store: Store, *, failed: bool) -> None:
    put_down(store, begun=NOW + HOUR, until=NOW + HOUR + timedelta(seconds=5), failed=failed)
    assert claim(store, at=NOW + timedelta(minutes=5)) == []

    assert set_right(store) == 1

    assert len(claim(store, at=NOW)) == 1
    with store.read() as sql:
        assert sql.execute(select(actions.c.begun_at)).scalar_one() == NOW
    assert set_right(store) == 0


def test_a_run_that_was_planned_by_a_clock_an_hour_ahead_goes_on(store: Store) -> None:
    with store.write() as sql:
        runs.plan(sql, [planned("a")], NOW + HOUR)

    assert set_right(store) == 1
    assert len(claim(store, at=NOW)) == 1


def test_what_waits_for_good_reason_waits_on(store: Store) -> None:
    put_down(store, begun=NOW, until=NOW + 30 * HOUR)

    assert set_right(store) == 0
    assert claim(store, at=NOW + HOUR) == []


def test_clocks_that_are_a_little_apart_are_no_matter(store: Store) -> None:
    put_down(store, begun=NOW + timedelta(seconds=50), until=NOW + HOUR)

    assert set_right(store) == 0


def test_a_run_in_somebodys_hand_is_left_alone(store: Store) -> None:
    with store.write() as sql:
        runs.plan(sql, [planned("a")], NOW + HOUR)
    assert len(claim(store, at=NOW + HOUR)) == 1

    assert set_right(store) == 0
