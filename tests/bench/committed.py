"""What a contender has committed, asked of its table with plain SQL, by the same statements for all of them."""

from __future__ import annotations

import time
from pathlib import Path
from uuid import UUID

from sqlalchemy import Uuid, bindparam, create_engine, make_url, text

from tests.bench.failure import BenchFailed

#: seconds between two counts: counting takes CPU from what is counted
_PAUSE = 0.1
#: seconds that the count may stand still before the rest is given up
_STUCK = 30.0


class Committed:
    """The rows of one table in one database."""

    def __init__(self, url: str, table: str, *, all_tables: tuple[str, ...]) -> None:
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT")
        self._url = make_url(url)
        self._all_tables = all_tables
        self._count = text(f"SELECT count(*) FROM {table}")
        self._count_before = text(f"SELECT count(*) FROM {table} WHERE id < :id").bindparams(
            bindparam("id", type_=Uuid)
        )
        self._holds = text(f"SELECT 1 FROM {table} WHERE booking_uid = :uid LIMIT 1")
        self._connection = self._engine.connect()

    def reopen(self) -> None:
        """Ask on a new connection: the database was away."""
        self._connection.invalidate()
        self._connection.close()
        self._connection = self._engine.connect()

    def count(self, *, before: UUID | None = None) -> int:
        """How many rows there are, with an id below that one where it is given."""
        if before is not None:
            return int(self._connection.execute(self._count_before, {"id": before}).scalar_one())
        return int(self._connection.execute(self._count).scalar_one())

    def holds(self, uid: str) -> bool:
        """Whether the row of a booking is there."""
        return self._connection.execute(self._holds, {"uid": uid}).first() is not None

    def wait(self, wanted: int, *, before: UUID | None = None) -> float:
        """Wait until there are `wanted` rows, as `count` says; the Unix seconds at which they were seen."""
        found, moved = self.count(before=before), time.monotonic()
        while found < wanted:
            time.sleep(_PAUSE)
            now = self.count(before=before)
            if now != found:
                found, moved = now, time.monotonic()
            elif time.monotonic() - moved > _STUCK:
                raise BenchFailed(f"only {found} of {wanted} deliveries were committed; nothing moved for {_STUCK} s.")
        return time.time()

    def bytes(self) -> int:
        """What the tables take on disk with their indexes. On SQLite the file, once its log is folded in."""
        if self._engine.dialect.name == "sqlite":
            self._connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            return Path(str(self._url.database)).stat().st_size
        sizes = ", ".join(f"'{name}'" for name in self._all_tables)
        query = f"SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(ARRAY[{sizes}]) AS name"
        return int(self._connection.execute(text(query)).scalar_one())

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()
