"""The functions that expressions have beside CEL's own. Those on text are named and meant as in CEL's extension for
strings, and written here because what they give must be bounded: a payload can make `replace` of two long texts fill
the memory. `dayIn` is Daybook's: Cal.com's absences are days of somebody's, and an event's instants are in UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from cel_expr_python import cel

from workers.rules import allowance

#: characters that an expression may make in one piece
LONGEST_TEXT = 1_000_000
_MOST_PIECES = 10_000

_TEXT, _INTEGER = cel.Type.STRING, cel.Type.INT
_TEXTS = cel.Type.List(cel.Type.STRING)


def _bounded(length: int) -> None:
    if length > LONGEST_TEXT:
        raise ValueError(f"the text would be longer than {LONGEST_TEXT:,} characters")


def _lower(text: str) -> str:
    allowance.ask_for(len(text))
    return text.lower()


def _upper(text: str) -> str:
    allowance.ask_for(len(text))
    return text.upper()


def _replace(text: str, old: str, new: str) -> str:
    allowance.ask_for(len(text))
    count = text.count(old)
    _bounded(len(text) + count * (len(new) - len(old)))
    return text.replace(old, new)


def _join(texts: list[str], between: str = "") -> str:
    length = sum(map(len, texts)) + len(between) * len(texts)
    _bounded(length)
    allowance.ask_for(length)
    return between.join(texts)


def _split(text: str, at: str) -> list[str]:
    allowance.ask_for(len(text))
    if text.count(at) >= _MOST_PIECES:
        raise ValueError(f"the text would be split into more than {_MOST_PIECES:,} pieces")
    return text.split(at) if at else list(text)


def _substring(text: str, begin: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    if not 0 <= begin <= end <= len(text):
        raise ValueError(f"there is no substring from {begin} to {end} in a text of {len(text)} characters")
    return text[begin:end]


def _day_in(moment: datetime, zone: str) -> str:
    """The day that it is there at that moment: `2026-07-01`."""
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(_zone(zone)).date().isoformat()
    except OverflowError:
        raise ValueError("there is no such day") from None


def _zone(name: str) -> tzinfo:
    """A zone by its name, or by its offset as CEL's own functions take it: `+05:30`."""
    try:
        if name[:1] in ("+", "-"):
            return datetime.strptime(name, "%z").tzinfo or UTC
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError):  # what a payload names may be no zone, nor the name of any file
        raise ValueError("there is no such time zone") from None


def _method(name: str, result: cel.Type, *forms: tuple[Callable[..., object], list[cel.Type]]) -> cel.FunctionDecl:
    """A function that is called on its first parameter."""
    overloads = [
        cel.Overload(f"daybook_{name}_{len(parameters)}", result, parameters, True, call) for call, parameters in forms
    ]
    return cel.FunctionDecl(name, overloads)


FUNCTIONS: tuple[cel.FunctionDecl, ...] = (
    _method("dayIn", _TEXT, (_day_in, [cel.Type.TIMESTAMP, _TEXT])),
    _method("lowerAscii", _TEXT, (_lower, [_TEXT])),
    _method("upperAscii", _TEXT, (_upper, [_TEXT])),
    _method("trim", _TEXT, (str.strip, [_TEXT])),
    _method("replace", _TEXT, (_replace, [_TEXT, _TEXT, _TEXT])),
    _method("split", _TEXTS, (_split, [_TEXT, _TEXT])),
    _method("join", _TEXT, (_join, [_TEXTS]), (_join, [_TEXTS, _TEXT])),
    _method("substring", _TEXT, (_substring, [_TEXT, _INTEGER]), (_substring, [_TEXT, _INTEGER, _INTEGER])),
)

#: every function and macro by name, for the nearest right one
NAMES: tuple[str, ...] = (
    "all", "bool", "bytes", "ceil", "contains", "dayIn", "double", "duration", "dyn", "endsWith", "exists",
    "exists_one", "filter", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours",
    "getMilliseconds", "getMinutes", "getMonth", "getSeconds", "has", "hasValue", "int", "join", "lowerAscii", "map",
    "matches", "or", "orValue", "replace", "size", "split", "startsWith", "string", "substring", "timestamp", "trim",
    "type", "uint", "upperAscii",
)  # fmt: skip
