"""The worker process: Dramatiq actors over the verbs, and the sweep beside them. An actor holds no logic."""

from __future__ import annotations

import contextlib
import threading
import time
from uuid import UUID

import dramatiq
import structlog
from dramatiq import Broker, Worker
from structlog.contextvars import clear_contextvars
from uuid_utils.compat import uuid7

from workers import measures, queue
from workers.act import Acting
from workers.actions.registry import kinds
from workers.duties import duties
from workers.errors import StoreUnavailable
from workers.monitor import Monitor
from workers.persist import persist
from workers.rulebook import Rulebook
from workers.settings import Settings
from workers.store.engine import Store, open_store
from workers.sweep import Sweep
from workers.timetable import Timetable
from workers.toolbox import Box
from workers.vault import open_vault

log = structlog.get_logger(__name__)

#: seconds that a thread goes on carrying out runs before it lets go: a process that is to stop waits for it
_AT_A_STRETCH = 10.0
#: milliseconds after which such a thread is torn from what it does, a function of somebody's that hangs: more than the
#: attempts of one run take together, for what is cut off in the middle of a call is in doubt
_AT_MOST = 3_600_000
#: seconds that a process which is to stop waits for what is under way; its supervisor waits somewhat longer
_LONGEST_STOP = 28.0
#: milliseconds between two looks of an idle worker at the broker: what a lone event waits for, at the most
_IDLE = 20


def declare(
    broker: Broker, store: Store, book: Rulebook, acting: Acting, *, threads: int, stopping: threading.Event
) -> None:
    """Bind the actors to `broker`; there is no global broker to be had by importing in the wrong order.

    `threads` is how many carry out runs; once `stopping` is set, they take up no other.
    """

    # SQLite has one writer: more threads would only take turns, and each would hold its batch in memory.
    turn = threading.Lock() if store.sqlite else contextlib.nullcontext()

    @dramatiq.actor(broker=broker, actor_name=queue.PERSIST, queue_name=queue.PERSIST)
    def persist_receipts(ids: list[str]) -> None:
        clear_contextvars()  # of the job before, whichever way that ended
        try:
            with turn:
                done = persist(store, [UUID(one) for one in ids], book.live())
            _ring_to_act(broker, min(done.runs, threads))
        except StoreUnavailable as error:
            # Not a failure of the message: the receipts wait in SQL, and the sweep rings when it is back.
            log.warning("persist.sql_away", receipts=len(ids), reason=error.message)
            time.sleep(1)  # a broker full of messages must not become a busy loop of failed connections

    @dramatiq.actor(broker=broker, actor_name=queue.ACT, queue_name=queue.ACT, time_limit=_AT_MOST)
    def carry_out_runs() -> None:
        clear_contextvars()
        try:
            until = time.monotonic() + _AT_A_STRETCH
            if acting.act(lambda: time.monotonic() < until and not stopping.is_set()):
                _ring_to_act(broker, 1)
        except StoreUnavailable as error:
            # What was in hand is taken up again when its lease has run out.
            log.warning("act.sql_away", reason=error.message)
            time.sleep(1)


def _ring_to_act(broker: Broker, times: int) -> None:
    try:
        queue.ring_to_act(broker, times)
    except Exception as error:  # any broker, any way of being away; the sweep rings when it is back
        log.warning("act.broker_away", reason=type(error).__name__)


class WorkerProcess:
    """Everything one worker process runs. `start` returns; `stop` finishes what is in hand and returns the rest."""

    def __init__(self, settings: Settings) -> None:
        threads = settings.work_threads, settings.act_threads
        self._store = open_store(settings.database, pool_size=sum(threads) + 5)
        self._broker = queue.open_broker(settings.broker)
        step_kinds = kinds(settings)
        book = Rulebook(self._store, settings.rules, step_kinds)
        vault = open_vault(settings)
        self._box = Box(self._store, vault, settings.lease / 2)
        self._acting = Acting(self._store, book, step_kinds, self._box, holder=str(uuid7()), lease=settings.lease)
        self._stopping = threading.Event()
        declare(
            self._broker,
            self._store,
            book,
            self._acting,
            threads=settings.act_threads,
            stopping=self._stopping,
        )
        # Prefetch is Dramatiq's twice the threads: a larger one starves the other worker processes. Runs have threads
        # of their own, for they wait for others' answers.
        self._workers = [
            Worker(self._broker, queues={name}, worker_threads=count, worker_timeout=_IDLE)
            for name, count in zip((queue.PERSIST, queue.ACT), threads, strict=True)
        ]
        self._sweep = Sweep(self._store, self._broker, settings.sweep_interval, act_threads=settings.act_threads)
        self._timetable = Timetable(self._store, duties(settings, self._store, vault, book))
        port = settings.work_metrics_port
        self._monitor = Monitor(settings.host, port, measures.REGISTRY, self.alive) if port is not None else None

    def start(self) -> None:
        self._broker.emit_after("process_boot")
        for worker in self._workers:
            worker.start()
        self._sweep.start()
        self._timetable.start()
        if self._monitor is not None:
            self._monitor.start()

    def alive(self) -> bool:
        """Whether each thread that it started still runs. It asks neither SQL nor the broker: they may be away."""
        threads = [thread for worker in self._workers for thread in (*worker.workers, *worker.consumers.values())]
        return self._sweep.alive and all(thread.is_alive() for thread in threads)

    def stop(self) -> None:
        if self._monitor is not None:
            self._monitor.stop()
        until = time.monotonic() + _LONGEST_STOP
        self._stopping.set()
        for worker in self._workers:  # all at once: what one kind waits for the other need not begin meanwhile
            for thread in worker.workers:
                thread.stop()
        self._sweep.stop()
        self._timetable.stop()
        for worker in self._workers:
            worker.stop(timeout=max(1, int((until - time.monotonic()) * 1000)))
        if left := self._acting.under_way:  # its call may be on its way: another process finds out what became of it
            log.warning("work.stopped_under_way", runs=left)
        with contextlib.suppress(StoreUnavailable):  # then its leases run out by themselves
            self._acting.give_back()
        self._box.close()
        self._broker.close()
        self._store.close()
