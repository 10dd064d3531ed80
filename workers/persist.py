"""Receipts become events: read what arrived, write the history, settle the receipts, in one transaction a batch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from workers import decide, measures, traces
from workers.catalogue.event import Event, Kind
from workers.catalogue.read import read
from workers.errors import StoreUnavailable
from workers.rulebook import NOTHING, Live
from workers.store import bookings, events, receipts
from workers.store.engine import ROW_REFUSED, Store
from workers.store.receipts import Arrived

log = structlog.get_logger(__name__)

#: events of one transaction on SQLite, whose one writer the receiver waits for: about 10 ms
SQLITE_BATCH = 64


@dataclass(frozen=True, slots=True)
class Persisted:
    """How many events were written, and how many runs they cause."""

    events: int = 0
    runs: int = 0

    def __add__(self, other: Persisted) -> Persisted:
        return Persisted(self.events + other.events, self.runs + other.runs)


def persist(store: Store, ids: Sequence[UUID], live: Live = NOTHING) -> Persisted:
    """Make events of those of `ids` that still wait, and write down the runs that the `live` rules make of them.

    Run twice, it does nothing the second time.
    """
    try:
        return _persist(store, ids, live)
    except StoreUnavailable:
        raise
    except ROW_REFUSED:
        if len(ids) == 1:
            log.exception("persist.receipt_refused", delivery=str(ids[0]))
            return _persist_bare(store, ids[0])
        log.exception("persist.batch_refused", receipts=len(ids))
    except Exception:  # a bug in what decides
        if live is NOTHING:
            raise
        log.exception("persist.decide_failed", receipts=len(ids), delivery=str(ids[0]) if len(ids) == 1 else None)
        if len(ids) == 1:  # the history comes first: the event is written, and causes nothing
            return _persist(store, ids, NOTHING)
    # One row that the database refuses must not hold the others back.
    return _sum(persist(store, [one], live) for one in ids)


def _sum(parts: Iterable[Persisted]) -> Persisted:
    return sum(parts, Persisted())


def _persist(store: Store, ids: Sequence[UUID], live: Live) -> Persisted:
    with store.read() as connection:
        arrived = receipts.arrived(connection, ids)
        # Asked only where some were left out: for their size, or because they do not wait any more.
        large = receipts.large(connection, ids) if len(arrived) < len(ids) and len(ids) > 1 else []
    # The history reads a payload from the body when it is asked for, and so do the rules.
    read = [(one, to_event(one, payload=False)) for one in arrived]
    size = SQLITE_BATCH if store.sqlite else len(read)
    written = (_write(store, read[start : start + size], live) for start in range(0, len(read), size or 1))
    return _sum(written) + _sum(_persist(store, [one], live) for one in large)


def _persist_bare(store: Store, receipt_id: UUID) -> Persisted:
    """What no event could be written for still becomes one, with nothing in it but where it came from."""
    with store.read() as connection:
        arrived = receipts.arrived(connection, [receipt_id])
    bare = [(one, Event(kind=Kind.UNPARSED, trigger=None, occurred_at=one.received_at)) for one in arrived]
    return _write(store, bare, NOTHING)


def _write(store: Store, read: Sequence[tuple[Arrived, Event]], live: Live) -> Persisted:
    """Write the events of those receipts that nobody else took meanwhile, and the runs they cause. All else is done
    before the lock is taken."""
    if not read:
        return Persisted()
    began = traces.now()
    spelt = events.spelt(read, sqlite=store.sqlite)
    heard = decide.heard(live, read, to_event, now=datetime.now(UTC))
    # Not durable by itself: what a power cut takes back is a receipt that waits again, and the sweep rings for it.
    with store.write(durable=False) as connection:
        mine = receipts.settle(connection, [one.id for one, _ in read])
        if len(mine) < len(read):  # another worker took the rest
            read = [(one, event) for one, event in read if one.id in mine]
            spelt = events.spelt(read, sqlite=store.sqlite)
            heard = [event for event in heard if event.id in mine]
        events.write(connection, spelt)
        bookings.tell(
            connection,
            (
                (one.connection, event.booking.uid, event.booking.replaces)
                for one, event in read
                if event.booking is not None and event.booking.replaces
            ),
            on_sqlite=store.sqlite,
        )
        planned = decide.plan(connection, live, heard, now=datetime.now(UTC))
    _measure(read, began)
    return Persisted(len(read), planned)


def _measure(read: Sequence[tuple[Arrived, Event]], began: int) -> None:
    """How long these took from their arrival until they were committed, just now."""
    now = time.time()
    for one, event in read:
        if not one.has_event:  # a replay has not waited since its delivery came
            measures.PERSIST_LAG.observe(max(0.0, now - one.received_at.timestamp()))
        if traces.on():
            facts = {"delivery": str(one.id), "webhook": one.webhook, "kind": event.kind.value, "together": len(read)}
            traces.tell("persist", one.id, began=began, facts=facts, under=traces.root(one.id))


def to_event(arrived: Arrived, *, payload: bool = True) -> Event:
    """What a delivery says."""
    headers = dict(arrived.headers)
    return read(
        arrived.body,
        content_type=headers.get("content-type"),
        version=headers.get("x-cal-webhook-version"),
        received_at=arrived.received_at,
        payload=payload,
    )
