from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from uuid_utils.compat import uuid7

from tests.contract.store.filled import START, Filled
from workers.forget import Report, carry_out, count
from workers.retention import Plan
from workers.store import deliveries, history, months, runs
from workers.store.engine import Store
from workers.store.history import Filter, lowest_id
from workers.store.receipts import State
from workers.store.tables import actions, audit, bodies, bookings, event_people, events, metadata, receipts
from workers.store.tables import runs as runs_table
from workers.vault import Vault

YEAR = timedelta(days=365)
LATER = START + 2 * YEAR


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    return Filled(store, vault)


def forget(store: Store, now: datetime = LATER, **ages: Any) -> Report:
    return carry_out(store, Plan(**ages), now, Event())


def rows(store: Store, name: str) -> int:
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one())


def plan(store: Store, event_id: Any, key: str = "uid-0", *, over: bool = True) -> str:
    """A run of the event, with an action; returns what is unique of it."""
    once = runs.once("do", "greet", key)
    with store.write() as connection:
        planned = runs.Planned(
            "greet", uuid7(), "do", event_id, "acme", "BOOKING_CREATED", key, once, key, 0, START
        )  # fmt: skip
        runs.plan(connection, [planned], START)
        run_id = connection.execute(select(runs_table.c.id).where(runs_table.c.once == once)).scalar_one()
        connection.execute(
            insert(actions).values(
                id=uuid7(), run_id=run_id, step="s", place=0, kind="http", state="done", attempts=1, request={},
                ours=True, begun_at=START,
            )
        )  # fmt: skip
        if over:
            connection.execute(
                update(runs_table).where(runs_table.c.id == run_id).values(state="done", **runs.over(START))
            )
    return once


def test_an_event_past_its_age_goes_with_all_that_hangs_on_it(store: Store, filled: Filled) -> None:
    old = filled.event(uid="old", rescheduleUid="older")
    new = filled.event(uid="new", at=LATER - timedelta(days=1))
    plan(store, old)
    assert rows(store, "bookings") == 2

    report = forget(store, events=YEAR)

    assert report.ended
    assert report.deleted["events"] == report.deleted["runs"] == report.deleted["actions"] == 1
    with store.read() as connection:
        assert connection.execute(select(events.c.id)).scalars().all() == [new]
        assert connection.execute(select(receipts.c.id)).scalars().all() == [new]
        assert connection.execute(select(bodies.c.receipt_id)).scalars().all() == [new]
        assert set(connection.execute(select(event_people.c.event_id)).scalars()) == {new}
        assert connection.execute(select(bookings.c.uid)).scalars().all() == ["older"]
        found = history.page(connection, Filter(text="intro"), limit=9)
    assert [row.id for row in found] == [new]
    assert rows(store, "runs") == rows(store, "actions") == 0


def test_what_was_done_once_stays_done_once_when_its_run_is_forgotten(store: Store, filled: Filled) -> None:
    plan(store, filled.event(uid="uid-0"))
    forget(store, events=YEAR)
    new = filled.event(uid="uid-0", status="REJECTED", at=LATER)

    once = runs.once("do", "greet", "uid-0")
    with store.write() as connection:
        planned = runs.Planned("greet", uuid7(), "do", new, "acme", "X", "e", once, "uid-0", 0, LATER)
        assert runs.plan(connection, [planned], LATER) == 0
        assert runs.plan(connection, [planned], LATER) == 0
        (run,) = runs.of_events(connection, [new])
    assert run.state == "skipped"
    assert "forgotten" in run.reason


def test_an_event_with_a_run_under_way_stays_with_its_body(store: Store, filled: Filled) -> None:
    event = filled.event()
    plan(store, event, over=False)

    report = forget(store, events=YEAR, bodies=YEAR)

    assert report.kept["events"] == report.kept["bodies"] == 1
    assert rows(store, "events") == rows(store, "bodies") == rows(store, "receipts") == rows(store, "runs") == 1


def test_a_delivery_that_is_no_event_yet_or_again_stays(store: Store, filled: Filled) -> None:
    replayed = filled.event(uid="one")
    with store.write() as connection:
        connection.execute(update(receipts).where(receipts.c.id == replayed).values(state=State.RECEIVED))
    waiting = filled.keep(b"{}")

    forget(store, events=YEAR, bodies=YEAR, quarantined=YEAR)

    with store.read() as connection:
        assert set(connection.execute(select(bodies.c.receipt_id)).scalars()) == {replayed, waiting}
        assert connection.execute(select(events.c.id)).scalars().all() == [replayed]


def test_kinds_have_ages_of_their_own(store: Store, filled: Filled) -> None:
    filled.event(trigger="FORM_SUBMITTED", uid=None)
    booking = filled.event(uid="one")

    forget(store, START + timedelta(days=100), kinds={"form": timedelta(days=90)})

    with store.read() as connection:
        assert connection.execute(select(events.c.id)).scalars().all() == [booking]


def test_bodies_go_earlier_and_their_events_stay(store: Store, filled: Filled) -> None:
    old, new = filled.event(uid="old"), filled.event(uid="new", at=LATER)

    report = forget(store, bodies=timedelta(days=30))

    assert report.deleted["bodies"] == 1
    with store.read() as connection:
        assert connection.execute(select(bodies.c.receipt_id)).scalars().all() == [new]
        assert deliveries.bodiless(connection, [old, new]) == {old}
        row = history.one(connection, old)
    assert row is not None
    assert row.title == "Intro call"


def test_quarantine_goes_by_its_own_age(store: Store, filled: Filled) -> None:
    old = filled.keep(b'{"a": 1}', verdict="unsigned")
    new = filled.keep(b'{"a": 2}', verdict="unsigned", at=LATER)

    forget(store, bodies=timedelta(days=1))
    assert rows(store, "bodies") == 2
    forget(store, quarantined=timedelta(days=30))

    with store.read() as connection:
        assert connection.execute(select(receipts.c.id)).scalars().all() == [new]
        assert connection.execute(select(bodies.c.receipt_id)).scalars().all() == [new]
    assert old != new


def test_the_audit_log_has_an_age_too(store: Store) -> None:
    with store.write() as connection:
        for at in (START, LATER):
            connection.execute(
                insert(audit).values(
                    id=lowest_id(at), at=at, name="k", role="admin", door="api", what="x", outcome="done"
                )
            )

    forget(store, audit=YEAR)

    assert rows(store, "audit") == 1


def test_it_goes_on_batch_by_batch_and_ends_when_it_is_told(store: Store, filled: Filled) -> None:
    filled.events(3)
    stop = Event()
    stop.set()

    report = carry_out(store, Plan(events=YEAR), LATER, stop)

    assert not report.ended
    assert rows(store, "events") == 3
    assert count(store, Plan(events=YEAR), LATER)["booking"] == 3
    assert forget(store, events=YEAR).ended
    assert rows(store, "events") == 0


def test_a_whole_month_of_bodies_is_dropped_at_once(store: Store, filled: Filled) -> None:
    if store.sqlite:
        assert forget(store, bodies=YEAR).dropped == []
        return
    old = filled.event(uid="old")
    new = filled.event(uid="new", at=LATER)

    report = forget(store, bodies=YEAR)

    assert report.dropped[0] == "bodies_past"
    assert report.deleted["bodies"] == 1
    assert f"{LATER:%Y-%m}" in report.made
    with store.read() as connection:
        assert connection.execute(select(bodies.c.receipt_id)).scalars().all() == [new]
        assert months.missing(connection, LATER) == []
    late = filled.event(uid="late", at=START)  # for which there is no month any more
    with store.read() as connection:
        assert deliveries.body(connection, late) is not None
    assert old != late


def test_a_month_stays_whole_while_a_body_of_it_is_needed(store: Store, filled: Filled) -> None:
    event, other = filled.event(uid="one"), filled.event(uid="two")
    plan(store, event, over=False)

    report = forget(store, bodies=YEAR)

    assert report.dropped == []
    with store.read() as connection:
        assert connection.execute(select(bodies.c.receipt_id)).scalars().all() == [event]
    assert other != event


def test_months_are_made_ahead_and_take_what_waits_among_the_rest(store: Store, filled: Filled) -> None:
    ahead = datetime.now(UTC) + timedelta(days=200)
    event = filled.event(at=ahead)
    if store.sqlite:
        assert forget(store).made == []
        return

    assert forget(store, datetime.now(UTC)).made == []  # the migration made those
    report = forget(store, ahead)

    assert f"{ahead:%Y-%m}" in report.made
    assert forget(store, ahead).made == []
    with store.read() as connection:
        found = connection.exec_driver_sql(f"SELECT receipt_id FROM bodies_{ahead:%Y_%m}").scalars().all()
    assert found == [event]
