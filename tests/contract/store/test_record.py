from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from uuid_utils.compat import uuid7

from tests.unit.workers.rules.fakes import rule
from workers.catalogue.event import Booking, Event, Kind, Person
from workers.record import Found, record
from workers.rulebook import NOTHING, Live
from workers.rules.ruleset import RuleSet
from workers.store import events, history, runs
from workers.store.engine import Store
from workers.store.history import Filter

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def hearing(trigger: str, when: str = "true") -> Live:
    one = rule(f"rules: [{{name: r, on: [{trigger}], when: {when!r}, do: [{{stop: x}}]}}]")
    return Live(RuleSet([one]), {"r": uuid7()})


def recorded(store: Store, *found: Found, live: Live = NOTHING) -> list[dict[str, Any]]:
    """What the history has after these, newest first."""
    with store.write() as sql:
        record(sql, live, found, now=NOW)
    with store.read() as sql:
        return [events.whole(sql, row) for row in history.page(sql, Filter(), limit=10)]


def absence(**more: Any) -> Event:
    return Event(
        kind=Kind.OOO, trigger="OOO_DELETED", organizer=Person(id=41, name="Maya", email="Maya@acme.example"),
        payload={"oooEntry": {"id": 7}}, **more,
    )  # fmt: skip


def test_what_was_found_is_in_the_history_without_a_delivery(store: Store) -> None:
    (event,) = recorded(store, Found(absence(occurred_at=NOW - timedelta(hours=2)), "acme"))

    assert (event["kind"], event["trigger"], event["connection"]) == ("synthetic", "OOO_DELETED", "acme")
    assert event["delivery_id"] is None
    assert event["payload"] == {"oooEntry": {"id": 7}}
    assert (event["received_at"], event["occurred_at"]) == ("2026-11-25T09:00:00.000Z", "2026-11-25T07:00:00.000Z")


def test_it_is_found_by_the_people_and_words_in_it(store: Store) -> None:
    recorded(store, Found(absence(title="Maya is back sooner"), "acme"))

    with store.read() as sql:
        by_address = history.page(sql, Filter(email="maya@acme.example"), limit=2)
        by_words = history.page(sql, Filter(text="back soon"), limit=2)
    assert len(by_address) == len(by_words) == 1


def test_a_rule_hears_it_in_the_same_transaction_and_sees_its_payload(store: Store) -> None:
    heard = hearing("OOO_DELETED", "event.payload.oooEntry.id == 7 && event.kind == 'synthetic'")
    recorded(store, Found(absence(), "acme"), Found(absence(), "acme"), live=heard)

    with store.read() as sql:
        planned = runs.page(sql, runs.Filter(), limit=10)
    assert len(planned) == 2


def test_one_about_no_connection_is_heard_by_rules_too(store: Store) -> None:
    (event,) = recorded(
        store, Found(Event(kind=Kind.SYNTHETIC, trigger="daybook.lag", status="RAISED")), live=hearing("daybook.lag")
    )

    assert (event["connection"], event["status"]) == ("", "RAISED")
    with store.read() as sql:
        assert len(runs.page(sql, runs.Filter(), limit=10)) == 1


def test_a_booking_that_was_missed_belongs_to_its_lineage(store: Store) -> None:
    moved = Event(
        kind=Kind.BOOKING, trigger="BOOKING_RESCHEDULED", booking=Booking(uid="uid-2", id=2, previous_uid="uid-1")
    )
    (event,) = recorded(store, Found(moved, "acme"))

    assert event["booking"]["lineage"] == "uid-1"
