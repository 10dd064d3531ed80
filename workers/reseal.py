"""Sealing everything that is sealed with the newest key, while everything runs: one row a transaction.

It may end anywhere; what is done is done, and a second time does the rest. A row that somebody else changes meanwhile
was sealed by that one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from workers.errors import Misconfigured
from workers.store import sealed
from workers.store.engine import Store
from workers.vault import Vault


@dataclass(slots=True)
class Report:
    """How many of what were sealed anew, how many needed it not, and how many no key opens."""

    resealed: Counter[str] = field(default_factory=Counter)
    newest: int = 0
    unreadable: int = 0


def reseal(store: Store, vault: Vault) -> Report:
    """Seal all that is sealed with the newest key of `vault`."""
    report = Report()
    with store.read() as sql:
        found = list(sealed.every(sql))
    for one in found:
        if vault.is_newest(one.token):
            report.newest += 1
            continue
        try:
            token = vault.reseal(one.token)
        except Misconfigured:
            report.unreadable += 1
            continue
        with store.write() as sql:
            report.resealed[one.what] += sealed.put(sql, one, token)
    return report


def count_old(store: Store, vault: Vault) -> int:
    """How many are sealed with another key than the newest."""
    with store.read() as sql:
        return sum(not vault.is_newest(one.token) for one in sealed.every(sql))
