"""What is answered about deliveries and done with them, on both databases."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from tests.contract.store.filled import START, Filled, body
from workers.errors import BadInput
from workers.persist import persist
from workers.replay import discard, release, replay, replay_all
from workers.store import deliveries, history
from workers.store.deliveries import Filter
from workers.store.engine import Store, open_store
from workers.store.receipts import State
from workers.vault import Vault

MINUTE = timedelta(minutes=1)


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    return Filled(store, vault)


@pytest.fixture
def four(filled: Filled) -> list[UUID]:
    """One persisted, one received, one of another webhook without a signature, one badly signed; oldest first."""
    return [
        filled.event(),
        filled.keep(b"received", at=START + MINUTE),
        filled.keep(b"unsigned", at=START + 2 * MINUTE, webhook="eu", pcid="eu", verdict="unsigned"),
        filled.keep(b"mismatch", at=START + 3 * MINUTE, verdict="mismatch"),
    ]


def found(store: Store, wanted: Filter, *, limit: int = 100) -> list[UUID]:
    with store.read() as connection:
        return [row.id for row in deliveries.page(connection, wanted, limit=limit)]


def state(store: Store, delivery: UUID) -> str:
    with store.read() as connection:
        row = deliveries.one(connection, delivery)
        assert row is not None
        return str(row.state)


def test_deliveries_are_filtered_and_come_newest_first(filled: Filled, four: list[UUID]) -> None:
    persisted, received, unsigned, mismatch = four
    store = filled.store
    assert found(store, Filter()) == four[::-1]
    assert found(store, Filter(state=State.PERSISTED)) == [persisted]
    assert found(store, Filter(state=State.RECEIVED)) == [received]
    assert found(store, Filter(state=State.QUARANTINED)) == [mismatch, unsigned]
    assert found(store, Filter(state=State.DISCARDED)) == []
    assert found(store, Filter(verdict="signed")) == [received, persisted]
    assert found(store, Filter(verdict="mismatch")) == [mismatch]
    assert found(store, Filter(verdict="unsigned", state=State.QUARANTINED)) == [unsigned]
    assert found(store, Filter(webhook="eu")) == [unsigned]
    assert found(store, Filter(webhook="nothing")) == []
    assert found(store, Filter(since=START + MINUTE, until=START + 3 * MINUTE)) == [unsigned, received]


@pytest.fixture
def told(filled: Filled) -> list[UUID]:
    """Two of one trigger and one of another, in turn, then one that waits; oldest first."""
    paid = filled.event(trigger="BOOKING_PAID", at=START)
    made = filled.event(trigger="BOOKING_CREATED", at=START + MINUTE, webhook="eu", pcid="eu")
    again = filled.event(trigger="BOOKING_PAID", at=START + 2 * MINUTE)
    return [paid, made, again, filled.keep(body(trigger="BOOKING_PAID", uid="waits"), at=START + 3 * MINUTE)]


def test_deliveries_are_found_by_the_trigger_of_the_event_they_became(filled: Filled, told: list[UUID]) -> None:
    paid, made, again, waits = told
    store, of_paid = filled.store, ("BOOKING_PAID",)
    assert found(store, Filter(triggers=of_paid)) == [again, paid]
    assert found(store, Filter(triggers=(*of_paid, "BOOKING_CREATED", *of_paid))) == [again, made, paid]
    assert found(store, Filter(triggers=(*of_paid, "BOOKING_CREATED")), limit=2) == [again, made]
    assert found(store, Filter(triggers=of_paid, webhook="eu")) == []
    assert found(store, Filter(triggers=of_paid, since=START + MINUTE)) == [again]
    assert found(store, Filter(triggers=of_paid, until=START + MINUTE)) == [paid]
    assert found(store, Filter(triggers=("\x00\udfff",))) == []
    with store.read() as connection:
        assert deliveries.ids(connection, Filter(triggers=of_paid), before=again, limit=9) == [paid]
        assert deliveries.count(connection, Filter(triggers=of_paid)) == 2
        assert deliveries.count(connection, Filter(triggers=of_paid, state=State.RECEIVED)) == 0
        assert deliveries.stats(connection, Filter(triggers=of_paid))["states"] == {"persisted": 2}

    assert replay(store, [paid]) == [paid]  # it waits now, and still is what its event says
    assert found(store, Filter(triggers=of_paid)) == [again, paid]
    assert found(store, Filter(triggers=of_paid, state=State.PERSISTED)) == [again]
    assert found(store, Filter(triggers=of_paid, state=State.RECEIVED)) == [paid]
    assert found(store, Filter(triggers=of_paid, verdict="mismatch")) == []
    assert waits in found(store, Filter(state=State.RECEIVED))


def test_more_triggers_than_a_statement_may_have_are_refused() -> None:
    with pytest.raises(BadInput, match="at most 50 times"):
        Filter(triggers=("A",) * 51)


@pytest.mark.parametrize("state", [None, State.PERSISTED, State.RECEIVED])
def test_deliveries_of_a_trigger_are_read_from_indexes(sqlite_database: str, state: State | None) -> None:
    """Neither table is read from end to end, and nothing is sorted but what the walks of the triggers found."""
    wanted = Filter(state=state, triggers=("BOOKING_PAID", "PING"), since=START, webhook="org")
    with contextlib.closing(open_store(sqlite_database)) as store, store.read() as connection:
        query = deliveries._ids(wanted, None, UUID(int=1), 500).compile(
            dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
        )
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()

    plan = [str(step.detail) for step in steps]
    assert not [step for step in plan if step.startswith(("SCAN receipts", "SCAN events"))], plan
    if state is State.RECEIVED:
        assert any("ix_receipts_" in step or "sqlite_autoindex_receipts" in step for step in plan), plan
    else:
        assert len([step for step in plan if "ix_events_trigger_id (trigger=? AND id" in step]) == 2, plan


def test_pages_of_deliveries_join_without_a_gap_or_a_repeat(filled: Filled, four: list[UUID]) -> None:
    with filled.store.read() as connection:
        first = deliveries.page(connection, Filter(), limit=3)
        second = deliveries.page(connection, Filter(), before=first[-1].id, limit=3)
    assert [row.id for row in [*first, *second]] == four[::-1]


def test_a_delivery_is_shown_in_its_shape_with_the_event_it_became(filled: Filled, four: list[UUID]) -> None:
    with filled.store.read() as connection:
        shown = {row.id: deliveries.shape(row) for row in deliveries.some(connection, four)}
    assert shown[four[0]] == {
        "id": str(four[0]),
        "webhook": "org",
        "received_at": "2026-11-01T09:00:00.000Z",
        "verdict": "signed",
        "state": "persisted",
        "bytes": len(body()),
        "sha256": hashlib.sha256(body()).hexdigest(),
        "seen": 1,
        "event_id": str(four[0]),
    }
    assert shown[four[3]]["event_id"] is None


def test_a_delivery_that_came_again_is_counted(filled: Filled) -> None:
    mine = filled.keep(b"same")
    assert filled.keep(b"same", at=START + MINUTE) == mine
    with filled.store.read() as connection:
        row = deliveries.one(connection, mine)
        assert row is not None
        assert (deliveries.shape(row)["seen"], row.last_seen_at) == (2, START + MINUTE)


def test_headers_and_body_are_given_back_as_they_came(filled: Filled) -> None:
    sent = (("X-Cal-Signature-256", "ab"), ("x-odd", "caf\xe9"), ("x-odd", "twice"))
    mine = filled.keep(b"\x00\xff bytes", headers=sent)
    with filled.store.read() as connection:
        assert deliveries.headers(connection, mine) == list(sent)
        assert deliveries.body(connection, mine) == b"\x00\xff bytes"
        assert deliveries.headers(connection, UUID(int=1)) == []
        assert deliveries.body(connection, UUID(int=1)) is None


def test_deliveries_are_counted_by_state_and_verdict(filled: Filled, four: list[UUID]) -> None:
    with filled.store.read() as connection:
        assert deliveries.stats(connection, Filter()) == {
            "deliveries": len(four),
            "states": {"persisted": 1, "received": 1, "quarantined": 2},
            "verdicts": {"signed": 2, "unsigned": 1, "mismatch": 1},
        }
        assert deliveries.count(connection, Filter(webhook="org")) == 3


@settings(max_examples=50)
@given(anything=st.text(max_size=20))
def test_any_name_of_a_webhook_or_verdict_is_an_answer(filled: Filled, anything: str) -> None:
    assert found(filled.store, Filter(webhook=anything, verdict=anything)) == []


def test_a_released_delivery_flows_on_and_keeps_its_verdict(filled: Filled) -> None:
    mine = filled.keep(body(), verdict="mismatch")
    assert persist(filled.store, [mine]).events == 0
    assert release(filled.store, [mine, UUID(int=1)]) == [mine]
    assert persist(filled.store, [mine]).events == 1
    assert state(filled.store, mine) == "persisted"
    assert found(filled.store, Filter(verdict="mismatch", state=State.PERSISTED)) == [mine]
    assert release(filled.store, [mine]) == []


def test_a_discarded_delivery_stays_and_never_becomes_an_event(filled: Filled) -> None:
    mine = filled.keep(body(), verdict="unsigned")
    assert discard(filled.store, [mine]) == [mine]
    assert release(filled.store, [mine]) == []
    assert persist(filled.store, [mine]).events == 0
    assert found(filled.store, Filter(state=State.DISCARDED)) == [mine]


def test_a_replay_reads_the_event_anew_in_place(filled: Filled) -> None:
    mine = filled.event(title="Once")
    with filled.store.read() as connection:
        before = history.one(connection, mine)
    assert replay(filled.store, [mine]) == [mine]
    assert state(filled.store, mine) == "received"
    assert persist(filled.store, [mine]).events == 1
    with filled.store.read() as connection:
        assert history.one(connection, mine) == before
        assert history.count(connection, history.Filter()) == 1


def test_only_what_became_an_event_is_replayed(filled: Filled, four: list[UUID]) -> None:
    assert replay(filled.store, four) == four[:1]
    assert discard(filled.store, four[:2]) == []


def test_a_replay_by_trigger_leaves_other_events_alone(filled: Filled, told: list[UUID]) -> None:
    paid, made, again, _ = told
    (moved,) = replay_all(filled.store, Filter(triggers=("BOOKING_PAID",)))
    assert sorted(moved) == [paid, again]
    assert state(filled.store, made) == "persisted"


def test_a_replay_by_filter_moves_each_delivery_once_and_ends(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.replay._BATCH", 2)
    ids = filled.events(5)
    filled.keep(b"in quarantine", verdict="mismatch")
    moved: list[UUID] = []
    for batch in replay_all(filled.store, Filter(since=START + MINUTE)):
        moved += batch
        persist(filled.store, batch)  # a worker that is faster than the replay
    assert sorted(moved) == ids[1:]
    assert list(replay_all(filled.store, Filter(webhook="nothing"))) == []
