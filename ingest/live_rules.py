"""The rules that are live by what SQL says, as people and models are shown them. It takes none up: workers do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from workers.rules.rule import Rule
from workers.store import outcomes, rules
from workers.store.events import spell
from workers.store.outcomes import ByRule
from workers.store.rules import Version


@dataclass(frozen=True, slots=True)
class Live:
    """A rule's version that is live, and what became of the rule's runs; None: it has none yet."""

    version: Version
    runs: ByRule | None


def read(sql: Connection) -> list[Live]:
    """All of them, by name."""
    runs = outcomes.by_rule(sql)
    return [Live(version, runs.get(version.name)) for version in rules.live(sql)]


def shape(live: Live, rule: Rule | None) -> dict[str, Any]:
    """One as it is shown; `rule` is its version as it was read, None where that can no longer be read."""
    version, runs = live.version, live.runs
    return {
        "name": version.name,
        "description": rule.description if rule is not None else "",
        "on": sorted(rule.on) if rule is not None else [],
        "undo_on": sorted(rule.undo.on) if rule is not None and rule.undo is not None else [],
        "connection": rule.connection if rule is not None else None,
        "version": version.digest,
        "file": version.file,
        "state": "unreadable" if rule is None else "dry run" if rule.dry_run else "live",
        "runs": runs.states if runs is not None else {},
        "last_run": spell(runs.last) if runs is not None else None,
    }
