"""`daybook backup | restore`: everything in one file while all of it runs, and that file laid where nothing is yet."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ingest.cli import output, progress
from ingest.cli.filters import Json
from ingest.cli.workspace import opened
from workers.errors import NotFound
from workers.settings import load
from workers.store.engine import open_store


def add_to(app: typer.Typer) -> None:
    """Hang the commands under `daybook` itself."""
    app.command(name="backup")(backup)
    app.command(name="restore")(restore)


def backup(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file to make, or a folder to make it in.")],
    without_key: Annotated[
        bool, typer.Option("--without-key", help="Leave out the key that seals secrets; keep it elsewhere then.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a backup of everything, as it is at this moment, while all of it goes on.

    Database, spool, rules, daybook.yaml and the data directory's key are in it: whoever has it has everything.
    """
    from workers import backup as verb

    now = datetime.now(UTC)
    target = path / f"daybook-{now:%Y%m%d-%H%M%S}.tar.gz" if path.is_dir() else path
    if not target.absolute().parent.is_dir():
        raise NotFound(f"{target.absolute().parent} is not there; make it, or name another place.")
    with opened() as workspace:
        settings = workspace.settings
        with progress.bar("copying", lambda: 100) as tell:
            made = verb.backup(settings, workspace.store, target, now, with_key=not without_key, tell=tell)
        elsewhere = settings.secret_key is not None or without_key
    rows = sum(table.rows for table in made.tables.values())
    if as_json:
        told = {"path": str(target), "bytes": target.stat().st_size, "rows": rows, "revision": made.revision}
        output.json_line({**told, "files": len(made.members), "with_key": not elsewhere})
        return
    output.say(f"Wrote {target}: {rows:,} rows, {target.stat().st_size:,} bytes.")
    if elsewhere:
        output.note("The key that opens its secrets is not in it; keep that, too, or they are lost.", style="yellow")
    else:
        output.note("Whoever has it can read everything, secrets included: keep it as you would keep those.")


def restore(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file that `daybook backup` made.")],
    as_json: Json = False,
) -> None:
    """Restore a backup to an empty data directory and database. All of it is checked before anything is done."""
    from ingest import supervise
    from workers import logs
    from workers import restore as verb

    if not path.is_file():
        raise NotFound(f"{path} is no file.")
    settings = load()
    logs.set_up(settings.model_copy(update={"log_level": "error"}))
    with supervise.alone(settings.data_dir), contextlib.closing(open_store(settings.database, pool_size=2)) as store:
        report = verb.restore(settings, store, path)
    made = report.manifest
    keyed = report.with_key or settings.secret_key is not None
    rows = sum(table.rows for table in made.tables.values())
    if as_json:
        output.json_line(
            {"made_at": made.made_at, "rows": rows, "files": len(made.members), "with_key": report.with_key,
             "kept": [str(one) for one in report.kept]}
        )  # fmt: skip
        return
    output.say(f"Restored the backup of {made.made_at}: {rows:,} rows, every one counted again.")
    for one in report.kept:
        output.note(f"{one} was there and stays; the backup's is in {settings.data_dir / 'restored'}.", style="yellow")
    if not keyed:
        output.note("Its key is not in it: set DAYBOOK_SECRET_KEY to it, or nothing sealed opens.", style="yellow")
    output.note("Next: `daybook doctor`, then `daybook up`. What was erased since that backup has to be erased again.")
