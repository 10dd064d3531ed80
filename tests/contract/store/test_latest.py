"""The list of bookings, on both databases."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.contract.store.filled import START, Filled
from workers.store import latest, timeline
from workers.store.engine import Store
from workers.store.history import Filter
from workers.vault import Vault

MINUTE = timedelta(minutes=1)


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    return Filled(store, vault)


def listed(store: Store, wanted: Filter | None = None, *, limit: int = 50) -> list[dict[str, Any]]:
    """All pages of a list, joined."""
    found: list[dict[str, Any]] = []
    before: UUID | None = None
    while True:
        with store.read() as connection:
            page = latest.page(connection, wanted or Filter(), before=before, limit=limit)
        assert len(page.bookings) <= limit
        found += page.bookings
        if page.next is None:
            return found
        before = page.next


def lineages(store: Store, wanted: Filter | None = None, **how: Any) -> list[str]:
    return [booking["lineage"] for booking in listed(store, wanted, **how)]


def test_a_booking_is_listed_once_at_its_newest_event_as_it_stands(filled: Filled) -> None:
    filled.event(uid="a")
    filled.event(at=START + MINUTE, uid="b", title="Dentist")
    filled.event(at=START + 2 * MINUTE, uid="c", rescheduleUid="a", trigger="BOOKING_RESCHEDULED", title="Later call")
    last = filled.event(at=START + 3 * MINUTE, uid="b", trigger="BOOKING_CANCELLED", status="CANCELLED", title=None)
    filled.event(at=START + 4 * MINUTE, uid=None, trigger="PING")

    dentist, call = listed(filled.store)

    assert dentist == {
        "uid": "b",
        "lineage": "b",
        "connection": "acme",
        "title": "Dentist",
        "status": "CANCELLED",
        "start": "2026-11-20T10:00:00.000Z",
        "end": "2026-11-20T10:30:00.000Z",
        "organizer": {"id": 41, "name": "Ada Berg", "email": "Ada@Acme.example", "time_zone": "Europe/Berlin"},
        "last_event": {
            "id": str(last),
            "trigger": "BOOKING_CANCELLED",
            "kind": "booking",
            "received_at": "2026-11-01T09:03:00.000Z",
            "occurred_at": "2026-11-01T09:03:00.000Z",
        },
    }
    assert (call["uid"], call["lineage"], call["title"]) == ("c", "a", "Later call")


def test_the_same_uid_at_two_connections_is_two_bookings(filled: Filled) -> None:
    filled.event(uid="a")
    filled.event(at=START + MINUTE, uid="a", webhook="eu", pcid="eu", title="Elsewhere")
    assert [(one["connection"], one["title"]) for one in listed(filled.store)] == [
        ("eu", "Elsewhere"),
        ("acme", "Intro call"),
    ]
    assert [one["connection"] for one in listed(filled.store, Filter(connection="acme"))] == ["acme"]


def test_a_booking_says_what_its_timeline_says(filled: Filled) -> None:
    seat: dict[str, Any] = {"seatsPerTimeSlot": 5}
    filled.event(uid="a", attendeeSeatId="s1", **seat)
    filled.event(at=START + MINUTE, uid="a", attendeeSeatId="s2", **seat)
    moved: dict[str, Any] = {"uid": "b", "rescheduleUid": "a", "trigger": "BOOKING_RESCHEDULED", "attendeeSeatId": "s1"}
    filled.event(at=START + 2 * MINUTE, **moved, **seat)
    gone: dict[str, Any] = {"uid": "a", "trigger": "BOOKING_CANCELLED", "status": "CANCELLED", "attendeeSeatId": "s2"}
    filled.event(at=START + 3 * MINUTE, **gone, **seat)
    for booking in listed(filled.store):
        with filled.store.read() as connection:
            told = timeline.read(connection, booking["lineage"])
        assert told is not None
        state = told["state"]
        assert {name: booking[name] for name in ("uid", "status", "start")} == {
            name: state[name] for name in ("uid", "status", "start")
        }


def test_a_person_is_found_though_the_newest_event_does_not_name_them(filled: Filled) -> None:
    filled.event(uid="a", attendees=[{"name": "Zoe", "email": "zoe@client.example"}])
    filled.event(at=START + MINUTE, uid="a", trigger="MEETING_STARTED", attendees=[])
    filled.event(at=START + 2 * MINUTE, uid="b")
    assert lineages(filled.store, Filter(email="zoe@client.example")) == ["a"]
    assert lineages(filled.store, Filter(host="ada@acme.example")) == ["b", "a"]
    assert lineages(filled.store, Filter(text="intro", until=START + MINUTE)) == ["a"]
    assert listed(filled.store, Filter(email="zoe@client.example"))[0]["last_event"]["trigger"] == "MEETING_STARTED"


def test_a_status_is_the_one_that_bookings_have_now(filled: Filled) -> None:
    for number, uid in enumerate("abc"):
        filled.event(at=START + number * MINUTE, uid=uid, trigger="BOOKING_REQUESTED", status="PENDING")
    filled.event(at=START + 5 * MINUTE, uid="b", status="ACCEPTED")
    assert lineages(filled.store, Filter(statuses=("pending",))) == ["c", "a"]
    assert lineages(filled.store, Filter(statuses=("ACCEPTED",))) == ["b"]
    assert lineages(filled.store, Filter(statuses=("ACCEPTED", "PENDING")), limit=1) == ["b", "c", "a"]


def test_a_page_that_looked_long_enough_ends_and_says_where_to_go_on(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latest, "_CHUNK", 2)
    monkeypatch.setattr(latest, "_MOST", 4)
    filled.event(uid="old", trigger="BOOKING_REQUESTED", status="PENDING")
    for number in range(9):
        at = START + (10 + number) * MINUTE
        filled.event(at=at, uid=f"u{number}", trigger="BOOKING_REQUESTED", status="PENDING")
        filled.event(at=at + 20 * MINUTE, uid=f"u{number}", status="ACCEPTED")
    wanted = Filter(statuses=("PENDING",))
    with filled.store.read() as connection:
        page = latest.page(connection, wanted, limit=5)
    assert page.bookings == []
    assert page.next is not None
    assert lineages(filled.store, wanted) == ["old"]


def test_a_booking_told_of_anew_between_two_pages_is_on_no_other(filled: Filled) -> None:
    for number, uid in enumerate("abcd"):
        filled.event(at=START + number * MINUTE, uid=uid)
    with filled.store.read() as connection:
        first = latest.page(connection, Filter(), limit=2)
    filled.event(at=START + 10 * MINUTE, uid="d", trigger="MEETING_STARTED")
    filled.event(at=START + 11 * MINUTE, uid="a", trigger="MEETING_STARTED")
    with filled.store.read() as connection:
        second = latest.page(connection, Filter(), before=first.next, limit=2)
    assert [one["lineage"] for one in first.bookings] == ["d", "c"]
    assert [one["lineage"] for one in second.bookings] == ["b"]


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_pages_of_any_length_hold_each_booking_once_in_one_order(
    filled: Filled, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latest, "_CHUNK", 4)
    monkeypatch.setattr(latest, "_BOOKINGS", 2)
    dice = random.Random(3)
    said = []
    for number in range(36):
        uid, word = dice.randrange(9), dice.choice(["Intro", "Review"])
        before = f"u{uid - 3}" if uid >= 3 and dice.random() < 0.3 else None
        filled.event(at=START + number * MINUTE, uid=f"u{uid}", rescheduleUid=before, title=word)
        said.append((uid, before, word))
    chain = {f"u{uid}": f"u{uid}" for uid in range(9)}
    for uid, before, _ in said:
        if before is not None:
            old, new = chain[f"u{uid}"], chain[before]
            chain = {each: new if its == old else its for each, its in chain.items()}
    everything = list(dict.fromkeys(chain[f"u{uid}"] for uid, _, _ in reversed(said)))
    reviews = list(dict.fromkeys(chain[f"u{uid}"] for uid, _, word in reversed(said) if word == "Review"))

    assert lineages(filled.store, limit=limit) == everything
    assert lineages(filled.store, Filter(text="review"), limit=limit) == reviews
