"""Statements about keys: who may ask and command. Only the hash of a key is kept; it is shown once, when made."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, insert, select, update
from uuid_utils.compat import uuid7

from workers.errors import BadInput, Conflict
from workers.store.events import spell
from workers.store.quick import Quick
from workers.store.tables import keys

PREFIX = "daybook_"
#: characters of a name
LONGEST_NAME = 100


class Role(StrEnum):
    """What a key may do; each may do what the ones before it may."""

    VIEWER = "viewer"  #: read the history
    OPERATOR = "operator"  #: replay, release, discard
    ADMIN = "admin"  #: connections, webhooks, keys

    def covers(self, needed: Role) -> bool:
        """Whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept."""

    id: UUID
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None


def digest(key: str) -> bytes:
    """Keys are 256 random bits, so a plain hash is enough: there is nothing to guess."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def create(connection: Connection, *, name: str, role: Role, now: datetime, key: str | None = None) -> tuple[Key, str]:
    """A new key; the second value is the only copy of it there will be."""
    key = key or PREFIX + secrets.token_urlsafe(32)
    made = Key(uuid7(), name, role, now, None)
    connection.execute(insert(keys).values(id=made.id, name=name, role=role.value, digest=digest(key), created_at=now))
    return made, key


def named(name: str) -> str:
    """A name that a key may have; raises `BadInput` for another."""
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise BadInput(f"the name of a key must be 1 to {LONGEST_NAME} printable characters.")
    return name


def issue(connection: Connection, *, name: str, role: Role, now: datetime) -> tuple[Key, str]:
    """A new key as people ask for it: no two live ones have one name. Raises `BadInput` or `Conflict`."""
    if any(key.name == named(name) and key.revoked_at is None for key in every(connection)):
        raise Conflict(f"there is a key {name!r} already; choose another name, or revoke that one first.")
    return create(connection, name=name, role=role, now=now)


def find(connection: Connection, key: str) -> Key | None:
    """The key with this text, unless it was revoked."""
    return of_digest(connection, digest(key))


def of_digest(connection: Connection, of: bytes) -> Key | None:
    """The key with this hash, unless it was revoked."""
    row = _OF_DIGEST.one(connection, digest=of)
    return _key(row) if row else None


#: asked with every request that brings a key, so made once
_OF_DIGEST = Quick(select(keys).where(keys.c.digest == bindparam("digest"), keys.c.revoked_at.is_(None)))


def digest_of(connection: Connection, key_id: UUID) -> bytes | None:
    """The hash of a live key; None where there is no such one."""
    query = select(keys.c.digest).where(keys.c.id == key_id, keys.c.revoked_at.is_(None))
    return connection.execute(query).scalar_one_or_none()


def every(connection: Connection) -> list[Key]:
    """All keys, oldest first, revoked ones too."""
    return [_key(row) for row in connection.execute(select(keys).order_by(keys.c.id))]


def revoke(connection: Connection, key_id: UUID, *, now: datetime) -> bool:
    """Make a key worthless; False where there is no such live key."""
    changed = connection.execute(
        update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    return changed.rowcount == 1


def shape(key: Key) -> dict[str, Any]:
    """A key as it is shown: without itself."""
    return {
        "id": str(key.id),
        "name": key.name,
        "role": key.role.value,
        "created_at": spell(key.created_at),
        "revoked_at": spell(key.revoked_at),
    }


def count(connection: Connection) -> int:
    """How many keys there ever were."""
    return int(connection.execute(select(func.count()).select_from(keys)).scalar_one())


def _key(row: Any) -> Key:
    return Key(row.id, row.name, Role(row.role), row.created_at, row.revoked_at)
