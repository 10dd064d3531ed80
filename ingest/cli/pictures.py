"""Larger things on a terminal: the fields of one thing, a document, counts as bars. One line is `output.py`'s."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from rich.bar import Bar
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from ingest.cli import output
from ingest.cli.telling import short

#: characters of the longest bar, where there is room, and where there is hardly any
_WIDTH = 40
_LEAST = 8
#: characters of the longest name beside a bar: Cal.com's longest trigger has 43
_NAME = 48


def sheet(fields: Iterable[tuple[str, str]]) -> None:
    """The fields of one thing, a line each: name, value. Only a terminal folds a long value."""
    rows = [(output.clean(name), output.cell(value)) for name, value in fields]
    if output.width() is None:
        longest = max((cell_len(name) for name, _ in rows), default=0)
        for name, value in rows:
            output.say(f"{name}{' ' * (longest - cell_len(name))}  {value.plain}")
        return
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(Text(name), value)
    output.console.print(made)


def document(value: Any) -> None:
    """A JSON document, indented. Control characters that came from outside are spelt as JSON's escapes."""
    for line in msgspec.json.format(msgspec.json.encode(value)).decode().split("\n"):
        output.console.print(Text(output.spelt(line, str.isprintable)), soft_wrap=True)


def bars(title: str, counts: Mapping[str, int]) -> None:
    """Counts, each with a bar; the longest is the greatest. Nothing for no counts. Names stay on their line."""
    if not counts:
        return
    most = max(counts.values())
    rows = [(output.cell(short(name, _NAME) or None), f"{number:,}", number) for name, number in counts.items()]
    taken = max(name.cell_len for name, _, _ in rows) + len(f"{most:,}") + 4
    width = min(_WIDTH, max(_LEAST, (output.width() or taken + _WIDTH) - taken))
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True, overflow="ellipsis")
    made.add_column(justify="right", no_wrap=True)
    made.add_column(width=width)
    for name, number, length in rows:
        made.add_row(name, number, Bar(most, 0, length, width=width, color="cyan"))
    output.console.print()
    output.console.print(Text(title, style="bold"))
    output.console.print(made, width=taken + width + 2)
