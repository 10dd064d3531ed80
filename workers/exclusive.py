"""One at a time over all processes: wait for a lease in SQL, hold it while a block runs, let go."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

from workers.errors import Conflict, StoreUnavailable
from workers.store import leases
from workers.store.engine import Store

#: seconds a lease runs unless it is renewed: a process that died holds the others up for so long
SECONDS = 60.0
_LOOK = 0.2


@contextlib.contextmanager
def alone(store: Store, name: str, *, patience: float = SECONDS + 10) -> Iterator[Callable[[], None]]:
    """Hold the lease `name`; gives a function that renews it. Raises Conflict after `patience` seconds.

    A holder that is slower than its lease is overtaken: what is done under it has to be safe even then.
    """
    holder = uuid4().hex
    deadline = time.monotonic() + patience
    while not _take(store, name, holder):
        if time.monotonic() > deadline:
            raise Conflict(f"Another process is at work on {name} for more than {patience:.0f} s; try again later.")
        time.sleep(_LOOK)
    try:
        yield lambda: _renew(store, name, holder)
    finally:
        with contextlib.suppress(StoreUnavailable), store.write() as sql:
            leases.give_up(sql, name, holder)


def _take(store: Store, name: str, holder: str) -> bool:
    with store.write() as sql:
        return leases.take(sql, name, holder, SECONDS)


def _renew(store: Store, name: str, holder: str) -> None:
    if not _take(store, name, holder):
        raise Conflict(f"Another process took over {name} meanwhile; run the command again to see how things stand.")
