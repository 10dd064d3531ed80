"""The id of a live message: a position in the history, as opaque text that a client hands back to go on from there."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from workers.errors import BadInput
from workers.store.position import WINDOW, Position

#: runs of open numbers in one id; what lies between them is told twice where there are more
_RUNS = 32
#: characters of an id
LONGEST = 1_000
#: what every id looks like, though not everything that looks so is one
PATTERN = "^[A-Za-z0-9_-]+$"
_HELD = re.compile(r"1:(0|[1-9]\d{0,17})((?:\.[1-9]\d{0,5}-[1-9]\d{0,5})*)", re.ASCII)


def spell(position: Position) -> str:
    """The id of a message after which one is at `position`."""
    parts = [f"1:{position.highest}"]
    parts += [f".{position.highest - first}-{last - first + 1}" for first, last in _runs(position.open)]
    return urlsafe_b64encode("".join(parts).encode()).rstrip(b"=").decode()


def read(text: str) -> Position:
    """The position that `spell` was given, or one before it; `BadInput` for what it never gave."""
    try:
        if len(text) > LONGEST:
            raise ValueError
        held = _HELD.fullmatch(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii"))
        if held is None:
            raise ValueError
        highest = int(held[1])
        open_: set[int] = set()
        for run in held[2].split(".")[1:]:
            back, number = map(int, run.split("-"))
            if not number <= back <= highest - 1 or back > 2 * WINDOW:
                raise ValueError
            open_.update(range(highest - back, highest - back + number))
        position = Position(highest, frozenset(open_))
        if spell(position) != text:
            raise ValueError
    except ValueError:  # of UnicodeError and binascii.Error too
        raise BadInput("Last-Event-ID must be the id of a message of this stream, unchanged.") from None
    return position


def _runs(open_: frozenset[int]) -> list[tuple[int, int]]:
    """The open numbers as runs from first to last; beyond `_RUNS` the nearest are made one."""
    if not open_:
        return []
    runs: list[tuple[int, int]] = []
    for one in sorted(open_):
        if runs and one == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], one)
        else:
            runs.append((one, one))
    while len(runs) > _RUNS:
        at = min(range(1, len(runs)), key=lambda index: runs[index][0] - runs[index - 1][1])
        runs[at - 1 : at + 1] = [(runs[at - 1][0], runs[at][1])]
    return runs
