"""What a person does with deliveries: release or discard what is in quarantine, replay what became an event.

A replay sends the same receipt through the pipeline again: its event is read anew, in place, under the same id. What
rules did of it stays done and is not done again, unless the replay is `Again`. Each verb commits and returns the ids
that it moved; the caller then rings for those that wait. It makes no event itself.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from uuid import UUID

import structlog
from dramatiq import Broker

from workers import queue
from workers.store import deliveries, outcomes, receipts, runs
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


class Again:
    """`replay`, and what rules did of these events that is over may happen once more: a verb of its own, never implied.

    `freed` counts the runs whose keys may have a run again.
    """

    def __init__(self) -> None:
        self.freed = 0

    def __call__(self, store: Store, ids: Sequence[UUID]) -> list[UUID]:
        """As `replay`; both are one transaction."""
        moved: list[UUID] = []
        for start in range(0, len(ids), _BATCH):
            with store.write() as connection:
                some = receipts.move(
                    connection, ids[start : start + _BATCH], source=[State.PERSISTED], target=State.RECEIVED
                )
                self.freed += runs.free(connection, some)
            moved += some
        return moved


def effects(store: Store, pages: Iterable[Sequence[UUID]]) -> dict[str, int]:
    """By rule, how many runs did something for these deliveries' events that `Again` lets happen once more."""
    found: Counter[str] = Counter()
    for ids in pages:
        with store.read() as connection:
            found.update(outcomes.did(connection, ids))
    return dict(sorted(found.items()))


def replay_all(store: Store, wanted: Filter) -> Iterator[list[UUID]]:
    """Replay every persisted delivery of a filter, newest first; see `each`."""
    return each(store, replay, replace(wanted, state=State.PERSISTED))


def each(store: Store, verb: Verb, wanted: Filter, *, size: int = _BATCH) -> Iterator[list[UUID]]:
    """Do `verb` to every delivery of a filter, newest first; each batch is committed when its ids are given.

    It ends: what it moved waits at an id it has passed, even where a worker has made it an event again meanwhile.
    """
    return (verb(store, ids) for ids in pages(store, wanted, size=size))


def pages(store: Store, wanted: Filter, *, size: int = _BATCH) -> Iterator[list[UUID]]:
    """The ids of a filter's deliveries, newest first, so many at once."""
    before: UUID | None = None
    while True:
        with store.read() as connection:
            ids = deliveries.ids(connection, wanted, before=before, limit=size)
        if ids:
            yield ids
        if len(ids) < size:
            return
        before = ids[-1]


def paced(
    batches: Iterable[list[UUID]],
    rate: float,
    wait: Callable[[float], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[list[UUID]]:
    """Batches, after each so long a wait that there are no more than `rate` ids a second. True of `wait` ends it."""
    began, done = clock(), 0
    for ids in batches:
        yield ids
        done += len(ids)
        ahead = done / rate - (clock() - began)
        if ahead > 0 and wait(ahead):
            return


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
