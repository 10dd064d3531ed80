"""What a doorbell missed: receipts that wait too long are rung for again. One process leads, by a lease in SQL."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import structlog
from dramatiq import Broker
from uuid_utils.compat import uuid7

from workers import measures, queue
from workers.errors import StoreUnavailable
from workers.store import claims, leases, receipts
from workers.store.engine import Store

log = structlog.get_logger(__name__)

#: seconds that a receipt's own doorbell has to do its work
GRACE = 4.0
#: messages waiting at the broker above which nothing is rung again: the workers are behind, not asleep
_DEEP = 32
#: receipts rung for in one sweep
LIMIT = 20_000


class Sweep:
    """A thread that sweeps every `interval` seconds while it holds the lease."""

    def __init__(self, store: Store, broker: Broker, interval: float, *, act_threads: int) -> None:
        self._store = store
        self._broker = broker
        self._interval = interval
        self._act_threads = act_threads
        self._holder = str(uuid7())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the thread and hand the lease on."""
        self._stop.set()
        self._thread.join(timeout=15)
        try:
            with self._store.write() as connection:
                leases.give_up(connection, "sweep", self._holder)
        except StoreUnavailable:
            return  # the lease runs out by itself

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                rung = sweep(self._store, self._broker, holder=self._holder, lease=self._interval * 3 + 5)
                sweep_runs(self._store, self._broker, holder=self._holder, threads=self._act_threads)
            except StoreUnavailable as error:
                log.warning("sweep.sql_away", reason=error.message)
            except Exception as error:  # the broker, in any of its ways; the next sweep tries again
                log.warning("sweep.failed", reason=type(error).__name__)
            else:
                if rung:
                    measures.SWEPT.inc(rung)
                    log.info("sweep.rang", receipts=rung)


def sweep(store: Store, broker: Broker, *, holder: str, lease: float) -> int:
    """One sweep: ring for the receipts that wait longer than the grace. Returns how many; 0 unless `holder` leads."""
    with store.write() as connection:
        if not leases.take(connection, "sweep", holder, lease):
            return 0
    if queue.depth(broker) > _DEEP:
        return 0
    with store.read() as connection:
        before = datetime.now(UTC) - timedelta(seconds=GRACE)
        ids = receipts.waiting(connection, before=before, limit=LIMIT)
    queue.ring(broker, ids)
    return len(ids)


def sweep_runs(store: Store, broker: Broker, *, holder: str, threads: int) -> int:
    """Ring for runs that are due: planned ones whose bell was missed, waits and retries whose time has come, leases
    that ran out. Returns how many bells were rung; 0 unless `holder` leads."""
    with store.read() as connection:
        if not leases.holds(connection, "sweep", holder):
            return 0
        due = claims.count_due(connection, datetime.now(UTC), most=threads)
    missing = max(0, due - queue.depth(broker, queue.ACT))
    queue.ring_to_act(broker, missing)
    return missing
