"""Statements about connections: which Cal.com organizations Daybook may act for. Taking one away is in `removals`.

A credential goes in and comes out as the text its owner made of it (`workers.reach`); at rest it is sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection as Sql
from sqlalchemy import insert, select, update

from workers.errors import NotFound
from workers.store.tables import connections
from workers.vault import Vault


class Kind(StrEnum):
    """How the tools of a connection are reached."""

    CALCOM = "calcom"  #: Cal.com's API v2 directly
    MCP = "mcp"  #: the same tools on a remote MCP server, which has the credential for Cal.com


@dataclass(frozen=True, slots=True)
class Connection:
    """A Cal.com organization as it is kept, without its credential. `per_minute` 0: no rate of our own."""

    pcid: str
    kind: Kind
    base_url: str
    org_id: int
    per_minute: int
    created_at: datetime


def add(sql: Sql, vault: Vault, connection: Connection, credential: str) -> None:
    """A new connection. A PCID that is taken raises IntegrityError."""
    sql.execute(insert(connections).values(pcid=connection.pcid, **_values(vault, connection, credential)))


def replace(sql: Sql, vault: Vault, connection: Connection, credential: str) -> bool:
    """Everything of a connection but its PCID and its webhooks; False where there is none."""
    values = _values(vault, connection, credential)
    del values["created_at"]
    changed = sql.execute(update(connections).where(connections.c.pcid == connection.pcid).values(**values))
    return changed.rowcount == 1


def every(sql: Sql) -> list[Connection]:
    """All connections by PCID."""
    return [_connection(row) for row in sql.execute(select(connections).order_by(connections.c.pcid))]


def names(sql: Sql) -> Sequence[str]:
    """The PCIDs of all connections."""
    return sql.execute(select(connections.c.pcid).order_by(connections.c.pcid)).scalars().all()


def get(sql: Sql, vault: Vault, pcid: str) -> tuple[Connection, str]:
    """One connection and its credential, opened. Raises NotFound."""
    row = sql.execute(select(connections).where(connections.c.pcid == pcid)).one_or_none()
    if row is None:
        raise unknown(pcid, names(sql))
    return _connection(row), vault.open(_context(pcid), row.credential)


def unknown(pcid: str, known: Sequence[str]) -> NotFound:
    """The error for a PCID that is no connection's: it says which there are."""
    there = f"there are: {', '.join(known)}" if known else "there is none yet"
    return NotFound(f"There is no connection {pcid[:200]!r}; {there}. `daybook connections add` makes one.")


def _values(vault: Vault, connection: Connection, credential: str) -> dict[str, Any]:
    return {
        "kind": connection.kind.value,
        "base_url": connection.base_url,
        "org_id": connection.org_id,
        "credential": vault.seal(_context(connection.pcid), credential),
        "per_minute": connection.per_minute,
        "created_at": connection.created_at,
    }


def _context(pcid: str) -> str:
    return f"connection:{pcid}"


def _connection(row: Any) -> Connection:
    return Connection(row.pcid, Kind(row.kind), row.base_url, row.org_id, row.per_minute, row.created_at)
