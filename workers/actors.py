"""The worker process: Dramatiq actors over the verbs, and the sweep beside them. An actor holds no logic."""

from __future__ import annotations

import contextlib
import threading
import time
from uuid import UUID

import dramatiq
import structlog
from dramatiq import Broker, Worker

from workers import queue
from workers.errors import StoreUnavailable
from workers.persist import persist
from workers.settings import Settings
from workers.store.engine import Store, open_store
from workers.sweep import Sweep

log = structlog.get_logger(__name__)

#: milliseconds between two looks of an idle worker at the broker: what a lone event waits for, at the most
_IDLE = 20


def declare(broker: Broker, store: Store) -> None:
    """Bind the actors to `broker`; there is no global broker to be had by importing in the wrong order."""

    # SQLite has one writer: more threads would only take turns, and each would hold its batch in memory.
    turn = threading.Lock() if store.sqlite else contextlib.nullcontext()

    @dramatiq.actor(broker=broker, actor_name=queue.PERSIST, queue_name=queue.PERSIST)
    def persist_receipts(ids: list[str]) -> None:
        try:
            with turn:
                persist(store, [UUID(one) for one in ids])
        except StoreUnavailable as error:
            # Not a failure of the message: the receipts wait in SQL, and the sweep rings when it is back.
            log.warning("persist.sql_away", receipts=len(ids), reason=error.message)
            time.sleep(1)  # a broker full of messages must not become a busy loop of failed connections


class WorkerProcess:
    """Everything one worker process runs. `start` returns; `stop` finishes what is in hand and returns the rest."""

    def __init__(self, settings: Settings) -> None:
        self._store = open_store(settings.database, pool_size=settings.work_threads + 2)
        self._broker = queue.open_broker(settings.broker)
        declare(self._broker, self._store)
        # Prefetch is Dramatiq's twice the threads: a larger one starves the other worker processes.
        self._worker = Worker(self._broker, worker_threads=settings.work_threads, worker_timeout=_IDLE)
        self._sweep = Sweep(self._store, self._broker, settings.sweep_interval)

    def start(self) -> None:
        self._broker.emit_after("process_boot")
        self._worker.start()
        self._sweep.start()

    def stop(self) -> None:
        self._sweep.stop()
        self._worker.stop(timeout=30_000)
        self._broker.close()
        self._store.close()
