"""What keeps an expression that loops from running long and from filling the memory, whatever the payload.

CEL bounds how often a loop goes round, not what each round costs: every mention of a text in it makes a copy that stays
until the end. So each round first asks whether it may, and each name that `cel.bind` gives is looked at for its size.
This is added to what is run, not to what is checked: mistakes keep their places.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cel_expr_python import cel

from workers.rules import allowance
from workers.rules.functions import LONGEST_TEXT
from workers.rules.syntax import code

#: seconds of a processor that one evaluation with loops may take
LONGEST_TIME = 1.0
#: characters that all rounds of one evaluation may copy, as far as that can be told before
MOST_COPIED = 100_000_000
#: items that all `map` and `filter` of one evaluation may make
MOST_MADE = 3_500
#: `+` in one expression: each makes a longer copy of what is before it
MOST_SUMS = 30
#: items of a list that `cel.bind` names
_LONGEST_LIST = 100_000
#: what an item of a list weighs in place of characters
_ITEM = 16

_LOOP = re.compile(r"\.\s*(all|exists|exists_one|filter|map)\s*\(")
_BIND = re.compile(r"\bcel\s*\.\s*bind\s*\(")
_MENTION = re.compile(r"(?<![.\w])(?!(?:true|false|null|in)\b)[A-Za-z_]\w*(?!\s*\()\b")
_OPENS, _CLOSES = "([{", ")]}"


class _Meter(threading.local):
    """What the evaluation that this thread is at may still do."""

    def __init__(self) -> None:
        self.ends = self.last = 0.0
        self.heaviest = self.left = self.made = 0


_METER = _Meter()


def begin(heaviest: int) -> None:
    """An evaluation begins, in which no mention of a value copies more than that. Raises `allowance.Spent`."""
    now = time.thread_time()
    _METER.ends, _METER.last = now + LONGEST_TIME, allowance.loops_end(now)
    _METER.heaviest, _METER.left, _METER.made = heaviest, MOST_COPIED, 0


def _goes_on(mentions: int, makes: int) -> bool:
    """Whether there may be one more round; `makes`: 1 where it adds to a list, which copies the list as it was."""
    _METER.made += makes
    _METER.left -= mentions * _METER.heaviest
    now = time.thread_time()
    if _METER.made > MOST_MADE or now > _METER.ends:
        raise ValueError("it takes too many steps")
    if now > _METER.last:
        raise allowance.Spent
    if _METER.left < 0:
        raise ValueError("it takes too many steps for values as large as these")
    return True


def _fits(size: int, most: int) -> bool:
    if size > most:
        raise ValueError(f"what cel.bind names would be longer than {most:,}")
    return True


_ASKED = (cel.Type.BOOL, [cel.Type.INT, cel.Type.INT])
#: known where expressions run, not where they are checked: nobody can name them
FUNCTIONS: tuple[cel.FunctionDecl, ...] = (
    cel.FunctionDecl("daybook_goes_on", [cel.Overload("daybook_goes_on_2", *_ASKED, False, _goes_on)]),
    cel.FunctionDecl("daybook_fits", [cel.Overload("daybook_fits_2", *_ASKED, False, _fits)]),
)


def loops(text: str) -> bool:
    """Whether an expression has loops."""
    return _LOOP.search(code(text)) is not None


def sums(text: str) -> int:
    """How often an expression has `+`."""
    return code(text).count("+")


def guarded(text: str) -> str:
    """A sound expression, with the questions added that its loops and bindings have to ask."""
    bare = code(text)
    added = sorted([*_rounds(bare), *_bindings(bare)])
    made, at = [], 0
    for place, more in added:
        made += [text[at:place], more]
        at = place
    return "".join([*made, text[at:]])


def _rounds(bare: str) -> Iterator[tuple[int, str]]:
    for found in _LOOP.finditer(bare):
        _, first, *more = _arguments(bare, found.end())
        body = [bare[begin:end] for begin, end in (first, *more)]
        mentions = sum(len(_MENTION.findall(part)) + part.count("+") ** 2 // 2 for part in body)
        makes = int(found[1] in ("filter", "map"))
        yield first[0], f" daybook_goes_on({mentions}, {makes}) ? ("
        yield first[1], ") : false"


def _bindings(bare: str) -> Iterator[tuple[int, str]]:
    for found in _BIND.finditer(bare):
        _, (begin, end), _ = _arguments(bare, found.end())
        size = "type(daybook_it) in [string, bytes, list] ? size(daybook_it) : 0"
        most = f"type(daybook_it) == list ? {_LONGEST_LIST} : {LONGEST_TEXT}"
        yield begin, " cel.bind(daybook_it, "
        yield end, f", daybook_fits({size}, {most}) ? daybook_it : null)"


def _arguments(bare: str, begin: int) -> list[tuple[int, int]]:
    """Where the arguments of a call are written, that begin there."""
    found, depth = [], 0
    for at in range(begin, len(bare)):
        char = bare[at]
        if depth == 0 and char in ",)":
            found.append((begin, at))
            begin = at + 1
            if char == ")":
                break
        depth += (char in _OPENS) - (char in _CLOSES)
    return found


def heaviest(values: Iterable[Any]) -> int:
    """The most that a mention of one of these values, or of what is in them, copies: in characters."""
    most, left = 0, list(values)
    while left:
        value = left.pop()
        if isinstance(value, str):
            most = max(most, len(value))
        elif isinstance(value, Mapping | list):
            most = max(most, _ITEM * len(value))
            left += value.values() if isinstance(value, Mapping) else value
    return most
