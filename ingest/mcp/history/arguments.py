"""The check of a tool's arguments by its input schema. Pure; every message names the parameter and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from workers.calcom.arguments import kind_of
from workers.errors import BadArguments

_TYPES = {
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "array": "a list",
    "object": "an object",
}
#: levels of lists and objects in a value
_DEEPEST = 64


def check(tool: str, schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, 5.0 as 5. Raises BadArguments; its message holds no value."""
    _refuse_unknown(tool, schema, arguments)
    missing = [name for name in schema["required"] if name not in arguments]
    if missing:
        raise BadArguments(f"{', '.join(missing)}: missing; {tool} cannot do without.")
    for name, value in arguments.items():
        _refuse_unspeakable(name, value)
    error = next(iter(sorted(Draft202012Validator(dict(schema)).iter_errors(dict(arguments)), key=_place)), None)
    if error is not None:
        raise _wrong(error)
    return {name: int(value) if isinstance(value, float) else value for name, value in arguments.items()}


def _refuse_unknown(tool: str, schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    names = list(schema["properties"])
    for name in arguments:
        if name not in names:
            near = get_close_matches(str(name)[:60].lower(), names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}? " if near else ""
            raise BadArguments(f"{str(name)[:60]!r}: no such parameter; {hint}{tool} has {', '.join(names)}.")


def _refuse_unspeakable(name: str, value: object, depth: int = 0) -> None:
    """What no JSON in UTF-8 can say, and no database can keep."""
    if depth > _DEEPEST:
        raise BadArguments(f"{name}: is nested too deeply; {_DEEPEST} levels are the most.")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadArguments(f"{name}: must be plain text in UTF-8.") from None
        if "\0" in value:
            raise BadArguments(f"{name}: may not hold a NUL character.")
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadArguments(f"{name}: must be a number that JSON can say.")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            _refuse_unspeakable(name, key, depth + 1)
            _refuse_unspeakable(name, inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_unspeakable(name, inner, depth + 1)


def _place(error: ValidationError) -> tuple[list[str], str]:
    return [str(part) for part in error.absolute_path], str(error.validator)


def _wrong(error: ValidationError) -> BadArguments:
    path: Sequence[Any] = list(error.absolute_path)
    name = "".join(f"[{part}]" if isinstance(part, int) else str(part) for part in path[:2])
    return BadArguments(f"{name or 'arguments'}: {_allowed(error)}.")


def _allowed(error: ValidationError) -> str:
    schema: Any = error.schema
    limit: Any = error.validator_value
    match error.validator:
        case "type":
            return f"must be {_TYPES.get(str(limit), limit)}, not {kind_of(error.instance)}"
        case "enum":
            near = get_close_matches(
                str(error.instance)[:60].casefold(), {str(each).casefold(): each for each in limit}
            )
            named = next((str(each) for each in limit if near and str(each).casefold() == near[0]), None)
            hint = f"{named} is the nearest of " if named else ""
            return f"must be one of its values: {hint}{', '.join(map(str, limit))}"
        case "minimum" | "maximum":
            return f"must be a whole number from {schema['minimum']} to {schema['maximum']}"
        case "minLength":
            return "may not be empty; leave it out, or give it a value"
        case "maxLength":
            return f"may have at most {limit:,} characters"
        case "minItems":
            return "must have at least one item; leave it out for no filter"
        case "maxItems" | "maxProperties":
            return f"may have at most {limit} items"
        case _:
            return "does not fit its schema"
