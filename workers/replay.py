"""What a person does with deliveries: release or discard what is in quarantine, replay what became an event.

A replay sends the same receipt through the pipeline again: its event is read anew, in place, under the same id. Each
verb commits and returns the ids that it moved; the caller then rings for those that wait. It makes no event itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from uuid import UUID

import structlog
from dramatiq import Broker

from workers import queue
from workers.store import deliveries, receipts
from workers.store.deliveries import Filter
from workers.store.engine import Store
from workers.store.receipts import State

log = structlog.get_logger(__name__)

#: release, discard or replay
Verb = Callable[[Store, Sequence[UUID]], list[UUID]]

#: receipts moved in one transaction: workers wait for it, on SQLite deliveries too
_BATCH = 500


def release(store: Store, ids: Sequence[UUID]) -> list[UUID]:
    """Those of `ids` in quarantine are as if received now; returns which were."""
    return _move(store, ids, source=State.QUARANTINED, target=State.RECEIVED)


def discard(store: Store, ids: Sequence[UUID]) -> list[UUID]:
    """Those of `ids` in quarantine never become an event; returns which were. They are kept, and can be looked at."""
    return _move(store, ids, source=State.QUARANTINED, target=State.DISCARDED)


def replay(store: Store, ids: Sequence[UUID]) -> list[UUID]:
    """Those of `ids` that are events go through the pipeline again; returns which were."""
    return _move(store, ids, source=State.PERSISTED, target=State.RECEIVED)


def replay_all(store: Store, wanted: Filter) -> Iterator[list[UUID]]:
    """Replay every persisted delivery of a filter, newest first; see `each`."""
    return each(store, replay, replace(wanted, state=State.PERSISTED))


def each(store: Store, verb: Verb, wanted: Filter) -> Iterator[list[UUID]]:
    """Do `verb` to every delivery of a filter, newest first; each batch is committed when its ids are given.

    It ends: what it moved waits at an id it has passed, even where a worker has made it an event again meanwhile.
    """
    before: UUID | None = None
    while True:
        with store.read() as connection:
            ids = deliveries.ids(connection, wanted, before=before, limit=_BATCH)
        if ids:
            yield verb(store, ids)
        if len(ids) < _BATCH:
            return
        before = ids[-1]


def ring(broker: Broker, ids: Sequence[UUID]) -> bool:
    """Ring for receipts that wait. A broker that is away is no failure (False): the sweep rings when it is back."""
    try:
        queue.ring(broker, ids)
    except Exception as error:  # any broker, any way of being away
        log.warning("replay.broker_away", receipts=len(ids), reason=type(error).__name__)
        return False
    return True


def _move(store: Store, ids: Sequence[UUID], *, source: State, target: State) -> list[UUID]:
    moved: list[UUID] = []
    for start in range(0, len(ids), _BATCH):
        with store.write() as connection:
            moved += receipts.move(connection, ids[start : start + _BATCH], source=[source], target=target)
    return moved
