"""Statements about `once` of runs that are forgotten or were scrubbed: an effect stays done once when its run is gone.

Only a digest is kept, for what a rule's `once_per` gave may be a person's address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from workers.store.tables import spent_keys

#: digests of one statement
_ROWS = 1_000


def digest(once: str) -> bytes:
    """What is kept of one."""
    return sha256(once.encode("utf-8", "surrogatepass")).digest()


def keep(connection: Connection, once: Iterable[str], now: datetime) -> None:
    """No run may have one of these any more."""
    digests = sorted({digest(each) for each in once})
    new = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(spent_keys)
    for start in range(0, len(digests), _ROWS):
        rows = [{"digest": each, "at": now} for each in digests[start : start + _ROWS]]
        connection.execute(new.values(rows).on_conflict_do_nothing(index_elements=[spent_keys.c.digest]))


def among(connection: Connection, once: Collection[str]) -> set[str]:
    """Those of `once` that are spent."""
    by_digest = {digest(each): each for each in once}
    digests = list(by_digest)
    found: set[str] = set()
    for start in range(0, len(digests), _ROWS):
        query = select(spent_keys.c.digest).where(spent_keys.c.digest.in_(digests[start : start + _ROWS]))
        found |= {by_digest[bytes(each)] for each in connection.execute(query).scalars()}
    return found
