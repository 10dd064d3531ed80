"""How commands speak: one JSON object a line for scripts, tables and colours for people. It fetches nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

console = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)

_NO_WIDTH = 10_000
#: columns of a terminal from which on it is a wide one
_WIDE = 140
#: what each state and verdict looks like, everywhere
COLOURS = {
    "signed": "green",
    "persisted": "green",
    "received": "yellow",
    "unsigned": "yellow",
    "quarantined": "yellow",
    "mismatch": "red",
    "discarded": "dim",
}


def json_line(value: Any) -> None:
    """One object on one line of stdout, flushed, so that a pipe sees it at once."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str, whole: Sequence[str] = ()) -> None:
    """A plain table; `empty` is the sentence for no rows at all. Cells are text, never markup.

    Where columns are named that must stay `whole` (ids, to be copied), a row is one line and the others are cut.
    In a pipe there is no width: nothing is cut or folded.
    """
    made = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(_cut(Text(column), whole), overflow="fold", no_wrap=column in whole)
    for row in rows:
        made.add_row(*(_cut(cell(value), whole) for value in row))
    if made.row_count:
        (console if console.is_terminal else Console(width=_NO_WIDTH, highlight=False)).print(made)
    else:
        console.print(Text(empty, style="dim"))


def wide() -> bool:
    """Whether there is room for every column of a wide table: in a pipe always."""
    return not console.is_terminal or console.width >= _WIDE


def _cut(text: Text, whole: Sequence[str]) -> Text:
    """A cell of a table with whole columns: one line, whatever width is left for it."""
    if whole:
        text.no_wrap, text.overflow = True, "ellipsis"
    return text


def cell(value: Any) -> Text:
    """A value as a table shows it; what came from outside is stripped of control characters."""
    if value is None:
        return Text("–", style="dim")
    text = clean(str(value))
    return Text(text, style=COLOURS.get(text, ""))


def clean(text: str) -> str:
    """Text from outside, safe for a terminal: an escape sequence in a title must not be obeyed."""
    return "".join(char if char.isprintable() else " " for char in text)


def say(sentence: str, *, style: str = "") -> None:
    """One sentence for a person, on stdout."""
    console.print(Text(clean(sentence), style=style), soft_wrap=True)  # one sentence stays one line in a pipe


def note(sentence: str) -> None:
    """One sentence for a person beside what a command prints: on stderr, out of a pipe's way."""
    stderr.print(Text(clean(sentence), style="dim"), soft_wrap=True)


def error(kind: str, message: str, status: int | None, *, as_json: bool) -> None:
    """How every command fails: on stderr, with what to do next."""
    message = message.encode("utf-8", "replace").decode()  # an argument may hold bytes that are no text
    if as_json:
        body = {"error": {"kind": kind, "message": message, "status": status}}
        sys.stderr.write(msgspec.json.encode(body).decode() + "\n")
    else:
        stderr.print(Text.assemble(("error: ", "bold red"), clean(message)), soft_wrap=True)
