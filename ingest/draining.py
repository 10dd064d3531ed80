"""Bring what is in the spool into SQL as soon as it is back, and tell SQL what this machine's spool holds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime

import anyio.to_thread
import structlog

from ingest.intake import PROBE, Intake
from ingest.spool import Spool
from workers.errors import StoreUnavailable
from workers.store import spools
from workers.store.engine import Store
from workers.store.spools import RECENT, Held

log = structlog.get_logger(__name__)


class Draining:
    """One for each web process; those that share a folder tell the same of it."""

    def __init__(
        self, store: Store, intake: Intake, spool: Spool, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._intake = intake
        self._spool = spool
        self._now = now
        self._place = f"{socket.gethostname()}:{spool.folder.resolve()}"
        self._drained = 0
        self._drained_at: datetime | None = None
        self._told: Held | None = None

    async def keep_drained(self) -> None:
        """Look every second, until cancelled."""
        while True:
            await asyncio.sleep(PROBE)
            try:
                await anyio.to_thread.run_sync(self.look)
            except StoreUnavailable:
                continue  # intake has said so already
            except Exception:
                log.exception("spool.drain_failed")

    def look(self) -> None:
        """Drain the spool if it holds anything; say what it holds if that is news. Blocks."""
        if self._spool.bytes() and (drained := self._intake.drain()):
            log.info("spool.drained", deliveries=drained)
            now = self._now()
            fresh = self._drained_at is None or now - self._drained_at > RECENT
            self._drained = drained if fresh else self._drained + drained
            self._drained_at = now
        told = Held(
            self._place, self._spool.bytes(), self._spool.aside(), self._drained, self._drained_at, at=self._now()
        )
        if self._told is None or _said(told) != _said(self._told):
            with self._store.write(durable=False) as sql:
                spools.tell(sql, told)
            self._told = told


def _said(told: Held) -> tuple[int, int, int]:
    return told.bytes, told.aside, told.drained
