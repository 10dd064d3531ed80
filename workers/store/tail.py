"""Following the history: the events written since the last look, each once. Not a page of it: that is `history.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, text

from workers.store import history
from workers.store.engine import Store
from workers.store.history import Filter
from workers.store.position import WINDOW, Position

#: events in one look
_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Following:
    """A position, and until when its open numbers are worth waiting for.

    A number is open because its transaction had not ended when a higher one was seen. At the look after that,
    `doubts` remembers which transaction comes next: once all before that one have ended and the number was not seen,
    its transaction was rolled back. SQLite has one writer at a time: there no number stays open.
    """

    position: Position
    doubts: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: each new `seq` in order, with the position after it; `more`: it was not all there is."""

    found: Sequence[tuple[int, Position]]
    following: Following
    more: bool


def begin(connection: Connection) -> Following:
    """Follow from now on: what is written already is behind."""
    newest = history.newest_seq(connection)
    if connection.dialect.name == "sqlite":
        return Following(Position(newest))
    lowest = max(newest - WINDOW, 0)
    there = set(history.seqs_beyond(connection, Filter(), Position(lowest), limit=WINDOW, until=newest))
    return Following(Position(newest, frozenset(range(lowest + 1, newest + 1)) - there))


def look(connection: Connection, following: Following, *, limit: int) -> Look:
    """Up to `limit` numbers that were not seen before."""
    position, lasting = following.position, connection.dialect.name != "sqlite"
    oldest, coming = _transactions(connection) if lasting else (0, 0)  # first: whoever has ended by now is seen below
    newest = history.newest_seq(connection)
    if newest < position.highest:  # the newest were removed, and SQLite gives their numbers once more
        position = Position(newest, frozenset(one for one in position.open if one <= newest))
    seqs: list[int] = []
    if newest > position.highest or position.open:
        seqs = history.seqs_beyond(connection, Filter(), position, limit=limit)
    found: list[tuple[int, Position]] = []
    reached = position
    for seq in seqs:
        reached = reached.after(seq) if lasting else Position(seq)
        found.append((seq, reached))
    more = len(seqs) == limit
    # Of what is above the last one found nothing is known where that was not all.
    known = seqs[-1] if more else reached.highest
    gone = frozenset(one for one, next_ in following.doubts.items() if next_ <= oldest and one <= known)
    reached = reached.without(gone)
    doubts = {one: following.doubts.get(one, coming) for one in reached.open if one in position.open}
    return Look(found, Following(reached, doubts), more)


def _transactions(connection: Connection) -> tuple[int, int]:
    """The number of the oldest transaction that has not ended, and the one that the next to begin will have."""
    query = "SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text FROM pg_current_snapshot() s"
    oldest, coming = connection.execute(text(query)).one()
    return int(oldest), int(coming)


class Tail:
    """Gives each event of a filter once, in the order written, from the moment it was made on."""

    def __init__(self, store: Store, wanted: Filter) -> None:
        self._store = store
        self._wanted = wanted
        with store.read() as connection:
            self._following = begin(connection)

    def fresh(self) -> Sequence[Row[Any]]:
        """Up to 500 events not given yet, as rows of `events.READ`."""
        while True:
            with self._store.read() as connection:
                seen = look(connection, self._following, limit=_LIMIT)
                mine = history.among(connection, self._wanted, [seq for seq, _ in seen.found])
                rows = history.by_seq(connection, mine)
            self._following = seen.following
            if rows or not seen.more:
                return rows
