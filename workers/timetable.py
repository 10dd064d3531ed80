"""What is done by the clock: each job by one process at a time, whichever comes first, and as often over all of them as
it says. What a job does is its own.

Nothing is kept here: when a job was done last is in SQL, so that a restart neither skips one nor does it once more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from uuid_utils.compat import uuid7

from workers.errors import DaybookError, StoreUnavailable
from workers.store import jobs, leases
from workers.store.engine import Store

log = structlog.get_logger(__name__)

#: seconds that a job is held, unless it says that it goes on: one whose process died is done again after that
HOLD = 120.0
#: seconds after which it says so
RENEW = 30.0
#: seconds between two looks whether a job is due
_LOOK = 5.0


class Over(Exception):
    """A job has to end: the process stops, or another has taken it over."""


@dataclass(frozen=True, slots=True)
class Job:
    """`do` is called about every `every` seconds, and gives what came of it for people, or None. It calls what it is
    given between its parts, which keeps the job its own, and raises `Over` when it has to end."""

    name: str
    every: float
    do: Callable[[Callable[[], None]], str | None]


class Timetable:
    """A thread for each job, as one may wait long for Cal.com while another is due."""

    def __init__(self, store: Store, done: Sequence[Job], *, look: float = _LOOK) -> None:
        self._store = store
        self._look = look
        self._holder = str(uuid7())
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(job,), name=f"job {job.name}", daemon=True) for job in done
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, patience: float = 15.0) -> None:
        """End the threads. A job that is under way ends at its next part; what is left of it is done by another."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=patience)

    def _run(self, job: Job) -> None:
        wait = 0.0
        while not self._stop.wait(wait):
            try:
                wait = min(max(self.turn(job), 0.05), self._look)
            except StoreUnavailable as error:
                log.warning("timetable.sql_away", job=job.name, reason=error.message)
                wait = self._look
            except Exception:
                log.exception("timetable.failed", job=job.name)
                wait = self._look

    def turn(self, job: Job) -> float:
        """Do a job if it is due and nobody else does it; the seconds until it is due again."""
        with self._store.read() as connection:
            wait = jobs.wait(connection, job.name, job.every)
        if wait:
            return wait
        lease = f"job:{job.name}"
        with self._store.write() as connection:
            if not leases.take(connection, lease, self._holder, HOLD):
                return self._look
            if wait := jobs.wait(connection, job.name, job.every):  # another did it meanwhile
                leases.give_up(connection, lease, self._holder)
                return wait
            jobs.begin(connection, job.name)
        try:
            outcome, failed = self._done(job)
            with self._store.write() as connection:
                jobs.end(connection, job.name, outcome, failed=failed)
        except Over as over:  # it is not ended: whoever comes next does what is left of it
            log.info("timetable.cut_off", job=job.name, reason=str(over))
            return self._look
        finally:
            with self._store.write() as connection:
                leases.give_up(connection, lease, self._holder)
        return job.every

    def _done(self, job: Job) -> tuple[str | None, bool]:
        try:
            return job.do(_Going(self._store, job, self._holder, self._stop)), False
        except (Over, StoreUnavailable):
            raise
        except DaybookError as error:
            log.warning("timetable.job_failed", job=job.name, reason=error.message)
            return error.message[:500], True
        except Exception as error:  # a bug in one job is no reason for the others to stay away
            log.exception("timetable.job_failed", job=job.name)
            return f"{type(error).__name__}; the log has more", True


class _Going:
    """What a job calls between its parts. Its lease is renewed now and then: parts may be short."""

    def __init__(self, store: Store, job: Job, holder: str, stop: threading.Event) -> None:
        self._store = store
        self._job = job
        self._holder = holder
        self._stop = stop
        self._renewed_at = time.monotonic()

    def __call__(self) -> None:
        if self._stop.is_set():
            raise Over("the process was stopped before it was done")
        if time.monotonic() - self._renewed_at < RENEW:
            return
        with self._store.write() as connection:
            if not leases.take(connection, f"job:{self._job.name}", self._holder, HOLD):
                raise Over("another process took it over")
        self._renewed_at = time.monotonic()
