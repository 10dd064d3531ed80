"""What the names in expressions stand for during one decision or one step. Made lazily: many rules share it.

A payload comes from outside and can be anything, so what of it expressions may see is bounded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from cel_expr_python import cel
from google.protobuf.message import Message

from workers.rules import guard, needs
from workers.rules.results import Unresolved
from workers.rules.scope import Stage, plain_stage
from workers.rules.shapes import Unfit

#: what of an event's values expressions can see: so many, of so many characters together, nested so deep.
#: Protobuf reads no more than 100 levels, of which each of JSON's takes three.
_MOST_VALUES = 10_000
_MOST_TEXT = 1_000_000
_DEEPEST = 30

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Bindings:
    """An event, the outputs of steps, and the time it is.

    Of the event only those fields become a message that an expression asked for, and its payload only for expressions
    that name it: a hostile one is no matter to the others.
    """

    __slots__ = ("_activations", "_event", "_failed", "_fields", "_heaviest", "_messages", "_now", "_outputs")

    def __init__(
        self,
        event: Mapping[str, Any],
        outputs: Mapping[str, Mapping[str, Any]],
        now: datetime,
        fields: frozenset[str],
    ) -> None:
        self._event, self._outputs, self._now = event, outputs, now
        self._fields = fields
        self._messages: dict[bool, Message] = {}
        self._activations: dict[tuple[Stage, bool], cel.Activation] = {}
        self._failed: dict[bool, str] = {}
        self._heaviest: dict[tuple[Stage, frozenset[str], bool], int] = {}

    def said(self, field: str) -> Any:
        """What the event says in one of `needs.FIELDS`."""
        return needs.said(self._event, field)

    def activation(self, stage: Stage, fields: frozenset[str], payload: bool) -> cel.Activation:
        """The variables on a stage, of the event at least these fields, and its payload if asked. Raises Unresolved."""
        if not fields <= self._fields:
            self._fields |= fields
            self._messages.clear()
            self._activations.clear()
        found = self._activations.get((stage, payload))
        if found is None:
            outputs = {
                name: stage.outputs(name, {step: _seen(self._outputs[name], name, step) for step in steps})
                for name, steps in stage.steps(self._outputs).items()
            }
            found = stage.activation(self._message(payload), self._now, outputs)
            self._activations[stage, payload] = found
        return found

    def heaviest(self, stage: Stage, fields: frozenset[str], payload: bool) -> int:
        """The most that a mention of what an expression sees copies, in characters."""
        seen = (stage, fields, payload)
        if seen not in self._heaviest:
            values = [self._event.get(name) for name in (*fields, *(["payload"] if payload else []))]
            values += [
                self._outputs[name][step] for name, steps in stage.steps(self._outputs).items() for step in steps
            ]
            self._heaviest[seen] = guard.heaviest(values)
        return self._heaviest[seen]

    def _message(self, payload: bool) -> Message:
        if payload in self._failed:
            raise Unresolved(self._failed[payload])
        if payload not in self._messages:
            try:
                self._messages[payload] = _message(self._event, self._fields, payload)
            except Unresolved as error:
                self._failed[payload] = error.reason
                raise
        return self._messages[payload]


def bind(
    event: Mapping[str, Any],
    run: Mapping[str, Any] = _NOTHING,
    undo: Mapping[str, Any] = _NOTHING,
    *,
    now: datetime,
    fields: frozenset[str] = frozenset(),
) -> Bindings:
    """Bindings of an event as history shows it, with the outputs of steps by their ids. `now` is aware.

    `fields`: those of the event, but for its payload, that will be asked for, as far as that is known. To save time.
    """
    return Bindings(event, {"run": run, "undo": undo}, now, fields)


def _message(event: Mapping[str, Any], fields: frozenset[str], payload: bool) -> Message:
    seen = {name: event.get(name) for name in fields}
    if payload:
        seen["payload"] = _Visible("the event").value(event.get("payload") or {}, 0)
    try:
        return _built(seen)
    except Unfit as error:
        raise Unresolved(f"the event is not of the shape that events have: {error}") from error


def _seen(outputs: Mapping[str, Any], name: str, step: str) -> Any:
    return _Visible(f"{name}.{step}").value(outputs[step], 0)


def _built(event: Mapping[str, Any]) -> Message:
    try:
        return plain_stage().event(event)
    except UnicodeEncodeError:
        return plain_stage().event(_Visible("the event").value(event, 0))


class _Visible:
    """Copies JSON as far as expressions may see it: counts, and mends text that is no Unicode."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._values, self._text = _MOST_VALUES, _MOST_TEXT

    def value(self, value: Any, depth: int) -> Any:
        self._values -= 1
        if self._values < 0:
            raise Unresolved(f"{self._what} has more than {_MOST_VALUES:,} values, too many for expressions")
        if depth > _DEEPEST:
            raise Unresolved(f"{self._what} is nested more than {_DEEPEST} levels deep, too deep for expressions")
        if isinstance(value, str):
            return self._clean(value)
        if isinstance(value, dict):
            return {self._clean(str(key)): self.value(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, depth + 1) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
            return self._float(value)
        return value

    def _clean(self, text: str) -> str:
        self._text -= len(text)
        if self._text < 0:
            raise Unresolved(f"{self._what} has more than {_MOST_TEXT:,} characters, too many for expressions")
        return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")

    def _float(self, value: int) -> float:
        try:
            return float(value)
        except OverflowError as error:
            raise Unresolved(f"{self._what} has a number of over 300 digits, too large for expressions") from error
