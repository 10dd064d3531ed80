from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Row, select

from workers import persist as persist_module
from workers.catalogue.event import Booking, Event, Kind
from workers.errors import StoreUnavailable
from workers.persist import persist
from workers.store import events, receipts
from workers.store.engine import Store, open_store
from workers.store.receipts import Receipt
from workers.store.tables import event_people, webhook_secrets, webhooks
from workers.store.tables import events as table
from workers.store.tables import receipts as receipts_table

AReceipt = Callable[..., Receipt]
PAYLOADS = Path(__file__).parents[2] / "payloads"
MANIFEST: list[dict[str, Any]] = json.loads((PAYLOADS / "manifest.json").read_text())


def kept(store: Store, a_receipt: AReceipt, *bodies: bytes) -> list[Receipt]:
    batch = [a_receipt(body) for body in bodies]
    receipts.keep(store, batch)
    return batch


def read(store: Store) -> list[dict[str, Any]]:
    with store.read() as connection:
        rows = cast("list[Row[Any]]", connection.execute(events.READ.order_by(table.c.seq)).all())
        payloads = events.payloads(connection, rows)
        return [{**events.shape(row), "payload": payloads[row.id]} for row in rows]


def test_every_recorded_delivery_becomes_exactly_one_event_with_its_payload(store: Store, a_receipt: AReceipt) -> None:
    bodies = [(PAYLOADS / case["body"]).read_bytes() for case in MANIFEST]
    batch = kept(store, a_receipt, *bodies)
    ids = [receipt.id for receipt in batch]

    assert persist(store, ids).events == len(MANIFEST)
    assert persist(store, ids).events == 0

    found = read(store)
    assert [event["trigger"] for event in found] == [case["trigger"] for case in MANIFEST]
    assert [event["id"] for event in found] == [event["delivery_id"] for event in found] == [str(one) for one in ids]
    for event, body in zip(found, bodies, strict=True):
        document = json.loads(body)
        flat = event["kind"] == "meeting"
        expected = {key: document[key] for key in document if key != "triggerEvent"} if flat else document["payload"]
        assert event["payload"] == expected
    with store.read() as connection:
        assert set(connection.execute(select(receipts_table.c.state)).scalars()) == {"persisted"}


def test_an_event_has_the_shape_that_scripts_rely_on(store: Store, a_receipt: AReceipt) -> None:
    (receipt,) = kept(store, a_receipt, (PAYLOADS / "BOOKING_CREATED.body").read_bytes())
    persist(store, [receipt.id])

    (event,) = read(store)

    assert event["kind"] == "booking"
    assert (event["connection"], event["webhook"], event["webhook_version"]) == ("acme", "org", "2021-10-20")
    assert event["start"] == "2026-12-03T15:00:00.000Z"
    assert event["booking"] == {
        "uid": "4hQ9sVtXwZbK2mNcR7yPeA",
        "id": 3310457,
        "lineage": "4hQ9sVtXwZbK2mNcR7yPeA",
        "seat": None,
        "series": None,
    }
    assert event["event_type"] == {"id": 771203, "slug": "intake-call"}
    assert event["organizer"]["email"] == "maya.okonkwo@harbourlight.example"
    assert event["attendees"][0] == {
        "id": None,
        "name": "Priya Raman",
        "email": "priya.raman@example.net",
        "time_zone": "America/New_York",
    }


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "the reschedule first"])
def test_a_reschedule_and_what_it_replaces_are_one_lineage(
    store: Store, a_receipt: AReceipt, order: tuple[int, int]
) -> None:
    bodies = [(PAYLOADS / f"{name}.body").read_bytes() for name in ("BOOKING_CREATED", "BOOKING_RESCHEDULED")]
    batch = kept(store, a_receipt, *bodies)
    for index in order:
        persist(store, [batch[index].id])

    assert {event["booking"]["lineage"] for event in read(store)} == {"4hQ9sVtXwZbK2mNcR7yPeA"}
    assert len({event["booking"]["uid"] for event in read(store)}) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"false",
        b"\xff\xfe\x00",
        b"title=Intake+call&uid=x",
        b"[" * 100_000,
        b'{"triggerEvent":"BOOKING_CREATED","payload":{"uid":"a\\u0000b","title":"\\ud800","bookingId":1e400}}',
        b'{"triggerEvent":"\\u0000","payload":[]}',
        b'{"triggerEvent":"BOOKING_CREATED","createdAt":"0000-00-00","payload":{"startTime":"9999-12-31T23:59:59-23:59"}}',
        b'{"triggerEvent":"NEVER_SEEN","payload":{"uid":"' + b"u" * 5000 + b'"}}',
        b'{"triggerEvent":"OOO_CREATED","payload":{"oooEntry":{"id":99999999999999999999999}}}',
        b'{"payload":{"description":"' + "é\u202e😀".encode() * 30_000 + b'"}}',
    ],
    ids=range(11),
)
def test_any_body_becomes_an_event_on_every_database(store: Store, a_receipt: AReceipt, body: bytes) -> None:
    (receipt,) = kept(store, a_receipt, body)

    assert persist(store, [receipt.id]).events == 1
    (event,) = read(store)
    json.dumps(event)


def test_one_receipt_that_the_database_refuses_holds_no_other_back(
    store: Store, a_receipt: AReceipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = kept(store, a_receipt, b'{"n":1}', b'{"n":2}', b'{"n":3}')
    real = persist_module.to_event

    def poisoned(arrived: receipts.Arrived, *, payload: bool = True) -> Event:
        if arrived.body == b'{"n":2}':
            return Event(kind=Kind.BOOKING, trigger="X", booking=Booking(uid="u", id=2**80))
        return real(arrived, payload=payload)

    monkeypatch.setattr(persist_module, "to_event", poisoned)

    assert persist(store, [receipt.id for receipt in batch]).events == 3
    assert sorted(event["kind"] for event in read(store)) == ["unknown", "unknown", "unparsed"]


def test_workers_that_meet_at_the_same_receipts_make_each_event_once(store: Store, a_receipt: AReceipt) -> None:
    batch = kept(store, a_receipt, *(b'{"createdAt":"%d"}' % n for n in range(120)))
    ids = [receipt.id for receipt in batch]
    counts: list[int] = []

    def run(part: list[Any]) -> None:
        counts.extend(persist(store, part[start : start + 30]).events for start in range(0, len(part), 30))

    threads = [threading.Thread(target=run, args=(part,)) for part in (ids, ids[::-1], ids[60:] + ids[:60])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    persist(store, ids)

    assert len({event["id"] for event in read(store)}) == len(read(store)) == 120


def test_a_replayed_receipt_has_its_event_read_anew_in_its_place(store: Store, a_receipt: AReceipt) -> None:
    (receipt,) = kept(store, a_receipt, (PAYLOADS / "BOOKING_CREATED.body").read_bytes())
    persist(store, [receipt.id])
    with store.write() as connection:
        before = connection.execute(select(table.c.seq)).scalar_one()
        connection.execute(table.update().values(title="as an older Daybook understood it"))
        source = [receipts.State.PERSISTED]
        receipts.move(connection, [receipt.id], source=source, target=receipts.State.RECEIVED)

    assert persist(store, [receipt.id]).events == 1

    (event,) = read(store)
    with store.read() as connection:
        assert connection.execute(select(table.c.seq)).scalar_one() == before
        people = connection.execute(select(event_people.c.email)).scalars().all()
    assert event["title"] == "Intake call between Maya Okonkwo and Priya Raman"
    assert len(people) == len(set(people)) > 1


def test_a_webhook_that_was_removed_meanwhile_leaves_its_deliveries_their_events(
    store: Store, a_receipt: AReceipt
) -> None:
    (receipt,) = kept(store, a_receipt, b'{"createdAt":"1"}')
    with store.write() as connection:
        connection.execute(webhook_secrets.delete())
        connection.execute(webhooks.delete())

    assert persist(store, [receipt.id]).events == 1


def test_a_database_that_is_busy_is_waited_for_and_blanks_no_event(
    sqlite_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.store.engine.PATIENCE", 0.2)
    with contextlib.closing(open_store(sqlite_database)) as store:
        outside = sqlite3.connect(sqlite_database.removeprefix("sqlite:///"), isolation_level=None)
        outside.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreUnavailable, match="locked"), store.write():
            pass
        outside.execute("ROLLBACK")
        outside.close()
        with store.write():
            pass


def test_a_fault_that_is_not_the_rows_leaves_it_waiting(
    store: Store, a_receipt: AReceipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    (receipt,) = kept(store, a_receipt, b'{"createdAt":"1"}')

    def fails(_arrived: receipts.Arrived, *, payload: bool = True) -> Event:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(persist_module, "to_event", fails)
        with pytest.raises(MemoryError):
            persist(store, [receipt.id])
    assert read(store) == []
    assert persist(store, [receipt.id]).events == 1


def test_large_bodies_are_read_one_by_one(store: Store, a_receipt: AReceipt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "LARGE", 100)
    small, edge, large = (b'{"createdAt":"%d"}', b"%100d", b"%101d")
    batch = kept(store, a_receipt, *(body % n for body in (small, edge, large) for n in range(3)))
    asked = receipts.arrived
    sizes: list[list[int]] = []

    def told(*arguments: Any) -> list[receipts.Arrived]:
        found = asked(*arguments)
        sizes.append([len(one.body) for one in found])
        return found

    monkeypatch.setattr(receipts, "arrived", told)

    assert persist(store, [receipt.id for receipt in batch]).events == 9
    assert sizes == [[17, 17, 17, 100, 100, 100], [101], [101], [101]]
    assert persist(store, [receipt.id for receipt in batch]).events == 0
