"""A consistent copy of the whole database while it is used: SQLite's by its backup API, PostgreSQL's table by table in
one snapshot, and the way back into an empty one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, inspect, text

from workers.errors import BadInput, StoreUnavailable
from workers.store.driver import ERRORS
from workers.store.engine import Store, reason
from workers.store.tables import metadata

#: pages of one step of SQLite's copy, after which is told how far it is
_PAGES = 2_000
_CHUNK = 256 * 1024
Tell = Callable[[int], None]


def copy_sqlite(store: Store, target: Path, tell: Tell) -> None:
    """Copy the file, as it is at this moment: it is read in one transaction, which holds up nobody.

    `tell` is told how many pages of a hundred are copied.
    """
    with closing(sqlite3.connect(str(store.engine.url.database), isolation_level=None)) as source:
        try:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot begins here
            with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                source.backup(
                    copy, pages=_PAGES, progress=lambda _, left, total: tell(100 * (total - left) // max(total, 1))
                )
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a write-ahead log beside it
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the database could not be copied: {reason(error)}.") from error


def counts_of_file(file: Path) -> dict[str, int]:
    """The rows of each table of a SQLite database that nobody uses; it is not changed by that."""
    engine = create_engine(f"sqlite:///{quote(str(file.absolute()))}")
    try:
        with engine.connect() as connection:
            return counts(connection, list(columns(connection)))
    finally:
        engine.dispose()


def check_sqlite(file: Path) -> None:
    """`BadInput` for a file that is no sound database."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as copy:
            said = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise BadInput(f"the database in the backup cannot be read: {reason(error)}. Nothing was changed.") from None
    if said != ("ok",):
        raise BadInput("the database in the backup is damaged. Nothing was changed.")


@contextmanager
def snapshot(store: Store) -> Iterator[Connection]:
    """A transaction on PostgreSQL that sees one moment, however long it takes."""
    with store.read() as connection:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        _without_haste(connection)
        yield connection


def out(connection: Connection, table: str, columns: list[str], target: Path) -> None:
    """Write a table's rows to a file, as PostgreSQL's COPY spells them."""
    driver: Any = connection.connection.driver_connection
    statement = f"COPY (SELECT {_list(columns)} FROM {_quoted(table)}) TO STDOUT"  # noqa: S608 - quoted
    with target.open("xb") as file, driver.cursor() as cursor, cursor.copy(statement) as stream:
        for chunk in stream:
            file.write(chunk)


def into(connection: Connection, table: str, columns: list[str], source: Path) -> None:
    """Read a table's rows from such a file. `BadInput` for what the table does not take."""
    driver: Any = connection.connection.driver_connection
    _without_haste(connection)
    try:
        statement = f"COPY {_quoted(table)} ({_list(columns)}) FROM STDIN"
        with source.open("rb") as file, driver.cursor() as cursor, cursor.copy(statement) as stream:
            while chunk := file.read(_CHUNK):
                stream.write(chunk)
    except ERRORS as error:
        raise BadInput(f"the backup's rows of {table} cannot be restored: {reason(error)}") from None


def go_on_counting(connection: Connection) -> None:
    """After rows with a number of their own were read, new ones get higher ones."""
    highest = "SELECT setval(pg_get_serial_sequence('events', 'seq'), (SELECT max(seq) FROM events)) "
    connection.execute(text(highest + "WHERE EXISTS (SELECT FROM events)"))


def columns(connection: Connection) -> dict[str, list[str]]:
    """The columns of each table there is, but Alembic's; tables that others refer to first."""
    looked = inspect(connection)
    names = [table.name for table in metadata.sorted_tables if looked.has_table(table.name)]
    return {name: [column["name"] for column in looked.get_columns(name)] for name in names}


def counts(connection: Connection, tables: list[str]) -> dict[str, int]:
    """The rows of each table."""
    query = "SELECT count(*) FROM "
    return {name: int(connection.execute(text(query + _quoted(name))).scalar_one()) for name in tables}


def is_used(store: Store) -> bool:
    """Whether the database holds anything: a connection, a delivery, a key, an event."""
    with store.read() as connection:
        there = columns(connection)
        return any(counts(connection, [name for name in there if name != "leases"]).values())


def _without_haste(connection: Connection) -> None:
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def _quoted(name: str) -> str:
    if not name.isidentifier() or not name.isascii():
        raise BadInput("the backup names a table or column that there cannot be. Nothing was changed.")
    return f'"{name}"'


def _list(names: list[str]) -> str:
    return ", ".join(map(_quoted, names))
