"""What the drivers raise where they are spoken to directly, as SQLAlchemy's errors: callers know those alone."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

#: what to catch around a driver
ERRORS = (sqlite3.Error, psycopg.Error)


def translated(connection: Connection, statement: str, error: sqlite3.Error | psycopg.Error) -> Exception:
    """The error to raise, without the values. A connection that is gone is not used again."""
    base = sqlite3.Error if isinstance(error, sqlite3.Error) else psycopg.Error
    driver: Any = connection.connection.driver_connection
    gone = base is psycopg.Error and bool(driver.closed)
    if gone:
        connection.invalidate(error)
    return DBAPIError.instance(
        statement, None, error, base, hide_parameters=True, connection_invalidated=gone, dialect=connection.dialect
    )
