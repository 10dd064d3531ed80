"""How much of what is not proved to be Cal.com's may be kept: a bound by rate, count and bytes for each webhook."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from uuid import UUID

import anyio.to_thread

from workers.errors import StoreUnavailable
from workers.settings import Settings
from workers.store import receipts
from workers.store.engine import Store

#: seconds that SQL may take to say how much is held
_PATIENCE = 5.0


class Quarantine:
    """`admits(webhook, size)` says whether one more may be kept. The rate is this process's, the rest is SQL's."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._count = settings.quarantine_count
        self._bytes = settings.quarantine_bytes
        self._per_minute = settings.quarantine_per_minute
        self._minute: dict[UUID, tuple[int, int]] = defaultdict(lambda: (0, 0))
        self.refused = 0  # since the start; for the metrics

    async def admits(self, webhook_id: UUID, size: int) -> bool:
        """Count this delivery and say whether it may be kept. Raises `StoreUnavailable`."""
        minute = int(time.monotonic() // 60)
        then, taken = self._minute[webhook_id]
        if then != minute:
            taken = 0
        if taken >= self._per_minute:  # asked first: a flood costs no SQL
            self.refused += 1
            return False
        self._minute[webhook_id] = (minute, taken + 1)
        try:
            async with asyncio.timeout(_PATIENCE):
                count, held = await anyio.to_thread.run_sync(self._held, webhook_id, abandon_on_cancel=True)
        except TimeoutError:
            raise StoreUnavailable(f"the database did not answer within {_PATIENCE:.0f} s.") from None
        if count >= self._count or held + size > self._bytes:
            self.refused += 1
            return False
        return True

    def _held(self, webhook_id: UUID) -> tuple[int, int]:
        with self._store.read() as connection:
            return receipts.quarantined(connection, webhook_id)
