"""The functions on text that expressions have beside CEL's own: named and meant as in CEL's extension for strings.

Written here because what they give must be bounded: a payload can make `replace` of two long texts fill the memory.
"""

from __future__ import annotations

from collections.abc import Callable

from cel_expr_python import cel

#: characters that an expression may make in one piece
LONGEST_TEXT = 1_000_000
_MOST_PIECES = 10_000

_TEXT, _INTEGER = cel.Type.STRING, cel.Type.INT
_TEXTS = cel.Type.List(cel.Type.STRING)


def _bounded(length: int) -> None:
    if length > LONGEST_TEXT:
        raise ValueError(f"the text would be longer than {LONGEST_TEXT:,} characters")


def _replace(text: str, old: str, new: str) -> str:
    count = text.count(old)
    _bounded(len(text) + count * (len(new) - len(old)))
    return text.replace(old, new)


def _join(texts: list[str], between: str = "") -> str:
    _bounded(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _split(text: str, at: str) -> list[str]:
    if text.count(at) >= _MOST_PIECES:
        raise ValueError(f"the text would be split into more than {_MOST_PIECES:,} pieces")
    return text.split(at) if at else list(text)


def _substring(text: str, begin: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    if not 0 <= begin <= end <= len(text):
        raise ValueError(f"there is no substring from {begin} to {end} in a text of {len(text)} characters")
    return text[begin:end]


def _method(name: str, result: cel.Type, *forms: tuple[Callable[..., object], list[cel.Type]]) -> cel.FunctionDecl:
    """A function that is called on its first parameter."""
    overloads = [
        cel.Overload(f"daybook_{name}_{len(parameters)}", result, parameters, True, call) for call, parameters in forms
    ]
    return cel.FunctionDecl(name, overloads)


FUNCTIONS: tuple[cel.FunctionDecl, ...] = (
    _method("lowerAscii", _TEXT, (str.lower, [_TEXT])),
    _method("upperAscii", _TEXT, (str.upper, [_TEXT])),
    _method("trim", _TEXT, (str.strip, [_TEXT])),
    _method("replace", _TEXT, (_replace, [_TEXT, _TEXT, _TEXT])),
    _method("split", _TEXTS, (_split, [_TEXT, _TEXT])),
    _method("join", _TEXT, (_join, [_TEXTS]), (_join, [_TEXTS, _TEXT])),
    _method("substring", _TEXT, (_substring, [_TEXT, _INTEGER]), (_substring, [_TEXT, _INTEGER, _INTEGER])),
)

#: every function and macro by name, for the nearest right one
NAMES: tuple[str, ...] = (
    "all", "bool", "bytes", "ceil", "contains", "double", "duration", "dyn", "endsWith", "exists", "exists_one",
    "filter", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours", "getMilliseconds",
    "getMinutes", "getMonth", "getSeconds", "has", "hasValue", "int", "join", "lowerAscii", "map", "matches", "or",
    "orValue", "replace", "size", "split", "startsWith", "string", "substring", "timestamp", "trim", "type", "uint",
    "upperAscii",
)  # fmt: skip
