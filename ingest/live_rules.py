"""The rules that are live by what SQL says, as people and models are shown them. It takes none up: workers do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from ingest.kept_rules import Folder
from workers.errors import NotFound
from workers.settings import Settings
from workers.store import outcomes, rules, switches
from workers.store.engine import Store
from workers.store.events import spell
from workers.store.outcomes import ByRule
from workers.store.rules import Version
from workers.store.switches import Switch

if TYPE_CHECKING:  # CEL takes half a second to load, and the web process starts without it
    from workers.actions.kind import Kind
    from workers.rulebook import Rulebook
    from workers.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Live:
    """A rule's version that is live, and what became of the rule's runs; None: it has none yet.

    `switch`: how a person switched it last; None: never.
    """

    version: Version
    runs: ByRule | None
    switch: Switch | None = None


def read(sql: Connection) -> list[Live]:
    """All of them, by name."""
    runs, switched = outcomes.by_rule(sql), switches.every(sql)
    return [Live(version, runs.get(version.name), switched.get(version.name)) for version in rules.live(sql)]


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
        "state": state(live, rule),
        "dry_run": rule.dry_run if rule is not None else None,
        "switch": switch_shape(live.switch),
        "runs": runs.states if runs is not None else {},
        "last_run": spell(runs.last) if runs is not None else None,
    }


def state(live: Live, rule: Rule | None) -> str:
    """Whether it acts: a person's switch and the rule's file each can have it do nothing."""
    if rule is None:
        return "unreadable"
    return "dry run" if rule.dry_run or (live.switch is not None and live.switch.dry_run) else "live"


def switch_shape(switch: Switch | None) -> dict[str, Any] | None:
    """A switch as it is shown."""
    if switch is None:
        return None
    return {"dry_run": switch.dry_run, "set_by": switch.set_by, "set_at": spell(switch.set_at)}


def compiled(book: Rulebook, sql: Connection, version: Version) -> Rule | None:
    """A version's rule; None where it can no longer be read."""
    try:
        return book.rule(sql, version.id)
    except NotFound:
        return None


@dataclass(frozen=True)
class Reader:
    """Reads versions as the rules they are, each once. Safe to share between threads.

    It is not asked what is live: that reads files, which workers do.
    """

    settings: Settings
    store: Store

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """The kinds of steps. Raises Misconfigured for a function of DAYBOOK_PYTHON_STEPS that is not here."""
        from workers.actions import registry

        return registry.kinds(self.settings)

    @cached_property
    def book(self) -> Rulebook:
        """What compiles. Raises Misconfigured, as `kinds` does."""
        from workers.rulebook import Rulebook

        return Rulebook(self.store, self.settings.rules, self.kinds)

    @cached_property
    def folder(self) -> Folder:
        """The files of the rules, as far as they are here. Raises Misconfigured, as `kinds` does."""
        return Folder(self.settings.rules, self.kinds)

    def rule(self, sql: Connection, version: Version) -> Rule | None:
        """A version's rule, compiled; None where it can no longer be read. Raises Misconfigured."""
        return compiled(self.book, sql, version)
