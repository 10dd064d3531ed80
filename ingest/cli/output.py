"""How commands speak: one JSON object a line for scripts, tables and colours for people. It fetches nothing."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec
import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

console = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)

#: what each state and verdict looks like, everywhere
COLOURS = {
    "signed": "green",
    "persisted": "green",
    "received": "yellow",
    "unsigned": "yellow",
    "quarantined": "yellow",
    "mismatch": "red",
    "discarded": "dim",
    "planned": "yellow",
    "running": "yellow",
    "sending": "yellow",
    "done": "green",
    "failed": "yellow",
    "skipped": "dim",
    "dead": "red",
    "unknown": "red",
}


def never_stumble() -> None:
    """Make printing end no command: what an encoding has no character for is spelt out, a closed stream takes all."""
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def json_line(value: Any) -> None:
    """One object on one line of stdout, flushed, so that a pipe sees it at once."""
    sys.stdout.write(json_text(value, sys.stdout) + "\n")
    sys.stdout.flush()


def json_text(value: Any, stream: TextIO) -> str:
    """`value` as JSON on one line, fit for `stream`: a terminal gets no character that it would obey or hide, and a
    stream that is not UTF-8 only ASCII. Both are spelt as JSON's escapes, so the value stays the same.
    """
    text = msgspec.json.encode(value).decode()
    if stream.isatty():
        text = spelt(text, str.isprintable)
    if "utf" not in (stream.encoding or "utf-8").lower():
        text = spelt(text, str.isascii)
    return text


def spelt(text: str, stays: Callable[[str], bool]) -> str:
    """JSON in which each character that does not stay is written as its escape."""
    return text if stays(text) else "".join(char if stays(char) else json.dumps(char)[1:-1] for char in text)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str, whole: Sequence[str] = ()) -> None:
    """A plain table; `empty` is the sentence for no rows at all. Cells are text, never markup.

    Where columns are named that must stay `whole` (ids, to be copied), a row is one line and the others are cut.
    In a pipe there is no width: nothing is cut or folded.
    """
    cells = [[cell(value) for value in row] for row in rows]
    if not cells:
        console.print(Text(empty, style="dim"))
    elif console.is_terminal:
        console.print(_fitted(columns, cells, whole))
    else:
        _aligned([columns, *([text.plain for text in row] for row in cells)])


def width() -> int | None:
    """Columns of the terminal; None in a pipe, which has no end."""
    return console.width if console.is_terminal else None


def _fitted(columns: Sequence[str], rows: Iterable[Sequence[Text]], whole: Sequence[str]) -> Table:
    made = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(_cut(Text(column), whole), overflow="fold", no_wrap=column in whole)
    for row in rows:
        made.add_row(*(_cut(text, whole) for text in row))
    return made


def _aligned(rows: Sequence[Sequence[str]]) -> None:
    """Columns side by side, two blanks between them and none at a line's end."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (text + " " * (wide - cell_len(text)) for text, wide in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


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


def note(sentence: str, *, style: str = "dim") -> None:
    """One sentence for a person beside what a command prints: on stderr, out of a pipe's way."""
    stderr.print(Text(clean(sentence), style=style), soft_wrap=True)


def agreed(question: str) -> bool:
    """What a person answers; where nobody can answer, no. Ctrl-C is not an answer and ends the command."""
    try:
        return typer.confirm(clean(question), err=True)
    except typer.Abort as end:
        if isinstance(end.__context__, KeyboardInterrupt):
            raise
        stderr.print()
        return False


def answer(question: str) -> str:
    """The words that a person types, "" where nobody can. Ctrl-C is not an answer and ends the command."""
    try:
        return str(typer.prompt(clean(question), default="", show_default=False, err=True)).strip()
    except typer.Abort as end:
        if isinstance(end.__context__, KeyboardInterrupt):
            raise
        stderr.print()
        return ""


def unchanged() -> typer.Exit:
    """The end of a command that was answered no."""
    note("Nothing was changed.", style="")
    return typer.Exit(1)


def error(kind: str, message: str, status: int | None, *, as_json: bool) -> None:
    """How every command fails: on stderr, with what to do next."""
    message = message.encode("utf-8", "replace").decode()  # an argument may hold bytes that are no text
    if as_json:
        body = {"error": {"kind": kind, "message": message, "status": status}}
        sys.stderr.write(json_text(body, sys.stderr) + "\n")
    else:
        stderr.print(Text.assemble(("error: ", "bold red"), clean(message)), soft_wrap=True)
