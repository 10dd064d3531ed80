"""Expressions, compiled: CEL, and JSON whose text has `${{ … }}` in it.

A text that is one expression keeps the type of what it gives; within other text it is put in as text, null as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from cel_expr_python import cel

from workers.rules import allowance, guard
from workers.rules.bindings import Bindings, bind
from workers.rules.functions import LONGEST_TEXT
from workers.rules.kinds import UNKNOWN
from workers.rules.needs import Needs, met, needs
from workers.rules.problems import Mistake, mistakes, silent
from workers.rules.results import Unresolved, plain, reason, written
from workers.rules.scope import Scope, Stage, scope
from workers.rules.shapes import EVENT
from workers.rules.syntax import Inner, Unclosed, pieces

__all__ = ["Bindings", "Broken", "Expression", "Template", "Unresolved", "bind", "condition", "template"]

#: characters of one expression
LONGEST = 4_000
#: expressions in one text, and the texts between them
_MOST_PARTS = 200
#: of a text that is made of expressions and text
_TOO_LONG = f"it makes a text longer than {LONGEST_TEXT:,} characters"

#: a text's parts; it is one expression alone if there is no other part
_Text: TypeAlias = "tuple[str | Expression, ...]"
Path: TypeAlias = tuple[str | int, ...]

_MENTION = re.compile(r"\bevent\b(?:\s*\.\s*(\w+))?")
ALL_FIELDS = frozenset(EVENT["properties"])
_BOOL, _ERROR = cel.Type.BOOL, cel.Type.ERROR
_FAILURES = (RuntimeError, TypeError, ValueError, SystemError, MemoryError, OverflowError)


class Broken(Exception):
    """A text is no expression, or one that cannot be meant; says all that is wrong with it."""

    def __init__(self, found: list[Mistake]) -> None:
        super().__init__("; ".join(mistake.message for mistake in found))
        self.mistakes = found


@dataclass(frozen=True, slots=True)
class Expression:
    """A CEL expression, checked and compiled for one scope."""

    text: str
    #: CEL's name for the type of what it gives; `DYN` where only the event can tell
    type: str
    _stage: Stage = field(repr=False, compare=False)
    _program: cel.Expression = field(repr=False, compare=False)
    #: the event's fields that it names, all of them if it names the event as a whole, but for its payload
    fields: frozenset[str] = field(repr=False, compare=False)
    payload: bool = field(repr=False, compare=False)
    #: it has loops
    loops: bool = field(repr=False, compare=False)
    #: of a condition: what the event must say for it to be true
    needs: Needs = field(default_factory=dict, repr=False, compare=False)

    def evaluate(self, bindings: Bindings, depth: int = 0) -> Any:
        """What it gives, as JSON; `depth` is how deep in other JSON that will be. Raises nothing but Unresolved."""
        activation = bindings.activation(self._stage, self.fields, self.payload)
        try:
            allowance.ask()
            if self.loops:
                guard.begin(bindings.heaviest(self._stage, self.fields, self.payload))
            value = self._program.eval(activation)
            kind = value.type()
            if kind == _BOOL:
                return value.value()
            if kind == _ERROR:
                raise Unresolved(reason(str(value.value())))
            return plain(value.plain_value(), depth)
        except _FAILURES as error:
            raise Unresolved(_failure(error)) from error

    def holds(self, bindings: Bindings) -> bool:
        """Whether it is true. Raises Unresolved, also where it gives something else than true or false.

        What the event alone makes false is not evaluated, and so is false whatever a payload or a loop would make of
        the rest.
        """
        if self.needs and not met(self.needs, bindings.said):
            return False
        value = self.evaluate(bindings)
        if value is not True and value is not False:
            raise Unresolved("it gives neither true nor false")
        return bool(value)

    def is_false(self, bindings: Bindings) -> bool:
        """Whether it is false for certain: not where it has no value."""
        try:
            return self.evaluate(bindings) is False
        except Unresolved:
            return False

    def with_needs(self) -> Expression:
        """The same as a condition, which asks the event first what it needs."""
        return replace(self, needs=needs(self._program))


@dataclass(frozen=True, slots=True)
class Template:
    """JSON in which texts may hold expressions."""

    _root: Any
    #: whether null put into text is a failure, not nothing
    _strict: bool = False

    def evaluate(self, bindings: Bindings) -> Any:
        """JSON with every expression evaluated. Raises nothing but Unresolved."""
        return self.filled(lambda part, depth: _given(part, bindings, depth))

    def preview(self, bindings: Bindings) -> tuple[Any, list[str]]:
        """As `evaluate`, but an expression without a value stays as it is written; and the reasons why, if any."""
        failed: list[str] = []

        def give(part: Expression, depth: int) -> Any:
            try:
                return _given(part, bindings, depth)
            except Unresolved as error:
                failed.append(error.reason)
                return f"${{{{ {part.text} }}}}"

        return self.filled(give), failed

    def filled(self, give: Callable[[Expression, int], Any]) -> Any:
        """JSON with what `give` gives for each expression, which it is told with how deep in the JSON that is.

        Where it gives `UNKNOWN` for a part of a text, all of the text is `UNKNOWN`.
        """
        return self._value(self._root, give, 0)

    def known(self) -> Any:
        """The JSON as far as it is known before any event: `UNKNOWN` in place of texts with expressions."""
        return _known(self._root)

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """All expressions in it."""
        return tuple(_expressions(self._root))

    def _value(self, node: Any, give: Callable[[Expression, int], Any], depth: int) -> Any:
        if isinstance(node, tuple):
            return self._text(node, give, depth)
        if isinstance(node, dict):
            return {key: self._value(inner, give, depth + 1) for key, inner in node.items()}
        if isinstance(node, list):
            return [self._value(inner, give, depth + 1) for inner in node]
        return node

    def _text(self, parts: _Text, give: Callable[[Expression, int], Any], depth: int) -> Any:
        if len(parts) == 1:
            return parts[0] if isinstance(parts[0], str) else give(parts[0], depth)
        made, length = [], 0
        for part in parts:
            value = part if isinstance(part, str) else give(part, depth)
            if value is UNKNOWN:
                return UNKNOWN
            if value is None and self._strict:
                raise Unresolved(f"{_shown(part)} is null")
            made.append(written(value))
            length += len(made[-1])
            if length > LONGEST_TEXT:
                raise Unresolved(_TOO_LONG)
        return "".join(made)


def _given(part: Expression, bindings: Bindings, depth: int) -> Any:
    try:
        return part.evaluate(bindings, depth)
    except Unresolved as error:
        raise Unresolved(f"{_shown(part)}: {error.reason}") from error


def expression(text: str, scope: Scope) -> Expression:
    """An expression, checked and compiled. Raises Broken."""
    if len(text) > LONGEST:
        raise Broken([Mistake(0, f"the expression has {len(text):,} characters; {LONGEST:,} is the most")])
    if not text.strip():
        raise Broken([Mistake(0, "there is no expression")])
    if guard.sums(text) > guard.MOST_SUMS:
        raise Broken(
            [Mistake(0, f"the expression has over {guard.MOST_SUMS} times +; make it a text with ${{{{ }}}} in it")]
        )
    if found := silent(text, scope):
        raise Broken(found)
    try:
        kind = scope.check(text)
        program = scope.stage.environment.compile(guard.guarded(text), disable_check=True)
    except (RuntimeError, ValueError) as error:
        raise Broken(mistakes(str(error), text, scope)) from error
    if kind.startswith("optional_type"):
        raise Broken([Mistake(0, "it gives a value that may not be there; end it with .orValue(…)")])
    if kind == "BYTES" or kind.startswith("TYPE"):
        raise Broken([Mistake(0, f"it gives {kind.lower()}, which is no JSON; make it a text with string(…)")])
    named = _fields(text)
    return Expression(
        text.strip(), kind, scope.stage, program, named - {"payload"}, "payload" in named, guard.loops(text)
    )


def _fields(text: str) -> frozenset[str]:
    """At least those that an expression names: `event` in a literal or below another name does no harm."""
    named = _MENTION.findall(text)
    return ALL_FIELDS if "" in named else frozenset(named) & ALL_FIELDS


def condition(text: str, scope: Scope) -> Expression:
    """An expression that is true or false; it may stand in `${{ … }}`. Raises Broken, `allowance.Spent`."""
    allowance.ask()
    offset = 0
    try:
        parts = pieces(text.rstrip())
    except Unclosed as error:
        raise Broken([Mistake(error.offset, str(error))]) from error
    if any(isinstance(part, Inner) for part in parts):
        parts = [part for part in parts if isinstance(part, Inner) or part.strip()]
        if len(parts) != 1 or not isinstance(parts[0], Inner):
            raise Broken([Mistake(0, "a condition is one expression; write it without ${{ }}")])
        text, offset = parts[0].text, parts[0].offset
    try:
        made = expression(text, scope)
    except Broken as error:
        raise Broken([Mistake(each.offset + offset, each.message) for each in error.mistakes]) from error
    if made.type not in ("BOOL", "DYN"):
        begin = offset + len(text) - len(text.lstrip())
        raise Broken([Mistake(begin, f"a condition must be true or false; this is {_type(made.type)}")])
    return made.with_needs()


def any_of(conditions: Sequence[Expression]) -> Expression | None:
    """Several conditions as one that is false where each of them is; None where they are too much for one expression.

    To evaluate it costs a tenth of evaluating each, nearly all of which is the way into CEL and out of it.
    """
    try:
        # Whatever a comment at the end of one swallows, it is no parenthesis.
        return expression(" || ".join(f"({one.text}\n)" for one in conditions), scope())
    except Broken:
        return None


def template(
    value: Any, scope: Scope, *, strict: bool = False, spans: bool = False
) -> tuple[Template, list[tuple[Path, Mistake]]]:
    """JSON whose texts may hold expressions, compiled; and what is wrong, each with where in the JSON it is.

    `strict`: null put into text is a failure. `spans`: the whole value may be an expression that gives a duration.
    Raises `allowance.Spent`.
    """
    wrong: list[tuple[Path, Mistake]] = []
    return Template(_compiled(value, scope, (), wrong, spans), strict), wrong


def _compiled(value: Any, scope: Scope, path: Path, wrong: list[tuple[Path, Mistake]], spans: bool) -> Any:
    if isinstance(value, Mapping):
        return {key: _compiled(inner, scope, (*path, key), wrong, False) for key, inner in value.items()}
    if isinstance(value, list):
        return [_compiled(inner, scope, (*path, index), wrong, False) for index, inner in enumerate(value)]
    if not isinstance(value, str):
        return value
    try:
        parts = pieces(value)
    except Unclosed as error:
        wrong.append((path, Mistake(error.offset, str(error))))
        return ()
    if len(parts) > _MOST_PARTS:
        wrong.append(
            (path, Mistake(0, "the text has too many expressions; make one expression of them, or several texts"))
        )
        return ()
    made: list[str | Expression] = []
    for part in parts:
        try:
            made.append(part if isinstance(part, str) else _inner(part, scope, spans and len(parts) == 1))
        except Broken as error:
            wrong += [(path, mistake) for mistake in error.mistakes]
    if any(isinstance(part, Inner) for part in parts):
        return tuple(made)
    return "".join(part for part in made if isinstance(part, str))


def _inner(part: Inner, scope: Scope, spans: bool) -> Expression:
    allowance.ask()
    begin = part.offset + len(part.text) - len(part.text.lstrip())
    try:
        made = expression(part.text, scope)
    except Broken as error:
        found = [Mistake(max(each.offset + part.offset, begin), each.message) for each in error.mistakes]
        raise Broken(found) from error
    if made.type == "DURATION" and not spans:
        raise Broken([Mistake(begin, "a duration cannot stand here; make it a text with string(…)")])
    if spans and made.type not in _MOMENTS:
        raise Broken([Mistake(begin, f"a duration or an instant belongs here; this is {_type(made.type)}")])
    return made


_MOMENTS = ("DURATION", "TIMESTAMP", "STRING", "DYN")


def _expressions(node: Any) -> list[Expression]:
    if isinstance(node, Expression):
        return [node]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list | tuple) else ()
    return [found for each in inner for found in _expressions(each)]


def _known(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _known(inner) for key, inner in node.items()}
    if isinstance(node, list):
        return [_known(inner) for inner in node]
    return UNKNOWN if isinstance(node, tuple) else node


def _failure(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "it needs too much memory"
    if isinstance(error, TypeError | SystemError):
        return "it gives a value that may not be there; end it with .orValue(…)"
    said = str(error)
    return "it takes too many steps" if "budget" in said else reason(said)


def _shown(part: str | Expression) -> str:
    return part if isinstance(part, str) else part.text if len(part.text) <= 100 else f"{part.text[:99]}…"


def _type(kind: str) -> str:
    return "an object" if kind.startswith("daybook.") else kind.lower()
