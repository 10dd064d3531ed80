"""A backup of everything, made while everything runs: spool, database, key, daybook.yaml and rules in one file.

The spool comes first: a delivery that is drained meanwhile is then in both, and counts once, instead of in neither.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from importlib import metadata
from pathlib import Path

from workers import archive
from workers.archive import Manifest, Table
from workers.errors import Conflict, Misconfigured
from workers.settings import Settings
from workers.store import dumps
from workers.store.engine import Store
from workers.store.migrate import pending, revision
from workers.vault import KEY_FILE

Tell = Callable[[int], None]


def backup(
    settings: Settings, store: Store, path: Path, now: datetime, *, with_key: bool, tell: Tell = lambda _: None
) -> Manifest:
    """Write a backup to `path`, which must not be there; `tell` is told how much of a hundred of the database is done.

    `Conflict` where `path` is there, `Misconfigured` where the tables are not this version's.
    """
    at = revision(store)
    if at is None or pending(store):
        raise Misconfigured("the database's tables are not this Daybook's; run `daybook migrate` first.")
    if path.exists():
        raise Conflict(f"{path} is there already; a backup overwrites nothing.")
    with (
        archive.written(path) as writer,
        tempfile.TemporaryDirectory(prefix=".daybook-backup-", dir=path.absolute().parent) as folder,
    ):
        _files(writer, settings, with_key=with_key)
        tables = (_sqlite if store.sqlite else _postgresql)(store, writer, Path(folder), tell)
        manifest = Manifest(
            format=archive.FORMAT,
            version=metadata.version("daybook"),
            made_at=now.isoformat(timespec="seconds"),
            database=store.engine.dialect.name,
            revision=at,
            tables=tables,
            members=dict(writer.members),
        )
        writer.end(manifest)
    return manifest


def _files(writer: archive.Writer, settings: Settings, *, with_key: bool) -> None:
    for path in sorted((settings.data_dir / "spool").glob("*.*")):
        _add(writer, f"spool/{path.name}", path)
    if with_key and settings.secret_key is None:
        _add(writer, KEY_FILE, settings.data_dir / KEY_FILE)
    _add(writer, "daybook.yaml", settings.config_path)
    for path in sorted(settings.rules.rglob("*.y*ml")):
        _add(writer, f"rules/{path.relative_to(settings.rules).as_posix()}", path)


def _add(writer: archive.Writer, name: str, path: Path) -> None:
    """One that is gone by now was drained; one whose name a backup has none of is not ours."""
    if archive.takes(name) and path.is_file():
        try:
            writer.add(name, path)
        except FileNotFoundError:
            return


def _sqlite(store: Store, writer: archive.Writer, folder: Path, tell: Tell) -> dict[str, Table]:
    copy = folder / "daybook.db"
    dumps.copy_sqlite(store, copy, tell)
    counts = dumps.counts_of_file(copy)
    writer.add("daybook.db", copy)
    return {name: Table(rows) for name, rows in counts.items()}


def _postgresql(store: Store, writer: archive.Writer, folder: Path, tell: Tell) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    with dumps.snapshot(store) as sql:
        there = dumps.columns(sql)
        counts = dumps.counts(sql, list(there))
        for number, (name, columns) in enumerate(there.items()):
            target = folder / f"{name}.copy"
            dumps.out(sql, name, columns, target)
            writer.add(f"tables/{name}.copy", target)
            target.unlink()
            tables[name] = Table(counts[name], columns)
            tell(100 * (number + 1) // len(there))
    return tables
