"""Statements that copy a whole database into an empty one of either kind: every table, page by page, and read back.

Rows go over as they are, sealed secrets too: the same key opens them. JSON is handed over as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Connection, Select, Table, Text, cast, func, select, text, tuple_, type_coerce

from workers.store import bulk
from workers.store.canonical import Digest
from workers.store.clock import clock
from workers.store.tables import Document, bodies, leases, metadata

#: every table, each after those that it refers to
TABLES: tuple[Table, ...] = tuple(metadata.sorted_tables)
#: rows in one page, all of which are in memory together
_PAGE = 500
#: the same of bodies, each of which may have megabytes
_PAGE_OF_BODIES = 16


def take_time(connection: Connection) -> None:
    """Let this transaction take as long as it takes: a copy is no answer that Cal.com waits for."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def one_moment(connection: Connection) -> None:
    """Make a transaction that only reads see one moment of the database, however long it reads. Say it first of all."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def counts(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES}


def worker_for(connection: Connection) -> float | None:
    """Seconds for which a worker process has said that it leads the sweep; None where none runs."""
    left = (leases.c.expires_at - clock(connection)).label("left")
    seconds: float | None = connection.execute(select(left).where(leases.c.name == "sweep")).scalar_one_or_none()
    return seconds if seconds is not None and seconds > 0 else None


def pages(connection: Connection, table: Table) -> Iterator[list[Sequence[Any]]]:
    """All rows of a table in the order of its primary key, a page at a time. JSON is `msgspec.Raw`."""
    documents = tuple(place for place, column in enumerate(table.c) if column.type is Document)
    key = tuple(place for place, column in enumerate(table.c) if column.primary_key)
    statement, marks = _page(table, connection.dialect.name)
    last: Sequence[Any] = ()
    while True:
        wanted = statement if last else _first(table, connection.dialect.name)
        rows = connection.execute(wanted, dict(zip(marks, last, strict=False))).all()
        if not rows:
            return
        yield [_with_raw(row, documents) for row in rows]
        last = [rows[-1][place] for place in key]


def insert(connection: Connection, table: Table, rows: list[Sequence[Any]]) -> None:
    """Rows of `pages` into the same table of another database."""
    columns = tuple(column.name for column in table.c)
    spelt = bulk.spell(table, columns, rows, sqlite=connection.dialect.name == "sqlite")
    bulk.insert_many(connection, spelt)


def settle(connection: Connection, table: Table) -> None:
    """What PostgreSQL is to know of a table that was filled: the number that comes next, and what is in it."""
    if connection.dialect.name != "postgresql":
        return
    column = table.autoincrement_column
    if column is not None:
        highest = select(func.coalesce(func.max(column), 1), func.count() > 0).select_from(table)
        number, any_there = connection.execute(highest).one()
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        connection.execute(select(func.setval(sequence, number, any_there)))
    connection.execute(text(f"ANALYZE {table.name}"))


def digest(connection: Connection, table: Table) -> Iterator[Digest]:
    """The digest of a table, once more after each page."""
    found = Digest()
    yield found
    for page in pages(connection, table):
        for row in page:
            found.add(row)
        yield found


def _with_raw(row: Any, documents: tuple[int, ...]) -> Sequence[Any]:
    if not documents:
        return tuple(row)
    values = list(row)
    for place in documents:
        if values[place] is not None:
            values[place] = msgspec.Raw(values[place].encode())
    return values


@cache
def _first(table: Table, dialect: str) -> Select[Any]:
    # JSON as the text that is stored: read as values, SQL's NULL and JSON's null would be one.
    as_text = type_coerce if dialect == "sqlite" else cast
    columns = [as_text(column, Text).label(column.name) if column.type is Document else column for column in table.c]
    size = _PAGE_OF_BODIES if table is bodies else _PAGE
    return select(*columns).order_by(*table.primary_key).limit(size).execution_options(daybook_binary=True)


@cache
def _page(table: Table, dialect: str) -> tuple[Select[Any], tuple[str, ...]]:
    """The page after a key, and the names of that key's parameters."""
    key = [column for column in table.c if column.primary_key]
    marks = tuple(f"after_{column.name}" for column in key)
    after = tuple_(*(BindParameter(mark, type_=column.type) for mark, column in zip(marks, key, strict=True)))
    return _first(table, dialect).where(tuple_(*key) > after), marks
