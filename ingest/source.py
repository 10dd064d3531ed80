"""What the API and the pages are answered from, and with what they carry something out: one of each in a process."""

from __future__ import annotations

from dataclasses import dataclass

from dramatiq import Broker

from ingest.live.feed import Feed
from ingest.live_rules import Reader
from workers.settings import Settings
from workers.store.engine import Store
from workers.vault import Vault


@dataclass(frozen=True, slots=True)
class Source:
    """The database, what is rung for what was changed, the rules as they are compiled, what is told live, and what
    secrets are opened with."""

    store: Store
    broker: Broker
    rules: Reader
    feed: Feed
    settings: Settings
    vault: Vault
