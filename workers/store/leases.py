"""Statements about leases: one holder of a name at a time, until a moment by the database's own clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, cast, delete, extract, func, literal_column, or_
from sqlalchemy import Float as SqlFloat
from sqlalchemy.dialects import postgresql, sqlite

from workers.store.tables import leases


def take(connection: Connection, name: str, holder: str, seconds: float) -> bool:
    """Take or renew a lease; False while another holder's is still running.

    The clock is the database's, so that machines with different clocks agree.
    """
    on_sqlite = connection.dialect.name == "sqlite"
    now: ColumnElement[Any]
    if on_sqlite:
        now = literal_column("(julianday('now') - 2440587.5) * 86400.0", SqlFloat)
    else:
        now = cast(extract("epoch", func.clock_timestamp()), SqlFloat)
    new = (sqlite if on_sqlite else postgresql).insert(leases)
    statement = (
        new.values(name=name, holder=holder, expires_at=now + seconds)
        .on_conflict_do_update(
            index_elements=[leases.c.name],
            set_={"holder": holder, "expires_at": now + seconds},
            # An end farther off than a lease lasts was set by a clock that has been put back since.
            where=or_(
                leases.c.holder == holder, leases.c.expires_at < now, leases.c.expires_at > now + max(2 * seconds, 600)
            ),
        )
        .returning(leases.c.holder)
    )
    return connection.execute(statement).scalar() == holder


def give_up(connection: Connection, name: str, holder: str) -> None:
    """Let go of a lease, so that another may take it at once."""
    connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))
