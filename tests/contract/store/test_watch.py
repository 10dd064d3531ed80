"""Each thing that is as it should not be is told as an event, once; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from uuid_utils.compat import uuid7

from tests.contract.store.filled import START, Filled
from tests.contract.store.planning import planned
from tests.unit.workers.rules.fakes import rule
from workers.persist import persist
from workers.replay import release
from workers.rulebook import NOTHING, Live
from workers.rules.ruleset import RuleSet
from workers.store import budgets, drifts, events, history, runs, spools
from workers.store.engine import Store
from workers.store.history import Filter
from workers.store.spools import Held
from workers.store.tables import runs as run_table
from workers.vault import Vault
from workers.watch import watch

NOW = datetime.now(UTC)
LATER = timedelta(minutes=11)


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    made = Filled(store, vault)
    made.webhook()
    return made


def told(store: Store, now: datetime = NOW, live: Live = NOTHING) -> list[tuple[str, str | None, Any]]:
    """Trigger, status and subject of what a look tells."""
    with store.read() as sql:
        before = history.count(sql, Filter())
    number = watch(store, live, now)
    with store.read() as sql:
        assert history.count(sql, Filter()) == before + number
        rows = history.page(sql, Filter(), limit=number) if number else []
        found = [events.whole(sql, row) for row in rows]
    return [(event["trigger"], event["status"], event["payload"]["about"]) for event in reversed(found)]


def dead(store: Store, name: str, number: int) -> None:
    with store.write() as sql:
        plans = [replace(planned(f"{name}{each}"), rule=name) for each in range(number)]
        runs.plan(sql, plans, NOW)
        sql.execute(update(run_table).where(run_table.c.rule == name).values(state="dead", due_at=None, ended_at=NOW))


def test_nothing_is_told_where_all_is_well(filled: Filled) -> None:
    assert told(filled.store) == []


def test_deliveries_in_quarantine_are_told_until_they_are_let_go_or_discarded(filled: Filled) -> None:
    delivery = filled.keep(b"{}", verdict="mismatch")

    assert told(filled.store) == [("daybook.quarantined", "RAISED", None)]
    assert told(filled.store) == []
    _release(filled.store, delivery)
    assert told(filled.store) == []
    assert told(filled.store, NOW + LATER) == [("daybook.quarantined", "CLEARED", None)]


def _release(store: Store, delivery: UUID) -> None:
    release(store, [delivery])
    persist(store, [delivery])


def test_dead_runs_are_told_by_rule(filled: Filled) -> None:
    dead(filled.store, "tell", 3)
    dead(filled.store, "block", 1)

    assert told(filled.store) == [("daybook.run_dead", "RAISED", "block"), ("daybook.run_dead", "RAISED", "tell")]


def test_drift_is_told_of_its_connection_and_a_rule_of_that_connection_hears_it(filled: Filled) -> None:
    with filled.store.write() as sql:
        drifts.keep(sql, "acme", [{"webhook": "org", "kind": "switched_off"}], None, NOW)
    heard = rule("rules: [{name: r, on: [daybook.drift], connection: acme, do: [{stop: x}]}]")

    found = told(filled.store, live=Live(RuleSet([heard]), {"r": uuid7()}))

    assert found == [("daybook.drift", "RAISED", "acme")]
    with filled.store.read() as sql:
        assert len(runs.page(sql, runs.Filter(), limit=10)) == 1


def test_a_connection_that_cal_com_makes_wait_is_told(filled: Filled) -> None:
    budgets.SqlBudget(filled.store, "acme", 90).halt(30)

    assert told(filled.store) == [("daybook.budget", "RAISED", "acme")]


def test_deliveries_that_wait_for_more_than_a_minute_are_told(filled: Filled) -> None:
    filled.keep(b"{}", at=NOW)
    assert told(filled.store, NOW + timedelta(seconds=59)) == []
    assert told(filled.store, NOW + timedelta(seconds=61)) == [("daybook.lag", "RAISED", None)]


def test_a_journal_on_a_disk_is_told_also_where_it_was_emptied_before_anyone_looked(store: Store) -> None:
    def tell(**more: Any) -> None:
        values = {"bytes": 0, "aside": 0, "drained": 0, "drained_at": None, **more}
        with store.write() as sql:
            spools.tell(sql, Held("web-1:/data/spool", at=NOW, **values))

    tell(drained=40, drained_at=NOW)
    assert told(store) == [("daybook.spooling", "RAISED", "web-1:/data/spool")]
    assert told(store, NOW + LATER) == []
    assert told(store, NOW + 2 * LATER) == [("daybook.spooling", "CLEARED", "web-1:/data/spool")]

    tell(bytes=900)
    assert told(store, NOW + 3 * LATER) == [("daybook.spooling", "RAISED", "web-1:/data/spool")]
    tell(bytes=900, aside=1)
    assert told(store, NOW + 3 * LATER) == []


def test_a_trigger_that_fell_silent_is_told(filled: Filled) -> None:
    for place in range(10):
        filled.event(at=START + timedelta(hours=5 * place), uid=f"b-{place}")
    last = START + timedelta(hours=45)

    assert told(filled.store, last + timedelta(hours=20)) == []
    assert told(filled.store, last + timedelta(hours=25)) == [("daybook.silent", "RAISED", "BOOKING_CREATED")]


def test_a_journal_of_a_machine_that_is_gone_is_forgotten_once_it_holds_nothing(store: Store, tmp_path: Path) -> None:
    with store.write() as sql:
        spools.tell(sql, Held("gone", 0, 0, 0, None, NOW))
        spools.tell(sql, Held("left", 7, 0, 0, None, NOW))

    watch(store, NOTHING, NOW + timedelta(days=2))

    with store.read() as sql:
        assert [one.place for one in spools.every(sql)] == ["left"]
