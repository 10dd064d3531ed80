"""What commands work on: the settings, the database and the vault, opened once for one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from workers import logs
from workers.errors import Misconfigured, NotFound
from workers.settings import Settings, load
from workers.store.engine import Store, open_store
from workers.store.migrate import migrate, pending, revision
from workers.vault import KEY_FILE, Vault, open_vault


@dataclass(frozen=True)
class Workspace:
    """The opened pieces. Only a command that is `making` may make the secrets' key where there is none."""

    settings: Settings
    store: Store
    making: bool

    @cached_property
    def vault(self) -> Vault:
        """The vault, opened when it is first needed; `Misconfigured` where its key cannot be used."""
        return open_vault(self.settings) if self.making or self.keyed else _Keyless()

    @property
    def keyed(self) -> bool:
        """Whether there is a key that seals secrets."""
        return self.settings.secret_key is not None or (self.settings.data_dir / KEY_FILE).exists()


class _Keyless(Vault):
    """Stands in where there is no key, so that what was never sealed can be looked at without making one."""

    def __init__(self) -> None:
        """It needs no key."""

    def seal(self, context: str, text: str) -> str:
        raise _no_key()

    def open(self, context: str, token: str) -> str:
        raise _no_key()

    def is_newest(self, token: str) -> bool:
        raise _no_key()


def _no_key() -> Misconfigured:
    return Misconfigured(
        "the key of this database's secrets is not here; set DAYBOOK_SECRET_KEY to it "
        f"(the text of {KEY_FILE} in the first machine's data directory), or DAYBOOK_DATA_DIR to that directory."
    )


@contextmanager
def opened(*, making: bool = False) -> Iterator[Workspace]:
    """Open what the settings name. Only a command that is `making` makes what is not there yet: folder, tables, key.

    Raises `NotFound` where there is no Daybook, `Misconfigured` for tables that are not this version's.
    """
    settings = load()
    # What a library would log of a failure, the command's own error says: stderr holds that and nothing else.
    logs.set_up(settings.model_copy(update={"log_level": "error"}))
    store = open_store(settings.database, pool_size=2)
    try:
        if making:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        elif (missing := missing_file(store)) is not None:
            raise _nothing_here(settings, missing)
        if revision(store) is None:
            if not making:
                raise Misconfigured("the database has no tables of Daybook yet; run `daybook migrate`.")
            migrate(store)
        elif pending(store):
            raise Misconfigured("the database's tables are older than this Daybook; run `daybook migrate` first.")
        yield Workspace(settings, store, making)
    finally:
        store.close()


def missing_file(store: Store) -> Path | None:
    """SQLite's file where it is not there, for the first question would make it; None where it is, or needs none."""
    file = store.engine.url.database if store.sqlite else None
    return Path(file) if file and not Path(file).exists() else None


def _nothing_here(settings: Settings, missing: Path) -> NotFound:
    if settings.database_url is not None:
        return NotFound(
            f"{missing}, which DAYBOOK_DATABASE_URL names, is not there; mend it, or make it with `daybook migrate`."
        )
    return NotFound(
        f"there is no Daybook here: {missing} does not exist. Go to its folder, or name its data directory with "
        "DAYBOOK_DATA_DIR, or with --config the daybook.yaml that says `data_dir`. "
        "`daybook up` and `daybook connections add` make a new one."
    )
