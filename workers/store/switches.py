"""Statements about switches: rules that somebody has do nothing for a while, whatever their files say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, true
from sqlalchemy.dialects import postgresql, sqlite

from workers.store.quick import Quick
from workers.store.tables import rule_switches


@dataclass(frozen=True, slots=True)
class Switch:
    """How a rule was switched last; `dry_run` False: back to what its file says."""

    dry_run: bool
    set_by: str
    set_at: datetime


def every(connection: Connection) -> Mapping[str, Switch]:
    """All switches there are, by rule."""
    return {row.rule: Switch(row.dry_run, row.set_by, row.set_at) for row in connection.execute(select(rule_switches))}


def one(connection: Connection, rule: str) -> Switch | None:
    """How a rule was switched; None: never."""
    row = connection.execute(select(rule_switches).where(rule_switches.c.rule == rule)).one_or_none()
    return Switch(row.dry_run, row.set_by, row.set_at) if row is not None else None


def dry(connection: Connection) -> frozenset[str]:
    """The rules that are switched to dry run as this transaction sees them: asked in every one that begins a step."""
    return frozenset(row.rule for row in _DRY(connection))


_DRY = Quick(select(rule_switches.c.rule).where(rule_switches.c.dry_run == true()))


def put(connection: Connection, rule: str, *, dry_run: bool, by: str, now: datetime) -> None:
    """Switch a rule. Once that is committed no worker begins another step of it."""
    new = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(rule_switches)
    said = {"dry_run": dry_run, "set_by": by, "set_at": now}
    connection.execute(
        new.values(rule=rule, **said).on_conflict_do_update(index_elements=[rule_switches.c.rule], set_=said)
    )
