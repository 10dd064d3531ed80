"""How an installation stands, as monitoring asks it, against a store whose history is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from tests.contract.store.filled import START, Filled, body
from tests.contract.store.test_overview import a_run
from workers.store import leases
from workers.store.engine import Store
from workers.store.gauges import Gauges, gauges
from workers.store.runs import RunState
from workers.store.tables import budgets
from workers.store.tables import leases as leases_table
from workers.vault import Vault

NOW = START + timedelta(minutes=10)


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    made = Filled(store, vault)
    made.webhook()
    return made


def look(filled: Filled) -> Gauges:
    with filled.store.read() as sql:
        return gauges(sql, NOW)


def test_of_an_empty_installation_nothing_waits(store: Store) -> None:
    with store.read() as sql:
        found = gauges(sql, NOW)

    assert (found.queue_age, found.due_age, found.waiting, found.events) == (0.0, 0.0, 0, 0)
    assert (found.newest_event, found.sweep_leader) == (None, None)
    assert found.budgets == []


def test_the_age_of_the_queue_is_that_of_the_oldest_receipt_without_an_event(filled: Filled) -> None:
    filled.event(at=START - timedelta(hours=1), uid="done")
    filled.keep(body(uid="in quarantine"), at=START - timedelta(hours=1), verdict="mismatch")
    for minute in (3, 2, 8):
        filled.keep(body(uid=f"waits-{minute}"), at=START + timedelta(minutes=minute))

    found = look(filled)

    assert found.queue_age == 8 * 60
    assert (found.waiting, found.quarantined, found.events) == (3, 1, 1)
    assert found.newest_event == START - timedelta(hours=1)


def test_a_receipt_from_a_clock_that_is_ahead_has_not_waited_yet(filled: Filled) -> None:
    filled.keep(body(), at=NOW + timedelta(minutes=5))

    assert look(filled).queue_age == 0.0


def test_runs_are_counted_by_state_and_the_one_due_longest_is_told(filled: Filled) -> None:
    for state in (RunState.PLANNED, RunState.PLANNED, RunState.FAILED, RunState.DEAD, RunState.DONE):
        a_run(filled, state, at=START)

    found = look(filled)

    assert found.runs == {"planned": 2, "running": 0, "failed": 1, "dead": 1}
    assert found.due_age == 600


def test_a_leader_is_told_while_its_lease_runs(filled: Filled) -> None:
    with filled.store.write() as sql:
        leases.take(sql, "sweep", "w1", 60)
    assert look(filled).sweep_leader == "w1"

    with filled.store.write() as sql:
        sql.execute(update(leases_table).values(expires_at=leases_table.c.expires_at - 61))
    assert look(filled).sweep_leader is None


def test_budgets_are_told_by_connection(filled: Filled) -> None:
    with filled.store.write() as sql:
        sql.execute(insert(budgets).values(connection="acme", next_at=0.0, halted_until=0.0))

    (budget,) = look(filled).budgets

    assert (budget.connection, budget.halted_until) == ("acme", None)
    assert budget.left
