"""The webhooks as this process knows them: token to webhook and its live secrets. SQL is the truth, this a copy.

A token that is not in the copy is only unknown once SQL, asked after the delivery came, does not know it either:
another process may have registered it a moment ago. Questions that wait together share one look.
"""

from __future__ import annotations

import asyncio
import time
from contextvars import Context
from dataclasses import dataclass
from uuid import UUID

import anyio.to_thread
import structlog

from ingest.signatures import Secret
from workers.errors import StoreUnavailable
from workers.store import webhooks
from workers.store.engine import Store
from workers.vault import Vault

log = structlog.get_logger(__name__)

#: seconds between two looks when nobody asks
REFRESH = 2.0
#: seconds that a look may take
PATIENCE = 5.0
#: least seconds between two looks when many ask
PACE = 0.02


@dataclass(frozen=True, slots=True)
class Listed:
    """What a delivery needs to know of its webhook."""

    id: UUID
    name: str
    secrets: tuple[Secret, ...] | None  #: None: they do not open with our key


class Roster:
    """`find(token)` answers from the copy; `look()` renews it."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._by_digest: dict[bytes, Listed] = {}
        self._looking: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self.looked_at = 0.0  # monotonic seconds of the newest copy; 0: none yet

    def cached(self, token: str) -> Listed | None:
        """The webhook of a token, as of the last look."""
        return self._by_digest.get(webhooks.digest(token))

    def by_id(self, webhook_id: UUID) -> Listed | None:
        """A webhook, as of the last look."""
        return next((listed for listed in self._by_digest.values() if listed.id == webhook_id), None)

    async def find(self, token: str) -> Listed | None:
        """The webhook of a token; None only if SQL says so. Raises `StoreUnavailable` where that cannot be known."""
        found = self.cached(token)
        if found is None:
            await self.look()
            found = self.cached(token)
        return found

    async def look(self) -> None:
        """Renew the copy by a look that begins after this call; calls that wait together share it."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._load(), context=Context())
            await asyncio.shield(self._looking)
            return
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._after(self._looking), context=Context())
        await asyncio.shield(self._next)

    async def _after(self, earlier: asyncio.Task[None]) -> None:
        await asyncio.wait([earlier])
        await asyncio.sleep(PACE)  # a flood of unknown tokens or forged signatures costs SQL fifty small looks a second
        self._next = None  # who asks from now on waits for a look that has not begun
        self._looking = asyncio.create_task(self._load(), context=Context())
        await asyncio.shield(self._looking)

    async def _load(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                listed = await anyio.to_thread.run_sync(self._read, abandon_on_cancel=True)
        except TimeoutError:
            raise StoreUnavailable(f"the database did not answer within {PATIENCE:.0f} s.") from None
        self._by_digest = listed
        self.looked_at = time.monotonic()

    def _read(self) -> dict[bytes, Listed]:
        with self._store.read() as connection:
            found = webhooks.live(connection, self._vault)
        listed = {}
        for digest, webhook_id, name, secrets in found:
            if secrets is None:  # one webhook whose key is missing leaves the others alone
                log.error("roster.sealed", webhook=name, remedy="DAYBOOK_SECRET_KEY does not open its secrets")
                listed[digest] = Listed(webhook_id, name, None)
                continue
            ours = tuple(Secret(one.id, one.key.encode(), one.expires_at) for one in secrets)
            listed[digest] = Listed(webhook_id, name, ours)
        return listed

    async def keep_fresh(self) -> None:
        """Look again and again, so that a new secret is known before the first delivery signed with it."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("roster.sql_away", reason=error.message)
            except Exception:  # whatever it was, the next look may go well
                log.exception("roster.failed")
            await asyncio.sleep(REFRESH)
