"""What a tool of the history is: its offer, and what answers it from a desk. The tools are in the files beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ingest.live_rules import Reader
from ingest.mcp.toolset import Offer
from workers.vault import Vault

#: gives JSON as it is; or without personal data, and then it knows from now on whoever is in it
Hide: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True)
class Desk(Reader):
    """What tools answer from: the database, the rules as they are, and what secrets are opened with. Safe to share
    between threads."""

    vault: Vault


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `answer` gets arguments that fit the input schema; what it gives fits the output schema."""

    offer: Offer
    answer: Callable[[Desk, Mapping[str, Any], Hide], dict[str, Any]]
    #: parameters that the audit log has the length of alone
    long: tuple[str, ...] = ()
