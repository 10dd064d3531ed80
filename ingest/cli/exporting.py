"""Writing events out: NDJSON or CSV, to stdout or to a file that is whole or not there. It asks nothing."""

from __future__ import annotations

import contextlib
import csv
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.cli import output, telling
from workers.errors import BadInput

#: seconds after which an export shows how far it is
_PATIENCE = 2.0


class Format(StrEnum):
    """How events are written."""

    NDJSON = "ndjson"  #: one JSON object a line, payload included
    CSV = "csv"  #: one row an event, without payload, for spreadsheets


def write(events: Iterable[dict[str, Any]], form: Format, file: IO[str]) -> int:
    """Write `events` to `file`; returns how many."""
    number = 0
    if form is Format.NDJSON:
        for number, event in enumerate(events, 1):  # noqa: B007
            file.write(msgspec.json.encode(event).decode() + "\n")
        return number
    rows: Any = None
    for number, event in enumerate(events, 1):  # noqa: B007
        row = telling.flat(event)
        if rows is None:
            rows = csv.DictWriter(file, list(row))
            rows.writeheader()
        rows.writerow(row)
    return number


@contextlib.contextmanager
def opened(path: Path | None) -> Iterator[IO[str]]:
    """stdout, or a file that appears under its name only once it is whole."""
    if path is None:
        yield sys.stdout
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        file = draft.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise BadInput(f"--output {path} cannot be written: {error.strerror}.") from None
    try:
        with file:
            yield file
        draft.replace(path)
    except OSError as error:
        raise BadInput(f"--output {path} cannot be written: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)


def watched(events: Iterable[dict[str, Any]], count: Callable[[], int]) -> Iterator[dict[str, Any]]:
    """`events`, with a bar on a terminal's stderr once they take longer than two seconds. `count` is asked then."""
    began = time.monotonic()
    bar: Progress | None = None
    columns = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        for number, event in enumerate(events):
            if bar is None and output.stderr.is_terminal and time.monotonic() - began > _PATIENCE:
                bar = Progress(*columns, console=output.stderr, transient=True)
                task = bar.add_task("", total=count())
                bar.start()
            if bar is not None:
                bar.update(task, completed=number)
            yield event
    finally:
        if bar is not None:
            bar.stop()
