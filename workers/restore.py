"""A backup laid where nothing is yet: checked whole before anything is touched, and again when it is there.

It overwrites nothing. A daybook.yaml or a rule that is there and says something else stays, and the backup's is laid
beside the data, for a person to choose.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from workers import archive
from workers.archive import Manifest
from workers.errors import BadInput, Conflict, Misconfigured
from workers.settings import Settings
from workers.store import dumps
from workers.store.engine import Store
from workers.store.migrate import known, migrate
from workers.vault import KEY_FILE

#: in the data directory, where what stayed as it was is laid in the backup's version
_BESIDE = "restored"


@dataclass(slots=True)
class Report:
    """What was restored; `kept` are files that are as they were, because they were there and said something else."""

    manifest: Manifest
    kept: list[Path] = field(default_factory=list)
    with_key: bool = False


def restore(settings: Settings, store: Store, path: Path) -> Report:
    """Restore the backup at `path` into the empty data directory and database that the settings name.

    `Conflict` where something is there, `BadInput` for a backup that cannot be used.
    """
    _refuse_used(settings, store)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".daybook-restore-", dir=settings.data_dir) as folder:
        staging = Path(folder)
        manifest = archive.unpack(path, staging)
        _refuse_unfit(manifest, store, staging)
        report = Report(manifest, with_key=KEY_FILE in manifest.members)
        if store.sqlite:
            store.close()
            target = Path(str(store.engine.url.database))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(staging / "daybook.db", target)
        else:
            _tables(store, manifest, staging)
        _check(store, manifest)
        for name in sorted(manifest.members):
            _lay(settings, staging, name, report)
    migrate(store)
    return report


def _refuse_used(settings: Settings, store: Store) -> None:
    file = Path(str(store.engine.url.database)) if store.sqlite else None
    key, spool = settings.data_dir / KEY_FILE, settings.data_dir / "spool"
    # A write-ahead log without its database would be read into the one that is laid beside it.
    of_database = [] if file is None else [file, *(Path(f"{file}{end}") for end in ("-wal", "-journal"))]
    there = next((path for path in (*of_database, key) if path.exists()), None)
    if there is None and any(spool.glob("*.*")):
        there = spool
    if there is not None:
        raise Conflict(f"{there} is there already, and a restore overwrites nothing; name an empty DAYBOOK_DATA_DIR.")
    if file is None and dumps.is_used(store):
        raise Conflict("the database holds something already, and a restore overwrites nothing; make an empty one.")


def _refuse_unfit(manifest: Manifest, store: Store, staging: Path) -> None:
    if manifest.database != store.engine.dialect.name:
        raise BadInput(
            f"this is a backup of {manifest.database}, and DAYBOOK_DATABASE_URL names {store.engine.dialect.name}; "
            "restore it to its own kind first, and move it to the other then."
        )
    if manifest.revision not in known():
        raise Misconfigured(f"the backup is at revision {manifest.revision}, newer than this Daybook; upgrade Daybook.")
    wanted = ["daybook.db"] if store.sqlite else [f"tables/{name}.copy" for name in manifest.tables]
    if missing := [name for name in wanted if name not in manifest.members]:
        raise BadInput(f"the backup lacks {missing[0]}. Nothing was changed.")
    if store.sqlite:
        dumps.check_sqlite(staging / "daybook.db")
        if dumps.counts_of_file(staging / "daybook.db") != _rows(manifest):
            raise BadInput("the backup's database has other rows than its manifest says. Nothing was changed.")


def _tables(store: Store, manifest: Manifest, staging: Path) -> None:
    """All in one transaction: it is there whole, or not at all."""
    migrate(store, to=manifest.revision)
    with store.write() as sql:
        there = dumps.columns(sql)
        if set(there) != set(manifest.tables):
            raise BadInput("the backup's tables are not those of its revision. Nothing was restored.")
        for name in there:
            dumps.into(sql, name, manifest.tables[name].columns, staging / f"tables/{name}.copy")
        dumps.go_on_counting(sql)
        if dumps.counts(sql, list(there)) != _rows(manifest):
            raise BadInput("the backup's tables have other rows than its manifest says. Nothing was restored.")


def _check(store: Store, manifest: Manifest) -> None:
    with store.read() as sql:
        if dumps.counts(sql, list(manifest.tables)) != _rows(manifest):
            raise BadInput("the restored database has other rows than the backup's manifest says; restore it anew.")


def _rows(manifest: Manifest) -> dict[str, int]:
    return {name: table.rows for name, table in manifest.tables.items()}


def _lay(settings: Settings, staging: Path, name: str, report: Report) -> None:
    if name == "daybook.yaml":
        target = settings.config_path
    elif name.startswith("rules/"):
        target = settings.rules / name.removeprefix("rules/")
    elif name == KEY_FILE or name.startswith("spool/"):
        target = settings.data_dir / name
    else:
        return
    source = staging / name
    if target.exists() and target.read_bytes() != source.read_bytes():
        report.kept.append(target)
        target = settings.data_dir / _BESIDE / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
    target.chmod(0o600)
