"""Statements about rules: every version that was ever live is kept, because runs say which one they were of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from uuid_utils.compat import uuid7

from workers.store.tables import rule_versions


@dataclass(frozen=True, slots=True)
class Version:
    """One text of a rule. `source` is YAML that can be read alone; `digest` is of it."""

    id: UUID
    name: str
    digest: str
    source: str
    file: str
    live: bool
    created_at: datetime


def keep(connection: Connection, *, name: str, digest: str, source: str, file: str, now: datetime) -> UUID:
    """The id of a rule's version, which is kept if it is new; from now on it is the live one of that name."""
    new = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(rule_versions)
    version_id: UUID = connection.execute(
        new.values(id=uuid7(), name=name, digest=digest, source=source, file=file, live=True, created_at=now)
        .on_conflict_do_update(
            index_elements=[rule_versions.c.name, rule_versions.c.digest], set_={"live": True, "file": file}
        )
        .returning(rule_versions.c.id)
    ).scalar_one()
    connection.execute(
        update(rule_versions)
        .where(rule_versions.c.name == name, rule_versions.c.id != version_id, rule_versions.c.live == true())
        .values(live=False)
    )
    return version_id


def retire(connection: Connection, names: Sequence[str]) -> None:
    """These rules are no longer there."""
    connection.execute(
        update(rule_versions).where(rule_versions.c.name.in_(names), rule_versions.c.live == true()).values(live=False)
    )


def live(connection: Connection) -> list[Version]:
    """The versions that are live, by name."""
    query = select(rule_versions).where(rule_versions.c.live == true()).order_by(rule_versions.c.name)
    return [_version(row) for row in connection.execute(query)]


def names(connection: Connection, *, most: int) -> list[str]:
    """The first so many names of rules that are live, without their sources."""
    query = select(rule_versions.c.name).where(rule_versions.c.live == true()).order_by(rule_versions.c.name)
    return list(connection.execute(query.limit(most)).scalars())


def version(connection: Connection, version_id: UUID) -> Version | None:
    """One version."""
    row = connection.execute(select(rule_versions).where(rule_versions.c.id == version_id)).one_or_none()
    return _version(row) if row is not None else None


def versions(connection: Connection, name: str) -> list[Version]:
    """All versions of a rule, the newest first."""
    query = select(rule_versions).where(rule_versions.c.name == name).order_by(rule_versions.c.id.desc())
    return [_version(row) for row in connection.execute(query)]


def _version(row: Row[Any]) -> Version:
    return Version(row.id, row.name, row.digest, row.source, row.file, row.live, row.created_at)
