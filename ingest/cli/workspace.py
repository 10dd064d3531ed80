"""What commands work on: the settings, the database and the vault, opened once for one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from workers import logs
from workers.errors import Misconfigured
from workers.settings import Settings, load
from workers.store.engine import Store, open_store
from workers.store.migrate import migrate, pending, revision
from workers.vault import Vault, open_vault


@dataclass(frozen=True, slots=True)
class Workspace:
    """The opened pieces."""

    settings: Settings
    store: Store
    vault: Vault


@contextmanager
def opened() -> Iterator[Workspace]:
    """Open what the settings name. A new database gets its tables here; an old one has to be migrated on purpose."""
    settings = load()
    # What a library would log of a failure, the command's own error says: stderr holds that and nothing else.
    logs.set_up(settings.model_copy(update={"log_level": "error"}))
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = open_store(settings.database, pool_size=2)
    try:
        if revision(store) is None:
            migrate(store)
        elif pending(store):
            raise Misconfigured("the database's tables are older than this Daybook; run `daybook migrate` first.")
        yield Workspace(settings, store, open_vault(settings))
    finally:
        store.close()
