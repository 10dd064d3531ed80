"""`daybook migrate --from … --to …`: which two databases are meant, how far the copy is, what came of it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ingest import supervise
from ingest.cli import output, progress
from workers.errors import BadInput, Misconfigured, NotFound
from workers.settings import Settings, load
from workers.wellformed import database_url

_POSTGRESQL = "postgresql://user:password@host:5432/name"


def copy(source: str, target: str, *, as_json: bool) -> None:
    """Copy everything, prove it, and say where to go on."""
    from ingest.cli.workspace import missing_file
    from workers import logs
    from workers.copy_over import copy_over, rows_in
    from workers.store.engine import open_store

    settings = load()
    logs.set_up(settings.model_copy(update={"log_level": "error"}))
    urls = _meant(settings, source, "--from"), _meant(settings, target, "--to")
    if urls[0] == urls[1]:
        raise BadInput("--from and --to are one database; name in --to the empty one that everything is copied into.")
    with contextlib.ExitStack() as stack:
        old, new = (stack.enter_context(contextlib.closing(open_store(url, pool_size=3))) for url in urls)
        missing = missing_file(old)
        if missing is not None:
            raise NotFound(
                f"{missing} is not there, so that there is nothing to copy; mend --from or DAYBOOK_DATA_DIR."
            )
        for store in (old, new):
            stack.enter_context(_nothing_up(settings, store.engine.url.database if store.sqlite else None))
        began = time.monotonic()
        with progress.bar("copying and comparing", lambda: rows_in(old)) as tell:
            copied = copy_over(old, new, tell)
        seconds = time.monotonic() - began
    tables = {one.table: {"rows": one.rows, "digest": one.digest} for one in copied}
    total = sum(one.rows for one in copied)
    if as_json:
        output.json_line({"rows": total, "tables": tables, "seconds": round(seconds, 3)})
        return
    output.table(("table", "rows", "digest"), [(one.table, one.rows, one.digest[:16]) for one in copied], empty="")
    output.say(
        f"Copied {total} rows in {seconds:.1f} s; counts and digests of all {len(tables)} tables are the same in both.",
        style="green",
    )
    output.say(
        "Now give every process DAYBOOK_DATABASE_URL of the new database and DAYBOOK_SECRET_KEY, the same key as "
        "before (the text of secret.key in the data directory): docs/deploying.md has the steps."
    )


def _meant(settings: Settings, written: str, option: str) -> str:
    """The URL that a word or a URL stands for. No error repeats a URL: it may hold a password."""
    configured = settings.database_url
    if written == "sqlite":
        there = configured is not None and configured.startswith("sqlite")
        return _absolute(configured if configured is not None and there else _of_data_dir(settings))
    if written == "postgresql":
        if configured is None or configured.startswith("sqlite"):
            raise Misconfigured(
                f"{option} postgresql is the database of DAYBOOK_DATABASE_URL, which names none; set it to "
                f"{_POSTGRESQL}, or write that URL after {option}."
            )
        return configured
    try:
        return _absolute(database_url(written))
    except ValueError as error:
        raise BadInput(f"{option} is the word sqlite or postgresql, or a URL, which {error}.") from None


def _of_data_dir(settings: Settings) -> str:
    return settings.model_copy(update={"database_url": None}).database


def _absolute(url: str) -> str:
    """A URL of SQLite with its whole path, so that one file has one name."""
    scheme, slashes, path = url.partition(":///")
    return f"{scheme}{slashes}{os.path.realpath(path)}" if scheme == "sqlite" and "?" not in path else url


@contextlib.contextmanager
def _nothing_up(settings: Settings, file: str | None) -> Iterator[None]:
    """Keep `daybook up` from running, and from starting, on the data directory that `file` is in."""
    if file is None or Path(file).parent != Path(os.path.realpath(settings.data_dir)):
        yield
        return
    with supervise.alone(settings.data_dir):
        yield
