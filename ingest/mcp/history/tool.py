"""What a tool of the history is: its offer, and what answers it from a desk. The tools are in the files beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from sqlalchemy import Connection

from ingest import live_rules
from ingest.mcp.toolset import Offer
from workers.actions import registry
from workers.actions.kind import Kind
from workers.rulebook import Rulebook
from workers.rules.rule import Rule
from workers.settings import Settings
from workers.store.engine import Store
from workers.store.rules import Version
from workers.vault import Vault

#: gives JSON as it is; or without personal data, and then it knows from now on whoever is in it
Hide: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True)
class Desk:
    """What tools answer from. Safe to share between threads."""

    settings: Settings
    store: Store
    vault: Vault

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """The kinds of steps. Raises Misconfigured for a function of DAYBOOK_PYTHON_STEPS that is not here."""
        return registry.kinds(self.settings)

    @cached_property
    def book(self) -> Rulebook:
        """Compiles versions of rules, each once. It is not asked what is live: that reads files, which workers do."""
        return Rulebook(self.store, self.settings.rules, self.kinds)

    def rule(self, sql: Connection, version: Version) -> Rule | None:
        """A version's rule, compiled; None where it can no longer be read. Raises Misconfigured."""
        return live_rules.compiled(self.book, sql, version)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `answer` gets arguments that fit the input schema; what it gives fits the output schema."""

    offer: Offer
    answer: Callable[[Desk, Mapping[str, Any], Hide], dict[str, Any]]
    #: parameters that the audit log has the length of alone
    long: tuple[str, ...] = ()
