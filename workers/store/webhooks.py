"""Statements about webhooks, their tokens and their secrets. Secrets come and go sealed; the vault is the caller's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, delete, exists, insert, select, update
from uuid_utils.compat import uuid7

from workers.errors import Misconfigured
from workers.store.tables import receipts, webhook_secrets, webhooks
from workers.vault import Vault


@dataclass(frozen=True, slots=True)
class LiveSecret:
    """A secret that deliveries may be signed with, until `expires_at` (None: until replaced)."""

    id: UUID
    key: str
    created_at: datetime
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"LiveSecret({self.id})"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription. `token` makes its URL, `secrets` are newest first, `remote_id` is Cal.com's id of it."""

    id: UUID
    name: str
    connection: str
    token: str
    origin: str
    remote_id: str | None
    created_at: datetime
    secrets: tuple[LiveSecret, ...]

    def __repr__(self) -> str:
        return f"Webhook({self.name})"

    def url(self, base: str) -> str:
        """Where Cal.com posts to."""
        return f"{base}/in/{self.token}"


def digest(token: str) -> bytes:
    """What a token is looked up by: whoever reads the table's digests cannot post."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def add(
    connection: Connection,
    vault: Vault,
    *,
    name: str,
    pcid: str,
    token: str,
    secret: str,
    origin: str,
    now: datetime,
) -> UUID:
    """A new webhook with its first secret. A name that is taken raises IntegrityError."""
    webhook_id = uuid7()
    connection.execute(
        insert(webhooks).values(
            id=webhook_id,
            name=name,
            connection=pcid,
            token_digest=digest(token),
            token=vault.seal(f"webhook:{webhook_id}", token),
            origin=origin,
            created_at=now,
        )
    )
    add_secret(connection, vault, webhook_id, secret, now=now)
    return webhook_id


def add_secret(
    connection: Connection,
    vault: Vault,
    webhook_id: UUID,
    secret: str,
    *,
    now: datetime,
    expires_at: datetime | None = None,
) -> UUID:
    """One more live secret."""
    secret_id = uuid7()
    connection.execute(
        insert(webhook_secrets).values(
            id=secret_id,
            webhook_id=webhook_id,
            secret=vault.seal(f"secret:{webhook_id}", secret),
            created_at=now,
            expires_at=expires_at,
        )
    )
    return secret_id


def expire_secrets(connection: Connection, webhook_id: UUID, *, keep: UUID, at: datetime) -> None:
    """All secrets but `keep` that have no end yet prove nothing after `at`.

    One that has an end keeps it, be it sooner or later: until then Cal.com's queued jobs were promised to be believed.
    """
    connection.execute(
        update(webhook_secrets)
        .where(
            webhook_secrets.c.webhook_id == webhook_id,
            webhook_secrets.c.id != keep,
            webhook_secrets.c.expires_at.is_(None),
        )
        .values(expires_at=at)
    )


def drop_secret(connection: Connection, secret_id: UUID) -> None:
    """Take back a secret that never came into use."""
    connection.execute(delete(webhook_secrets).where(webhook_secrets.c.id == secret_id))


def set_remote_id(connection: Connection, webhook_id: UUID, remote_id: str | None) -> None:
    """Remember Cal.com's id of the webhook."""
    connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(remote_id=remote_id))


def every(connection: Connection, vault: Vault) -> list[Webhook]:
    """All webhooks by name, opened."""
    rows, sealed = _with_secrets(connection, select(webhooks).order_by(webhooks.c.name))
    return [
        Webhook(
            row.id,
            row.name,
            row.connection,
            vault.open(f"webhook:{row.id}", row.token),
            row.origin,
            row.remote_id,
            row.created_at,
            tuple(_opened(vault, one) for one in sealed[row.id]),
        )
        for row in rows
    ]


def live(connection: Connection, vault: Vault) -> list[tuple[bytes, UUID, str, tuple[LiveSecret, ...] | None]]:
    """(token digest, id, name, secrets newest first) of each webhook; None for secrets that this key does not open."""
    rows, sealed = _with_secrets(connection, select(webhooks.c.token_digest, webhooks.c.id, webhooks.c.name))
    found = []
    for row in rows:
        opened: tuple[LiveSecret, ...] | None
        try:
            opened = tuple(_opened(vault, one) for one in sealed[row.id])
        except Misconfigured:
            opened = None
        found.append((row.token_digest, row.id, row.name, opened))
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """How a webhook stands, without its token and its secrets; `secrets` are when each live one began and ends."""

    name: str
    connection: str
    origin: str
    state: str
    remote_id: str | None
    created_at: datetime
    last_delivery: datetime | None
    secrets: tuple[tuple[datetime, datetime | None], ...]


def standing(connection: Connection, *, now: datetime) -> list[Standing]:
    """All webhooks by name; nothing is opened for it."""
    rows, sealed = _with_secrets(connection, select(webhooks).order_by(webhooks.c.name))
    last = last_delivery(connection)
    return [
        Standing(
            row.name,
            row.connection,
            row.origin,
            state(row.remote_id, row.origin, used=row.id in last),
            row.remote_id,
            row.created_at,
            last.get(row.id),
            tuple(
                (one.created_at, one.expires_at)
                for one in sealed[row.id]
                if one.expires_at is None or one.expires_at > now
            ),
        )
        for row in rows
    ]


def state(remote_id: str | None, origin: str, *, used: bool) -> str:
    """How a webhook stands as far as it is known here; what Cal.com says of it is not asked."""
    if remote_id:
        return "registered"
    if origin == "adopted":
        return "adopted"
    return "retired" if used else "unregistered"


def _with_secrets(
    connection: Connection, query: Select[Any]
) -> tuple[list[Row[Any]], Mapping[UUID, Sequence[Row[Any]]]]:
    """The webhooks that a query gives, and the sealed secrets of each, the newest first.

    Each of the two questions sees what is committed by then. A webhook is made together with its first secret, so it is
    asked for before them; one without any was taken away in between.
    """
    rows = connection.execute(query).all()
    sealed: dict[UUID, list[Row[Any]]] = {}
    for row in connection.execute(select(webhook_secrets).order_by(webhook_secrets.c.id.desc())):
        sealed.setdefault(row.webhook_id, []).append(row)
    return [row for row in rows if row.id in sealed], sealed


def _opened(vault: Vault, row: Row[Any]) -> LiveSecret:
    return LiveSecret(row.id, vault.open(f"secret:{row.webhook_id}", row.secret), row.created_at, row.expires_at)


def by_name(connection: Connection, vault: Vault, name: str) -> Webhook | None:
    """One webhook."""
    return next((webhook for webhook in every(connection, vault) if webhook.name == name), None)


def anything_sealed(connection: Connection) -> bool:
    """Whether the database holds secrets that only its own key opens."""
    return connection.execute(select(webhook_secrets.c.id).limit(1)).first() is not None


def last_delivery(connection: Connection) -> dict[UUID, datetime]:
    """When each webhook's newest delivery came; one that never got any is not in it."""
    newest = select(receipts.c.received_at).where(receipts.c.webhook_id == webhooks.c.id)
    newest = newest.order_by(receipts.c.id.desc()).limit(1)
    rows = connection.execute(select(webhooks.c.id, newest.scalar_subquery().label("at")))
    return {row.id: row.at for row in rows if row.at is not None}


def used(connection: Connection) -> frozenset[UUID]:
    """The webhooks that ever got a delivery: the history names them, so they stay."""
    ever = exists().where(receipts.c.webhook_id == webhooks.c.id)
    return frozenset(connection.execute(select(webhooks.c.id).where(ever)).scalars())


def names(connection: Connection) -> Sequence[str]:
    """The names of all webhooks."""
    return connection.execute(select(webhooks.c.name).order_by(webhooks.c.name)).scalars().all()
