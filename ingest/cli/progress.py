"""How far a long command is: a bar on a terminal's stderr once it takes longer than two seconds. It counts nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.cli import output

T = TypeVar("T")
#: seconds after which a command shows how far it is
_PATIENCE = 2.0


@contextmanager
def bar(doing: str, count: Callable[[], int]) -> Iterator[Callable[[int], None]]:
    """A function to be told how many are done by now. `count` is asked for all of them, once a bar is shown."""
    began = time.monotonic()
    shown: list[Progress] = []

    def tell(done: int) -> None:
        if not shown and output.stderr.is_terminal and time.monotonic() - began > _PATIENCE:
            columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            made = Progress(*columns, console=output.stderr, transient=True)
            made.add_task("", total=count())
            made.start()
            shown.append(made)
        for each in shown:
            each.update(each.task_ids[0], completed=done)

    try:
        yield tell
    finally:
        for each in shown:
            each.stop()


def watched(things: Iterable[T], count: Callable[[], int], doing: str = "exporting") -> Iterator[T]:
    """`things`, with such a bar."""
    with bar(doing, count) as tell:
        for number, thing in enumerate(things):
            tell(number)
            yield thing
