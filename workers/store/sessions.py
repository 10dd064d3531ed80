"""Statements about who is signed in, and about links that sign in once. Of either only the hash is kept.

A session lives as long as the key in whose name it is: there is no list of sessions to be cleared when one is revoked.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, insert, select

from workers.store.keys import Role
from workers.store.quick import Quick
from workers.store.tables import keys, sessions, sign_in_links

#: how long a link may lie about
LINK_LIVES = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in; `key_id` None: by the key in the settings, or by an OIDC provider."""

    name: str
    role: Role
    key_id: UUID | None
    expires_at: datetime


def digest(token: str) -> bytes:
    """Tokens are 256 random bits, so a plain hash is enough: there is nothing to guess."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def begin(sql: Connection, *, name: str, role: Role, key_digest: bytes | None, now: datetime, lives: timedelta) -> str:
    """A new session; returns the only copy of its token. With `key_digest` it ends when that key does."""
    token = secrets.token_urlsafe(32)
    sql.execute(delete(sessions).where(sessions.c.expires_at < now))
    sql.execute(
        insert(sessions).values(
            digest=digest(token),
            name=name,
            role=role.value,
            key_digest=key_digest,
            created_at=now,
            expires_at=now + lives,
        )
    )
    return token


def find(sql: Connection, token: str, *, admin_digest: bytes | None, now: datetime) -> Session | None:
    """Whose session this is; None where it is nobody's any more. `admin_digest` is that of the key in the settings."""
    row = _FIND.one(sql, digest=digest(token), now=now)
    if row is None:
        return None
    if row.key_digest is None or (admin_digest is not None and row.key_digest == admin_digest):
        return Session(row.name, Role(row.role), None, row.expires_at)
    if row.key_id is None or row.revoked_at is not None:
        return None
    return Session(row.name, Role(row.key_role), row.key_id, row.expires_at)


#: asked for every page, so made once
_FIND = Quick(
    select(
        sessions.c.name,
        sessions.c.role,
        sessions.c.key_digest,
        sessions.c.expires_at,
        keys.c.id.label("key_id"),
        keys.c.role.label("key_role"),
        keys.c.revoked_at,
    )
    .outerjoin(keys, keys.c.digest == sessions.c.key_digest)
    .where(sessions.c.digest == bindparam("digest"), sessions.c.expires_at > bindparam("now"))
)


def end(sql: Connection, token: str) -> None:
    """Sign out."""
    sql.execute(delete(sessions).where(sessions.c.digest == digest(token)))


def make_link(sql: Connection, key_digest: bytes, *, now: datetime) -> str:
    """A token that signs in once in the name of the key with this hash; the only copy of it."""
    token = secrets.token_urlsafe(32)
    sql.execute(delete(sign_in_links).where(sign_in_links.c.expires_at < now))
    sql.execute(insert(sign_in_links).values(digest=digest(token), key_digest=key_digest, expires_at=now + LINK_LIVES))
    return token


def use_link(sql: Connection, token: str, *, now: datetime) -> bytes | None:
    """The hash of the key that a link stands for, which is then used up; None where it is used, late or none."""
    used = (
        delete(sign_in_links)
        .where(sign_in_links.c.digest == digest(token), sign_in_links.c.expires_at > now)
        .returning(sign_in_links.c.key_digest)
    )
    return sql.execute(used).scalar_one_or_none()
