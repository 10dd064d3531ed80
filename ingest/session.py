"""Who is asking: a bearer key, or a session of the pages; and the role. It decides nothing about what a route shows."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit
from uuid import UUID

import anyio.to_thread
from starlette.requests import HTTPConnection

from ingest import forgery
from workers.errors import DaybookError
from workers.settings import Settings
from workers.store import keys, sessions
from workers.store.engine import Store
from workers.store.keys import Role

#: the session's cookie; the first where the page came by https, which then no other host and no plain HTTP can set
_SECURE_COOKIE, _COOKIE = "__Host-daybook", "daybook"


class SignInNeeded(DaybookError):
    """No valid key came with the request; send `Authorization: Bearer …` with one of `daybook keys create`."""


class NotAllowed(DaybookError):
    """The key's role does not cover this; ask an admin for a key with a higher role."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: the name and role, and the id of the key unless it is the one in the settings or an OIDC provider's.

    `session` is the cookie's value of who is signed in on the pages; None: a bearer key.
    """

    name: str
    role: Role
    key_id: UUID | None = None
    session: str | None = None


def allow(identity: Identity, needed: Role) -> None:
    """Raises `NotAllowed` unless the role covers what is needed."""
    if not identity.role.covers(needed):
        raise NotAllowed(f"a key with role {identity.role} may not do this; it needs role {needed}.")


def secure(request: HTTPConnection, public_url: str | None) -> bool:
    """Whether the browser reached us by https, as far as can be told: it decides how a cookie is named and kept."""
    if request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "").lower() == "https":
        return True
    public = urlsplit(public_url or "")
    return public.scheme == "https" and request.headers.get("host", "").lower() == public.netloc.lower()


def cookie(request: HTTPConnection, public_url: str | None) -> str:
    """The name of the session's cookie for this request."""
    return _SECURE_COOKIE if secure(request, public_url) else _COOKIE


class Doorkeeper:
    """Finds out who asks. Keys are looked up in SQL each time, so that a revoked one is worthless at once.

    `pages`: whether who is signed in on the pages may ask too.
    """

    def __init__(self, settings: Settings, store: Store, *, pages: bool = False) -> None:
        self._admin_key = settings.admin_key.get_secret_value() if settings.admin_key else None
        self._public_url = settings.public_url
        self._store = store
        self._pages = pages

    @property
    def admin_digest(self) -> bytes | None:
        """The hash of the key in the settings."""
        return keys.digest(self._admin_key) if self._admin_key else None

    async def identify(self, request: HTTPConnection, needed: Role) -> Identity:
        """Who asks. Raises `SignInNeeded` or `NotAllowed`."""
        identity = await self.recognise(request)
        allow(identity, needed)
        return identity

    async def recognise(self, request: HTTPConnection) -> Identity:
        """Who asks, whatever the role. Raises `SignInNeeded`."""
        return await anyio.to_thread.run_sync(self.claim(request))

    def claim(self, request: HTTPConnection) -> Callable[[], Identity]:
        """How who asks is found out, in a thread, for it reads SQL: it gives the identity or raises `SignInNeeded`.

        Raises that here, and asks nobody, where nothing came with the request that says who it is.
        """
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        key = key.strip()
        token = request.cookies.get(cookie(request, self._public_url)) if self._pages else None
        if not key and token:
            return partial(self._signed_in, token)
        if scheme.lower() != "bearer" or not key:
            raise SignInNeeded
        return partial(self.by_key, key)

    def by_key(self, key: str) -> Identity:
        """Whose key this is. Raises `SignInNeeded`."""
        if self._admin_key and hmac.compare_digest(keys.digest(key), keys.digest(self._admin_key)):
            return Identity("DAYBOOK_ADMIN_KEY", Role.ADMIN)
        with self._store.read() as connection:
            found = keys.find(connection, key)
        if found is None:
            raise SignInNeeded
        return Identity(found.name, found.role, found.id)

    def meant(self, request: HTTPConnection, identity: Identity, given: str | None) -> None:
        """Raises `NotAllowed` for a request that changes something and that a signed-in person may not have meant."""
        if identity.session is None:
            return
        if not forgery.same_origin(request.headers, self._public_url):
            raise NotAllowed("this came from a page of another origin; do it on Daybook's own pages.")
        if not forgery.genuine(identity.session, given):
            raise NotAllowed("the page was from another session; load it again, and do it once more.")

    def _signed_in(self, token: str) -> Identity:
        with self._store.read() as connection:
            found = sessions.find(connection, token, admin_digest=self.admin_digest, now=datetime.now(UTC))
        if found is None:
            raise SignInNeeded
        return Identity(found.name, found.role, found.key_id, token)
