"""Group commit: deliveries that arrive together become one transaction. It neither verifies nor answers.

One flush is under way at a time, on a thread of its own; what arrives meanwhile waits and is the next batch. There
is no timer: a lone delivery is committed at once, a crowd shares its fsync.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from uuid import UUID

import structlog

from ingest.spool import Spool, SpoolFull
from workers.errors import DaybookError, StoreUnavailable
from workers.store import receipts
from workers.store.engine import ROW_REFUSED, Store
from workers.store.receipts import Kept, Receipt

log = structlog.get_logger(__name__)

#: rows of one transaction: beyond this a longer statement gains nothing
BATCH = 128
#: bytes of bodies of one transaction, unless a single one is larger
BATCH_BYTES = 16 * 1024 * 1024
#: seconds that SQL may take for a batch before the spool is taken instead; Cal.com waits 20
DEADLINE = 11.0
#: bytes of bodies that may wait for a flush; above, the sender is asked to come again
WAITING_BYTES = 256 * 1024 * 1024
#: seconds between two tries to reach SQL once it was found away
PROBE = 1.0


class Overloaded(DaybookError):
    """More deliveries wait than memory allows; Cal.com will send this one again."""


class Intake:
    """`await keep(receipt)` returns once the receipt is durable: in SQL, or in the spool while SQL is away.

    It raises `StoreUnavailable` where neither could hold it, `Overloaded` where too much waits already.
    `ring` is told the ids that were committed; it must return at once.
    """

    def __init__(self, store: Store, spool: Spool, ring: Callable[[Sequence[UUID]], None]) -> None:
        self._store = store
        self._spool = spool
        self._ring = ring
        self._writer = _writer()
        self._waiting: list[tuple[Receipt, asyncio.Future[Kept]]] = []
        self._waiting_bytes = 0
        self._flushing: asyncio.Task[None] | None = None
        self._away_until = 0.0  # monotonic seconds; SQL is not asked before

    async def keep(self, receipt: Receipt) -> Kept:
        size = len(receipt.body)
        if self._waiting_bytes + size > WAITING_BYTES:
            raise Overloaded
        future: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._waiting.append((receipt, future))
        self._waiting_bytes += size
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush(), context=Context())
        return await future

    @property
    def spooling(self) -> bool:
        """True while SQL is taken for away."""
        return time.monotonic() < self._away_until

    async def _flush(self) -> None:
        try:
            while self._waiting:
                size = _fitting(self._waiting)
                batch, self._waiting = self._waiting[:size], self._waiting[size:]
                rows = [receipt for receipt, _ in batch]
                results = await self._within_deadline(rows)
                for (receipt, future), result in zip(batch, results, strict=True):
                    self._waiting_bytes -= len(receipt.body)
                    if future.cancelled():
                        continue
                    if isinstance(result, Kept):
                        future.set_result(result)
                    else:
                        future.set_exception(result)
        finally:
            self._flushing = None

    async def _within_deadline(self, rows: list[Receipt]) -> list[Kept | DaybookError]:
        """SQL, else the spool, else an error for each. SQL that hangs counts as away when the deadline has passed:
        what it may still commit then is the same receipts, and the drain counts them as repeated."""
        loop = asyncio.get_running_loop()
        try:
            if not self.spooling:
                try:
                    async with asyncio.timeout(DEADLINE):
                        return await loop.run_in_executor(self._writer, self._commit, rows)
                except TimeoutError:
                    log.error("intake.sql_hangs", seconds=DEADLINE)
                    self._writer = _writer()  # the old one's thread ends when SQL lets go of it
                except StoreUnavailable as error:
                    log.warning("intake.sql_away", reason=error.message)
                self._away_until = time.monotonic() + PROBE
            return await loop.run_in_executor(self._writer, self._spooled, rows)
        except Exception as error:  # a bug: these senders are told to come again, the next batch goes on
            log.exception("intake.failed", deliveries=len(rows))
            return [StoreUnavailable(f"the delivery could not be kept: {type(error).__name__}")] * len(rows)

    def _spooled(self, batch: list[Receipt]) -> list[Kept | DaybookError]:
        """On the writer's thread: into the spool."""
        try:
            self._spool.append(batch)
        except SpoolFull as error:
            log.error("intake.spool_full", reason=str(error))
            return [StoreUnavailable(f"SQL is away and {error}")] * len(batch)
        return [Kept(receipt.id, False, True) for receipt in batch]

    def _commit(self, batch: list[Receipt]) -> list[Kept | DaybookError]:
        """On the writer's thread: into SQL, and the bell rung for it."""
        kept = self._keep(batch)
        self._ring([one.id for one in kept if one.waiting])
        return [*kept]

    def _keep(self, batch: list[Receipt]) -> list[Kept]:
        """All at once; where SQL refuses the batch, one by one, so that a poison row holds no other back.

        One that is refused by itself is set aside on disk: it is kept, and a person has to look at it.
        """
        try:
            return receipts.keep(self._store, batch)
        except ROW_REFUSED:
            if len(batch) == 1:
                log.exception("intake.refused", delivery=str(batch[0].id))
                try:
                    self._spool.set_aside(batch[0])
                except SpoolFull as error:
                    raise StoreUnavailable(f"the database refused the delivery, and {error}") from error
                return [Kept(batch[0].id, False, False)]
        return [kept for receipt in batch for kept in self._keep([receipt])]

    def drain(self) -> int:
        """Bring what is in the spool into SQL; how many. Blocks; `StoreUnavailable` while SQL is still away."""
        self._store.ping()
        return self._spool.drain(self._commit)

    async def close(self) -> None:
        """Let the deliveries that wait be committed."""
        while self._flushing is not None:
            await asyncio.wait([self._flushing])
        await asyncio.get_running_loop().run_in_executor(None, self._writer.shutdown)  # DEADLINE has bounded its work
        self._spool.close()


def _writer() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="intake")


def _fitting(waiting: Sequence[tuple[Receipt, object]]) -> int:
    """How many of those that wait make one transaction: bounded by rows and by bytes, one at the least."""
    size = 0
    for number, (receipt, _) in enumerate(waiting[:BATCH]):
        size += len(receipt.body)
        if size > BATCH_BYTES and number:
            return number
    return min(len(waiting), BATCH)
