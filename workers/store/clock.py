"""The database's clock, by which leases are judged: machines with different clocks agree on it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, cast, extract, func, literal_column
from sqlalchemy import Float as SqlFloat


def clock(connection: Connection) -> ColumnElement[Any]:
    """Now, in Unix seconds, as an expression."""
    return clock_of(sqlite=connection.dialect.name == "sqlite")


def clock_of(*, sqlite: bool) -> ColumnElement[Any]:
    """The same, for statements that are made once."""
    if sqlite:
        return literal_column("(julianday('now') - 2440587.5) * 86400.0", SqlFloat)
    return cast(extract("epoch", func.clock_timestamp()), SqlFloat)
