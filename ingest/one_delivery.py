"""What an operator does with one delivery, whoever asks and by whichever door. The verbs are `workers.replay`'s."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from dramatiq import Broker
from sqlalchemy import Connection, Row

from ingest import forgotten
from workers import replay as verbs
from workers.errors import Conflict, NotFound
from workers.store import deliveries
from workers.store.engine import Store
from workers.store.receipts import State


def release(store: Store, broker: Broker, delivery: UUID) -> Row[Any]:
    """Out of quarantine, on its way to an event. Gives the delivery as it is then; raises NotFound or Conflict."""
    return _moved(store, broker, delivery, verbs.release, State.QUARANTINED)


def discard(store: Store, broker: Broker, delivery: UUID) -> Row[Any]:
    """Out of quarantine, for good; likewise."""
    return _moved(store, broker, delivery, verbs.discard, State.QUARANTINED)


def replay(store: Store, broker: Broker, delivery: UUID) -> Row[Any]:
    """Through the pipeline again; likewise."""
    return _moved(store, broker, delivery, verbs.replay, State.PERSISTED)


def body(sql: Connection, delivery: UUID) -> bytes:
    """What came, byte for byte. Raises NotFound."""
    held = deliveries.body(sql, delivery)
    if held is None:
        raise forgotten.nothing_to_read() if deliveries.one(sql, delivery) is not None else no_such()
    return held


def no_such() -> NotFound:
    """The error for an id that no delivery has."""
    return NotFound("there is no delivery with this id.")


def _moved(
    store: Store, broker: Broker, delivery: UUID, verb: Callable[[Store, Sequence[UUID]], list[UUID]], source: State
) -> Row[Any]:
    moved = verb(store, [delivery])
    with store.read() as sql:
        row = deliveries.one(sql, delivery)
    if row is None:
        raise no_such()
    if not moved and row.state == source:
        raise forgotten.nothing_to_replay()
    if not moved:
        raise Conflict(f"the delivery is {row.state}; only one that is {source.value} can be moved so.")
    if row.state == State.RECEIVED:
        verbs.ring(broker, moved)
    return row
