"""Statements about leases: one holder of a name at a time, until a moment by the database's own clock."""

from __future__ import annotations

from sqlalchemy import Connection, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from workers.store.clock import clock
from workers.store.tables import leases


def take(connection: Connection, name: str, holder: str, seconds: float) -> bool:
    """Take or renew a lease; False while another holder's is still running.

    The clock is the database's, so that machines with different clocks agree.
    """
    now = clock(connection)
    new = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(leases)
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


def holds(connection: Connection, name: str, holder: str) -> bool:
    """Whether `holder` has the lease, unless it has just run out."""
    return connection.execute(select(leases.c.holder).where(leases.c.name == name)).scalar_one_or_none() == holder


def give_up(connection: Connection, name: str, holder: str) -> None:
    """Let go of a lease, so that another may take it at once."""
    connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def holder(connection: Connection, name: str) -> str | None:
    """Who has the lease; None where nobody has, or it has run out."""
    running = select(leases.c.holder).where(leases.c.name == name, leases.c.expires_at >= clock(connection))
    return connection.execute(running).scalar_one_or_none()
