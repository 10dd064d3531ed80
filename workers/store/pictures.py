"""Statements about pictures: what each list of a connection's Cal.com was at the last look, and how far bookings were
read. What is compared is `workers.gaps`'; a picture changes in the transaction that writes the events it caused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from workers.store.tables import looks, pictures

#: rows of one statement: databases bound its parameters
_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Look:
    """The last look at one list. `source` is whose list it was: another organization's is another list.

    `since` is when its first picture was taken, `at` when its last was; None: it could never be read. `cursor`: up to
    where a list was read that is read by the time of change. `problem`: why it could not be read at the last try.
    """

    connection: str
    part: str
    source: str
    since: datetime | None = None
    at: datetime | None = None
    cursor: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Pictured:
    """One row of a list: the fields that are compared, None where it was not there; since when a change waits."""

    document: Mapping[str, Any] | None
    waits_since: datetime | None


def every(sql: Connection, pcid: str) -> dict[str, Look]:
    """The last look at each list of a connection, by part."""
    query = select(looks).where(looks.c.connection == pcid)
    return {row.part: Look(**row._mapping) for row in sql.execute(query)}


def begin(sql: Connection, seen: Look | None, fresh: Look) -> bool:
    """Lock the look at a list until the transaction ends, made where `seen` is None; False where the look is not the
    one that was seen: another process has looked meanwhile, or the connection is gone."""
    if seen is None:
        try:
            with sql.begin_nested():
                sql.execute(
                    insert(looks).values(_values(replace(fresh, since=None, at=None, cursor=None, problem=None)))
                )
        except IntegrityError:
            return False
        return True
    which = (looks.c.connection == seen.connection, looks.c.part == seen.part)
    row = sql.execute(select(looks).where(*which).with_for_update()).one_or_none()
    return row is not None and Look(**row._mapping) == seen


def keep(sql: Connection, look: Look) -> None:
    """How it stands after a look that was begun."""
    which = (looks.c.connection == look.connection, looks.c.part == look.part)
    sql.execute(update(looks).where(*which).values(_values(look)))


def _values(look: Look) -> dict[str, Any]:
    names = ("connection", "part", "source", "since", "at", "cursor", "problem")
    return {name: getattr(look, name) for name in names}


def rows(sql: Connection, pcid: str, part: str) -> dict[str, Pictured]:
    """The picture of a list, by key."""
    query = select(pictures.c.key, pictures.c.document, pictures.c.waits_since)
    found = sql.execute(query.where(pictures.c.connection == pcid, pictures.c.part == part))
    return {row.key: Pictured(row.document, row.waits_since) for row in found}


def parts(sql: Connection) -> list[tuple[str, str]]:
    """Each connection and part of which there is a picture."""
    query = select(looks.c.connection, looks.c.part).order_by(looks.c.connection, looks.c.part)
    return [(row.connection, row.part) for row in sql.execute(query)]


def documents(sql: Connection, pcid: str, part: str, keys: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Of these rows the fields that are known, by key."""
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(keys), _ROWS):
        some = pictures.c.key.in_(keys[start : start + _ROWS])
        query = select(pictures.c.key, pictures.c.document)
        query = query.where(pictures.c.connection == pcid, pictures.c.part == part, some)
        found |= {row.key: row.document for row in sql.execute(query) if row.document is not None}
    return found


def put(sql: Connection, pcid: str, part: str, changed: Mapping[str, Pictured]) -> None:
    """Write rows of a picture in place of those with their keys."""
    forget(sql, pcid, part, [*changed])
    written = [
        {"connection": pcid, "part": part, "key": key, "document": row.document, "waits_since": row.waits_since}
        for key, row in changed.items()
    ]
    for start in range(0, len(written), _ROWS):
        sql.execute(insert(pictures), written[start : start + _ROWS])


def forget(sql: Connection, pcid: str, part: str, keys: Sequence[str]) -> None:
    """Take rows out of a picture."""
    for start in range(0, len(keys), _ROWS):
        some = pictures.c.key.in_(keys[start : start + _ROWS])
        sql.execute(delete(pictures).where(pictures.c.connection == pcid, pictures.c.part == part, some))


def clear(sql: Connection, pcid: str, part: str) -> None:
    """Forget a whole picture."""
    sql.execute(delete(pictures).where(pictures.c.connection == pcid, pictures.c.part == part))
