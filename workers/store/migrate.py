"""Bringing the database's tables up to date with `migrations/`. Safe from several processes at once.

Alembic is imported where there is something to do: commands that only ask whether there is begin an eighth sooner.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from workers.errors import Misconfigured
from workers.store.engine import Store

if TYPE_CHECKING:
    from alembic.config import Config

#: any number, the same in every process: who migrates PostgreSQL holds this lock
_LOCK = 4_821_877


def migrate(store: Store, to: str = "head") -> tuple[str | None, str]:
    """Run what is missing, in one transaction. Returns the revision before and after. `to` is for an empty database
    that is to get what an older one held."""
    from alembic import command

    config = _config()
    with store.write() as connection:
        if not store.sqlite:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = _revision(connection)
        _refuse_newer(config, before)
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        return before, str(_revision(connection))


def pending(store: Store) -> list[str]:
    """The revisions that `migrate` would run, oldest first."""
    with store.read() as connection:
        before = _revision(connection)
    if before == newest():
        return []

    from alembic.script import ScriptDirectory

    config = _config()
    _refuse_newer(config, before)
    revisions = ScriptDirectory.from_config(config).iterate_revisions("head", before or "base")
    return [revision.revision for revision in reversed(list(revisions))]


def revision(store: Store) -> str | None:
    """The revision the database is at; None for a new one."""
    with store.read() as connection:
        return _revision(connection)


def newest() -> str:
    """The last revision there is, by the names of the files."""
    return max(path.name.partition("_")[0] for path in (_scripts() / "versions").glob("[0-9]*.py"))


def known() -> set[str]:
    """Every revision there is, by the names of the files."""
    return {path.name.partition("_")[0] for path in (_scripts() / "versions").glob("[0-9]*.py")}


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return found


def _refuse_newer(config: Config, revision: str | None) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise Misconfigured(f"the database is at revision {revision}, newer than this Daybook; upgrade Daybook.")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> Path:
    """The folder of migrations: inside the wheel, else beside the packages in a checkout."""
    root = Path(__file__).resolve().parents[2]
    packaged = root / "ingest" / "_migrations"
    return packaged if packaged.is_dir() else root / "migrations"
