"""Statements about the audit log: who asked for what that calls Cal.com or changes something, and what came of it.

A request is written down before it is carried out, so that one which brings everything down is in it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, update
from uuid_utils.compat import uuid7

from workers.store import search
from workers.store.events import spell
from workers.store.keys import Role
from workers.store.tables import audit


class Outcome(StrEnum):
    """What came of a request."""

    BEGUN = "begun"  #: it is being carried out, or nobody knows the end
    DONE = "done"
    REFUSED = "refused"  #: it was not carried out
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Who:
    """Whoever asks: a key of the table by its id, or the one in the settings, which has none."""

    name: str
    role: Role
    key_id: UUID | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries; what is left out does not choose."""

    name: str | None = None
    what: str | None = None
    connection: str | None = None
    since: datetime | None = None
    outcome: Outcome | None = None
    door: str | None = None


def begin(
    sql: Connection,
    who: Who,
    *,
    door: str,
    what: str,
    connection: str | None,
    arguments: Mapping[str, Any] | None,
    now: datetime,
) -> UUID:
    """Write down a request; `arguments` are JSON without secrets. Its id is for `end`."""
    entry = uuid7()
    sql.execute(
        insert(audit).values(
            id=entry,
            at=now,
            key_id=who.key_id,
            name=who.name,
            role=who.role.value,
            door=door,
            what=what,
            connection=connection,
            arguments=None if arguments is None else dict(arguments),
            outcome=Outcome.BEGUN.value,
        )
    )
    return entry


def end(sql: Connection, entry: UUID, outcome: Outcome, *, detail: str | None, now: datetime) -> None:
    """What came of it; `detail` is a short line without secrets and addresses."""
    sql.execute(update(audit).where(audit.c.id == entry).values(outcome=outcome.value, detail=detail, ended_at=now))


def page(sql: Connection, wanted: Filter, *, before: UUID | None = None, limit: int) -> Sequence[Row[Any]]:
    """Up to `limit` entries, the newest first, those older than the entry `before`."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    for column, value in (
        (audit.c.name, wanted.name),
        (audit.c.what, wanted.what),
        (audit.c.connection, wanted.connection),
        (audit.c.outcome, wanted.outcome),
        (audit.c.door, wanted.door),
    ):
        query = query.where(column == search.plain(value)) if value is not None else query
    if wanted.since is not None:
        query = query.where(audit.c.at >= wanted.since)
    if before is not None:
        query = query.where(audit.c.id < before)
    return sql.execute(query).all()


def one(sql: Connection, entry: UUID) -> Row[Any] | None:
    """One entry."""
    return sql.execute(select(audit).where(audit.c.id == entry)).one_or_none()


def shape(row: Row[Any]) -> dict[str, Any]:
    """An entry as it is shown."""
    return {
        "id": str(row.id),
        "at": spell(row.at),
        "key": {"id": None if row.key_id is None else str(row.key_id), "name": row.name, "role": row.role},
        "door": row.door,
        "what": row.what,
        "connection": row.connection,
        "arguments": row.arguments,
        "outcome": row.outcome,
        "detail": row.detail,
        "ended_at": None if row.ended_at is None else spell(row.ended_at),
    }
