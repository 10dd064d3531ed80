"""Larger things on a terminal: the fields of one thing, a document, counts as bars. One line is `output.py`'s."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from ingest.cli.output import cell, clean, console

#: characters of the longest bar
_WIDTH = 40


def sheet(fields: Iterable[tuple[str, str]]) -> None:
    """The fields of one thing, a line each: name, value."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in fields:
        made.add_row(clean(name), cell(value))
    console.print(made)


def document(value: Any) -> None:
    """A JSON document, indented; what came from outside is stripped of control characters."""
    for line in msgspec.json.format(msgspec.json.encode(value)).decode().splitlines():
        console.print(Text(clean(line)), soft_wrap=True)


def bars(title: str, counts: Mapping[str, int]) -> None:
    """Counts, each with a bar; the longest is the greatest. Nothing for no counts."""
    if not counts:
        return
    made = Table.grid(padding=(0, 2))
    made.add_column(overflow="fold")
    made.add_column(justify="right", no_wrap=True)
    made.add_column(width=_WIDTH)
    most = max(counts.values())
    for name, number in counts.items():
        made.add_row(cell(name or None), f"{number:,}", Bar(most, 0, number, width=_WIDTH, color="cyan"))
    console.print()
    console.print(Text(title, style="bold"))
    console.print(made)
