"""Writing events out: NDJSON or CSV, to stdout or to a file that is whole or not there. It asks nothing."""

from __future__ import annotations

import contextlib
import csv
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from ingest import exported
from ingest.cli import output
from ingest.exported import Format
from workers.errors import BadInput


def write(events: Iterable[dict[str, Any]], form: Format, file: TextIO) -> int:
    """Write `events` to `file`; returns how many."""
    rows = csv.writer(file)
    shown = output.clean if file.isatty() else str
    number = 0
    for event in events:
        if form is Format.NDJSON:
            file.write(output.json_text(event, file) + "\n")
        else:
            row = exported.event(event)
            if not number:
                rows.writerow(row)
            rows.writerow(map(shown, exported.cells(row)))
        number += 1
    return number


@contextlib.contextmanager
def opened(name: str | None) -> Iterator[TextIO]:
    """stdout for None and `-`, else a file that only its owner may read, and that is there only once it is whole.

    A link is followed. A pipe or a device is written to as it is: it cannot be replaced.
    """
    if name is None or name == "-":
        yield sys.stdout
        return
    if not name.strip():
        raise BadInput("--output is empty; name a file, or - for stdout.")
    try:
        path = Path(name)
        if path.is_dir():
            raise BadInput(f"--output {name} is a folder; name a file in it.")
        special = path.exists() and not path.is_file()
        with path.open("w", encoding="utf-8") if special else _whole(Path(os.path.realpath(name))) as file:
            yield file
    except OSError as error:
        raise BadInput(f"--output {name} cannot be written: {error.strerror}.") from None


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    descriptor, draft = tempfile.mkstemp(prefix=".daybook-", suffix=".part", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
