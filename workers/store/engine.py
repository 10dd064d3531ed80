"""Opening the database: one `Store` for SQLite and PostgreSQL. Statements live in the files beside it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy import exc as sqlalchemy_exc
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError

from workers import wellformed
from workers.errors import Misconfigured, StoreUnavailable
from workers.store.turns import Turns

#: seconds that a statement may wait for SQLite's one writer, and that PostgreSQL may take for a statement:
#: below the 20 seconds that Cal.com waits for an answer
PATIENCE = 8
#: what a database says of a row, and a driver of a value; anything else is not the row's fault
ROW_REFUSED = (IntegrityError, DataError, OverflowError, ValueError, TypeError)


class Store:
    """The database. `read` and `write` give a transaction; what they raise when SQL is away is `StoreUnavailable`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sqlite = engine.dialect.name == "sqlite"
        self._writing = engine.execution_options(daybook_write="durable")
        self._lazy = engine.execution_options(daybook_write="lazy")
        file = engine.url.database if self.sqlite else None
        self._turns = Turns(Path(f"{file}.turn")) if file and file != ":memory:" else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with _translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that writes: durable once the block is left. On SQLite it is the only one at that time.

        With `durable=False` a power cut may take it back, whole, together with what came after it: for what can be
        made again from what is durable. It waits for no disk.
        """
        turn = self._turns.mine(PATIENCE) if self._turns else nullcontext()
        engine = self._writing if durable else self._lazy
        try:
            with turn, _translated(), engine.begin() as connection:
                if not durable and not self.sqlite:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                yield connection
        except StoreUnavailable:
            if not self.sqlite:  # after a failover idle connections may lead to a server that only reads
                self.engine.dispose()
            raise

    def ping(self) -> None:
        """Ask for an answer; `StoreUnavailable` where none comes."""
        with self.read() as connection:
            connection.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        self.engine.dispose()
        if self._turns:
            self._turns.close()


@contextmanager
def _translated() -> Iterator[None]:
    """What SQL raises, by what happens next: a row that is refused stays its own error, all else is `StoreUnavailable`.

    A read-only server, a broken page, a missing table: none of them is the fault of what was to be written.
    """
    try:
        yield
    except (IntegrityError, DataError):
        raise
    except (DBAPIError, sqlalchemy_exc.TimeoutError, sqlite3.Error, psycopg.Error) as error:
        if _without_tables(error):
            raise StoreUnavailable("the database has no tables of Daybook yet; run `daybook migrate`.") from error
        raise StoreUnavailable(f"the database did not answer: {reason(error)}; `daybook doctor` says more.") from error


def _without_tables(error: Exception) -> bool:
    original = getattr(error, "orig", None) or error
    return "no such table" in str(original) or getattr(original, "sqlstate", None) == "42P01"


def reason(error: Exception) -> str:
    """The driver's own first line, which holds no values of ours."""
    original = getattr(error, "orig", None) or error
    return next(iter(str(original).strip().splitlines()), type(original).__name__)[:200]


def open_store(url: str, *, pool_size: int = 8) -> Store:
    """Open `url`. Connecting happens at first use, so a database that is away is no error yet."""
    try:
        parsed = make_url(url)
        wellformed.host(parsed.host or "")  # the driver would look it up, and raise what is no error of a database
        if parsed.port is not None and not 0 < parsed.port < 65_536:
            raise ValueError
        if parsed.get_backend_name() == "sqlite" and parsed.query:
            raise ValueError
        return Store(_engine(parsed, pool_size))
    except (ArgumentError, ValueError):  # neither text is repeated: it may hold the password
        raise Misconfigured(
            "DAYBOOK_DATABASE_URL cannot be read; write sqlite:///path (a ? in it as %3F) or "
            f"postgresql://user:password@host:5432/name, where {wellformed.READABLE}."
        ) from None


def _engine(parsed: URL, pool_size: int) -> Engine:
    common: dict[str, Any] = {
        "json_serializer": lambda value: msgspec.json.encode(value).decode(),
        "json_deserializer": msgspec.json.decode,
        "hide_parameters": True,  # parameters are bodies, secrets and e-mail addresses: never in an error's text
    }
    if parsed.get_backend_name() == "sqlite":
        connect = {
            "timeout": PATIENCE,
            "check_same_thread": False,
            "cached_statements": 1024,  # `bulk.py` has one for each number of rows
        }
        engine = create_engine(parsed, connect_args=connect, **common)
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    else:
        engine = create_engine(
            parsed,
            pool_size=pool_size,
            max_overflow=4,
            pool_timeout=PATIENCE,
            pool_pre_ping=False,  # a broken connection is met by the spool or a retry; a ping costs each batch a trip
            pool_use_lifo=True,
            connect_args={
                "connect_timeout": 4,
                "options": f"-c statement_timeout={PATIENCE * 1000} -c idle_in_transaction_session_timeout=60000",
                "application_name": "daybook",
                # A server that vanished without a word: without these TCP waits for many minutes.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                "tcp_user_timeout": PATIENCE * 1000,
            },
            **common,
        )
        event.listen(engine, "before_cursor_execute", _in_binary)
    return engine


def _in_binary(_connection: Any, cursor: Any, _statement: Any, _parameters: Any, context: Any, _many: bool) -> None:
    """Where a statement is marked so, what it finds comes as it is: PostgreSQL writes out a body as twice its length
    in hex otherwise, to be read back here."""
    if context is not None and context.execution_options.get("daybook_binary"):
        cursor.format = psycopg.pq.Format.BINARY


def _sqlite_connect(dbapi: Any, _record: Any) -> None:
    assert isinstance(dbapi, sqlite3.Connection)
    dbapi.isolation_level = None  # the driver's own BEGIN is deferred and late; `_sqlite_begin` says it instead
    cursor = dbapi.cursor()
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA wal_autocheckpoint = 4000")  # pages: index pages are rewritten less often than at 1,000
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.execute("PRAGMA journal_size_limit = 67108864")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Turn WAL on, once in a database's life. SQLite does not wait for a lock here as it does elsewhere."""
    deadline = time.monotonic() + PATIENCE
    while cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _sqlite_begin(connection: Connection) -> None:
    # A reader that turns writer half-way fails with SQLITE_BUSY at once; saying so at the start waits instead.
    writing = connection.get_execution_options().get("daybook_write")
    driver: Any = connection.connection.driver_connection
    if writing:
        # FULL: 202 means on disk; NORMAL may lose the last commits to a power cut, never their order.
        synchronous = "NORMAL" if writing == "lazy" else "FULL"
        if connection.info.get("synchronous") != synchronous:  # most connections always say the same
            driver.execute(f"PRAGMA synchronous = {synchronous}")
            connection.info["synchronous"] = synchronous
    driver.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
