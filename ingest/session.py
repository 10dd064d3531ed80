"""Who is asking: a bearer key and its role. It decides nothing about what a route shows."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from uuid import UUID

import anyio.to_thread
from starlette.requests import HTTPConnection

from workers.errors import DaybookError
from workers.settings import Settings
from workers.store import keys
from workers.store.engine import Store
from workers.store.keys import Role


class SignInNeeded(DaybookError):
    """No valid key came with the request; send `Authorization: Bearer …` with one of `daybook keys create`."""


class NotAllowed(DaybookError):
    """The key's role does not cover this; ask an admin for a key with a higher role."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The key that asks: its name and role, and its id unless it is the one in the settings."""

    name: str
    role: Role
    key_id: UUID | None = None


def allow(identity: Identity, needed: Role) -> None:
    """Raises `NotAllowed` unless the role covers what is needed."""
    if not identity.role.covers(needed):
        raise NotAllowed(f"a key with role {identity.role} may not do this; it needs role {needed}.")


class Doorkeeper:
    """Finds out who asks. Keys are looked up in SQL each time, so that a revoked one is worthless at once."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._admin_key = settings.admin_key.get_secret_value() if settings.admin_key else None
        self._store = store

    async def identify(self, request: HTTPConnection, needed: Role) -> Identity:
        """Who asks. Raises `SignInNeeded` or `NotAllowed`."""
        identity = await self.recognise(request)
        allow(identity, needed)
        return identity

    async def recognise(self, request: HTTPConnection) -> Identity:
        """Who asks, whatever the role. Raises `SignInNeeded`."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key:
            raise SignInNeeded
        if self._admin_key and hmac.compare_digest(keys.digest(key), keys.digest(self._admin_key)):
            return Identity("DAYBOOK_ADMIN_KEY", Role.ADMIN)
        found = await anyio.to_thread.run_sync(self._find, key)
        if found is None:
            raise SignInNeeded
        return Identity(found.name, found.role, found.id)

    def _find(self, key: str) -> keys.Key | None:
        with self._store.read() as connection:
            return keys.find(connection, key)
