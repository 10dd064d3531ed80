"""Switching a rule to dry run and back without its file, by whichever door. What that means to a run is `workers`'."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from workers.errors import NotFound
from workers.store import rules, switches


def put(sql: Connection, name: str, *, dry_run: bool, by: str, now: datetime) -> None:
    """Switch a rule to dry run, or back to what its file says. Raises NotFound for one that never was."""
    if not rules.versions(sql, name):
        raise NotFound(f"there is no rule called {name[:64]!r}, and never was.")
    switches.put(sql, name, dry_run=dry_run, by=by, now=now)
