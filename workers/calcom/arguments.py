"""The check of a tool's arguments before anything is sent. Pure; it knows no HTTP.

Cal.com drops an unknown field without a word, answers 400 to a number in quotes, and fails half-way through a
few calls. What it would take wrongly is refused here, with the parameter's name and what is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from workers.calcom.tool import Param, Place, Tool
from workers.errors import BadArguments

KINDS = {"string": "a text", "boolean": "true or false", "object": "an object"}


def check(tool: Tool, arguments: Mapping[str, Any], org_id: int | None = None) -> dict[str, Any]:
    """The arguments as they are sent, in the tool's order.

    `org_id` (the connection's) stands in for an `orgId` that is left out. A single value for a list is one
    item; a whole number may be written 5.0. Raises BadArguments; its message never holds a value.
    """
    if not isinstance(arguments, Mapping):
        raise BadArguments("The arguments must be an object: parameter names and their values.")
    given: dict[Any, Any] = dict(arguments)
    if org_id is not None:
        given.setdefault("orgId", org_id)
    _refuse_unknown(tool, given)
    if missing := [param.name for param in tool.params if param.required and param.name not in given]:
        raise BadArguments(f"{', '.join(missing)}: missing; {tool.name} cannot do without.")
    checked = {param.name: _value(param, given[param.name]) for param in tool.params if param.name in given}
    for rule in tool.rules:
        rule(checked)
    return checked


def unknown(tool: Tool, name: object) -> BadArguments:
    """The error for a name the tool does not have: it tells the nearest right one."""
    names = {param.name.casefold(): param.name for param in tool.params}
    folded = str(name).replace("_", "").replace("-", "").casefold()
    near = get_close_matches(folded, names, n=1, cutoff=0.5)
    hint = f"did you mean {names[near[0]]}? " if near else ""
    return BadArguments(f"{str(name)[:60]!r}: no such parameter; {hint}{tool.name} has {', '.join(names.values())}.")


def _refuse_unknown(tool: Tool, given: Mapping[Any, Any]) -> None:
    for name in given:
        if not isinstance(name, str) or tool.param(name) is None:
            raise unknown(tool, name)


def _value(param: Param, value: Any) -> Any:
    if not param.many:
        return _item(param, value)
    items = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    if param.item == "any":  # serviceAccountKey: a list in Cal.com's document, one object for its API
        if len(items) != 1:
            raise _wrong(param, "must be one object")
        return _item(param, items[0])
    if not items and param.place is Place.QUERY:
        raise _wrong(param, "must have at least one item; leave it out for no filter")
    return [_item(param, item) for item in items]


def _item(param: Param, value: Any) -> Any:
    if value is None:
        if param.nullable:
            return None
        raise _wrong(param, "may not be null; leave it out to leave it as it is")
    if not isinstance(value, param.accepts):
        value = _typed(param, value)
    if param.enum and value not in param.enum:
        raise _wrong(param, _choice(param, value))
    if isinstance(value, str) and len(value) < param.min_length:
        raise _wrong(param, "may not be empty")
    if param.form is not None:
        try:
            value = param.form(value)
        except ValueError as error:
            raise _wrong(param, str(error)) from None
    return _sendable(param, value)


def _typed(param: Param, value: Any) -> Any:
    """The value if it has the parameter's JSON type. Nothing is converted but 5.0 to 5."""
    match param.item:
        case "string" if isinstance(value, str):
            return str(value)
        case "boolean" if isinstance(value, bool):
            return value
        case "object" if isinstance(value, Mapping):
            return dict(value)
        case "any":
            return value
        case "number" if isinstance(value, int | float) and not isinstance(value, bool):
            return _whole(param, value)
    wanted = _range(param) if param.item == "number" else KINDS[param.item]
    if param.many:
        raise _wrong(param, f"must be a list, each item {wanted}, not {kind_of(value)}")
    raise _wrong(param, f"must be {wanted}, not {kind_of(value)}")


def _whole(param: Param, value: float) -> int:
    low = value if param.minimum is None else param.minimum
    high = value if param.maximum is None else param.maximum
    if (isinstance(value, float) and not value.is_integer()) or not low <= value <= high:
        raise _wrong(param, f"must be {_range(param)}")
    return int(value)


def _range(param: Param) -> str:
    if param.minimum is None:
        return "a whole number"
    if param.maximum is None:
        return f"a whole number, at least {param.minimum}"
    return f"a whole number from {param.minimum} to {param.maximum}"


def _choice(param: Param, value: Any) -> str:
    allowed = ", ".join(str(choice) for choice in param.enum)
    names = {str(choice).casefold(): str(choice) for choice in param.enum}
    near = get_close_matches(str(value).casefold(), names, n=1, cutoff=0.5)
    hint = f"{names[near[0]]} is the nearest of " if near and param.item == "string" else ""
    return f"must be one of its values: {hint}{allowed}"


def _sendable(param: Param, value: Any) -> Any:
    """The value, if it can be written as JSON in UTF-8 and stored as text."""
    if isinstance(value, str) and "\x00" in value:
        raise _wrong(param, "may not hold a NUL character")
    if type(value) is int or type(value) is bool:
        return value
    if isinstance(value, Mapping):
        value = dict(value)
    try:
        value.encode() if type(value) is str else json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise _wrong(param, "must be plain JSON in UTF-8") from None
    return value


def kind_of(value: object) -> str:
    """What a value is, in words for errors."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list | tuple | set | frozenset) else f"a {type(value).__name__}"


def _wrong(param: Param, allowed: str) -> BadArguments:
    return BadArguments(f"{param.name}: {allowed}.")
