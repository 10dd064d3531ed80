"""Check a JSON body as class-validator does: all errors at once, nothing coerced, unknown fields dropped. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.sandbox.envelopes import invalid


@dataclass(frozen=True, slots=True)
class Rule:
    """One decorator of class-validator: its name, its message (`$p` is the property), and when it holds."""

    constraint: str
    message: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Field:
    """One property: its rules, whether it must be there, and the shape of each item if it is a list of objects.

    An optional property that is null counts as absent, except where `nullable`.
    """

    rules: tuple[Rule, ...]
    required: bool = False
    nullable: bool = False
    each: Mapping[str, Field] | None = None


Shape = Mapping[str, Field]


@dataclass(slots=True)
class _Outcome:
    values: dict[str, Any] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)


def checked(target: object, shape: Shape) -> dict[str, Any]:
    """The known properties of `target`. Raises the 400 of all that is wrong with them."""
    outcome = _check(target, shape)
    if outcome.errors:
        raise invalid(outcome.errors)
    return outcome.values


def _check(target: object, shape: Shape) -> _Outcome:
    given: Mapping[str, Any] = target if isinstance(target, dict) else {}
    outcome = _Outcome()
    for name, wanted in shape.items():
        value = _as_javascript(given.get(name))
        if value is None and not wanted.required:
            if wanted.nullable and name in given:
                outcome.values[name] = None
            continue
        broken = {rule.constraint: rule.message.replace("$p", name) for rule in wanted.rules if not rule.holds(value)}
        children: list[dict[str, Any]] = []
        if not broken and wanted.each is not None:
            value, children = _check_items(value, wanted.each)
        if broken or children:
            outcome.errors.append(_error(target, name, value, broken, children))
        else:
            outcome.values[name] = value
    return outcome


def _check_items(items: list[Any], shape: Shape) -> tuple[list[Any], list[dict[str, Any]]]:
    outcomes = [_check(item, shape) for item in items]
    children = [
        _error(items, str(place), items[place], {}, outcome.errors)
        for place, outcome in enumerate(outcomes)
        if outcome.errors
    ]
    return (items, children) if children else ([outcome.values for outcome in outcomes], [])


def _error(
    target: object, name: str, value: object, broken: dict[str, str], children: list[dict[str, Any]]
) -> dict[str, Any]:
    error = {"target": target, "value": value, "property": name, "children": children}
    return {**error, "constraints": broken} if broken else error


def _as_javascript(value: Any) -> Any:
    """JavaScript has one kind of number: `5.0` is 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
