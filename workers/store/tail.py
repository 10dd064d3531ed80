"""Following the history: the events written since the last look, each once. Not a page of it: that is `history.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from workers.store import history
from workers.store.engine import Store
from workers.store.history import Filter

#: `seq` numbers looked at again on PostgreSQL: more than all worker processes together write at one time
_WINDOW = 10_000
#: events in one look
_LIMIT = 500


class Tail:
    """Gives each event of a filter once, in the order written, from the moment it was made on.

    `seq` is given when a row is inserted and seen by others when its transaction commits. On PostgreSQL a higher one
    can be seen first, and to go on after the highest would miss the lower. So the last `_WINDOW` numbers are looked
    at again each time, and what was given is remembered for as long as it is in there. SQLite has one writer at a
    time: there the window is nothing.
    """

    def __init__(self, store: Store, wanted: Filter) -> None:
        self._store = store
        self._wanted = wanted
        self._window = 0 if store.sqlite else _WINDOW
        with store.read() as connection:
            self._highest = history.newest_seq(connection)
            self._given = set(self._look(connection))

    def fresh(self) -> Sequence[Row[Any]]:
        """Up to 500 events not given yet, as rows of `events.READ`."""
        with self._store.read() as connection:
            newest = history.newest_seq(connection)
            seqs = [seq for seq in self._look(connection) if seq not in self._given]
            rows = history.by_seq(connection, seqs[:_LIMIT])
        if len(seqs) > _LIMIT:  # more than one look can give: go on after what it gave
            newest, seqs = seqs[_LIMIT - 1], seqs[:_LIMIT]
        self._highest = max(self._highest, newest)
        self._given = {seq for seq in self._given.union(seqs) if seq > self._floor}
        return rows

    @property
    def _floor(self) -> int:
        return max(self._highest - self._window, 0)

    def _look(self, connection: Connection) -> list[int]:
        return history.seqs_after(connection, self._wanted, self._floor, limit=self._window + _LIMIT + 1)
