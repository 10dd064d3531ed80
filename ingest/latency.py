"""How long deliveries take from their arrival to their answer: counted here, added up in SQL for all web processes.

A delivery never waits for it and never sees an error of it: while SQL is away the counts stay in memory, for a while.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio.to_thread
import structlog

from workers.errors import StoreUnavailable
from workers.histogram import BUCKETS, SECONDS
from workers.store import accept_times
from workers.store.engine import Store

log = structlog.get_logger(__name__)

#: seconds between two times that counts are added to SQL
EVERY = 10.0
#: minutes whose counts are kept while SQL is away; beyond it the oldest go
MOST_MINUTES = 120
#: how often each process puts together, and removes, what is old
_CONDENSES = timedelta(hours=1)


class Latency:
    """Counts of one process. `note` is for its event loop alone, which is why it needs no lock."""

    def __init__(self, store: Store, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now
        self._counts = [0] * BUCKETS
        #: all of this process: how many of each bucket, and their seconds together
        self.whole = [0] * BUCKETS
        self.seconds = 0.0
        #: what is not in SQL yet, by Unix minute
        self._waiting: dict[int, list[int]] = {}
        self._condensed_at: datetime | None = None

    def note(self, began: float) -> None:
        """A delivery that arrived at `began`, on the monotonic clock, was answered just now."""
        took = time.monotonic() - began
        bucket = bisect_left(SECONDS, took)
        self._counts[bucket] += 1
        self.whole[bucket] += 1
        self.seconds += took

    async def keep_adding(self) -> None:
        """Add to SQL every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            await self.add()

    async def add(self) -> None:
        """Add what was counted to SQL. Where it is away, that is tried again the next time."""
        now = self._now()
        self._set_aside(accept_times.minute(now))
        if not self._waiting:
            return
        try:
            await anyio.to_thread.run_sync(self._add, now)
        except StoreUnavailable:
            return  # intake has said so already
        except Exception:
            log.exception("latency.not_added")

    def _set_aside(self, minute: int) -> None:
        """Begin to count anew; what was counted is of this minute."""
        if any(self._counts):
            counts, self._counts = self._counts, [0] * BUCKETS
            before = self._waiting.get(minute, [0] * BUCKETS)
            self._waiting[minute] = [one + other for one, other in zip(before, counts, strict=True)]
        while len(self._waiting) > MOST_MINUTES:
            del self._waiting[min(self._waiting)]

    def _add(self, now: datetime) -> None:
        with self._store.write(durable=False) as sql:
            accept_times.add(sql, self._waiting)
            if due := self._condensed_at is None or now - self._condensed_at >= _CONDENSES:
                accept_times.condense(sql, now)
        self._waiting = {}  # here and not where it is waited for, which may be cancelled: they are in SQL now
        if due:
            self._condensed_at = now
