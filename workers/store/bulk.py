"""Many new rows at once, the fastest way that each database has: statements of many rows on SQLite, binary COPY on
PostgreSQL. Both drivers are spoken to directly: SQLAlchemy's handling of a statement costs as much as SQLite's of a
row, and COPY costs PostgreSQL's driver a third of what its executemany does. Rows that may conflict are not for this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
from psycopg.types.json import set_json_dumps
from sqlalchemy import BigInteger, Boolean, Column, Connection, Float, Integer, LargeBinary, Table, Text, Uuid

from workers.store.driver import ERRORS, translated
from workers.store.tables import Document, Instant

set_json_dumps(msgspec.json.encode)

Convert = Callable[[Any], Any]
#: rows of SQLite's longest statement. Each statement lets go of the interpreter once and must get it back from a busy
#: event loop: a row at a time, a batch waits for it a hundred times with the database's lock in hand
_MOST = 64


@dataclass(frozen=True, slots=True)
class Rows:
    """New rows of a table as a database takes them. What costs time is done by now: a lock need not be held for it."""

    table: Table
    columns: tuple[str, ...]
    values: list[Sequence[Any]]


def spell(table: Table, columns: tuple[str, ...], rows: Iterable[Sequence[Any]], *, sqlite: bool) -> Rows:
    """`rows`, whose values are Python's (UUID, aware datetime, dict, …) in the order of `columns`."""
    if not sqlite:
        return Rows(table, columns, list(rows))
    converts = _converts(table, columns)
    spelt: list[Sequence[Any]] = []
    for row in rows:
        values = list(row)
        for place, convert in converts:
            value = values[place]
            if value is not None:
                values[place] = convert(value)
        spelt.append(values)
    return Rows(table, columns, spelt)


def insert_many(connection: Connection, rows: Rows) -> None:
    """Insert what was spelt for this kind of database.

    Raises SQLAlchemy's IntegrityError where a row exists already, another of its errors where the database is away.
    """
    if connection.dialect.name == "sqlite":
        _insert(connection, rows)
    elif rows.values:
        _copy(connection, rows)


def _insert(connection: Connection, rows: Rows) -> None:
    driver: Any = connection.connection.driver_connection
    for start in range(0, len(rows.values), _MOST):
        some = rows.values[start : start + _MOST]
        statement = _insert_of(rows.table, rows.columns, len(some))
        try:
            driver.execute(statement, tuple(chain.from_iterable(some)))
        except ERRORS as error:
            raise translated(connection, statement, error) from error


@lru_cache(maxsize=1024)  # each table has `_MOST` lengths
def _insert_of(table: Table, columns: tuple[str, ...], size: int) -> str:
    marks = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table.name} ({_names(columns)}) VALUES {', '.join([marks] * size)}"  # noqa: S608 - our names


#: the instants of a row are often one: `received_at` and `last_seen_at` of a new receipt
_instant = lru_cache(maxsize=256)(Instant.spell)


@lru_cache
def _converts(table: Table, columns: tuple[str, ...]) -> tuple[tuple[int, Convert], ...]:
    """Where in a row a value is not Python's own, and how SQLite keeps it."""
    spellings = ((place, _spelling(table.c[name])) for place, name in enumerate(columns))
    return tuple((place, convert) for place, convert in spellings if convert is not None)


def _spelling(column: Column[Any]) -> Convert | None:
    if isinstance(column.type, Uuid):
        return lambda value: value.hex
    if isinstance(column.type, Instant):
        return _instant
    if column.type is Document:
        return lambda value: msgspec.json.encode(value).decode()
    return None


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


@lru_cache
def _copy_to(table: Table, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    statement = f"COPY {table.name} ({_names(columns)}) FROM STDIN (FORMAT BINARY)"
    return statement, tuple(_type(table.c[name]) for name in columns)


def _type(column: Column[Any]) -> str:
    """PostgreSQL's name of the column's type."""
    if column.type is Document:
        return "jsonb"
    if isinstance(column.type, Instant):
        return "timestamptz"
    kinds: list[tuple[type, str]] = [
        (Uuid, "uuid"),
        (LargeBinary, "bytea"),
        (BigInteger, "int8"),
        (Integer, "int4"),
        (Text, "text"),
        (Boolean, "bool"),
        (Float, "float8"),
    ]
    return next(name for kind, name in kinds if isinstance(column.type, kind))


def _copy(connection: Connection, rows: Rows) -> None:
    statement, types = _copy_to(rows.table, rows.columns)
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as stream:
            stream.set_types(types)
            for row in rows.values:
                stream.write_row(row)
    except ERRORS as error:
        raise translated(connection, statement, error) from error
