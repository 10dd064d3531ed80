"""What CEL says is wrong with an expression, in words for people: at which character, and the nearest right name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from workers.rules.functions import NAMES
from workers.rules.scope import Scope
from workers.rules.syntax import code

_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_FIELD = re.compile(r"undefined field '(.*)' not found in struct '(.*)'")
_NAME = re.compile(r"undeclared reference to '(.*)' \(in container")
_OVERLOAD = re.compile(r"found no matching overload for '(.*)' applied to '(.*)'")
_SYNTAX = re.compile(r"Syntax error: (?:mismatched input|extraneous input|no viable alternative at input) '(.*?)'")
_NEVER_NULL = re.compile(
    r"\b(event\s*\.\s*(?:booking|organizer|event_type|start|end|occurred_at|received_at|payload)|(?:run|undo)\s*\.\s*\w+)"
    r"\s*(==|!=)\s*null\b"
)
_BARE = re.compile(r"(?<![.\w])(run|undo)\b(?!\s*\.)")
#: one expression has one thing to mend first; more than these are its consequences
_MOST = 3
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at a character of a text (0 is the first)."""

    offset: int
    message: str


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` where one of the known names is near, else which there are, or nothing if they are many."""
    names = list(known)
    lowered = {each.lower(): each for each in names}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6) if len(name) <= _LONGEST_NAME else []
    if close:
        return f'; did you mean "{lowered[close[0]]}"?'
    return f"; there is {', '.join(names)}" if 0 < len(names) <= 8 else ""


def mistakes(error: str, expression: str, scope: Scope) -> list[Mistake]:
    """What CEL's error says, each at its character."""
    found: dict[int, Mistake] = {}
    for line, column, text in _ERROR.findall(error):
        if "'*error*'" not in text:
            made = _mistake(text, _offset(expression, int(line), int(column)), expression, scope)
            found.setdefault(made.offset, made)
    if not found:
        return [Mistake(0, _plainly(error.partition("\n")[0]))]
    return list(found.values())[:_MOST]


def silent(expression: str, scope: Scope) -> list[Mistake]:
    """What CEL takes without a word though it never does what its writer meant."""
    bare = code(expression)
    found = [
        Mistake(
            match.start(1),
            f"{_squeezed(match[1])} is never null; write {'!' if match[2] == '==' else ''}has({_squeezed(match[1])})",
        )
        for match in _NEVER_NULL.finditer(bare)
    ]
    whole = [match for match in _BARE.finditer(bare) if match[1] in scope.variables]
    return found + [Mistake(match.start(), f"name one of its steps: {match[1]}.<step id>") for match in whole]


def _mistake(text: str, offset: int, expression: str, scope: Scope) -> Mistake:
    if match := _FIELD.match(text):
        name, struct = match.groups()
        called, fields = scope.names.get(struct, (struct, ()))
        at = expression.find(name, offset)
        verb = "has no step" if called in ("run", "undo") else "has no field"
        return Mistake(at if at >= 0 else offset, f'{called} {verb} "{name}"{nearest(name, fields)}')
    if match := _NAME.match(text):
        return _unknown(match[1], offset, expression, scope)
    if match := _OVERLOAD.match(text):
        operator = match[1].strip("_").replace("_", " ") if not match[1][0].isalpha() else match[1]
        return Mistake(offset, f"{_OPERATORS.get(match[1], f'`{operator}`')} does not take {_types(match[2], scope)}")
    if match := _SYNTAX.match(text):
        what = "the end" if match[1] == "<EOF>" else f"`{match[1]}`"
        return Mistake(
            min(offset, max(len(expression) - 1, 0)), f"the expression is not complete or not right at {what}"
        )
    return Mistake(offset, _plainly(text))


def _unknown(name: str, offset: int, expression: str, scope: Scope) -> Mistake:
    root = name.partition(".")[0]
    at = expression.rfind(root, 0, offset + len(root))
    at = at if at >= 0 else offset
    called = re.match(r"\s*\(", expression[at + len(root) :]) is not None
    if called:
        return Mistake(at, f'there is no function "{root}"{nearest(root, NAMES)}')
    if root in ("run", "undo"):
        return Mistake(at, f"{root} is not known here: it has the outputs of earlier steps, and there is none")
    if root == "now":
        return Mistake(at, "now is not known here: the same event is the same occasion at any time")
    return Mistake(at, f'there is no "{root}" here{nearest(root, scope.variables)}')


_OPERATORS: Mapping[str, str] = {
    "_?_:_": "`? :`",
    "_[_]": "`[ ]`",
    "@in": "`in`",
    "!_": "`!`",
    "-_": "`-`",
}


def _types(types: str, scope: Scope) -> str:
    for struct, (called, _) in scope.names.items():
        types = re.sub(rf"{re.escape(struct)}\b", called, types)
    types = re.sub(r"wrapper\((\w+)\)", r"\1", types)
    types = types.replace("google.protobuf.Timestamp", "instant").replace("google.protobuf.Duration", "duration")
    return types.replace("map(string, dyn)", "mapping")


def _plainly(error: str) -> str:
    if "recursion" in error:
        return "the expression is nested too deeply: at most 32 levels; make it of shorter ones"
    return re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$|^Syntax error: ", "", error)[:300]


def _offset(expression: str, line: int, column: int) -> int:
    lines = expression.split("\n")
    if not 1 <= line <= len(lines):
        return 0
    return min(sum(len(each) + 1 for each in lines[: line - 1]) + max(column - 1, 0), len(expression))


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)
