"""Statements about whatever is sealed, whosever it is: each with its place, and put back only if nobody changed it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, select, update

from workers.store.tables import connections, webhook_secrets, webhooks

#: every sealed column by what it is called for people, with the key of its table
_COLUMNS: dict[str, tuple[Column[Any], Column[Any]]] = {
    "credentials": (connections.c.credential, connections.c.pcid),
    "tokens": (webhooks.c.token, webhooks.c.id),
    "secrets": (webhook_secrets.c.secret, webhook_secrets.c.id),
}


class Sealed(NamedTuple):
    """Something sealed: what it is, whose, and as it is sealed now."""

    what: str
    key: Any
    token: str


def every(connection: Connection) -> Iterator[Sealed]:
    """All that is sealed. There is little of it: some for each webhook and each connection."""
    for what, (column, key) in _COLUMNS.items():
        for row in connection.execute(select(key, column).order_by(key)):
            yield Sealed(what, row[0], row[1])


def put(connection: Connection, sealed: Sealed, token: str) -> bool:
    """Put another token in its place; False where it is another by now, or gone."""
    column, key = _COLUMNS[sealed.what]
    same = (key == sealed.key, column == sealed.token)
    return connection.execute(update(column.table).where(*same).values({column.name: token})).rowcount == 1
