"""Statements about drift: the last look at what Cal.com has registered for each connection. Looking is `drift`'s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from workers.store.tables import connections, drift


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a connection. `at` None: nobody looked yet. `problem`: why nothing could be seen; then the
    differences are none."""

    connection: str
    at: datetime | None
    differences: Sequence[Mapping[str, Any]]
    problem: str | None


def keep(
    sql: Connection, pcid: str, differences: Sequence[Mapping[str, Any]], problem: str | None, at: datetime
) -> None:
    """Keep a look in place of the one before. Of a connection that is gone by then nothing is kept."""
    values = {"connection": pcid, "at": at, "differences": [*differences], "problem": problem}
    try:
        with sql.begin_nested():
            sql.execute(delete(drift).where(drift.c.connection == pcid))
            sql.execute(insert(drift).values(values))
    except IntegrityError:
        pass  # it was removed meanwhile; or another looked at the same moment, and saw the same


def every(sql: Connection) -> list[Look]:
    """The last look at each connection, by PCID."""
    query = select(connections.c.pcid, drift.c.at, drift.c.differences, drift.c.problem)
    query = query.outerjoin(drift, drift.c.connection == connections.c.pcid).order_by(connections.c.pcid)
    return [Look(row.pcid, row.at, row.differences or [], row.problem) for row in sql.execute(query)]
